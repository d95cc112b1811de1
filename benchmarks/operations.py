"""The operations of the table: each is checked to give the same everywhere, then timed in turn."""

from __future__ import annotations

import random
import shutil
import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from sqlalchemy import event

from persistdb.store.annotated import NO_DOCUMENT

from . import samples, trees
from .advanced import Advanced
from .bounds import BOUNDS
from .contender import BATCH, Contender
from .files import CarefulFiles, KataFiles, record_of
from .floor import open_floor
from .floor.base import Floor
from .ours import Ours
from .peewee_store import Peewee
from .results import PEERS, Result
from .timing import interleave
from .unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from persistdb import ContainerState, Origin

    from .places import Place

_STATES = ("running", "stopped")
_LARGE = samples.LARGE_SANDBOX
# sandboxes that are saved in bulk have numbers from here on, and other ones each time
_BULK = 2_000_000


class Effort(NamedTuple):
    """How much is done: containers to begin with, how often, and how many at once."""

    size: int
    reads: int
    writes: int
    bulk: int
    bulk_rounds: int
    sandboxes: int
    pods: int


FULL = Effort(size=1_000, reads=600, writes=300, bulk=10_000, bulk_rounds=5, sandboxes=3_000, pods=500)
QUICK = Effort(size=60, reads=20, writes=12, bulk=60, bulk_rounds=1, sandboxes=10, pods=5)


def measure(place: Place, folder: Path, effort: Effort) -> Iterator[Result]:
    """Measure all operations on one engine."""
    stage = _Stage(place, folder, effort)
    try:
        yield from stage.reads()
        yield from stage.writes()
    finally:
        stage.close()
    yield stage.bulk()
    yield stage.iterate()
    yield from stage.trees()
    if place.engine == "sqlite":  # the driver by hand writes annotations there
        yield stage.runc()
    place.forget(effort.bulk)


