"""Edits through a session: they keep revisions and timestamps, and are conflicts to others as others' are to them."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import String, delete, func, insert, select, text, update
from sqlalchemy.orm import DeclarativeBase, Mapped, load_only, mapped_column, selectinload

from persistdb import ContainerRepository, Database, Mount, records
from persistdb.errors import Busy, Conflict, InvalidValue
from persistdb.schema import check, tables
from persistdb.schema.tables import Container, DeviceMap, Process, Sandbox

from .samples import container, put

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

LATER = datetime(2100, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.fixture
def filled(repository: ContainerRepository) -> ContainerRepository:
    """Store two containers of one sandbox."""
    put(repository, "pod-1", "a", "b")
    return repository


def one(session: Session, cid: str = "a", *options: Any) -> Container:
    """Load a container."""
    return session.scalars(select(Container).where(Container.cid == cid).options(*options)).one()


def whole(session: Session) -> Container:
    """Load the container ``a`` with all that belongs to it."""
    lists = (Container.mounts, Container.device_maps, Container.processes)
    return one(session, "a", *(selectinload(each) for each in lists), selectinload(Container.sandbox))


def a_mount(position: int, **values: Any) -> tables.Mount:
    """Make a row of a mount."""
    empty = {"source": "", "destination": "/new", "type": "", "host_path": "", "block_device_id": ""}
    return tables.Mount(
        **empty | {"is_rootfs": False, "read_only": False, "mounted": False, "position": position} | values
    )


def child(session: Session, kind: type[Any], position: int = 1) -> Any:
    """Load a child of the container ``a``, and not the container."""
    return session.scalars(select(kind).join(Container).where(Container.cid == "a", kind.position == position)).one()


def change(row: Any, name: str, value: Any) -> None:
    """Change an attribute, in an expression."""
    setattr(row, name, value)


EDITS: dict[str, Callable[[Session], object]] = {
    "a column": lambda session: change(one(session), "state", "paused"),
    "a mount": lambda session: [mine := whole(session), change(mine.mounts[1], "mounted", True)],
    "a mount without its container": lambda session: change(child(session, tables.Mount), "mounted", True),
    "a device map": lambda session: change(whole(session).device_maps[0], "uid", 7),
    "a device map without its container": lambda session: change(child(session, DeviceMap), "uid", 7),
    "a process": lambda session: change(whole(session).processes[0], "pid", 7),
    "a process without its container": lambda session: change(child(session, Process, 0), "pid", 7),
    "a new mount": lambda session: [mine := whole(session), mine.mounts.append(a_mount(4))],
    "a new mount by its key": lambda session: session.add(a_mount(4, container_id=one(session).id)),
    "a mount that goes": lambda session: session.delete(child(session, tables.Mount, 3)),
    "a mount that is taken out": lambda session: [mine := whole(session), mine.mounts.pop()],
    "an empty list": lambda session: [mine := whole(session), change(mine, "device_maps", [])],
    "a column that is loaded alone": lambda session: change(one(session, "a", load_only(Container.cid)), "state", "x"),
    "all at once": lambda session: [
        mine := whole(session),
        change(mine, "state", "paused"),
        change(mine.mounts[1], "mounted", True),
        mine.processes.pop(),
    ],
}
each_edit = pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)


@each_edit
def test_an_edit_raises_the_revision(filled: ContainerRepository, edit: Callable[[Session], object]) -> None:
    """An edit of a container or a child raises its container's revision and timestamp, and its sandbox's revision."""
    before, other, pod = filled.get("pod-1", "a"), filled.get("pod-1", "b"), filled.load_sandbox("pod-1")
    with filled.database.session(write=True) as session:
        edit(session)
    after = filled.get("pod-1", "a")
    assert after.record != before.record
    assert after.revision == before.revision + 1
    assert after.updated_at > before.updated_at
    assert after.created_at == before.created_at
    assert filled.get("pod-1", "b") == other
    assert filled.load_sandbox("pod-1").revision == pod.revision + 1
    with pytest.raises(Conflict) as caught:
        filled.save("pod-1", "a", before.record, revision=before.revision)
    assert (caught.value.expected, caught.value.actual) == (before.revision, after.revision)
    assert check.check(filled.database) == []


@each_edit
def test_an_edit_of_what_others_changed(filled: ContainerRepository, edit: Callable[[Session], object]) -> None:
    """An edit whose rows another changed after they were loaded is a conflict, and writes nothing."""
    theirs = container("theirs", mounts=[Mount(source="theirs")] * 3, device_maps=[records.DeviceMap(id="theirs")] * 2)
    with pytest.raises(Conflict, match="read it again") as caught, filled.database.session(write=True) as session:  # noqa: PT012
        kept = [whole(session), *session.scalars(select(tables.Mount)), *session.scalars(select(DeviceMap))]
        kept += session.scalars(select(Process))
        session.commit()
        filled.save("pod-1", "a", theirs)
        edit(session)
    assert (caught.value.ref, caught.value.expected, caught.value.actual) == ("pod-1/a", 1, 2)
    assert filled.get("pod-1", "a").record == theirs
    assert kept


COLUMNS: dict[type[Any], str] = {tables.Mount: "source", DeviceMap: "container_path", Process: "token"}
each_kind = pytest.mark.parametrize("kind", COLUMNS)
each_way = pytest.mark.parametrize("how", ["changed", "deleted"])


@each_kind
@each_way
def test_a_child_without_its_container(filled: ContainerRepository, kind: type[Any], how: str) -> None:
    """A child that was loaded without its container may be edited when others changed the rest."""
    with filled.database.session(write=True) as session:
        mine = child(session, kind, 0)
        session.commit()
        filled.transition("pod-1", "a", "stopped", expected="running")
        session.delete(mine) if how == "deleted" else change(mine, COLUMNS[kind], "mine")
    with filled.database.session() as session:
        assert one(session).revision == 3
        assert [getattr(each, COLUMNS[kind]) for each in session.scalars(select(kind))].count("mine") == (
            how == "changed"
        )


@each_kind
@each_way
def test_a_child_that_others_changed(filled: ContainerRepository, kind: type[Any], how: str) -> None:
    """A child whose own row others changed is a conflict, also if its container was loaded later."""
    for changes in (f"{COLUMNS[kind]} = 'theirs'", "position = 9"):
        with pytest.raises(Conflict) as caught, filled.database.session(write=True) as session:  # noqa: PT012
            mine = child(session, kind, 0 if kind is Process else 1)
            session.commit()
            with filled.database.engine.begin() as connection:
                position = f"container_id = {mine.container_id} AND position = {mine.position}"
                connection.execute(text(f"UPDATE {kind.__tablename__} SET {changes} WHERE {position}"))
            container = one(session)
            session.delete(mine) if how == "deleted" else change(mine, COLUMNS[kind], "mine")
        assert (caught.value.ref, caught.value.expected, caught.value.actual) == ("pod-1/a", None, container.revision)
        assert "it was changed since you read it" in str(caught.value)


@pytest.mark.parametrize("edited", ["container", "child"])
def test_a_container_that_others_removed(filled: ContainerRepository, edited: str) -> None:
    """An edit of a container, or of its child, that is no longer there is a conflict that says so."""
    with pytest.raises(Conflict, match="no longer exists") as caught, filled.database.session(write=True) as session:  # noqa: PT012
        mine = whole(session)
        session.commit()
        filled.delete("pod-1", "a")
        change(mine, "state", "x") if edited == "container" else change(mine.mounts[0], "source", "x")
    assert caught.value.actual is None


def test_a_deletion_of_what_others_changed(filled: ContainerRepository) -> None:
    """To delete a container that others changed is a conflict."""
    with pytest.raises(Conflict), filled.database.session(write=True) as session:  # noqa: PT012
        mine = one(session)
        session.commit()
        filled.transition("pod-1", "a", "stopped", expected="running")
        session.delete(mine)
    assert filled.exists("pod-1", "a")


def test_edits_one_after_the_other(filled: ContainerRepository) -> None:
    """Each flush that changes something raises the revision, and the object has it for the next; a commit is no end."""
    with filled.database.session(write=True) as session:
        mine = whole(session)
        for number in range(2, 5):
            mine.mounts[0].source = f"/dev/{number}"
            session.flush()
            assert mine.revision == number
        session.commit()
        mine.state = "stopped"
        session.commit()
        stamp = mine.updated_at
    assert filled.get("pod-1", "a").revision == 5
    assert filled.get("pod-1", "a").updated_at == stamp


def test_a_change_of_nothing(filled: ContainerRepository) -> None:
    """A flush without a change raises nothing and writes nothing."""
    before = filled.load_sandbox("pod-1")
    with filled.database.session(write=True) as session:
        mine = whole(session)
        mine.state = "x"
        mine.state = "running"
        mine.mounts = list(mine.mounts)
        mine.sandbox.state = str(mine.sandbox.state)
        mine.mounts[1].container = mine
        loose = child(session, DeviceMap)
        loose.container = mine
        session.flush()
    assert filled.load_sandbox("pod-1") == before


def test_a_savepoint(filled: ContainerRepository) -> None:
    """What a rollback to a savepoint undoes has not raised the revision, and the object can be edited on."""
    with filled.database.session(write=True) as session:
        mine = one(session)
        with pytest.raises(ZeroDivisionError), session.begin_nested():  # noqa: PT012
            mine.state = "paused"
            session.flush()
            assert mine.revision == 2
            raise ZeroDivisionError
        mine.state = "stopped"
    assert (filled.get("pod-1", "a").revision, filled.get("pod-1", "a").record.state) == (2, "stopped")


def test_a_revision_that_is_set(filled: ContainerRepository) -> None:
    """A revision that a program sets, or that merge() brings, is the one that the edit is based on."""
    with filled.database.session(write=True) as session:
        old = one(session)
        session.expunge(old)
    filled.transition("pod-1", "a", "stopped", expected="running")
    with pytest.raises(Conflict) as caught, filled.database.session(write=True) as session:
        session.merge(old)
    assert (caught.value.expected, caught.value.actual) == (1, 2)
    with filled.database.session(write=True) as session:
        mine = one(session)
        mine.state, mine.revision = "paused", 2
    assert filled.get("pod-1", "a").revision == 3


# --- timestamps


def test_a_clock_that_was_set_back(filled: ContainerRepository) -> None:
    """A change is stamped neither before the creation nor before the last change, whatever the clock says."""
    with filled.database.session(write=True) as session:
        session.execute(text("UPDATE container SET updated_at = :later"), {"later": _as_stored(filled, LATER)})
        session.execute(text("UPDATE sandbox SET created_at = :later"), {"later": _as_stored(filled, LATER)})
    with filled.database.session(write=True) as session:
        mine = whole(session)
        mine.updated_at = datetime(1970, 1, 1, tzinfo=UTC)
        mine.state = mine.sandbox.state = "paused"
    assert filled.get("pod-1", "a").updated_at == LATER
    assert filled.load_sandbox("pod-1").updated_at == LATER
    with filled.database.session(write=True) as session:
        one(session).created_at = LATER + timedelta(days=1)
    assert filled.get("pod-1", "a").updated_at == LATER + timedelta(days=1)


def _as_stored(repository: ContainerRepository, time: datetime) -> Any:
    return time if repository.database.backend.name == "postgresql" else time.replace(tzinfo=None).isoformat(sep=" ")


@pytest.mark.parametrize("column", ["created_at", "updated_at"])
def test_a_timestamp_without_a_zone(filled: ContainerRepository, column: str) -> None:
    """A timestamp without a time zone is refused by its column."""
    naive = datetime(2026, 1, 1)  # noqa: DTZ001  it is the point
    with (
        pytest.raises(InvalidValue, match="has no time zone") as caught,
        filled.database.session(write=True) as session,
    ):
        session.add(Sandbox(host="node-1", sid="pod-2", state="", cgroup_path="", layout="", **{column: naive}))
    assert caught.value.field == column
    with pytest.raises(InvalidValue), filled.database.session(write=True) as session:
        one(session).created_at = naive


# --- sandboxes, and containers that come and go


def a_container(cid: str, **values: Any) -> Container:
    """Make the row of a container with a root file system."""
    texts = {"state": "ready", "cgroup_path": "", "bundle_path": "", "layout": ""}
    return Container(cid=cid, mounts=[a_mount(0, is_rootfs=True)], **texts | values)


def test_an_edit_of_a_sandbox(filled: ContainerRepository) -> None:
    """An edit of a sandbox raises its revision by one, and none of its containers'."""
    before = filled.load_sandbox("pod-1")
    with filled.database.session(write=True) as session:
        session.scalars(select(Sandbox)).one().state = "stopped"
    after = filled.load_sandbox("pod-1")
    assert (after.record.state, after.revision) == ("stopped", before.revision + 1)
    assert after.updated_at > before.updated_at
    assert after.containers == before.containers
    with pytest.raises(Conflict):
        filled.save_sandbox(before.record, revision=before.revision)


