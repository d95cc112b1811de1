"""The database: its units of work, and the rules for running one again or giving up."""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ..engines import waiting
from ..engines.deadlines import left
from ..engines.failures import CommitInterrupted
from ..errors import Busy, CommitUnknown, DatabaseError, InvalidValue, PersistDBError, SessionOpen, Unavailable
from ..validation import check_kind
from .failures import (
    CommitLost,
    Lost,
    Stale,
    cause_of,
    is_away,
    lost_connection,
    may_succeed_if_repeated,
    translated,
    waited_in_vain,
)
from .source import ConnectionSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import PurePath

    from sqlalchemy import URL
    from sqlalchemy.orm import Session

    from ..engines import Timeouts
    from .connection import Connection
    from .work import Work

T = TypeVar("T")

log = logging.getLogger("persistdb")

# The first pause before a unit of work is retried, and the longest, in seconds; each is random in part, so that units
# that clashed once don't clash again.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.5


class Database(ConnectionSource):
    """One database, by its URL: ``sqlite:///FILE``, ``postgresql://USER@HOST/NAME``, ``mariadb://USER@HOST/NAME``.

    The default is the URL in ``PERSISTDB_URL``, else a file at the platform's usual place. Nothing is opened before the
    first use. ``retries`` bounds how often a unit of work is run again when others were in its way, ``pool_size`` how
    many connections are open at once; ``engine_options`` are those of SQLAlchemy's ``create_engine``: ``echo``,
    ``hide_parameters``, ``max_overflow``, ``pool_recycle`` and the like. A path will do for the URL of a file.

    Raises :class:`~persistdb.errors.BadURL`, :class:`~persistdb.errors.DriverMissing`,
    :class:`~persistdb.errors.InvalidValue`.
    """

    replica: Database | None = None
    """Where lists and reports are read, if not here."""

    def __init__(
        self,
        url: str | PurePath | URL | None = None,
        *,
        timeouts: Timeouts | None = None,
        pool_size: int = 5,
        retries: int = 20,
        engine_options: Mapping[str, object] | None = None,
    ) -> None:
        check_kind("retries", retries, int)
        if retries < 0:
            raise InvalidValue("retries", retries, "must not be negative")
        super().__init__(url, timeouts, pool_size, engine_options)
        self.retries = retries
        self._read_time = self.backend.read_time(self.timeouts)
        # Threads and tasks with the sessions in which they write. A list: it is empty for nearly everybody who looks.
        self._sessions: list[tuple[object, Session]] = []

    # --- units of work

    def read(self, work: Callable[[], Work[T]]) -> T:
        """Run a unit of work that reads with one statement, again if the connection turns out to be lost."""
        return self._repeat(work, None, self._read_time)

    def write(
        self,
        work: Callable[[], Work[T]],
        *,
        verify: Callable[[T], Work[bool | None]] | None = None,
        refs: Sequence[str] = (),
    ) -> T:
        """Run a unit of work in a transaction, again from its start if others were in its way.

        A connection that is lost during the commit leaves its outcome open: then ``verify`` is run on a new connection
        with the work's result. It returns whether the result is in the database (if not, the work is run again), or
        ``None`` where that can't be decided, which raises :class:`~persistdb.errors.CommitUnknown`. Raises
        :class:`~persistdb.errors.SessionOpen` within a write session of the same thread.
        """
        if self._sessions:
            self._refuse_within_session()
        return self._repeat(work, self._transact, self.timeouts.call, verify, refs, write=True)

    def change(
        self, work: Callable[[], Work[None]], *, verify: Callable[[None], Work[bool | None]], refs: Sequence[str]
    ) -> None:
        """Run a unit of work that begins with a change that commits on its own: one round trip.

        The rule of :meth:`write` for a lost commit holds whenever the connection is lost, and the one for sessions. One
        that the server interrupts is looked up, too, where it may have been committed.
        """
        if self._sessions:
            self._refuse_within_session()
        transact = self._change_alone if self.backend.changes_alone else self._transact
        self._repeat(work, transact, self.timeouts.call, verify, refs, write=True)

    # what these two and _connected() do is not cut finer: each call counts where a change of state takes 30 µs

    def _transact(self, connection: Connection, work: Callable[[], Work[T]]) -> T:
        backend = self.backend
        with backend.turn(connection.driver):
            connection.begin(backend.begin_sql(write=True))
            result = connection.run(work())
            try:
                connection.commit()
            except self.driver_error as error:
                if not self._is_lost(error, connection):
                    raise
                raise CommitLost(result, error) from error
            return result

    def _change_alone(self, connection: Connection, work: Callable[[], Work[T]]) -> T:
        with self.backend.turn(connection.driver):
            connection.begin_alone(self.backend.begin_sql(write=True))
            try:
                return connection.run(work())
            except self.driver_error as error:
                if not self._is_lost(error, connection):
                    raise
                raise CommitLost(None, error) from error

    def _connected(
        self,
        work: Callable[[], Work[T]],
        deadline: float,
        transact: Callable[[Connection, Callable[[], Work[T]]], T] | None = None,
    ) -> T:
        """Run work on a connection of the pool, which rolls back what is not committed when it is returned."""
        connection = self._connection_type(self._engine or self._source(), self.backend, self._errors, deadline)
        connection.enter()
        try:
            pooled = connection.checkout(self.retries > 0)
            try:
                if self._to_look:
                    self._look_again(connection)
                return connection.run(work()) if transact is None else transact(connection, work)
            except CommitLost as error:
                pooled.invalidate(error)
                raise
            except self.driver_error as error:
                if self._is_lost(error, connection):
                    pooled.invalidate(error)
                    raise Lost(error) from error
                raise
            except Exception:
                raise
            except BaseException:  # a task that was cancelled, a key that was pressed
                self.backend.abandon(pooled)
                raise
            finally:
                if connection.expired and pooled.is_valid:  # interrupted, perhaps just after it was over
                    pooled.invalidate()
                self.backend.checkin(pooled)
        finally:
            connection.leave()

    def _look_again(self, connection: Connection) -> None:
        """Look at the schema with a connection of a database that was looked at with others before."""
        refusal = None if self.look is None else connection.run(self.look(False))
        if refusal is not None:
            raise refusal
        self._to_look = False

    def _took_effect(
        self,
        error: BaseException,
        verify: Callable[[], Work[bool | None]] | None,
        refs: Sequence[str],
        deadline: float,
    ) -> bool:
        """Return whether a commit whose acknowledgement was lost took effect; raise if nobody can tell."""
        unknown = CommitUnknown(self.url, self.backend.detail(error), refs)
        log.info("%s: the answer to a commit was lost; looking whether it took effect", self.url)
        if verify is None:
            raise unknown from error

        def look(connection: Connection, verify: Callable[[], Work[bool | None]]) -> bool | None:
            # as a write begins: where another node of a cluster is looked at, it may be behind; it is rolled back
            connection.begin(self.backend.begin_sql(write=True))
            return connection.run(verify())

        try:
            committed = self._repeat(verify, look, left(deadline))
        except DatabaseError:
            raise unknown from error
        if committed is None:
            raise unknown from error
        return committed

    def _repeat(
        self,
        work: Callable[[], Work[T]],
        transact: Callable[[Connection, Callable[[], Work[T]]], T] | None,
        seconds: float,
        verify: Callable[[T], Work[bool | None]] | None = None,
        refs: Sequence[str] = (),
        *,
        write: bool = False,
    ) -> T:
        """Attempt work again and again, for so many seconds.

        ``retries`` does not count what a server refuses that is to be waited for, as one that does not answer is.
        """
        deadline = time.monotonic() + seconds
        pause = _FIRST_PAUSE
        more = self.retries
        while True:
            try:
                return self._connected(work, deadline, transact)
            except Stale:
                if not more or not left(deadline):
                    attempts = self.retries + 1 - more
                    raise Busy(self.url, f"changed by others in each of {attempts} attempts") from None
                log.debug("%s: again, for others changed what was read", self.url)
                more -= 1
            except self._all_failures as failed:
                if isinstance(failed, (CommitLost, CommitInterrupted)):
                    result: Any = failed.result
                    if self._took_effect(failed.error, partial(verify, result) if verify else None, refs, deadline):
                        return result  # type: ignore[no-any-return]  # of this work
                waited = seconds - left(deadline)
                if not more or not left(deadline) or not self._may_succeed_if_repeated(failed, waited):
                    raise self._final(failed, deadline, write=write) from failed
                log.debug("%s: again after an error: %s", self.url, self.backend.detail(cause_of(failed)))
                more -= not is_away(failed, self.backend)
            pause = _wait(pause, deadline)

    def attempts(self) -> Iterator[int]:
        """Number the attempts at what others may be faster at, with pauses that grow between them.

        Raises :class:`~persistdb.errors.Busy` when the retries are used up, or the time for one call is over.
        """
        deadline, pause = time.monotonic() + self.timeouts.call, _FIRST_PAUSE
        for attempt in range(1, self.retries + 2):
            yield attempt
            if attempt > self.retries or not left(deadline):
                raise Busy(self.url, f"changed by others in each of {attempt} attempts")
            pause = _wait(pause, deadline)

    # --- sessions

    @contextlib.contextmanager
    def session_of_thread(self, session: Session) -> Iterator[None]:
        """Know of a session in which this thread writes: another write of the thread would wait for it in vain.

        Raises :class:`~persistdb.errors.SessionOpen` if the thread writes in another one.
        """
        self._refuse_within_session()
        entry = waiting.caller(), session
        self._sessions.append(entry)
        try:
            yield
        finally:
            self._sessions.remove(entry)

    def _refuse_within_session(self) -> None:
        if self.writes_in_session():
            raise SessionOpen(self.url)

    def writes_in_session(self) -> bool:
        """Return whether this thread, or task, writes in a session."""
        if not self._sessions:
            return False
        thread = waiting.caller()
        # A session that has not begun yet, or has committed, holds nothing.
        return any(owner == thread and session.in_transaction() for owner, session in tuple(self._sessions))

    # --- errors

    @property
    def _all_failures(self) -> tuple[type[Exception], ...]:
        return (*self.failures, Lost, CommitInterrupted)

    def failure(self, error: BaseException) -> PersistDBError:
        """Translate an exception of SQLAlchemy, the driver or the system into ours."""
        return translated(error, self.backend, self.url)

    def noted(self, error: Exception, connection: Connection) -> Exception:
        """Return a driver's error as what says whether the connection was lost with it."""
        return Lost(error) if self._is_lost(error, connection) else error

    def may_succeed_if_repeated(self, error: PersistDBError) -> bool:
        """Return whether what failed with this, and was rolled back, may well succeed if it is done a second time."""
        cause = error.__cause__
        if cause is None or isinstance(error, CommitUnknown):
            return False
        return self._may_succeed_if_repeated(cause, self.timeouts.call)

    def refused(self, failure: PersistDBError, *, write: bool) -> PersistDBError | None:
        """Return why the schema is no longer for this program, where that may be behind an error without a rule."""
        look = self.look
        if type(failure) is not DatabaseError or look is None:
            return None
        try:
            return self._connected(lambda: look(write), time.monotonic() + self.timeouts.call)
        except PersistDBError as refusal:
            return refusal
        except self._all_failures:
            return None

    def _final(self, error: BaseException, deadline: float, *, write: bool) -> PersistDBError:
        if lost_connection(error) and not left(deadline):
            return Unavailable(self.url, f"no answer within {self.timeouts.call:g} s, the time for one call")
        failure = self.failure(error)
        return self.refused(failure, write=write) or failure

    def _may_succeed_if_repeated(self, error: BaseException, waited: float) -> bool:
        if waited_in_vain(error):  # threads that connect in vain have them all
            return self.absence() is not None
        return may_succeed_if_repeated(error, self.backend, waited, self.timeouts.busy)

    def _is_lost(self, error: Exception, connection: Connection) -> bool:
        return self.backend.is_lost(self._engine, error, connection.driver)

    # --- for other threads

    def another(self, call: float) -> Database:
        """Open the same database for a thread that must not wait for this one's connections.

        It has a single connection, and ``call`` seconds for a call; it is for threads also where this one is for tasks.
        """
        own = self.timeouts
        timeouts = replace(own, connect=min(own.connect, call), busy=min(own.busy, call), call=call)
        options = {name: value for name, value in self.backend.engine_options.items() if name != "max_overflow"}
        given = self.backend.absolute(self._given)
        return Database(given, timeouts=timeouts, pool_size=1, retries=self.retries, engine_options=options)


def _wait(pause: float, deadline: float) -> float:
    """Wait for a while, and return how long to wait the next time.

    It is no wait for an event: it only keeps units of work apart that clashed.
    """
    waiting.pause(min(left(deadline), waiting.half_or_more(pause)))
    return min(pause * 2, _LONGEST_PAUSE)
