"""The units of work that write: the statements that they yield together, and the result of each answer."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import msgspec
import pytest

from persistdb.db.failures import Stale
from persistdb.db.work import Call
from persistdb.errors import Conflict, NotFound, StateMismatch, Unreadable
from persistdb.records import ContainerState, Mount, Origin, Process, SandboxWrite
from persistdb.store import diff
from persistdb.store.acting import Acting
from persistdb.store.clashes import TokenClash
from persistdb.store.diff import Diff, Snapshot, Transition, Witness
from persistdb.store.payloads import decoders
from persistdb.store.reader import Reader
from persistdb.store.row_statements import RowStatements
from persistdb.store.salvage import Salvage
from persistdb.store.stored import SpoiltContainer, SpoiltSandbox
from persistdb.store.writer import Writer

from .by_hand import COMPILED, DATABASE, NOTHING, STATEMENTS, Run, answer, changed
from .samples import SANDBOX, container
from .stored import BEFORE, HOST, NOW, at, stored_container, stored_sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from persistdb.db.work import Work
    from persistdb.store.stored import StoredContainer, StoredSandbox

replace = msgspec.structs.replace

DECODE = decoders(DATABASE.backend)
READER = Reader(HOST, STATEMENTS, DECODE, Salvage(DATABASE, RowStatements(STATEMENTS), DECODE))
WRITER = Writer(COMPILED, HOST, READER, Acting())

WEB, DB = container("web"), container("db")
WEB_STORED = stored_container("web", WEB, id=11, revision=2)
DB_STORED = stored_container("db", DB, id=12, revision=4)
POD = stored_sandbox(WEB_STORED, DB_STORED)  # at revision 7
MOVE = Transition(HOST, "pod-1", "web", "running", "paused", NOW)
KEY = {"host": HOST, "sid": "pod-1", "cid": "web"}


# --- saves of one container


PLAIN = replace(WEB, processes=[])
PLAIN_STORED = stored_container("web", PLAIN, id=11, revision=2)


def snapshot(stored: StoredContainer | None = None, new_id: int | None = None) -> Snapshot:
    """Return a snapshot of ``pod-1`` with its own number 1 and containers of revisions 2 and 4."""
    return Snapshot(1, 1, 6, new_id, stored)


def row_of(found: Snapshot) -> tuple[object, ...]:
    """Return the row of a snapshot."""
    if found.container is None:
        return tuple(found)
    assert found.container == PLAIN_STORED  # it has no start time, which payloads split
    return (*found[:-4], msgspec.json.encode(found.container).decode(), found.document, found.read_at, None)


def save(record: ContainerState, found: Snapshot, cid: str = "web", revision: int | None = None) -> Run:
    """Start a save and answer its snapshot."""
    run = Run(WRITER.save_container("pod-1", cid, record, None, revision))
    assert run.names == ["snapshot"]
    run.goes_on(answer(row_of(found)))
    return run


def test_a_save_of_the_same() -> None:
    """A save of the stored state ends after its read."""
    run = Run(WRITER.save_container("pod-1", "web", PLAIN, None, 2))
    result = run.ends(answer(row_of(snapshot(PLAIN_STORED))))
    assert (bool(result), result.revisions) == (False, {"pod-1/web": 2})


def test_a_save_of_a_change() -> None:
    """A changed container is one round trip with its changed children, which are inserted or overwritten."""
    run = save(replace(PLAIN, state="", mounts=[*PLAIN.mounts, Mount()]), snapshot(PLAIN_STORED))
    assert run.names == ["update_container", "put_children: mount"]
    assert [row[:3] for row in run.rows(0)] == [[11, 2, ""]]
    assert [row[:2] for row in run.rows(1)] == [[11, 4]]
    assert run.ends(changed(), changed()).revisions == {"pod-1/web": 3}


def test_a_save_of_a_new_one_whose_id_is_known() -> None:
    """With a known ID, the sandbox's number, the container and its children are one round trip."""
    run = save(PLAIN, snapshot(new_id=77))
    assert run.names == [
        "renumber_sandbox",
        "insert_container",
        "insert_children: mount",
        "insert_children: device_map",
    ]
    assert run.calls[0].parameters["new_revision"] == 8 - 6 - 8
    assert [row[:3] for row in run.rows(1)] == [[77, 1, "web"]]
    assert {row[0] for i in (2, 3) for row in run.rows(i)} == {77}
    result = run.ends(changed(), changed(), changed(4), changed(2))
    assert result.revisions == {"pod-1/web": 8}


