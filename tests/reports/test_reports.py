"""The bundled reports, and reports in a user's folder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from persistdb import ContainerRepository, Database, reports
from persistdb.errors import DatabaseError, InvalidValue
from persistdb.records import ContainerState, DeviceMap, Mount, Process, SandboxState

from . import fleet
from .asking import answer, ask, by_column, values

if TYPE_CHECKING:
    from pathlib import Path


FINDINGS = {
    "dangling-devices",
    "duplicates",
    "findings",
    "leaking-hosts",
    "leftover-mounts",
    "mount-options",
    "open-devices",
    "outlived-mounts",
    "refcounts",
    "restarts",
    "shared-devices",
    "stale",
    "unstarted",
    "writable-binds",
}
OTHERS = {
    "before-boot",
    "block-rootfs",
    "changes",
    "device-history",
    "device-holders",
    "largest",
    "paths",
    "summary",
    "vfio-holders",
}


def test_bundled() -> None:
    """The bundled reports are these, each with a title, a sentence of advice, and one SELECT."""
    assert set(reports.names()) == FINDINGS | OTHERS
    for name in reports.names():
        report = reports.find(name, "sqlite")
        assert report.title
        assert report.advice.endswith(".")
        assert report.is_finding == (name in FINDINGS)
        assert ";" not in report.sql


def test_vfio_holders(database: Database) -> None:
    """A host device is held by the sandbox to which VFIO hands it."""
    held = ask(database, "vfio-holders", "0000:3b:00.1")
    assert values(held, "host", "sid", "device_id", "hypervisor_pid") == [("node-1", "pod-1", "huge", 4711)]
    assert ask(database, "vfio-holders", "0001:3b:00.1") == ask(database, "vfio-holders", "") == []


def test_containers(database: Database) -> None:
    """Reports on containers: by state, never started, on a block device, the largest sandboxes."""
    assert values(ask(database, "summary"), "host", "state", "containers") == [
        ("node-1", "", 1),
        ("node-1", "ready", 1),
        ("node-1", "running", 2),
        ("node-1", "stopped", 1),
        ("node-2", "paused", 1),
    ]
    assert sorted(values(ask(database, "unstarted"), "sid", "cid")) == [("pod-1", "new"), ("pod-2", "only")]
    assert values(ask(database, "block-rootfs"), "cid", "rootfs_device", "rootfs_type") == [
        ("web", "blk", "xfs"),
        ("pod-3", "old", "ext4"),
    ]
    assert values(ask(database, "largest", "2"), "sid", "containers", "mounts", "devices") == [
        ("pod-1", 4, 11, 4),
        ("pod-2", 1, 1, 0),
    ]


def test_leftover_mounts_by_state(store: tuple[str, Database]) -> None:
    """Mounts of a container that is ready are no leftovers: they are made before it starts."""
    states = ("", "ready", "running", "paused", "stopped", "unknown")
    containers = {
        f"c-{state}": ContainerState(
            state=state,
            rootfs=Mount(destination="/", mounted=True),
            mounts=[Mount(source="/srv", destination="/data", host_path=f"/run/{state}")],
        )
        for state in states
    }
    database = store[1]
    ContainerRepository(database).save_sandbox(SandboxState(sid="pod"), containers)
    left = values(ask(database, "leftover-mounts"), "state", "destination")
    assert left == [(state, place) for state in ("", "stopped", "unknown") for place in ("/", "/data")]


def test_mounts(database: Database) -> None:
    """Reports on mounts: left over, writable, below a path, twice at one path, and without options."""
    assert values(ask(database, "leftover-mounts"), "cid", "host_path", "is_rootfs") == [
        ("gone", "/run/rootfs", True),
        ("gone", f"{fleet.SHARED}/logs", False),
    ]
    assert values(ask(database, "writable-binds"), "cid", "source") == [
        ("web", "/srv"),
        ("gone", "/srv/logs"),
        ("web", "/srv/logs"),
    ]
    assert values(ask(database, "writable-binds", "/srv/logs"), "cid") == [("gone",), ("web",)]
    assert values(ask(database, "paths", "/srv"), "cid", "source") == [
        ("gone", "/srv/logs"),
        ("web", "/srv"),
        ("web", "/srv/a\u2028b"),
        ("web", "/srv/logs"),
    ]
    assert ask(database, "paths", "/srv/") == ask(database, "paths", "/srv")
    assert values(ask(database, "paths", fleet.SHARED), "cid", "destination") == [
        ("gone", "/logs"),
        ("web", "/data"),
        ("web", "/logs"),
    ]
    assert ask(database, "paths", "/nowhere") == []
    assert values(ask(database, "duplicates"), "host_path", "mounts", "containers") == [(f"{fleet.SHARED}/logs", 2, 2)]
    missing = ask(database, "mount-options")
    assert values(missing, "destination", "mounts", "without_nosuid", "without_nodev", "without_noexec") == [
        ("/logs", 2, 2, 2, 2),
        ("/all", 1, 1, 1, 1),
        ("/data", 1, 1, 1, 1),
        ("/o", 1, 1, 1, 1),
        ("/x", 1, 1, 1, 1),
    ]


def test_devices(database: Database) -> None:
    """Reports on devices: holders, shared, open to others, miscounted, known to the sandbox or its containers only."""
    assert values(ask(database, "device-holders", "fuse"), "cid", "held_as", "path") == [
        ("pod-1", "device", "/dev/fuse"),
        ("web", "device", "/dev/fuse"),
    ]
    assert values(ask(database, "device-holders", "blk"), "cid", "held_as", "path") == [
        ("web", "mount", "/o"),
        ("web", "rootfs", ""),
    ]
    assert ask(database, "device-holders", "") == []
    assert values(ask(database, "shared-devices"), "device_id", "sandboxes", "containers", "maps", "shared") == [
        ("fuse", 1, 2, 2, True)
    ]
    assert values(ask(database, "open-devices"), "cid", "container_path", "permissions") == [
        ("pod-1", "/dev/fuse", "0666"),
        ("web", "/dev/fuse", "0640"),
        ("web", "/dev/tty9", "0640"),
    ]
    assert values(ask(database, "refcounts"), "device_id", "ref_count", "users", "attach_count") == [
        ("huge", 2**63 - 1, 0, 2**63 - 1),
        ("idle", 0, 0, 1),
        ("tty", 5, 1, 0),
    ]
    assert values(ask(database, "dangling-devices"), "problem", "cid", "device_id", "path") == [
        ("device that nothing uses", None, "huge", None),
        ("device that nothing uses", None, "idle", None),
        ("map of a device that the sandbox has not", "web", "lost", "/dev/lost"),
        ("mount of a device that the sandbox has not", "web", "blk-lost", "/x"),
    ]


def test_counts_of_devices_that_are_no_fault(store_url: str) -> None:
    """What a stopped container gave back, and a device of the sandbox's network, are counted right."""
    devices = [fleet.device("back", RefCount=0, AttachCount=0), fleet.device("few", RefCount=0, AttachCount=0)]
    devices += [fleet.device("nic", Type="vfio"), fleet.device("loose", Type="vfio", AttachCount=0)]
    stopped = ContainerState(state="stopped", device_maps=[DeviceMap(id="back"), DeviceMap(id="few")])
    running = ContainerState(state="running", device_maps=[DeviceMap(id="few")])
    with Database(store_url) as database:
        state = SandboxState(sid="s", document=fleet.document(devices))
        ContainerRepository(database, host="h").save_sandbox(state, {"c": running, "d": stopped})
        assert values(ask(database, "refcounts"), "device_id") == [("few",), ("loose",)]


