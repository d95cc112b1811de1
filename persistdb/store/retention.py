"""How long the database keeps history: a setting of the database, which its programs read with each change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, exists, func, insert, literal, literal_column, select, update
from sqlalchemy.exc import SQLAlchemyError

from ..errors import InvalidValue
from ..schema.core import container, sandbox
from ..schema.core_history import (
    container_history,
    container_lifetime,
    event,
    retention,
    sandbox_history,
    sandbox_lifetime,
)
from ..schema.prepare import prepare
from ..validation import INT64, check_kind
from .recorded_versions import CHILDREN

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.engine import Connection

    from ..db.database import Database
    from ..engines import Backend


# Where recording is to begin, until it has begun: nothing is asked for that is later.
_NOT_YET = datetime(9999, 12, 31, tzinfo=UTC)


class Retention(NamedTuple):
    """How many seconds history is kept, ``None`` for ever, 0 for not at all; and since when it is known."""

    seconds: int | None
    horizon: datetime


def get(database: Database) -> Retention:
    """Return the setting."""
    prepare(database)
    try:
        with database.reader.connect() as connection:
            return _stored(connection)
    except (SQLAlchemyError, OSError) as error:
        raise database.failure(error) from error


def set_seconds(database: Database, seconds: int | None) -> Retention:
    """Keep history for so many seconds, ``None`` for ever, and return the setting; 0 records nothing from now on.

    History that begins again begins with what is there: all that was recorded before has a gap, and is removed. It
    waits for the transactions of programs that did not record. Raises :class:`~persistdb.errors.InvalidValue`.
    """
    if seconds is not None:
        check_kind("seconds", seconds, int)
        if not 0 <= seconds < INT64.stop:
            raise InvalidValue("seconds", seconds, "must be a number of seconds, 0 for no history, or None for ever")
    prepare(database)
    try:
        with database.writer.begin() as connection:
            before = _stored(connection)
            begins = seconds != 0 and (before.seconds == 0 or before.horizon == _NOT_YET)
            values: dict[str, Any] = {"seconds": seconds} | ({"horizon": _NOT_YET} if begins else {})
            connection.execute(update(retention).values(values))
        if begins:
            _wait_for_those_who_do_not_record(database)
            with database.writer.begin() as connection:
                _begin(connection, database.backend)
        return get(database)
    except (SQLAlchemyError, OSError) as error:
        raise database.failure(error) from error


def _stored(connection: Connection) -> Retention:
    return Retention(*connection.execute(select(retention.c.seconds, retention.c.horizon)).one())


def _wait_for_those_who_do_not_record(database: Database) -> None:
    with database.writer.connect() as connection:
        # all that write have read the last of these
        database.backend.wait_for_writers(connection, [sandbox.name, container.name, retention.name])
        connection.commit()


def _begin(connection: Connection, backend: Backend) -> None:
    """Remove what has a gap, all but the last event, whose ID is not to come again, and begin with what is there."""
    now = datetime.now(UTC)
    _repeat_last_event(connection, backend)
    for past in (*(past for _, past in CHILDREN), container_history, sandbox_history):
        connection.execute(delete(past))
    last_id, last_transaction = _last_event(connection)
    if last_id is not None:
        connection.execute(delete(event).where(event.c.id < last_id))
    for life, live in ((container_lifetime, container), (sandbox_lifetime, sandbox)):
        there = exists(select(live.c.id).where(live.c.id == life.c.id))
        connection.execute(delete(life).where(~there))
        names = [column.name for column in life.c if column.name != "removed_at"]
        known = exists(select(life.c.id).where(life.c.id == live.c.id))
        connection.execute(insert(life).from_select(names, select(*(live.c[name] for name in names)).where(~known)))
        connection.execute(update(life).values(removed_at=None).where(life.c.removed_at.is_not(None)))
    connection.execute(
        update(retention).values(
            horizon=literal(now, retention.c.horizon.type),
            pruned_id=retention.c.pruned_id + 1 if last_id is None else last_id,
            pruned_transaction_id=last_transaction or 0,
        )
    )


def _repeat_last_event(connection: Connection, backend: Backend) -> None:
    """Give the last event a place of its own: all who have read it have missed what was not recorded since."""
    last_id, _ = _last_event(connection)
    names = [column.name for column in event.c if column.name not in ("id", "transaction_id")]
    columns: dict[str, ColumnElement[Any]] = {name: event.c[name] for name in names}
    if backend.transaction_id is not None:
        columns["transaction_id"] = literal_column(backend.transaction_id)
    last = select(*columns.values()).where(event.c.id == last_id)
    connection.execute(insert(event).from_select(list(columns), last))


def _last_event(connection: Connection) -> tuple[int | None, int | None]:
    last_id, last_transaction = connection.execute(select(func.max(event.c.id), func.max(event.c.transaction_id))).one()
    return last_id, last_transaction
