"""Whole sandboxes, saved, loaded and destroyed as Kata's own driver does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from persistdb.errors import AlreadyExists, Conflict, NotFound
from persistdb.records import ContainerState, Origin, Process, SandboxState, SandboxWrite
from persistdb.store.repository import ContainerRepository

from .samples import SANDBOX, container, dump, put, records, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

COLORS = ("threads", "tasks")

replace = msgspec.structs.replace


@pytest.fixture
def elsewhere(repository: ContainerRepository) -> ContainerRepository:
    """Give another host's repository on the same database."""
    return ContainerRepository(repository.database, host="node-2")


def test_load_before_save(repository: ContainerRepository) -> None:
    """A sandbox that was never saved is not found, and the error says what was looked for and where."""
    with pytest.raises(NotFound) as caught:
        repository.load_sandbox("pod-1")
    assert (caught.value.kind, caught.value.ref, caught.value.host) == ("sandbox", "pod-1", "node-1")


def test_a_sandbox_comes_back(repository: ContainerRepository) -> None:
    """All of a sandbox and its containers comes back equal."""
    containers = {"pod-1": container("pod-1"), "web": container("web", state="")}
    repository.save_sandbox(SANDBOX, containers)
    found = repository.load_sandbox("pod-1")
    assert found.host == "node-1"
    assert found.record == SANDBOX
    assert {cid: one.record for cid, one in found.containers.items()} == containers
    assert {(one.host, one.sid, one.cid) for one in found.containers.values()} == {
        ("node-1", "pod-1", "pod-1"),
        ("node-1", "pod-1", "web"),
    }


def test_a_sandbox_of_which_nothing_is_known(repository: ContainerRepository) -> None:
    """A sandbox with no more than its ID comes back with empty values and no containers."""
    repository.save_sandbox(sandbox("pod-1"), {})
    found = repository.load_sandbox("pod-1")
    assert found.record == SandboxState(sid="pod-1")
    assert found.containers == {}


def test_absent_containers_go_away(repository: ContainerRepository) -> None:
    """A container that the map of a later save has not is forgotten, and the others stay as they were."""
    put(repository, "pod-1", "a", "b", "c")
    before = repository.get("pod-1", "b")
    repository.save_sandbox(sandbox("pod-1"), {"b": before.record})
    assert repository.load_sandbox("pod-1").containers == {"b": before}
    with pytest.raises(NotFound):
        repository.get("pod-1", "a")


def test_an_empty_map(repository: ContainerRepository) -> None:
    """Saving an empty map leaves a sandbox without containers."""
    put(repository, "pod-1", "a", "b")
    repository.save_sandbox(sandbox("pod-1"), {})
    assert repository.load_sandbox("pod-1").containers == {}
    assert repository.count() == 0


def test_containers_come_go_and_change_in_one_save(repository: ContainerRepository) -> None:
    """One save may add, change and remove containers."""
    put(repository, "pod-1", "stays", "changes", "goes")
    wanted = {
        "stays": records(repository, "pod-1")["stays"],
        "changes": container("other", state="stopped", mounts=[]),
        "comes": container("new"),
    }
    repository.save_sandbox(sandbox("pod-1"), wanted)
    assert records(repository, "pod-1") == wanted


def test_what_a_save_does_not_know_stays(repository: ContainerRepository) -> None:
    """A save without the sandbox's document and layout keeps the stored ones, and takes the other values."""
    repository.save_sandbox(SANDBOX, {})
    repository.save_sandbox(sandbox("pod-1", state="stopped"), {})
    assert repository.load_sandbox("pod-1").record == SandboxState(
        sid="pod-1", state="stopped", document=SANDBOX.document, layout=SANDBOX.layout
    )


def test_sandboxes_are_apart(repository: ContainerRepository) -> None:
    """The same container ID and token in two sandboxes are two containers."""
    for sid, state in (("pod-1", "running"), ("pod-2", "paused")):
        repository.save_sandbox(sandbox(sid), {"web": container("token", state=state)})
    repository.save_sandbox(sandbox("pod-1"), {})
    assert records(repository, "pod-2") == {"web": container("token", state="paused")}


