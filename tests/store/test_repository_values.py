"""Values at the edge of what can be stored come back equal, those beyond are refused before anything is written."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from sqlalchemy import delete, update
from whenever import OffsetDateTime, TimeDelta

from persistdb import Database
from persistdb.errors import InvalidValue, Unreadable
from persistdb.filters import Filter
from persistdb.records import ContainerState, DeviceMap, Mount, Origin, Process, SandboxState, SandboxWrite
from persistdb.schema import tables
from persistdb.store.repository import ContainerRepository

from .samples import SANDBOX, container, dump, put, records, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

COLORS = ("threads", "tasks")

replace = msgspec.structs.replace


def back(repository: ContainerRepository, record: ContainerState) -> ContainerState:
    """Store a container, through an insert and through an update, and give what is read."""
    repository.save_sandbox(sandbox("pod-1"), {"new": record, "old": ContainerState()})
    repository.save("pod-1", "old", replace(record, processes=[replace(p, token="") for p in record.processes]))
    found = records(repository, "pod-1")
    assert [replace(p, token="") for p in found["new"].processes] == found["old"].processes
    assert replace(found["old"], processes=[]) == replace(found["new"], processes=[])
    assert repository.get("pod-1", "new").record == found["new"]
    (one,) = repository.find(Filter("cid", "new"))
    assert one.record == found["new"]
    return found["new"]


# --- text


TEXTS = {
    "spaces": " two  spaces at the end  ",
    "newlines": "\n\r\n\t",
    "backslashes": r"\n \u0000 \\ \x00 \' C:\new",
    "a list with an escaped NUL": r'["\u0000"]',
    "backslash at the end": "\\",
    "quotes": """'"`''""\"\"\"'''""",
    "placeholders": "%s %(x)s ? :name $1 {x} %%",
    "sql": "'; DELETE FROM sandbox; --",
    "json": '{"a": [1, null]}\u2028\u2029',
    "control characters": "".join(map(chr, range(1, 32))) + "\x7f\x80",
    "four bytes": "𝄞🦑\U0010fffd",
    "not characters": "\ufffe\uffff\U0010ffff",
    "combining": "e\u0301 é \u00e9 \u0345",
    "byte order mark": "\ufeffx",
    "replacement": "\ufffd",
    "right to left": "\u202eabc\u202c",
}


SAVES: dict[str, Callable[[ContainerRepository, ContainerState, Origin], object]] = {
    "changed": lambda r, record, origin: r.save("pod-1", "web", record, origin=origin),
    "new": lambda r, record, origin: r.save("pod-1", "new", record, origin=origin),
    "new after a new one": lambda r, record, origin: (
        r.save("pod-1", "first", container("first")),
        r.save("pod-1", "new", record, origin=origin),
    ),
    "two at once": lambda r, record, origin: r.save_many(
        [SandboxWrite(sid="pod-2", containers=dict.fromkeys(("a", "b"), record), origins={"a": origin, "b": origin})]
    ),
}


@pytest.mark.parametrize("save", SAVES.values(), ids=SAVES)
@pytest.mark.parametrize("field", ["cgroup_path", "bundle_path", "document"])
def test_what_looks_like_a_list_with_a_nul(
    repository: ContainerRepository, save: Callable[[ContainerRepository, ContainerState, Origin], object], field: str
) -> None:
    """JSON of a list with a NUL is text like any other, however it is saved."""
    put(repository, "pod-1", "web")
    values = {field: r'["\u0000"]'}
    of_origin = field == "document"
    record = container(**({} if of_origin else values), processes=[])
    origin = Origin(layout="runc", **(values if of_origin else {}))
    save(repository, record, origin)
    assert (record, origin) in [(found.record, found.origin) for found in repository.find()]


@pytest.mark.parametrize("save", SAVES.values(), ids=SAVES)
def test_options_with_a_nul(
    repository: ContainerRepository, save: Callable[[ContainerRepository, ContainerState, Origin], object]
) -> None:
    """An option with a NUL is refused, however it is saved."""
    put(repository, "pod-1", "web")
    for options in (["\0"], ["ro", "a\0b"]):
        record = container(mounts=[Mount(options=options)], processes=[])
        with pytest.raises(InvalidValue, match="NUL"):
            save(repository, record, Origin())


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_any_text_comes_back(repository: ContainerRepository, text: str) -> None:
    """Any text without NUL comes back as it was, wherever it stands."""
    mount = Mount(source=text, destination=text, type=text, options=[text, text], host_path=text, block_device_id=text)
    record = ContainerState(
        state=text,
        rootfs=mount,
        cgroup_path=text,
        bundle_path=text,
        mounts=[mount],
        device_maps=[DeviceMap(id=text, container_path=text)],
        processes=[Process(token=text, pid=1)],
    )
    assert back(repository, record) == record
    own = SandboxState(sid=text, state=text, cgroup_path=text, document=text, layout=text)
    origin = Origin(layout=text, document=text)
    other = ContainerRepository(repository.database, host=text)
    other.save_sandbox(own, {text: record}, origins={text: origin})
    found = other.load_sandbox(text)
    assert (found.host, found.record) == (text, own)
    assert found.containers[text].origin == origin
    assert other.look_up(f"{text}/{text}" if "/" not in text else text).cid == text


def test_text_is_compared_byte_by_byte(repository: ContainerRepository) -> None:
    """IDs that differ in case, in spaces at the end or in how an accent is written are different."""
    ids = ["a", "A", "a ", " a", "á", "a\u0301", "\uff41", "a\t", "ss", "ß", "\u0131", "i", "I"]
    for sid in ids:
        repository.save_sandbox(sandbox(sid), {cid: container(cid, cgroup_path=cid) for cid in ids})
    assert repository.sandbox_ids() == sorted(ids)
    assert repository.count() == len(ids) ** 2
    for value in ids:
        assert repository.get(value, value).cid == value
        assert repository.count(Filter("token", value)) == len(ids)
        assert repository.count(Filter("cgroup", value)) == len(ids)
        assert repository.count(Filter("sid", value)) == len(ids)
    assert repository.delete("a", "A") is True
    assert repository.exists("a", "a")
    assert repository.destroy_sandbox("A ") is False


def test_hosts_are_compared_byte_by_byte(repository: ContainerRepository) -> None:
    """Hosts whose names differ in case or in spaces at the end are different."""
    for host in ("n", "N", "n "):
        put(ContainerRepository(repository.database, host=host), "pod-1", host)
    for host in ("n", "N", "n "):
        assert list(records(ContainerRepository(repository.database, host=host), "pod-1")) == [host]


def test_long_text(repository: ContainerRepository) -> None:
    """Paths of PATH_MAX bytes, in any characters, come back, and so do documents of megabytes."""
    long = ["/" + "x" * 4095, "/" + "é" * 2047, "/" + "𝄞" * 1023 + "xyz"]
    mounts = [Mount(source=p, destination=p, host_path=p, options=[p], block_device_id=p) for p in long]
    record = container("t" * 512, mounts=mounts, bundle_path=long[0], cgroup_path=long[1])
    assert back(repository, record) == record
    assert repository.count(Filter("host-path", long[2])) == 2
    assert repository.count(Filter("host-path", long[2][:-1])) == 0
    assert repository.count(Filter("host-path", long[2][:-1], prefix=True)) == 2
    document = '{"x": "' + "é🦑" * 700_000 + '"}'
    own = replace(SANDBOX, document=document)
    origin = Origin(extra=document, document=document)
    repository.save_sandbox(own, {"a": container()}, origins={"a": origin})
    assert repository.load_sandbox("pod-1").record.document == document
    assert repository.get("pod-1", "a").origin == origin


def test_the_longest_keys(repository: ContainerRepository) -> None:
    """Hosts, states and layouts of 255 characters come back, four bytes each too, IDs of 255 bytes, tokens of 512."""
    key, id_, token = "𝄞" * 255, "𝄞" * 63 + "xyz", "𝄞" * 512
    other = ContainerRepository(repository.database, host=key)
    other.save_sandbox(
        SandboxState(sid=id_, state=key, layout=key),
        {id_: container(token, state=key)},
        origins={id_: Origin(layout=key)},
    )
    found = other.get(id_, id_)
    assert found.record == container(token, state=key)
    assert other.look_up(id_[:40]).cid == id_
    assert other.count(Filter("token", token)) == 1


def test_many_children(repository: ContainerRepository) -> None:
    """Hundreds of children come back in their order, and are longer than what servers aggregate by default."""
    record = container(
        mounts=[Mount(destination=f"/{i}" + "x" * 4000, options=[str(i)]) for i in range(500)],
        device_maps=[DeviceMap(id=str(i), uid=i) for i in range(500)],
        processes=[Process(token=str(i), pid=i) for i in range(500)],
    )
    assert back(repository, record) == record


# --- numbers, options, times


@pytest.mark.parametrize("number", [0, 1, 2**31 - 1, 2**31, 2**32 - 1])
def test_uint32(repository: ContainerRepository, number: int) -> None:
    """Modes and owners of a device keep the whole range of a uint32."""
    record = container(device_maps=[DeviceMap(file_mode=number, uid=number, gid=number)])
    assert back(repository, record) == record


@pytest.mark.parametrize("pid", [-(2**63), -1, 0, 1, 2**53 + 1, 2**63 - 1])
def test_int64(repository: ContainerRepository, pid: int) -> None:
    """Process IDs keep the whole range of an int64, exactly."""
    record = container(processes=[Process(pid=pid)])
    assert back(repository, record) == record
    assert repository.count(Filter("pid", pid)) == 2


def test_persist_versions(repository: ContainerRepository) -> None:
    """A sandbox's format number keeps its value, and none is not zero."""
    for version in (None, 0, 2, 2**31 - 1):
        repository.save_sandbox(replace(SANDBOX, persist_version=version), {})
        assert repository.load_sandbox("pod-1").record.persist_version == version


