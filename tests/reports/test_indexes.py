"""The indexes that filters and look-ups use, and values that must not break them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from persistdb import ContainerRepository, Database
from persistdb.filters import parse
from persistdb.records import ContainerState, DeviceMap, Mount, Process, SandboxState, SandboxWrite
from persistdb.schema.tables import Base

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTAINERS = 400
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


@pytest.fixture
def repository(database_url: str) -> Iterator[ContainerRepository]:
    """Store some hundreds of containers on one host, and let the servers collect statistics."""
    with Database(database_url) as database:
        repository = ContainerRepository(database, host="node-1")
        repository.save_many(
            SandboxWrite(sid=f"s{i}", record=SandboxState(sid=f"s{i}"), containers={f"c{i}": _container(i)})
            for i in range(CONTAINERS)
        )
        with database.engine.connect() as connection:
            if database.backend.name == "postgresql":
                connection.exec_driver_sql("ANALYZE")
            elif database.backend.name == "mariadb":
                connection.exec_driver_sql("ANALYZE TABLE sandbox, container, mount, device_map, process").all()
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
    with database.engine.connect() as connection:
        if database.backend.name == "sqlite":
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
            # by their names: lists of children and the page are read from subqueries, which have aliases
            return [step for step in plan if step.startswith("SCAN") and step.split()[1] in Base.metadata.tables]
        if database.backend.name == "postgresql":
            # small tables are read whole for that is quicker; the question is whether they must be
            connection.exec_driver_sql("SET enable_seqscan = off")
            plan = [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {sql}", values)]
            return [step for step in plan if "Seq Scan" in step]
        rows = connection.exec_driver_sql(f"EXPLAIN {sql}", values).mappings()
        return [str(dict(row)) for row in rows if row["type"] == "ALL" and not str(row["table"]).startswith("<")]


def test_no_keyed_filter_scans_a_table(repository: ContainerRepository) -> None:
    """The first page of a filter on an identifier or a path comes from indexes, on one host and on all."""
    scanned = {
        (condition, all_hosts): found
        for condition in KEYED
        for all_hosts in (False, True)
        if (found := _scans(repository, condition, all_hosts=all_hosts))
    }
    assert scanned == {}


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