def test_children_change_in_every_way(repository: ContainerRepository) -> None:
    """Lists of children that grow, shrink, change in the middle and turn round come back as they were last given."""
    full = container("token")
    third = replace(full.mounts[2], destination="/changed")
    for record in (
        full,
        replace(full, mounts=full.mounts[:1], device_maps=[], processes=[]),
        replace(full, mounts=[*full.mounts, *full.mounts], device_maps=full.device_maps * 3),
        replace(full, mounts=full.mounts[::-1], device_maps=full.device_maps[::-1]),
        replace(full, mounts=[*full.mounts[:2], third], rootfs=third),
        replace(full, processes=[Process(token="token", pid=-1), Process(token="second"), Process(), Process()]),
        ContainerState(),
        full,
    ):
        repository.save_sandbox(sandbox("pod-1"), {"web": record})
        assert records(repository, "pod-1") == {"web": record}


def test_a_new_container_beside_one_that_is_replaced(repository: ContainerRepository) -> None:
    """A container that shrinks, and so is replaced, keeps its row's ID when others are added by the same save."""
    put(repository, "pod-1", "a", "z")
    wanted = {"new": container(), "z": container("z", mounts=[]), "other": container(), "a": container(mounts=[])}
    repository.save_sandbox(sandbox("pod-1"), wanted)
    assert records(repository, "pod-1") == wanted
    repository.save_many([SandboxWrite(sid=sid, containers=wanted) for sid in ("pod-0", "pod-1")])
    assert records(repository, "pod-0") == records(repository, "pod-1") == wanted


def test_destroy(repository: ContainerRepository) -> None:
    """A destroyed sandbox and all that was in it is gone, and its neighbours are not."""
    put(repository, "pod-1", "a", "b")
    put(repository, "pod-2", "a")
    assert repository.destroy_sandbox("pod-1") is True
    assert repository.sandbox_ids() == ["pod-2"]
    assert repository.count() == 1
    with pytest.raises(NotFound):
        repository.load_sandbox("pod-1")


def test_destroy_what_is_not_there(repository: ContainerRepository) -> None:
    """To destroy a sandbox that is not there, or not any more, is no error."""
    assert repository.destroy_sandbox("pod-1") is False
    put(repository, "pod-1", "a")
    assert repository.destroy_sandbox("pod-1") is True
    assert repository.destroy_sandbox("pod-1") is False


def test_a_destroyed_sandbox_may_come_back(repository: ContainerRepository) -> None:
    """A sandbox saved again after it was destroyed has nothing of the old one."""
    repository.save_sandbox(SANDBOX, {"a": container("token")})
    repository.destroy_sandbox("pod-1")
    repository.save_sandbox(sandbox("pod-1"), {"b": container("token")})
    found = repository.load_sandbox("pod-1")
    assert found.record == SandboxState(sid="pod-1")
    assert list(found.containers) == ["b"]


# --- revisions


def test_a_revision_grows_with_each_change(repository: ContainerRepository) -> None:
    """Each change of a sandbox or of a container in it makes its revision greater, and nothing else does."""
    full = container("token")
    seen = [repository.save_sandbox(SANDBOX, {"a": full})]

    def expect_growth() -> None:
        seen.append(repository.load_sandbox("pod-1").revision)
        assert seen[-1] > seen[-2]

    assert repository.save_sandbox(SANDBOX, {"a": full}) == seen[0]
    assert repository.load_sandbox("pod-1").revision == seen[0]
    repository.save_sandbox(replace(SANDBOX, state="stopped"), {"a": full})
    expect_growth()
    repository.save("pod-1", "a", container("token", state="paused"))
    expect_growth()
    repository.save("pod-1", "b", container("b"))
    expect_growth()
    repository.transition("pod-1", "a", "running", expected="paused")
    expect_growth()
    repository.delete("pod-1", "b")
    expect_growth()
    repository.save_sandbox(replace(SANDBOX, state="stopped"), {"c": container("c")})
    expect_growth()
    repository.save_sandbox(replace(SANDBOX, state="stopped"), {})
    expect_growth()


def test_save_gives_the_revision_that_load_shows(repository: ContainerRepository) -> None:
    """The revision that a save gives is the one that a load shows, whatever the save did."""
    maps = [{}, {"a": container("a")}, {"a": container("a", mounts=[]), "b": container()}, {"b": container()}, {}]
    for containers in maps:
        revision = repository.save_sandbox(SANDBOX, containers)
        assert repository.load_sandbox("pod-1").revision == revision


