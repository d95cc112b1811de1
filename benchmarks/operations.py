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

from . import exchange, samples, trees, written
from .advanced import Advanced
from .contender import BATCH, Contender
from .files import CarefulFiles, KataFiles, record_of
from .floor import open_floor
from .floor.base import Floor
from .ours import Ours
from .peewee_store import Peewee
from .results import compared, expect
from .timing import Timed, interleave
from .unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from persistdb import ContainerState

    from .places import Place
    from .results import Result

_STATES = ("running", "stopped")
PAIR = (Ours.name, Floor.name)
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
    yield from exchange.kata(place, folder, effort.sandboxes, effort.bulk_rounds)
    if place.engine == "sqlite":  # the driver by hand writes annotations there
        yield exchange.runc(place, folder, effort.pods, effort.bulk_rounds)
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
        if operation == "save_annotated":
            return {name: self._contenders[name] for name in PAIR}
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
        times = interleave(calls, rounds)
        return compared(self._place.engine, operation, self._effort.size, times, statements, rows)

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
        self._check_rows()
        if self._place.engine == "sqlite":  # the driver by hand writes annotations there
            yield self._save_annotated([(sid, f"{cid[:-1]}-") for sid, cid, _ in new], rounds)

    def _save_annotated(self, new: Sequence[tuple[str, str]], rounds: int) -> Result:
        """Save containers of runc's, whose files have annotations."""
        record, origin = trees.annotated()
        rows = 3 + len(record.mounts) + len(record.device_maps) + len(NO_DOCUMENT.of_container("", origin))
        plain = record.replace(processes=[])  # a token is unique in its sandbox
        result = self._compare(
            "save_annotated",
            lambda one, turn: one.save(*new[turn], plain, origin),  # type: ignore[call-arg]  # these two take it
            rounds,
            rows,
        )
        count = "SELECT name, value, count(*) FROM annotation GROUP BY name, value ORDER BY name, value"
        floor = self._contenders[Floor.name]
        assert isinstance(floor, Floor)  # noqa: S101  a check for mypy
        with self._ours.database.reader.connect() as connection:
            wanted = [tuple(row) for row in connection.exec_driver_sql(count)]
        expect([tuple(row) for row in floor.execute(count)], wanted, Floor.name)
        return result

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

    def _check_rows(self) -> None:
        """Whether the driver by hand has written the rows that persistdb has, history and revisions included."""
        floor = self._contenders[Floor.name]
        assert isinstance(floor, Floor)  # noqa: S101  a check for mypy
        wanted, found = written.rows(self._ours.ask), written.rows(floor.ask)
        expect(list(found - wanted), [], f"{Floor.name}, beyond what persistdb wrote,")
        expect([], list(wanted - found), f"{Floor.name}, of what persistdb wrote besides,")

    # --- many at once

    def _share(self, one: Contender) -> int:
        """What an ORM's objects do takes so long that they do a tenth of it, in batches of the same size."""
        return 1 if isinstance(one, (Ours, Floor)) or self._effort.bulk < 10 * BATCH else 10

    def _whole(self, times: Mapping[str, Timed]) -> dict[str, Timed]:
        """Return what the whole would take those that do a share of it."""
        shares = {name: self._share(self._contenders[name]) for name in times}
        return {name: Timed([shares[name] * each for each in found.times]) for name, found in times.items()}

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
        self._check_rows()
        batches = [list(samples.writes(bulk, _BULK + turn * bulk)) for turn in range(rounds + 1)]
        statements = count_statements(self._ours, lambda: self._ours.save_many(batches[-1]))

        def save(one: Contender, turn: int) -> None:
            one.save_many(islice(batches[turn], len(batches[turn]) // self._share(one)))

        times = self._whole(interleave({name: _bound(save, one) for name, one in taking.items()}, rounds, per=bulk))
        for one in taking.values():
            one.close()
        self._place.forget()
        return compared(self._place.engine, "save_many", bulk, times, statements, bulk * samples.ROWS)

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
        times = self._whole(interleave(calls, self._effort.bulk_rounds, per=count))
        for one in taking.values():
            one.close()
        self._place.forget()
        return compared(self._place.engine, "iterate", bulk, times, statements, count * samples.ROWS)


def _records(one: Contender, sid: str) -> object:
    found = one.load_sandbox(sid)
    if isinstance(one, KataFiles):
        return record_of(found)
    return {cid: it.record for cid, it in one.sandbox(found).containers.items()}


def _bound(call: Callable[[Contender, int], object], one: Contender) -> Callable[[int], object]:
    return lambda turn: call(one, turn)


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
