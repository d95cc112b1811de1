"""The checks before a change of the schema: rows that block it, losses, and other programs' databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from persistdb import Database
from persistdb.errors import ChangeBlocked, Loss, NotFound, SchemaMissing, SchemaTooNew, WouldLose
from persistdb.schema import migrate, preflight, version
from persistdb.schema.prepare import prepare

from . import dumps, model
from .newer import say

if TYPE_CHECKING:
    from collections.abc import Callable


def _state(database: Database) -> tuple[object, ...]:
    return version.current(database), dumps.schema(database.engine), dumps.rows(database.engine)


def test_same_token(database: Database) -> None:
    """Two processes of a sandbox with the same token are named before the upgrade that would refuse them, and stay."""
    migrate.upgrade(database, "0001")
    dumps.insert(database.engine, model.sample("0001"))
    dumps.execute(database, "UPDATE process SET token = 'pod-a' WHERE container_id = 11")
    before = _state(database)
    with pytest.raises(ChangeBlocked) as error:
        migrate.upgrade(database)
    (finding,) = error.value.findings
    assert finding.columns == ("sid", "cid", "position", "token")
    assert finding.rows == (("pod-a", "c1", 0, "pod-a"), ("pod-a", "pod-a", 0, "pod-a"))
    assert "sid='pod-a', cid='c1', position=0, token='pod-a'" in str(error.value)
    assert _state(database) == before


def test_same_sandbox_on_two_hosts(database: Database) -> None:
    """Sandboxes that differ only by host are named before the downgrade that would confuse them."""
    migrate.upgrade(database)
    dumps.insert(database.engine, model.at_head(model.sample("0001"), "0001"))
    dumps.execute(database, "UPDATE sandbox SET sid = 'pod-a', host = 'b' WHERE id = 2")
    before = _state(database)
    with pytest.raises(ChangeBlocked, match="sid='pod-a', host='b'"):
        migrate.downgrade(database, "0003", allow_loss=True)
    assert _state(database) == before


def test_orphans(sqlite_url: str) -> None:
    """Rows without their parent, left by a program that had foreign keys off, are named before an upgrade."""
    with Database(sqlite_url) as database:
        migrate.upgrade(database, "0001")
        dumps.insert(database.engine, model.sample("0001"))
        connection = database.engine.raw_connection()
        connection.cursor().execute("PRAGMA foreign_keys = OFF")
        connection.cursor().execute("DELETE FROM container WHERE id IN (12, 20)")
        connection.cursor().execute("PRAGMA foreign_keys = ON")
        connection.close()
        before = _state(database)
        with pytest.raises(ChangeBlocked) as error:
            migrate.upgrade(database)
        assert [(f.what, f.count) for f in error.value.findings] == [
            ("rows of mount without their container", 1),
            ("rows of device_map without their container", 1),
            ("rows of process without their container", 3),
        ]
        assert _state(database) == before


def test_many_findings_are_counted() -> None:
    """A finding with many rows has the first ones and the count of all."""
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        numbers = (
            "WITH RECURSIVE q(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM q WHERE i < 4999) SELECT i FROM q ORDER BY i"
        )
        (finding,) = preflight.find_rows(connection, "numbers", numbers)
    assert (finding.count, len(finding.rows)) == (5000, preflight.SHOWN)
    assert str(finding).endswith("; i=19; and 4980 more")


def test_loss_is_refused(database: Database) -> None:
    """A downgrade that would lose something lists what and how much, and does nothing; without a loss it is done."""
    migrate.upgrade(database, "0003")
    data = model.sample("0003")
    dumps.insert(database.engine, data)
    before = _state(database)
    with pytest.raises(WouldLose) as error:
        migrate.downgrade(database, "0001")
    expected = [
        Loss("device_map.shared", 1, "0003"),
        Loss("mount.mounted", 3, "0002"),
        *(Loss(f"mount.{name}", 1, "0002") for name in ("source", "destination")),
        Loss("mount.options", 2, "0002"),
        *(Loss(f"mount.{name}", 1, "0002") for name in ("host_path", "read_only")),
    ]
    assert list(error.value.losses) == expected
    assert "device_map.shared of 1 row, mount.mounted of 3 rows" in str(error.value)
    assert migrate.losses(database, "0001") == expected
    assert _state(database) == before
    dumps.execute(database, "UPDATE device_map SET shared = false")
    migrate.downgrade(database, "0002")
    assert version.current(database) == "0002"


def test_newer(database: Database) -> None:
    """A database of a newer program is refused with both versions, and not touched."""
    migrate.upgrade(database)
    say(database)
    changes: list[Callable[[], object]] = [
        lambda: migrate.upgrade(database),
        lambda: migrate.downgrade(database, "0001"),
        lambda: prepare(database),
    ]
    for change in changes:
        with pytest.raises(SchemaTooNew, match=f"9999.*{version.HEAD}"):
            change()


def test_not_ours(database: Database) -> None:
    """A database that holds other tables, and no schema of ours, is refused and not touched."""
    dumps.execute(database, "CREATE TABLE mount (a INTEGER)")
    with pytest.raises(SchemaMissing):
        migrate.upgrade(database)
    assert list(dumps.schema(database.engine)) == ["mount"]


def test_unknown_target(database: Database) -> None:
    """A revision that is not in the history raises NotFound."""
    with pytest.raises(NotFound, match="0815"):
        migrate.upgrade(database, "0815")


def test_again(database: Database) -> None:
    """An upgrade and a downgrade to the current revision do nothing, and return that."""
    migrate.upgrade(database)
    before = _state(database)
    assert migrate.upgrade(database) == migrate.Change(version.HEAD, version.HEAD, None)
    assert migrate.upgrade(database, "0002") == migrate.Change(version.HEAD, version.HEAD, None)
    assert migrate.downgrade(database, version.HEAD) == migrate.Change(version.HEAD, version.HEAD, None)
    assert _state(database) == before


def test_progress(database: Database) -> None:
    """Each revision is reported before it starts, with the number of rows that it copies."""
    migrate.upgrade(database, "0001")
    dumps.insert(database.engine, model.sample("0001"))
    steps: list[migrate.Step] = []
    migrate.upgrade(database, "0003", progress=steps.append)
    assert [(step.revision.id, step.number, step.total, step.rows) for step in steps] == [
        ("0002", 1, 2, 10),
        ("0003", 2, 2, 3),
    ]
