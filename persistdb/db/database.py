"""The database: its engine, its transactions, and the rules for running one again or giving up."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from ..engines import Timeouts, file_url, plain_file, resolve, shown, waiting
from ..engines.base import CommitInterrupted
from ..engines.deadlines import left
from ..engines.patience import Absence, absence
from ..engines.plain import AllInUse, Connections
from ..engines.urls import to_any_host
from ..errors import (
    AccessDenied,
    BadURL,
    Busy,
    CommitUnknown,
    DatabaseError,
    DriverMissing,
    InvalidValue,
    PersistDBError,
    ReadOnly,
    SessionOpen,
    StorageFull,
    Unavailable,
    Unreadable,
)
from ..places import default_file
from ..validation import check_kind, check_seconds
from .connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import URL, Engine
    from sqlalchemy.engine import Connection as SQLAlchemyConnection
    from sqlalchemy.orm import Session

    from .work import Work

T = TypeVar("T")

log = logging.getLogger("persistdb")
# where SQLAlchemy logs statements, and what is above that
_SQLALCHEMY_LOGS = tuple(map(logging.getLogger, ("sqlalchemy.engine.Engine", "sqlalchemy.engine", "sqlalchemy")))

ENGINE_OPTIONS = frozenset(
    {
        *("echo", "echo_pool", "hide_parameters", "logging_name", "pool_logging_name", "query_cache_size"),
        *("max_overflow", "pool_recycle", "pool_use_lifo"),
    }
)
"""The options of SQLAlchemy's ``create_engine`` that a caller may set; the others are persistdb's, or the URL's."""

# The first pause before a unit of work is retried, and the longest, in seconds; each is random in part, so that units
# that clashed once don't clash again.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.5


class Stale(Exception):
    """A unit of work is to be run again from its start: mostly, others changed a row that it had read."""


class _Lost(Exception):
    """The connection was lost before the commit, with the driver's ``error``."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


class _CommitLost(_Lost):
    """The connection was lost during a commit; ``result`` is the work's."""

    def __init__(self, result: Any, error: BaseException) -> None:
        super().__init__(error)
        self.result = result


