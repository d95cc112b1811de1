"""The sum of revisions: the module's worked example, and its invariant for any series of changes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistdb.records import ContainerState, Mount, SandboxState, SandboxWrite
from persistdb.store import diff, revisions
from persistdb.store.stored import SpoiltContainer

from .stored import HOST, NOW, Tables, stored_container, stored_sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

    from persistdb.store.diff import Diff
    from persistdb.store.stored import StoredSandbox


class Pod:
    """A sandbox that changes by the diffs of the repository's methods."""

    def __init__(self) -> None:
        self.tables = Tables()

    @property
    def stored(self) -> StoredSandbox | None:
        """The stored sandbox, if there is one."""
        return self.tables.sandboxes().get("pod")

    def save_sandbox(self, containers: Mapping[str, ContainerState], *, keep: frozenset[str] = frozenset()) -> Diff:
        """Save the sandbox as a whole."""
        write = SandboxWrite(sid="pod", containers=containers, keep=keep)
        return self._carried_out(diff.of_sandboxes(HOST, [write], self.tables.sandboxes(), now=NOW))

    def save_own(self, state: str) -> Diff:
        """Save the sandbox's own values."""
        record = SandboxState(sid="pod", state=state)
        write = SandboxWrite(sid="pod", record=record)
        return self._carried_out(diff.of_sandboxes(HOST, [write], self.tables.sandboxes(), now=NOW))

    def save(self, cid: str, record: ContainerState) -> Diff:
        """Save one container."""
        snapshot = self.tables.snapshot("pod", cid)
        return self._carried_out(diff.of_container("pod", cid, record, None, snapshot, now=NOW))

    def records(self) -> dict[str, ContainerState]:
        """Return the stored records of its containers."""
        return {one.cid: one.record for one in self.stored.containers} if self.stored else {}

    def _carried_out(self, change: Diff) -> Diff:
        self.tables.carry_out(change)
        return change


# --- the worked example


def _example() -> list[tuple[str, list[int | None]]]:
    """Return the rows of the table in the module's docstring: a change, and the numbers after it."""
    assert revisions.__doc__ is not None
    _, head, body, _ = re.split(r"^=[= ]+\n", revisions.__doc__, flags=re.MULTILINE)
    assert head.split("  ")[-1].strip() == "revision"
    lines = [re.split(r" {2,}", line) for line in body.splitlines()]
    return [(change, [None if number == "-" else int(number) for number in numbers]) for change, *numbers in lines]


@pytest.mark.parametrize("whole", [True, False], ids=["sandbox", "container"])
def test_the_worked_example(whole: bool) -> None:
    """The stored numbers equal the docstring's, line by line, for both ways to save a container."""
    pod = Pod()
    example = _example()
    assert len(example) == 6
    for i, (change, expected) in enumerate(example):
        cid = re.match(r"``(\w+)`` ", change)
        record = ContainerState(state=str(i))
        if cid is None:
            pod.save_sandbox({})
        elif "removed" in change:
            pod.save_sandbox({}, keep=frozenset(pod.records().keys() - {cid[1]}))
        elif whole:
            pod.save_sandbox({**pod.records(), cid[1]: record})
        else:
            pod.save(cid[1], record)
        assert pod.stored is not None
        numbers = {one.cid: one.revision for one in pod.stored.containers}
        assert [pod.stored.own_revision, numbers.get("web"), numbers.get("db"), pod.stored.revision] == expected, change


# --- the invariant


def test_a_sum() -> None:
    """The functions are inverse: with its own number a sandbox is at the revision that the number was computed for."""
    assert revisions.of_sandbox(-3, [3, 4]) == 4
    assert revisions.own_number(4, [3, 4]) == -3
    assert revisions.of_sandbox(5, []) == revisions.own_number(5, []) == 5
    assert revisions.of_new_container(4) == 5


CIDS = st.sampled_from("abc")
# a shorter list replaces the row, another state updates it
RECORDS = st.builds(ContainerState, state=st.sampled_from("xy"), mounts=st.lists(st.just(Mount()), max_size=2))
STEPS = st.one_of(
    st.tuples(st.just("save"), CIDS, RECORDS),
    st.tuples(st.just("remove"), CIDS),
    st.tuples(st.just("save own"), st.sampled_from("xy")),
    st.tuples(st.just("save sandbox"), st.dictionaries(CIDS, RECORDS), st.frozensets(CIDS)),
)


@given(st.lists(STEPS, max_size=20))
def test_revisions_grow(steps: list[tuple[object, ...]]) -> None:
    """The revision grows with each change and only then, and containers of one cid never get a revision twice."""
    pod = Pod()
    pod.save_sandbox({})
    seen: set[tuple[str, int]] = set()
    for step in steps:
        before = pod.stored
        assert before is not None
        match step:
            case "save", str(cid), ContainerState() as record:
                change = pod.save(cid, record)
            case "remove", str(cid):
                change = pod.save_sandbox({}, keep=frozenset(pod.records().keys() - {cid}))
            case "save own", str(state):
                change = pod.save_own(state)
            case "save sandbox", dict(containers), frozenset(keep):
                change = pod.save_sandbox(containers, keep=keep)
        after = pod.stored
        assert after is not None
        assert (after.revision > before.revision) == bool(change)
        assert change or after == before
        if change.changed_sandboxes or change.renumbered:
            assert after.own_revision != before.own_revision
        there = {one.cid: one for one in before.containers}
        for one in after.containers:
            old = there.get(one.cid)
            if old is None or old.record != one.record:
                assert (one.cid, one.revision) not in seen
                seen.add((one.cid, one.revision))
            else:
                assert one == old
        for ref, revision in change.revisions.items():
            _, _, saved = ref.partition("/")
            assert revision == next((one.revision for one in after.containers if one.cid == saved), after.revision)


def test_unreadable_containers_count() -> None:
    """A container that cannot be read counts with its revision, and with nothing where that is not a number."""
    spoilt = tuple(SpoiltContainer(id=at, cid=f"c{at}", revision=revision) for at, revision in enumerate([3, None]))
    assert stored_sandbox(stored_container("web", ContainerState(), revision=2), own_revision=-1).revision == 1
    both = stored_sandbox(stored_container("web", ContainerState(), revision=2), own_revision=-1, spoilt=spoilt)
    assert both.revision == 4
