"""One container: read, saved, moved from state to state, forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from persistdb.errors import AlreadyExists, Conflict, InvalidTransition, NotFound, StateMismatch
from persistdb.records import STATES, TRANSITIONS, Origin, Process

from .samples import SANDBOX, container, dump, put, sandbox

if TYPE_CHECKING:
    from persistdb.store.repository import ContainerRepository

COLORS = ("threads", "tasks")


def test_get(repository: ContainerRepository) -> None:
    """A container comes back whole: whose it is, its record, its revision and its times."""
    origin = Origin(layout="2.2", extra='{"x":1}')
    repository.save_sandbox(SANDBOX, {"a": container("a"), "b": container("b")}, origins={"a": origin})
    found = repository.get("pod-1", "a")
    assert (found.host, found.sid, found.cid) == ("node-1", "pod-1", "a")
    assert found.record == container("a")
    assert found.origin == origin
    assert found.revision == 1
    assert found.created_at == found.updated_at
    assert found.created_at.tzinfo is not None


@pytest.mark.parametrize("ref", [("pod-1", "b"), ("pod-2", "a"), ("", ""), ("pod-1", "pod-1"), ("a", "pod-1")])
def test_get_what_is_not_there(repository: ContainerRepository, ref: tuple[str, str]) -> None:
    """A container that is not there is not found, and does not exist."""
    put(repository, "pod-1", "a")
    with pytest.raises(NotFound) as caught:
        repository.get(*ref)
    assert (caught.value.kind, caught.value.ref, caught.value.host) == ("container", "/".join(ref), "node-1")
    assert not repository.exists(*ref)


def test_exists(repository: ContainerRepository) -> None:
    """A container exists from its save on, until it is deleted."""
    put(repository, "pod-1", "a")
    assert repository.exists("pod-1", "a")
    repository.delete("pod-1", "a")
    assert not repository.exists("pod-1", "a")


def test_save_adds_and_changes(repository: ContainerRepository) -> None:
    """A save of one container adds it or changes it, and touches no other."""
    put(repository, "pod-1", "a")
    other = repository.get("pod-1", "a")
    first = repository.save("pod-1", "b", container("b"))
    assert repository.get("pod-1", "b").revision == first
    assert repository.save("pod-1", "b", container("b", state="stopped", mounts=[])) == first + 1
    found = repository.get("pod-1", "b")
    assert found.record == container("b", state="stopped", mounts=[])
    assert found.revision == first + 1
    assert repository.get("pod-1", "a") == other


def test_save_without_sandbox(repository: ContainerRepository) -> None:
    """A container cannot be saved into a sandbox that is not there."""
    with pytest.raises(NotFound) as caught:
        repository.save("pod-1", "a", container())
    assert (caught.value.kind, caught.value.ref) == ("sandbox", "pod-1")
    assert repository.count() == 0


def test_save_twice_is_one_change(repository: ContainerRepository) -> None:
    """Saving what is stored already changes neither the revision nor the time of the last change."""
    put(repository, "pod-1", "a")
    before = repository.get("pod-1", "a")
    assert repository.save("pod-1", "a", before.record) == before.revision
    assert repository.get("pod-1", "a") == before


def test_times_of_a_change(repository: ContainerRepository) -> None:
    """A change moves the time of the last change, and never the time at which the container came to be."""
    put(repository, "pod-1", "a")
    first = repository.get("pod-1", "a")
    repository.save("pod-1", "a", container("new token", mounts=[]))
    second = repository.get("pod-1", "a")
    repository.transition("pod-1", "a", "paused", expected="running")
    third = repository.get("pod-1", "a")
    assert first.created_at == second.created_at == third.created_at
    assert first.updated_at < second.updated_at < third.updated_at


def test_save_at_a_revision(repository: ContainerRepository) -> None:
    """A save at the revision that was read is done, and refused to whoever read the same one before."""
    put(repository, "pod-1", "a")
    read = repository.get("pod-1", "a").revision
    now = repository.save("pod-1", "a", container(state="paused"), revision=read)
    assert now == read + 1
    before = dump(repository)
    with pytest.raises(Conflict) as caught:
        repository.save("pod-1", "a", container(state="stopped"), revision=read)
    assert (caught.value.ref, caught.value.expected, caught.value.actual) == ("pod-1/a", read, now)
    assert dump(repository) == before


def test_revision_zero_means_new(repository: ContainerRepository) -> None:
    """At revision 0 a container is saved only if there is none yet."""
    put(repository, "pod-1", "a")
    first = repository.save("pod-1", "b", container("b"), revision=0)
    with pytest.raises(Conflict) as caught:
        repository.save("pod-1", "b", container("b", state="stopped"), revision=0)
    assert (caught.value.expected, caught.value.actual) == (0, first)
    assert repository.get("pod-1", "b").record.state == "running"


def test_save_at_the_revision_of_what_is_gone(repository: ContainerRepository) -> None:
    """A save at a revision does not bring a deleted container back."""
    put(repository, "pod-1", "a")
    repository.delete("pod-1", "a")
    with pytest.raises(Conflict) as caught:
        repository.save("pod-1", "a", container(), revision=1)
    assert (caught.value.expected, caught.value.actual) == (1, None)
    assert not repository.exists("pod-1", "a")


def test_a_revision_is_never_used_again(repository: ContainerRepository) -> None:
    """A container that was deleted and created again is not at a revision that the old one had."""
    put(repository, "pod-1", "a")
    read = repository.get("pod-1", "a").revision
    repository.delete("pod-1", "a")
    repository.save("pod-1", "a", container())
    with pytest.raises(Conflict):
        repository.save("pod-1", "a", container(state="stopped"), revision=read)


def test_revisions_stay_small(repository: ContainerRepository) -> None:
    """A container that comes and goes a hundred times leaves its sandbox at a revision of a few hundred."""
    put(repository, "pod-1", "a", "b")
    for _ in range(50):
        repository.save("pod-1", "x", container())
        repository.delete("pod-1", "x")
        repository.save_sandbox(sandbox("pod-1"), {cid: container() for cid in ("a", "x", "y")})
        repository.save_sandbox(sandbox("pod-1"), {"b": container()})
    assert 200 <= repository.load_sandbox("pod-1").revision < 1000
    assert 200 <= repository.save("pod-1", "x", container()) < 1000


def test_save_keeps_the_origin(repository: ContainerRepository) -> None:
    """A save without an origin keeps the stored one; with one, it replaces it, and that alone is a change."""
    origin = Origin(layout="3.28", extra='{"x": [1, 2]}', document="{}")
    put(repository, "pod-1", "a")
    assert repository.save("pod-1", "a", container("pod-1-a"), origin=origin) == 2
    assert repository.save("pod-1", "a", container("other")) == 3
    assert repository.get("pod-1", "a").origin == origin
    assert repository.save("pod-1", "a", container("other"), origin=Origin()) == 4
    assert repository.get("pod-1", "a").origin == Origin()


def test_a_token_that_another_container_has(repository: ContainerRepository) -> None:
    """A token of another container of the sandbox is refused, and the error names both."""
    put(repository, "pod-1", "a", "b")
    before = dump(repository)
    for cid in ("b", "c"):
        with pytest.raises(AlreadyExists) as caught:
            repository.save("pod-1", cid, container("pod-1-a"))
        assert (caught.value.kind, caught.value.ref) == ("process token", "pod-1-a")
        assert sorted(caught.value.holders) == ["a", cid]
        assert "'pod-1-a'" in str(caught.value)
        assert "a and" in str(caught.value)
    assert dump(repository) == before


def test_a_token_that_two_processes_of_a_container_have(repository: ContainerRepository) -> None:
    """A token that two processes of the container have is refused."""
    put(repository, "pod-1", "a")
    before = dump(repository)
    with pytest.raises(AlreadyExists) as caught:
        repository.save("pod-1", "a", container(processes=[Process(token="x"), Process(token="y"), Process(token="x")]))
    assert (caught.value.ref, tuple(caught.value.holders)) == ("x", ("a", "a"))
    assert dump(repository) == before


def test_delete(repository: ContainerRepository) -> None:
    """A deleted container is gone, its sandbox and the others are not; deleting it again is no error."""
    put(repository, "pod-1", "a", "b")
    other = repository.get("pod-1", "b")
    assert repository.delete("pod-1", "a") is True
    assert repository.delete("pod-1", "a") is False
    assert repository.delete("pod-2", "a") is False
    assert repository.load_sandbox("pod-1").containers == {"b": other}


def test_delete_at_a_revision(repository: ContainerRepository) -> None:
    """A container is deleted at the revision that was read, and not at another."""
    put(repository, "pod-1", "a")
    with pytest.raises(Conflict) as caught:
        repository.delete("pod-1", "a", revision=7)
    assert (caught.value.ref, caught.value.expected, caught.value.actual) == ("pod-1/a", 7, 1)
    assert repository.delete("pod-1", "a", revision=1) is True
    with pytest.raises(Conflict) as caught:
        repository.delete("pod-1", "a", revision=1)
    assert (caught.value.expected, caught.value.actual) == (1, None)


# --- transitions


@pytest.mark.parametrize(("old", "new"), sorted(TRANSITIONS))
def test_legal_transitions(repository: ContainerRepository, old: str, new: str) -> None:
    """Each move that Kata allows changes the state and the revision, and nothing else."""
    put(repository, "pod-1", "a", "b", state=old)
    other = repository.get("pod-1", "b")
    repository.transition("pod-1", "a", new, expected=old)
    found = repository.get("pod-1", "a")
    assert found.record == container("pod-1-a", state=new)
    assert found.revision == 2
    assert repository.get("pod-1", "b") == other


def test_illegal_transitions(repository: ContainerRepository) -> None:
    """Every other move is refused, from and to itself too, and leaves the state as it is."""
    put(repository, "pod-1", "a")
    before = dump(repository)
    states = {*STATES, "", "creating", "Running"}
    for old, new in sorted({(old, new) for old in states for new in states} - TRANSITIONS):
        with pytest.raises(InvalidTransition) as caught:
            repository.transition("pod-1", "a", new, expected=old)
        assert (caught.value.ref, caught.value.old, caught.value.new) == ("pod-1/a", old, new)
    assert dump(repository) == before


def test_a_transition_from_another_state(repository: ContainerRepository) -> None:
    """A container in another state than the expected one stays there, and the error tells both."""
    put(repository, "pod-1", "a", state="stopped")
    with pytest.raises(StateMismatch) as caught:
        repository.transition("pod-1", "a", "paused", expected="running")
    assert (caught.value.ref, caught.value.expected, caught.value.actual) == ("pod-1/a", "running", "stopped")
    assert repository.get("pod-1", "a").record.state == "stopped"
    assert repository.get("pod-1", "a").revision == 1


@pytest.mark.parametrize(("sid", "cid"), [("pod-1", "x"), ("pod-2", "a")])
def test_a_transition_of_what_is_not_there(repository: ContainerRepository, sid: str, cid: str) -> None:
    """A container that is not there is not found, forced or not."""
    put(repository, "pod-1", "a")
    for force in (False, True):
        with pytest.raises(NotFound) as caught:
            repository.transition(sid, cid, "stopped", expected="running", force=force)
        assert (caught.value.kind, caught.value.ref) == ("container", f"{sid}/{cid}")


@pytest.mark.parametrize(("old", "new"), [("ready", "paused"), ("", "running"), ("running", "running"), ("x", "")])
def test_a_forced_transition(repository: ContainerRepository, old: str, new: str) -> None:
    """By force any move is made, but from the expected state only."""
    put(repository, "pod-1", "a", state=old)
    repository.transition("pod-1", "a", new, expected=old, force=True)
    assert repository.get("pod-1", "a").record.state == new
    with pytest.raises(StateMismatch):
        repository.transition("pod-1", "a", "stopped", expected="elsewhere", force=True)


def test_a_transition_is_one_of_its_sandbox_only(repository: ContainerRepository) -> None:
    """The container of the same ID in another sandbox stays in its state."""
    put(repository, "pod-1", "a")
    put(repository, "pod-2", "a")
    repository.transition("pod-2", "a", "stopped", expected="running")
    assert repository.get("pod-1", "a").record.state == "running"
    assert repository.get("pod-2", "a").record.state == "stopped"


def test_a_container_of_an_empty_sandbox(repository: ContainerRepository) -> None:
    """A container may come into a sandbox that had none."""
    repository.save_sandbox(sandbox("pod-1"), {})
    repository.save("pod-1", "a", container())
    assert repository.load_sandbox("pod-1").containers["a"].record == container()
