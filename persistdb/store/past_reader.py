"""The units of work that read what a host's sandboxes and containers were."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from ..db import work
from ..db.work import Statement
from ..errors import BeforeHorizon, HistoryOff, NotFound, Unreadable
from ..schema.names import RETENTION
from .encoding import utc_text
from .stored import SpoiltSandbox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..db.database import Database
    from ..db.work import Work
    from ..records import Container, Sandbox
    from .payloads import Decoders
    from .salvage import Salvage
    from .versions import Past

# A version that was live when it was looked for may have become a past one by the time it is read, once.
_ATTEMPTS: Final = 3


def horizon(database: Database) -> Work[datetime]:
    """Return from when on there is history; raises :class:`~persistdb.errors.HistoryOff`."""
    sql = f"SELECT seconds, {database.backend.utc_text('horizon')} FROM {RETENTION}"  # noqa: S608  constants of ours
    ((seconds, time),) = yield from work.rows(Statement(sql, database.backend.style), {})
    if seconds == 0:
        raise HistoryOff(database.url)
    return datetime.fromisoformat(time)


def check(database: Database, at: datetime) -> Work[None]:
    """Raise an error for a time of which nothing is known: an empty answer would look as if nothing had been there.

    They are :class:`~persistdb.errors.BeforeHorizon` and :class:`~persistdb.errors.HistoryOff`.
    """
    first = yield from horizon(database)
    if at < first:
        raise BeforeHorizon(at, first)


class Place(NamedTuple):
    """A place among the versions of a container: behind the one that ended then."""

    id: int
    valid_to: datetime
    revision: int


class PastReader:
    """Reads by exact IDs what was, as :class:`.reader.Reader` reads what is."""

    def __init__(self, host: str, database: Database, past: Past, decoders: Decoders, salvage: Salvage) -> None:
        self._host, self._database, self._past, self._decode = host, database, past, decoders
        self._salvage = salvage

    def container(self, sid: str, cid: str, at: datetime) -> Work[Container]:
        """Return a container as it was at a time.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Unreadable`, and what :func:`check` does.
        """
        values = {"host": self._host, "sid": sid, "cid": cid, "at": utc_text(at)}
        found = yield from self._version(self._past.version_at, values)
        if found is None:
            yield from check(self._database, at)
            raise NotFound("container", f"{sid}/{cid}", self._host)
        return found

    def container_of(self, sid: str, cid: str, revision: int) -> Work[Container]:
        """Return a container as it was in a revision.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Unreadable`,
        :class:`~persistdb.errors.HistoryOff`.
        """
        values = {"host": self._host, "sid": sid, "cid": cid, "revision": revision}
        found = yield from self._version(self._past.version_of, values)
        if found is None:
            yield from horizon(self._database)
            raise NotFound(f"revision {revision} of container", f"{sid}/{cid}", self._host)
        return found

    def _version(self, which: Statement, values: Mapping[str, object]) -> Work[Container | None]:
        ref = f"{values['sid']}/{values['cid']}"
        for _ in range(_ATTEMPTS):
            rows = yield from work.rows(which, values)
            if not rows:
                return None
            id_, revision, valid_to = rows[0]
            version = {"id": id_, "revision": revision, "valid_to": valid_to}
            try:
                found = yield from work.decoded(self._past.one.version, version, self._decode.container)
            except self._salvage.errors as error:
                raise Unreadable(ref, self._salvage.reason(error), self._host) from error
            if found:
                return found[0]
        return None

    def sandbox(self, sid: str, at: datetime) -> Work[Sandbox]:
        """Return a sandbox with its containers as they were at a time; raises as :meth:`container` does."""
        values = {"host": self._host, "sid": sid, "at": utc_text(at)}
        try:
            found = yield from work.decoded(self._past.sandbox.load, values, self._decode.sandbox)
        except self._salvage.errors as error:
            raise Unreadable(sid, self._salvage.reason(error), self._host) from error
        if not found:
            yield from check(self._database, at)
            raise NotFound("sandbox", sid, self._host)
        return found[0]

    def sandbox_of(self, sid: str, revision: int) -> Work[Sandbox]:
        """Return a sandbox with its containers as they were in its revision; raises as :meth:`container_of` does."""
        first = yield from horizon(self._database)
        values = {"host": self._host, "sid": sid, "revision": revision}
        for (time,) in (yield from work.rows(self._past.sandbox_revision, values)):
            found = yield from self.sandbox(sid, max(datetime.fromisoformat(time), first))
            if found.revision == revision:
                return found
        raise NotFound(f"revision {revision} of sandbox", sid, self._host)

    def sandboxes_after(self, sid: str, at: datetime, limit: int) -> Work[Sequence[Sandbox | SpoiltSandbox]]:
        """Return a host's next sandboxes by ID, as they were at a time, with its fault in the place of a spoilt one.

        Raises what :func:`check` does.
        """
        values = {"host": self._host, "sid": sid, "at": utc_text(at), "limit": limit}
        found: Sequence[Sandbox | SpoiltSandbox] | None
        found = yield from self._salvage.all_of(self._past.sandboxes.load_after, values, self._decode.sandbox)
        if found is None:
            found = yield from self._each_after(values, at)
        if not found:
            yield from check(self._database, at)
        return found

    def _each_after(self, values: Mapping[str, object], at: datetime) -> Work[list[Sandbox | SpoiltSandbox]]:
        outcomes: list[Sandbox | SpoiltSandbox] = []
        for (sid,) in (yield from work.rows(self._past.sids_after, values)):
            try:
                outcomes.append((yield from self.sandbox(sid, at)))
            except Unreadable as fault:
                outcomes.append(SpoiltSandbox(sid=sid, faults=[fault]))
        return outcomes

    def sandbox_ids(self, values: Mapping[str, object], at: datetime) -> Work[list[str]]:
        """Return up to four sandboxes that a prefix may have referred to at a time; raises what :func:`check` does."""
        rows = yield from work.rows(self._past.look_up_sandbox, {**values, "at": utc_text(at)})
        if not rows:
            yield from check(self._database, at)
        return [sid for (sid,) in rows]

    def lifetimes(self, sid: str, cid: str) -> Work[list[int]]:
        """Return the rows' IDs of all containers that have, or had, a name, the first one first."""
        rows = yield from work.rows(self._past.lifetimes, {"host": self._host, "sid": sid, "cid": cid})
        return [id_ for (id_,) in rows]

    def versions_after(self, ref: str, place: Place, limit: int) -> Work[list[tuple[Container, datetime | None]]]:
        """Return a container's next versions, each with its end; raises :class:`~persistdb.errors.Unreadable`."""
        values = {"id": place.id, "valid_to": utc_text(place.valid_to), "revision": place.revision, "limit": limit}
        try:
            rows = yield from work.rows(self._past.versions.versions, values)
            return [(self._decode.container(payload), _time(end)) for payload, end in rows]
        except self._salvage.errors as error:
            raise Unreadable(ref, self._salvage.reason(error), self._host) from error


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
