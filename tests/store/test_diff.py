"""The difference between stored and wanted state: each kind of change gives exactly the rows that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistdb.errors import AlreadyExists, Conflict, InvalidValue, Unreadable
from persistdb.records import ContainerState, DeviceMap, Mount, Origin, Process, SandboxState, SandboxWrite
from persistdb.store import diff, record_rows, rows
from persistdb.store.diff import Destruction, Diff, NewContainer, Renumbering, Snapshot, Witness
from persistdb.store.past import NOTHING
from persistdb.store.rows import NO_CHILDREN, ChildRows, ContainerChange, ContainerKey, ContainerRow, SandboxRow
from persistdb.store.stored import SpoiltContainer, SpoiltSandbox
from persistdb.virtual_machines import UNKNOWN

from .samples import SANDBOX, STARTED, container
from .stored import BEFORE, HOST, NOW, Tables, stored_container, stored_sandbox

if TYPE_CHECKING:
    from persistdb.store.stored import StoredSandbox

replace = msgspec.structs.replace

WEB, DB = container("web"), container("db")
FIRST, SECOND, THIRD = WEB.mounts
DRIVE, VFIO = WEB.device_maps
(INIT,) = WEB.processes
PARENT: dict[str, Any] = {"state": "running", "cgroup_path": WEB.cgroup_path, "bundle_path": WEB.bundle_path}
NO_ORIGIN: dict[str, Any] = {"layout": "", "extra": None, "document": None, "namespace": "", "runtime": "kata"}
NO_NAMES: dict[str, Any] = {"pod": "", "pod_uid": "", "container_name": "", "image": ""}
MACHINE: dict[str, Any] = UNKNOWN._asdict()
OWN: dict[str, Any] = {
    "state": "running",
    "persist_version": 2,
    "cgroup_path": "/kubepods/pod1",
    "layout": "2.2",
    "document": SANDBOX.document,
}


def stored() -> StoredSandbox:
    """Return ``pod-1`` at revision 7, with ``web`` at 2 and ``db`` at 4."""
    return stored_sandbox(stored_container("web", WEB, id=11), stored_container("db", DB, id=12, revision=4))


def live(one: Diff) -> Diff:
    """Return a diff without what is kept of the past, which is ``test_past``'s."""
    return replace(one, past=NOTHING)


def of(write: SandboxWrite, sandbox: StoredSandbox | None) -> Diff:
    """Return the diff of one sandbox."""
    return diff.of_sandboxes(HOST, [write], {} if sandbox is None else {write.sid: sandbox}, now=NOW)


def save(**values: Any) -> Diff:
    """Return the diff of a save of ``pod-1``, where ``web`` and ``db`` are stored."""
    return of(SandboxWrite(**{"sid": "pod-1", "record": SANDBOX, "containers": {}, **values}), stored())


def new_row(cid: str, **values: Any) -> ContainerRow:
    """Return the row of a container that is inserted without an ID."""
    values = {**PARENT, **NO_ORIGIN, **NO_NAMES, "revision": 8, **values}
    defaults: dict[str, Any] = {"id": None, "sandbox_id": 1, "cid": cid}
    return ContainerRow(**{**defaults, "created_at": NOW, "updated_at": NOW, **values})


def own_row(**values: Any) -> rows.SandboxChange:
    """Return the row of a change of ``pod-1``."""
    defaults: dict[str, Any] = {"id": 1, "revision": 1, **OWN, "updated_at": NOW, "read_at": BEFORE}
    return rows.SandboxChange(**{**defaults, **values})


# --- nothing


@pytest.mark.parametrize(
    "values",
    [
        {"containers": {"web": WEB, "db": DB}},
        {"containers": {"web": container("web"), "db": container("db")}, "revision": 7},
        {"containers": {"web": WEB}, "keep": frozenset({"db"})},
        {"keep": frozenset({"web", "db", "unknown"})},
        {"record": None, "keep": frozenset({"web", "db"})},
        {"record": replace(SANDBOX, document=None, layout=""), "keep": frozenset({"web", "db"})},
        {"containers": {"web": WEB, "db": DB}, "origins": {"web": Origin(), "other": Origin(layout="2.2")}},
    ],
)
def test_nothing_changed(values: dict[str, Any]) -> None:
    """A save of the stored state writes no row, has no witness, and returns the stored revision."""
    same = save(**values)
    assert not same
    assert same == Diff(now=NOW, revisions={"pod-1": 7})