def test_a_save_at_the_revision_that_was_read(repository: ContainerRepository) -> None:
    """A save at the revision that was read is done once, and refused when somebody else was faster."""
    read = repository.save_sandbox(SANDBOX, {"a": container("a")})
    now = repository.save_sandbox(SANDBOX, {"a": container("a", state="paused")}, revision=read)
    before = dump(repository)
    with pytest.raises(Conflict) as caught:
        repository.save_sandbox(SANDBOX, {}, revision=read)
    assert (caught.value.ref, caught.value.expected, caught.value.actual) == ("pod-1", read, now)
    assert dump(repository) == before


def test_a_change_of_a_container_is_a_change_of_its_sandbox(repository: ContainerRepository) -> None:
    """A save at a sandbox's revision is refused after a change of one of its containers."""
    read = repository.save_sandbox(SANDBOX, {"a": container("a")})
    repository.transition("pod-1", "a", "paused", expected="running")
    with pytest.raises(Conflict):
        repository.save_sandbox(SANDBOX, {}, revision=read)


def test_a_revision_of_what_is_gone(repository: ContainerRepository) -> None:
    """A save at a revision is refused when the sandbox is gone, and does not bring it back."""
    read = repository.save_sandbox(SANDBOX, {})
    repository.destroy_sandbox("pod-1")
    with pytest.raises(Conflict) as caught:
        repository.save_sandbox(SANDBOX, {}, revision=read)
    assert (caught.value.expected, caught.value.actual) == (read, None)
    assert repository.sandbox_ids() == []


def test_revision_zero_means_a_new_sandbox(repository: ContainerRepository) -> None:
    """At revision 0 a sandbox is saved only if there is none yet."""
    repository.save_sandbox(SANDBOX, {}, revision=0)
    with pytest.raises(Conflict) as caught:
        repository.save_sandbox(SANDBOX, {"a": container()}, revision=0)
    assert (caught.value.expected, caught.value.actual) == (0, 1)


# --- tokens


def test_a_token_that_two_containers_want(repository: ContainerRepository) -> None:
    """A token that two containers of a sandbox have is refused, and the error names both."""
    with pytest.raises(AlreadyExists) as caught:
        repository.save_sandbox(SANDBOX, {"a": container("same"), "b": container("same")})
    assert (caught.value.kind, caught.value.ref) == ("process token", "same")
    assert sorted(caught.value.holders) == ["a", "b"]
    assert repository.sandbox_ids() == []


def test_a_token_that_two_processes_want(repository: ContainerRepository) -> None:
    """A token that two processes of one container have is refused."""
    twice = container(processes=[Process(token="same"), Process(token="same", pid=2)])
    with pytest.raises(AlreadyExists) as caught:
        repository.save_sandbox(SANDBOX, {"a": twice})
    assert (caught.value.ref, caught.value.holders) == ("same", ("a", "a"))
    assert repository.sandbox_ids() == []


def test_many_processes_without_token(repository: ContainerRepository) -> None:
    """Processes without a token, such as never started ones, do not clash."""
    containers = {cid: container(processes=[Process(), Process(pid=-1)]) for cid in ("a", "b")}
    repository.save_sandbox(SANDBOX, containers)
    assert records(repository, "pod-1") == containers


def test_tokens_move_and_swap_in_one_save(repository: ContainerRepository) -> None:
    """In one save a token may go to another container, to a new one, or change places with another token."""
    for tokens in (
        {"a": "1", "b": "2"},
        {"a": "2", "b": "1"},
        {"a": "3", "b": "2", "c": "1"},
        {"b": "3", "c": "2"},
        {"a": "2", "b": "", "c": "3"},
        {"d": "2", "e": "3"},
    ):
        wanted = {cid: container(token) for cid, token in tokens.items()}
        repository.save_sandbox(SANDBOX, wanted)
        assert records(repository, "pod-1") == wanted