def test_dangling_needs_kata_s_word(store_url: str) -> None:
    """Without the sandbox's own file, no device is reported as missing."""
    state = ContainerState(device_maps=[DeviceMap(id="a")], mounts=[Mount(block_device_id="b")])
    with Database(store_url) as database:
        ContainerRepository(database, host="h").save_sandbox(SandboxState(sid="s"), {"c": state})
        assert ask(database, "dangling-devices") == []


def test_stale(database: Database) -> None:
    """A container is stale if it is recorded as running, and neither has changed nor was seen for the given age."""
    assert ask(database, "stale") == []
    old = datetime.now(UTC) - timedelta(hours=3)
    for cid in ("web", "gone"):
        last_changed(database, cid, old)
    assert values(ask(database, "stale", "2h"), "cid", "updated_at") == [("web", old)]
    assert ask(database, "stale", "age=4h") == []
    ContainerRepository(database, host="node-1").mark_seen(["pod-1"], source="/run/vc/sbs")
    assert ask(database, "stale", "2h") == []


def last_changed(database: Database, cid: str, at: datetime) -> None:
    """Let a container have changed last at that time."""
    value = at if database.backend.name == "postgresql" else at.replace(tzinfo=None).isoformat(sep=" ")
    with database.session(write=True) as session:
        session.execute(text("UPDATE container SET updated_at = :at WHERE cid = :cid"), {"at": value, "cid": cid})


