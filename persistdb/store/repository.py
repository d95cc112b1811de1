"""The repository: saves and loads records, and hides every query."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, TypeVar

from ..db.transaction import OpenTransaction
from ..engines import LockUnavailable
from ..errors import Busy, DatabaseError, InvalidValue, LockTimeout
from ..schema.prepare import prepare
from ..validation import check_host, check_kind, check_seconds, check_text
from .locks import Lock
from .operations import Operations
from .session import Database
from .transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")


class ContainerRepository(Operations):
    """The sandboxes and containers of one host.

    An empty database gets its schema here; an older or a newer one is refused
    (:class:`~persistdb.errors.SchemaOutdated`, :class:`~persistdb.errors.SchemaTooNew`).
    """

    def __init__(self, database: Database, *, host: str | None = None) -> None:
        check_kind("database", database, Database)
        host = socket.gethostname() if host is None else host
        check_host(host)
        prepare(database)
        self.database = database
        super().__init__(database, host, database.compiled)

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
        with database.session(write=True) as session:
            running = OpenTransaction(database, session)
            try:
                yield Transaction(running, self.host, self._compiled)
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

        Shared locks coexist, an exclusive one excludes all others, of this process too. A lock ends with the process or
        connection that holds it. It stops only callers that ask for it: saves and reads go on. The sandbox need not
        exist.

        Raises :class:`~persistdb.errors.LockTimeout`, which names the holders, and
        :class:`~persistdb.errors.LocksUnsupported` through a pooler, where it would exclude nobody.
        """
        check_text(sid)
        check_seconds("timeout", timeout)
        name = f"{self.host}\0{sid}"
        try:
            held = self.database.lock(name, shared=shared, timeout=timeout)
        except LockUnavailable as error:
            raise LockTimeout(sid, timeout, error.holders) from None
        return Lock(sid, held)