@pytest.mark.parametrize(
    "extra",
    [
        "{}",
        '{"x": 1, "x": 2}',
        '{"x": [1.50, 1e400, -0, 123456789012345678901234567890]}',
        '{"x":\t"\\u0000 \\ud83e\\udd91"}\n',
        '{"x": "' + "[{" * 100 + '"}',
        '{"x": ' + "[" * 30 + "]" * 30 + "}",
    ],
    ids=["empty", "twice", "numbers", "escapes", "brackets in a string", "deep"],
)
def test_unknown_keys_come_back(repository: ContainerRepository, extra: str) -> None:
    """The JSON of a file's unknown keys comes back with every byte."""
    repository.save_sandbox(sandbox("pod-1"), {"a": container()}, origins={"a": Origin(extra=extra)})
    assert repository.get("pod-1", "a").origin.extra == extra


@pytest.mark.parametrize("options", [None, [], [""], ["ro"], ["b", "a", "b"], ["null"], ["[]", '"', ","]])
def test_options(repository: ContainerRepository, options: list[str] | None) -> None:
    """No options, empty options and options keep apart, in their order."""
    mount = Mount(options=options)
    record = container(rootfs=mount, mounts=[mount])
    assert back(repository, record) == record


def test_options_change(repository: ContainerRepository) -> None:
    """A change from no options to empty ones, and back, is a change."""
    repository.save_sandbox(sandbox("pod-1"), {})
    for options in (None, [], ["x"], [], None):
        repository.save("pod-1", "a", container(rootfs=Mount(options=options)))
        assert repository.get("pod-1", "a").record.rootfs.options == options