def test_an_edit_of_a_sandbox_that_others_changed(filled: ContainerRepository) -> None:
    """An edit of a sandbox whose row another changed is a conflict with the revision that it has now."""
    with pytest.raises(Conflict) as caught, filled.database.session(write=True) as session:  # noqa: PT012
        mine = session.scalars(select(Sandbox)).one()
        session.commit()
        filled.save("pod-1", "c", container())
        mine.state = "stopped"
    assert (caught.value.ref, caught.value.expected) == ("pod-1", None)
    assert caught.value.actual == filled.load_sandbox("pod-1").revision
    with pytest.raises(Conflict, match="no longer exists"), filled.database.session(write=True) as session:  # noqa: PT012
        mine = session.scalars(select(Sandbox)).one()
        session.commit()
        filled.destroy_sandbox("pod-1")
        mine.state = "stopped"


@pytest.mark.parametrize("how", ["relationship", "list", "key"])
def test_containers_that_come(filled: ContainerRepository, how: str) -> None:
    """New containers begin above their sandbox's revision, which grows by one, as in a repository's save."""
    filled.transition("pod-1", "a", "stopped", expected="running")
    before = filled.load_sandbox("pod-1")
    with filled.database.session(write=True) as session:
        pod = session.scalars(select(Sandbox).options(selectinload(Sandbox.containers))).one()
        for cid in ("c", "d"):
            if how == "key":
                session.add(a_container(cid, sandbox_id=pod.id))
            elif how == "list":
                pod.containers.append(a_container(cid))
            else:
                session.add(a_container(cid, sandbox=pod))
    after = filled.load_sandbox("pod-1")
    assert after.revision == before.revision + 1
    assert after.updated_at > before.updated_at
    assert {cid: one.revision for cid, one in after.containers.items()} == {"a": 2, "b": 1, "c": 3, "d": 3}
    assert after.containers["c"].created_at == after.containers["c"].updated_at
    assert check.check(filled.database) == []


