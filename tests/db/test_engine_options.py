"""What a caller may say of the engine: its URL in several forms, the pool, and SQLAlchemy's own options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url

from persistdb import AsyncDatabase, BadURL, ContainerRepository, Database, InvalidValue
from tests.store.samples import put

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COLORS: dict[str, Callable[..., Any]] = {"threads": Database, "tasks": lambda *a, **o: AsyncDatabase(*a, **o).database}


@pytest.mark.parametrize("make", COLORS.values(), ids=COLORS)
def test_a_path(tmp_path: Path, make: Callable[..., Any]) -> None:
    """A path names a file, whatever characters are in its name."""
    path = tmp_path / "100% of it? #1.db"
    assert make(path).url == make(f"sqlite:///{tmp_path}/100%25 of it%3F #1.db").url
    with Database(path) as database:
        put(ContainerRepository(database, host="node-1"), "pod-1", "a")
    assert path.stat().st_size > 0


@pytest.mark.parametrize("make", COLORS.values(), ids=COLORS)
def test_a_url_of_sqlalchemy(make: Callable[..., Any]) -> None:
    """SQLAlchemy's own URL object will do, and its password is not shown."""
    url = make_url("postgresql://me:hush@localhost:1/state")
    database = make(url)
    assert database.url == "postgresql://me:***@localhost:1/state"


@pytest.mark.parametrize("make", COLORS.values(), ids=COLORS)
def test_options(sqlite_url: str, make: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    """Options of the pool and of the echo come to SQLAlchemy."""
    database = make(sqlite_url, pool_size=2, engine_options={"max_overflow": 3, "echo": True, "logging_name": "ours"})
    assert database.engine.pool.size() == 2
    assert database.engine.pool._max_overflow == 3
    assert database.engine.echo
    assert database.engine.logging_name == "ours"
    assert caplog.records == []


@pytest.mark.parametrize("make", COLORS.values(), ids=COLORS)
def test_options_of_locks(sqlite_url: str, make: Callable[..., Any]) -> None:
    """The connection that renews locks has the options, too, but stays a single one."""
    database = make(sqlite_url, engine_options={"max_overflow": 3, "logging_name": "ours"})
    with database.another(1.0) as other:
        assert other.engine.logging_name == "ours"
        assert other.engine.pool._max_overflow == 0


@pytest.mark.parametrize("make", COLORS.values(), ids=COLORS)
def test_options_that_are_ours(sqlite_url: str, make: Callable[..., Any]) -> None:
    """Options that persistdb depends on are refused, with those that may be set."""
    for name in ("isolation_level", "poolclass", "connect_args", "creator", "future", "pool_pre_ping"):
        with pytest.raises(InvalidValue, match="these are: echo, echo_pool, hide_parameters") as caught:
            make(sqlite_url, engine_options={name: None})
        assert (caught.value.field, caught.value.value) == ("engine_options", name)
    with pytest.raises(InvalidValue):
        make(sqlite_url, engine_options=["echo"])
    with pytest.raises(InvalidValue):
        make(7)


@pytest.mark.parametrize("make", COLORS.values(), ids=COLORS)
@pytest.mark.parametrize("option", ["max_overflow", "pool_recycle"])
def test_options_that_would_lose_it(make: Callable[..., Any], option: str) -> None:
    """A database in memory is its one connection: another one, or a new one after a while, would be empty."""
    with pytest.raises(BadURL, match="one connection"):
        make("sqlite:///:memory:", engine_options={option: 5})