def test_tokens_swap_within_a_container(repository: ContainerRepository) -> None:
    """Two processes of a container may exchange their tokens."""
    one, two = Process(token="1", pid=1), Process(token="2", pid=2)
    for processes in ([one, two], [two, one], [two], [Process(), two, one]):
        repository.save_sandbox(SANDBOX, {"a": container(processes=processes)})
        assert records(repository, "pod-1")["a"].processes == processes


# --- where a container came from


def test_origins_come_back(repository: ContainerRepository) -> None:
    """The layout, unknown keys and text of a container's file come back, and stay until others are given."""
    origin = Origin(layout="3.28", extra='{"Fork": {"b": 1,  "a": [1.50, "\\u00e9"]}}', document='{"State": ""}\n \n')
    repository.save_sandbox(SANDBOX, {"a": container("a")}, origins={"a": origin})
    assert repository.get("pod-1", "a").origin == origin
    repository.save_sandbox(SANDBOX, {"a": container("a", state="stopped")})
    assert repository.get("pod-1", "a").origin == origin
    repository.save_sandbox(SANDBOX, {"a": container("a", mounts=[])})
    assert repository.get("pod-1", "a").origin == origin
    repository.save_sandbox(SANDBOX, {"a": container("a")}, origins={"a": Origin(layout="2.2")})
    assert repository.get("pod-1", "a").origin == Origin(layout="2.2")


# --- many at once


def test_save_many(repository: ContainerRepository) -> None:
    """Many sandboxes are saved with a few transactions, from any iterable, and counted."""

    def wanted() -> Iterator[SandboxWrite]:
        for number in range(25):
            cids = [f"c{i}" for i in range(number % 4)]
            yield SandboxWrite(
                sid=f"pod-{number:02}",
                record=sandbox(f"pod-{number:02}", state="running"),
                containers={cid: container(cid) for cid in cids},
                origins={cid: Origin(layout=cid) for cid in cids},
            )

    assert repository.save_many(wanted(), batch=7) == 25
    found = list(repository.load_sandboxes(batch=4))
    assert [one.record.sid for one in found] == [write.sid for write in wanted()]
    for one, write in zip(found, wanted(), strict=True):
        assert one.record == write.record
        assert {cid: held.record for cid, held in one.containers.items()} == write.containers
        assert {cid: held.origin for cid, held in one.containers.items()} == write.origins


def test_save_many_of_nothing(repository: ContainerRepository) -> None:
    """No sandboxes at all are saved without complaint."""
    assert repository.save_many([]) == 0
    assert list(repository.load_sandboxes()) == []


def test_save_many_takes_the_last_of_each(repository: ContainerRepository) -> None:
    """A sandbox that comes twice is saved twice, in this order."""
    writes = [SandboxWrite(sid="pod-1", containers={cid: container(cid)}) for cid in ("a", "b")]
    assert repository.save_many(writes) == 2
    assert records(repository, "pod-1") == {"b": container("b")}


def test_save_many_keeps(repository: ContainerRepository) -> None:
    """Containers to keep stay as they are, the ones neither given nor kept go, and the sandbox's values stay."""
    repository.save_sandbox(SANDBOX, {cid: container(cid) for cid in ("a", "b", "c")})
    kept = repository.get("pod-1", "a")
    repository.save_many(
        [SandboxWrite(sid="pod-1", containers={"b": container("b", state="stopped")}, keep=frozenset({"a", "x"}))]
    )
    found = repository.load_sandbox("pod-1")
    assert found.record == SANDBOX
    assert found.containers["a"] == kept
    assert {cid: one.record.state for cid, one in found.containers.items()} == {"a": "running", "b": "stopped"}


def test_without_containers_they_stay(repository: ContainerRepository) -> None:
    """A write without containers changes the sandbox's own values only; to remove them all, the mapping is empty."""
    repository.save_sandbox(SANDBOX, {cid: container(cid) for cid in ("a", "b")})
    before = repository.load_sandbox("pod-1")
    stopped = SANDBOX.replace(state="stopped")
    repository.save_many([SandboxWrite(sid="pod-1", record=stopped)])
    found = repository.load_sandbox("pod-1")
    assert (found.record, found.containers) == (stopped, before.containers)
    assert found.revision == before.revision + 1
    assert repository.save_sandbox(SANDBOX) == found.revision + 1
    assert repository.load_sandbox("pod-1").containers == before.containers
    assert repository.save_sandbox(SANDBOX, revision=found.revision + 1) == found.revision + 1
    with pytest.raises(Conflict):
        repository.save_sandbox(stopped, revision=before.revision)
    repository.save_many([SandboxWrite(sid="pod-1")])
    assert repository.load_sandbox("pod-1").containers == before.containers
    repository.save_many([SandboxWrite(sid="pod-1", containers={})])
    assert repository.load_sandbox("pod-1").containers == {}


