"""The indexes that filters and look-ups use, and values that must not break them."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from persistdb import ContainerRepository, Database, reports
from persistdb.filters import parse
from persistdb.records import ContainerState, DeviceMap, Mount, Process, SandboxState, SandboxWrite
from persistdb.schema.names import HISTORY, RETENTION
from persistdb.schema.tables import Base

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONTAINERS = 400
LIVE = ("sandbox", "container", "mount", "device_map", "process", "sandbox_device", "vfio_device")
KEYED = [
    "host=node-1",
    "sid=s7",
    "sid=s7*",
    "cid=c7",
    "cid=c7*",
    "device=d7",
    "device=d7*",
    "block-device=b7",
    "block-device=b7*",
    "rootfs-device=b7",
    "source=/source/7",
    "source=/source/7*",
    "host-path=/host/7",
    "host-path=/host/7*",
    "token=t7",
    "token=t7*",
    "pid=1007",
    "bundle=/bundle/7",
    "bundle=/bundle/7*",
    "cgroup=/cgroup/7",
    "cgroup=/cgroup/7*",
]


def _container(i: int) -> ContainerState:
    return ContainerState(
        state="running",
        cgroup_path=f"/cgroup/{i}",
        bundle_path=f"/bundle/{i}",
        rootfs=Mount(block_device_id=f"b{i}"),
        mounts=[Mount(source="proc"), Mount(source=f"/source/{i}", host_path=f"/host/{i}"), Mount(), Mount()],
        device_maps=[DeviceMap(id=f"d{i}")],
        processes=[Process(token=f"t{i}", pid=1000 + i)],
    )


def _document(i: int) -> str:
    vfio = [{"BDF": f"{i:04x}:00:00.{n}"} for n in range(2)]
    return json.dumps({"Devices": [{"ID": f"d{i}"}, {"ID": f"v{i}", "VFIODevs": vfio}]})


@pytest.fixture
def repository(database_url: str) -> Iterator[ContainerRepository]:
    """Store some hundreds of containers on one host, and let the servers collect statistics."""
    with Database(database_url) as database:
        repository = ContainerRepository(database, host="node-1")
        repository.save_many(
            SandboxWrite(
                sid=f"s{i}",
                record=SandboxState(sid=f"s{i}", document=_document(i)),
                containers={f"c{i}": _container(i)},
            )
            for i in range(CONTAINERS)
        )
        with database.engine.connect() as connection:
            if database.backend.name == "postgresql":
                connection.exec_driver_sql("ANALYZE")
            elif database.backend.name == "mariadb":
                connection.exec_driver_sql(f"ANALYZE TABLE {', '.join(LIVE)}").all()
        yield repository


def _scans(repository: ContainerRepository, condition: str, *, all_hosts: bool) -> list[str]:
    """Return the tables that an engine would scan for the first page of a filter."""
    database = repository.database
    sent: list[tuple[str, Any]] = []

    def listen(_connection: object, _cursor: object, sql: str, values: object, _context: object, _many: bool) -> None:
        sent.append((sql, values))

    event.listen(database.engine, "before_cursor_execute", listen)
    found = repository.find(parse(condition), limit=20, all_hosts=all_hosts)
    event.remove(database.engine, "before_cursor_execute", listen)
    assert found
    ((sql, values),) = [one for one in sent if one[0].startswith("SELECT")]
    return _scanned(database, sql, values)


def _scanned(database: Database, sql: str, values: Any) -> list[str]:
    """Return the tables that an engine would scan for a statement; the one row of retention is no table to speak of."""
    with database.engine.connect() as connection:
        if database.backend.name == "sqlite":
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
            # by their names: lists of children and the page are read from subqueries, which have aliases
            tables = Base.metadata.tables.keys() - {RETENTION}
            return [step for step in plan if step.startswith("SCAN") and step.split()[1] in tables]
        if database.backend.name == "postgresql":
            # small tables are read whole for that is quicker; the question is whether they must be
            connection.exec_driver_sql("SET enable_seqscan = off")
            plan = [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {sql}", values)]
            return [step for step in plan if "Seq Scan" in step and " retention " not in step]
        rows = connection.exec_driver_sql(f"EXPLAIN {sql}", values).mappings()
        return [str(dict(row)) for row in rows if row["type"] == "ALL" and not str(row["table"]).startswith(("<", "r"))]


def test_no_keyed_filter_scans_a_table(repository: ContainerRepository) -> None:
    """The first page of a filter on an identifier or a path comes from indexes, on one host and on all."""
    scanned = {
        (condition, all_hosts): found
        for condition in KEYED
        for all_hosts in (False, True)
        if (found := _scans(repository, condition, all_hosts=all_hosts))
    }
    assert scanned == {}


AT = datetime.now(UTC) + timedelta(days=1)
PAST = {
    "device": "SELECT host, sid, cid FROM devices_over_time WHERE device_id = 'd7'",
    "mount": "SELECT cid FROM mounts_over_time WHERE source = '/source/7' AND source >= '/' AND source < '0'",
    "block device": "SELECT cid FROM mounts_over_time WHERE block_device_id = 'b7' AND block_device_id <> ''",
    "process": "SELECT host, sid, cid FROM processes_over_time WHERE token = 't7'",
    "container": "SELECT state FROM containers_over_time WHERE host = 'node-1' AND sid = 's7' AND cid = 'c7'",
}


def _changed(repository: ContainerRepository) -> None:
    """Give each container a past version, with other devices and mounts."""
    repository.save_many(
        SandboxWrite(sid=f"s{i}", record=SandboxState(sid=f"s{i}"), containers={f"c{i}": _container(i + 1000)})
        for i in range(CONTAINERS)
    )
    with repository.database.engine.connect() as connection:
        if repository.database.backend.name == "postgresql":
            connection.exec_driver_sql("ANALYZE")
        elif repository.database.backend.name == "mariadb":
            connection.exec_driver_sql(f"ANALYZE TABLE {', '.join(HISTORY)}").all()


def test_what_was_is_found_by_an_index(repository: ContainerRepository) -> None:
    """What held a device, a path or a token at a time is found by an index, among live and past rows."""
    _changed(repository)
    database = repository.database
    then = " AND valid_from <= '2026-01-31 12:00:00' AND (valid_to IS NULL OR valid_to > '2026-01-31 12:00:00')"
    scanned = {name: found for name, sql in PAST.items() if (found := _scanned(database, sql + then, ()))}
    assert scanned == {}


@pytest.mark.parametrize("ask", ["get", "revision", "load", "find", "history"])
def test_a_container_that_was_is_found_by_an_index(repository: ContainerRepository, ask: str) -> None:
    """One container or sandbox as it was, and the holders of a device, are read by keys and indexes."""
    _changed(repository)
    calls: dict[str, Callable[[], object]] = {
        "get": lambda: repository.get("s7", "c7", at=AT),
        "revision": lambda: repository.get("s7", "c7", revision=1),
        "load": lambda: repository.load_sandbox("s7", at=AT),
        "find": lambda: repository.find("device=d1007", at=AT, all_hosts=True),
        "history": lambda: list(repository.history("s7", "c7")),
    }
    database = repository.database
    sent: list[tuple[str, Any]] = []

    def listen(_connection: object, _cursor: object, sql: str, values: object, _context: object, _many: bool) -> None:
        sent.append((sql, values))

    event.listen(database.engine, "before_cursor_execute", listen)
    assert calls[ask]()
    event.remove(database.engine, "before_cursor_execute", listen)
    selects = [one for one in sent if one[0].startswith(("SELECT", "WITH"))]
    assert selects
    assert [found for sql, values in selects if (found := _scanned(database, sql, values))] == []


def test_who_had_a_path_is_found_by_an_index(repository: ContainerRepository) -> None:
    """Removed containers are found by their paths, and removed sandboxes by their IDs, whatever else there was."""
    for number in range(CONTAINERS - 1):
        repository.destroy_sandbox(f"s{number}")
    database = repository.database
    sent: list[tuple[str, Any]] = []

    def listen(_connection: object, _cursor: object, sql: str, values: object, _context: object, _many: bool) -> None:
        sent.append((sql, values))

    with database.engine.connect() as connection:
        if database.backend.name == "postgresql":
            connection.exec_driver_sql("ANALYZE")
        elif database.backend.name == "mariadb":
            connection.exec_driver_sql(f"ANALYZE TABLE {', '.join(HISTORY)}").all()
    event.listen(database.engine, "before_cursor_execute", listen)
    found = repository.past_holders(paths=[f"/host/{i}" for i in range(9)], sids=["s7", "none"])
    event.remove(database.engine, "before_cursor_execute", listen)
    assert len(found) == 10
    plans = []
    for sql, values in sent:
        if not sql.startswith("SELECT"):
            continue
        with database.engine.connect() as connection:
            explain = "EXPLAIN QUERY PLAN" if database.backend.name == "sqlite" else "EXPLAIN"
            if database.backend.name == "postgresql":
                # small tables are joined whole; the question is whether they must be
                for name in ("seqscan", "hashjoin", "mergejoin"):
                    connection.exec_driver_sql(f"SET enable_{name} = off")
            plans.append(str(connection.exec_driver_sql(f"{explain} {sql}", values).all()))
    holders, ended, removed = plans
    assert "ix_mount_history_host_path" in holders
    assert "ix_mount_history_source" in holders
    assert "host_sid" not in ended  # but by primary keys
    assert "ix_sandbox_lifetime_host_sid" in removed


def test_the_holders_of_a_host_device_are_found_by_an_index(repository: ContainerRepository) -> None:
    """Who holds a host device is found by its address, in a fleet."""
    database = repository.database
    report = reports.find("vfio-holders", database.backend.name)
    rows = reports.run(database, report, report.values(["0007:00:00.1"])).rows
    assert [(row[1], row[5]) for row in rows] == [("s7", "v7")]
    assert _scanned(database, report.sql.replace(":bdf", "'0007:00:00.1'"), ()) == []


LENGTHS = (255, 256, 2704, 3073, 4096, 5000, 70000)


@pytest.mark.parametrize("letters", ["abc", "\N{SNOWMAN}\N{PILE OF POO}é"], ids=["narrow", "wide"])
def test_long_paths(database_url: str, letters: str) -> None:
    """A path of any length can be stored despite the indexes, and is found by its full text and by a prefix."""
    chance = random.Random(letters)
    with Database(database_url) as database:
        repository = ContainerRepository(database, host="node-1")
        for length in LENGTHS:
            path = "/" + "".join(chance.choices(letters, k=length - 1))
            twin = path[:-1] + "x"
            for cid, text in (("one", path), ("twin", twin)):
                state = ContainerState(
                    cgroup_path=text,
                    bundle_path=text,
                    rootfs=Mount(source=text, host_path=text, block_device_id=text),
                    device_maps=[DeviceMap(id=text)],
                )
                if cid == "one":
                    repository.save_sandbox(SandboxState(sid=f"s{length}"), {cid: state})
                else:
                    repository.save(f"s{length}", cid, state)
            for key in ("cgroup", "bundle", "source", "host-path", "block-device", "rootfs-device", "device"):
                assert [one.cid for one in repository.find(parse(f"{key}={path}"))] == ["one"]
                assert [one.cid for one in repository.find(parse(f"{key}={path[:-1]}*"))] == ["one", "twin"]
