"""The order of a container's lists on SQLite, which reads them by their primary key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository, Database, SandboxState
from persistdb.records import DeviceMap, Mount, Process

from .samples import container

if TYPE_CHECKING:
    from persistdb.db.work import Statement

RECORD = container(
    mounts=[Mount(source=f"/{-i % 30:02}", destination=f"/{i * 7 % 30:02}") for i in range(30)],
    device_maps=[DeviceMap(id=f"{-i % 30:02}") for i in range(30)],
    processes=[Process(token=f"{i * 7 % 30:02}", pid=30 - i) for i in range(30)],
)


def test_indexes_of_others_change_no_order(sqlite_url: str) -> None:
    """Lists come as they were saved, whatever index somebody adds, and whatever SQLite knows of the rows."""
    with Database(sqlite_url) as database:
        repository = ContainerRepository(database, host="node-1")
        repository.save_sandbox(SandboxState(sid="pod"), {"c": RECORD, "other": container("x")})
        with database.writer.begin() as connection:
            for table, columns in {
                "mount": "container_id, destination, position",
                "device_map": "container_id, device_id",
                "process": "container_id, token, position DESC",
            }.items():
                connection.exec_driver_sql(f"CREATE INDEX own_{table} ON {table} ({columns})")
            connection.exec_driver_sql("ANALYZE")
        database.close()
        assert repository.get("pod", "c").record == RECORD
        assert repository.look_up("c").record == RECORD
        assert repository.load_sandbox("pod").containers["c"].record == RECORD
        assert next(iter(repository.iterate())).record == RECORD


@pytest.mark.parametrize("name", ["get", "load", "snapshot"])
def test_lists_are_read_by_their_primary_key(sqlite_url: str, name: str) -> None:
    """No list is sorted, nor copied by a subquery."""
    with Database(sqlite_url) as database:
        repository = ContainerRepository(database, host="node-1")
        statement: Statement = getattr(repository._statements, name)
        values = [""] * statement.sql.count("?")
        with database.reader.connect() as connection:
            plan = [
                step for *_, step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.sql}", tuple(values))
            ]
    for alias in "mdp":
        mine = [step for step in plan if f" {alias} " in f" {step} "]
        assert mine, plan
        assert all(step.startswith(f"SEARCH {alias} USING PRIMARY KEY (container_id=?") for step in mine), mine