@pytest.mark.parametrize("how", ["delete", "list", "relationship"])
def test_containers_that_go(filled: ContainerRepository, how: str) -> None:
    """A container that goes raises its sandbox's revision, and no revision is given twice under its ID."""
    filled.transition("pod-1", "a", "stopped", expected="running")
    before = filled.load_sandbox("pod-1")
    with filled.database.session(write=True) as session:
        pod = session.scalars(select(Sandbox).options(selectinload(Sandbox.containers))).one()
        mine = one(session, "a", selectinload(Container.sandbox))
        if how == "delete":
            session.delete(mine)
        elif how == "list":
            pod.containers.remove(mine)
        else:
            mine.sandbox = None  # type: ignore[assignment]  # what makes it an orphan
    after = filled.load_sandbox("pod-1")
    assert sorted(after.containers) == ["b"]
    assert after.revision == before.revision + 1
    assert filled.save("pod-1", "a", container()) == after.revision + 1


def test_all_at_once(filled: ContainerRepository) -> None:
    """Containers that come, go and change, and the sandbox's own columns, in one flush."""
    before = filled.load_sandbox("pod-1")
    with filled.database.session(write=True) as session:
        pod = session.scalars(select(Sandbox)).one()
        pod.state = "stopped"
        session.add(a_container("c", sandbox=pod))
        session.delete(one(session, "a"))
        one(session, "b").state = "stopped"
    after = filled.load_sandbox("pod-1")
    assert {cid: one.revision for cid, one in after.containers.items()} == {"b": 2, "c": before.revision + 1}
    assert after.revision > before.revision + 1