def test_a_container_that_is_the_same() -> None:
    """A save of one container as it is stored writes no row and returns its revision."""
    snapshot = Tables(stored()).snapshot("pod-1", "db")
    for origin in (None, Origin()):
        same = diff.of_container("pod-1", "db", container("db"), origin, snapshot, now=NOW)
        assert not same
        assert same == Diff(now=NOW, revisions={"pod-1/db": 4})


def test_no_sandbox() -> None:
    """The diff of no write at all is empty."""
    assert diff.of_sandboxes(HOST, [], {}, now=NOW) == Diff(now=NOW)


# --- what comes


def test_a_new_sandbox() -> None:
    """A new sandbox is one row, its containers are rows without IDs, and the sandbox's row is the witness."""
    write = SandboxWrite(
        sid="pod-1", record=SANDBOX, containers={"web": WEB, "db": DB}, origins={"db": Origin(layout="2.2", extra="{}")}
    )
    one = of(write, None)
    unknown = {"sandbox_id": None, "revision": 1}
    assert live(one) == Diff(
        now=NOW,
        new_sandboxes=(
            SandboxRow(host=HOST, sid="pod-1", **OWN, **MACHINE, revision=-1, created_at=NOW, updated_at=NOW),
        ),
        created=(
            NewContainer("pod-1", new_row("web", **unknown), WEB),
            NewContainer("pod-1", new_row("db", layout="2.2", extra="{}", **unknown), DB),
        ),
        revisions={"pod-1": 1},
        witness=Witness("pod-1", None, 0),
    )
    assert one


def test_a_new_sandbox_without_a_record() -> None:
    """A new sandbox without a record of its own is stored with empty values."""
    one = of(SandboxWrite(sid="pod-2", containers={"web": WEB}), None)
    (row,) = one.new_sandboxes
    assert (row.sid, row.state, row.persist_version, row.document, row.layout) == ("pod-2", "", None, None, "")
    assert row.revision == 0
    assert one.revisions == {"pod-2": 1}


def test_an_empty_sandbox() -> None:
    """A new sandbox without containers is one row, at revision 1."""
    one = of(SandboxWrite(sid="pod-2"), None)
    assert (len(one.new_sandboxes), one.new_sandboxes[0].revision, one.created) == (1, 1, ())
    assert one.revisions == {"pod-2": 1}


def test_several_sandboxes() -> None:
    """Several sandboxes in one diff have their own rows and revisions; the last one that changes is the witness."""
    writes = [SandboxWrite(sid=sid, containers={sid: container(sid)}) for sid in ("pod-1", "pod-2", "pod-3")]
    one = diff.of_sandboxes(HOST, writes, {"pod-1": stored_sandbox()}, now=NOW)
    assert [row.sid for row in one.new_sandboxes] == ["pod-2", "pod-3"]
    assert [row.id for row in one.changed_sandboxes] == [1]
    assert [(new.sid, new.row.sandbox_id, new.row.cid) for new in one.created] == [
        ("pod-1", 1, "pod-1"),
        ("pod-2", None, "pod-2"),
        ("pod-3", None, "pod-3"),
    ]
    assert one.revisions == {"pod-1": 2, "pod-2": 1, "pod-3": 1}
    assert one.witness == Witness("pod-3", None, 0)


def test_a_token_is_unique_in_its_sandbox_only() -> None:
    """Two sandboxes may have the same token."""
    writes = [SandboxWrite(sid=sid, containers={"web": WEB}) for sid in ("pod-1", "pod-2")]
    assert len(diff.of_sandboxes(HOST, writes, {}, now=NOW).created) == 2


def test_a_new_container_in_a_save_of_its_sandbox() -> None:
    """A new container begins above its sandbox's revision; the sandbox's row is renumbered and is the witness."""
    new = container("new")
    one = save(containers={"new": new}, keep=frozenset({"web", "db"}))
    assert live(one) == Diff(
        now=NOW,
        changed_sandboxes=(own_row(new_revision=8 - 2 - 4 - 8),),
        created=(NewContainer("pod-1", new_row("new"), new),),
        revisions={"pod-1": 8},
        witness=Witness("pod-1", None, 1),
    )