def happen(database: Database) -> None:
    """Let a node lose a container with a boot, remove one that runs, start one again, and forget one that is left."""
    node = ContainerRepository(database, host="node-3")
    for sid in ("lost", "removed", "restarted", "forgotten"):
        mounts = [Mount(destination="/d", host_path=f"/run/{sid}")]
        node.save_sandbox(SandboxState(sid=sid), {sid: ContainerState(state="running", mounts=mounts)})
    node.acting(cause="boot").destroy_sandbox("lost")
    node.acting(cause="watch").destroy_sandbox("removed")
    for state, expected in (("stopped", "running"), ("running", "stopped")):
        node.transition("restarted", "restarted", state, expected=expected)
    last_changed(database, "forgotten", datetime(2026, 2, 1, tzinfo=UTC))


def test_same_on_all_engines(databases: list[Database]) -> None:
    """Every report returns the same on the three engines: columns, rows, order and types."""
    for database in databases:
        happen(database)
    given = {
        "device-holders": ["fuse"],
        "device-history": ["fuse"],
        "paths": ["/srv"],
        "changes": ["node-1"],
        "vfio-holders": ["0000:3b:00.1"],
    }
    written = {"created_at", "at", "valid_from", "removed", "first_start", "last_start"}
    for name in reports.names():
        first, *others = [answer(database, name, *given.get(name, [])) for database in databases]
        assert first.rows, name
        first_rows, *other_rows = [
            [{key: value for key, value in row.items() if key not in written} for row in by_column(each)]
            for each in (first, *others)
        ]
        if name == "unstarted":  # which is sorted by the time of creation
            for rows in (first_rows, *other_rows):
                rows.sort(key=lambda row: str(row["cid"]))
        for other, rows in zip(others, other_rows, strict=True):
            assert other.columns == first.columns, name
            assert repr(rows) == repr(first_rows), name


@pytest.mark.parametrize(
    ("name", "given", "reason"),
    [
        ("nothing", [], "unknown; use one of before-boot, block-rootfs"),
        ("../summary", [], "unknown"),
        ("summary", ["1"], "one value too many"),
        ("largest", ["x"], "count: not a whole number"),
        ("largest", ["1", "2"], "one value too many"),
        ("largest", ["9" * 30], "not a whole number"),
        ("largest", [str(2**63)], "not a whole number"),
        ("stale", ["2"], "not an age"),
        ("stale", ["999999999w"], "not an age"),
        ("device-holders", [], "device is missing"),
        ("paths", ["srv"], "not an absolute path"),
        ("paths", ["/\udcff"], "prefix: half of a surrogate pair"),
        ("device-holders", ["\0"], "device: a NUL character"),
    ],
)
def test_misuse(name: str, given: list[str], reason: str) -> None:
    """An unknown report or parameter, or a value of the wrong type, is an error that says what is valid."""
    with pytest.raises(InvalidValue, match=reason):
        reports.find(name, "sqlite").values(given)


def write(folder: Path, name: str, body: str, head: str = "-- title: Mine\n") -> None:
    """Write a report file."""
    (folder / name).write_text(head + body, encoding="utf-8")


