"""Payloads of statements decoded into records: both forms of lists, and rows that no record can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import OffsetDateTime

from persistdb.engines import resolve
from persistdb.errors import NO_ROOTFS, Unreadable
from persistdb.records import Container, ContainerState, ContainerSummary, Mount, Origin, Process, Sandbox, SandboxState
from persistdb.store import record_rows, rows
from persistdb.store.payloads import decoders
from persistdb.store.stored import StoredContainer, StoredSandbox
from tests.runtimes.kata.strategies import RECORDS

from .samples import SANDBOX, container
from .stored import BEFORE, HOST, NOW, at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from persistdb.store.payloads import Decoders

# the form of each engine's payloads: whether lists are numbered, and whether there are booleans
FORMS = {"sqlite": (False, False), "postgresql": (False, True), "mariadb": (True, False)}
DECODERS = {engine: decoders(resolve(f"{engine}://u@h/d")[0]) for engine in FORMS}
ORIGIN = Origin(layout="2.2", extra='{"New": [1]}', document="{ }")
WEB = container("web")


class Form:
    """The payloads that an engine makes of rows."""

    def __init__(self, engine: str) -> None:
        self.decode: Decoders = DECODERS[engine]
        self._numbered, self._booleans = FORMS[engine]

    def _list(self, values: Sequence[object]) -> object:
        if not self._numbered:
            return list(values)
        # an empty list is NULL, and the entries come in any order
        return {str(i): value for i, value in reversed(list(enumerate(values)))} or None

    def _flag(self, value: bool) -> object:
        return value if self._booleans else int(value)

    def _mount(self, row: rows.MountRow) -> dict[str, object]:
        return {
            "Source": row.source,
            "Destination": row.destination,
            "Type": row.type,
            "Options": None if row.options is None else msgspec.json.decode(row.options),
            "HostPath": row.host_path,
            "BlockDeviceID": row.block_device_id,
            "ReadOnly": self._flag(row.read_only),
            "Mounted": self._flag(row.mounted),
        }

    def _device_map(self, row: rows.DeviceMapRow) -> dict[str, object]:
        return {
            "ID": row.device_id,
            "ContainerPath": row.container_path,
            "FileMode": row.file_mode,
            "UID": row.uid,
            "GID": row.gid,
            "Shared": self._flag(row.shared),
        }

    def _process(self, row: rows.ProcessRow) -> dict[str, object]:
        start = None
        if row.start_time is not None:
            start = f"{row.start_time.replace(' ', 'T')}Z {row.start_time_ns} {row.start_time_offset}"
        return {"Token": row.token or "", "Pid": row.pid, "StartTime": start}

    def record(self, record: ContainerState) -> dict[str, object]:
        """Return the payload of a record."""
        of_mounts, of_devices, of_processes = record_rows.children(11, 1, record)
        mounts = [self._mount(row) for row in of_mounts]
        rootfs = {} if self._numbered else {"Rootfs": mounts.pop(0)}
        return {
            "State": record.state,
            "CgroupPath": record.cgroup_path,
            "BundlePath": record.bundle_path,
            **rootfs,
            "Mounts": self._list(mounts),
            "DeviceMaps": self._list([self._device_map(row) for row in of_devices]),
            "Process": self._list([self._process(row) for row in of_processes]),
        }

    def container(self, cid: str, record: ContainerState, revision: int = 4) -> dict[str, Any]:
        """Return the payload of a container."""
        return {
            "id": 11,
            "sandbox_id": 1,
            "host": HOST,
            "sid": "pod-1",
            "cid": cid,
            "record": self.record(record),
            "revision": revision,
            "origin": {"layout": ORIGIN.layout, "extra": ORIGIN.extra, "document": ORIGIN.document},
            "created_at": f"{BEFORE.replace(' ', 'T')}Z",
            "updated_at": f"{NOW.replace(' ', 'T')}Z",
        }

    def sandbox(self, record: SandboxState, containers: Sequence[object]) -> dict[str, Any]:
        """Return the payload of a sandbox with its containers."""
        return {
            "id": 1,
            "host": HOST,
            "record": msgspec.structs.asdict(record),
            "own_revision": -3,
            "created_at": f"{BEFORE.replace(' ', 'T')}Z",
            "updated_at": f"{NOW.replace(' ', 'T')}Z",
            "containers": self._list(containers),
        }


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Form:
    """Return the form of each engine in turn."""
    return Form(request.param)


def text(payload: object) -> str:
    """Return a payload as text."""
    return msgspec.json.encode(payload).decode()


def expected(kind: type[Container], cid: str, record: ContainerState, revision: int = 4, **ids: int) -> Container:
    """Return the container that a payload stands for."""
    return kind(
        **ids,
        host=HOST,
        sid="pod-1",
        cid=cid,
        record=record,
        revision=revision,
        origin=ORIGIN,
        created_at=at(BEFORE),
        updated_at=at(NOW),
    )


# --- records


@given(record=RECORDS, engine=st.sampled_from(sorted(FORMS)))
def test_any_container(record: ContainerState, engine: str) -> None:
    """In each engine's form, a record's rows decode to an equal record, with or without the IDs of its rows."""
    form = Form(engine)
    payload = text(form.container("web", record))
    assert form.decode.container(payload) == expected(Container, "web", record)
    stored = form.decode.stored_container(payload)
    assert stored == expected(StoredContainer, "web", record, id=11, sandbox_id=1)
    assert type(stored) is StoredContainer


def test_lists_of_more_than_ten(form: Form) -> None:
    """Positions are compared as numbers: 10 follows 9."""
    record = ContainerState(
        mounts=[Mount(source=str(i)) for i in range(25)], processes=[Process(pid=i) for i in range(12)]
    )
    assert form.decode.container(text(form.container("web", record))).record == record


def test_a_sandbox(form: Form) -> None:
    """A sandbox has its containers by cid, and its revision is the sum of its own number and theirs."""
    records = {"a": container("a"), "b": ContainerState(), "web": WEB}
    containers = [form.container(cid, record, i + 2) for i, (cid, record) in enumerate(records.items())]
    payload = text(form.sandbox(SANDBOX, containers))
    assert form.decode.sandbox(payload) == Sandbox(
        host=HOST,
        record=SANDBOX,
        containers={cid: expected(Container, cid, record, i + 2) for i, (cid, record) in enumerate(records.items())},
        revision=-3 + 2 + 3 + 4,
        created_at=at(BEFORE),
        updated_at=at(NOW),
    )
    stored = form.decode.stored_sandbox(payload)
    assert stored == StoredSandbox(
        id=1,
        record=SANDBOX,
        own_revision=-3,
        created_at=at(BEFORE),
        updated_at=at(NOW),
        containers=[
            expected(StoredContainer, cid, record, i + 2, id=11, sandbox_id=1)  # type: ignore[misc]  # of this kind
            for i, (cid, record) in enumerate(records.items())
        ],
    )
    assert stored.revision == 6


def test_containers_are_in_the_order_of_their_ids() -> None:
    """Numbered containers are sorted by cid, as arrays are."""
    form = Form("mariadb")
    order = ["a", "b", "c", "\uffff", "\U0001f9ed"]
    payload = text(form.sandbox(SANDBOX, [form.container(cid, WEB) for cid in order[1::2] + order[::2]]))
    assert list(form.decode.sandbox(payload).containers) == order
    assert [one.cid for one in form.decode.stored_sandbox(payload).containers] == order


def test_an_empty_sandbox(form: Form) -> None:
    """A sandbox without containers has the revision of its own row."""
    record = SandboxState(sid="pod-1")
    payload = text(form.sandbox(record, []))
    one = form.decode.sandbox(payload)
    assert (one.record, one.containers, one.revision) == (record, {}, -3)
    assert form.decode.stored_sandbox(payload).containers == []


def test_a_summary(form: Form) -> None:
    """A summary decodes in both forms."""
    values: dict[str, Any] = {"host": HOST, "sid": "pod-1", "cid": "web", "state": "running", "mounts": 3, "devices": 2}
    values |= {"bundle_path": "/b", "cgroup_path": "/c", "revision": 7, "runtime": "runc", "namespace": "k8s.io"}
    values |= {"pod": "default/web-1", "container_name": "nginx", "image": "nginx:1.27"}
    for pid in (None, -1, 1 << 40):
        times = {name: f"{time.replace(' ', 'T')}Z" for name, time in (("created_at", BEFORE), ("updated_at", NOW))}
        payload = text({**values, "pid": pid, **times})
        summary = ContainerSummary(**values, pid=pid, created_at=at(BEFORE), updated_at=at(NOW))
        assert form.decode.summary(payload) == summary


@pytest.mark.parametrize(
    ("written", "start"),
    [
        ("2019-04-20T07:42:25.123456Z 789 -420", "2019-04-20T00:42:25.123456789-07:00"),
        ("2019-04-20 07:42:25.123456Z 789 -420", "2019-04-20T00:42:25.123456789-07:00"),
        ("2019-04-20T07:42:25.123456Z 7 345", "2019-04-20T13:27:25.123456007+05:45"),
        ("2019-04-20T07:42:25.000000Z 0 0", "2019-04-20T07:42:25Z"),
        ("0001-01-01T00:00:00.000001Z 0 0", "0001-01-01T00:00:00.000001Z"),
        ("9999-12-31T23:59:59.999999Z 999 -1439", "9999-12-31T00:00:59.999999999-23:59"),
    ],
)
def test_a_start_time(form: Form, written: str, start: str) -> None:
    """A start time is rebuilt from UTC, the last three digits of the nanoseconds, and the offset."""
    payload = form.container("web", ContainerState(processes=[Process()]))
    processes = payload["record"]["Process"]
    (processes[0] if isinstance(processes, list) else processes["0"])["StartTime"] = written
    (process,) = form.decode.container(text(payload)).record.processes
    assert process.start_time is not None
    assert process.start_time.strict_eq(OffsetDateTime.parse_iso(start))


# --- unreadable rows


def spoilt(payload: Any, path: str, value: object) -> str:
    """Return a payload with another value at a path; a list may be an array or numbered."""
    *way, last = path.split(".")
    place = payload
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[last] = value
    return text(payload)


UNREADABLE: list[tuple[str, object]] = [
    ("record.State", None),
    ("record.Mounts", None),
    ("record.Mounts.1.Source", None),
    ("record.Mounts.1.Options", [7]),
    ("record.Mounts.1.Options", {}),
    ("record.Mounts.1.Mounted", 2),
    ("record.DeviceMaps.1.UID", "x"),
    ("record.Process.0.Pid", None),
    ("record.Process.0.StartTime", "yesterday"),
    ("record.Process.0.StartTime", "2019-04-20T07:42:25.123456Z"),
    ("record.Process.0.StartTime", "2019-04-20T07:42:25.123456Z x 0"),
    ("record.Process.0.StartTime", "2019-04-20T07:42:25.123456Z 0 9999"),
    ("revision", "x"),
    ("origin.extra", 7),
    ("updated_at", "yesterday"),
    ("created_at", None),
]


@pytest.mark.parametrize(("path", "value"), UNREADABLE)
def test_an_unreadable_container(form: Form, path: str, value: object) -> None:
    """A container whose rows no record can hold is Unreadable, with its IDs."""
    for decode in (form.decode.container, form.decode.stored_container):
        with pytest.raises(Unreadable) as caught:
            decode(spoilt(form.container("web", WEB), path, value))
        assert caught.value.ref == "pod-1/web"
        assert caught.value.detail not in ("", NO_ROOTFS)


@pytest.mark.parametrize(("path", "value"), UNREADABLE)
def test_an_unreadable_container_in_its_sandbox(form: Form, path: str, value: object) -> None:
    """A sandbox with such a container is Unreadable, with the sandbox's ID."""
    payload = spoilt(form.sandbox(SANDBOX, [form.container("web", WEB)]), f"containers.0.{path}", value)
    for decode in (form.decode.sandbox, form.decode.stored_sandbox):
        with pytest.raises(Unreadable) as caught:
            decode(payload)
        assert caught.value.ref == "pod-1"