def test_a_save_of_a_new_one_whose_id_the_insert_tells() -> None:
    """Where the insert returns the ID, the children are a second round trip."""
    run = save(container("web"), snapshot())
    assert run.names == ["renumber_sandbox", "insert_containers"]
    assert [row[:3] for row in run.rows(1)] == [[None, 1, "web"]]
    run.goes_on(changed(), answer((99, 1, "web")))
    assert run.names == ["insert_children: mount", "insert_children: device_map", "insert_children: process"]
    assert {row[0] for i in range(3) for row in run.rows(i)} == {99}
    assert run.ends(changed(4), changed(2), changed()).revisions == {"pod-1/web": 8}


def test_a_save_of_less() -> None:
    """A shorter list is a delete and an insert, and annotations come back: the sandbox's document is read first."""
    run = save(replace(PLAIN, mounts=[]), snapshot(PLAIN_STORED))
    assert run.names == ["load"]


@pytest.mark.parametrize(
    ("stored", "revision", "actual"), [(PLAIN_STORED, 1, 2), (PLAIN_STORED, 0, 2), (None, 2, None)]
)
def test_a_save_at_another_revision(stored: StoredContainer | None, revision: int, actual: int | None) -> None:
    """A container at another revision than expected is a Conflict that has the actual revision."""
    with pytest.raises(Conflict) as caught:
        save(PLAIN, snapshot(stored), revision=revision)
    assert (caught.value.ref, caught.value.expected, caught.value.actual) == ("pod-1/web", revision, actual)


def test_a_save_of_one_that_must_not_exist() -> None:
    """Revision 0 expects a container that does not exist."""
    assert save(PLAIN, snapshot(), revision=0).names == ["renumber_sandbox", "insert_containers"]


# --- saves of sandboxes


def save_sandboxes(*writes: SandboxWrite, stored: Sequence[object] = (POD,)) -> Run:
    """Start a save and answer its read of the stored sandboxes."""
    run = Run(WRITER.save_sandboxes(writes))
    assert run.names == ["load" if len(writes) == 1 else "load_many"]
    run.goes_on(answer(*stored))
    return run


def test_a_save_of_the_same_sandbox() -> None:
    """A save of a sandbox as it is stored ends after its read."""
    run = Run(WRITER.save_sandboxes([SandboxWrite(sid="pod-1", containers={"web": WEB, "db": DB})]))
    assert not run.ends(answer(POD))


def test_a_save_of_a_new_sandbox() -> None:
    """A new sandbox is inserted first, then its containers with its ID, then their children with theirs."""
    writes = [SandboxWrite(sid=sid, containers={"web": WEB, "db": DB}) for sid in ("a", "b")]
    run = save_sandboxes(*writes, stored=())
    assert run.names == ["insert_sandboxes"]
    assert [row[1] for row in run.rows()] == ["a", "b"]
    run.goes_on(answer((2, "b"), (1, "a")))
    assert run.names == ["insert_containers"]
    assert [row[:3] for row in run.rows()] == [[None, 1, "web"], [None, 1, "db"], [None, 2, "web"], [None, 2, "db"]]
    run.goes_on(answer((24, 2, "db"), (23, 2, "web"), (12, 1, "db"), (11, 1, "web")))
    assert run.names == ["insert_children: mount", "insert_children: device_map", "insert_children: process"]
    assert run.rows(2)[0][:4] == [11, 0, 1, "web"]
    assert [(row[0], row[2], row[3]) for row in run.rows(2)] == [
        (11, 1, "web"),
        (12, 1, "db"),
        (23, 2, "web"),
        (24, 2, "db"),
    ]
    assert run.ends(changed(16), changed(8), changed(4)).revisions == {"a": 1, "b": 1}


