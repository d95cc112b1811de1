"""A second implementation of what each revision does to the data, in Python, and sample data for each revision.

A new revision needs a step here: what its upgrade makes of rows, what its downgrade makes of them, and values that only
the new schema can hold. The suite fails without it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from persistdb.schema.version import REVISIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from .dumps import Rows

MOMENT = datetime(2026, 8, 1, 12, 30, 0, 123456, tzinfo=UTC)
"""The timestamp that the tests pass to upgrades."""
HOST = "it's a \\ node: ünïcode"
"""The host that the tests pass to upgrades."""

LONG = "/" + "p" * 4095
"""A path of PATH_MAX bytes."""
AWKWARD = "a'b\"c\\d :e %s %(f)s \N{SNOWMAN} \N{PILE OF POO} \n\t "


@dataclass(frozen=True)
class Step:
    """The effect of one revision on all rows."""

    up: Callable[[Rows], Rows]
    down: Callable[[Rows], Rows]
    fill: Callable[[Rows], None]
    """Puts values into rows of the new schema that the old one can't hold."""


def _baseline(_: Rows) -> Rows:
    start = datetime(2019, 4, 20, 10, 0, 0, 123456, tzinfo=UTC)
    mount = {"source": "/s", "destination": "/d", "type": "bind", "host_path": "", "block_device_id": ""}
    return {
        "sandbox": [
            {"id": 1, "sid": "pod-a", "state": "running", "cgroup_path": "/kata/pod-a"},
            {"id": 2, "sid": "POD-A", "state": "", "cgroup_path": LONG},
            {"id": 9, "sid": "no containers \N{SNOWMAN}", "state": AWKWARD, "cgroup_path": AWKWARD},
        ],
        "container": [
            _container(10, 1, "pod-a", rootfs_block_device_id="drive-1", rootfs_fs_type="ext4"),
            _container(11, 1, "c1", cgroup_path=AWKWARD, bundle_path=LONG, rootfs_block_device_id=AWKWARD),
            _container(12, 1, "never started", state=""),
            _container(20, 2, "c1", state="stopped", rootfs_fs_type="xfs"),
            _container(21, 2, "C1", state="paused"),
        ],
        "mount": [
            {"container_id": 10, "position": 0, **mount, "options": ["ro", AWKWARD], "read_only": True},
            {"container_id": 10, "position": 1, **mount, "options": [], "read_only": False},
            {"container_id": 10, "position": 2, **mount, "options": None, "read_only": False, "source": LONG},
            {"container_id": 10, "position": 3, **mount, "options": None, "read_only": False, "source": AWKWARD},
            # positions with a gap: stored rows are moved as they are
            {"container_id": 20, "position": 5, **mount, "options": None, "read_only": True, "block_device_id": "b"},
        ],
        "device_map": [
            _device(10, 0, file_mode=4294967295, uid=4294967295, gid=4294967295),
            _device(10, 1, file_mode=69206432, container_path=AWKWARD),
            _device(20, 0),
        ],
        "process": [
            _process(10, 0, "pod-a", -1, start, 789, 120),
            _process(10, 1, "exec-1", 2**63 - 1, datetime(1, 1, 2, tzinfo=UTC), 0, -720),
            _process(11, 0, "c1", -(2**63), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), 999, 0),
            _process(12, 0, "", 0, None, None, None),
            _process(12, 1, "", 0, None, None, None),
            _process(20, 0, "c1", 1, start, 0, 0),
            _process(21, 0, "C1", 1, start, 0, 0),
        ],
    }


def _container(key: int, sandbox: int, cid: str, **values: str) -> dict[str, Any]:
    texts = dict.fromkeys(("rootfs_block_device_id", "rootfs_fs_type", "cgroup_path", "bundle_path"), "")
    return {"id": key, "sandbox_id": sandbox, "cid": cid, "state": "running", **texts, **values}


def _device(container: int, position: int, **values: Any) -> dict[str, Any]:
    texts = {"device_id": "dev", "container_path": "/dev/x", "file_mode": 438, "uid": 0, "gid": 0}
    return {"container_id": container, "position": position, **texts, **values}