class Database:
    """One database, by its URL: ``sqlite:///FILE``, ``postgresql://USER@HOST/NAME``, ``mariadb://USER@HOST/NAME``.

    The default is the URL in ``PERSISTDB_URL``, else a file at the platform's usual place. Nothing is opened before the
    first use. ``retries`` bounds how often a unit of work is run again when others were in its way, ``pool_size`` how
    many connections are open at once; ``engine_options`` are those of SQLAlchemy's ``create_engine``: ``echo``,
    ``hide_parameters``, ``max_overflow``, ``pool_recycle`` and the like. A path will do for the URL of a file.

    Raises :class:`~persistdb.errors.BadURL`, :class:`~persistdb.errors.DriverMissing`,
    :class:`~persistdb.errors.InvalidValue`.
    """

    _for_tasks: ClassVar[bool] = False
    """Whether tasks of asyncio use it, in greenlets (:mod:`persistdb.db.tasks`)."""
    _connection_type: ClassVar[type[Connection]] = Connection
    is_replica: ClassVar[bool] = False
    """Whether it is another's ``replica``."""
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
        for name, value, kind in (("retries", retries, int), ("pool_size", pool_size, int)):
            check_kind(name, value, kind)
        check_kind("timeouts", timeouts or Timeouts(), Timeouts)
        for seconds in fields(Timeouts):
            check_seconds(seconds.name, getattr(timeouts or Timeouts(), seconds.name))
        if retries < 0:
            raise InvalidValue("retries", retries, "must not be negative")
        if pool_size < 1:
            raise InvalidValue("pool_size", pool_size, "must be at least 1")
        self.timeouts = timeouts or Timeouts()
        if self.timeouts.lease <= 0:
            raise InvalidValue("lease", self.timeouts.lease, "must be greater than 0")
        self._given = url_text(url)
        self._pool_size = pool_size
        self._making = threading.Lock()
        self._engine: Engine | None = None
        self._plain: Connections | None = None
        self.retries = retries
        self.prepared = False
        """Whether the schema is known to be one for this program (:func:`persistdb.schema.prepare.prepare`)."""
        self.look: Callable[[bool], Work[PersistDBError | None]] | None = None
        """The unit of work that looks at the schema again, and returns why this program may no longer read, or write.

        It is run with each new connection and after errors (:mod:`persistdb.schema.prepare`).
        """
        self._to_look = False
        options = _engine_options(engine_options or {})
        # whoever listens to SQLAlchemy has imported it, and hears of all that is done
        plain = None if options or self._for_tasks or _is_there() else plain_file(self._given)
        if plain is None:
            self.backend, address = resolve(self._given, for_tasks=self._for_tasks)
            self._given = self.backend.absolute(self._given)
            self.backend.engine_options = options
            self.url = shown(address.set(drivername=self.backend.name))
            self._make_engine(address)
        else:
            self.backend, self.url = plain, self._given
            self._plain = plain.plain(self.timeouts, pool_size, self._note_connection)
            self.driver_error: type[Exception] = plain.driver_error()
            self.failures: tuple[type[Exception], ...] = (self.driver_error, AllInUse, OSError)
            """What :meth:`failure` translates."""
        self._errors = self.driver_error, Unreadable
        # Threads and tasks with the sessions in which they write. A list: it is empty for nearly everybody who looks.
        self._sessions: list[tuple[object, Session]] = []
        self._read_time = self.backend.read_time(self.timeouts)
        _open.add(self)

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine. For a file it is made when it is first asked for, or when SQLAlchemy is imported."""
        if self._engine is None:
            with self._making:
                if self._engine is None:
                    _, address = resolve(self.backend.absolute(self._given))
                    self._make_engine(address)
                    if self._plain is not None:
                        self._plain.end()
        return self._engine  # type: ignore[return-value]  # made by now

    def _make_engine(self, address: URL) -> None:
        from sqlalchemy import event
        from sqlalchemy.exc import ArgumentError, SQLAlchemyError

        if self.is_replica:
            address = to_any_host(address)
        try:
            self.backend.check_options(address)
            engine = self.backend.create_engine(address, self.timeouts, self._pool_size)
        except ModuleNotFoundError as missing:
            raise DriverMissing(self.url, str(missing.name), self.backend.name) from None
        except (ArgumentError, ValueError) as error:
            raise BadURL(self.url, str(error)) from None
        self.driver_error = engine.dialect.loaded_dbapi.Error
        self.failures = (SQLAlchemyError, self.driver_error, AllInUse, OSError)
        # Drivers are in autocommit: a lone SELECT needs no transaction around it.
        self._reader = engine.execution_options(persistdb_begin="none")
        self._writer = engine.execution_options(persistdb_begin="write")

        @event.listens_for(engine, "connect")
        def _connect(_connection: object, _record: object) -> None:
            self._note_connection()

        @event.listens_for(engine, "begin")
        def _begin(connection: SQLAlchemyConnection) -> None:
            mode = connection.get_execution_options().get("persistdb_begin", "read")
            with self.backend.abandoning(connection):
                if mode == "write":
                    with self.backend.turn(connection.connection.dbapi_connection):
                        connection.exec_driver_sql(self.backend.begin_sql(write=True))
                elif mode == "read":
                    connection.exec_driver_sql(self.backend.begin_sql(write=False))

        self._engine = engine

    @property
    def reader(self) -> Engine:
        """The engine for transactions that begin by themselves, as a lone SELECT does."""
        return self.engine and self._reader

    @property
    def writer(self) -> Engine:
        """The engine for transactions that write."""
        return self.engine and self._writer

    def _source(self) -> Engine | Connections:
        """Return where connections come from: of the engine, if there is one, or if somebody may listen to it."""
        if self._engine is None and (self._plain is None or _is_there()):
            return self.engine
        return self._engine or self._plain  # type: ignore[return-value]  # one of them is there

    @property
    def _all_failures(self) -> tuple[type[Exception], ...]:
        return (*self.failures, _Lost)

    def absence(self) -> Absence | None:
        """Return why somebody is waiting for the server, and since when; ``None`` if nobody is."""
        return None if self._engine is None else absence(self._engine)

    def _note_connection(self) -> None:
        self._to_look = self.look is not None

    def __repr__(self) -> str:
        return f"Database({self.url!r})"

    def close(self) -> None:
        """Close all connections; the next use opens new ones. A database in memory is lost with its connection."""
        if self._engine is not None:
            self._engine.dispose()
        elif self._plain is not None:
            self._begin_plainly().end()
        self.forget_schema()

    def _begin_plainly(self) -> Connections:
        """Take new connections from here on, and return the others."""
        others = self._plain
        self._plain = self.backend.plain(self.timeouts, self._pool_size, self._note_connection)
        return others  # type: ignore[return-value]  # there are some

    def forget_schema(self) -> None:
        """Look at the schema again before the database is next used: it may be another one."""
        self.prepared, self.look = False, None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def leave_connections_to_parent(self, kept: list[object]) -> None:
        """Begin without connections in a child of fork(2): its parent's are ``kept``, or they would be closed."""
        self._making = threading.Lock()  # another thread of the parent may have held it
        if self._engine is not None:
            kept.append(self._engine.pool)
            self._engine.dispose(close=False)
        elif self._plain is not None:
            kept.append(self._begin_plainly())

    # --- units of work

    def read(self, work: Callable[[], Work[T]]) -> T:
        """Run a unit of work that reads with one statement, again if the connection turns out to be lost."""
        return self._repeat(self._connected, work, self._read_time)

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

        def transact(connection: Connection) -> T:
            with self.backend.turn(connection.driver):
                connection.begin(self.backend.begin_sql(write=True))
                result = connection.run(work())
                try:
                    connection.commit()
                except self.driver_error as error:
                    if not self._is_lost(error, connection):
                        raise
                    raise _CommitLost(result, error) from error
                return result

        def attempt(work: Callable[[], Work[T]], deadline: float) -> T:
            try:
                return self._connected(work, deadline, transact)
            except _CommitLost as lost:
                result: T = lost.result
                if not self._took_effect(lost.error, partial(verify, result) if verify else None, refs, deadline):
                    raise _Lost(lost.error) from lost.error
                return result

        return self._repeat(attempt, work, self.timeouts.call, write=True)

    def change(
        self, work: Callable[[], Work[None]], *, verify: Callable[[], Work[bool | None]], refs: Sequence[str]
    ) -> None:
        """Run a unit of work that begins with a change that commits on its own: one round trip.

        The rule of :meth:`write` for a lost commit holds whenever the connection is lost, and the one for sessions. One
        that the server interrupts is looked up, too, where it may have been committed.
        """
        if not self.backend.changes_alone:
            self.write(work, verify=lambda _: verify(), refs=refs)
            return
        if self._sessions:
            self._refuse_within_session()

        def change(connection: Connection) -> None:
            with self.backend.turn(connection.driver):
                connection.begin_alone(self.backend.begin_sql(write=True))
                connection.run(work())

        def attempt(work: Callable[[], Work[None]], deadline: float) -> None:
            try:
                self._connected(work, deadline, change)
            except _Lost as lost:
                if not self._took_effect(lost.error, verify, refs, deadline):
                    raise
            except CommitInterrupted as interrupted:
                if not self._took_effect(interrupted.error, verify, refs, deadline):
                    raise interrupted.error from None

        self._repeat(attempt, work, self.timeouts.call, write=True)

    def _connected(
        self, work: Callable[[], Work[T]], deadline: float, transact: Callable[[Connection], T] | None = None
    ) -> T:
        """Run work on a connection of the pool, which rolls back what is not committed when it is returned."""
        connection = self._connection_type(self._engine or self._source(), self.backend, self._errors, deadline)
        connection.enter()
        try:
            pooled = connection.checkout(self.retries > 0)
            try:
                if self._to_look:
                    self._look_again(connection)
                return transact(connection) if transact else connection.run(work())
            except _CommitLost as error:
                pooled.invalidate(error)
                raise
            except self.driver_error as error:
                if self._is_lost(error, connection):
                    pooled.invalidate(error)
                    raise _Lost(error) from error
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

    def _is_lost(self, error: Exception, connection: Connection) -> bool:
        return self.backend.is_lost(self._engine, error, connection.driver)

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

        def look(connection: Connection) -> bool | None:
            # as a write begins: where another node of a cluster is looked at, it may be behind; it is rolled back
            connection.begin(self.backend.begin_sql(write=True))
            return connection.run(verify())

        def attempt(verify: Callable[[], Work[bool | None]], deadline: float) -> bool | None:
            return self._connected(verify, deadline, look)

        try:
            committed = self._repeat(attempt, verify, left(deadline))
        except DatabaseError:
            raise unknown from error
        if committed is None:
            raise unknown from error
        return committed

    def _repeat(
        self,
        attempt: Callable[[Callable[[], Work[T]], float], T],
        work: Callable[[], Work[T]],
        seconds: float,
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
                return attempt(work, deadline)
            except Stale:
                if not more or not left(deadline):
                    attempts = self.retries + 1 - more
                    raise Busy(self.url, f"changed by others in each of {attempts} attempts") from None
                log.debug("%s: again, for others changed what was read", self.url)
                more -= 1
            except self._all_failures as error:
                if not more or not left(deadline) or not self._may_succeed_if_repeated(error, seconds - left(deadline)):
                    failure = self._failure(error, deadline)
                    raise self.refused(failure, write=write) or failure from error
                log.debug("%s: again after an error: %s", self.url, self.backend.detail(_driver_error(error)))
                more -= not self._is_away(error)
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

    def _failure(self, error: BaseException, deadline: float) -> PersistDBError:
        if _lost_connection(error) and not left(deadline):
            return Unavailable(self.url, f"no answer within {self.timeouts.call:g} s, the time for one call")
        return self.failure(error)

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

    def another(self, call: float) -> Database:
        """Open the same database for a thread that must not wait for this one's connections.

        It has a single connection, and ``call`` seconds for a call; it is for threads also where this one is for tasks.
        """
        own = self.timeouts
        timeouts = replace(own, connect=min(own.connect, call), busy=min(own.busy, call), call=call)
        options = {name: value for name, value in self.backend.engine_options.items() if name != "max_overflow"}
        given = self.backend.absolute(self._given)
        return Database(given, timeouts=timeouts, pool_size=1, retries=self.retries, engine_options=options)

    def connection(self, deadline: float) -> Connection:
        """Return a connection that is yet to be taken from the pool, for use until the deadline."""
        return self._connection_type(self._engine or self._source(), self.backend, self._errors, deadline)

    def noted(self, error: Exception, connection: Connection) -> Exception:
        """Return a driver's error as what says whether the connection was lost with it."""
        return _Lost(error) if self._is_lost(error, connection) else error

    def may_succeed_if_repeated(self, error: PersistDBError) -> bool:
        """Return whether what failed with this, and was rolled back, may well succeed if it is done a second time."""
        cause = error.__cause__
        if cause is None or isinstance(error, CommitUnknown):
            return False
        return self._may_succeed_if_repeated(cause, self.timeouts.call)

    def failure(self, error: BaseException) -> PersistDBError:
        """Translate an exception of SQLAlchemy, the driver or the system into ours."""
        if _waited_in_vain(error):
            return Busy(self.url, "all connections of this process are in use")
        if isinstance(error, OSError):
            kinds = {errno.ENOSPC: StorageFull, errno.EROFS: ReadOnly, errno.EACCES: AccessDenied}
            return kinds.get(error.errno or 0, Unavailable)(self.url, str(error))
        cause = _driver_error(error)
        rule = self.backend.rule(cause)
        detail = self.backend.detail(cause)
        if rule is not None:
            return rule.error(self.url, detail)
        return (Unavailable if _lost_connection(error) else DatabaseError)(self.url, detail)

    def _may_succeed_if_repeated(self, error: BaseException, waited: float) -> bool:
        if _waited_in_vain(error):  # threads that connect in vain have them all
            return self.absence() is not None
        if isinstance(error, OSError):
            return False
        if _lost_connection(error):
            return True
        rule = self.backend.rule(_driver_error(error))
        if rule is None or not rule.retry:
            return False
        # A lock that was waited for in vain is no clash: it would be waited for as long again.
        return not (rule.waits and waited >= self.timeouts.busy)

    def _is_away(self, error: BaseException) -> bool:
        rule = self.backend.rule(_driver_error(error))
        return rule is not None and rule.away and rule.retry


def _wait(pause: float, deadline: float) -> float:
    """Wait for a while, and return how long to wait the next time.

    It is no wait for an event: it only keeps units of work apart that clashed.
    """
    waiting.pause(min(left(deadline), waiting.half_or_more(pause)))
    return min(pause * 2, _LONGEST_PAUSE)


_open: weakref.WeakSet[Database] = weakref.WeakSet()
# What a child of fork(2) must neither use nor close: to close a connection would end the parent's.
_of_parent: list[object] = []


def _leave_connections_to_parent() -> None:
    for database in _open:
        if not database.backend.is_in_memory():
            database.leave_connections_to_parent(_of_parent)


os.register_at_fork(after_in_child=_leave_connections_to_parent)


def _driver_error(error: BaseException) -> BaseException:
    """Return the driver's own exception, which SQLAlchemy's and ours wrap."""
    return error.error if isinstance(error, _Lost) else getattr(error, "orig", None) or error


def _lost_connection(error: BaseException) -> bool:
    return isinstance(error, _Lost) or bool(getattr(error, "connection_invalidated", False))  # SQLAlchemy's DBAPIError


def _is_there() -> bool:
    """Return whether SQLAlchemy is imported, or its log is asked for."""
    if "sqlalchemy" in sys.modules:
        return True
    # the first level that is set; when SQLAlchemy is imported it sets one for itself, so the root's does not count
    level = next((each.level for each in _SQLALCHEMY_LOGS if each.level), logging.WARNING)
    return level <= logging.INFO


def _waited_in_vain(error: BaseException) -> bool:
    """Return whether all connections of the pool were in use for too long."""
    if isinstance(error, AllInUse):
        return True
    if "sqlalchemy" not in sys.modules:
        return False
    from sqlalchemy.exc import TimeoutError as PoolTimeout

    return isinstance(error, PoolTimeout)


def url_text(url: str | PurePath | URL | None) -> str:
    """Return a database's URL as text: of a path, of SQLAlchemy's object, the default one for ``None``."""
    if isinstance(url, PurePath):
        return file_url(url)
    if url is not None and not isinstance(url, str) and "sqlalchemy" in sys.modules:
        from sqlalchemy.engine import URL

        if isinstance(url, URL):
            return url.render_as_string(hide_password=False)
    check_kind("url", url or "", str)
    return str(url or "") or default_url()


def _engine_options(given: Mapping[str, object]) -> Mapping[str, object]:
    check_kind("engine_options", given, Mapping)
    for name in given:
        if name not in ENGINE_OPTIONS:
            known = ", ".join(sorted(ENGINE_OPTIONS))
            raise InvalidValue("engine_options", name, f"is not for callers to set; these are: {known}")
    return dict(given)


def default_url() -> str:
    """Return ``PERSISTDB_URL``, else a file's URL: below /var/lib for root, in the user's data folder for others."""
    url = os.environ.get("PERSISTDB_URL")
    if url:
        return url
    return file_url(default_file())