def test_a_save_of_a_new_sandbox_and_another() -> None:
    """A new container takes the ID of its stored sandbox, or the one that the insert of its new sandbox returns."""
    writes = [SandboxWrite(sid=sid, containers={"new": WEB}) for sid in ("new", "pod-1")]
    run = save_sandboxes(*writes, stored=[stored_sandbox()])
    assert run.names == ["insert_sandboxes"]
    run.goes_on(answer((2, "new")))
    assert run.names == ["update_sandbox", "insert_containers"]
    assert [row[:3] for row in run.rows(1)] == [[None, 2, "new"], [None, 1, "new"]]


def test_the_number_of_rows() -> None:
    """A write returns the number of rows of sandboxes and containers that it changed, without their children."""
    writes = [SandboxWrite(sid=sid, containers={"new": WEB}) for sid in ("new", "pod-1")]
    run = Run(WRITER.write(diff.of_sandboxes(HOST, writes, {"pod-1": stored_sandbox()}, now=NOW)))
    run.goes_on(answer((2, "new")))
    run.goes_on(changed(), answer((11, 1, "new"), (21, 2, "new")))
    assert run.ends(changed(8), changed(4), changed(2)) == 4


def test_a_new_sandbox_without_containers() -> None:
    """A new sandbox without containers is one statement."""
    run = save_sandboxes(SandboxWrite(sid="a"), stored=())
    assert run.names == ["insert_sandboxes"]
    assert run.ends(answer((1, "a")))


def test_a_save_of_everything() -> None:
    """The largest save: the sandbox's row, deletes, updates, inserts, and then all children."""
    write = SandboxWrite(
        sid="pod-1",
        record=replace(SANDBOX, state=""),
        containers={"new": container("new"), "web": replace(WEB, mounts=[]), "db": replace(DB, rootfs=Mount())},
    )
    third = stored_container("old", container("old"), id=13, revision=1)
    run = save_sandboxes(write, stored=[stored_sandbox(WEB_STORED, DB_STORED, third)])
    assert run.names == [
        "update_sandbox",
        "delete_container",
        "delete_container",
        "update_container",
        "insert_containers",
    ]
    assert sorted((*run.rows(1), *run.rows(2))) == [[11, 2], [13, 1]]
    assert [row[:3] for row in run.rows(4)] == [[11, 1, "web"], [None, 1, "new"]]
    run.goes_on(changed(), changed(), changed(), changed(), answer((11, 1, "web"), (99, 1, "new")))
    assert run.names == ["put_children: mount", "put_children: device_map", "put_children: process"]
    assert [row[:2] for row in run.rows(0)] == [[12, 0], [11, 0], [99, 0], [99, 1], [99, 2], [99, 3]]
    assert [row[:4] for row in run.rows(2)] == [[11, 0, 1, "web"], [99, 0, 1, "new"]]
    assert run.ends(changed(6), changed(4), changed(2))


@pytest.mark.parametrize("revision", [2, None])
def test_a_container_that_goes(revision: int | None) -> None:
    """A delete of one container is a read, and then the sandbox's row and a delete in one round trip."""
    run = Run(WRITER.delete_container("pod-1", "web", revision))
    assert run.names == ["load"]
    run.goes_on(answer(POD))
    assert run.names == ["update_sandbox", "delete_container"]
    assert run.rows(1) == [[11, 2]]
    assert run.ends(changed(), changed()) is True


def test_what_is_not_there_to_remove() -> None:
    """A delete of nothing ends after its read, or is a Conflict if a revision was expected."""
    for cid, stored in (("other", [POD]), ("web", [])):
        assert Run(WRITER.delete_container("pod-1", cid, None)).ends(answer(*stored)) is False
    for cid, stored, actual in (("web", [POD], 2), ("other", [POD], None), ("web", [], None)):
        with pytest.raises(Conflict) as caught:
            Run(WRITER.delete_container("pod-1", cid, 3)).goes_on(answer(*stored))
        assert (caught.value.ref, caught.value.expected, caught.value.actual) == (f"pod-1/{cid}", 3, actual)


