"""Attacks on what is read: files with damaged bytes, and rows that were changed by hand."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import sqlalchemy as sa

from persistdb import Unreadable
from persistdb.ingest.importer import Importer
from persistdb.runtimes.samples import KATA
from persistdb.schema import check, tables
from persistdb.store.check import check_rows
from tests.store import samples, spoil

from . import writers
from .attacks import Tried

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from persistdb import ContainerRepository, FileError

    from .targets import Target


class _Listener:
    """Keeps what an import stored."""

    def __init__(self) -> None:
        self.stored_sids: set[str] = set()

    def fault(self, problem: FileError) -> None: ...

    def note(self, text: str) -> None: ...

    def stored(self, sid: str, containers: int) -> None:  # noqa: ARG002  the protocol's
        self.stored_sids.add(sid)

    def left_out(self, sid: str) -> None: ...


def _import(repository: ContainerRepository, tree: Path) -> set[str]:
    listener = _Listener()
    Importer(repository, listener).run([str(tree)])
    return listener.stored_sids


def _copy_sample(tree: Path, *sids: str) -> None:
    shutil.rmtree(tree, ignore_errors=True)
    source = KATA / "run/vc/sbs"
    (sample,) = os.listdir(source)
    for sid in sids:
        shutil.copytree(source / sample, tree / sid)


# --- files


def mutate_files(chance: random.Random, target: Target, folder: Path) -> Tried:
    """Damage files at random bytes: their faults are reported, and the other sandboxes are stored."""
    tree = folder / "tree"
    _copy_sample(tree, "good", "bad")
    files = sorted(path for path in (tree / "bad").rglob("*") if path.is_file())
    damaged = chance.sample(files, chance.randint(1, len(files)))
    for path in damaged:
        path.write_bytes(_mutated(chance, path.read_bytes()))
    with target.repository() as repository:
        stored = _import(repository, tree)
        assert "good" in stored, "a damaged sandbox kept another from being stored"
        good = repository.load_sandbox("good")
        assert len(good.containers) == 3
        for sid in ("good", "bad"):
            repository.destroy_sandbox(sid)
    return Tried(len(damaged), 1, 1)


def _mutated(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 8, 64])):
        if not changed:
            break
        at = chance.randrange(len(changed))
        how = chance.randrange(5)
        if how == 0:
            changed[at] = chance.randrange(256)
        elif how == 1:
            del changed[at:]
        elif how == 2:
            del changed[at : at + chance.randint(1, 40)]
        elif how == 3:
            changed[at:at] = chance.choice([b"{", b"]", b'"', b"\\u0000", b"\\ud800", b"1e999", b"null", b"\xff", b"-"])
        else:
            changed[at:at] = changed[max(0, at - chance.randint(1, 200)) : at]
    return bytes(changed)


# --- rows

_SIDS = ("rows-0", "rows-1", "rows-2")
_CIDS = ("a", "b", "c")
_IMPORTED = "rows-3"

# Values for any column: each engine refuses most of them in most columns, and then nothing was damaged.
_VALUES = (
    *("NULL", "-1", "0", "1", "2", "4294967296", "9223372036854775807", "1.5", "1e300", "'x'", "''", "'1'", "'null'"),
    *("'[]'", "'{}'", "'[null]'", "'[1]'", "'[\"a\", 2]'", "'\"a\"'", "'infinity'", "'-infinity'", "'0000-00-00'"),
    *("'2026-01-01'", "'9999-12-31 23:59:59.999999'", "'0001-01-01'", "'294276-01-01'", "x'00'", "x'ff'", "x'61'"),
    *("CAST(x'61ff' AS TEXT)", "'\u202e\x1b['", "'\U0001f9ed'", "TRUE", "'NaN'", "'''[\"\\ud800\"]'''"),
)
# Keys say which row it is; a revision at its end is no damage that a read could see.
_KEYS = {"id", "host", "sid", "cid", "sandbox_id", "container_id", "position", "revision"}
# An import takes a sandbox of another namespace for another sandbox than the files'.
_KEYS_OF_IMPORTED = {"namespace"}
_COLUMNS = [
    (table, column.name)
    for table in (tables.Sandbox, tables.Container, tables.Mount, tables.DeviceMap, tables.Process)
    for column in table.__table__.columns
    if column.name not in _KEYS
]


def mutate_rows(chance: random.Random, target: Target, folder: Path) -> Tried:
    """Change rows to what no record can hold: each is named, the others are read, the check finds it, a save heals."""
    tree = folder / "tree"
    _copy_sample(tree, _IMPORTED)
    with target.repository() as repository:
        for sid in _SIDS:
            samples.put(repository, sid, *_CIDS)
        assert _import(repository, tree) == {_IMPORTED}
        stored = {sid: samples.records(repository, sid) for sid in (*_SIDS, _IMPORTED)}
        damaged = [_damage(chance, repository, sid, cid) for sid, cid in _places(chance, stored)]

        def act() -> None:
            _see(repository, stored, [place for place in damaged if place])
            try:
                _heal(chance, repository, stored, tree)
            except AssertionError as error:
                raise AssertionError(f"{error}; damaged: {damaged}") from None

        # the others, which are written meanwhile
        saves = writers.attack(chance, target, act) if chance.random() < 0.3 else act()
        for sid in stored:
            repository.destroy_sandbox(sid)
    return Tried(len([place for place in damaged if place]), saves or 0, len(stored))


def _places(chance: random.Random, stored: dict[str, dict[str, object]]) -> list[tuple[str, str | None]]:
    everywhere: list[tuple[str, str | None]] = [(sid, cid) for sid in stored for cid in (*stored[sid], None)]
    return chance.sample(everywhere, chance.randint(1, 6))


def _damage(
    chance: random.Random, repository: ContainerRepository, sid: str, cid: str | None
) -> tuple[str, str | None, str, bool] | None:
    """Change a row, and return its IDs, how, and whether a read must notice; nothing if the engine refused."""
    database = repository.database
    engine = database.backend.name
    kinds = spoil.SANDBOXES if cid is None else spoil.CONTAINERS
    fitting = [kind for kind, (engines, _) in kinds.items() if engine in engines]
    # the kinds of a container take one that has all children
    if fitting and (cid is None or sid != _IMPORTED) and chance.random() < 0.5:
        kind = chance.choice(fitting)
        if cid is None:
            spoil.sandbox(database, sid, kind)
        else:
            spoil.container(database, sid, cid, kind)
        return sid, cid, kind, True
    kept = _KEYS_OF_IMPORTED if sid == _IMPORTED else ()
    table, column = chance.choice(
        [each for each in _COLUMNS if (each[0] is tables.Sandbox) == (cid is None) and each[1] not in kept]
    )
    of_sandbox = f"SELECT id FROM sandbox WHERE sid = '{sid}'"
    of_container = f"SELECT id FROM container WHERE cid = '{cid}' AND sandbox_id IN ({of_sandbox})"
    where = {
        tables.Sandbox: f"sid = '{sid}'",
        tables.Container: f"cid = '{cid}' AND sandbox_id IN ({of_sandbox})",
    }.get(table, f"container_id IN ({of_container})")
    statement = f"UPDATE {table.__tablename__} SET {column} = {chance.choice(_VALUES)} WHERE {where}"
    options = {"persistdb_begin": "write", "no_parameters": True}
    with database.engine.execution_options(**options).connect() as connection:
        try:
            if engine == "mariadb":
                connection.exec_driver_sql(f"SET sql_mode = '{chance.choice(['', 'STRICT_ALL_TABLES'])}'")
            changed = connection.exec_driver_sql(statement).rowcount
            connection.commit()
        except sa.exc.SQLAlchemyError:
            connection.rollback()
            changed = 0
        if engine == "mariadb":
            connection.exec_driver_sql("SET sql_mode = DEFAULT")
            connection.commit()
    return (sid, cid, statement, False) if changed else None


def _see(
    repository: ContainerRepository,
    stored: dict[str, dict[str, object]],
    damaged: list[tuple[str, str | None, str, bool]],
) -> None:
    """Read everything in all ways: what cannot be read is named, and nothing that was left alone."""
    how = {(sid, cid): (text, must) for sid, cid, text, must in damaged}
    refused = {(sid, cid) for sid in stored for cid in stored[sid] if _refused(repository, sid, cid)}
    for sid, cid in refused:
        assert (sid, cid) in how, f"{sid}/{cid} was left alone, and cannot be read"
    of_sandboxes = {(one.sid, one.cid) for one in repository.unreadable_sandboxes()} & {(sid, None) for sid in stored}
    for place, (text, must) in how.items():
        assert not must or place in refused | of_sandboxes, f"{place} is read after: {text}"
    for sid in stored:
        named = {place for place in refused | of_sandboxes if place[0] == sid}
        unreadable = _unreadable(lambda sid=sid: repository.load_sandbox(sid))
        assert unreadable in (named or {None}), f"{unreadable} is named, and {named or 'nothing'} cannot be read"
        if unreadable:
            continue
        found = repository.load_sandbox(sid)
        for cid, one in found.containers.items():
            assert (sid, cid) in how or one.record == stored[sid][cid], f"{sid}/{cid} has changed"
    for listed in (
        lambda report: list(repository.iterate(on_unreadable=report)),
        lambda report: repository.find(on_unreadable=report),
    ):
        faults: list[Unreadable] = []
        listed(faults.append)
        assert {(one.sid, one.cid) for one in faults} == refused, f"{faults} are not {refused}"
    repository.summaries(on_unreadable=lambda _: None)
    list(repository.load_sandboxes(on_unreadable=lambda _: None))
    check.check(repository.database)
    found = {tuple(row[1:3]) for finding in check_rows(repository.database) for row in finding.rows}
    assert found >= refused | of_sandboxes, f"the check finds {found}, and not {refused | of_sandboxes}"


def _refused(repository: ContainerRepository, sid: str, cid: str) -> bool:
    unreadable = _unreadable(lambda: repository.get(sid, cid))
    assert unreadable in (None, (sid, cid)), f"{sid}/{cid} was asked for, and {unreadable} is named"
    return unreadable is not None


def _unreadable(read: Callable[[], object]) -> tuple[str, str | None] | None:
    try:
        read()
    except Unreadable as error:
        return error.sid, error.cid
    return None


def _heal(
    chance: random.Random, repository: ContainerRepository, stored: dict[str, dict[str, object]], tree: Path
) -> None:
    """Import, save or remove each sandbox, after which everything is read."""
    # a save that changes nothing writes nothing, so it leaves what is read and could not be saved, and what was taken
    # out of documents that are the same
    found = check_rows(repository.database)
    unsavable = {row[1] for finding in found if "no save" in finding.what for row in finding.rows}
    to_remove = {row[1] for finding in found if "remove the sandbox" in finding.what for row in finding.rows}
    for sid, containers in stored.items():
        if sid in to_remove:
            assert repository.destroy_sandbox(sid)
        if sid == _IMPORTED:
            imported = _import(repository, tree)
            assert imported == {sid}, f"{imported} was imported instead of {sid}"
        elif sid not in unsavable and chance.random() < 0.5:
            repository.save_sandbox(samples.sandbox(sid), containers)
        else:
            assert repository.destroy_sandbox(sid) or sid in to_remove
            continue
        assert samples.records(repository, sid) == containers, f"{sid} is not healed"
    findings = check_rows(repository.database)
    assert not findings, f"still found after all was healed: {findings}"
