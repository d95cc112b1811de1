"""The border to a damaged file: whatever its bytes are, each call succeeds or raises an error of ours."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from persistdb import ContainerRepository, Database
from persistdb.errors import Corrupt, PersistDBError
from persistdb.reports import catalog, readonly
from persistdb.reports.runner import run
from persistdb.schema import migrate
from persistdb.schema.backup import backup
from persistdb.schema.check import check
from persistdb.store.check import check_rows

from .samples import container, put, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def content(sqlite_store: tuple[str, Database]) -> bytes:
    """Return the bytes of a database with a few sandboxes."""
    _, database = sqlite_store
    repository = ContainerRepository(database, host="node-1")
    for i in range(4):
        put(repository, f"pod-{i}", "a", "b")
    database.close()
    path = database.engine.url.database
    assert path
    return Path(path).read_bytes()


CALLS: list[Callable[[Database], object]] = [
    check,
    check_rows,
    lambda d: ContainerRepository(d, host="node-1").get("pod-1", "a"),
    lambda d: ContainerRepository(d, host="node-1").find(on_unreadable=lambda _: None),
    lambda d: list(ContainerRepository(d, host="node-1").iterate(on_unreadable=lambda _: None)),
    lambda d: list(ContainerRepository(d, host="node-1").load_sandboxes(on_unreadable=lambda _: None)),
    lambda d: ContainerRepository(d, host="node-1").save_sandbox(sandbox("pod-1"), {"c": container("new")}),
    lambda d: ContainerRepository(d, host="node-1").destroy_sandbox("pod-2"),
    lambda d: readonly.read(d, "SELECT * FROM containers"),
    lambda d: readonly.read(d, "SELECT count(*) FROM sandbox"),
    lambda d: run(d, catalog.find("summary", "sqlite")),
    lambda d: _ask(d, "SELECT * FROM mounts"),
    migrate.upgrade,
    lambda d: backup(d, Path(f"{d.engine.url.database}.backup")),
]


def _ask(database: Database, sql: str) -> None:
    with database.session() as session:
        session.execute(text(sql)).all()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=30),
    part=st.sampled_from([0.05, 0.25, 1.0]),
)
def test_any_damage(content: bytes, damage: list[tuple[float, int]], part: float) -> None:
    """Bytes that were overwritten, in the schema's pages above all, end in an error of ours or in none."""
    data = bytearray(content)
    for place, byte in damage:
        data[int(place * part * len(data))] = byte
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "damaged.db")
        path.write_bytes(data)
        with Database(f"sqlite:///{path}", retries=0) as database:
            for call in CALLS:
                with contextlib.suppress(PersistDBError):
                    call(database)


@pytest.mark.parametrize("call", CALLS)
def test_a_schema_that_is_not_utf8(content: bytes, call: Callable[[Database], object], tmp_path: Path) -> None:
    """A schema whose text is not UTF-8, which SQLite quotes in its message, is Corrupt."""
    damaged = content.replace(
        b"CREATE INDEX ix_sandbox_sid ON sandbox", b"CREATE INDEX ix_sandbox_sid \xff\xfe sandbox"
    )
    assert damaged != content
    path = tmp_path / "damaged.db"
    path.write_bytes(damaged)
    with Database(f"sqlite:///{path}", retries=0) as database, pytest.raises(Corrupt, match="damaged"):
        call(database)