@pytest.mark.parametrize(
    ("path", "value"),
    [("record.state", None), ("record.persist_version", "x"), ("own_revision", None), ("created_at", "now")],
)
def test_an_unreadable_sandbox(form: Form, path: str, value: object) -> None:
    """A sandbox whose row no record can hold is Unreadable, with its ID."""
    with pytest.raises(Unreadable) as caught:
        form.decode.sandbox(spoilt(form.sandbox(SANDBOX, [form.container("web", WEB)]), path, value))
    assert caught.value.ref == "pod-1"


def test_an_unreadable_summary(form: Form) -> None:
    """A summary whose row no record can hold is Unreadable, with the container's IDs."""
    with pytest.raises(Unreadable) as caught:
        form.decode.summary(text({"sid": "pod-1", "cid": "web", "mounts": None}))
    assert caught.value.ref == "pod-1/web"


@pytest.mark.parametrize("mounts", [[], WEB.mounts])
def test_no_root_file_system(mounts: list[Mount]) -> None:
    """A container without a rootfs is Unreadable, with its IDs, in both forms and within its sandbox."""
    record = ContainerState(mounts=mounts)
    arrays = Form("sqlite")
    with pytest.raises(Unreadable) as caught:
        arrays.decode.container(spoilt(arrays.container("web", record), "record.Rootfs", None))
    assert (caught.value.ref, caught.value.host, caught.value.detail) == ("pod-1/web", HOST, NO_ROOTFS)
    numbers = Form("mariadb")
    payload = numbers.container("web", record)
    del payload["record"]["Mounts"]["0"]
    reads: list[tuple[Callable[[str], object], object]] = [
        (numbers.decode.container, payload),
        (numbers.decode.stored_container, payload),
        (numbers.decode.sandbox, numbers.sandbox(SANDBOX, [payload])),
        (numbers.decode.stored_sandbox, numbers.sandbox(SANDBOX, [payload])),
    ]
    for decode, written in reads:
        with pytest.raises(Unreadable) as caught:
            decode(text(written))
        assert caught.value.ref == "pod-1/web"


@pytest.mark.parametrize("payload", ['{"host": "node-1"}', "{", "[]"])
def test_a_payload_without_an_id(form: Form, payload: str) -> None:
    """A payload that has no ID, or is not even JSON, is Unreadable, too."""
    with pytest.raises(Unreadable) as caught:
        form.decode.container(payload)
    assert caught.value.ref == ""
