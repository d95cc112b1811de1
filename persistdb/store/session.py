"""ORM sessions on the mapped classes, for queries that the repository does not have."""

from __future__ import annotations

import contextlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from ..db import database
from ..engines.liveness import NoAnswer
from ..errors import CommitUnknown, ReadOnly, SessionReadOnly
from ..schema.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine
    from sqlalchemy.engine import Connection

    from .queries import Compiled


class Database(database.Database):
    """One database, by its URL: ``sqlite:///FILE``, ``postgresql://USER@HOST/NAME``, ``mariadb://USER@HOST/NAME``.

    The default is the URL in ``PERSISTDB_URL``, else a file at the platform's usual place. Nothing is opened before the
    first use. ``retries`` bounds how often a unit of work is run again when others were in its way, ``pool_size`` how
    many connections are open at once; ``engine_options`` are those of SQLAlchemy's ``create_engine``: ``echo``,
    ``hide_parameters``, ``max_overflow``, ``pool_recycle`` and the like. A path will do for the URL of a file.

    Raises :class:`~persistdb.errors.BadURL`, :class:`~persistdb.errors.DriverMissing`,
    :class:`~persistdb.errors.InvalidValue`.
    """

    @contextlib.contextmanager
    def session(self, *, write: bool = False) -> Iterator[Session]:
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
        """
        prepare(self)
        try:
            if write:
                from .edits import WritingSession  # the mapped classes, which most commands do without

                with WritingSession(self.writer, expire_on_commit=False) as session, self.session_of_thread(session):
                    yield session
                    session.flush()
                    self._commit(session)
            else:
                with _ReadingSession(self._reading, expire_on_commit=False, info={"url": self.url}) as reading:
                    yield reading
                    reading.flush()  # refuses changes that were not flushed
        except (SQLAlchemyError, NoAnswer) as error:
            failure = self.failure(error)
            if not write and isinstance(failure, ReadOnly):
                failure = SessionReadOnly(self.url, failure.detail)
            raise failure from error

    @cached_property
    def compiled(self) -> Compiled:
        """The statements and decoders that all repositories on this database share."""
        from .queries import Compiled  # the mapped classes, which most commands do without

        return Compiled(self)

    @cached_property
    def _reading(self) -> Engine:
        """The engine of sessions that only read."""
        engine = self.engine.execution_options(persistdb_begin="none")

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            with self.backend.abandoning(connection):
                self.backend.begin_reading(connection)

        return engine

    def _commit(self, session: Session) -> None:
        try:
            session.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise CommitUnknown(self.url, self.backend.detail(error.orig or error)) from error
            raise


class _ReadingSession(Session):
    """A session whose changed objects are refused when they would be written."""


@event.listens_for(_ReadingSession, "before_flush")
def _refuse_changes(session: Session, _context: Any, _objects: Any) -> None:
    changed = [*session.new, *session.deleted, *(each for each in session.dirty if session.is_modified(each))]
    if changed:
        kinds = sorted({type(each).__name__ for each in changed})
        raise SessionReadOnly(session.info["url"], f"changed objects: {', '.join(kinds)}")