TIMES = [
    "0001-01-01T00:00:00.000000001Z",
    "0001-01-01T00:00:00.000001Z",
    "0001-01-01T14:00:00+14:00",
    "0999-12-31T23:59:59.999999999Z",
    "1582-10-10T00:00:00Z",
    "1900-02-28T23:59:59-12:00",
    "1969-12-31T23:59:59.999999999Z",
    "1970-01-01T00:00:00Z",
    "2016-12-31T23:59:59.999999999+00:00",
    "2026-03-14T15:09:26.535897932+05:45",
    "2026-03-14T15:09:26.000000100-07:00",
    "2026-03-29T02:30:00+01:00",
    "2026-03-14T15:09:26+23:59",
    "2026-03-14T15:09:26-23:59",
    "2038-01-19T03:14:08.5Z",
    "9999-12-31T00:00:00-00:01",
    "9999-12-31T23:59:59.999999999Z",
]


@pytest.mark.parametrize("text", TIMES)
def test_start_times(repository: ContainerRepository, text: str) -> None:
    """A start time in the years 1 to 9999 keeps its nanoseconds and its offset."""
    record = container(processes=[Process(token="t", start_time=OffsetDateTime.parse_iso(text))])
    assert back(repository, record) == record


def test_no_start_time(repository: ContainerRepository) -> None:
    """No start time is none."""
    record = container(processes=[Process(token="t", start_time=None)])
    assert back(repository, record) == record


