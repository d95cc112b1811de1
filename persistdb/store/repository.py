"""The repository: saves and loads records, and hides every query."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from ..db.database import Database, Stale
from ..engines import LockUnavailable
from ..errors import AlreadyExists, Conflict, InvalidTransition, InvalidValue, LockTimeout, NotFound, StateMismatch
from ..records import (
    TRANSITIONS,
    Container,
    ContainerState,
    ContainerSummary,
    Origin,
    Sandbox,
    SandboxState,
    SandboxWrite,
)
from ..schema.prepare import prepare
from ..validation import check_count, check_key, check_length, check_shape, check_text, check_write
from . import lookup, selection
from .diff import Changes
from .documents import decoders
from .locks import Lock
from .rows import encode, utc_text
from .statements import Statements
from .writer import TokenClash, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ..db.connection import Connection, Statement
    from ..filters import Filter

T = TypeVar("T")

BATCH = 1000
"""Containers that a bulk save writes in one transaction."""

PAGE = 200
"""Containers that an iteration reads with one statement: their documents fit in a CPU's cache."""

BATCH_TEXT = 4 << 20
"""Characters of documents in one batch: servers take a statement of 16 MB (MariaDB's max_allowed_packet)."""
_ALL = (1 << 63) - 1


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
        self._decode = decoders(numbered=database.backend.lists_are_numbered)
        self._writer = Writer(database, self.host, self._statements, self._decode)

    # --- sandboxes

    def save_sandbox(
        self,
        record: SandboxState,
        containers: Mapping[str, ContainerState],
        *,
        revision: int | None = None,
        origins: Mapping[str, Origin] | None = None,
    ) -> int:
        """Store a whole sandbox, as Kata's ``ToDisk`` does: containers absent from the map go away.

        Only rows that changed are written. Gives the sandbox's revision. With ``revision`` it must still be at the one
        that was read (0: it must not exist yet), else :class:`~persistdb.errors.Conflict` is raised. Raises
        :class:`~persistdb.errors.AlreadyExists` for a token that two processes have,
        :class:`~persistdb.errors.InvalidValue`.
        """
        write = SandboxWrite(
            sid=record.sid, record=record, containers=containers, origins=origins or {}, revision=revision
        )
        check_write(write)
        return self._save([write])[record.sid]

    def save_many(self, sandboxes: Iterable[SandboxWrite], *, batch: int = BATCH) -> int:
        """Store many sandboxes, a few statements for about ``batch`` containers; gives how many sandboxes it was.

        Each sandbox is stored as a whole or not at all; batches are committed one by one, so an error leaves those
        before it stored.
        """
        check_count("batch", batch, 1)
        total = 0
        pending: dict[str, SandboxWrite] = {}
        size = text = 0
        for write in sandboxes:
            check_write(write)
            weight = _text_of(write)
            if pending and (size + len(write.containers) > batch or text + weight > BATCH_TEXT or write.sid in pending):
                total += len(self._save(list(pending.values())))
                pending, size, text = {}, 0, 0
            pending[write.sid] = write
            size += len(write.containers) + 1
            text += weight
        if pending:
            total += len(self._save(list(pending.values())))
        return total

    def load_sandbox(self, sid: str) -> Sandbox:
        """Load a sandbox with all its containers.

        Raises :class:`~persistdb.errors.NotFound`.
        """
        values = {"host": self.host, "sid": sid}
        document = self.database.read(lambda connection: connection.value(self._statements.load, values))
        if document is None:
            raise NotFound("sandbox", sid, self.host)
        return self._decode.sandbox(document)

    def destroy_sandbox(self, sid: str) -> bool:
        """Forget a sandbox and all that is in it; false, and no error, if it wasn't there."""

        def work(connection: Connection) -> bool:
            return connection.change(self._statements.delete_sandbox, {"host": self.host, "sid": sid}) > 0

        return self.database.write(work, refs=[sid])

    # --- containers

    def get(self, sid: str, cid: str) -> Container:
        """Load one container.

        Raises :class:`~persistdb.errors.NotFound`.
        """
        found = self.database.read(lambda connection: self._writer.container(connection, sid, cid))
        if found is None:
            raise NotFound("container", f"{sid}/{cid}", self.host)
        return found

    def exists(self, sid: str, cid: str) -> bool:
        """Whether there is such a container."""
        return self._revision(sid, cid) is not None

    def save(
        self,
        sid: str,
        cid: str,
        record: ContainerState,
        *,
        revision: int | None = None,
        origin: Origin | None = None,
    ) -> int:
        """Store one container of a sandbox that exists; gives its revision.

        Only rows that changed are written: saving what is stored already writes nothing. With ``revision`` the
        container must still be at the one that was read (0: it must not exist yet), else
        :class:`~persistdb.errors.Conflict` is raised. Raises :class:`~persistdb.errors.NotFound` without the sandbox,
        :class:`~persistdb.errors.AlreadyExists` for a token that another process of the sandbox has,
        :class:`~persistdb.errors.InvalidValue`.
        """
        check_shape(record)
        ref = f"{sid}/{cid}"
        values = {"host": self.host, "sid": sid, "cid": cid}

        def work(connection: Connection) -> Changes:
            found = connection.rows(self._statements.snapshot, values)
            if not found:
                raise NotFound("sandbox", sid, self.host)
            ((sandbox_id, own_revision, others, new_id, document),) = found
            stored = self._decode.stored_container(document) if document is not None else None
            actual = stored.revision if stored else None
            if revision is not None and revision != (actual or 0):
                raise Conflict(ref, revision, actual)
            changes = Changes()
            first = 1 if stored else changes.renumber(sandbox_id, own_revision, own_revision + int(others))
            changes.revisions[ref] = changes.put_container(
                sid, cid, record, stored, sandbox_id, origin, first_revision=first, new_id=new_id
            )
            self._writer.write(connection, changes)
            return changes

        try:
            return self.database.write(work, verify=self._writer.took_effect, refs=[ref]).revisions[ref]
        except TokenClash as clash:
            raise self._token_taken(sid, cid, record) from clash

    def delete(self, sid: str, cid: str, *, revision: int | None = None) -> bool:
        """Forget one container; false, and no error, if it wasn't there.

        With ``revision`` it must still be at the one that was read, else :class:`~persistdb.errors.Conflict` is raised.
        """
        ref = f"{sid}/{cid}"

        def work(connection: Connection) -> bool:
            whole = self._writer.sandboxes(connection, [sid]).get(sid)
            stored = next((one for one in whole.containers if one.cid == cid), None) if whole else None
            if revision is not None and (stored is None or stored.revision != revision):
                raise Conflict(ref, revision, stored.revision if stored else None)
            if whole is None or stored is None:
                return False
            changes = Changes()
            kept = {one.cid for one in whole.containers} - {cid}
            changes.put_sandbox(self.host, sid, None, {}, whole, origins={}, keep=kept)
            self._writer.write(connection, changes)
            return True

        return self.database.write(work, refs=[ref])

    def transition(self, sid: str, cid: str, new: str, *, expected: str, force: bool = False) -> None:
        """Move a container from the expected state to another, in one statement that compares and sets.

        Raises :class:`~persistdb.errors.InvalidTransition` for a move that Kata doesn't allow, unless ``force``;
        :class:`~persistdb.errors.StateMismatch` if it is in another state, :class:`~persistdb.errors.NotFound`.
        """
        ref = f"{sid}/{cid}"
        if not force and (expected, new) not in TRANSITIONS:
            raise InvalidTransition(ref, expected, new)
        check_length("state", new)
        now = utc_text(datetime.now(UTC))
        values = {"host": self.host, "sid": sid, "cid": cid, "old": expected, "new": new, "now": now}

        def work(connection: Connection) -> None:
            if connection.change(self._statements.transition, values) == 0:
                found = self._writer.container(connection, sid, cid)
                if found is None:
                    raise NotFound("container", ref, self.host)
                if found.record.state == expected:
                    raise Stale  # another brought it there since
                raise StateMismatch(ref, expected, found.record.state)

        def verify(connection: Connection) -> bool | None:
            self._writer.wait(connection, sid)
            found = self._writer.container(connection, sid, cid)
            if found is None:
                return None
            if utc_text(found.updated_at) == now:
                return True
            return False if found.record.state == expected else None

        self.database.change(work, verify=verify, refs=[ref])

    # --- look-ups

    def find(
        self, *filters: Filter, sort: str = "sid", limit: int | None = None, offset: int = 0, all_hosts: bool = False
    ) -> list[Container]:
        """The containers that fit all filters (:mod:`persistdb.filters`), sorted, in one select.

        Raises :class:`~persistdb.errors.InvalidValue` for an unknown sort order.
        """
        return self._page(self._selects.page, self._decode.container, filters, sort, limit, offset, all_hosts=all_hosts)

    def summaries(
        self, *filters: Filter, sort: str = "sid", limit: int | None = None, offset: int = 0, all_hosts: bool = False
    ) -> list[ContainerSummary]:
        """What ``find`` finds, as a list shows it: for a page of many it takes a fifth of the time."""
        return self._page(
            self._selects.summaries, self._decode.summary, filters, sort, limit, offset, all_hosts=all_hosts
        )

    def iterate(self, *filters: Filter, batch: int = PAGE, all_hosts: bool = False) -> Iterator[Container]:
        """The containers that fit all filters, in no particular order, ``batch`` of them in memory at a time.

        Pages go by the rows' ids: what is added or removed meanwhile may be missed, what stays is given once.
        """
        check_count("batch", batch, 1)
        form, values = self._split(filters, all_hosts)
        statement, decode = self._selects.page_after(form), self._decode.container
        last = 0
        while True:
            rows = list(self._select(statement, values | {"after": last, "limit": batch}))
            size = len(rows)
            last = max((row[1] for row in rows), default=last)
            rows.reverse()
            while rows:
                # one at a time, and let go of: records that are held until the page is done cost a third more
                yield decode(rows.pop()[0])
            if size < batch:
                return

    def count(self, *filters: Filter, all_hosts: bool = False) -> int:
        """How many containers fit all filters."""
        form, values = self._split(filters, all_hosts)
        ((total,),) = self._select(self._selects.count(form), values)
        return int(total)

    def look_up(self, ref: str, *, all_hosts: bool = False) -> Container:
        """Find a container by ``CID`` or ``SID/CID``; the beginning of either will do that no other one has.

        A whole ID comes before the beginning of another, and no character is a wildcard.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Ambiguous`.
        """
        statement, values = lookup.container(self._statements, self.host, ref, all_hosts=all_hosts)
        found = self._documents(statement, values, self._decode.container)
        return lookup.one_container(ref, found, host=None if all_hosts else self.host)

    def look_up_sandbox(self, ref: str) -> str:
        """Find a sandbox's ID by its beginning, if no other one of the host has it; a whole ID comes first.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Ambiguous`.
        """
        found = self._select(self._statements.look_up_sandbox, lookup.sandbox(self.host, ref))
        return lookup.one_sandbox(ref, [sid for (sid,) in found], host=self.host)

    def sandbox_ids(self) -> list[str]:
        """The IDs of the host's sandboxes, sorted."""
        return [sid for (sid,) in self._select(self._statements.sandbox_ids, {"host": self.host})]

    def load_sandboxes(self, *, batch: int = 100) -> Iterator[Sandbox]:
        """The host's sandboxes with their containers, sorted by ID, ``batch`` of them in memory at a time."""
        check_count("batch", batch, 1)
        last = ""
        while True:
            values = {"host": self.host, "sid": last, "limit": batch}
            found = self._documents(self._statements.load_after, values, self._decode.sandbox)
            yield from found
            if len(found) < batch:
                return
            last = found[-1].record.sid

    def _page(
        self,
        build: Callable[[selection.QueryShape, str], Statement],
        decode: Callable[[str], T],
        filters: Sequence[Filter],
        sort: str,
        limit: int | None,
        offset: int,
        *,
        all_hosts: bool,
    ) -> list[T]:
        if limit is not None:
            check_count("limit", limit, 0)
        check_count("offset", offset, 0)
        form, values = self._split(filters, all_hosts)
        values |= {"limit": _ALL if limit is None else limit, "offset": offset}
        return self._documents(build(form, sort), values, decode)

    def _split(self, filters: Sequence[Filter], all_hosts: bool) -> tuple[selection.QueryShape, dict[str, object]]:
        return selection.split(filters, host=None if all_hosts else self.host)

    def _documents(self, statement: Statement, values: Mapping[str, object], decode: Callable[[str], T]) -> list[T]:
        return self.database.read(lambda connection: connection.documents(statement, values, decode))

    def _select(self, statement: Statement, values: Mapping[str, object]) -> Sequence[tuple[Any, ...]]:
        return self.database.read(lambda connection: connection.rows(statement, values))

    # --- locks

    def lock(self, sid: str, *, shared: bool = False, timeout: float = 10.0) -> Lock:
        """Take a sandbox's lock, waiting ``timeout`` seconds at the most; use it in ``with``, or call ``release``.

        Shared locks coexist, an exclusive one excludes all others, of this process too. A lock ends with the process or
        connection that holds it. It stops only those who ask for it: saves and reads go on. The sandbox need not exist.

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

    # --- the writing of changes

    def _save(self, writes: Sequence[SandboxWrite]) -> dict[str, int]:
        def work(connection: Connection) -> Changes:
            stored = self._writer.sandboxes(connection, [write.sid for write in writes])
            changes = Changes()
            for write in writes:
                changes.put_sandbox(
                    self.host,
                    write.sid,
                    write.record,
                    write.containers,
                    stored.get(write.sid),
                    origins=write.origins,
                    keep=write.keep,
                    revision=write.revision,
                )
            try:
                self._writer.write(connection, changes)
            except TokenClash:
                # All tokens of the sandboxes were looked at: this one came in between.
                raise Stale from None
            return changes

        sids = [write.sid for write in writes]
        return self.database.write(work, verify=self._writer.took_effect, refs=sids).revisions

    def _token_taken(self, sid: str, cid: str, record: ContainerState) -> AlreadyExists:
        tokens = [process.token for process in record.processes if process.token]
        values = {"host": self.host, "sid": sid, "rows": encode([[token] for token in tokens])}
        for holder, token in self._select(self._statements.token_holders, values):
            if holder != cid:
                return AlreadyExists("process token", token, (holder, cid))
        twice = next((token for token in tokens if tokens.count(token) > 1), tokens[0])
        return AlreadyExists("process token", twice, (cid, cid))

    def _revision(self, sid: str, cid: str) -> int | None:
        values = {"host": self.host, "sid": sid, "cid": cid}
        found: int | None = self.database.read(lambda connection: connection.value(self._statements.revision, values))
        return found


def _text_of(write: SandboxWrite) -> int:
    own = len(write.record.document or "") if write.record else 0
    return own + sum(len(origin.document or "") for origin in write.origins.values())
