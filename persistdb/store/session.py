"""ORM sessions on the mapped classes, for queries that the repository does not have."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from ..db import database
from ..engines.liveness import NoAnswer
from ..errors import CommitUnknown
from ..schema.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator


class Database(database.Database):
    """One database, by its URL: ``sqlite:///FILE``, ``postgresql://USER@HOST/NAME``, ``mariadb://USER@HOST/NAME``.

    The default is the URL in ``PERSISTDB_URL``, else a file at the platform's usual place. Nothing is opened before the
    first use. ``retries`` bounds how often a unit of work is run again when others were in its way.

    Raises :class:`~persistdb.errors.BadURL`, :class:`~persistdb.errors.DriverMissing`,
    :class:`~persistdb.errors.InvalidValue`.
    """

    @contextlib.contextmanager
    def session(self, *, write: bool = False) -> Iterator[Session]:
        """Open an ORM session in one transaction, committed at the end with ``write``, unless an exception was raised.

        Relationships are loaded only as far as the query says (``selectinload`` and the like). An empty database gets
        its schema; raises :class:`~persistdb.errors.SchemaOutdated`, :class:`~persistdb.errors.SchemaTooNew`,
        :class:`~persistdb.errors.SchemaMissing` for one that the mapped classes don't fit, and
        :class:`~persistdb.errors.CommitUnknown` for a connection that was lost during the commit.

        While a transaction with ``write`` is open, a repository's writes in the same thread raise
        :class:`~persistdb.errors.SessionOpen`, since they would wait for it; its reads see what is committed.
        """
        prepare(self)
        try:
            with Session(self.writer if write else self.engine, expire_on_commit=False) as session:
                if not write:
                    yield session
                    return
                with self.session_of_thread(session):
                    yield session
                    session.flush()
                    self._commit(session)
        except (SQLAlchemyError, NoAnswer) as error:
            raise self.failure(error) from error

    def _commit(self, session: Session) -> None:
        try:
            session.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise CommitUnknown(self.url, self.backend.detail(error.orig or error)) from error
            raise
