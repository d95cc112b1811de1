"""The database for tasks of asyncio."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from ..db import tasks
from ..db.source import url_text
from ..schema.prepare import accept, prepare
from .session import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import PurePath

    from sqlalchemy import URL
    from sqlalchemy.orm import Session

    from ..engines import Timeouts

T = TypeVar("T")


class TaskDatabase(Database):
    """A database whose calls are made in greenlets, and switch to the event loop where they wait."""

    _for_tasks = True
    _connection_type = tasks.TaskConnection

    def _replica_type(self) -> type[Database]:
        return TaskReplica


class TaskReplica(TaskDatabase):
    """The replica of such a database."""

    is_replica = True


class AsyncDatabase:
    """One database for tasks of asyncio, by the URL that :class:`Database` takes, with the same arguments.

    It belongs to the event loop that first uses it, until it is closed. The drivers are aiosqlite, psycopg and asyncmy
    (``pip install 'persistdb[async]'``, beside the extra of the server). Nothing is opened before the first use, but to
    make the object imports the driver: do it before the loop has others to serve.

    Raises :class:`~persistdb.errors.BadURL`, :class:`~persistdb.errors.DriverMissing`,
    :class:`~persistdb.errors.InvalidValue`.
    """

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
        self._url = url_text(url)
        self.database = TaskDatabase(
            self._url,
            replica=replica,
            timeouts=timeouts,
            pool_size=pool_size,
            retries=retries,
            engine_options=engine_options,
        )
        self._preparing: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        return f"AsyncDatabase({self.url!r})"

    @property
    def url(self) -> str:
        """The URL, without passwords."""
        return self.database.url

    @property
    def timeouts(self) -> Timeouts:
        """The timeouts."""
        return self.database.timeouts

    async def replica_lag(self) -> float | None:
        """Return the seconds by which the replica is behind, as :meth:`Database.replica_lag` does."""
        return await tasks.run(self.database.replica_lag)

    async def close(self) -> None:
        """Close all connections; the next use opens new ones. A database in memory is lost with its connection."""
        await tasks.run(self.database.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def prepare(self) -> None:
        """Make sure that the database has this program's schema, and create it in an empty one.

        The first use does so. Raises what :class:`ContainerRepository` does.
        """
        if self.database.prepared:
            return
        if self._preparing is None:
            # one for all callers, and none is cancelled with it: each would wait in a thread for a server that is away
            self._preparing = asyncio.ensure_future(self._prepare())
            self._preparing.add_done_callback(self._prepared)
        await asyncio.shield(self._preparing)

    def _prepared(self, preparing: asyncio.Future[None]) -> None:
        if not preparing.cancelled():
            preparing.exception()  # somebody has heard of it, or nobody waits any more
        self._preparing = None

    async def _prepare(self) -> None:
        if self.database.backend.is_in_memory():
            await tasks.run(prepare, self.database)
            return
        # in a thread, for the loop's sake: Alembic takes long to import, and a new schema long to make
        await asyncio.to_thread(self._prepare_in_thread)
        accept(self.database)

    def _prepare_in_thread(self) -> None:
        own = self.database
        with Database(self._url, timeouts=own.timeouts, pool_size=1, retries=own.retries) as database:
            prepare(database)

    @contextlib.asynccontextmanager
    async def session(
        self, *, write: bool = False, actor: str | None = None, reason: str | None = None
    ) -> AsyncIterator[AsyncSession]:
        """Open SQLAlchemy's session for asyncio, with the rules of :meth:`Database.session`."""
        await self.prepare()
        async with tasks.entered(self.database.session(write=write, actor=actor, reason=reason)) as session:
            yield async_session(session)


def async_session(session: Session) -> AsyncSession:
    """Return SQLAlchemy's session for asyncio around a session."""
    # what is called to make the inner one, as a class would be
    make: Any = lambda **_: session  # noqa: E731  with a name for its type
    return AsyncSession(sync_session_class=make)
