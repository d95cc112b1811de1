"""Rows of sandboxes and containers, locked before what belongs to them is changed."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.orm.attributes import set_committed_value

from ...schema.tables import Container, Sandbox
from ..statements import among

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from sqlalchemy import ColumnElement
    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session

Parent = type[Sandbox] | type[Container]


class Locked(NamedTuple):
    """What a row has when it is locked."""

    id: int
    revision: int
    created_at: datetime
    updated_at: datetime
    state: str

    def stamp(self, now: datetime, created_at: datetime | None = None) -> datetime:
        """Return the time of a change, which precedes neither the creation nor the last change, whatever the clock."""
        return max(created_at or self.created_at, self.updated_at, now)


def now() -> datetime:
    """Return the time of a change that is made now."""
    return datetime.now(UTC)


def check_may_write(session: Session) -> None:
    """Ask, once in a transaction, whether this program may write: an error of the engine says that it may not.

    The query is :func:`persistdb.schema.version.may_write`'s, which the session was given.
    """
    connection = session.connection()  # begins it
    transaction = session.get_transaction()
    if session.info.get("asked") is not transaction:
        session.info["asked"] = transaction
        connection.exec_driver_sql(session.info["may_write"])


def lock(connection: Connection, parent: Parent, wanted: ColumnElement[bool], values: Any = None) -> dict[int, Locked]:
    """Lock the wanted rows, by their IDs, as a repository's writers do with the ones that they change."""
    query = (
        select(parent.id, parent.revision, parent.created_at, parent.updated_at, parent.state)
        .where(wanted)
        .order_by(parent.id)
        .with_for_update()
    )
    return {row.id: Locked(*row) for row in connection.execute(query, values)}


class Named(NamedTuple):
    """Where a container is, and how it is called."""

    sandbox_id: int
    cid: str


def names(connection: Connection, containers: Collection[int]) -> dict[int, Named]:
    """Return the sandboxes and IDs of containers."""
    query = select(Container.id, Container.sandbox_id, Container.cid).where(
        among(Container.id, containers)  # type: ignore[arg-type]  # a column in fact
    )
    return {id_: Named(sandbox_id, cid) for id_, sandbox_id, cid in connection.execute(query)}


def sums(connection: Connection, sandboxes: Collection[int]) -> dict[int, int]:
    """Return the sum of the containers' revisions for each sandbox, as the revision of a sandbox has it."""
    query = (
        select(Container.sandbox_id, func.sum(Container.revision))
        .where(among(Container.sandbox_id, sandboxes))  # type: ignore[arg-type]  # a column in fact
        .group_by(Container.sandbox_id)
    )
    return defaultdict(int, {sandbox: int(total) for sandbox, total in connection.execute(query)})


def raise_revisions(
    session: Session, parent: Parent, rows: Iterable[Locked], time: datetime, by: Mapping[int, int] | None = None
) -> None:
    """Add to the revisions of locked rows, one if ``by`` does not say more, and stamp them with a time.

    Objects of the session that had the locked revision get the new one, so that they can be edited on.
    """
    groups: defaultdict[tuple[int, datetime], list[Locked]] = defaultdict(list)
    for row in rows:
        groups[1 if by is None else by[row.id], row.stamp(time)].append(row)
    for (more, stamp), alike in groups.items():
        changed = update(parent.__table__).where(among(parent.__table__.c.id, [row.id for row in alike]))
        session.connection().execute(changed.values(revision=parent.__table__.c.revision + more, updated_at=stamp))
        for row in alike:
            present = session.identity_map.get(session.identity_key(parent, row.id))
            if present is not None and present.__dict__.get("revision") == row.revision:
                set_committed_value(present, "revision", row.revision + more)
                set_committed_value(present, "updated_at", stamp)
