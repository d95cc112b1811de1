"""How many sandboxes are split into transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistdb import ContainerState, Origin, SandboxState, SandboxWrite
from persistdb.store.batches import BATCH, BATCH_TEXT, batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def write(sid: str, containers: int = 0, document: str | None = None, origin: str | None = None) -> SandboxWrite:
    """Make a write with so many containers, of which the first has a source document."""
    cids = [f"c{number}" for number in range(containers)]
    return SandboxWrite(
        sid=sid,
        record=None if document is None else SandboxState(sid=sid, document=document),
        containers=dict.fromkeys(cids, ContainerState()),
        origins={} if origin is None else {cids[0]: Origin(document=origin)},
    )


def sids(writes: Iterable[SandboxWrite], size: int = BATCH) -> list[list[str]]:
    """Return the sandbox IDs of each batch."""
    return [[one.sid for one in batch] for batch in batches(writes, size=size)]


def test_nothing() -> None:
    """Without writes there is no batch."""
    assert sids([]) == []


def test_sandboxes_and_containers_are_bounded() -> None:
    """A batch takes writes for as long as their containers and all before them are within its size."""
    assert sids([write("a", 2), write("b", 2), write("c", 1)], 6) == [["a", "b"], ["c"]]
    assert sids([write("a", 2), write("b", 2), write("c", 1)], 7) == [["a", "b", "c"]]
    assert sids([write("a", 1), write("b", 1), write("c", 1)], 1) == [["a"], ["b"], ["c"]]
    assert sids([write("a", 6), write("b", 2), write("c", 3)], 6) == [["a"], ["b", "c"]]


def test_the_size_of_a_batch() -> None:
    """A batch has 1,000 sandboxes and containers, unless another size is given."""
    assert [len(batch) for batch in batches([write("a", 600), write("b", 399)])] == [2]
    assert [len(batch) for batch in batches([write("a", 600), write("b", 400)])] == [1, 1]


def test_documents_are_bounded() -> None:
    """The source documents of a batch, of sandboxes and containers, have at most 4 MiB of characters."""
    half = "x" * (2 << 20)
    assert sids([write("a", document=half), write("b", 1, origin=half), write("c")]) == [["a", "b", "c"]]
    assert sids([write("a", document=half), write("b", 1, origin=half + "x"), write("c")]) == [["a"], ["b", "c"]]
    halves = [write(sid, document="x" * (2 << 20)) for sid in "abcde"]
    assert sids(halves) == [["a", "b"], ["c", "d"], ["e"]]


def test_what_has_no_document() -> None:
    """A sandbox and a container without a source document add nothing to the characters of a batch."""
    bare = SandboxWrite(
        sid="b", record=SandboxState(sid="b"), containers={"c": ContainerState()}, origins={"c": Origin()}
    )
    assert sids([write("a", document="x" * BATCH_TEXT), bare]) == [["a", "b"]]


@pytest.mark.parametrize("large", [write("b", 9), write("b", document="x" * (BATCH_TEXT + 1))], ids=["rows", "text"])
def test_a_write_above_a_bound(large: SandboxWrite) -> None:
    """A sandbox that exceeds a bound alone is a separate batch."""
    assert sids([write("a"), large, write("c")], 5) == [["a"], ["b"], ["c"]]


def test_a_sandbox_that_comes_twice() -> None:
    """A sandbox ID that comes again begins a new batch, so that the later write is stored later."""
    assert sids([write("a"), write("b"), write("a"), write("b"), write("c")]) == [["a", "b"], ["a", "b", "c"]]


def test_writes_are_taken_when_they_are_needed() -> None:
    """At most one write beyond a batch is taken before the batch is yielded: memory stays bounded."""
    taken: list[str] = []

    def source() -> Iterator[SandboxWrite]:
        for number in range(9):
            taken.append(str(number))
            yield write(str(number), 1)

    result = batches(source(), size=5)
    assert [one.sid for one in next(result)] == ["0", "1", "2"]
    assert taken == ["0", "1", "2", "3"]


WRITES = st.lists(st.builds(write, st.sampled_from("abcdefgh"), st.integers(0, 5)))


@given(WRITES, st.integers(1, 12))
def test_every_batch_is_one_again(writes: list[SandboxWrite], size: int) -> None:
    """Batches hold all writes in order and within the bounds, and a batch that is split again stays whole."""
    made = list(batches(writes, size=size))
    assert [one for batch in made for one in batch] == writes
    for batch in made:
        assert len({one.sid for one in batch}) == len(batch)
        assert sum(1 + len(one.containers) for one in batch) - 1 <= size or len(batch) == 1
        assert list(batches(batch, size=size)) == [batch]
