"""What happened to a container or to a sandbox, and what each change changed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from ..db import work
from ..errors import NotFound
from ..records import Changes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..records import Version
    from ..store.repository import ContainerRepository

NOTHING: Final = Changes()
_PAGE: Final = 500
_EVENTS: Final = (
    "SELECT id, {at}, cid, kind, revision, old_state, new_state, cause, actor, reason FROM events"
    " WHERE host = :host AND sid = :sid AND id > :after{container} ORDER BY id LIMIT :limit"
)


class Happened(NamedTuple):
    """An event, and what it changed of a container; of a sandbox's own changes only the states are known."""

    at: datetime
    cid: str | None
    kind: str
    revision: int
    old_state: str | None
    new_state: str | None
    cause: str
    actor: str | None
    reason: str | None
    changes: Changes


def life(repository: ContainerRepository, sid: str, cid: str | None = None) -> Iterator[Happened]:
    """Yield what happened to a container, or to a sandbox and all its containers, the first first.

    Raises :class:`~persistdb.errors.NotFound` where nothing is known of it, :class:`~persistdb.errors.HistoryOff`,
    :class:`~persistdb.errors.Unreadable`.
    """
    versions: dict[str, _Versions] = {}
    found = False
    for event in _events(repository, sid, cid):
        found = True
        changes = NOTHING
        if event.cid is not None and event.kind == "changed":
            of_container = versions.setdefault(event.cid, _Versions(repository, sid, event.cid))
            changes = of_container.changes(event)
        yield event._replace(changes=changes)
    if not found:
        ref = sid if cid is None else f"{sid}/{cid}"
        raise NotFound("sandbox" if cid is None else "container", ref, repository.host)


def _events(repository: ContainerRepository, sid: str, cid: str | None) -> Iterator[Happened]:
    database = repository.database
    container = "" if cid is None else " AND cid = :cid"
    sql = _EVENTS.format(at=database.backend.utc_text("at"), container=container)
    statement = work.Statement(sql, database.backend.style)
    after, size = 0, _PAGE
    while size == _PAGE:
        values = {"host": repository.host, "sid": sid, "cid": cid, "after": after, "limit": _PAGE}
        rows = database.read(lambda: work.rows(statement, values))  # noqa: B023  run at once
        size = len(rows)
        for id_, at, *others in rows:
            after = id_
            yield Happened._make([datetime.fromisoformat(at), *others, NOTHING])


class _Versions:
    """The versions of a container, gone through beside its events."""

    def __init__(self, repository: ContainerRepository, sid: str, cid: str) -> None:
        self._versions = repository.history(sid, cid)
        self._last = self._next()

    def changes(self, event: Happened) -> Changes:
        """Return what an event changed, if the version that it began is kept."""
        while self._last is not None and self._is_before(self._last, event):
            self._last = self._next()
        is_it = self._last is not None and self._last.container.revision == event.revision
        return self._last.changes if self._last is not None and is_it else NOTHING

    def _is_before(self, version: Version, event: Happened) -> bool:
        return (version.valid_from, version.container.revision) < (event.at, event.revision)

    def _next(self) -> Version | None:
        try:
            return next(self._versions, None)
        except NotFound:
            return None