# --- others were faster


@pytest.mark.parametrize("short", range(4))
def test_a_row_that_others_changed(short: int) -> None:
    """A statement that changes fewer rows than expected raises Stale, and nothing more is sent."""
    write = SandboxWrite(
        sid="pod-1",
        containers={"new": container("new"), "web": replace(WEB, mounts=[]), "db": replace(DB, state="")},
    )
    run = save_sandboxes(write)
    assert run.names == ["update_sandbox", "delete_container", "update_container", "insert_containers"]
    numbers = [1, 1, 1, 2]
    numbers[short] -= 1
    with pytest.raises(Stale):
        run.goes_on(*(changed(number) for number in numbers))


def test_a_renumbering_that_comes_too_late() -> None:
    """A sandbox that others have renumbered since the read raises Stale."""
    run = save(PLAIN, snapshot(new_id=77))
    with pytest.raises(Stale):
        run.goes_on(changed(0), answer((77, 1, "web")), changed(4), changed(2))


ERRORS = {
    "token": "UNIQUE constraint failed: process.sandbox_id, process.token",
    "container": "UNIQUE constraint failed: container.sandbox_id, container.cid",
    "sandbox": "UNIQUE constraint failed: sandbox.host, sandbox.sid",
    "parent": "FOREIGN KEY constraint failed",
}


def broken(key: str) -> Exception:
    """Return the driver's error for a violated key."""
    return DATABASE.driver_error(ERRORS[key])


def test_a_token_that_another_has() -> None:
    """A violated token key is a TokenClash for a save of one container, which has not read the others."""
    run = save(replace(WEB, processes=[Process(token="x")]), snapshot(new_id=77))
    with pytest.raises(TokenClash):
        run.fails_on(broken("token"))


def test_a_token_that_came_in_between() -> None:
    """A violated token key is Stale for a save of whole sandboxes, which has read all tokens."""
    run = save_sandboxes(SandboxWrite(sid="a", containers={"web": WEB}), stored=())
    run.goes_on(answer((1, "a")))
    run.goes_on(answer((11, 1, "web")))
    with pytest.raises(Stale):
        run.fails_on(broken("token"))


@pytest.mark.parametrize("key", ["container", "sandbox", "parent"])
def test_a_key_that_came_in_between(key: str) -> None:
    """Any other violated key is Stale: another created or removed the same rows since the read."""
    for run in (save(PLAIN, snapshot()), save_sandboxes(SandboxWrite(sid="a"), stored=())):
        with pytest.raises(Stale):
            run.fails_on(broken(key))


def test_other_errors() -> None:
    """All other errors pass through unchanged."""
    for error in (DATABASE.driver_error("disk I/O error"), sqlite3.Warning("other"), Stale()):
        with pytest.raises(type(error)) as caught:
            save(PLAIN, snapshot()).fails_on(error)
        assert caught.value is error


# --- rows that cannot be read

FAULT = Unreadable("pod-1", "state: not text", HOST)
BAD = (SpoiltContainer(id=13, cid="bad", revision=3), SpoiltContainer(id=14, cid="worse", revision=None))
SPOILT = replace(POD, spoilt=BAD)  # at revision 10


class Found:
    """A reader of rows, of which the snapshot cannot be read and a sandbox is as it is given."""

    def __init__(self, sandbox: StoredSandbox | SpoiltSandbox | None) -> None:
        self.rows = READER.rows
        self._sandbox = sandbox

    def snapshot(self, sid: str, cid: str) -> Work[None]:
        yield (Call(STATEMENTS.snapshot, {"host": HOST, "sid": sid, "cid": cid}),)

    def stored(self, sids: Sequence[str]) -> Work[dict[str, StoredSandbox | SpoiltSandbox]]:
        yield (Call(STATEMENTS.load, {"host": HOST, "sid": sids[0]}),)
        return {} if self._sandbox is None else {sids[0]: self._sandbox}