def _process(container: int, position: int, token: str, pid: int, *start: object) -> dict[str, Any]:
    times = dict(zip(("start_time", "start_time_ns", "start_time_offset"), start, strict=True))
    return {"container_id": container, "position": position, "token": token, "pid": pid, **times}


def _rootfs_up(data: Rows) -> Rows:
    mounts = [m | {"position": m["position"] + 1, "is_rootfs": False, "mounted": False} for m in data["mount"]]
    for container in data["container"]:
        rootfs = {"type": container.pop("rootfs_fs_type"), "block_device_id": container.pop("rootfs_block_device_id")}
        place = {"container_id": container["id"], "position": 0, "is_rootfs": True}
        empty = {"source": "", "destination": "", "options": None, "host_path": "", "read_only": False}
        mounts.append(place | rootfs | empty | {"mounted": False})
    data["mount"] = sorted(mounts, key=lambda m: (m["container_id"], m["position"]))
    return data


def _rootfs_down(data: Rows) -> Rows:
    rootfs = {mount["container_id"]: mount for mount in data["mount"] if mount["position"] == 0}
    for container in data["container"]:
        mount = rootfs.get(container["id"], {"type": "", "block_device_id": ""})
        container["rootfs_fs_type"], container["rootfs_block_device_id"] = mount["type"], mount["block_device_id"]
    data["mount"] = [
        {k: v for k, v in mount.items() if k not in {"is_rootfs", "mounted"}} | {"position": mount["position"] - 1}
        for mount in data["mount"]
        if mount["position"] > 0
    ]
    return data


def _rootfs_fill(data: Rows) -> None:
    first, second, *rest = [mount for mount in data["mount"] if mount["is_rootfs"]]
    first.update(source=AWKWARD, destination="/", options=["rw"], host_path="/run/rootfs", read_only=True, mounted=True)
    second.update(options=[], mounted=True)
    data["mount"].remove(rest[-1])  # a container may be without a rootfs
    next(mount for mount in data["mount"] if mount["position"] == 3)["mounted"] = True


def _added(table: str, **values: Any) -> Callable[[Rows], Rows]:
    """Return a step that adds columns with these values."""

    def up(data: Rows) -> Rows:
        return data | {table: [row | values for row in data[table]]}

    return up


def _removed(table: str, *columns: str) -> Callable[[Rows], Rows]:
    """Return a step that removes these columns."""

    def down(data: Rows) -> Rows:
        return data | {table: [{k: v for k, v in row.items() if k not in columns} for row in data[table]]}

    return down


def _both(one: Callable[[Rows], Rows], other: Callable[[Rows], Rows]) -> Callable[[Rows], Rows]:
    return lambda data: other(one(data))


def _shared_fill(data: Rows) -> None:
    data["device_map"][1]["shared"] = True


def _host_fill(data: Rows) -> None:
    data["sandbox"][0]["host"], data["sandbox"][1]["host"] = "node-1", "Node-1"


def _changes_fill(data: Rows) -> None:
    for row in data["sandbox"][:1] + data["container"][1:]:
        row.update(revision=2**63 - 1, created_at=MOMENT - timedelta(days=9), updated_at=MOMENT - timedelta(hours=1))


def _origin_fill(data: Rows) -> None:
    data["sandbox"][0].update(layout="kata-2.2", document='{"a": "\N{SNOWMAN}\\u2028"}\n', persist_version=2)
    data["sandbox"][1].update(persist_version=0)
    data["container"][0].update(layout="kata-1.11", document=AWKWARD, extra={"New": [1, None, AWKWARD]})
    data["container"][1].update(layout="kata-2.2", extra={})


def _token_up(data: Rows) -> Rows:
    sandbox = {container["id"]: container["sandbox_id"] for container in data["container"]}
    for process in data["process"]:
        process.update(sandbox_id=sandbox[process["container_id"]], token=process["token"] or None)
    return data


def _token_down(data: Rows) -> Rows:
    for process in data["process"]:
        del process["sandbox_id"]
        process["token"] = process["token"] or ""
    return data


def _same(data: Rows) -> Rows:
    return data


def _nothing(_: Rows) -> None:
    """Put in no value: the new schema holds nothing that the old one can't hold."""


def _seen_up(data: Rows) -> Rows:
    return data | {"host": [], "sandbox_seen": []}


