"""The database: its engine, its transactions, and what is done when one of them fails."""

from __future__ import annotations

import contextlib
import os
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from .engines import Timeouts, resolve, shown
from .errors import Busy, CommitUnknown, DatabaseError, PersistDBError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy.engine import Connection

    from .engines import HeldLock

T = TypeVar("T")

# The first pause before a unit of work is run again, and the longest, in seconds; each is made random in part, so that
# those who clashed once don't clash again.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.5


class Stale(Exception):
    """Raised within a unit of work that found a row changed under its feet: the work is run again from its start."""


class Database:
    """One database, by its URL: ``sqlite:///FILE``, ``postgresql://USER@HOST/NAME``, ``mariadb://USER@HOST/NAME``.

    Without a URL it is that of ``PERSISTDB_URL``, else a file at the platform's usual place. Nothing is opened before
    the first use. ``retries`` bounds how often a unit of work is run again when others were in its way.

    Raises :class:`~persistdb.errors.BadURL`.
    """

    def __init__(
        self, url: str | None = None, *, timeouts: Timeouts | None = None, pool_size: int = 5, retries: int = 20
    ) -> None:
        self.backend, address = resolve(url or default_url())
        self.url = shown(address.set(drivername=self.backend.name))
        self.retries = retries
        self.prepared = False
        """Whether the schema was seen to be the program's own (:func:`persistdb.schema.prepare`)."""
        self.engine = self.backend.create_engine(address, timeouts or Timeouts(), pool_size)
        # Drivers are in autocommit: a lone SELECT needs no transaction around it.
        self._reader = self.engine.execution_options(persistdb_begin="none")
        self._writer = self.engine.execution_options(persistdb_begin="write")

        @event.listens_for(self.engine, "begin")
        def _begin(connection: Connection) -> None:
            mode = connection.get_execution_options().get("persistdb_begin", "read")
            if mode != "none":
                self.backend.begin(connection, write=mode == "write")

    def __repr__(self) -> str:
        return f"Database({self.url!r})"

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- units of work

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run a unit of work that reads with one statement, again if the connection turns out to be lost."""

        def attempt() -> T:
            with self._reader.connect() as connection:
                return work(connection)

        return self._repeat(attempt)

    def write(
        self,
        work: Callable[[Connection], T],
        *,
        verify: Callable[[Connection, T], bool | None] | None = None,
        refs: Sequence[str] = (),
    ) -> T:
        """Run a unit of work in a transaction, again from its start if others were in its way.

        A connection that is lost while the commit runs leaves its outcome open: then ``verify`` is asked, with a new
        connection, whether the work's result is there. It answers yes, no (the work is run again) or ``None`` where
        that can't be told, which raises :class:`~persistdb.errors.CommitUnknown`.
        """

        def attempt() -> T:
            with self._writer.connect() as connection:
                transaction = connection.begin()
                result = work(connection)
                try:
                    transaction.commit()
                except DBAPIError as error:
                    if not error.connection_invalidated:
                        raise
                    lost = error
                else:
                    return result
            return self._settle(lost, result, verify, refs)

        return self._repeat(attempt)

    def _settle(
        self, lost: DBAPIError, result: T, verify: Callable[[Connection, T], bool | None] | None, refs: Sequence[str]
    ) -> T:
        """Find out what became of a commit whose answer never came."""
        unknown = CommitUnknown(self.url, str(lost.orig), refs)
        if verify is None:
            raise unknown from lost
        try:
            committed = self.read(lambda connection: verify(connection, result))
        except DatabaseError:
            raise unknown from lost
        if committed is None:
            raise unknown from lost
        if not committed:
            raise Stale from lost
        return result

    def _repeat(self, attempt: Callable[[], T]) -> T:
        pause = _FIRST_PAUSE
        for left in range(self.retries, -1, -1):
            try:
                return attempt()
            except Stale:
                if not left:
                    raise Busy(self.url, f"changed by others in each of {self.retries + 1} attempts") from None
            except SQLAlchemyError as error:
                failure, again = self.failure(error)
                if not (again and left):
                    raise failure from error
            # not a wait for something: it only keeps those who clashed apart
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  no secret
            pause = min(pause * 2, _LONGEST_PAUSE)
        raise AssertionError

    def lock(self, name: str, *, shared: bool, timeout: float) -> HeldLock:
        """Take a lock by name; raises :class:`~persistdb.engines.LockUnavailable` when the time is over."""
        try:
            return self.backend.lock(self._reader, name, shared=shared, timeout=timeout)
        except SQLAlchemyError as error:
            raise self.failure(error)[0] from error

    def failure(self, error: SQLAlchemyError) -> tuple[PersistDBError, bool]:
        """Translate an exception of SQLAlchemy into one of ours, and tell whether to try again is sensible."""
        if isinstance(error, PoolTimeout):
            return Busy(self.url, "all connections of this process are in use"), False
        if not isinstance(error, DBAPIError) or error.orig is None:
            return DatabaseError(self.url, str(error)), False
        rule = self.backend.rule(error.orig)
        detail = self.backend.detail(error.orig)
        if rule is not None:
            return rule.error(self.url, detail), rule.retry or error.connection_invalidated
        if error.connection_invalidated:
            return Unavailable(self.url, detail), True
        return DatabaseError(self.url, detail), False

    # --- for queries of one's own

    @contextlib.contextmanager
    def session(self, *, write: bool = False) -> Iterator[Session]:
        """Open an ORM session in one transaction, committed at the end if ``write`` and nothing was raised.

        Relationships are loaded only as far as the query says (``selectinload`` and the like).
        """
        try:
            with Session(self._writer if write else self.engine, expire_on_commit=False) as session:
                yield session
                if write:
                    session.commit()
        except SQLAlchemyError as error:
            raise self.failure(error)[0] from error


def default_url() -> str:
    """The URL of ``PERSISTDB_URL``, else a file's: below /var/lib for root, in the user's data folder for others."""
    url = os.environ.get("PERSISTDB_URL")
    if url:
        return url
    if os.geteuid() == 0:
        folder = Path("/var/lib/persistdb")  # file-hierarchy(7): persistent data of a system program
    else:
        import platformdirs

        folder = platformdirs.user_data_path("persistdb")
    return f"sqlite:///{folder / 'persistdb.db'}"
