"""The wait until what changes is quiet, by a clock that the test has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from persistdb.ingest.watch.debounce import Debounce


def test_quiet() -> None:
    """A key is due once it was quiet for long enough, once, with the time of its first change."""
    waiting: Debounce[str] = Debounce(1, 10)
    assert waiting.next() is None
    waiting.mark("a", 0)
    waiting.mark("a", 0.5)
    assert "a" in waiting
    assert waiting.due(1.2) == {}
    assert waiting.next() == 1.5
    assert waiting.due(1.5) == {"a": 0}
    assert "a" not in waiting
    assert waiting.due(100) == {}
    assert waiting.next() is None


def test_never_quiet() -> None:
    """A key that changes all the time is due after the longest delay, again and again."""
    waiting: Debounce[str] = Debounce(1, 3)
    times = []
    for tenth in range(100):
        now = tenth / 10
        waiting.mark("a", now)
        if waiting.due(now):
            times.append(now)
    assert times == [3.0, 6.1, 9.2]


def test_retries() -> None:
    """A retry lets a key be due though it has not changed; a change before that comes first, and does for both."""
    waiting: Debounce[str] = Debounce(1, 3)
    waiting.retry("a", 5)
    assert waiting.due(4.9) == {}
    assert waiting.due(5) == {"a": 5}
    waiting.retry("a", 20)
    waiting.mark("a", 10)
    assert waiting.due(11) == {"a": 10}
    assert waiting.due(30) == {}


def test_all_at_once() -> None:
    """At the end all keys that have changed are taken, due or not."""
    waiting: Debounce[str] = Debounce(1, 3)
    waiting.mark("a", 0)
    waiting.mark("b", 1)
    waiting.retry("c", 1)
    assert waiting.all() == {"a": 0, "b": 1}
    assert waiting.all() == {}
    assert waiting.next() is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5))))
def test_any_changes(steps: list[tuple[str, int]]) -> None:
    """Whatever changes when, each change is followed by its key being due: not before it was quiet, nor too late."""
    quiet, longest = 2, 4
    waiting: Debounce[str] = Debounce(quiet, longest)
    pending: dict[str, tuple[int, int]] = {}
    now = 0
    for key, pause in [*steps, *[("", 1)] * (longest + 1)]:
        for _ in range(pause):
            now += 1
            due = waiting.due(now)
            expected = {name for name, (first, last) in pending.items() if now >= min(last + quiet, first + longest)}
            assert due.keys() == expected
            for name in due:
                assert due[name] == pending.pop(name)[0]
        if key:
            waiting.mark(key, now)
            pending[key] = pending.get(key, (now, now))[0], now
    assert not pending
    assert len(waiting) == 0


def test_discarded() -> None:
    """What is discarded is not due, whether it had changed or was to be read again."""
    debounce: Debounce[str] = Debounce(1, 3)
    debounce.mark("a", 0)
    debounce.retry("b", 1)
    debounce.mark("c", 0)
    debounce.discard(lambda key: key != "c")
    assert debounce.due(5) == {"c": 0}