def test_a_new_sandbox(repository: ContainerRepository) -> None:
    """A new sandbox has revision 1, and so have the containers that come with it."""
    with repository.database.session(write=True) as session:
        texts = {"state": "running", "cgroup_path": "", "layout": ""}
        pod = Sandbox(host="node-1", sid="pod-1", revision=7, **texts)
        pod.containers = [a_container("a"), a_container("b")]
        session.add_all([pod, Sandbox(host="node-1", sid="pod-2", created_at=LATER, **texts)])
    found = repository.load_sandbox("pod-1")
    assert (found.revision, [one.revision for one in found.containers.values()]) == (1, [1, 1])
    assert found.created_at == found.updated_at
    later = repository.load_sandbox("pod-2")
    assert (later.revision, later.updated_at) == (1, LATER)


def test_a_sandbox_that_goes(filled: ContainerRepository) -> None:
    """A sandbox goes with all that is in it, also with containers that were loaded and changed."""
    with filled.database.session(write=True) as session:
        mine = whole(session)
        mine.mounts[0].source = "x"
        session.delete(mine.sandbox)
    assert filled.count() == 0
    with filled.database.session() as session:
        assert session.scalar(select(func.count()).select_from(tables.Mount)) == 0


def test_a_container_that_moves(filled: ContainerRepository) -> None:
    """A container cannot move to another sandbox: its revision there would say nothing."""
    put(filled, "pod-2", "c")
    with pytest.raises(InvalidValue, match="stays in its sandbox"), filled.database.session(write=True) as session:
        one(session).sandbox = session.scalars(select(Sandbox).where(Sandbox.sid == "pod-2")).one()
    with pytest.raises(InvalidValue), filled.database.session(write=True) as session:
        one(session).sandbox_id = one(session, "c").sandbox_id