@pytest.mark.parametrize("new_id", [None, 77])
def test_a_new_container_on_its_own(new_id: int | None) -> None:
    """A new container saved on its own takes the known ID and is the witness; its sandbox's row is renumbered."""
    origin = Origin(layout="2.2", document="{}")
    one = diff.of_container("pod-1", "new", WEB, origin, Snapshot(1, -3, 9, new_id, None, None, "then"), now=NOW)
    row = new_row("new", id=new_id, layout="2.2", document="{}", revision=7)
    assert live(one) == Diff(
        now=NOW,
        renumbered=Renumbering(id=1, revision=-3, new_revision=7 - 9 - 7, now=NOW, read_at="then"),
        created=(NewContainer("pod-1", row, WEB),),
        revisions={"pod-1/new": 7},
        witness=Witness("pod-1", "new", 0),
    )
    assert one


@pytest.mark.parametrize("cid", ["", ".x", "a/b", "a\0b"])
def test_a_container_with_an_invalid_id(cid: str) -> None:
    """A new container with an invalid ID is refused by both kinds of save."""
    with pytest.raises(InvalidValue, match="cid"):
        save(containers={cid: WEB})
    with pytest.raises(InvalidValue, match="cid"):
        diff.of_container("pod-1", cid, WEB, None, Snapshot(1, 1, 0, None, None), now=NOW)


# --- what changes


CHANGES: dict[str, tuple[dict[str, Any], ChildRows]] = {
    "state": ({"state": "stopped"}, NO_CHILDREN),
    "paths": ({"cgroup_path": "/c", "bundle_path": "/b"}, NO_CHILDREN),
    "rootfs": (
        {"rootfs": Mount(source="/r")},
        ChildRows((rows.MountRow(11, 0, True, "/r", "", "", None, "", "", False, False, 3),), (), ()),
    ),
    "one mount": (
        {"mounts": [FIRST, replace(SECOND, read_only=True), THIRD]},
        ChildRows(
            (
                rows.MountRow(
                    11,
                    2,
                    False,
                    "/var/lib/data",
                    "/data",
                    "bind",
                    "[]",
                    "/srv/data",
                    "",
                    read_only=True,
                    mounted=False,
                    since=3,
                ),
            ),
            (),
            (),
        ),
    ),
    "a mount more": (
        {"mounts": [*WEB.mounts, Mount(destination="/m", options=["ro"])]},
        ChildRows((rows.MountRow(11, 4, False, "", "/m", "", '["ro"]', "", "", False, False, 3),), (), ()),
    ),
    "one device": (
        {"device_maps": [DRIVE, replace(VFIO, gid=7)]},
        ChildRows((), (rows.DeviceMapRow(11, 1, "vfio-7", "/dev/vfio/7", 2**32 - 1, 2**32 - 1, 7, True, 3),), ()),
    ),
    "a device more": (
        {"device_maps": [*WEB.device_maps, DeviceMap(id="d")]},
        ChildRows((), (rows.DeviceMapRow(11, 2, "d", "", 0, 0, 0, False, 3),), ()),
    ),
    "one process": (
        {"processes": [replace(INIT, pid=7)]},
        ChildRows((), (), (rows.ProcessRow(11, 0, 1, "web", 7, "2026-03-14 09:24:26.535897", 932, 5 * 60 + 45, 3),)),
    ),
    "a process more": (
        {"processes": [INIT, Process(token="more", pid=-1)]},
        ChildRows((), (), (rows.ProcessRow(11, 1, 1, "more", -1, None, None, None, 3),)),
    ),
}


@pytest.mark.parametrize("whole", [True, False], ids=["sandbox", "container"])
@pytest.mark.parametrize(("changes", "children"), CHANGES.values(), ids=CHANGES)
def test_a_changed_container(changes: dict[str, Any], children: ChildRows, whole: bool) -> None:
    """A change writes the container's row and the children that differ, and does not touch the sandbox's row."""
    wanted = replace(WEB, **changes)
    if whole:
        one = save(containers={"web": wanted, "db": DB})
    else:
        one = diff.of_container("pod-1", "web", wanted, None, Tables(stored()).snapshot("pod-1", "web"), now=NOW)
    own = {name: getattr(wanted, name) for name in PARENT}
    assert live(one) == Diff(
        now=NOW,
        changed=(ContainerChange(id=11, revision=2, **own, **NO_ORIGIN, updated_at=NOW),),
        children=children,
        revisions={"pod-1": 8} if whole else {"pod-1/web": 3},
        witness=Witness("pod-1", "web", 2),
    )
    assert one


