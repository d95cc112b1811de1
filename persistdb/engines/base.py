"""The interface of an engine: connecting, the meaning of errors, locks, care of the schema (SQL: :mod:`.syntax`)."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from .deadlines import Bounded, Timeouts, after
from .syntax import Syntax

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Engine
    from sqlalchemy.engine import URL, Connection
    from sqlalchemy.pool import PoolProxiedConnection, QueuePool

    from .failures import ErrorRule
    from .file import DatabaseFile
    from .plain import Connections


ParameterStyle = Literal["qmark", "format", "pyformat", "named"]
"""How a driver has parameters written: ``?``, ``%s``, ``%(name)s`` or ``:name`` (PEP 249, paramstyle)."""

Answered = tuple["Sequence[tuple[Any, ...]]", int]
"""What a statement returned: its rows, and how many it changed or returned."""


class Role(NamedTuple):
    """What a kind of user may do: select from tables and views, and select from tables and write their rows."""

    kind: str
    reads: tuple[str, ...]
    writes: tuple[str, ...] = ()


MISSING, CHANGED = "is missing", "was changed"


def native(driver: Any) -> Any:
    """Return the driver's own connection, which SQLAlchemy wraps where the driver is for asyncio."""
    return getattr(driver, "driver_connection", driver)


class Backend(Syntax):
    """All that is particular to one engine; one instance for a :class:`~persistdb.db.database.Database`.

    SQLAlchemy is imported by the methods that need it: a command that runs fixed statements on a file does without.
    """

    timeouts: Timeouts = Timeouts()
    """The timeouts of its engine, from :meth:`create_engine` on."""
    engine_options: Mapping[str, Any] = {}
    """What SQLAlchemy's ``create_engine`` is given beside what persistdb needs."""

    name: ClassVar[str]
    style: ClassVar[ParameterStyle]
    error_rules: ClassVar[Sequence[ErrorRule]]

    # --- connecting

    def new_engine(self, url: URL, **options: Any) -> Engine:
        """Let SQLAlchemy make the engine, of the color of this class."""
        from sqlalchemy import create_engine

        return create_engine(url, **{**options, **self.engine_options})

    @property
    def pool_class(self) -> type[QueuePool]:
        """The class of the engine's pool."""
        from .pool import Pool

        return Pool

    def abandon(self, pooled: PoolProxiedConnection) -> None:
        """Give up a connection in whose use its user was interrupted, in the middle of an answer perhaps."""
        pooled.invalidate()

    @contextmanager
    def abandoning(self, connection: Connection) -> Iterator[None]:
        """Give up a connection of SQLAlchemy if its user is interrupted meanwhile: a task cancelled, a key pressed.

        Where a transaction begins, SQLAlchemy would return it to the pool as it is.
        """
        try:
            yield
        except Exception:
            raise
        except BaseException:
            if not connection.invalidated:  # SQLAlchemy may have seen it itself
                pooled = connection.connection
                self.abandon(pooled)
                if not pooled.is_valid:
                    connection.invalidate()  # so that it knows
            raise

    @abstractmethod
    def create_engine(self, url: URL, timeouts: Timeouts, pool_size: int) -> Engine:
        """Create the engine: connections in autocommit, so that nothing is sent before the first statement."""

    @abstractmethod
    def check_options(self, url: URL) -> None:
        """Refuse options of a URL that the driver does not know, and values that it cannot read.

        Raises :class:`ValueError`; what only the server can judge is left to it.
        """

    def take(self, engine: Engine, again: bool) -> PoolProxiedConnection | None:  # noqa: ARG002  servers need it
        """Take a connection for a unit of work if nobody listens, in fewer steps than :meth:`checkout`; else ``None``.

        ``again``: the work is run again if the connection is lost.
        """
        return None

    def checkout(self, engine: Engine, deadline: float, again: bool) -> PoolProxiedConnection:  # noqa: ARG002  servers need them
        """Take a connection of the pool by a deadline; ``again``: the work is run again if the connection is lost.

        Raises SQLAlchemy's errors, :class:`TimeoutError`.
        """
        return engine.pool.connect()

    def kept_cursor(self, pooled: PoolProxiedConnection, sql: str) -> Any:  # noqa: ARG002  one engine needs them
        """Return the cursor that a connection keeps for a statement, ``None`` where a new one costs little.

        To close it makes it ready for the next time.
        """
        return None

    def checkin(self, pooled: PoolProxiedConnection) -> None:
        """Return a connection to the pool, which rolls back what was not committed."""
        pooled.close()

    def would_create(self) -> bool:
        """Return whether there is no database yet, and connecting would create it."""
        return False

    def is_in_memory(self) -> bool:
        """Return whether the database is in this process's memory."""
        return False

    def reads_copies(self) -> bool:
        """Return whether the newest connection reads a file in another way than usual: the next may make a copy."""
        return False

    def plain(self, timeouts: Timeouts, pool_size: int, connected: Callable[[], object]) -> Connections | None:  # noqa: ARG002  one engine needs them
        """Return connections that need no SQLAlchemy, where there are such; each new one calls ``connected``."""
        return None

    def driver_error(self) -> type[Exception]:
        """Return the driver's base class of errors, without SQLAlchemy: where there are plain connections."""
        raise NotImplementedError

    def is_lost(self, engine: Engine | None, error: Exception, driver: Any) -> bool:
        """Return whether an error of the driver means that the connection is lost."""
        return engine is not None and engine.dialect.is_disconnect(error, driver, None)  # type: ignore[arg-type]  # any driver's

    @abstractmethod
    def interrupt(self, driver: Any) -> None:
        """End what a connection of the driver is doing, called from another thread: it fails where it waits."""

    def bounded(self, connection: Connection, seconds: float = 0.0) -> Bounded:
        """Bound the use of a connection of SQLAlchemy, on the client's side: ``seconds`` beside the time for a call."""
        driver = connection.connection.dbapi_connection
        return Bounded(after(self.timeouts.call + seconds), partial(self.interrupt, driver))

    def read_time(self, timeouts: Timeouts) -> float:
        """Return the seconds for a unit of work that reads; a server ends its statements itself."""
        return timeouts.call

    @abstractmethod
    def blockers(self, engine: Callable[[], Engine], driver: Any) -> list[str]:
        """Name who holds what a connection of the driver waits for, asked from another thread.

        Empty if it waits for nothing, and where the engine does not tell. Servers are asked on ``engine()``.
        """

    @abstractmethod
    def begin_sql(self, *, write: bool) -> str:
        """Return the statement that starts a transaction.

        One that writes sees whatever any server of a cluster has committed before.
        """

    @abstractmethod
    def begin_reading(self, connection: Connection) -> None:
        """Start a transaction in which the engine refuses to write."""

    @property
    def changes_alone(self) -> bool:
        """Whether a change of state is one round trip, which commits on its own without a transaction around it."""
        return False

    def turn(self, driver: Any) -> AbstractContextManager[object]:  # noqa: ARG002  one engine needs it
        """Wait for one's turn to write, where the engine has no queue of its own: a write is made within it."""
        return nullcontext()

    is_in_process: ClassVar[bool] = False
    """Whether the engine runs in this process, so that there are no round trips to save."""
    shares_statements: ClassVar[bool] = False
    """Whether a connection's cursors use the same compiled statements: one that is left open disturbs others."""

    def pipeline(self, driver: Any) -> AbstractContextManager[object]:  # noqa: ARG002  some engines need it
        """Send the statements within it without waiting for the answers, where the driver can."""
        return nullcontext()

    tidying: ClassVar[str | None] = None
    """A statement that does, outside of any transaction, what many writes would leave to the commit of another."""

    combines: ClassVar[bool] = False
    """Whether statements that need no answer between them go to the server as one, with :meth:`execute_together`."""

    def is_combined(self, sql: str) -> bool:
        """Return whether a statement can be among those, if its parameters are short."""
        raise NotImplementedError

    def are_short(self, values: Iterable[object]) -> bool:
        """Return whether a statement with these parameters can."""
        raise NotImplementedError

    def execute_together(
        self, cursor: Any, statements: Sequence[tuple[str, Any]], pooled: PoolProxiedConnection, begin: str
    ) -> list[Answered]:
        """Run statements, up to the first error, and return what each of them returned.

        With ``begin``, which starts a transaction, they are one: committed, or rolled back if there is an error. Raises
        :class:`~persistdb.engines.failures.CommitInterrupted` where it is not known which of the two it is.
        """
        raise NotImplementedError

    prepares: ClassVar[bool] = False
    """Whether fixed statements go through :meth:`execute`; else they go to the driver's cursor."""

    def execute(self, cursor: Any, sql: str, values: Any, pooled: PoolProxiedConnection) -> None:
        """Run a fixed statement on a cursor of a pooled connection, in the engine's own way."""
        raise NotImplementedError

    def unworded(self, error: UnicodeDecodeError) -> Exception:
        """Return the error in the place of one whose message the driver cannot decode."""
        return error

    # --- errors

    @abstractmethod
    def error_code(self, error: BaseException) -> str:
        """Return the engine's code of a driver's exception, ``""`` if it has none."""

    @abstractmethod
    def violated(self, error: BaseException) -> str | None:
        """Return the name of the unique or foreign key that a driver's exception is about, ``None`` without one."""

    @abstractmethod
    def is_missing_table(self, error: BaseException) -> bool:
        """Return whether a driver's exception says that a table does not exist."""

    def is_about_values(self, error: BaseException) -> bool:  # noqa: ARG002  some engines need it
        """Return whether a driver's exception says that a stored value is not what its column is for."""
        return False

    def detail(self, error: BaseException) -> str:
        """Return the engine's own message, in one line; drivers put no password into it."""
        return " ".join(str(error).split())

    def rule(self, error: BaseException) -> ErrorRule | None:
        """Find the row of the error table that fits a driver's exception."""
        code, message = self.error_code(error), str(error)
        return next((rule for rule in self.error_rules if rule.fits(code, message)), None)

    # --- one statement that reads

    @abstractmethod
    def read_only(self, engine: Callable[[], Engine], timeout: float, limit: int | None) -> AbstractContextManager[Any]:
        """Open a driver's cursor that can only read, on a connection that is used for nothing else.

        It runs for ``timeout`` seconds at the most; of more than ``limit`` rows it returns one more, or all.
        """

    def explaining(self, cursor: Any) -> Any:
        """Return the cursor for EXPLAIN: this one, or another in the same transaction."""
        return cursor

    def effect(self, cursor: Any, sql: str) -> str:  # noqa: ARG002  some engines need them
        """Name what in a SELECT does more than read although the engine would allow it; ``""`` for nothing."""
        return ""

    def rights(self, cursor: Any) -> list[str]:  # noqa: ARG002  some engines need it
        """Return the rights of this cursor's user beyond reading that a SELECT can use."""
        return []

    # --- users with few rights

    no_users: ClassVar[str] = ""
    """Why the engine has no users, and what to do instead."""

    def role_statements(self, url: URL, role: Role, name: str, password: str | None) -> list[str]:  # noqa: ARG002  some engines need them
        """Return the statements that give a user a role."""
        return []

    def role_excess(self, connection: Connection, role: Role, name: str) -> list[str]:  # noqa: ARG002  some engines need them
        """Return what a user may do in the database beyond a role."""
        return []

    # --- the schema: how it is changed and checked

    transactional_ddl: ClassVar[bool] = True
    """Whether DDL can be rolled back; else each revision is a transaction, and each of its statements commits."""

    @abstractmethod
    def exclusive(self, connection: Connection, wait: float, tables: Sequence[str]) -> AbstractContextManager[None]:
        """Keep all others from changing the schema, on a connection in no transaction, and commit at the end.

        Where foreign keys are off in the meantime, the rows of ``tables`` must have their parents at the end.
        Where DDL is transactional an exception undoes all of it. Raises :class:`~persistdb.engines.locks.StillLocked`
        after ``wait`` seconds, or the engine's own error for a lock that was not to be had, and
        :class:`~persistdb.engines.locks.Orphans`.
        """

    @abstractmethod
    def wait_for_writers(self, connection: Connection, tables: Sequence[str]) -> None:
        """Wait, in a change of the schema, for transactions that have read or written one of the tables.

        The last one is the one that writers look at (:meth:`.Syntax.unless`).
        """

    def rename_table(self, connection: Connection, name: str, new: str) -> None:
        """Rename a table that Alembic keeps a version in; its rights stay where they are its own, not its name's."""
        connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {new}")

    def function_faults(self, connection: Connection) -> dict[str, str]:  # noqa: ARG002  some engines need it
        """Return the faults of :attr:`.Syntax.view_functions` by name, :data:`MISSING` or :data:`CHANGED`.

        Nothing is changed. The connection's transaction must have had no statement before. Raises
        :class:`ViewsNotComparable`.
        """
        return {}

    @abstractmethod
    def changed_views(self, connection: Connection, selects: Mapping[str, str]) -> list[str]:
        """Return the names of the views, all of them in the database, whose definition is not this SELECT.

        Engines rewrite definitions, so the engine's rendering of both is compared. Nothing is changed.
        Raises :class:`ViewsNotComparable`.
        """

    def damage(self, connection: Connection) -> list[str]:  # noqa: ARG002  some engines need it
        """Return a line for each fault in the stored data; servers look for these themselves."""
        return []

    no_file: ClassVar[str]
    """Why :meth:`file` has none, and how to make a backup then."""

    def file(self) -> DatabaseFile | None:
        """Return the file that holds the database, if it is one that persistdb can copy."""
        return None

    # --- where the database is

    def absolute(self, url: str) -> str:
        """Return a URL of the same database for a process that has changed its working directory."""
        return url

    may_be_behind: ClassVar[bool] = False
    """Whether a lone read may miss what was committed at another node; a transaction that writes waits for it."""

    is_of_one_host: ClassVar[bool] = False
    """Whether all users of the database are on one host."""

    def is_cluster(self, connection: Connection) -> bool:  # noqa: ARG002  one engine needs it
        """Return whether several nodes take writes, so that :meth:`exclusive` keeps only those of one node out."""
        return False

    def replica_lag(self, connection: Connection) -> float | None:
        """Return the seconds by which this server is behind the one it replicates, ``None`` if it does not tell."""
        raise NotImplementedError

    def see_other_nodes(self, connection: Connection) -> None:
        """Let what a connection reads from here on have all that other nodes of a cluster have committed before."""
        raise NotImplementedError


class ViewsNotComparable(Exception):
    """This user or server does not allow to compare definitions; ``remedy`` says what would."""

    def __init__(self, remedy: str) -> None:
        super().__init__(remedy)
        self.remedy = remedy