def test_a_child_that_moves(filled: ContainerRepository) -> None:
    """A child that goes to another container raises the revisions of both."""
    with filled.database.session(write=True) as session:
        mine, other = one(session), one(session, "b")
        mount = child(session, tables.Mount, 3)
        mount.container, mount.position = other, 4
        assert mine.id != other.id
    assert filled.get("pod-1", "a").revision == filled.get("pod-1", "b").revision == 2
    assert len(filled.get("pod-1", "b").record.mounts) == 4


def test_edits_within_a_transaction(filled: ContainerRepository) -> None:
    """Edits in the session of a repository's transaction count like its calls, in turn with them."""
    with filled.transaction() as work:
        mine = whole(work.session)
        mine.mounts[1].mounted = True
        assert work.get("pod-1", "a").revision == 2
        work.transition("pod-1", "a", "paused", expected="running")
        assert (mine.state, mine.revision) == ("paused", 3)
        mine.bundle_path = "/mine"
        work.session.execute(update(tables.Mount).where(tables.Mount.container_id == mine.id).values(read_only=True))
        with pytest.raises(Conflict):
            work.save("pod-1", "a", container(), revision=4)
        assert work.save("pod-1", "a", container("pod-1-a"), revision=5) == 6
    assert filled.get("pod-1", "a").revision == 6


# --- the invariant, whatever the edits


def _edit_at_random(session: Session, random: Random) -> None:
    """Make a few edits of any kind, among them some that change nothing."""
    pods = session.scalars(select(Sandbox).options(selectinload(Sandbox.containers).selectinload(Container.mounts)))
    pod = random.choice(pods.all())
    for _ in range(random.randint(1, 3)):
        mine = random.choice(pod.containers) if pod.containers else None
        kind = random.choice(["pod", "come", "go", "state", "mount", "new mount", "bulk", "bulk delete", "flush"])
        if kind == "pod":
            pod.state = random.choice(["running", "stopped"])
        elif kind == "come":
            cid = random.choice("abc")
            if cid not in {each.cid for each in pod.containers}:
                session.add(a_container(cid, sandbox=pod))
        elif kind == "flush":
            session.flush()
        elif kind == "bulk":
            session.execute(update(Container).where(Container.cid == "a").values(state=random.choice(["x", "y"])))
        elif kind == "bulk delete":
            session.execute(delete(Container).where(Container.cid == "b", Container.sandbox_id == pod.id))
            session.expire_all()
            return
        elif mine is None:
            continue
        elif kind == "go":
            pod.containers.remove(mine)
            session.flush()  # SQLAlchemy inserts before it deletes: another of the same ID would clash
        elif kind == "state":
            mine.state = random.choice(["ready", "running"])
        elif kind == "mount":
            mine.mounts[0].source = random.choice(["p", "q"])
        else:
            mine.mounts.append(a_mount(len(mine.mounts)))
            session.flush()  # SQLAlchemy cannot flush it with a container that goes


