"""The repository: saves and loads records, and hides every query."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

from ..db.transaction import OpenTransaction
from ..errors import Busy, DatabaseError, InvalidValue, LockTimeout
from ..schema.prepare import prepare
from ..validation import check_host, check_kind, check_seconds, check_text
from .acting import Acting, checked
from .feed import Feed, Wanted
from .lists import Lists
from .locks import Lock, lock_name
from .operations import Operations
from .session import Database
from .transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import datetime

T = TypeVar("T")


class ContainerRepository(Operations):
    """The sandboxes and containers of one host.

    An empty database gets its schema here; an older or a newer one is refused
    (:class:`~persistdb.errors.SchemaOutdated`, :class:`~persistdb.errors.SchemaTooNew`).

    ``actor`` and ``reason`` are for the events of what it changes (:meth:`acting`).
    """

    def __init__(
        self, database: Database, *, host: str | None = None, actor: str | None = None, reason: str | None = None
    ) -> None:
        check_kind("database", database, Database)
        if host is None:
            import socket

            host = socket.gethostname()
        check_host(host)
        prepare(database)
        self.database = database
        super().__init__(database, host, database.compiled, checked(None, actor, reason, before=Acting()))

    def _lists(self, at: datetime | None = None) -> Lists:
        """Read lists at the replica, unless a decision may follow: this thread writes in a session."""
        database = self.database
        if database.replica is None or database.writes_in_session():
            return super()._lists(at)
        prepare(database.replica)
        if at is not None:
            return self._past_lists(database.replica, database.replica.compiled, at)
        return Lists(database.replica, database.replica.compiled)

    # --- events

    def events(
        self,
        *,
        after: str | None = None,
        host: str | None = None,
        sid: str | None = None,
        kinds: Collection[str] | None = None,
        since: datetime | None = None,
    ) -> Feed:
        """Iterate over the events of all hosts, or of one, behind ``after``: what happened since a consumer looked.

        They come in an order in which none appears in front of one that was read, however transactions overlap. A
        consumer keeps :attr:`Feed.cursor`, or the ``cursor`` of the last event that it has dealt with, and gives it as
        ``after`` the next time: it gets each event once, and misses none. Without it the feed begins with the oldest
        event that is kept. ``kinds`` are some of :data:`~persistdb.records.EVENT_KINDS`, ``since`` is the first time.

        The order is the one in which changes were made; on PostgreSQL that of transactions which overlapped is the one
        in which they began to write, so that ``revision`` says which of one container's events was the first.

        The feed ends at the last event before which none is pending; ask again for what comes later.

        Raises :class:`~persistdb.errors.InvalidValue`; the iteration raises :class:`~persistdb.errors.EventsPruned`
        where events behind ``after`` were removed before they were read, :class:`~persistdb.errors.HistoryOff`, and
        :class:`~persistdb.errors.FeedUnavailable` on a Galera cluster or a replica of MariaDB: they have no such order.
        """
        return Feed(self.database, self._compiled.feed, Wanted.checked(host, sid, kinds, since), after)

    # --- transactions

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open a transaction for several calls, which is committed at the end unless an exception leaves the block.

        ``with repository.transaction() as work: work.save(…); work.transition(…); work.session.execute(…)``

        On SQLite it has the write lock from its beginning. Nothing in it is run a second time when others are in its
        way: that is :class:`~persistdb.errors.Busy`, with nothing written (but see :meth:`transact`). Raises what a
        :meth:`~persistdb.Database.session` raises; its rule for other writes of this thread holds here, too.
        """
        database = self.database
        with database.acting_session(self._acting) as session:
            running = OpenTransaction(database, session)
            try:
                yield Transaction(running, self.host, self._compiled, self._acting)
                running.check()
            finally:
                running.close()

    def transact(self, function: Callable[[Transaction], T]) -> T:
        """Return what a function makes of a transaction, which is committed when it returns.

        After a deadlock, a lost connection and the like the function is called again with a new transaction, as the
        repository's own calls are: as often as ``Database(retries=…)`` says, and not after ``Timeouts.call``. So it
        should do nothing that a rollback does not undo. What it raises ends the transaction, with nothing written.
        """
        if not callable(function):
            raise InvalidValue("function", function, "must be a function that takes a transaction")
        attempts = self.database.attempts()
        next(attempts)
        while True:
            try:
                with self.transaction() as work:
                    return function(work)
            except DatabaseError as error:
                if not self.database.may_succeed_if_repeated(error):
                    raise
                try:
                    next(attempts)
                except Busy:
                    raise error from error.__cause__

    # --- locks

    def lock(self, sid: str, *, shared: bool = False, timeout: float = 10.0) -> Lock:
        """Take a sandbox's lock, waiting ``timeout`` seconds at the most; use it in ``with``, or call ``release``.

        Shared locks coexist, an exclusive one excludes all others, of this process too, whatever node of a cluster they
        asked. First come is first served. A lock is a lease, which a thread renews: it ends ``Timeouts.lease`` after
        its process, at once where those who wait can see that the process is gone. It stops only callers that ask for
        it: saves and reads go on. The sandbox need not exist.

        Raises :class:`~persistdb.errors.LockTimeout`, which names the holders, and
        :class:`~persistdb.errors.SessionOpen` within a write session of the same thread.
        """
        from ..schema.leases import LockUnavailable  # who takes no lock need not load it

        check_text(sid)
        check_seconds("timeout", timeout)
        try:
            lease = self.database.leases.take(lock_name(self.host, sid), shared=shared, timeout=timeout)
        except LockUnavailable as error:
            raise LockTimeout(sid, timeout, error.holders) from None
        return Lock(sid, lease)
