"""Clocks that were set back: a row that was created later than now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from persistdb.schema import tables

from .samples import container, put, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from persistdb import ContainerRepository

LATER = datetime(2100, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

CHANGES: dict[str, Callable[[ContainerRepository], object]] = {
    "save": lambda repository: repository.save("pod-1", "a", container("a", state="stopped")),
    "save of shorter lists": lambda repository: repository.save("pod-1", "a", container("a", mounts=[])),
    "save of a new container": lambda repository: repository.save("pod-1", "b", container("b")),
    "save of a sandbox": lambda repository: repository.save_sandbox(
        sandbox("pod-1", state="stopped"), {"a": container("a", state="stopped")}
    ),
    "delete": lambda repository: repository.delete("pod-1", "a"),
    "transition": lambda repository: repository.transition("pod-1", "a", "stopped", expected="running"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_never_updated_before_created(
    repository: ContainerRepository, change: Callable[[ContainerRepository], object]
) -> None:
    """Where the clock was set back since a row was created, a change is stamped with the time of the creation."""
    put(repository, "pod-1", "a")
    with repository.database.session(write=True) as session:
        for table in (tables.Sandbox, tables.Container):
            session.execute(update(table).values(created_at=LATER, updated_at=LATER))
    change(repository)
    with repository.database.session() as session:
        for table in (tables.Sandbox, tables.Container):
            for row in session.scalars(select(table)):
                assert row.updated_at >= row.created_at
