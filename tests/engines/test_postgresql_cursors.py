"""The cursors that a connection to PostgreSQL keeps hold little, and an error costs no more than one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from persistdb import Database
from persistdb.errors import AlreadyExists
from persistdb.records import Mount, Process, SandboxWrite
from persistdb.store.repository import ContainerRepository
from tests.store.samples import container, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

MUCH = 100_000


@pytest.fixture
def one(postgresql_store: tuple[str, Database]) -> Iterator[ContainerRepository]:
    """Return a repository with a sandbox, on a database of one connection."""
    with Database(postgresql_store[0], pool_size=1) as own:
        repository = ContainerRepository(own, host="node-1")
        repository.save_sandbox(sandbox("pod"), {"c": container("t")})
        yield repository


def kept(repository: ContainerRepository) -> dict[str, Any]:
    """Return the cursors of the database's one connection."""
    with repository.database.engine.connect() as connection:
        cursors: dict[str, Any] = connection.connection.info["cursors"]
        return dict(cursors)


def held(cursor: Any) -> int:
    """Return how many bytes of parameters and rows a cursor holds."""
    result, query = cursor.pgresult, cursor._query
    values = [value for value in query.params or () if value is not None] if query else []
    if result is not None:
        places = ((i, j) for i in range(result.ntuples) for j in range(result.nfields))
        values += [value for value in (result.get_value(*place) for place in places) if value is not None]
    return sum(map(len, values))


def test_large_values_are_let_go(one: ContainerRepository) -> None:
    """What is large, written or read, is held by no cursor afterwards; the cursors of small ones are kept."""
    one.get("pod", "c")
    before = kept(one)
    many = [
        SandboxWrite(
            sid=f"pod-{i}", record=sandbox(f"pod-{i}"), containers={"c": container(mounts=[Mount(source="x" * 1000)])}
        )
        for i in range(MUCH // 1000)
    ]
    one.save_many(many)
    for cid in ("large", "larger"):
        one.save("pod", cid, container(cid, bundle_path="x" * MUCH))
        assert one.get("pod", cid).record.bundle_path == "x" * MUCH
    assert len(list(one.iterate())) == len(many) + 3
    after = kept(one)
    assert sum(map(held, after.values())) < MUCH
    assert not any(cursor.closed for cursor in after.values())
    assert len(before.items() & after.items()) > 1


def test_an_error_costs_one_cursor(one: ContainerRepository) -> None:
    """The statement that met an error has another cursor from then on, which is kept as the one before was."""
    one.save("pod", "new", container("new", processes=[Process(token="taken")]))
    one.save("pod", "newer", container("newer"))
    with pytest.raises(AlreadyExists):
        one.save("pod", "newest", container("newest", processes=[Process(token="taken")]))
    one.save("pod", "newest", container("newest"))
    after = kept(one)
    assert all(cursor.is_free for cursor in after.values())
    one.save("pod", "last", container("last"))
    assert kept(one) == after