def _seen_down(data: Rows) -> Rows:
    return {name: rows for name, rows in data.items() if name not in {"host", "sandbox_seen"}}


def _seen_fill(data: Rows) -> None:
    seen = {"first_seen": MOMENT - timedelta(days=9), "last_seen": MOMENT}
    nothing = dict.fromkeys(("boot_id", "kernel", "programs"))
    data["host"] = [
        {"name": AWKWARD, **seen, "boot_id": "b" * 64, "kernel": AWKWARD, "programs": LONG},
        {"name": "node-1", **seen, **nothing},
    ]
    data["sandbox_seen"] = [
        {"sandbox_id": 1, "seen_at": MOMENT, "source": "/run/vc/sbs"},
        {"sandbox_id": 2, "seen_at": MOMENT, "source": AWKWARD},
    ]


_CHANGES = {"revision": 1, "created_at": MOMENT, "updated_at": MOMENT}


def _leases_up(data: Rows) -> Rows:
    return data | {"lease": [], "lease_number": []}


def _leases_down(data: Rows) -> Rows:
    return {name: rows for name, rows in data.items() if name not in {"lease", "lease_number"}}


def _leases_fill(data: Rows) -> None:
    # long over: what is held would be in the way of a downgrade
    owner = {"owner": "0" * 32, "host": AWKWARD, "boot_id": "", "pid": 2**22, "started": 0, "expires_at": 1}
    data["lease"] = [
        {"name": f"node/{AWKWARD}", "number": 2**63 - 1, "mode": "exclusive", **owner},
        {"name": "node/pod-a", "number": 1, "mode": "shared", **owner},
        {"name": "node/pod-a", "number": 2, "mode": "exclusive", **owner},
    ]
    data["lease_number"] = [{"bucket": 0, "number": 2**63 - 1}, {"bucket": 255, "number": 2}]


_CHILDREN = ("mount", "device_map", "process")


def _history_up(data: Rows) -> Rows:
    """Say of each child that it is so from the creation on; ``test_history`` has the tables of what was."""
    return data | {name: [row | {"since": 0} for row in data[name]] for name in _CHILDREN}


def _history_down(data: Rows) -> Rows:
    return data | {name: [{k: v for k, v in row.items() if k != "since"} for row in data[name]] for name in _CHILDREN}


def _history_fill(data: Rows) -> None:
    # of containers that were changed
    next(row for row in data["mount"] if row["container_id"] == 11)["since"] = 2
    next(row for row in data["process"] if row["container_id"] == 11)["since"] = 2**63 - 1


_DERIVED = {"runtime": "kata", "namespace": "", "pod": "", "pod_uid": "", "container_name": "", "image": ""}
_ANNOTATIONS = ("annotation", "sandbox_annotation")


def _names_up(data: Rows) -> Rows:
    """The documents of these rows say nothing; ``test_names`` has some that do."""
    return _added("container", **_DERIVED)(data) | {name: [] for name in _ANNOTATIONS}


def _names_down(data: Rows) -> Rows:
    without = {name: rows for name, rows in data.items() if name not in _ANNOTATIONS}
    return _removed("container", *_DERIVED)(without)


def _names_fill(data: Rows) -> None:
    data["container"][0]["namespace"], data["container"][1]["namespace"] = "k" * 255, AWKWARD


def _live_up(data: Rows) -> Rows:
    """Add the tables of audits; ``test_live`` has the events."""
    return data | {"audit_run": [], "audit_finding": []}


def _live_down(data: Rows) -> Rows:
    return {name: rows for name, rows in data.items() if name not in {"audit_run", "audit_finding"}}