def test_several_containers_change() -> None:
    """Each changed container adds one to the sandbox's revision, and the children of all are joined."""
    one = save(containers={"web": replace(WEB, rootfs=Mount()), "db": replace(DB, rootfs=Mount())})
    assert [(row.id, row.revision) for row in one.changed] == [(11, 2), (12, 4)]
    assert [(row.container_id, row.position) for row in one.children.mounts] == [(11, 0), (12, 0)]
    assert one.revisions == {"pod-1": 9}
    assert one.witness == Witness("pod-1", "db", 4)


def test_the_origin_alone_changes() -> None:
    """Another origin alone changes the container's row; without one the stored origin stays."""
    held = stored_sandbox(stored_container("web", WEB, origin=Origin(layout="2.2", extra='{"a":1}')))
    new = Origin(layout="2.3", document="{ }")
    one = of(SandboxWrite(sid="pod-1", containers={"web": WEB}, origins={"web": new}), held)
    (row,) = one.changed
    assert (row.layout, row.extra, row.document) == ("2.3", None, "{ }")
    assert one.children == NO_CHILDREN
    one = of(SandboxWrite(sid="pod-1", containers={"web": replace(WEB, state="")}), held)
    (row,) = one.changed
    assert (row.layout, row.extra, row.document) == ("2.2", '{"a":1}', None)


# --- what is replaced


REPLACED: dict[str, dict[str, Any]] = {
    "fewer mounts": {"mounts": [FIRST, SECOND]},
    "no mounts": {"mounts": []},
    "fewer devices": {"device_maps": [DRIVE]},
    "no process": {"processes": []},
    "another token": {"processes": [replace(INIT, token="other")]},
    "no token": {"processes": [replace(INIT, token="")]},
    "a process before it": {"processes": [Process(token="first"), INIT]},
}


@pytest.mark.parametrize("changes", REPLACED.values(), ids=REPLACED)
def test_a_replaced_container(changes: dict[str, Any]) -> None:
    """A shorter list or a changed token replaces the row, which keeps its ID and created_at."""
    wanted = replace(WEB, **changes)
    one = save(containers={"web": wanted, "db": DB})
    assert live(one) == Diff(
        now=NOW,
        removed=(ContainerKey(11, 2),),
        created=(NewContainer("pod-1", new_row("web", id=11, revision=3, created_at=BEFORE), wanted, WEB.state),),
        revisions={"pod-1": 8},
        witness=Witness("pod-1", "web", 2),
    )
    assert one


def test_a_process_that_gets_a_token() -> None:
    """A process that gets its first token is overwritten, not replaced; one that keeps its token is not written."""
    old = replace(WEB, processes=[Process(pid=1), Process(token="two", pid=2)])
    new = replace(WEB, processes=[Process(token="one", pid=1), Process(token="two", pid=2)])
    one = of(SandboxWrite(sid="pod-1", containers={"web": new}), stored_sandbox(stored_container("web", old)))
    assert (one.removed, one.created) == ((), ())
    assert one.children == ChildRows((), (), (rows.ProcessRow(11, 0, 1, "one", 1, None, None, None, 3),))


def test_the_origin_of_a_replaced_container() -> None:
    """A replaced container keeps its stored origin unless another is given."""
    held = stored_sandbox(stored_container("web", WEB, origin=Origin(layout="2.2")))
    for origins, layout in (({}, "2.2"), ({"web": Origin(layout="2.3")}, "2.3")):
        one = of(SandboxWrite(sid="pod-1", containers={"web": replace(WEB, mounts=[])}, origins=origins), held)
        assert [new.row.layout for new in one.created] == [layout]


def test_rows_that_keep_their_id_come_first() -> None:
    """Rows that keep their ID come before rows without one, to which SQLite would give that ID."""
    one = save(containers={"new": container("new"), "db": replace(DB, mounts=[]), "web": replace(WEB, mounts=[])})
    assert [new.row.id for new in one.created] == [12, 11, None]
    assert [key.id for key in one.removed] == [12, 11]


