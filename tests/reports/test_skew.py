"""Fleets in which much is equal: reports look at each row about as often as in one where all is different."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from persistdb import ContainerRepository, Database
from persistdb.records import ContainerState, DeviceMap, Mount, SandboxState, SandboxWrite
from persistdb.reports import catalog, page_hosts, pages, readonly, scope
from tests.store.test_growth import rows_read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from persistdb.reports.catalog import Report

FEW, MANY = 30, 240
SAME = "5d41402abc4b2a76"


def _document(ids: list[str]) -> str:
    return json.dumps({"Devices": [{"ID": each, "Type": "generic", "RefCount": 1} for each in ids]})


def _sandboxes(database: Database, number: int) -> None:
    """Store sandboxes that all have a device of one ID, each in a map and in a mount, and one of their own."""
    own = [(f"s{i:03}", f"d{i}") for i in range(number)]
    ContainerRepository(database, host="node-1").save_many(
        SandboxWrite(
            sid=sid,
            record=SandboxState(sid=sid, document=_document([SAME, device])),
            containers={
                sid: ContainerState(
                    device_maps=[DeviceMap(id=SAME), DeviceMap(id=device)], mounts=[Mount(block_device_id=SAME)]
                )
            },
        )
        for sid, device in own
    )


def _analyze(database: Database) -> None:
    words = {
        "postgresql": "ANALYZE",
        "mariadb": "ANALYZE TABLE sandbox, container, mount, device_map, process, sandbox_device",
    }
    if database.backend.name in words:
        with database.engine.execution_options(persistdb_begin="write").begin() as connection:
            connection.exec_driver_sql(words[database.backend.name])


def _rows_of(
    database: Database, report: Report, hosts: Sequence[str], given: Mapping[str, object] | None = None
) -> int:
    """Return how many rows an engine looks at for a report of some hosts, or of all where none are named."""
    sql, parameters = scope.of_hosts(database, report, hosts) if hosts else (report.sql, {})
    values_of = report.values([]) if given is None else given
    sql, values = readonly.bound(database, sql, {**values_of, **parameters})
    bound: Any = tuple(values) if isinstance(values, list) else values
    return rows_read(database, sql, bound)


@pytest.mark.parametrize("hosts", [[], ["node-1"]], ids=["all", "host"])
@pytest.mark.parametrize("name", ["refcounts", "dangling-devices"])
def test_a_device_that_all_sandboxes_have(store_url: str, name: str, hosts: list[str]) -> None:
    """Each sandbox's devices are compared with its own containers' only, however many have the same ID."""
    with Database(store_url) as database:
        each = []
        for number in (FEW, MANY):
            _sandboxes(database, number)
            _analyze(database)
            each.append(_rows_of(database, catalog.find(name, database.backend.name), hosts) / number)
    few, many = each
    assert many <= 1.5 * few


def _sandbox(database: Database, number: int) -> None:
    """Store one sandbox whose containers have a disk each."""
    disks = [{"ID": f"d{i}", "Type": "block", "DevType": "b", "Major": 8, "Minor": i + 1} for i in range(number)]
    containers = {f"c{i}": ContainerState(device_maps=[DeviceMap(id=f"d{i}")]) for i in range(number)}
    record = SandboxState(sid="s", document=json.dumps({"Devices": disks}))
    ContainerRepository(database, host="node-1").save_sandbox(record, containers)


def test_the_holders_of_a_device_in_a_large_sandbox(store_url: str) -> None:
    """Who holds a device is found in the sandbox's list, which is not gone through for each of its containers."""
    with Database(store_url) as database:
        each = []
        report = catalog.find("device-holders", database.backend.name)
        values = report.values(["d7"])
        for number in (FEW, MANY):
            _sandbox(database, number)
            _analyze(database)
            each.append(_rows_of(database, report, ["node-1"], values) / number)
    few, many = each
    assert many <= 1.5 * few


@pytest.mark.parametrize("name", ["writable-binds", "paths"])
def test_a_page_of_many_hosts(sqlite_url: str, name: str) -> None:
    """A page of very many hosts with a sandbox each begins with these: SQLite has no statistics to see that."""
    with Database(sqlite_url) as database:
        repository = ContainerRepository(database, host="node-1")
        mounts = [Mount(source=f"/srv/{i}", destination="/d", host_path=f"/run/{i}") for i in range(5)]
        report = catalog.find(name, "sqlite")
        values = report.values(["/"])
        counts: list[float] = []
        for number in (pages.SANDBOXES, 4 * pages.SANDBOXES):
            repository.save_many(
                SandboxWrite(sid=f"{number}-{i}", record=SandboxState(sid=f"{number}-{i}"), containers={"c": one})
                for i, one in enumerate([ContainerState(mounts=mounts)] * (number - len(counts) * pages.SANDBOXES))
            )
            with database.session(write=True) as session:
                session.execute(text("UPDATE sandbox SET host = 'h' || id WHERE host = 'node-1'"))
            group = next(page_hosts.host_groups(database, report, pages.SANDBOXES, timeout=60))
            counts.append(_rows_of(database, report, group.hosts, values) / group.sandboxes)
    few, many = counts
    assert many <= 1.5 * few


def test_what_was_mounted_from_a_path(sqlite_url: str) -> None:
    """Mounts of a path at a time are sought by that path, not among all that begin with a slash."""
    with Database(sqlite_url) as database:
        report = catalog.find("paths", "sqlite", past=True)
        values = report.values(["/srv/7"]) | {"at": datetime.now(UTC)}
        counts = []
        for number in (FEW, MANY):
            mounts = [Mount(source=f"/srv/{i}", destination="/d", host_path=f"/run/{i}") for i in range(number)]
            record = ContainerState(mounts=mounts)
            ContainerRepository(database, host="node-1").save_sandbox(SandboxState(sid="s"), {"c": record})
            counts.append(_rows_of(database, report, [], values))
    few, many = counts
    assert many <= 1.5 * few