@pytest.mark.parametrize("seed", range(12))
def test_revisions_grow_with_each_change(sqlite_store: tuple[str, Database], seed: int) -> None:
    """A sandbox's revision grows with each change and with nothing else, and no container's revision comes twice."""
    random = Random(seed)
    repository = ContainerRepository(sqlite_store[1], host="node-1")
    put(repository, "pod-1", "a", "b")
    put(repository, "pod-2")
    contents: dict[tuple[str, str, int], Any] = {}
    for _ in range(25):
        before = {pod.record.sid: pod for pod in repository.load_sandboxes()}
        with repository.database.session(write=True) as session:
            _edit_at_random(session, random)
        for pod in repository.load_sandboxes():
            old = before[pod.record.sid]
            records = {cid: each.record for cid, each in pod.containers.items()}
            if (pod.record, records) != (old.record, {cid: each.record for cid, each in old.containers.items()}):
                assert pod.revision > old.revision
            assert pod.revision >= old.revision
            assert (pod.revision == old.revision) == (pod == old)
            for cid, each in pod.containers.items():
                assert contents.setdefault((pod.record.sid, cid, each.revision), each) == each
    assert check.check(repository.database) == []


# --- several at once


def test_an_edit_that_waits(on_server: ContainerRepository) -> None:
    """An edit waits for another one of the same container, and is a conflict when that is committed."""
    put(on_server, "pod-1", "a")
    loaded = threading.Event()

    def edit_too() -> None:
        with (
            Database(on_server.database.engine.url.render_as_string(hide_password=False)) as database,
            database.session(write=True) as session,
        ):
            mine = one(session)
            loaded.set()
            mine.bundle_path = "/other"

    with ThreadPoolExecutor(1) as pool:
        with on_server.database.session(write=True) as session:
            one(session).state = "paused"
            session.flush()
            waiting = pool.submit(edit_too)
            assert loaded.wait(60)
        with pytest.raises(Conflict) as caught:
            waiting.result()
    assert (caught.value.expected, caught.value.actual) == (1, 2)
    assert on_server.get("pod-1", "a").record.bundle_path == container().bundle_path


def test_no_edit_is_lost(filled: ContainerRepository, store_url: str) -> None:
    """Of edits by sessions, bulk statements and repositories at once, each counts, and each raises the revision."""
    each, kinds = 5, 4

    def by_objects(database: Database, number: int) -> None:
        for _ in range(each):
            while True:
                with contextlib.suppress(Conflict, Busy), database.session(write=True) as session:
                    mine = whole(session)
                    session.commit()
                    if number % 2:
                        mine.mounts[1].source += "x"
                    else:
                        child(session, tables.Mount, 2).destination += "y"
                    session.commit()
                    break

    def by_others(database: Database, number: int) -> None:
        repository = ContainerRepository(database, host="node-1")
        for _ in range(each):
            if number % 2:
                repository.update("pod-1", "a", lambda record: record.replace(bundle_path=record.bundle_path + "z"))
            else:
                with database.session(write=True) as session:
                    longer = (
                        update(Container).where(Container.cid == "a").values(cgroup_path=Container.cgroup_path + "w")
                    )
                    session.execute(longer)

    def run(number: int) -> None:
        with Database(store_url) as database:
            (by_objects if number < 2 else by_others)(database, number)

    with ThreadPoolExecutor(kinds) as pool:
        list(pool.map(run, range(kinds)))
    after = filled.get("pod-1", "a")
    record, before = after.record, container()
    assert after.revision == 1 + each * kinds
    assert record.mounts[0].source == before.mounts[0].source + "x" * each
    assert record.mounts[1].destination == before.mounts[1].destination + "y" * each
    assert record.bundle_path == before.bundle_path + "z" * each
    assert record.cgroup_path == before.cgroup_path + "w" * each


class _Base(DeclarativeBase):
    pass


class Note(_Base):
    """A table of an application, with names of ours."""

    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    container: Mapped[str] = mapped_column(String(20))
    revision: Mapped[int]


def test_objects_of_others(sqlite_store: tuple[str, Database]) -> None:
    """Objects and statements of an application's own tables pass as they are."""
    _, database = sqlite_store
    with database.session(write=True) as session:
        Note.metadata.create_all(session.connection())
        session.add_all([Note(id=1, container="a", revision=5), Note(id=2, container="b", revision=5)])
        session.flush()
        note = session.get_one(Note, 1)
        note.container = "c"
        session.execute(insert(Note), [{"id": 3, "container": "d", "revision": 5}])
        session.execute(update(Note).where(Note.id == 3).values(revision=6))
        session.delete(session.get_one(Note, 2))
    with database.session() as session:
        assert [(each.container, each.revision) for each in session.scalars(select(Note))] == [("c", 5), ("d", 6)]