# --- what goes


def test_a_container_that_goes() -> None:
    """A container that is neither given nor kept is removed, and the sandbox's row makes up for its revision."""
    one = save(containers={"web": WEB})
    assert live(one) == Diff(
        now=NOW,
        changed_sandboxes=(own_row(new_revision=8 - 2),),
        removed=(ContainerKey(12, 4),),
        revisions={"pod-1": 8},
        witness=Witness("pod-1", None, 1),
    )


def test_all_containers_go() -> None:
    """A save of no containers removes them all, and the sandbox's revision grows by one."""
    one = save(containers={})
    assert sorted(key.id for key in one.removed) == [11, 12]
    assert one.changed_sandboxes == (own_row(new_revision=8),)


def test_containers_that_are_not_spoken_of_stay() -> None:
    """A save without containers leaves them as they are, the ones that cannot be read too."""
    assert not save(containers=None)
    write = SandboxWrite(sid="pod-1", record=replace(SANDBOX, state=""))
    spoilt = SpoiltContainer(id=13, cid="odd", revision=None)
    for held in (stored(), replace(stored(), spoilt=(spoilt,))):
        one = of(write, held)
        assert (len(one.changed_sandboxes), one.removed, one.removed_by_id) == (1, (), ())
        assert (one.changed, one.created) == ((), ())


def test_what_is_given_is_not_kept_as_it_was() -> None:
    """A container that is both given and kept is stored as given."""
    one = save(containers={"web": replace(WEB, state="")}, keep=frozenset({"web", "db"}))
    assert ([row.id for row in one.changed], one.removed) == ([11], ())


# --- the sandbox's own values


@pytest.mark.parametrize(
    "changes",
    [{"state": "stopped"}, {"persist_version": None}, {"cgroup_path": ""}, {"document": "{}"}, {"layout": "2.3"}],
)
def test_a_sandbox_that_changes(changes: dict[str, Any]) -> None:
    """A change of the sandbox's own values writes its row, and its revision grows by one."""
    one = save(record=replace(SANDBOX, **changes), keep=frozenset({"web", "db"}))
    assert live(one) == Diff(
        now=NOW,
        changed_sandboxes=(own_row(new_revision=2, **changes),),
        revisions={"pod-1": 8},
        witness=Witness("pod-1", None, 1),
    )
    assert one


def test_a_sandbox_that_changes_with_its_containers() -> None:
    """A changed sandbox with a changed container grows by two: one in each row."""
    one = save(record=replace(SANDBOX, state=""), containers={"web": replace(WEB, state=""), "db": DB})
    assert one.changed_sandboxes == (own_row(new_revision=9 - 3 - 4, state=""),)
    assert one.revisions == {"pod-1": 9}
    assert one.witness == Witness("pod-1", None, 1)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"document": None, "layout": ""}, {"document": SANDBOX.document, "layout": "2.2"}),
        ({"document": None, "layout": "2.3"}, {"document": SANDBOX.document, "layout": "2.3"}),
        ({"document": "{}", "layout": ""}, {"document": "{}", "layout": "2.2"}),
        ({"document": "", "layout": ""}, {"document": "", "layout": "2.2"}),
        ({"document": "", "layout": "2.3"}, {"document": "", "layout": "2.3"}),
    ],
)
def test_what_is_not_given_of_a_sandbox_stays(values: dict[str, Any], kept: dict[str, Any]) -> None:
    """A document or layout that is not given keeps its stored value; a given one replaces it."""
    one = save(record=replace(SANDBOX, state="", **values), keep=frozenset({"web", "db"}))
    assert one.changed_sandboxes == (own_row(new_revision=2, state="", **kept),)


# --- what is refused


@pytest.mark.parametrize("revision", [0, 6, 8])
def test_another_revision(revision: int) -> None:
    """A sandbox at another revision than its write expects is a Conflict that has the actual revision."""
    with pytest.raises(Conflict) as caught:
        save(containers={"web": WEB}, revision=revision)
    assert (caught.value.ref, caught.value.expected, caught.value.actual) == ("pod-1", revision, 7)


