"""Connections to a server that nobody uses any more are closed."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from persistdb import ContainerRepository, Database, Timeouts
from persistdb.db import tasks
from tests.store.in_step import database_for_tasks, repository_for_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from tests.servers import Server

SIZE = 4


@dataclass
class Opened:
    """A repository, its engine, and how to use that where a thread or a task may wait."""

    repository: ContainerRepository
    engine: Engine
    run: Callable[[Callable[[], None]], None]

    def use_at_once(self) -> None:
        """Take all connections of the pool, and return them."""

        def use() -> None:
            taken = [self.engine.raw_connection() for _ in range(SIZE)]
            for connection in taken:
                connection.close()

        self.run(use)


@pytest.fixture(params=["threads", "tasks"])
def opened(request: pytest.FixtureRequest, server: Server) -> Iterator[Callable[[float], Opened]]:
    """Give a function that opens a repository whose connections are idle for so many seconds at the most."""
    with contextlib.ExitStack() as stack:
        name = server.create_database()
        stack.callback(server.drop_database, name)

        def give(idle: float) -> Opened:
            options: dict[str, Any] = {"pool_size": SIZE, "timeouts": Timeouts(idle=idle)}
            database = stack.enter_context(Database(server.url(name), **options))
            repository = ContainerRepository(database, host="node-1")
            if request.param == "threads":
                return Opened(repository, database.engine, lambda use: use())
            loop, for_tasks = stack.enter_context(database_for_tasks(server.url(name), **options))
            in_step = repository_for_tasks((loop, for_tasks), "node-1", database)
            return Opened(in_step, for_tasks.database.engine, lambda use: loop.run(lambda: tasks.run(use)))

        yield give


@pytest.mark.parametrize(("idle", "left"), [(0.0, 1), (600.0, SIZE)])
def test_connections_that_nobody_uses(opened: Callable[[float], Opened], idle: float, left: int) -> None:
    """Connections that were not used for the time are closed when another is returned, and that one stays."""
    here = opened(idle)
    here.use_at_once()
    assert here.repository.count() == 0
    assert here.engine.pool.checkedin() == left  # type: ignore[attr-defined]  # a pool with a queue


def test_connections_after_idle_ones_were_closed(opened: Callable[[float], Opened]) -> None:
    """A pool that has closed idle connections opens as many again, and no more."""
    here = opened(0.0)
    for _ in range(3):
        here.use_at_once()
        here.repository.count()
    assert here.engine.pool.overflow() == 1 - SIZE  # type: ignore[attr-defined]  # a pool with a queue


def test_a_connection_in_use_is_not_closed(opened: Callable[[float], Opened]) -> None:
    """A transaction that is open for longer than that goes on."""
    repository = opened(0.0).repository
    with repository.transaction() as work:
        for _ in range(3):
            repository.count()
        assert work.count() == 0


def test_a_child_leaves_idle_connections_to_its_parent(server: Server) -> None:
    """A forked child does not close what is idle in its parent's pool."""
    name = server.create_database()
    with Database(server.url(name), pool_size=2, timeouts=Timeouts(idle=0.0)) as database:
        repository = ContainerRepository(database, host="node-1")
        child = os.fork()
        if child == 0:
            status = 1
            with contextlib.suppress(BaseException):
                repository.count()
                repository.count()
                status = 0
            os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        with repository.transaction() as work:
            assert work.count() == 0
    server.drop_database(name)
