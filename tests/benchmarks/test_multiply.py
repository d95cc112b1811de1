"""Hosts that are copied inside the database, for fleets that are large."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from benchmarks import fleet
from benchmarks.fleet import multiply
from persistdb import ContainerRepository, Database
from persistdb.schema.core import METADATA
from persistdb.store.check import find_faults

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
CONTAINERS = 60


def _counts(database: Database) -> dict[str, int]:
    with database.engine.connect() as connection:
        tables = METADATA.sorted_tables
        return {table.name: connection.scalars(select(func.count()).select_from(table)).one() for table in tables}


def test_copied_hosts(database_url: str, tmp_path: Path) -> None:
    """Copied hosts have as many rows as one that is saved, pass the check, and others can be saved beside them."""
    with Database(f"sqlite:///{tmp_path}/saved.db") as saved:
        fleet.fill_host(saved, fleet.host_name(0), CONTAINERS)
        before = _counts(saved)
        fleet.fill_host(saved, multiply.TEMPLATE, CONTAINERS)
        once = {name: number - before[name] for name, number in _counts(saved).items()}
    with Database(database_url) as database:
        fleet.fill_host(database, fleet.host_name(0), CONTAINERS)
        first = _counts(database)
    multiply.fill(database_url, range(1, 4), containers=CONTAINERS)
    with Database(database_url) as database:
        assert _counts(database) == {name: number + 3 * once[name] for name, number in first.items()}
        assert find_faults(database) == []
        fleet.fill_host(database, fleet.host_name(4), CONTAINERS)
        assert find_faults(database) == []


def test_the_ids_of_copies(sqlite_url: str) -> None:
    """Each copy has IDs of its own, in all that names them, but for the container that each host has."""
    multiply.fill(sqlite_url, range(3), containers=CONTAINERS)
    with Database(sqlite_url) as database:
        found = list(ContainerRepository(database, host="any").iterate(all_hosts=True))
        assert len({one.cid for one in found}) == 3 * (CONTAINERS - 1) + 1
        assert len({one.sid for one in found}) == 3 * CONTAINERS // fleet.PER_SANDBOX
        assert {one.host for one in found if one.cid == fleet.ON_EACH_HOST} == {f"node-00{i}" for i in range(3)}
        for one in found:
            assert set(one.sid) <= set(fleet.HEXADECIMAL)
            assert one.record.to_json().isascii()
            own = ContainerRepository(database, host=one.host)
            sandbox = own.load_sandbox(one.sid)
            assert str(sandbox.record.document).isascii()
            assert f'"{one.host}"' in str(sandbox.record.document)
            assert own.look_up(one.cid).record == one.record
