"""Fixtures of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository, Database

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def repository(sqlite_url: str) -> Iterator[ContainerRepository]:
    """Give an empty repository."""
    with Database(sqlite_url) as database:
        yield ContainerRepository(database, host="node-1")
