"""A save writes the rows that changed, and no other: Kata saves a whole sandbox ten times in a container's life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from whenever import TimeDelta

from persistdb.records import DeviceMap, Mount, Origin, Process
from persistdb.store.repository import ContainerRepository

from .samples import SANDBOX, STARTED, container

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from persistdb import Database

replace = msgspec.structs.replace

WEB = container("web")
FIRST, SECOND, THIRD = WEB.mounts
DRIVE, VFIO = WEB.device_maps

CHANGES: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "nothing": ({}, {}),
    "the same again": ({"mounts": list(WEB.mounts), "rootfs": replace(WEB.rootfs)}, {}),
    "state": ({"state": "stopped"}, {"UPDATE container": 1}),
    "paths": ({"cgroup_path": "/c", "bundle_path": "/b"}, {"UPDATE container": 1}),
    "rootfs": ({"rootfs": Mount()}, {"UPDATE container": 1, "INSERT mount": 1}),
    "one mount": (
        {"mounts": [FIRST, replace(SECOND, read_only=True), THIRD]},
        {"UPDATE container": 1, "INSERT mount": 1},
    ),
    "options": (
        {"mounts": [FIRST, SECOND, replace(THIRD, options=[])]},
        {"UPDATE container": 1, "INSERT mount": 1},
    ),
    "two mounts more": ({"mounts": [*WEB.mounts, Mount(), Mount()]}, {"UPDATE container": 1, "INSERT mount": 2}),
    "one device": (
        {"device_maps": [replace(DRIVE, shared=True), VFIO]},
        {"UPDATE container": 1, "INSERT device_map": 1},
    ),
    "devices turned round": ({"device_maps": [VFIO, DRIVE]}, {"UPDATE container": 1, "INSERT device_map": 2}),
    "pid": (
        {"processes": [Process(token="web", pid=7, start_time=STARTED)]},
        {"UPDATE container": 1, "INSERT process": 1},
    ),
    "offset of the start": (
        {"processes": [replace(WEB.processes[0], start_time=STARTED.to_fixed_offset(TimeDelta(hours=2)))]},
        {"UPDATE container": 1, "INSERT process": 1},
    ),
    "a process more": (
        {"processes": [*WEB.processes, Process(token="more")]},
        {"UPDATE container": 1, "INSERT process": 1},
    ),
    "one of each": (
        {
            "state": "",
            "rootfs": Mount(),
            "device_maps": [*WEB.device_maps, DeviceMap()],
            "processes": [*WEB.processes, Process()],
        },
        {"UPDATE container": 1, "INSERT mount": 1, "INSERT device_map": 1, "INSERT process": 1},
    ),
}


@pytest.mark.parametrize("whole", [True, False], ids=["save_sandbox", "save"])
@pytest.mark.parametrize(("changes", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_save_writes_what_changed(
    repository: ContainerRepository,
    writes: Counter[str],
    changes: dict[str, Any],
    expected: dict[str, int],
    whole: bool,
) -> None:
    """A save writes the children that changed and their container, and nothing of the other containers."""
    others = {f"c{i}": container(f"c{i}") for i in range(5)}
    repository.save_sandbox(SANDBOX, {"web": WEB, **others})
    writes.clear()
    if whole:
        repository.save_sandbox(SANDBOX, {"web": replace(WEB, **changes), **others})
    else:
        repository.save("pod-1", "web", replace(WEB, **changes))
    assert writes == expected
    assert repository.get("pod-1", "web").record == replace(WEB, **changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"state": "stopped"}, {"UPDATE sandbox": 1}),
        ({"document": "{}"}, {"UPDATE sandbox": 1}),
        ({"persist_version": None}, {"UPDATE sandbox": 1}),
        ({"document": None}, {}),
    ],
)
def test_a_sandbox_alone_is_one_row(
    repository: ContainerRepository, writes: Counter[str], changes: dict[str, Any], expected: dict[str, int]
) -> None:
    """A change of the sandbox's own values is one row; without one it is none."""
    containers = {f"c{i}": container(f"c{i}") for i in range(5)}
    repository.save_sandbox(SANDBOX, containers)
    writes.clear()
    repository.save_sandbox(replace(SANDBOX, **changes), containers)
    assert writes == expected


