"""The repository: saves and loads records, and hides every query."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ..db import work
from ..engines import LockUnavailable
from ..errors import InvalidTransition, InvalidValue, LockTimeout
from ..filters import ALL_HOSTS, Scope
from ..records import TRANSITIONS, SandboxWrite
from ..schema.prepare import prepare
from ..validation import check_count, check_key, check_length, check_shape, check_text, check_write
from . import lookup, selection
from .batches import BATCH, batches
from .diff import Transition
from .encoding import utc_text
from .locks import Lock
from .payloads import decoders
from .reader import Reader
from .statements import Statements
from .writer import TokenClash, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ..db.database import Database
    from ..db.work import Statement
    from ..filters import Filter
    from ..records import Container, ContainerState, ContainerSummary, Origin, Sandbox, SandboxState

T = TypeVar("T")

PAGE = 200
"""Containers that an iteration reads with one statement: their payloads fit in a CPU's cache."""

_ALL = (1 << 63) - 1


class _Page(NamedTuple):
    """Which part of an answer to return, and in which order."""

    sort: str
    limit: int | None
    offset: int

    def values(self) -> dict[str, object]:
        """Return the parameters; raises :class:`~persistdb.errors.InvalidValue`."""
        if self.limit is not None:
            check_count("limit", self.limit, 0)
        check_count("offset", self.offset, 0)
        return {"limit": _ALL if self.limit is None else self.limit, "offset": self.offset}


