"""A list of containers of any length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository, ContainerState, Database, Filter, InvalidValue, SandboxState, Unreadable
from persistdb.reports import listing

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sqlalchemy import Engine

    from tests.servers import Statements

CIDS = list("abcde")


@pytest.fixture
def repository(sqlite_store: tuple[str, Database]) -> ContainerRepository:
    """A repository with five containers on one host, and one on another."""
    repository = ContainerRepository(sqlite_store[1], host="node-1")
    repository.save_sandbox(SandboxState(sid="pod-1"), dict.fromkeys(CIDS, ContainerState()))
    other = ContainerRepository(sqlite_store[1], host="node-2")
    other.save_sandbox(SandboxState(sid="pod-2"), {"z": ContainerState()})
    return repository


@pytest.mark.parametrize("page", range(1, 8))
@pytest.mark.parametrize("limit", [None, *range(1, 8), 10**30])
def test_pages(repository: ContainerRepository, page: int, limit: int | None) -> None:
    """Whatever the size of a page, the list has no gap, and no more containers than the limit."""
    found = listing.find(repository, [], limit=limit, page=page)
    assert [one.cid for one in found] == CIDS[:limit]


def test_pages_are_read_when_they_are_needed(repository: ContainerRepository) -> None:
    """A page has the containers as they are when it is read: one that was added since the first page is listed."""
    found = listing.find(repository, [], page=5)
    assert [next(found).cid for _ in CIDS] == CIDS
    repository.save("pod-1", "f", ContainerState())
    assert [one.cid for one in found] == ["f"]


@pytest.mark.parametrize("sort", ["sid", "-cid", "host", "updated", "-state"])
@pytest.mark.parametrize("page", [1, 2, 3])
def test_pages_with_containers_that_cannot_be_read(repository: ContainerRepository, page: int, sort: str) -> None:
    """A container that cannot be read ends no list, and is named once, whatever the order."""
    with repository.database.writer.begin() as connection:
        connection.exec_driver_sql("UPDATE container SET state = x'ff' WHERE cid IN ('b', 'c', 'e')")
    faults: list[Unreadable] = []
    found = listing.find(repository, [], sort=sort, page=page, on_unreadable=faults.append)
    assert sorted(one.cid for one in found) == ["a", "d"]
    assert sorted(fault.cid or "" for fault in faults) == ["b", "c", "e"]


def test_later_pages_begin_at_a_container(repository: ContainerRepository) -> None:
    """Where the order is one of names, no row is passed over that was added before the page."""
    found = listing.find(repository, [], page=2)
    assert [next(found).cid for _ in range(2)] == ["a", "b"]
    repository.save("pod-1", "a-1", ContainerState())
    assert [one.cid for one in found] == ["c", "d", "e"]


@pytest.mark.parametrize(
    ("filters", "sort", "pages"),
    [([], "sid", 3), ([], "-host", 3), ([], "updated", 2), ([Filter("state", "")], "sid", 2)],
)
def test_a_list_that_an_index_sorts_comes_in_small_pages(
    repository: ContainerRepository,
    statements: Callable[[Engine], AbstractContextManager[Statements]],
    monkeypatch: pytest.MonkeyPatch,
    filters: list[Filter],
    sort: str,
    pages: int,
) -> None:
    """What must be sorted or selected comes in large pages, what is found in order in small ones."""
    monkeypatch.setattr(listing, "STREAMED", 2)
    monkeypatch.setattr(listing, "PAGE", 4)
    with statements(repository.database.engine) as sent:
        assert len(list(listing.find(repository, filters, sort=sort))) == 5
    assert sent.round_trips == pages


def test_hosts(repository: ContainerRepository) -> None:
    """The list is about one host, unless all are asked for or a filter names hosts."""
    assert "z" not in [one.cid for one in listing.find(repository, [])]
    assert [one.cid for one in listing.find(repository, [], sort="host", all_hosts=True)] == [*CIDS, "z"]
    assert [one.cid for one in listing.find(repository, [Filter("host", "node-2")])] == ["z"]


def test_refused_at_once(repository: ContainerRepository) -> None:
    """An order that does not exist is refused before the first container is asked for."""
    with pytest.raises(InvalidValue, match="sort"):
        listing.find(repository, [], sort="size")