def test_a_revision_of_nothing() -> None:
    """A sandbox that does not exist conflicts with every expected revision but 0."""
    with pytest.raises(Conflict) as caught:
        of(SandboxWrite(sid="pod-2", revision=3), None)
    assert (caught.value.ref, caught.value.expected, caught.value.actual) == ("pod-2", 3, None)
    assert of(SandboxWrite(sid="pod-2", revision=0), None)
    assert save(revision=7)


def two(*tokens: str) -> ContainerState:
    """Return a container whose processes have these tokens."""
    return ContainerState(processes=[Process(token=token) for token in tokens])


@pytest.mark.parametrize(
    ("values", "token", "holders"),
    [
        ({"containers": {"a": two("x", "x")}}, "x", ("a", "a")),
        ({"containers": {"a": two("x"), "b": two("y", "x")}}, "x", ("a", "b")),
        ({"containers": {"a": two("db")}, "keep": frozenset({"db"})}, "db", ("db", "a")),
    ],
)
def test_a_token_twice(values: dict[str, Any], token: str, holders: tuple[str, str]) -> None:
    """A token of two processes in one sandbox is refused, and both holders are named."""
    with pytest.raises(AlreadyExists) as caught:
        save(**values)
    assert (caught.value.kind, caught.value.ref, caught.value.holders) == ("process token", token, holders)


@pytest.mark.parametrize(
    "values",
    [
        {"containers": {"a": two("", ""), "b": two("")}},
        {"containers": {"a": two("db")}},
        {"containers": {"web": two("db"), "db": two("web")}},
    ],
)
def test_tokens_that_are_free(values: dict[str, Any]) -> None:
    """Empty tokens never clash, and a token is free once its container is removed or changes it."""
    assert save(**values)


# --- rows that cannot be read

FAULT = Unreadable("pod-1", "state: not text", HOST)
SPOILT = SpoiltSandbox(sid="pod-1", faults=[FAULT])


def test_a_sandbox_that_cannot_be_read() -> None:
    """A whole write of a sandbox that cannot be read removes it and stores it as a new one."""
    write = SandboxWrite(sid="pod-1", record=SANDBOX, containers={"web": WEB})
    one = diff.of_sandboxes(HOST, [write], {"pod-1": SPOILT}, now=NOW)
    assert one == replace(of(write, None), replaced=(Destruction(HOST, "pod-1"),))


@pytest.mark.parametrize("values", [{"record": None}, {"keep": frozenset({"web"})}, {"revision": 7}, {"revision": 0}])
def test_a_sandbox_that_cannot_be_kept(values: dict[str, Any]) -> None:
    """A write that needs a part or the revision of a sandbox that cannot be read raises why it cannot be."""
    write = SandboxWrite(**{"sid": "pod-1", "record": SANDBOX, **values})
    with pytest.raises(Unreadable) as caught:
        diff.of_sandboxes(HOST, [write], {"pod-1": SPOILT}, now=NOW)
    assert caught.value is FAULT


def with_spoilt(revision: int | None, *containers: Any, own: int = 1) -> StoredSandbox:
    """Return ``pod-1`` with a container that cannot be read, whose row has the ID 13."""
    return stored_sandbox(*containers, own_revision=own, spoilt=(SpoiltContainer(id=13, cid="bad", revision=revision),))


@pytest.mark.parametrize("revision", [3, None])
def test_an_unreadable_container_that_is_kept(revision: int | None) -> None:
    """A container that cannot be read and is kept counts as unchanged, also where its revision is not a number."""
    sandbox = with_spoilt(revision, stored_container("web", WEB))
    assert live(of(SandboxWrite(sid="pod-1", record=SANDBOX, keep=frozenset({"web", "bad"})), sandbox)) == Diff(
        now=NOW, revisions={"pod-1": sandbox.revision}
    )
    stopped = {"web": replace(WEB, state="stopped")}
    one = of(SandboxWrite(sid="pod-1", record=SANDBOX, containers=stopped, keep=frozenset({"bad"})), sandbox)
    assert one.revisions == {"pod-1": sandbox.revision + 1}
    assert (one.removed, one.removed_by_id, one.changed_sandboxes) == ((), (), ())