class _Stage:
    """Those that are compared, each with a copy of the same database."""

    def __init__(self, place: Place, folder: Path, effort: Effort) -> None:
        self._place, self._effort = place, effort
        self._folder = Path(tempfile.mkdtemp(prefix="persistdb-files-", dir=folder))
        self._contenders = self._open(effort.size)
        for make in (KataFiles, CarefulFiles):
            self._contenders[make.name] = make(self._folder / make.__name__, effort.size)

    def _open(self, size: int) -> dict[str, Contender]:
        engine = self._place.engine
        first, second, third, fourth, fifth = (self._place.database(size) for _ in range(5))
        every: list[Contender] = [
            *(Ours(first), open_floor(engine, second)),
            *(UnitOfWork(third), Advanced(fourth), Peewee(engine, fifth)),
        ]
        return {one.name: one for one in every}

    def close(self) -> None:
        """Close all connections and drop their databases."""
        for one in self._contenders.values():
            one.close()
        shutil.rmtree(self._folder)
        self._place.forget()

    @property
    def _ours(self) -> Ours:
        ours = self._contenders[Ours.name]
        assert isinstance(ours, Ours)  # noqa: S101  a check for mypy
        return ours

    def _taking_part(self, operation: str) -> dict[str, Contender]:
        return {name: one for name, one in self._contenders.items() if operation not in one.skips}

    def _compare(self, operation: str, call: Callable[[Contender, int], object], rounds: int, rows: int) -> Result:
        """Time a call, which is given the number of its turn; after an even number of turns all is as it was."""
        taking = self._taking_part(operation)
        rounds -= rounds % 2
        statements = count_statements(self._ours, lambda: call(self._ours, rounds))
        for one in taking.values():  # warmed up alike
            for turn in range(rounds + (one is self._ours), rounds + 2 * (1 + rounds // 40)):
                call(one, turn)
        calls = {name: _bound(call, one) for name, one in taking.items()}
        spread = interleave(calls, rounds)
        medians = {name: found.median for name, found in spread.items()}
        return _result(self._place.engine, operation, self._effort.size, medians, statements, rows)

    # --- reads

    def reads(self) -> Iterator[Result]:
        """Reads of one container, and of the large sandbox."""
        generator = random.Random(1)  # noqa: S311  no secret
        sandboxes = -(-self._effort.size // samples.CONTAINERS)
        numbers = [generator.randrange(sandboxes) for _ in range(5000)]
        ids = [(samples.sid(number), samples.cid(number, 0)) for number in numbers]
        large = samples.sid(_LARGE)
        for sid, cid in ids[:20]:
            self._check_containers("get", lambda one, sid=sid, cid=cid: one.get(sid, cid))  # type: ignore[misc]
            self._check_containers("look_up", lambda one, cid=cid: one.look_up(cid[:8]))  # type: ignore[misc]
        self._check_large()
        rounds = self._effort.reads
        yield self._compare("get", lambda one, turn: one.get(*ids[turn]), rounds, samples.ROWS)
        yield self._compare("look_up", lambda one, turn: one.look_up(ids[turn][1][:8]), rounds, samples.ROWS)
        rows = samples.LARGE * samples.ROWS + 1
        yield self._compare("load_sandbox", lambda one, _: one.load_sandbox(large), rounds // 5, rows)

    def _check_containers(self, operation: str, read: Callable[[Contender], object]) -> None:
        ours = self._ours.container(read(self._ours))
        for one in self._taking_part(operation).values():
            if isinstance(one, KataFiles):
                expect(record_of(read(one)), ours.record, one.name)
            else:
                expect(one.container(read(one)), ours, one.name)

    def _check_large(self) -> None:
        ours = self._ours.load_sandbox(samples.sid(_LARGE))
        for one in self._taking_part("load_sandbox").values():
            found = one.load_sandbox(samples.sid(_LARGE))
            if isinstance(one, KataFiles):
                expect(record_of(found), {cid: it.record for cid, it in ours.containers.items()}, one.name)
            else:
                expect(one.sandbox(found), ours, one.name)

    # --- writes

    def writes(self) -> Iterator[Result]:
        """Writes of one container, and of the large sandbox."""
        rounds = self._effort.writes
        # each into another sandbox, so that all stay small; more than are asked for, to warm up
        sandboxes = -(-self._effort.size // samples.CONTAINERS)
        numbers = [(i % sandboxes, 100 + i) for i in range(2 * rounds + 50)]
        new = [(samples.sid(one), samples.cid(one, i), samples.container(one, i)) for one, i in numbers]
        yield self._compare("save", lambda one, turn: one.save(*new[turn]), rounds, samples.ROWS)
        for sid, _, _ in new[:5]:
            self._check_records(sid)
        sid, cid = samples.sid(1), samples.cid(1, 1)
        yield self._compare(
            "transition",
            lambda one, turn: one.transition(sid, cid, _STATES[turn % 2], _STATES[1 - turn % 2]),
            rounds,
            1,
        )
        self._check_records(sid)
        yield self._save_sandbox(rounds // 3)

    def _save_sandbox(self, rounds: int) -> Result:
        own, sid = samples.sandbox(_LARGE), samples.sid(_LARGE)
        as_it_was = samples.containers(_LARGE, samples.LARGE)
        cid = samples.cid(_LARGE, 7)
        changed = msgspec.structs.replace(as_it_was[cid], state=_STATES[1])
        versions = ({**as_it_was, cid: changed}, as_it_was)
        for one in self._taking_part("save_sandbox").values():
            one.prepare_sandbox(sid)
            one.save_sandbox(own, versions[0])
        self._check_large_records(versions[0])
        result = self._compare(
            "save_sandbox", lambda one, turn: one.save_sandbox(own, versions[1 - turn % 2]), rounds, 1
        )
        self._check_large_records(versions[0])
        return result

    def _check_records(self, sid: str) -> None:
        """Whether all have stored the same containers; the moments of their saving differ."""
        ours = _records(self._ours, sid)
        for one in self._contenders.values():
            expect(_records(one, sid), ours, one.name)

    def _check_large_records(self, wanted: Mapping[str, ContainerState]) -> None:
        for one in self._taking_part("save_sandbox").values():
            expect(_records(one, samples.sid(_LARGE)), wanted, one.name)

    # --- many at once

    def _share(self, one: Contender) -> int:
        """What an ORM's objects do takes so long that they do a tenth of it, in batches of the same size."""
        return 1 if isinstance(one, (Ours, Floor)) or self._effort.bulk < 10 * BATCH else 10

    def bulk(self) -> Result:
        """Many new sandboxes into an empty database."""
        self._contenders = self._open(0)
        taking, bulk, rounds = self._contenders, self._effort.bulk, self._effort.bulk_rounds
        check = list(samples.writes(min(bulk, 1000), _BULK - 1000))
        wanted = {(one.sid, cid): record for one in check for cid, record in one.containers.items()}
        for one in taking.values():
            one.save_many(check)
            found = map(one.container, one.iterate())
            expect({(it.sid, it.cid): it.record for it in found}, wanted, one.name)
        batches = [list(samples.writes(bulk, _BULK + turn * bulk)) for turn in range(rounds + 1)]
        statements = count_statements(self._ours, lambda: self._ours.save_many(batches[-1]))

        def save(one: Contender, turn: int) -> None:
            one.save_many(islice(batches[turn], len(batches[turn]) // self._share(one)))

        spread = interleave({name: _bound(save, one) for name, one in taking.items()}, rounds, per=bulk)
        medians = {name: found.median * self._share(taking[name]) for name, found in spread.items()}
        for one in taking.values():
            one.close()
        self._place.forget()
        return _result(self._place.engine, "save_many", bulk, medians, statements, bulk * samples.ROWS)

    def iterate(self) -> Result:
        """All containers of a host."""
        bulk = self._effort.bulk
        self._contenders = self._open(bulk)
        taking = self._contenders
        count = bulk + samples.LARGE

        def drain(one: Contender, _: int) -> None:
            wanted = count // self._share(one)
            expect(sum(1 for _ in islice(one.iterate(), wanted)), wanted, one.name)

        statements = count_statements(self._ours, lambda: drain(self._ours, 0))
        ours = {(one.sid, one.cid): one for one in self._ours.iterate()}
        for one in taking.values():
            for it in islice(one.iterate(), 50):
                record = one.container(it)
                expect(record, ours[record.sid, record.cid], one.name)
        del ours
        calls = {name: _bound(drain, one) for name, one in taking.items()}
        spread = interleave(calls, self._effort.bulk_rounds, per=count)
        for one in taking.values():
            one.close()
        self._place.forget()
        medians = {name: found.median * self._share(taking[name]) for name, found in spread.items()}
        return _result(self._place.engine, "iterate", bulk, medians, statements, count * samples.ROWS)

    # --- trees

    def trees(self) -> Iterator[Result]:
        """Import a tree into empty databases, and export it."""
        sandboxes, engine = self._effort.sandboxes, self._place.engine
        tree = trees.make(sandboxes, self._folder.parent)
        targets: list[Path] = []
        urls: dict[str, str] = {}
        floors: list[Floor] = []

        def empty(name: str, _: int) -> None:
            urls[name] = self._place.database(0)
            if name == Floor.name:
                floors.append(open_floor(engine, urls[name]))

        def fresh(_name: str, _turn: int) -> None:
            targets.append(Path(tempfile.mkdtemp(prefix="persistdb-tree-", dir=tree.parent)))

        imports: dict[str, Callable[[int], object]] = {
            Ours.name: lambda _: trees.import_ours(urls[Ours.name], tree),
            Floor.name: lambda _: trees.import_by_hand(floors[-1], tree),
        }
        exports: dict[str, Callable[[int], object]] = {
            Ours.name: lambda _: trees.export_ours(urls[Ours.name], targets[-1]),
            Floor.name: lambda _: trees.export_by_hand(floors[-1], targets[-1]),
        }
        rows = sandboxes * (samples.CONTAINERS * samples.ROWS + 1)
        try:
            for name, call in imports.items():
                empty(name, 0)
                call(0)
            expect(_all(urls[Floor.name]), _all(urls[Ours.name]), Floor.name)
            spread = interleave(imports, self._effort.bulk_rounds, before=empty, per=sandboxes)
            medians = {name: found.median for name, found in spread.items()}
            yield _result(engine, "import", sandboxes * samples.CONTAINERS, medians, None, rows)
            for call in exports.values():
                fresh("", 0)
                call(0)
                if not trees.same(tree, targets[-1]):
                    raise AssertionError("the exported tree differs")
            spread = interleave(exports, self._effort.bulk_rounds, before=fresh, per=sandboxes)
            medians = {name: found.median for name, found in spread.items()}
            yield _result(engine, "export", sandboxes * samples.CONTAINERS, medians, None, rows)
        finally:
            for floor in floors:
                floor.close()
            for path in (tree, *targets):
                shutil.rmtree(path)
            self._place.forget()

    def runc(self) -> Result:
        """Import a root of runc's into empty databases."""
        pods, engine = self._effort.pods, self._place.engine
        tree = trees.make_runc(pods, self._folder.parent)
        urls: dict[str, str] = {}
        floors: list[Floor] = []

        def empty(name: str, _: int) -> None:
            urls[name] = self._place.database(0)
            if name == Floor.name:
                floors.append(open_floor(engine, urls[name]))

        imports: dict[str, Callable[[int], object]] = {
            Ours.name: lambda _: trees.import_ours(urls[Ours.name], tree, "k8s.io"),
            Floor.name: lambda _: trees.import_runc_by_hand(floors[-1], tree),
        }
        try:
            for name, call in imports.items():
                empty(name, 0)
                call(0)
            stored = _all(urls[Ours.name])
            expect(_all(urls[Floor.name]), stored, Floor.name)
            count = 2 * pods
            rows = sum(map(_rows, stored.values())) + pods
            spread = interleave(imports, self._effort.bulk_rounds, before=empty, per=count)
            medians = {name: found.median for name, found in spread.items()}
            return _result(engine, "import_runc", count, medians, None, rows)
        finally:
            for floor in floors:
                floor.close()
            shutil.rmtree(tree)
            self._place.forget()


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


def _records(one: Contender, sid: str) -> object:
    found = one.load_sandbox(sid)
    if isinstance(one, KataFiles):
        return record_of(found)
    return {cid: it.record for cid, it in one.sandbox(found).containers.items()}


def _bound(call: Callable[[Contender, int], object], one: Contender) -> Callable[[int], object]:
    return lambda turn: call(one, turn)


def expect(found: object, wanted: object, who: str) -> None:
    """Raise AssertionError if what somebody gave is not what persistdb gives."""
    if found != wanted:
        raise AssertionError(f"{who} gives {str(found)[:2000]}, and persistdb {str(wanted)[:2000]}")


def count_statements(ours: Ours, work: Callable[[], object]) -> int:
    """How many statements persistdb sends for some work, beside BEGIN and COMMIT."""
    sent: list[str] = []

    def on_statement(_connection: object, _cursor: object, text: str, *_: object) -> None:
        if not text.startswith(("BEGIN", "COMMIT")):
            sent.append(text)

    event.listen(ours.database.engine, "before_cursor_execute", on_statement)
    try:
        work()
    finally:
        event.remove(ours.database.engine, "before_cursor_execute", on_statement)
    return len(sent)


def _result(
    engine: str, operation: str, size: int, medians: Mapping[str, float], statements: int | None, rows: int
) -> Result:
    bound = BOUNDS[operation]
    ours, floor, orm = medians[Ours.name], medians[Floor.name], medians.get(PEERS[0])
    ratio = ours / floor
    orm_ratio = None if orm is None else orm / ours
    return Result(
        operation=operation,
        title=bound.title,
        engine=engine,
        size=size,
        ours=ours,
        floor=floor,
        peers={name: time for name, time in medians.items() if name not in (Ours.name, Floor.name)},
        ratio_to_floor=ratio,
        bound=bound.most,
        aim=bound.aim,
        orm_ratio=orm_ratio,
        orm_bound=bound.orm,
        statements=statements,
        rows=rows,
        passed=ratio <= bound.most and (bound.orm is None or (orm_ratio is not None and orm_ratio >= bound.orm)),
    )
