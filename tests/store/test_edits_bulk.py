"""Bulk statements through a session: they raise the revisions of what they change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import bindparam, delete, insert, select, text, update
from sqlalchemy.orm import selectinload

from persistdb.errors import Conflict, InvalidValue
from persistdb.schema import check, names, tables
from persistdb.schema.tables import Container, DeviceMap, Mount, Process, Sandbox

from .samples import container, put

if TYPE_CHECKING:
    from sqlalchemy import Executable

    from persistdb.store.repository import ContainerRepository

OLD = datetime(1970, 1, 1, tzinfo=UTC)
_A = select(Container.id).where(Container.cid == "a").scalar_subquery()


@pytest.fixture
def filled(repository: ContainerRepository) -> ContainerRepository:
    """Store two sandboxes, the first with two containers."""
    put(repository, "pod-1", "a", "b")
    put(repository, "pod-2", "c")
    return repository


def numbers(repository: ContainerRepository) -> dict[str, int]:
    """Return all revisions."""
    sandboxes = [repository.load_sandbox(sid) for sid in ("pod-1", "pod-2")]
    found = {f"{pod.record.sid}/{cid}": one.revision for pod in sandboxes for cid, one in pod.containers.items()}
    return found | {pod.record.sid: pod.revision for pod in sandboxes}


BEFORE = {"pod-1": 1, "pod-1/a": 1, "pod-1/b": 1, "pod-2": 1, "pod-2/c": 1}
_ONLY_A = {"pod-1": 2, "pod-1/a": 2}
STATEMENTS: dict[str, tuple[Executable, dict[str, int]]] = {
    "containers": (update(Container).where(Container.cid == "a").values(state="x"), _ONLY_A),
    "of a revision": (
        update(Container).where(Container.cid == "a", Container.revision == 1).values(state="x"),
        _ONLY_A,
    ),
    "by the table": (
        update(Container.__table__).where(Container.__table__.c.cid == "a").values(state="x"),  # type: ignore[arg-type]
        _ONLY_A,
    ),
    "all containers": (
        update(Container).values(bundle_path="/x"),
        {"pod-1": 3, "pod-1/a": 2, "pod-1/b": 2, "pod-2": 2, "pod-2/c": 2},
    ),
    "by another table": (
        update(Container).where(Container.sandbox_id == Sandbox.id, Sandbox.sid == "pod-2").values(state="x"),
        {"pod-2": 2, "pod-2/c": 2},
    ),
    "none": (update(Container).where(Container.cid == "x").values(state="x"), {}),
    "mounts": (update(Mount).where(Mount.container_id == _A).values(mounted=True), _ONLY_A),
    "devices": (
        update(DeviceMap)
        .where(DeviceMap.container_id.in_(select(Container.id).where(Container.cid == "a", Container.revision == 1)))
        .values(uid=5),
        _ONLY_A,
    ),
    "processes": (update(Process).where(Process.token == "pod-1-a").values(pid=1), _ONLY_A),
    "deleted mounts": (delete(Mount).where(Mount.container_id == _A, Mount.position == 3), _ONLY_A),
    "deleted processes": (delete(Process).where(Process.token == "pod-1-a"), _ONLY_A),
    "sandboxes": (update(Sandbox).where(Sandbox.sid == "pod-2").values(state="x"), {"pod-2": 2}),
}


@pytest.mark.parametrize(("statement", "changed"), STATEMENTS.values(), ids=STATEMENTS)
def test_a_bulk_statement(filled: ContainerRepository, statement: Executable, changed: dict[str, int]) -> None:
    """A bulk UPDATE or DELETE raises the revisions and timestamps of what it changes, and of nothing else."""
    before = {one.cid: one for one in filled.find()}
    with filled.database.session(write=True) as session:
        result: Any = session.execute(statement)
        assert (result.rowcount > 0) == bool(changed)
    assert numbers(filled) == BEFORE | changed
    for one in filled.find():
        ref = f"{one.sid}/{one.cid}"
        assert (one.updated_at > before[one.cid].updated_at) == (ref in changed)
        assert (one.record != before[one.cid].record) == (ref in changed)
    assert check.check(filled.database) == []


def test_a_bulk_update_by_key(filled: ContainerRepository) -> None:
    """SQLAlchemy's UPDATE with a list of keys and values raises the revisions, too."""
    with filled.database.session(write=True) as session:
        ids = dict(map(tuple, session.execute(select(Container.cid, Container.id))))
        session.execute(update(Container), [{"id": ids["a"], "state": "x"}, {"id": ids["c"], "state": "y"}])
        session.execute(update(Mount), [{"container_id": ids["c"], "position": 0, "mounted": False}])
    assert numbers(filled) == {"pod-1": 2, "pod-1/a": 2, "pod-1/b": 1, "pod-2": 3, "pod-2/c": 3}
    assert [one.record.state for one in filled.find()] == ["x", "running", "y"]


def test_parameters_of_a_statement(filled: ContainerRepository) -> None:
    """A statement with a parameter of its own raises what it changes with the value that is given."""
    statement = update(Container).where(Container.cid == bindparam("which")).values(state="x")
    with filled.database.session(write=True) as session:
        session.execute(statement, {"which": "a"})
    assert numbers(filled) == BEFORE | _ONLY_A


