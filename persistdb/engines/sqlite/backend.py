"""The SQLite engine, through the standard library's driver or one like it."""

from __future__ import annotations

import os
import re
import resource
from contextlib import nullcontext
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ...errors import BadURL, Busy, Corrupt, QueryTimeout, ReadOnly, StorageFull, Unavailable
from ..base import Backend, native
from ..failures import ErrorRule
from ..plain import Connections
from ..reading import allow_writes_again, refuse_writes
from ..urls import check_names, check_numbers
from . import damage, fallback, files, guard, library, readonly
from .connecting import Connecting, is_over
from .queue import Queues
from .syntax import SQLiteSyntax

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from types import ModuleType

    from sqlalchemy import Engine
    from sqlalchemy.engine import URL, Connection
    from sqlalchemy.pool import PoolProxiedConnection

    from ..deadlines import Timeouts
    from .copies import SQLiteFile
    from .fallback import Fallback

# What SQLAlchemy hands on to the driver (dialects/sqlite/pysqlite.py)
_OPTIONS = {"uri", "timeout", "detect_types", "check_same_thread", "cached_statements"}
_SECONDS = re.compile(r"[0-9]{1,6}(?:\.[0-9]+)?")

# What json_object() and json() say of a BLOB and of text that is not JSON, and the driver of text that is not UTF-8:
# SQLite stores any value in any column.
_ABOUT_VALUES = ("JSON cannot hold BLOB values", "malformed JSON", "Could not decode to UTF-8")

# A connection is used by one thread after the other.
_SAME = {"check_same_thread": False}
# The driver keeps all of our statements. When the 128 that it keeps by default are in use, it throws away the newest:
# two that are used in turn are then compiled each time, which takes ten times as long as running them.
_CACHED = {"cached_statements": 1024}
# KiB, negative as SQLite has it. With mmap_size it would read less again, but a page that the disk does not give ends
# the program with SIGBUS, where the check is to say that the file is damaged.
_CHECK_CACHE = -65536

