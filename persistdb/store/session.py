"""ORM sessions on the mapped classes, for queries that the repository does not have."""

from __future__ import annotations

import contextlib
from functools import cached_property
from typing import TYPE_CHECKING

from ..db import database
from ..errors import BadURL, CommitUnknown, DatabaseError, InvalidValue, ReadOnly, SessionReadOnly
from ..schema import version
from ..schema.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import PurePath

    from sqlalchemy import URL, Engine
    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session

    from ..engines import Timeouts
    from ..schema.leases import Leases
    from .acting import Acting
    from .compiled import Compiled


class Database(database.Database):
    """One database, by its URL: ``sqlite:///FILE``, ``postgresql://USER@HOST/NAME``, ``mariadb://USER@HOST/NAME``.

    The default is the URL in ``PERSISTDB_URL``, else a file at the platform's usual place. Nothing is opened before the
    first use. ``retries`` bounds how often a unit of work is run again when others were in its way, ``pool_size`` how
    many connections are open at once; ``engine_options`` are those of SQLAlchemy's ``create_engine``: ``echo``,
    ``hide_parameters``, ``max_overflow``, ``pool_recycle`` and the like. A path will do for the URL of a file.

    ``replica`` is the URL of a server that replicates this one, or of several: ``find``, ``summaries``, ``iterate``,
    ``count`` and reports are read there, and are as old as it is behind (:meth:`replica_lag`). All else, and what is
    read in a transaction, is read here. The primary does not stand in for a replica that is away.

    Raises :class:`~persistdb.errors.BadURL`, :class:`~persistdb.errors.DriverMissing`,
    :class:`~persistdb.errors.InvalidValue`.
    """

    replica: Database | None = None

    def __init__(
        self,
        url: str | PurePath | URL | None = None,
        *,
        replica: str | URL | None = None,
        timeouts: Timeouts | None = None,
        pool_size: int = 5,
        retries: int = 20,
        engine_options: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(url, timeouts=timeouts, pool_size=pool_size, retries=retries, engine_options=engine_options)
        if replica is None:
            return
        if not replica:
            raise InvalidValue("replica", replica, "must be a server's URL, or None")
        self.replica = self._replica_type()(
            replica, timeouts=timeouts, pool_size=pool_size, retries=retries, engine_options=engine_options
        )
        if self.replica.backend.is_of_one_host:
            raise BadURL(self.replica.url, "a replica is a server's, and this is a file")
        if self.replica.backend.name != self.backend.name:
            raise BadURL(self.replica.url, f"a replica of a database on {self.backend.name} must be on it, too")

    def _replica_type(self) -> type[Database]:
        return Replica

    def close(self) -> None:
        """Close all connections; the next use opens new ones. A database in memory is lost with its connection."""
        super().close()
        if self.replica is not None:
            self.replica.close()

    def replica_lag(self) -> float | None:
        """Return the seconds by which the replica is behind, at most, and 0 if nothing is known that it lacks.

        On PostgreSQL it is the age of the last commit that a standby has replayed, unless it has replayed all that it
        received and is connected: the clocks of both servers are compared. On MariaDB it is ``Seconds_Behind_Master``,
        in whole seconds. ``None`` if it cannot be told: the server is no replica, does not replicate now, or lets this
        user not ask (REPLICA MONITOR on MariaDB); a Galera node has transactions left to apply.

        Raises :class:`~persistdb.errors.InvalidValue` for a database without ``replica``,
        :class:`~persistdb.errors.Unavailable`.
        """
        replica = self.replica
        if replica is None:
            raise InvalidValue("replica", None, "this database has none: Database(replica=URL)")
        try:
            with replica.reader.connect() as connection:
                return replica.backend.replica_lag(connection)
        except replica.failures as error:
            raise replica.failure(error) from error

    @contextlib.contextmanager
    def session(self, *, write: bool = False, actor: str | None = None, reason: str | None = None) -> Iterator[Session]:
        """Open an ORM session in one transaction, committed at the end with ``write``, unless an exception was raised.

        With ``write`` revisions and timestamps are kept as a repository's save keeps them, and an edit of what others
        changed since it was loaded is :class:`~persistdb.errors.Conflict` (:mod:`.edits`). SQL as text is not covered.

        Without ``write`` the engine refuses to change anything, and what was changed in Python is no silent loss: both
        are :class:`~persistdb.errors.SessionReadOnly`.

        Relationships are loaded only as far as the query says (``selectinload`` and the like). An empty database gets
        its schema; raises :class:`~persistdb.errors.SchemaOutdated`, :class:`~persistdb.errors.SchemaTooNew`,
        :class:`~persistdb.errors.SchemaMissing` for one that the mapped classes don't fit, and
        :class:`~persistdb.errors.CommitUnknown` for a connection that was lost during the commit.

        While a transaction with ``write`` is open, a repository's writes in the same thread raise
        :class:`~persistdb.errors.SessionOpen`, since they would wait for it; its reads see what is committed.

        ``actor`` and ``reason`` are for the events of what is changed.
        """
        acting = None
        if write:
            from .acting import Acting, checked

            acting = checked(None, actor, reason, before=Acting())
        with self._session(acting) as session:
            yield session

    @contextlib.contextmanager
    def acting_session(self, acting: Acting) -> Iterator[Session]:
        """Open the same, to write, with all that events say of who changes what is changed."""
        with self._session(acting) as session:
            yield session

    @contextlib.contextmanager
    def _session(self, acting: Acting | None) -> Iterator[Session]:
        from sqlalchemy.exc import SQLAlchemyError  # start-up: most commands open no session

        from ..engines.liveness import NoAnswer

        write = acting is not None
        prepare(self)
        try:
            if acting is not None:
                from .edits import Recorder, WritingSession  # the mapped classes, which most commands do without

                writing = WritingSession(
                    self.writer,
                    expire_on_commit=False,
                    info={
                        "may_write": version.may_write(self.backend),
                        "recorder": Recorder(self.compiled.recording, acting),
                        "statements": self.compiled.statements,
                    },
                )
                with writing as session, self.session_of_thread(session):
                    yield session
                    session.flush()
                    self._commit(session)
            else:
                from .reading import ReadingSession

                with ReadingSession(self._reading, expire_on_commit=False, info={"url": self.url}) as reading:
                    yield reading
                    reading.flush()  # refuses changes that were not flushed
        except (SQLAlchemyError, NoAnswer) as error:
            failure = self.failure(error)
            if not write and isinstance(failure, ReadOnly):
                failure = SessionReadOnly(self.url, failure.detail)
            raise self.refused(failure, write=write) or failure from error
        except DatabaseError as failure:  # of a repository's call in the session
            refusal = self.refused(failure, write=write)
            if refusal is None:
                raise
            raise refusal from failure

    @cached_property
    def compiled(self) -> Compiled:
        """The statements and decoders that all repositories on this database share."""
        from .compiled import Compiled  # the mapped classes, which most commands do without

        return Compiled(self)

    @cached_property
    def leases(self) -> Leases:
        """The locks, which all repositories on this database share."""
        from ..schema.leases import Leases  # most programs lock nothing

        return Leases(self)

    @cached_property
    def _reading(self) -> Engine:
        """The engine of sessions that only read."""
        from sqlalchemy import event

        engine = self.engine.execution_options(persistdb_begin="none")

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            with self.backend.abandoning(connection):
                self.backend.begin_reading(connection)

        return engine

    def _commit(self, session: Session) -> None:
        from sqlalchemy.exc import DBAPIError

        try:
            session.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise CommitUnknown(self.url, self.backend.detail(error.orig or error)) from error
            raise


class Replica(Database):
    """The replica of a database."""

    is_replica = True
