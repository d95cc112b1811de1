"""One transaction that holds several units of work."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ..engines.deadlines import after
from ..errors import DatabaseError
from .failures import Stale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy.orm import Session

    from ..errors import PersistDBError
    from .connection import Connection
    from .database import Database
    from .work import Work

T = TypeVar("T")

_BACK = "ROLLBACK TO SAVEPOINT persistdb"


class OpenTransaction:
    """Runs units of work in a session's transaction.

    Each has a savepoint, so that one that fails has changed nothing, also for a caller who catches its error and goes
    on. What the engine does not let go on is not committed: whatever comes after it fails with the same error.
    """

    def __init__(self, database: Database, session: Session) -> None:
        self._database = database
        self.session = session
        session.connection()  # begins it
        self._transaction = session.get_transaction()
        self._failure: PersistDBError | None = None

    def close(self) -> None:
        """End it for all who still hold it."""
        self._failure = self._failure or DatabaseError(self._database.url, "this transaction is over")

    def check(self) -> None:
        """Raise the error that keeps the transaction from being committed, if there is one."""
        if self._failure is not None:
            raise self._failure
        if self.session.get_transaction() is not self._transaction:
            self._failure = DatabaseError(
                self._database.url, "the session of this transaction was committed or rolled back within it"
            )
            raise self._failure

    # --- what a repository asks of a database

    def read(self, work: Callable[[], Work[T]]) -> T:
        """Run a unit of work that reads: it sees what was done in the transaction."""
        return self._run(work, savepoint=False)

    def write(
        self,
        work: Callable[[], Work[T]],
        *,
        verify: Callable[[T], Work[bool | None]] | None = None,  # noqa: ARG002  the commit is the transaction's
        refs: Sequence[str] = (),  # noqa: ARG002  the same
    ) -> T:
        """Run a unit of work, again if others changed what it had read."""
        for _ in self._database.attempts():
            try:
                result = self._run(work, savepoint=True)
            except Stale:
                continue
            self.session.expire_all()  # objects that were loaded before show what was written
            return result
        raise AssertionError

    def change(
        self,
        work: Callable[[], Work[None]],
        *,
        verify: Callable[[None], Work[bool | None]],  # noqa: ARG002  the commit is the transaction's
        refs: Sequence[str],  # noqa: ARG002  the same
    ) -> None:
        """Do the same with one that is a single statement."""
        self.write(work)

    def attempts(self) -> Iterator[int]:
        """Number the attempts at what others may be faster at."""
        return self._database.attempts()

    def _run(self, work: Callable[[], Work[T]], *, savepoint: bool) -> T:
        self.check()
        database = self._database
        try:
            self.session.flush()
            pooled = self.session.connection().connection
        except database.failures as error:
            raise self._fail(error) from error
        connection = database.connection(after(database.timeouts.call))
        connection.use(pooled)
        connection.enter()
        try:
            return self._whole_or_not(connection, work) if savepoint else connection.run(work())
        except database.driver_error as error:
            noted = database.noted(error, connection)
            raise self._fail(noted) from noted
        except Exception:
            raise
        except BaseException:  # a task that was cancelled, a key that was pressed: in the middle of an answer perhaps
            self._failure = DatabaseError(database.url, "the transaction was interrupted")
            database.backend.abandon(pooled)
            raise
        finally:
            connection.leave()

    def _whole_or_not(self, connection: Connection, work: Callable[[], Work[T]]) -> T:
        """Run work; if it fails go back to the savepoint, which a deadlock and a lost connection have taken away."""
        connection.begin("SAVEPOINT persistdb")
        try:
            result = connection.run(work())
            connection.end("RELEASE SAVEPOINT persistdb")
        except self._database.driver_error as error:
            try:
                connection.end(_BACK)
            except self._database.driver_error:
                raise error from None
            rule = self._database.backend.rule(error)
            if rule is not None and rule.within:
                raise Stale from error
            raise self._database.failure(error) from error
        except Exception:
            connection.end(_BACK)
            raise
        return result

    def _fail(self, error: Exception) -> PersistDBError:
        """Remember an error after which the engine does not go on with the transaction."""
        self._failure = self._failure or self._database.failure(error)
        return self._failure