# Quoted text, and runs without a quote or white space
_WORD = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[^\s'"]+""")


class SQLite(SQLiteSyntax, Backend):
    """One file, written by one at a time, read by many."""

    name = "sqlite"
    style = "qmark"
    is_in_process = True
    shares_statements = True
    # The commit that finds 1000 pages in the log checkpoints them, and all who write after it wait so long for their
    # turn. This one waits for nobody, and nobody for it (sqlite.org/pragma.html#pragma_wal_checkpoint).
    tidying = "PRAGMA wal_checkpoint(PASSIVE)"
    error_rules = (
        ErrorRule("SQLITE_BUSY", Busy, "database is locked", retry=True, waits=True),
        ErrorRule("SQLITE_LOCKED", Busy, "database table is locked", retry=True),
        ErrorRule("SQLITE_INTERRUPT", QueryTimeout, "interrupted"),
        ErrorRule("SQLITE_AUTH", ReadOnly, "not authorized"),
        ErrorRule("SQLITE_FULL", StorageFull, "database or disk is full"),
        ErrorRule("SQLITE_IOERR", StorageFull, "disk I/O error"),  # but see rule()
        ErrorRule("SQLITE_READONLY", ReadOnly, "attempt to write a readonly database"),
        ErrorRule("SQLITE_CANTOPEN", Unavailable, "unable to open database file"),
        ErrorRule("SQLITE_NOTADB", Corrupt, "file is not a database"),
        ErrorRule("SQLITE_CORRUPT", Corrupt, "database disk image is malformed"),
    )

    no_file = "a database in memory has no file to copy"

    def __init__(self, place: URL | Path) -> None:
        if isinstance(place, Path):
            self._path: Path | None = place.absolute()
            self._is_created = True
        else:
            self._path = files.path_of(place)
            self._is_created = self._path is not None and files.is_created(place)
        self._queues: Queues | None = None
        self._connecting: Connecting | None = None
        self._guard: guard.Guard | None = None
        self._has_readers = False

    # --- connecting

    def create_engine(self, url: URL, timeouts: Timeouts, pool_size: int) -> Engine:
        """Create the engine for a file, which is created 0600 in a folder 0700, or for a database in memory."""
        busy = float(str(url.query.get("timeout", timeouts.busy)))
        self.timeouts = replace(timeouts, busy=busy)
        path = self._path
        if path is None and self.engine_options.keys() & {"max_overflow", "pool_recycle"}:
            raise ValueError("a database in memory is one connection, for as long as it is used")
        connecting, module = self._ready(busy), library.driver()
        engine = self.new_engine(
            url,
            module=self.driver_module(module),
            connect_args={"timeout": busy, **_SAME, **({} if "cached_statements" in url.query else _CACHED)},
            poolclass=self.pool_class,
            # each connection to :memory: has a separate database, so there is one connection
            pool_size=1 if path is None else pool_size,
            max_overflow=0,
            pool_timeout=timeouts.pool,
            # SQLAlchemy's own connections end their transactions themselves; for ours see checkin()
            pool_reset_on_return=None,
        )
        connecting.open_for(engine)
        if self._queues is not None and self._guard is not None:
            self._queues.watch(engine)
            self._guard.watch(engine)
        damage.translate(engine, module)
        return engine

    def _ready(self, busy: float) -> Connecting:
        """Make what all connections to the file have in common."""
        if self._connecting is not None:
            return self._connecting
        module, path = library.driver(), self._path
        library.bind_null(module)
        if path is not None:
            if not library.is_safe(module.sqlite_version_info):
                library.warn(module.sqlite_version)
            self._queues = Queues(path, busy)
            self._guard = guard.Guard(path, refuses=module.__name__ != "sqlite3")
        self._connecting = Connecting(module, path, creates=self._is_created, busy=busy)
        return self._connecting

    def plain(self, timeouts: Timeouts, pool_size: int, connected: Callable[[], object]) -> Connections | None:
        """Return connections to the file."""
        self.timeouts = timeouts
        connecting, connect = self._ready(timeouts.busy), library.driver().connect
        name = os.path.abspath(str(self._path))

        def opened(info: dict[Any, Any]) -> Any:
            driver = connecting.open(connect, name, timeout=timeouts.busy, **_SAME, **_CACHED)
            connecting.opened(driver, info)
            if self._guard is not None:
                self._guard.opened(info)
            connected()
            return driver

        def closed(driver: Any, info: dict[Any, Any]) -> None:
            if self._queues is not None:
                self._queues.closed(driver)
            if self._guard is not None:
                self._guard.closed(info)

        return Connections(pool_size, timeouts.pool, connect=opened, is_over=is_over, closed=closed)

    def driver_error(self) -> type[Exception]:
        """Return the library's."""
        error: type[Exception] = library.driver().Error
        return error

    def is_lost(self, engine: Engine | None, error: Exception, driver: Any) -> bool:
        """Look for a connection that was closed, as SQLAlchemy's dialect does."""
        if engine is not None:
            return super().is_lost(engine, error, driver)
        closed = "Cannot operate on a closed database."
        return isinstance(error, library.driver().ProgrammingError) and closed in str(error)

    own_connection: ClassVar[attrgetter[Any]] = attrgetter("dbapi_connection")
    """The driver's own connection of one of the pool."""

    def driver_module(self, library: ModuleType) -> Any:
        """Return the driver for this SQLite library, as SQLAlchemy's dialect takes it."""
        return library

    def turn(self, driver: Any) -> AbstractContextManager[object]:
        """Queue for the write lock, where that is possible."""
        return nullcontext() if self._queues is None else self._queues[driver]

    def unworded(self, error: UnicodeDecodeError) -> Exception:  # noqa: ARG002  whatever it quotes
        """What the driver cannot put into words is damage."""
        return damage.error_of(library.driver())

    def check_options(self, url: URL) -> None:
        """Take the driver's options; in a URI all others are SQLite's (sqlite.org/uri.html)."""
        if not files.is_uri(url):
            check_names(url, _OPTIONS)
        check_numbers(url, {"detect_types", "cached_statements"})
        if "isolation_level" in url.query:
            raise ValueError("option 'isolation_level' is for persistdb, which begins transactions itself")
        if not _SECONDS.fullmatch(str(url.query.get("timeout", "0"))):
            raise ValueError("option 'timeout' must be a number of seconds")

    def take(self, engine: Engine, again: bool) -> PoolProxiedConnection | None:  # noqa: ARG002  no server that is lost
        """Take it as it is."""
        return engine.pool.take()  # type: ignore[attr-defined,no-any-return]  # our pool's

    def checkin(self, pooled: PoolProxiedConnection) -> None:
        """Roll back where a transaction is open: SQLAlchemy's own reset of each connection is a tenth of a look-up."""
        driver = self.own_connection(pooled)
        if driver is not None and driver.in_transaction:
            try:
                pooled.rollback()
            except BaseException as error:
                if self._path is not None:  # in memory it would be lost, and has rolled back by now
                    pooled.invalidate()
                if not isinstance(error, library.driver().Error):
                    pooled.close()
                    raise
        pooled.close()

    def abandon(self, pooled: PoolProxiedConnection) -> None:
        """Close the connection; a database in memory, which would be lost with it, is rolled back."""
        if self._path is None:
            pooled.rollback()
        else:
            pooled.invalidate()

    def would_create(self) -> bool:
        """Return whether the file does not exist, or is still empty: with a schema it has at least a page."""
        if self._path is None or not self._is_created:
            return False
        try:
            return self._path.stat().st_size == 0
        except FileNotFoundError:
            return True
        except OSError:
            return False  # connecting raises SQLite's own error

    def is_in_memory(self) -> bool:
        """Return whether there is no file."""
        return self._path is None

    def reads_copies(self) -> bool:
        """Return whether the file cannot be written beside, so that connections may have copies of it."""
        return self._fallback() is not None

    def interrupt(self, driver: Any) -> None:
        """Use sqlite3_interrupt(), which is for other threads."""
        native(driver).interrupt()

    def blockers(self, engine: Callable[[], Engine], driver: Any) -> list[str]:  # noqa: ARG002  the kernel is asked
        """Ask the kernel who holds the lock for writing, unless it is this process."""
        if self._path is None:
            return []
        from .copies import SQLiteFile

        return SQLiteFile(self._path).writers()

    def read_time(self, timeouts: Timeouts) -> float:
        """Bound the statement by the time for the call: a read is one, and nobody else would end it."""
        return min(timeouts.call, timeouts.statement)

    def begin_sql(self, *, write: bool) -> str:
        """Start a transaction; a write takes the write lock at once.

        A transaction that reads first and writes later fails with SQLITE_BUSY_SNAPSHOT as soon as another has written
        in between, whatever the timeout (sqlite.org/rescode.html#busy_snapshot).
        """
        return "BEGIN IMMEDIATE" if write else "BEGIN"

    def begin_reading(self, connection: Connection) -> None:
        """Refuse writes until the connection is returned to the pool."""
        if not self._has_readers:  # a listener at each return of a connection is a fiftieth of a get
            self._has_readers = True
            allow_writes_again(connection.engine, "PRAGMA query_only = OFF", self.interrupt, self.timeouts.call)
        refuse_writes(connection.connection, "PRAGMA query_only = ON")
        connection.exec_driver_sql("BEGIN")

    # --- errors

    def error_code(self, error: BaseException) -> str:
        """Return the name of the primary result code: the wheels' drivers don't ask for extended ones, the stdlib does.

        The drivers give no code with an error of SQLite's backup (Connection.backup): then the examples are compared.
        """
        name = getattr(error, "sqlite_errorname", None)
        if name is None:
            return next((rule.code for rule in self.error_rules if str(error).startswith(rule.example)), "")
        return "_".join(str(name).split("_")[:2])

    def rule(self, error: BaseException) -> ErrorRule | None:
        """Tell a disk that fails from one that is full.

        Opening a -wal or -shm on a full disk is an I/O error, and so is writing to a file that has reached the
        process's size limit. The driver does not pass on the code that says more. A file that is only read because the
        disk is full takes writes again when there is space.
        """
        rule = super().rule(error)
        if rule is not None and rule.code == "SQLITE_IOERR" and not self._is_full():
            return None
        if rule is not None and rule.code == "SQLITE_READONLY" and (way := self._fallback()) and way.is_full:
            return next(rule for rule in self.error_rules if rule.code == "SQLITE_FULL")
        return rule

    def detail(self, error: BaseException) -> str:
        """Say why the file cannot be written to."""
        detail = super().detail(error)
        if self._path is None or self.error_code(error) != "SQLITE_READONLY":
            return detail
        way = self._fallback()
        reason = way.reason if way else fallback.obstacle(self._path)
        return f"{detail}: {reason}" if reason else detail

    def _fallback(self) -> Fallback | None:
        return None if self._connecting is None else self._connecting.fallback

    def _is_full(self) -> bool:
        if resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY:
            return True
        return files.is_full(self._path.parent if self._path else Path())

    def violated(self, error: BaseException) -> str | None:
        """Return the key in our spelling, from ``UNIQUE constraint failed: process.sandbox_id, process.token``."""
        what, _, where = str(error).partition(": ")
        if what == "FOREIGN KEY constraint failed":
            return "foreign key"
        if what == "UNIQUE constraint failed":
            columns = [column.partition(".") for column in where.split(", ")]
            return "_".join(["uq", columns[0][0], *(name for _, _, name in columns)])
        return None

    def is_missing_table(self, error: BaseException) -> bool:
        """Look at the message: the code is SQLite's general one."""
        return "no such table" in str(error)

    def is_about_values(self, error: BaseException) -> bool:
        """Look at the message: the code is SQLite's general one, and the driver's own error has none."""
        return str(error).startswith(_ABOUT_VALUES)

    # --- one statement that reads

    def read_only(self, engine: Callable[[], Engine], timeout: float, limit: int | None) -> AbstractContextManager[Any]:  # noqa: ARG002  it streams
        """Open the file for reading, with an authorizer that SQLite asks about each part of a statement."""
        if self._path is None:
            why = "a database in memory belongs to one process: it cannot be queried from here"
            raise BadURL(str(engine().url), why)
        return readonly.cursor(self._path, timeout, min(timeout, self.timeouts.busy))

    # --- users who may only read

    no_users = "SQLite has no users: sql and report open the file for reading, and its mode says who else may"

    # --- the schema

    def exclusive(self, connection: Connection, wait: float, tables: Sequence[str]) -> AbstractContextManager[None]:
        """Begin one transaction, with the write lock from its start."""
        from . import change

        return change.exclusive(connection, wait, tables)

    def wait_for_writers(self, connection: Connection, tables: Sequence[str]) -> None:
        """Do nothing: the change has the write lock."""

    def rename_table(self, connection: Connection, name: str, new: str) -> None:
        """Copy it: SQLite renames no table while a view cannot be read, and no constraint at all."""
        ddl = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).scalar_one()
        connection.exec_driver_sql(ddl.replace(name, new))
        connection.exec_driver_sql(f"INSERT INTO {new} SELECT * FROM {name}")
        connection.exec_driver_sql(f"DROP TABLE {name}")

    def changed_views(self, connection: Connection, selects: Mapping[str, str]) -> list[str]:
        """Compare the statement's text, which SQLite stores from the view's name on, but for white space."""
        views = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'view'")
        stored: dict[str, str] = dict(map(tuple, views))
        return [name for name, select in selects.items() if _words(stored[name])[3:] != ["AS", *_words(select)]]

    def damage(self, connection: Connection) -> list[str]:
        """Let SQLite check the whole file.

        It looks for each row in each index, so that with a small cache it reads most pages several times.
        """
        from .read_ahead import read_ahead

        usual = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
        connection.exec_driver_sql(f"PRAGMA cache_size = {_CHECK_CACHE}")
        if self._path is not None:
            read_ahead(self._path)
        try:
            lines = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        finally:
            connection.exec_driver_sql(f"PRAGMA cache_size = {usual}")
        return [] if lines == ["ok"] else list(lines)

    def file(self) -> SQLiteFile | None:
        """Return the file, unless the database is in memory."""
        if self._path is None:
            return None
        from .copies import SQLiteFile

        return SQLiteFile(self._path)

    # --- locks

    is_of_one_host = True

    def absolute(self, url: str) -> str:
        """Name the file by its path from the root."""
        return url if self._path is None else files.absolute(url, self._path)


def _words(sql: str) -> list[str]:
    """Split SQL at white space, unless that is quoted."""
    return _WORD.findall(sql)