def test_a_new_sandbox_without_containers(repository: ContainerRepository) -> None:
    """A sandbox that is saved without containers for the first time has none."""
    assert repository.save_sandbox(SANDBOX) == 1
    assert repository.load_sandbox("pod-1").containers == {}


def test_a_kept_container_keeps_its_token(repository: ContainerRepository) -> None:
    """A token of a container that is kept is refused to another."""
    put(repository, "pod-1", "a")
    with pytest.raises(AlreadyExists) as caught:
        repository.save_many([SandboxWrite(sid="pod-1", containers={"b": container("pod-1-a")}, keep=frozenset("a"))])
    assert sorted(caught.value.holders) == ["a", "b"]


def test_save_many_stops_between_batches(repository: ContainerRepository) -> None:
    """An error leaves the batches before it stored and nothing of its own."""
    writes = [SandboxWrite(sid=f"pod-{n}", containers={"a": container("a"), "b": container("b")}) for n in range(4)]
    writes[3] = replace(writes[3], containers={"a": container("same"), "b": container("same")})
    with pytest.raises(AlreadyExists):
        repository.save_many(writes, batch=5)
    assert repository.sandbox_ids() == ["pod-0", "pod-1"]
    assert repository.count() == 4


def test_save_many_at_revisions(repository: ContainerRepository) -> None:
    """One sandbox that is not at its revision any more keeps its whole batch from being stored."""
    revision = repository.save_sandbox(SANDBOX, {})
    writes = [
        SandboxWrite(sid="pod-0", containers={}),
        SandboxWrite(sid="pod-1", containers={"a": container()}, revision=revision + 1),
    ]
    with pytest.raises(Conflict) as caught:
        repository.save_many(writes)
    assert (caught.value.ref, caught.value.expected, caught.value.actual) == ("pod-1", revision + 1, revision)
    assert repository.sandbox_ids() == ["pod-1"]
    assert repository.load_sandbox("pod-1").containers == {}


def test_load_sandboxes_in_pages(repository: ContainerRepository) -> None:
    """Sandboxes are loaded by ID, each once, whatever the size of the pages."""
    sids = ["Z", "a", "a ", "a!", "aa", "b", "é", "𝄞"]
    for sid in sids:
        put(repository, sid, "x", "y")
    for batch in (1, 2, 4, 8, 100):
        found = list(repository.load_sandboxes(batch=batch))
        assert [one.record.sid for one in found] == sorted(sids)
        assert all(sorted(one.containers) == ["x", "y"] for one in found)


# --- hosts


def test_hosts_are_apart(repository: ContainerRepository, elsewhere: ContainerRepository) -> None:
    """The same sandbox ID on two hosts is two sandboxes: what happens to one does not touch the other."""
    put(repository, "pod-1", "a")
    put(elsewhere, "pod-1", "a", "b", state="paused")
    put(elsewhere, "pod-2", "a")
    assert repository.sandbox_ids() == ["pod-1"]
    assert elsewhere.sandbox_ids() == ["pod-1", "pod-2"]
    assert [one.host for one in repository.load_sandboxes()] == ["node-1"]
    assert (repository.count(), elsewhere.count()) == (1, 3)
    assert elsewhere.get("pod-1", "a").record.state == "paused"
    with pytest.raises(NotFound):
        repository.get("pod-2", "a")
    assert repository.destroy_sandbox("pod-2") is False
    assert repository.destroy_sandbox("pod-1") is True
    assert elsewhere.count() == 3


def test_the_default_host(repository: ContainerRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a host a repository is that of the machine's own name."""
    monkeypatch.setattr("socket.gethostname", lambda: "this-machine")
    own = ContainerRepository(repository.database)
    put(own, "pod-1", "a")
    assert own.get("pod-1", "a").host == "this-machine"
    assert repository.sandbox_ids() == []