def test_the_offset_alone_is_a_change(repository: ContainerRepository) -> None:
    """The same moment at another offset is another start time."""
    for text in ("2026-03-14T12:00:00Z", "2026-03-14T13:00:00+01:00"):
        record = container(processes=[Process(token="t", start_time=OffsetDateTime.parse_iso(text))])
        assert back(repository, record) == record


# --- what cannot be stored

LONG_KEY = "x" * 256


def _save(**changes: Any) -> Callable[[ContainerRepository], object]:
    return lambda repository: repository.save("pod-1", "a", container(**changes))


def _save_whole(**changes: Any) -> Callable[[ContainerRepository], object]:
    return lambda repository: repository.save_sandbox(replace(SANDBOX, **changes), {"b": container()})


def _mount(**changes: Any) -> Callable[[ContainerRepository], object]:
    return _save(mounts=[Mount(destination="/good"), Mount(**changes)])


def _device(**changes: Any) -> Callable[[ContainerRepository], object]:
    return _save(device_maps=[DeviceMap(id="good"), DeviceMap(**changes)])


def _process(**changes: Any) -> Callable[[ContainerRepository], object]:
    return _save(processes=[Process(token="good"), Process(**changes)])


def _origin(**changes: Any) -> Callable[[ContainerRepository], object]:
    return lambda repository: repository.save("pod-1", "a", container(), origin=Origin(**changes))


