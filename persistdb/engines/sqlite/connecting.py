"""How connections to a file are opened and set up, and what they do where SQLite can only read."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import waiting
from . import damage, fallback, files, guard, library

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sqlalchemy import Engine

# Bytes of a log that is kept to be written over; the usual one is checkpointed at 1000 pages, 4.1 MB.
_LONGEST_LOG = 4 << 20

# Where the journal mode cannot be set, because something cannot be written, the file may be readable all the same.
_UNWRITABLE = ("SQLITE_READONLY", "SQLITE_FULL", "SQLITE_IOERR")


class Connecting:
    """The opening of connections to a file, ``None`` for a database in memory."""

    def __init__(self, module: Any, path: Path | None, *, creates: bool, busy: float) -> None:
        self._module = module
        self._path, self._creates, self._busy = path, creates, busy
        self._safe = library.is_safe(module.sqlite_version_info)
        self.fallback: fallback.Fallback | None = None
        """The way in which the newest connection reads the file, where it is another than usual."""
        self._new: dict[Any, fallback.Fallback] = {}

    def open_for(self, engine: Engine) -> None:
        """Let SQLAlchemy open its connections so."""
        from sqlalchemy import event

        from ..pool import NEW

        usual = engine.dialect.connect

        def connected(connection: Any, record: Any) -> None:
            if self.opened(connection, record.info):
                record.info[NEW] = True
                if not engine.pool.dispatch.checkout:  # usual connections need no look, which takes time
                    event.listen(engine, "checkout", _check)

        # not by listening to "do_connect": what returns a connection there is the last one to be heard
        engine.dialect.connect = partial(self.open, usual)  # type: ignore[method-assign]  # of this engine alone
        event.listen(engine, "connect", connected)

    def open(self, usual: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Open a connection and set it up: in the usual way, or in another one where nothing can be written."""
        if self._path is not None and self._creates:
            files.create(self._path)
        connection: Any = None
        try:
            connection = usual(*arguments, **options)
            self._configure(connection)
        except BaseException as error:
            if connection is not None:
                connection.close()
            if self._path is None or not isinstance(error, self._module.Error):
                raise
            return self._read_instead(usual, self._path, error, options)
        self.fallback = None
        return connection

    def _read_instead(self, usual: Callable[..., Any], path: Path, error: Exception, options: Mapping[str, Any]) -> Any:
        def connect(uri: str) -> Any:
            connection = usual(uri, **{**options, "uri": True})
            connection.isolation_level = None
            _set_up(connection)
            return connection

        connection, self.fallback = fallback.open_instead(path, error, connect)
        self._new[connection] = self.fallback
        return connection

    def opened(self, connection: Any, info: dict[Any, Any]) -> bool:
        """Note in a new connection's ``info`` that it reads in another way than usual; return whether it does."""
        way = self._new.pop(connection, None)
        if way is None:
            return False
        info[guard.FALLBACK] = way
        return True

    def _configure(self, connection: Any) -> None:
        # Transactions are begun by us: the driver's own way begins them late, and runs DDL outside of them.
        connection.isolation_level = None
        try:
            _set_up(connection)
            if self._path is not None:
                self._set_journal(connection)
        except UnicodeDecodeError as error:
            raise damage.error_of(self._module) from error

    def _set_journal(self, connection: Any) -> None:
        # Readers and the one writer don't wait for each other, and a commit is one sync instead of four.
        mode = "WAL" if self._safe else "DELETE"
        try:
            _journal(connection, mode, self._busy)
        except self._module.Error as error:
            if not str(getattr(error, "sqlite_errorname", "")).startswith(_UNWRITABLE):
                raise
            connection.execute("PRAGMA schema_version").fetchone()  # a medium that can't be written keeps its mode


def is_over(info: dict[Any, Any]) -> bool:
    """Return whether a connection reads in another way than usual, and that is over, or somebody wrote to the file."""
    way = info.get(guard.FALLBACK)
    return way is not None and not way.holds()


def _check(_driver: Any, record: Any, _proxy: Any) -> None:
    """Let SQLAlchemy replace such a connection, unless it was just opened."""
    from ..pool import NEW

    if not record.info.pop(NEW, False) and is_over(record.info):
        from sqlalchemy.exc import DisconnectionError

        raise DisconnectionError(f"{record.info[guard.FALLBACK].path} has changed")


def _set_up(connection: Any) -> None:
    cursor = connection.cursor()
    try:
        # Off by default, for old programs; without it children outlive their container.
        _pragma(cursor, "foreign_keys", "ON", 1)
        # NORMAL may lose the last commits when power fails: the runtime would forget a mount that it made.
        _pragma(cursor, "synchronous", "FULL", 2)
        # Sorting and temporary tables stay off a disk that may be full.
        _pragma(cursor, "temp_store", "MEMORY", 2)
        # A log that grew while a long reader kept its pages is cut by the next write that starts it again.
        _pragma(cursor, "journal_size_limit", str(_LONGEST_LOG), _LONGEST_LOG)
    finally:
        cursor.close()


def _pragma(cursor: Any, name: str, value: str, expected: int) -> None:
    """Set a pragma and read it back: SQLite silently ignores what it doesn't know or can't do."""
    cursor.execute(f"PRAGMA {name} = {value}")
    cursor.execute(f"PRAGMA {name}")
    (actual,) = cursor.fetchone()
    if actual != expected:
        raise RuntimeError(f"SQLite has {name} = {actual} after it was set to {value}")


def _journal(connection: Any, mode: str, patience: float) -> None:
    """Set the journal mode, and wait for others: the switch needs exclusive use, and calls no busy handler."""
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute(f"PRAGMA journal_mode = {mode}").fetchone()
        except Exception as error:
            name = str(getattr(error, "sqlite_errorname", ""))
            if not name.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                raise
            waiting.pause(0.01)
        else:
            return
