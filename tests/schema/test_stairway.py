"""Every revision, up and down and up again, with and without rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from persistdb.schema import migrate, revisions, version

from . import dumps, model

if TYPE_CHECKING:
    from persistdb import Database

STAIRS = [(before, after) for before, after in zip(("base", *version.REVISIONS), version.REVISIONS, strict=False)]


def _up(database: Database, revision: str) -> None:
    migrate.upgrade(database, revision, host=model.HOST, moment=model.MOMENT)


def _orphans(database: Database) -> list[object]:
    if database.backend.name != "sqlite":
        return []  # the servers check each foreign key when it is created
    with database.engine.connect() as connection:
        return list(connection.exec_driver_sql("PRAGMA foreign_key_check"))


def test_each_revision_has_a_data_check() -> None:
    """A revision without a step in the model fails the suite."""
    assert tuple(model.STEPS) == version.REVISIONS


def test_the_program_knows_the_history() -> None:
    """The revisions that the program knows without Alembic are the ones in the folder, in order."""
    assert tuple(revision.id for revision in revisions.history()) == version.REVISIONS


@pytest.mark.parametrize("revision", revisions.history(), ids=lambda revision: revision.id)
def test_each_revision_says_what_it_is_for(revision: revisions.Revision) -> None:
    """A revision has a title of one line and says what its downgrade loses."""
    assert "\n" not in revision.text.split("\n\n")[0]
    assert "\n\nDowngrade: " in revision.text


@pytest.mark.slow
def test_empty(database: Database) -> None:
    """On an empty database, each downgrade leaves exactly the schema from before the upgrade."""
    for before, after in STAIRS:
        old = dumps.schema(database.engine)
        _up(database, after)
        new = dumps.schema(database.engine)
        assert new != old
        migrate.downgrade(database, before, allow_loss=True)
        if before != "base":  # Alembic's own table stays
            assert dumps.schema(database.engine) == old
        assert version.current(database) == (None if before == "base" else before)
        _up(database, after)
        assert dumps.schema(database.engine) == new


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), STAIRS)
def test_what_was_there_before_survives(database: Database, before: str, after: str) -> None:
    """Rows of the old schema are upgraded as the model says, downgraded unchanged, and upgraded again."""
    if before != "base":
        _up(database, before)
        data = model.sample(before)
        dumps.insert(database.engine, data)
        assert dumps.rows(database.engine) == data
    _up(database, after)
    if before == "base":
        dumps.insert(database.engine, model.plain(after))
        assert dumps.rows(database.engine) == model.plain(after)
        return
    assert dumps.rows(database.engine) == model.plain(after)
    assert not _orphans(database)
    migrate.downgrade(database, before, allow_loss=True)
    assert dumps.rows(database.engine) == data
    assert not _orphans(database)
    _up(database, after)
    assert dumps.rows(database.engine) == model.plain(after)


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), STAIRS)
def test_what_a_downgrade_loses_is_declared(database: Database, before: str, after: str) -> None:
    """A downgrade loses as many values of each column as the revision declares, and no others."""
    _up(database, after)
    data = model.sample(after)
    dumps.insert(database.engine, data)
    revision = next(revision for revision in revisions.history() if revision.id == after)
    with database.engine.connect() as connection:
        declared = {place: connection.execute(sa.text(sql)).scalar_one() for place, sql in revision.loses.items()}
    old = dumps.schema(database.engine)
    migrate.downgrade(database, before, allow_loss=True)
    assert dumps.rows(database.engine) == model.down(data, after)
    assert not _orphans(database)
    if before == "base":
        assert declared == {table: len(rows) for table, rows in data.items()}
        return
    _up(database, after)
    assert dumps.schema(database.engine) == old
    lost = dict.fromkeys(declared, 0)
    now = {table: {_key(row): row for row in rows} for table, rows in dumps.rows(database.engine).items()}
    for table, rows in data.items():
        for row in rows:
            for column, value in row.items():
                if _key(row) in now[table] and now[table][_key(row)][column] != value:
                    lost[f"{table}.{column}"] = lost.get(f"{table}.{column}", 0) + 1
            if _key(row) not in now[table]:
                lost[table] = lost.get(table, 0) + 1
    assert lost == _worst(declared, lost, data)


def _key(row: dict[str, object]) -> tuple[object, ...]:
    own = {"id", "bucket"} & row.keys()
    keys = ("id", "bucket") if own else ("container_id", "position", "name", "number", "sandbox_id")
    return tuple(row[key] for key in keys if key in row)


def _worst(declared: dict[str, int], lost: dict[str, int], data: dumps.Rows) -> dict[str, int]:
    """Return the declared losses without values that the upgrade happens to restore: its timestamp and its host."""
    again = {"created_at": model.MOMENT, "updated_at": model.MOMENT, "host": model.HOST}
    return {
        place: count - sum(row[column] == again[column] for row in data[table]) if column in again else count
        for place, count in declared.items()
        for table, _, column in [place.partition(".")]
    }


def test_all_the_way(database: Database) -> None:
    """Rows of the baseline reach the newest schema in one change, and return to the baseline without a loss."""
    _up(database, "0001")
    data = model.plain("0001")
    dumps.insert(database.engine, data)
    _up(database, "head")
    assert dumps.rows(database.engine) == model.at_head(data, "0001")
    migrate.downgrade(database, "0001", allow_loss=True)
    assert dumps.rows(database.engine) == data