REFUSED: dict[str, Callable[[ContainerRepository], object]] = {
    "NUL in a path": _mount(source="/a\0b"),
    "NUL in a destination": _mount(destination="\0"),
    "NUL in an option": _mount(options=["ro", "a\0b"]),
    "NUL in a state": _save(state="\0"),
    "NUL in a bundle": _save(bundle_path="/x\0"),
    "NUL in a token": _process(token="\0"),
    "NUL in a device": _device(id="\0"),
    "NUL in a sandbox's cgroup": _save_whole(cgroup_path="\0"),
    "NUL in a sandbox's document": _save_whole(document='{"a": "\0"}'),
    "NUL in a container's document": _origin(document='{"a": "\0"}'),
    "NUL in a new cid": lambda r: r.save("pod-1", "a\0", container()),
    "NUL in a new sid": lambda r: r.save_sandbox(sandbox("a\0"), {}),
    "surrogate in a path": _mount(source="/\ud800"),
    "surrogate in an option": _mount(options=["\udc80"]),
    "surrogate in a state": _save(state="\udfff"),
    "surrogate in a token": _process(token="\ud83d"),
    "surrogate in a document": _origin(document="\ud800"),
    "surrogate in a new cid": lambda r: r.save("pod-1", "\ud800", container()),
    "surrogate in a new sid": lambda r: r.save_sandbox(sandbox("\ud800"), {}),
    "mode below": _device(file_mode=-1),
    "mode above": _device(file_mode=2**32),
    "uid below": _device(uid=-1),
    "uid above": _device(uid=2**32),
    "gid below": _device(gid=-1),
    "gid above": _device(gid=2**64),
    "pid below": _process(pid=-(2**63) - 1),
    "pid above": _process(pid=2**63),
    "format number below": _save_whole(persist_version=-(2**31) - 1),
    "format number above": _save_whole(persist_version=2**31),
    "seconds in an offset": _process(start_time=OffsetDateTime(1900, 1, 1, offset=TimeDelta(seconds=1172))),
    "long sid": lambda r: r.save_sandbox(sandbox(LONG_KEY), {}),
    "empty sid": lambda r: r.save_sandbox(sandbox(""), {}),
    "long cid": lambda r: r.save("pod-1", LONG_KEY, container()),
    "empty cid": lambda r: r.save("pod-1", "", container()),
    "empty cid in a map": lambda r: r.save_sandbox(SANDBOX, {"": container()}),
    "long state": _save(state=LONG_KEY),
    "long state by force": lambda r: r.transition("pod-1", "a", LONG_KEY, expected="running", force=True),
    "NUL in a state by force": lambda r: r.transition("pod-1", "a", "\0", expected="running", force=True),
    "surrogate in a state by force": lambda r: r.transition("pod-1", "a", "\ud800", expected="running", force=True),
    "long sandbox state": _save_whole(state=LONG_KEY),
    "long sandbox layout": _save_whole(layout=LONG_KEY),
    "long layout": _origin(layout=LONG_KEY),
    "long token": _process(token="x" * 513),
    "extra that is not JSON": _origin(extra="{not JSON"),
    "extra with a number of no standard": _origin(extra='{"x": NaN}'),
    "extra with a surrogate": _origin(extra='{"x": "\\ud800"}'),
    "extra that is no object": _origin(extra="[1]"),
    "extra that is too deep": _origin(extra='{"x": ' + "[" * 31 + "]" * 31 + "}"),
    "extra that is far too deep": _origin(extra="[" * 100_000),
    "separator in a new cid": lambda r: r.save("pod-1", "a/b", container()),
    "separator in a new sid": lambda r: r.save_sandbox(sandbox("a/b"), {}),
    "folder above as a cid": lambda r: r.save("pod-1", "..", container()),
    "folder itself as a sid": lambda r: r.save_sandbox(sandbox("."), {}),
    "hidden folder as a cid": lambda r: r.save("pod-1", ".x", container()),
    "hidden folder as a sid": lambda r: r.save_sandbox(sandbox(".x"), {}),
    "long host": lambda r: ContainerRepository(r.database, host=LONG_KEY).save_sandbox(SANDBOX, {}),
    "empty host": lambda r: ContainerRepository(r.database, host="").save_sandbox(SANDBOX, {}),
    "NUL in a host": lambda r: ContainerRepository(r.database, host="\0").save_sandbox(SANDBOX, {}),
    "a bad one among many": lambda r: r.save_many(
        [SandboxWrite(sid=f"pod-{i}", containers={"a": container(), "b": container(state="\0")}) for i in range(9)]
    ),
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_stored(
    repository: ContainerRepository, change: Callable[[ContainerRepository], object]
) -> None:
    """What not every engine can hold is refused on all of them, and nothing is written."""
    put(repository, "pod-1", "a")
    before = dump(repository)
    with pytest.raises(InvalidValue):
        change(repository)
    assert dump(repository) == before
    assert repository.save("pod-1", "a", container("next")) == 2


# What a type checker would find, for those who have none. Python compares a number that is no int with each of a range.
WRONG: dict[str, Any] = {
    "no record": lambda r: r.save("pod-1", "a", None),
    "no record in a map": lambda r: r.save_sandbox(SANDBOX, {"a": None}),
    "no write": lambda r: r.save_many([SANDBOX]),
    "no sandbox": lambda r: r.save_many([SandboxWrite(sid="pod-1", record=5)]),  # type: ignore[arg-type]
    "no origin": lambda r: r.save("pod-1", "b", container(), origin="{}"),
    "rootfs": _save(rootfs=None),
    "mounts": _save(mounts=None),
    "mounts that are a tuple": _save(mounts=(Mount(),)),
    "mount": _save(mounts=["/data"]),
    "device map": _save(device_maps=[{}]),
    "process": _save(processes=[None]),
    "state": _save(state=5),
    "cgroup path": _save(cgroup_path=5),
    "bundle path": _save(bundle_path=b"/b"),
    "options": _mount(options="ro"),
    "options that are a tuple": _mount(options=("ro",)),
    "option": _mount(options=["ro", None]),
    "option that cannot be hashed": _mount(options=["ro", ["rw"]]),
    "source": _mount(source=None),
    "source in bytes": _mount(source=b"/x"),
    "flag": _mount(read_only=2),
    "flag in words": _mount(read_only="yes"),
    "device id": _device(id=5),
    "device's flag": _device(shared=2),
    "mode": _device(file_mode=1.0),
    "uid": _device(uid="0"),
    "pid": _process(pid=7.0),
    "pid in words": _process(pid="7"),
    "no pid": _process(pid=None),
    "pid that is true": _process(pid=True),
    "token": _process(token=None),
    "start time": _process(start_time="2026-01-31T12:00:00Z"),
    "format number": _save_whole(persist_version=2.0),
    "sandbox's cgroup": _save_whole(cgroup_path=None),
    "sandbox's document": _save_whole(document=b"{}"),
    "document": _origin(document=b"{}"),
    "filter": lambda r: r.find(("state", "running")),
    "look-up": lambda r: r.look_up(None),
    "page below": lambda r: r.find(limit=-1),
    "page above": lambda r: r.summaries(limit=2**63),
    "start of a page": lambda r: r.find(offset=-1),
    "batch of none": lambda r: list(r.iterate(batch=0)),
    "batch of sandboxes": lambda r: list(r.load_sandboxes(batch=0)),
    "batch of a save": lambda r: r.save_many([], batch=0),
    "lock": lambda r: r.lock("\ud800"),
    "lock's timeout": lambda r: r.lock("pod-1", timeout=None),
    "retries": lambda r: Database(r.database.url, retries=-1),
    "connections": lambda r: Database(r.database.url, pool_size=0),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_what_is_of_another_type(
    repository: ContainerRepository, call: Callable[[ContainerRepository], object]
) -> None:
    """What is not of its type is refused by name at once, alike on all engines, and nothing is written."""
    put(repository, "pod-1", "a")
    before = dump(repository)
    with pytest.raises(InvalidValue):
        call(repository)
    assert dump(repository) == before
    assert repository.get("pod-1", "a").revision == 1


class _State(StrEnum):
    RUNNING = "running"


class _Number(IntEnum):
    SEVEN = 7


def test_enumerations(repository: ContainerRepository) -> None:
    """Texts and numbers of an enumeration are texts and numbers."""
    put(repository, "pod-1", "a")
    record = container(
        state=_State.RUNNING,
        mounts=[Mount(source=_State.RUNNING, options=[_State.RUNNING])],
        device_maps=[DeviceMap(id=_State.RUNNING, uid=_Number.SEVEN)],
        processes=[Process(pid=_Number.SEVEN, token=_State.RUNNING)],
    )
    repository.save("pod-1", "a", record)
    assert repository.get("pod-1", "a").record == record


def test_rows_that_no_record_can_hold(repository: ContainerRepository) -> None:
    """Rows that another program has spoiled are named, and can be forgotten with their sandbox."""
    put(repository, "pod-1", "a")
    put(repository, "pod-2", "b")
    with repository.database.session(write=True) as session:
        session.execute(update(tables.Mount).where(tables.Mount.position == 1).values(options=[5]))
    with pytest.raises(Unreadable) as caught:
        repository.get("pod-1", "a")
    assert caught.value.ref == "pod-1/a"
    assert "Options" in caught.value.detail
    with pytest.raises(Unreadable) as caught:
        repository.load_sandbox("pod-2")
    assert caught.value.ref == "pod-2/b"
    assert repository.destroy_sandbox("pod-1")
    assert repository.sandbox_ids() == ["pod-2"]


@pytest.mark.parametrize("position", [0, None], ids=["its row", "all rows"])
def test_a_container_without_a_root_file_system(repository: ContainerRepository, position: int | None) -> None:
    """A container whose root file system's row is gone is named alike on all engines; the first mount is none."""
    repository.save_sandbox(SANDBOX, {"a": container(mounts=[Mount(destination="/data")])})
    gone = delete(tables.Mount) if position is None else delete(tables.Mount).where(tables.Mount.position == position)
    with repository.database.session(write=True) as session:
        session.execute(gone)
    with pytest.raises(Unreadable) as caught:
        repository.get(SANDBOX.sid, "a")
    assert caught.value.ref == f"{SANDBOX.sid}/a"
    with pytest.raises(Unreadable, match=SANDBOX.sid):
        repository.load_sandbox(SANDBOX.sid)


ASKED: dict[str, Callable[[ContainerRepository, str], object]] = {
    "get": lambda r, text: r.get("pod-1", text),
    "get of a sandbox": lambda r, text: r.get(text, "a"),
    "exists": lambda r, text: r.exists("pod-1", text),
    "load": lambda r, text: r.load_sandbox(text),
    "destroy": lambda r, text: r.destroy_sandbox(text),
    "delete": lambda r, text: r.delete(text, text),
    "transition": lambda r, text: r.transition("pod-1", text, "paused", expected="running"),
    "expected state": lambda r, text: r.transition("pod-1", "a", "paused", expected=text, force=True),
    "look-up": lambda r, text: r.look_up(text),
    "filter": lambda r, text: r.find(Filter("cid", text)),
    "prefix": lambda r, text: r.find(Filter("host-path", text, prefix=True)),
    "count": lambda r, text: r.count(Filter("token", text)),
    "host": lambda r, text: ContainerRepository(r.database, host=text).sandbox_ids(),
}


@pytest.mark.parametrize("text", ["a\0", "\ud800"], ids=["NUL", "surrogate"])
@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_what_cannot_be_there(
    repository: ContainerRepository, ask: Callable[[ContainerRepository, str], object], text: str
) -> None:
    """To ask for what no engine can hold is refused in the same way on all of them."""
    put(repository, "pod-1", "a")
    with pytest.raises(InvalidValue):
        ask(repository, text)
    assert repository.exists("pod-1", "a")