def replacing(sandbox: StoredSandbox | SpoiltSandbox | None, cid: str = "bad", revision: int | None = None) -> Run:
    """Start a save in the place of a container that cannot be read, up to the read of its sandbox."""
    writer = Writer(COMPILED, HOST, Found(sandbox), Acting())  # type: ignore[arg-type]  # reads what is given
    run = Run(writer.save_container("pod-1", cid, PLAIN, Origin(layout="2.2"), revision))
    assert run.names == ["snapshot"]
    run.goes_on(NOTHING)
    assert run.names == ["load"]
    return run


@pytest.mark.parametrize("revision", [None, 3])
def test_a_container_that_cannot_be_read(revision: int | None) -> None:
    """A save of one replaces it and keeps the others, and returns its revision alone."""
    run = replacing(SPOILT, revision=revision)
    run.goes_on(NOTHING)
    assert run.names == ["update_sandbox", "delete_container", "insert_containers"]
    assert run.rows(1) == [[13, 3]]
    ((id_, sandbox_id, cid, _s, _cgroup, _bundle, layout, *_, number, _created, _updated),) = run.rows(2)
    assert (id_, sandbox_id, cid, layout, number) == (None, 1, "bad", "2.2", 11)
    run.goes_on(changed(), changed(), answer((15, 1, "bad")))
    assert run.ends(changed(4), changed(2)).revisions == {"pod-1/bad": 11}


def test_a_container_whose_revision_is_no_number() -> None:
    """A save of one removes it by its row, of which there must be one."""
    for number in (1, 0):
        run = replacing(SPOILT, "worse")
        run.goes_on(NOTHING)
        assert run.calls[0] == Call(READER.rows.delete_container, {"id": 14})
        answers = (changed(number), changed(), answer((15, 1, "worse")))
        if number:
            run.goes_on(*answers)
        else:
            with pytest.raises(Stale):
                run.goes_on(*answers)


def test_another_revision_of_a_container_that_cannot_be_read() -> None:
    """A save that expects another revision is a Conflict with the stored one."""
    for cid, actual in (("bad", 3), ("worse", None)):
        with pytest.raises(Conflict) as caught:
            replacing(SPOILT, cid, 2).goes_on(NOTHING)
        assert (caught.value.ref, caught.value.expected, caught.value.actual) == (f"pod-1/{cid}", 2, actual)


def test_a_container_that_can_be_read_again() -> None:
    """A sandbox that is gone, or whose container another has replaced since, is read again."""
    for sandbox, cid in ((None, "bad"), (SPOILT, "web"), (POD, "bad")):
        with pytest.raises(Stale):
            replacing(sandbox, cid).goes_on(NOTHING)


def test_a_container_of_a_sandbox_that_cannot_be_read() -> None:
    """A save of one container raises why its sandbox cannot be read."""
    spoilt = SpoiltSandbox(sid="pod-1", faults=[FAULT, Unreadable("pod-1/b", "other", HOST)])
    with pytest.raises(Unreadable) as caught:
        replacing(spoilt).goes_on(NOTHING)
    assert caught.value is FAULT


# --- what is one statement


def test_a_transition() -> None:
    """A transition is one call, and ends if it changed a row."""
    run = Run(WRITER.transition(MOVE))
    assert run.names == ["transition"]
    acting = {"cause": "transition", "actor": None, "reason": None}
    assert run.calls[0].parameters == {**KEY, "old": "running", "new": "paused", "now": NOW, **acting}
    assert run.ends(changed()) is None


