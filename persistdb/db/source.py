"""Where a database's connections come from: its URL and options, its engine, its pool."""

from __future__ import annotations

import logging
import os
import sys
import threading
import weakref
from collections.abc import Mapping
from dataclasses import fields
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar, Self

from ..engines import Timeouts, file_url, plain_file, resolve, shown
from ..engines.patience import Absence, absence
from ..engines.plain import AllInUse, Connections
from ..engines.urls import to_any_host
from ..errors import BadURL, DriverMissing, InvalidValue, PersistDBError, Unreadable
from ..places import default_file
from ..validation import check_kind, check_seconds
from .connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import URL, Engine
    from sqlalchemy.engine import Connection as SQLAlchemyConnection

    from .work import Work

# where SQLAlchemy logs statements, and what is above that
_SQLALCHEMY_LOGS = tuple(map(logging.getLogger, ("sqlalchemy.engine.Engine", "sqlalchemy.engine", "sqlalchemy")))

ENGINE_OPTIONS = frozenset(
    {
        *("echo", "echo_pool", "hide_parameters", "logging_name", "pool_logging_name", "query_cache_size"),
        *("max_overflow", "pool_recycle", "pool_use_lifo"),
    }
)
"""The options of SQLAlchemy's ``create_engine`` that a caller may set; the others are persistdb's, or the URL's."""


class ConnectionSource:
    """The connections of one database, by its URL: of SQLAlchemy's engine, or for a plain file without it."""

    _for_tasks: ClassVar[bool] = False
    """Whether tasks of asyncio use it, in greenlets (:mod:`persistdb.db.tasks`)."""
    _connection_type: ClassVar[type[Connection]] = Connection
    is_replica: ClassVar[bool] = False
    """Whether it is another's ``replica``."""

    def __init__(
        self,
        url: str | PurePath | URL | None,
        timeouts: Timeouts | None,
        pool_size: int,
        engine_options: Mapping[str, object] | None,
    ) -> None:
        check_kind("pool_size", pool_size, int)
        check_kind("timeouts", timeouts or Timeouts(), Timeouts)
        for seconds in fields(Timeouts):
            check_seconds(seconds.name, getattr(timeouts or Timeouts(), seconds.name))
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
            """What :meth:`~persistdb.db.database.Database.failure` translates."""
        self._errors = self.driver_error, Unreadable
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

    def connection(self, deadline: float) -> Connection:
        """Return a connection that is yet to be taken from the pool, for use until the deadline."""
        return self._connection_type(self._engine or self._source(), self.backend, self._errors, deadline)

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


_open: weakref.WeakSet[ConnectionSource] = weakref.WeakSet()
# What a child of fork(2) must neither use nor close: to close a connection would end the parent's.
_of_parent: list[object] = []


def _leave_connections_to_parent() -> None:
    for source in _open:
        if not source.backend.is_in_memory():
            source.leave_connections_to_parent(_of_parent)


os.register_at_fork(after_in_child=_leave_connections_to_parent)


def _is_there() -> bool:
    """Return whether SQLAlchemy is imported, or its log is asked for."""
    if "sqlalchemy" in sys.modules:
        return True
    # the first level that is set; when SQLAlchemy is imported it sets one for itself, so the root's does not count
    level = next((each.level for each in _SQLALCHEMY_LOGS if each.level), logging.WARNING)
    return level <= logging.INFO


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