def _live_fill(data: Rows) -> None:
    times = {"started_at": MOMENT - timedelta(seconds=1), "finished_at": MOMENT}
    data["audit_run"] = [
        {"id": 1, "host": AWKWARD, **times, "checks": [], "roots": None, "findings": 0, "boot_id": None},
        {
            "id": 2**63 - 1,
            "host": "node-1",
            **times,
            "checks": ["cgroup", AWKWARD],
            "roots": {"proc": AWKWARD},
            "findings": 2**31 - 1,
            "boot_id": "b" * 64,
        },
    ]
    seen = {"first_seen": MOMENT - timedelta(days=9), "last_seen": MOMENT, "first_run_id": 1, "last_run_id": 2**63 - 1}
    whose = {"host": "node-1", "check_name": "c" * 32, "recorded": AWKWARD, "observed": LONG, "advice": ""}
    data["audit_finding"] = [
        {
            "id": 1,
            **whose,
            "subject": LONG * 4,
            "subject_hash": "f" * 64,
            "sid": None,
            "cid": None,
            "began_at": None,
            **seen,
            "times_seen": 1,
            "gone_at": None,
        },
        {
            "id": 2,
            **whose,
            "subject": AWKWARD,
            "subject_hash": "0" * 64,
            "sid": AWKWARD,
            "cid": "C" * 255,
            "began_at": MOMENT,
            **seen,
            "times_seen": 2**31 - 1,
            "gone_at": MOMENT,
        },
    ]


_MACHINE = dict.fromkeys(("hypervisor_pid", "hypervisor_path", "virtiofsd_pid", "netns_path"))
_DEVICES = ("sandbox_device", "vfio_device")


def _devices_up(data: Rows) -> Rows:
    """The documents of these rows say nothing; ``test_sandbox_device`` has some that do."""
    return _added("sandbox", **_MACHINE)(data) | {name: [] for name in _DEVICES}


def _devices_down(data: Rows) -> Rows:
    return _removed("sandbox", *_MACHINE)({name: rows for name, rows in data.items() if name not in _DEVICES})


STEPS = {
    "0001": Step(_baseline, lambda _: {}, _nothing),
    "0002": Step(_rootfs_up, _rootfs_down, _rootfs_fill),
    "0003": Step(_added("device_map", shared=False), _removed("device_map", "shared"), _shared_fill),
    "0004": Step(_added("sandbox", host=HOST), _removed("sandbox", "host"), _host_fill),
    "0005": Step(
        _both(_added("sandbox", **_CHANGES), _added("container", **_CHANGES)),
        _both(_removed("sandbox", *_CHANGES), _removed("container", *_CHANGES)),
        _changes_fill,
    ),
    "0006": Step(
        _both(
            _added("sandbox", layout="", document=None, persist_version=None),
            _added("container", layout="", document=None, extra=None),
        ),
        _both(
            _removed("sandbox", "layout", "document", "persist_version"),
            _removed("container", "layout", "document", "extra"),
        ),
        _origin_fill,
    ),
    "0007": Step(_token_up, _token_down, _nothing),
    "0008": Step(_same, _same, _nothing),
    "0009": Step(_same, _same, _nothing),
    "0010": Step(_same, _same, _nothing),
    "0011": Step(_same, _same, _nothing),
    "0012": Step(_leases_up, _leases_down, _leases_fill),
    "0013": Step(_seen_up, _seen_down, _seen_fill),
    "0014": Step(_history_up, _history_down, _history_fill),
    "0015": Step(_names_up, _names_down, _names_fill),
    "0016": Step(_live_up, _live_down, _live_fill),
    "0017": Step(_devices_up, _devices_down, _nothing),
    "0018": Step(_same, _same, _nothing),
}


def up(data: Rows, revision: str) -> Rows:
    """Upgrade rows of the revision before."""
    return STEPS[revision].up(copy.deepcopy(data))


def down(data: Rows, revision: str) -> Rows:
    """Downgrade rows of a revision to the revision before."""
    return STEPS[revision].down(copy.deepcopy(data))


def sample(revision: str) -> Rows:
    """Return rows of a revision, with values that no earlier one can hold."""
    data: Rows = {}
    for each in REVISIONS[: REVISIONS.index(revision) + 1]:
        data = up(data, each)
        STEPS[each].fill(data)
    return data


def plain(revision: str) -> Rows:
    """Return rows of a revision as its upgrade leaves them."""
    index = REVISIONS.index(revision)
    return up(sample(REVISIONS[index - 1]) if index else {}, revision)


def at_head(data: Rows, revision: str) -> Rows:
    """Upgrade rows of a revision to the newest."""
    for each in REVISIONS[REVISIONS.index(revision) + 1 :]:
        data = up(data, each)
    return data
