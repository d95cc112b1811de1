"""What others commit between the statements of one change: it is seen, or the change is made again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from persistdb import Database
from persistdb.store.repository import ContainerRepository

from .faults import just_before
from .in_step import used
from .samples import container, put

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Server

COLORS = ("threads", "tasks")

# what reads a sandbox as a whole; a sandbox's ID comes first where it is locked, or where only one container is read
READ_WHOLE = r"SELECT\s+(?!sandbox\.id)"


@pytest.fixture
def repository(on_server: ContainerRepository) -> ContainerRepository:
    """Give a repository on a server."""
    return on_server


@pytest.fixture
def other(server: Server, name: str) -> Iterator[ContainerRepository]:
    """Give another's repository for the same host."""
    with Database(server.url(name)) as database:
        yield ContainerRepository(database, host="node-1")


def test_another_saves_the_same_shorter_list(repository: ContainerRepository, other: ContainerRepository) -> None:
    """Who saves what another has saved just before is given the revision that the other's save led to."""
    put(repository, "pod-1", "a")
    shorter = container("pod-1-a", mounts=[])
    with just_before(used(repository), READ_WHOLE, lambda: other.save("pod-1", "a", shorter)):
        assert repository.save("pod-1", "a", shorter) == 2
    assert repository.get("pod-1", "a").revision == 2