def test_own_folder(database: Database, tmp_path: Path) -> None:
    """A user's files add to the bundled ones, replace one of the same name, and may be for one engine."""
    write(tmp_path, "mine.sql", "-- parameter: who text = web: an ID\n\nSELECT cid FROM containers WHERE cid = :who;\n")
    write(tmp_path, "summary.sql", "SELECT 1 AS a\n")
    write(tmp_path, "twin.sql", "SELECT 'any' AS a\n")
    write(tmp_path, "twin.mariadb.sql", "SELECT 'mariadb' AS a\n")
    write(tmp_path, "Not A Name.sql", "SELECT 1\n")
    assert set(reports.names(tmp_path)) == {*reports.names(), "mine", "twin"}
    engine = database.backend.name
    mine = reports.find("mine", engine, tmp_path)
    assert reports.run(database, mine).rows == [["web"]]
    assert reports.run(database, mine, mine.values(["who=gone"])).rows == [["gone"]]
    assert reports.run(database, reports.find("summary", engine, tmp_path)).rows == [[1]]
    expected = "mariadb" if engine == "mariadb" else "any"
    assert reports.run(database, reports.find("twin", engine, tmp_path)).rows == [[expected]]


@pytest.mark.parametrize(
    ("head", "body", "reason"),
    [
        ("", "SELECT 1", "has no title"),
        ("-- title:\n", "SELECT 1", "has no title"),
        ("-- title: T\n-- parameter: x\n", "SELECT 1", "line 2: not NAME TYPE"),
        ("-- title: T\n-- parameter: x date: a day\n", "SELECT :x", "'date' is not a type"),
        ("-- title: T\n-- parameter: x number = y: how many\n", "SELECT :x", "default of x: x: not a whole number"),
        ("-- title: T\n", "SELECT :x", "uses :x, which no"),
        ("-- title: \udcff\n", "SELECT 1", "not UTF-8"),
    ],
)
def test_bad_file(tmp_path: Path, head: str, body: str, reason: str) -> None:
    """A file that is no report is an error with its path and its fault."""
    path = tmp_path / "bad.sql"
    path.write_bytes((head + body).encode(errors="surrogateescape"))
    with pytest.raises(InvalidValue, match=reason) as caught:
        reports.find("bad", "sqlite", tmp_path)
    assert str(path)[:40] in str(caught.value)


def test_bad_sql(database: Database, tmp_path: Path) -> None:
    """A report whose SQL is wrong or writes is an error, and changes nothing."""
    write(tmp_path, "typo.sql", "SELECT cid FROM containers WERE cid = 'x'")
    write(tmp_path, "writes.sql", "DELETE FROM mount")
    write(tmp_path, "hidden.sql", "WITH a AS (SELECT 1) DELETE FROM mount")
    write(tmp_path, "empty.sql", "")
    before = len(ask(database, "paths", "/"))
    for name, error in (
        ("typo", DatabaseError),
        ("writes", InvalidValue),
        ("hidden", DatabaseError),
        ("empty", InvalidValue),
    ):
        with pytest.raises(error):
            reports.run(database, reports.find(name, database.backend.name, tmp_path))
    assert len(ask(database, "paths", "/")) == before


def test_root_folder(store_url: str) -> None:
    """All absolute paths lie below the root folder."""
    with Database(store_url) as database:
        state = ContainerState(mounts=[Mount(source="/a"), Mount(source="proc")], processes=[Process(token="c")])
        ContainerRepository(database, host="h").save_sandbox(SandboxState(sid="s"), {"c": state})
        assert values(ask(database, "paths", "/"), "source") == [("/a",)]


def test_audits(database: Database) -> None:
    """What audits still find is listed, all or of one check, and counted by host with the time since when it is so."""
    (found,) = ask(database, "findings")
    assert (found["host"], found["cid"], found["since"]) == ("node-1", "gone", datetime(2026, 1, 31, 12, tzinfo=UTC))
    assert ask(database, "findings", "cgroup") == []
    assert ask(database, "findings", "leaked-mount") == [found]
    (of_host,) = ask(database, "leaking-hosts")
    assert {name: int(of_host[name]) for name in ("findings", "come_and_go")} == {"findings": 1, "come_and_go": 0}
    assert of_host["first_since"] == of_host["last_since"] == found["since"]
