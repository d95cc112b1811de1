"""Import and export of runtimes' files, by persistdb's command line and by hand, timed in turn."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from persistdb.store.annotated import NO_DOCUMENT

from . import samples, trees
from .floor import open_floor
from .floor.base import Floor
from .ours import Ours
from .results import compared, expect
from .timing import interleave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from persistdb import ContainerState, Origin

    from .places import Place
    from .results import Result


def kata(place: Place, folder: Path, sandboxes: int, rounds: int) -> Iterator[Result]:
    """Import a tree of Kata's into empty databases, and export it."""
    rows = sandboxes * (samples.CONTAINERS * samples.ROWS + 1)
    size = sandboxes * samples.CONTAINERS
    with _Imports(place, trees.make(sandboxes, folder), "sbs", trees.import_by_hand) as imports:
        imports.check()
        yield imports.measure("import", size, rounds, sandboxes, rows)
        yield _export(place, imports, size, rounds, sandboxes, rows)


def runc(place: Place, folder: Path, pods: int, rounds: int) -> Result:
    """Import a root of runc's into empty databases."""
    with _Imports(place, trees.make_runc(pods, folder), "k8s.io", trees.import_runc_by_hand) as imports:
        stored = imports.check()
        rows = sum(map(_rows, stored.values())) + pods
        return imports.measure("import_runc", len(stored), rounds, len(stored), rows)


class _Imports:
    """A tree, and the databases into which it is imported: each time into empty ones."""

    def __init__(self, place: Place, tree: Path, folder: str, by_hand: Callable[[Floor, Path], None]) -> None:
        self._place, self.tree = place, tree
        self._urls: dict[str, str] = {}
        self._floors: list[Floor] = []
        self._calls: dict[str, Callable[[int], object]] = {
            Ours.name: lambda _: trees.import_ours(self.url, tree, folder),
            Floor.name: lambda _: by_hand(self.floor, tree),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the tree and the databases."""
        for floor in self._floors:
            floor.close()
        shutil.rmtree(self.tree)
        self._place.forget()

    @property
    def url(self) -> str:
        """Persistdb's database of the last turn."""
        return self._urls[Ours.name]

    @property
    def floor(self) -> Floor:
        """The other's."""
        return self._floors[-1]

    def check(self) -> dict[tuple[str, str], tuple[ContainerState, Origin]]:
        """Import once, and return what both have stored; raises AssertionError if that differs."""
        for name, call in self._calls.items():
            self._empty(name, 0)
            call(0)
        stored = _all(self.url)
        expect(_all(self._urls[Floor.name]), stored, Floor.name)
        return stored

    def measure(self, operation: str, size: int, rounds: int, per: int, rows: int) -> Result:
        """Time it, each of ``per`` things."""
        times = interleave(self._calls, rounds, before=self._empty, per=per)
        return compared(self._place.engine, operation, size, times, None, rows)

    def _empty(self, name: str, _turn: int) -> None:
        self._urls[name] = self._place.database(0)
        if name == Floor.name:
            self._floors.append(open_floor(self._place.engine, self._urls[name]))


def _export(place: Place, imports: _Imports, size: int, rounds: int, per: int, rows: int) -> Result:
    targets: list[Path] = []

    def fresh(_name: str, _turn: int) -> None:
        targets.append(Path(tempfile.mkdtemp(prefix="persistdb-tree-", dir=imports.tree.parent)))

    exports: dict[str, Callable[[int], object]] = {
        Ours.name: lambda _: trees.export_ours(imports.url, targets[-1]),
        Floor.name: lambda _: trees.export_by_hand(imports.floor, targets[-1]),
    }
    try:
        for call in exports.values():
            fresh("", 0)
            call(0)
            if not trees.same(imports.tree, targets[-1]):
                raise AssertionError("the exported tree differs")
        times = interleave(exports, rounds, before=fresh, per=per)
        return compared(place.engine, "export", size, times, None, rows)
    finally:
        for path in targets:
            shutil.rmtree(path)


def _rows(found: tuple[ContainerState, Origin]) -> int:
    """Return how many rows a container has: it, its root file system, the others of its record, and annotations."""
    record, origin = found
    annotations = NO_DOCUMENT.of_container("", origin)
    return 2 + len(record.mounts) + len(record.device_maps) + len(record.processes) + len(annotations)


def _all(url: str) -> dict[tuple[str, str], tuple[ContainerState, Origin]]:
    ours = Ours(url)
    try:
        return {(one.sid, one.cid): (one.record, one.origin) for one in ours.iterate()}
    finally:
        ours.close()