@pytest.mark.parametrize(
    ("sandbox", "first"),
    [
        (with_spoilt(3, stored_container("web", WEB)), 7),  # above the sandbox's revision, 1 + 2 + 3
        (with_spoilt(None, stored_container("web", WEB, revision=5), own=-3), 6),  # above the other container's
        (with_spoilt(None, own=-1), 1),
    ],
)
def test_an_unreadable_container_that_is_replaced(sandbox: StoredSandbox, first: int) -> None:
    """A container that cannot be read is removed and inserted again, above all revisions that are known."""
    write = SandboxWrite(sid="pod-1", record=SANDBOX, containers={"bad": DB}, keep=frozenset({"web"}))
    one = of(write, sandbox)
    assert one.created == (NewContainer("pod-1", new_row("bad", revision=first), DB),)
    by_revision = sandbox.spoilt[0].revision is not None
    assert one.removed == ((ContainerKey(13, 3),) if by_revision else ())
    assert one.removed_by_id == (() if by_revision else (13,))
    kept = sum(container.revision for container in sandbox.containers)
    (own,) = one.changed_sandboxes
    assert own.new_revision + kept + first == one.revisions["pod-1"]


# --- what needs no look at the rest


def test_a_destruction() -> None:
    """The diff of a destruction holds nothing else, and is truthy."""
    assert diff.of_destruction(HOST, "pod-1", now=NOW) == Diff(now=NOW, destroyed=Destruction(HOST, "pod-1"))
    assert diff.of_destruction(HOST, "pod-1", now=NOW)


@pytest.mark.parametrize(
    "part",
    [
        {"new_sandboxes": (record_rows.sandbox_row(HOST, SANDBOX, 1, NOW),)},
        {"changed_sandboxes": (own_row(new_revision=2),)},
        {"removed": (ContainerKey(11, 2),)},
        {"changed": (record_rows.container_change(11, 2, WEB, Origin(), NOW),)},
        {"created": (NewContainer("pod-1", new_row("web"), WEB),)},
        {"destroyed": Destruction(HOST, "pod-1")},
    ],
)
def test_a_diff_with_rows_is_truthy(part: dict[str, Any]) -> None:
    """Any rows of sandboxes or containers make a diff truthy."""
    assert Diff(now=NOW, **part)


def test_a_diff_is_a_value() -> None:
    """A diff is frozen."""
    one = save()
    with pytest.raises(AttributeError):
        one.removed = ()  # type: ignore[misc]  # what the test is about


# --- all of it together


def _lists(item: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(item, max_size=3)


TOKENS = st.sampled_from(["", "a", "b", "c"])
RECORDS = st.builds(
    ContainerState,
    state=st.sampled_from(["", "running"]),
    rootfs=st.builds(Mount, read_only=st.booleans()),
    mounts=_lists(st.builds(Mount, options=st.sampled_from([None, [], ["ro"]]))),
    device_maps=_lists(st.builds(DeviceMap, shared=st.booleans())),
    processes=_lists(st.builds(Process, token=TOKENS, start_time=st.sampled_from([None, STARTED]))),
)
WRITES = st.builds(
    SandboxWrite,
    sid=st.just("pod-1"),
    record=st.none() | st.builds(SandboxState, sid=st.just("pod-1"), state=st.sampled_from(["", "running"])),
    containers=st.dictionaries(st.sampled_from("wxyz"), RECORDS, max_size=3),
    origins=st.dictionaries(st.sampled_from("wxyz"), st.builds(Origin, layout=st.sampled_from(["", "2.2"]))),
    keep=st.frozensets(st.sampled_from("wxyz")),
)


@given(st.lists(WRITES, min_size=1, max_size=5))
def test_a_diff_makes_the_store_what_is_wanted(writes: list[SandboxWrite]) -> None:
    """For any stored and wanted state, applying the diff gives the wanted state, and the next diff is empty."""
    tables = Tables()
    for write in writes:
        before = tables.sandboxes().get("pod-1")
        try:
            change = of(write, before)
        except AlreadyExists:
            continue
        tables.carry_out(change)
        after = tables.sandboxes()["pod-1"]
        held = {one.cid: one.record for one in after.containers}
        known = {one.cid: one.record for one in before.containers} if before else {}
        assert held == {**{cid: known[cid] for cid in write.keep if cid in known}, **write.containers}
        if write.record is not None:
            assert after.record == write.record
        assert change.revisions == {"pod-1": after.revision}
        assert bool(change) == (after != before) == (change.witness is not None)
        assert not of(write, after)
