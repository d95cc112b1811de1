"""What is recorded of locked rows that a statement changes or removes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import revisions
from ..encoding import utc_text
from ..past import ContainerLife, EventRow, OldContainer, OldSandbox
from . import locked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from .locked import Locked
    from .recorder import Recorder


def recorder(session: Session) -> Recorder:
    """Return what records a session's changes."""
    found: Recorder = session.info["recorder"]
    return found


def keep_containers(session: Session, rows: Mapping[int, Locked], now: datetime, *kinds: int, whole: bool) -> None:
    """Keep the versions of containers that end, with all their children of these kinds."""
    old = [OldContainer(row.id, row.revision, whole, utc_text(now)) for row in rows.values()]
    keep, connection = recorder(session), session.connection()
    keep.keep_all_children(connection, old, *kinds)
    keep.keep_containers(connection, old)


def tell_of_containers(
    session: Session, rows: Mapping[int, Locked], states: Mapping[int, str], now: datetime, *, whole: bool
) -> None:
    """Write the events of containers that were changed; ``rows`` are as they were before."""
    connection = session.connection()
    names = locked.names(connection, rows) if rows else {}
    kind = "changed" if whole else "state"
    events = [
        EventRow(names[id_].sandbox_id, id_, kind, row.revision + 1, utc_text(row.stamp(now)), row.state, states[id_])
        for id_, row in rows.items()
    ]
    recorder(session).tell(connection, events)


def remove_containers(session: Session, rows: Mapping[int, Locked], now: datetime) -> None:
    """Record that containers are removed, before they are."""
    if not rows:
        return
    keep_containers(session, rows, now, 0, 1, 2, whole=True)
    connection = session.connection()
    names = locked.names(connection, rows)
    ended, events = [], []
    for id_, row in rows.items():
        home, at = names[id_].sandbox_id, utc_text(row.stamp(now))
        ended.append(ContainerLife(id_, home, names[id_].cid, utc_text(row.created_at), at))
        events.append(EventRow(home, id_, "removed", row.revision + 1, at, row.state, None))
    recorder(session).tell(connection, events, containers=ended)


def keep_sandboxes(session: Session, rows: Mapping[int, Locked], now: datetime, *, whole: bool) -> dict[int, int]:
    """Keep the versions of sandboxes' own rows that end, and return the revision that each sandbox was at."""
    if not rows:
        return {}
    connection = session.connection()
    totals = locked.sums(connection, rows)
    at = {row.id: revisions.of_sandbox(row.revision, [totals[row.id]]) for row in rows.values()}
    recorder(session).keep_sandboxes(
        connection, [OldSandbox(row.id, row.revision, at[row.id], whole, utc_text(now)) for row in rows.values()]
    )
    return at


def tell_of_sandboxes(
    session: Session,
    rows: Mapping[int, Locked],
    states: Mapping[int, str],
    before: Mapping[int, int],
    now: datetime,
    *,
    whole: bool,
) -> None:
    """Write the events of sandboxes whose own rows were changed; ``rows`` are as they were before, at a revision."""
    kind = "changed" if whole else "state"
    events = [
        EventRow(id_, None, kind, before[id_] + 1, utc_text(row.stamp(now)), row.state, states[id_])
        for id_, row in rows.items()
    ]
    recorder(session).tell(session.connection(), events)
