"""Fixtures of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository

if TYPE_CHECKING:
    from persistdb import Database


@pytest.fixture
def repository(sqlite_store: tuple[str, Database]) -> ContainerRepository:
    """Give an empty repository."""
    return ContainerRepository(sqlite_store[1], host="node-1")
