"""The border to files: a path of any kind is used, or refused by an error of ours."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from persistdb import ContainerRepository, Database
from persistdb.errors import FileError, InvalidValue, PersistDBError
from persistdb.ingest import Importer
from persistdb.runtimes.kata import write_trees
from persistdb.schema.backup import backup
from persistdb.schema.restore import restore
from tests.ingest.test_importer import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable

_NO_PATH = (
    st.none() | st.integers() | st.binary(max_size=3) | st.lists(st.text(max_size=2), max_size=2) | st.builds(object)
)


def _import(repository: ContainerRepository, path: Any) -> None:
    recorder = Recorder()
    Importer(repository, recorder).run([path])
    assert recorder.events


USES: dict[str, Callable[[ContainerRepository, Any], object]] = {
    "import": _import,
    "export": lambda _, path: list(write_trees([], path)),
    "backup": lambda repository, path: backup(repository.database, path),
    "restore": lambda repository, path: restore(repository.database, path),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(name=st.text(st.characters(), max_size=3))
@example(name="\0")
@example(name="\ud800")
@example(name="\udcff")
def test_any_text(
    sqlite_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    use: Callable[[ContainerRepository, Any], object],
    name: str,
) -> None:
    """Any text is used as a path, or is an error of ours."""
    folder = tmp_path_factory.mktemp("paths")
    with Database(sqlite_url) as database, contextlib.suppress(PersistDBError):
        use(ContainerRepository(database, host="h"), Path(f"{folder}/{name}"))


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(value=_NO_PATH)
def test_no_path(sqlite_url: str, use: Callable[[ContainerRepository, Any], object], value: Any) -> None:
    """A value that is no path is refused, or is a fault of an import."""
    with Database(sqlite_url) as database, contextlib.suppress(InvalidValue):
        use(ContainerRepository(database, host="h"), value)


def test_nothing_else_stops(sqlite_url: str, tmp_path: Path) -> None:
    """A path with a NUL is a fault of an import, and the other paths are imported."""
    faults: list[FileError] = []
    recorder = Recorder()
    recorder.fault = faults.append  # type: ignore[method-assign]
    with Database(sqlite_url) as database:
        assert Importer(ContainerRepository(database, host="h"), recorder).run(["a\0b", str(tmp_path)])
    assert [fault.reason for fault in faults] == ["a NUL character is in no path"]