def test_coming_and_going(repository: ContainerRepository, writes: Counter[str]) -> None:
    """A new container writes its rows, one that goes is one row, and either is one of the sandbox; the others stay."""
    others = {f"c{i}": container(f"c{i}") for i in range(5)}
    repository.save_sandbox(SANDBOX, others)
    writes.clear()
    repository.save_sandbox(SANDBOX, {**others, "web": WEB})
    rows = {"UPDATE sandbox": 1, "INSERT container": 1, "INSERT mount": 4, "INSERT device_map": 2, "INSERT process": 1}
    assert writes == rows
    writes.clear()
    repository.save_sandbox(SANDBOX, others)
    writes.clear()
    repository.save("pod-1", "web", WEB)
    assert writes == rows
    writes.clear()
    repository.save_sandbox(SANDBOX, others)
    assert writes == {"UPDATE sandbox": 1, "DELETE container": 1}


def test_other_writes(repository: ContainerRepository, writes: Counter[str]) -> None:
    """A transition writes one row, deleting one and its sandbox's, an origin one, destroying one."""
    repository.save_sandbox(SANDBOX, {"web": WEB, "db": container("db")})
    writes.clear()
    repository.transition("pod-1", "web", "paused", expected="running")
    assert writes == {"UPDATE container": 1}
    writes.clear()
    repository.save("pod-1", "db", container("db"), origin=Origin(layout="2.2"))
    assert writes == {"UPDATE container": 1}
    writes.clear()
    repository.delete("pod-1", "db")
    assert writes == {"UPDATE sandbox": 1, "DELETE container": 1}
    writes.clear()
    repository.destroy_sandbox("pod-1")
    assert writes == {"DELETE sandbox": 1}


# --- what the engine itself counts


@pytest.fixture
def sqlite_repository(sqlite_store: tuple[str, Database]) -> ContainerRepository:
    return ContainerRepository(sqlite_store[1], host="node-1")


@pytest.fixture
def total_changes(sqlite_repository: ContainerRepository) -> Iterator[Any]:
    """Hold the one connection's counter of rows that SQLite has inserted, changed or deleted."""
    pooled = sqlite_repository.database.engine.raw_connection()
    driver = pooled.driver_connection
    pooled.close()
    assert sqlite_repository.database.engine.pool.checkedin() == 1  # type: ignore[attr-defined]  # the pool in use has it
    return lambda: driver.total_changes


def test_sqlite_counts_the_same(sqlite_repository: ContainerRepository, total_changes: Any) -> None:
    """By SQLite's own count an unchanged sandbox is no row, a change of one state one, of one mount two.

    Beside these is history: the event, and a past version of each row.
    """
    containers = {f"c{i}": container(f"c{i}") for i in range(5)}
    sqlite_repository.save_sandbox(SANDBOX, containers)

    def written(**changes: Any) -> int:
        before = total_changes()
        sqlite_repository.save_sandbox(SANDBOX, {**containers, "c1": container("c1", **changes)})
        count: int = total_changes() - before
        return count

    assert written() == 0
    assert written(state="stopped") == 1 + 2
    assert written(state="stopped") == 0
    assert written(state="stopped", rootfs=Mount()) == 2 + 3


def test_postgresql_leaves_the_other_rows_alone(postgresql_store: tuple[str, Database]) -> None:
    """By PostgreSQL's own marks, only the rows that changed are written by a save."""
    database = postgresql_store[1]
    repository = ContainerRepository(database, host="node-1")
    containers = {f"c{i}": container(f"c{i}") for i in range(5)}
    repository.save_sandbox(SANDBOX, containers)

    def versions() -> set[tuple[Any, ...]]:
        tables = ("sandbox", "container", "mount", "device_map", "process")
        with database.engine.connect() as connection:
            return {
                (table, *row)
                for table in tables
                for row in connection.exec_driver_sql(f"SELECT ctid::text, xmin::text FROM {table}")
            }

    before = versions()
    repository.save_sandbox(SANDBOX, containers)
    assert versions() == before
    changed = container("c1", device_maps=[DRIVE, replace(VFIO, gid=7)])
    repository.save_sandbox(SANDBOX, {**containers, "c1": changed})
    assert sorted(table for table, *_ in versions() - before) == ["container", "device_map"]
    assert len(versions()) == len(before)
