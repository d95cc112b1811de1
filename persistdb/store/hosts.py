"""The removal of a host that is gone: all that is stored of it, but for its history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from ..db import work
from ..db.work import Call, Statement
from ..errors import HostInUse, NotFound
from ..schema.version import may_write
from .claim import Claim

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..db.work import Work
    from .repository import ContainerRepository

# ruff: noqa: S608  statements are put together from constants of ours

RECENT: Final = timedelta(hours=1)
"""How long ago a host must have been heard of to count as gone: as long as the alert ``PersistdbHostNotSeen`` waits."""

_COUNTED: Final = (
    ("sandbox", "host"),
    ("container AS c JOIN sandbox AS s ON s.id = c.sandbox_id", "s.host"),
    ("audit_run", "host"),
    ("audit_finding", "host"),
)
_HEARD: Final = (
    ("updated_at", "sandbox", "host"),
    ("c.updated_at", "container AS c JOIN sandbox AS s ON s.id = c.sandbox_id", "s.host"),
    ("finished_at", "audit_run", "host"),
    ("last_seen", "host", "name"),
)
_REST: Final = (("audit_finding", "host"), ("audit_run", "host"), ("host", "name"))
"""What a host has beside its sandboxes."""


class StoredHost(NamedTuple):
    """How much is stored of a host, and when it was last heard of: by an import, a watcher, an audit, or any save."""

    sandboxes: int
    containers: int
    audits: int
    findings: int
    last_heard: datetime


class HostRemoval:
    """The removal of a repository's host."""

    def __init__(self, repository: ContainerRepository) -> None:
        self._repository, self._database = repository, repository.database
        backend = self._database.backend
        numbers = [f"(SELECT count(*) FROM {table} WHERE {column} = :host)" for table, column in _COUNTED]
        times = [
            f"(SELECT {backend.utc_text(f'max({time})')} FROM {table} WHERE {column} = :host)"
            for time, table, column in _HEARD
        ]
        self._count = Statement(f"SELECT {', '.join([*numbers, *times])}", backend.style)
        self._rest = [
            Statement(f"DELETE FROM {table} WHERE {column} = :host AND ({may_write(backend)})", backend.style)
            for table, column in _REST
        ]

    def stored(self) -> StoredHost:
        """Return how much is stored of the host; raises :class:`~persistdb.errors.NotFound` where it is nothing."""
        (row,) = self._database.read(lambda: work.rows(self._count, self._values))
        sandboxes, containers, audits, findings, *heard = row
        times = [datetime.fromisoformat(time) for time in heard if time is not None]
        if not times:
            raise NotFound("host", self._repository.host)
        return StoredHost(sandboxes, containers, audits, findings, max(times))

    def run(self, *, allow_recent: bool = False, progress: Callable[[str], object] = lambda _: None) -> StoredHost:
        """Remove what is stored of the host, and return how much it was.

        Its sandboxes are removed one by one, as ``destroy_sandbox`` does, and ``progress`` is told the ID of each:
        events and history of all of them stay. What an audit found goes, and that the host was ever seen. What was
        removed before an error stays so, and the next run goes on.

        Raises :class:`~persistdb.errors.AlreadyWatched` while a watcher follows the host, and
        :class:`~persistdb.errors.HostInUse`, unless ``allow_recent``, if it was heard of in the last hour.
        """
        claim = Claim(self._repository)  # no watcher begins meanwhile, either
        try:
            found = self.stored()
            if not allow_recent and datetime.now(UTC) - found.last_heard < RECENT:
                raise HostInUse(self._repository.host, found.last_heard)
            for sid in self._repository.sandbox_ids():
                self._repository.destroy_sandbox(sid)
                progress(sid)
            self._database.write(self._remove_rest, verify=work.repeat, refs=[self._repository.host])
            return found
        finally:
            claim.release()

    @property
    def _values(self) -> dict[str, object]:
        return {"host": self._repository.host}

    def _remove_rest(self) -> Work[None]:
        yield [Call(statement, self._values) for statement in self._rest]