def test_deleted_containers(filled: ContainerRepository) -> None:
    """Deleted containers raise their sandboxes' revisions, and no revision is given twice under an ID."""
    filled.transition("pod-1", "a", "stopped", expected="running")
    with filled.database.session(write=True) as session:
        session.execute(delete(Container).where(Container.cid.in_(["a", "c"])))
    assert numbers(filled) == {"pod-1": 3, "pod-1/b": 1, "pod-2": 2}
    assert filled.save("pod-1", "a", container()) == 4
    with filled.database.session(write=True) as session:
        session.execute(delete(Sandbox).where(Sandbox.sid == "pod-1"))
    assert [pod.record.sid for pod in filled.load_sandboxes()] == ["pod-2"]


def test_objects_of_the_session(filled: ContainerRepository) -> None:
    """An object that a bulk statement changed has the new revision, and can be edited on in the same session."""
    with filled.database.session(write=True) as session:
        query = select(Container).where(Container.cid == "a").options(selectinload(Container.mounts))
        mine = session.scalars(query).one()
        session.execute(update(Mount).values(mounted=False))
        assert mine.revision == 2
        session.execute(update(Container).values(state="paused"))
        assert (mine.revision, mine.state) == (3, "paused")
        (again,) = (
            session.scalars(update(Container).where(Container.cid == "a").values(state="x").returning(Container))
            if (filled.database.backend.name != "mariadb")
            else (mine,)
        )
        again.bundle_path = "/x"
        mine.mounts[0].mounted = True
    assert filled.get("pod-1", "a").record.bundle_path == "/x"
    assert filled.get("pod-1", "a").revision == (4 if filled.database.backend.name == "mariadb" else 5)


def test_an_object_that_others_changed(filled: ContainerRepository) -> None:
    """A bulk statement does not hide that an object was changed by others before."""
    with pytest.raises(Conflict) as caught, filled.database.session(write=True) as session:  # noqa: PT012
        mine = session.scalars(select(Container).where(Container.cid == "a")).one()
        session.commit()
        filled.transition("pod-1", "a", "stopped", expected="running")
        session.execute(update(Mount).values(mounted=False))
        mine.bundle_path = "/x"
    assert (caught.value.expected, caught.value.actual) == (1, 3)
    assert filled.get("pod-1", "a").revision == 2


def test_values_that_the_session_keeps(filled: ContainerRepository) -> None:
    """A statement may not set revisions, and sets no timestamp back."""
    for table in (Container, Sandbox):
        with pytest.raises(InvalidValue, match="the session keeps it"), filled.database.session(write=True) as session:
            session.execute(update(table).values(revision=9))
        before = [one.updated_at for one in filled.find()]
        with filled.database.session(write=True) as session:
            session.execute(update(table).values(updated_at=OLD))
        assert all(one.updated_at >= old for one, old in zip(filled.find(), before, strict=True))
        assert all(pod.updated_at > OLD for pod in filled.load_sandboxes())


@pytest.mark.parametrize("table", [Sandbox, Container, Mount, DeviceMap, Process])
def test_bulk_inserts(filled: ContainerRepository, table: type[Any]) -> None:
    """INSERT is refused: what revisions are, and which ID no row had before, depends on what is stored."""
    with (
        pytest.raises(InvalidValue, match="add objects to the session"),
        filled.database.session(write=True) as session,
    ):
        session.execute(insert(table), [{}])
    with pytest.raises(InvalidValue, match="once for each"), filled.database.session(write=True) as session:
        session.execute(delete(table.__table__).where(table.__table__.c[0] == bindparam("x")), [{"x": 1}, {"x": 2}])
    assert numbers(filled) == BEFORE


def test_what_is_not_ours(filled: ContainerRepository) -> None:
    """SQL as text, and statements on the connection, raise nothing."""
    with filled.database.session(write=True) as session:
        session.execute(text("UPDATE container SET state = 'x'"))
        session.connection().execute(update(Container).values(state="y"))
    assert numbers(filled) == BEFORE
    of_schema = {*names.HISTORY, names.RETENTION, names.SUPPORT, names.BACKFILL}
    assert tables.Base.metadata.tables.keys() == {*names.TABLES, *of_schema}


def test_what_is_not_flushed_yet(filled: ContainerRepository) -> None:
    """A bulk statement finds what was changed in Python before."""
    with filled.database.session(write=True) as session:
        mine = session.scalars(select(Container).where(Container.cid == "a")).one()
        mine.state = "x"
        session.execute(update(Container).where(Container.state == "x").values(bundle_path="/x"))
    assert (filled.get("pod-1", "a").revision, filled.get("pod-1", "a").record.bundle_path) == (3, "/x")


def test_statements_within_statements(filled: ContainerRepository) -> None:
    """An UPDATE in from_statement() is refused, with the way to write it; a SELECT there is none."""
    changed = update(Container).values(state="x").returning(Container)
    with pytest.raises(InvalidValue, match="with RETURNING"), filled.database.session(write=True) as session:
        session.scalars(select(Container).from_statement(changed))
    with filled.database.session(write=True) as session:
        assert len(session.scalars(select(Container).from_statement(text("SELECT * FROM container"))).all()) == 3
