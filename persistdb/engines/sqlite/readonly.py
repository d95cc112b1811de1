"""One statement that only reads: an authorizer that SQLite asks about each part of it, limits, and a deadline."""

from __future__ import annotations

import contextlib
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..deadlines import GRACE, TICK, Bounded, after, left
from . import damage, fallback, files, library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")

# The parts of a statement that reads (sqlite.org/c3ref/c_alter_table.html): SELECT, READ, FUNCTION, RECURSIVE. Opening
# a file, pragmas and all that writes are others.
_READS = frozenset({21, 20, 31, 33})

# The limits of a query (sqlite.org/limits.html). A row holds texts of files of 4 MiB, some of them joined and quoted;
# the other limits are SQLite's defaults, which programs that load it may have raised.
LIMITS: Final = {
    "LENGTH": 64 << 20,
    "SQL_LENGTH": 1_000_000,
    "COLUMN": 2000,
    "EXPR_DEPTH": 1000,
    "COMPOUND_SELECT": 500,
    "LIKE_PATTERN_LENGTH": 50_000,
}

# What SQLite or the driver says where a limit is exceeded, the limit, and what to do.
_EXCEEDED: Final = (
    ("string or blob too big", "LENGTH", "select a part of the value, with substr() for example"),
    ("query string is too large", "SQL_LENGTH", "write a shorter query"),
    ("too many columns in", "COLUMN", "select fewer columns"),
    ("Expression tree is too large", "EXPR_DEPTH", "write a shorter expression, with IN (…) for many values"),
    ("too many terms in compound SELECT", "COMPOUND_SELECT", "write VALUES (…), (…) in the place of UNION"),
    ("LIKE or GLOB pattern too complex", "LIKE_PATTERN_LENGTH", "write a shorter pattern, or use instr()"),
)


@contextlib.contextmanager
def cursor(path: Path, timeout: float, busy: float) -> Iterator[Cursor]:
    """Open a file for reading, and a cursor on it whose statements end at the timeout."""
    module = library.driver()

    def connect(uri: str) -> Any:
        return module.connect(uri, uri=True, isolation_level=None, timeout=busy, check_same_thread=False)

    connection = None
    try:
        connection = connect(files.uri(path, "mode=ro"))
        cursor = Cursor(connection, timeout)
        cursor.execute("PRAGMA schema_version")  # SQLite opens log and index when it first reads
    except module.Error as error:
        if connection is not None:
            cursor.close()
        connection, _ = fallback.open_instead(path, error, connect)
        cursor = Cursor(connection, timeout)
    try:
        # JSON may hold half of a surrogate pair, which json_extract returns as bytes that are not UTF-8
        connection.text_factory = partial(str, encoding="utf-8", errors="replace")
        if hasattr(connection, "setlimit"):  # Python's own module has it, since 3.11
            for name, most in LIMITS.items():
                connection.setlimit(getattr(module, f"SQLITE_LIMIT_{name}"), most)
        cursor.execute("PRAGMA query_only = ON")
        cursor.execute("PRAGMA temp_store = MEMORY")
        connection.set_authorizer(lambda action, *_: module.SQLITE_OK if action in _READS else module.SQLITE_DENY)
        yield cursor
    finally:
        cursor.close()


class Cursor:
    """A cursor that works in a thread, so that its user is free at the deadline.

    SQLite looks for an interrupt between two steps of its program, and one step may take a minute:
    ``printf('%.*c', 1000000000, 'x')``. Such a step goes on in its thread, and is stopped after it.
    """

    def __init__(self, connection: Any, timeout: float) -> None:
        self._connection, self._cursor = connection, connection.cursor()
        self._deadline = after(timeout)
        self._thread: threading.Thread | None = None

    @property
    def description(self) -> Any:
        """The columns of the result, as in DB-API."""
        return self._cursor.description

    def execute(self, sql: str, values: Any = ()) -> None:
        """Run a statement."""
        self._in_time(lambda: self._cursor.execute(sql, values))

    def fetchall(self) -> Any:
        """Return all rows."""
        return self._in_time(self._cursor.fetchall)

    def fetchmany(self, size: int) -> Any:
        """Return the next rows."""
        return self._in_time(lambda: self._cursor.fetchmany(size))

    def close(self) -> None:
        """Close the connection, as soon as it does nothing any more."""
        thread = self._thread
        if thread is None:
            self._connection.close()
        else:
            threading.Thread(target=self._end, args=[thread], daemon=True).start()

    def _end(self, thread: threading.Thread) -> None:
        while thread.is_alive():
            self._connection.interrupt()  # again: one that comes before the first step is forgotten
            thread.join(TICK)
        self._connection.close()

    def _in_time(self, call: Callable[[], T]) -> T:
        results: list[T] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                results.append(call())
            except BaseException as error:  # noqa: BLE001  raised below
                errors.append(error)

        self._thread = thread = threading.Thread(target=run, name="persistdb query", daemon=True)
        with Bounded(self._deadline, self._connection.interrupt):
            thread.start()
            thread.join(left(self._deadline) + GRACE)
        if thread.is_alive():
            raise _error("OperationalError", "interrupted", "SQLITE_INTERRUPT")
        self._thread = None
        if errors:
            raise _explained(errors[0]) from errors[0]
        return results[0]


def _explained(error: BaseException) -> BaseException:
    """Return an error of the driver that says what to do, for an error of the driver or of SQLite that does not."""
    module = library.driver()
    if isinstance(error, UnicodeDecodeError):
        return damage.error_of(module)
    if isinstance(error, module.Warning):
        # for several statements; the standard library raises an Error since Python 3.12
        return _error("ProgrammingError", str(error))
    for message, limit, advice in _EXCEEDED:
        if message in str(error):
            return _error("DataError", f"{error}: it exceeds SQLite's limit {limit}; {advice}", "SQLITE_TOOBIG")
    return error


def _error(kind: str, message: str, code: str = "") -> Exception:
    error: Exception = getattr(library.driver(), kind)(message)
    if code:
        error.sqlite_errorname = code  # type: ignore[attr-defined]  # the driver sets it alike
    return error