class ContainerRepository:
    """The sandboxes and containers of one host.

    An empty database gets its schema here; an older or a newer one is refused
    (:class:`~persistdb.errors.SchemaOutdated`, :class:`~persistdb.errors.SchemaTooNew`).
    """

    def __init__(self, database: Database, *, host: str | None = None) -> None:
        self.host = socket.gethostname() if host is None else host
        check_key("host", self.host)
        check_text(self.host)
        prepare(database)
        self.database = database
        self._statements = Statements(database.backend, database.engine.dialect)
        self._selects = selection.Selects(self._statements)
        self._decode = decoders(database.backend)
        self._reader = Reader(self.host, self._statements, self._decode)
        self._writer = Writer(database, self.host, self._statements, self._reader)

    # --- sandboxes

    def save_sandbox(
        self,
        record: SandboxState,
        containers: Mapping[str, ContainerState],
        *,
        revision: int | None = None,
        origins: Mapping[str, Origin] | None = None,
    ) -> int:
        """Store a whole sandbox, as Kata's ``ToDisk`` does: containers absent from the map are removed.

        Only rows that changed are written. Returns the sandbox's revision. With ``revision`` it must still be at the
        one that was read (0: it must not exist yet), else :class:`~persistdb.errors.Conflict` is raised. Raises
        :class:`~persistdb.errors.AlreadyExists` for a token that two processes have,
        :class:`~persistdb.errors.InvalidValue`.
        """
        write = SandboxWrite(
            sid=record.sid, record=record, containers=containers, origins=origins or {}, revision=revision
        )
        check_write(write)
        return self._save([write])[record.sid]

    def save_many(self, sandboxes: Iterable[SandboxWrite], *, batch: int = BATCH) -> int:
        """Store many sandboxes, a few statements for up to ``batch`` sandboxes and containers; returns how many it was.

        Each sandbox is stored as a whole or not at all; batches are committed one by one, so an error leaves the ones
        before it stored.
        """
        check_count("batch", batch, 1)
        return sum(len(self._save(each)) for each in batches(map(_checked, sandboxes), size=batch))

    def _save(self, writes: Sequence[SandboxWrite]) -> Mapping[str, int]:
        sids = [write.sid for write in writes]
        written = self.database.write(
            lambda: self._writer.save_sandboxes(writes), verify=self._writer.took_effect, refs=sids
        )
        return written.revisions

    def load_sandbox(self, sid: str) -> Sandbox:
        """Load a sandbox with all its containers.

        Raises :class:`~persistdb.errors.NotFound`.
        """
        return self.database.read(lambda: self._reader.sandbox(sid))

    def destroy_sandbox(self, sid: str) -> bool:
        """Remove a sandbox and all that is in it; returns false, and raises no error, if it wasn't there."""
        return self.database.write(lambda: self._writer.destroy_sandbox(sid), refs=[sid])

    # --- containers

    def get(self, sid: str, cid: str) -> Container:
        """Load one container.

        Raises :class:`~persistdb.errors.NotFound`.
        """
        return self.database.read(lambda: self._reader.container(sid, cid))

    def exists(self, sid: str, cid: str) -> bool:
        """Return whether there is such a container."""
        return self.database.read(lambda: self._reader.revision(sid, cid)) is not None

    def save(
        self,
        sid: str,
        cid: str,
        record: ContainerState,
        *,
        revision: int | None = None,
        origin: Origin | None = None,
    ) -> int:
        """Store one container of a sandbox that exists; returns its revision.

        Only rows that changed are written: saving what is stored already writes nothing. With ``revision`` the
        container must still be at the one that was read (0: it must not exist yet), else
        :class:`~persistdb.errors.Conflict` is raised. Raises :class:`~persistdb.errors.NotFound` without the sandbox,
        :class:`~persistdb.errors.AlreadyExists` for a token that another process of the sandbox has,
        :class:`~persistdb.errors.InvalidValue`.
        """
        check_shape(record)
        ref = f"{sid}/{cid}"
        try:
            written = self.database.write(
                lambda: self._writer.save_container(sid, cid, record, origin, revision),
                verify=self._writer.took_effect,
                refs=[ref],
            )
        except TokenClash as clash:
            raise self.database.read(lambda: self._reader.token_taken(sid, cid, record)) from clash
        return written.revisions[ref]

    def delete(self, sid: str, cid: str, *, revision: int | None = None) -> bool:
        """Remove one container; returns false, and raises no error, if it wasn't there.

        With ``revision`` it must still be at the one that was read, else :class:`~persistdb.errors.Conflict` is raised.
        """
        return self.database.write(lambda: self._writer.delete_container(sid, cid, revision), refs=[f"{sid}/{cid}"])

    def transition(self, sid: str, cid: str, new: str, *, expected: str, force: bool = False) -> None:
        """Move a container from the expected state to another, in one statement that compares and sets.

        Raises :class:`~persistdb.errors.InvalidTransition` for a move that Kata doesn't allow, unless ``force``;
        :class:`~persistdb.errors.StateMismatch` if it is in another state, :class:`~persistdb.errors.NotFound`.
        """
        ref = f"{sid}/{cid}"
        if not force and (expected, new) not in TRANSITIONS:
            raise InvalidTransition(ref, expected, new)
        check_length("state", new)
        move = Transition(self.host, sid, cid, expected, new, utc_text(datetime.now(UTC)))
        self.database.change(
            lambda: self._writer.transition(move),
            verify=lambda: self._writer.transition_took_effect(move),
            refs=[ref],
        )

    # --- look-ups

    def find(
        self, *filters: Filter, sort: str = "sid", limit: int | None = None, offset: int = 0, all_hosts: bool = False
    ) -> list[Container]:
        """Return the containers that match all filters (:mod:`persistdb.filters`), sorted, in one select.

        Raises :class:`~persistdb.errors.InvalidValue` for an unknown sort order.
        """
        page = _Page(sort, limit, offset)
        return self._page(self._selects.page, self._decode.container, filters, page, self._scope(all_hosts))

    def summaries(
        self, *filters: Filter, sort: str = "sid", limit: int | None = None, offset: int = 0, all_hosts: bool = False
    ) -> list[ContainerSummary]:
        """Return what ``find`` does, as a list shows it: for a page of many it takes a fifth of the time."""
        page = _Page(sort, limit, offset)
        return self._page(self._selects.summaries, self._decode.summary, filters, page, self._scope(all_hosts))

    def iterate(self, *filters: Filter, batch: int = PAGE, all_hosts: bool = False) -> Iterator[Container]:
        """Yield the containers that match all filters, in no particular order, ``batch`` of them in memory at a time.

        Pages go by the rows' IDs: a container that is added or removed meanwhile may be missed, any other comes once.
        """
        check_count("batch", batch, 1)
        shape, values = selection.split(filters, self._scope(all_hosts))
        statement, decode = self._selects.page_after(shape), self._decode.container
        last = 0
        while True:
            parameters = values | {"after": last, "limit": batch}
            rows = list(self.database.read(lambda: work.rows(statement, parameters)))  # noqa: B023  run at once
            size = len(rows)
            last = max((row[1] for row in rows), default=last)
            rows.reverse()
            while rows:
                # one at a time, and released: records that are held until the page is done cost a third more
                yield decode(rows.pop()[0])
            if size < batch:
                return

    def count(self, *filters: Filter, all_hosts: bool = False) -> int:
        """Return how many containers match all filters."""
        shape, values = selection.split(filters, self._scope(all_hosts))
        return int(self.database.read(lambda: work.value(self._selects.count(shape), values)))

    def look_up(self, ref: str, *, all_hosts: bool = False) -> Container:
        """Find a container by ``CID`` or ``SID/CID``; each may be abbreviated to a prefix that no other one has.

        An exact match wins over longer IDs, and no character is a wildcard.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Ambiguous`.
        """
        scope = self._scope(all_hosts)
        statement, values = lookup.container_query(self._statements, scope, ref)
        candidates = self._decoded(statement, values, self._decode.container)
        return lookup.one_container(ref, candidates, scope)

    def look_up_sandbox(self, ref: str) -> str:
        """Find a sandbox's ID by a prefix that no other sandbox of the host has; an exact match wins.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Ambiguous`.
        """
        values = lookup.sandbox_parameters(self.host, ref)
        rows = self.database.read(lambda: work.rows(self._statements.look_up_sandbox, values))
        return lookup.one_sandbox(ref, [sid for (sid,) in rows], host=self.host)

    def sandbox_ids(self) -> list[str]:
        """Return the IDs of the host's sandboxes, sorted."""
        return self.database.read(self._reader.sandbox_ids)

    def load_sandboxes(self, *, batch: int = 100) -> Iterator[Sandbox]:
        """Yield the host's sandboxes with their containers, sorted by ID, ``batch`` of them in memory at a time."""
        check_count("batch", batch, 1)
        last = ""
        while True:
            page = self.database.read(lambda: self._reader.sandboxes_after(last, batch))  # noqa: B023  run at once
            yield from page
            if len(page) < batch:
                return
            last = page[-1].record.sid

    def _page(
        self,
        build: Callable[[selection.QueryShape, str], Statement],
        decode: Callable[[str], T],
        filters: Sequence[Filter],
        page: _Page,
        scope: Scope,
    ) -> list[T]:
        window = page.values()
        shape, values = selection.split(filters, scope)
        return self._decoded(build(shape, page.sort), values | window, decode)

    def _decoded(self, statement: Statement, values: Mapping[str, object], decode: Callable[[str], T]) -> list[T]:
        return list(self.database.read(lambda: work.decoded(statement, values, decode)))

    def _scope(self, all_hosts: bool) -> Scope:
        return ALL_HOSTS if all_hosts else Scope(self.host)

    # --- locks

    def lock(self, sid: str, *, shared: bool = False, timeout: float = 10.0) -> Lock:
        """Take a sandbox's lock, waiting ``timeout`` seconds at the most; use it in ``with``, or call ``release``.

        Shared locks coexist, an exclusive one excludes all others, of this process too. A lock ends with the process or
        connection that holds it. It stops only callers that ask for it: saves and reads go on. The sandbox need not
        exist.

        Raises :class:`~persistdb.errors.LockTimeout`, which names the holders.
        """
        check_text(sid)
        if not isinstance(timeout, (int, float)):
            raise InvalidValue("timeout", timeout, "must be a number of seconds")
        name = f"{self.host}\0{sid}"
        try:
            held = self.database.lock(name, shared=shared, timeout=timeout)
        except LockUnavailable as error:
            raise LockTimeout(sid, timeout, error.holders) from None
        return Lock(sid, held)


def _checked(write: SandboxWrite) -> SandboxWrite:
    check_write(write)
    return write