@pytest.mark.parametrize(
    ("state", "error"), [("paused", StateMismatch), ("", StateMismatch), ("running", Stale), (None, NotFound)]
)
def test_a_transition_from_elsewhere(state: str | None, error: type[Exception]) -> None:
    """A transition that changes no row reads the container to find out why, and raises the reason."""
    run = Run(WRITER.transition(MOVE))
    run.goes_on(changed(0))
    assert run.names == ["get"]
    with pytest.raises(error) as caught:
        run.goes_on(*([NOTHING] if state is None else [answer(replace(WEB_STORED, record=replace(WEB, state=state)))]))
    if isinstance(caught.value, StateMismatch):
        assert (caught.value.ref, caught.value.expected, caught.value.actual) == ("pod-1/web", "running", state)


@pytest.mark.parametrize("number", [0, 1])
def test_a_destruction(number: int) -> None:
    """The destruction of a sandbox is one call, and returns whether it existed."""
    run = Run(WRITER.destroy_sandbox("pod-1"))
    assert run.names == ["delete_sandbox"]
    assert run.calls[0].parameters == {"host": HOST, "sid": "pod-1"}
    assert run.ends(changed(number)) is bool(number)


def test_nothing_to_write() -> None:
    """An empty diff sends nothing."""
    with pytest.raises(StopIteration) as end:
        next(WRITER.write(Diff(now=NOW)))
    assert end.value.value == 0


# --- whether a lost commit took effect


def verify(unit: Work[bool | None], *found: object) -> bool | None:
    """Run a check of a lost commit, which waits for writers and then reads one row."""
    run = Run(unit)
    assert run.names == ["lock_sandbox"]
    run.goes_on(answer((1,)))
    assert run.names == ["lock_containers"]
    run.goes_on(answer((11,), (12,)))
    assert run.names in (["get"], ["load"])
    result = run.ends(answer(*found))
    assert result is None or isinstance(result, bool)
    return result


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        ([replace(WEB_STORED, revision=3, updated_at=at(NOW))], True),
        ([WEB_STORED], False),
        ([replace(WEB_STORED, revision=3)], None),  # another's change, with or without ours before it
        ([], None),
    ],
)
def test_a_container_whose_commit_was_lost(found: list[object], outcome: bool | None) -> None:
    """A container's row shows that a commit took effect, or did not, or that another change hides it."""
    wanted = Diff(now=NOW, witness=Witness("pod-1", "web", 2))
    assert verify(WRITER.took_effect(wanted), *found) is outcome


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        ([replace(POD, own_revision=5, updated_at=at(NOW))], True),
        ([POD], False),
        ([replace(POD, own_revision=5)], None),
        ([], None),
    ],
)
def test_a_sandbox_whose_commit_was_lost(found: list[object], outcome: bool | None) -> None:
    """A sandbox's own row shows the same, by its own number rather than the sum."""
    wanted = Diff(now=NOW, witness=Witness("pod-1", None, 1))
    assert verify(WRITER.took_effect(wanted), *found) is outcome


def test_a_diff_without_a_witness() -> None:
    """A diff without a witness took effect, without a read."""
    with pytest.raises(StopIteration) as end:
        next(WRITER.took_effect(Diff(now=NOW)))
    assert end.value.value is True


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        ([replace(WEB_STORED, updated_at=at(NOW), record=replace(WEB, state="paused"))], True),
        ([WEB_STORED], False),
        ([replace(WEB_STORED, record=replace(WEB, state="paused"))], None),
        ([], None),
    ],
)
def test_a_transition_whose_connection_was_lost(found: list[object], outcome: bool | None) -> None:
    """A transition took effect if its time is stored, did not if its old state is, and is unknown otherwise."""
    assert verify(WRITER.transition_took_effect(MOVE), *found) is outcome


def test_the_witness_is_what_a_save_wrote() -> None:
    """The witness of a diff agrees with the rows that the diff writes."""
    wanted = diff.of_container("pod-1", "web", replace(WEB, state=""), Origin(), snapshot(WEB_STORED), now=NOW)
    (row,) = wanted.changed
    written = replace(WEB_STORED, revision=row.revision + 1, updated_at=at(row.updated_at))
    assert verify(WRITER.took_effect(wanted), written) is True
    assert verify(WRITER.took_effect(wanted), WEB_STORED) is False
    assert wanted.now != BEFORE
