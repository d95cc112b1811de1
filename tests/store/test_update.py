"""Updates: read, change, save with the revision, and again when somebody else was faster."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from persistdb import Database, Timeouts
from persistdb.errors import Busy, Conflict, InvalidValue, NotFound
from persistdb.records import ContainerState, Origin
from persistdb.store.repository import ContainerRepository

from .samples import SANDBOX, container, put
from .stress import PATIENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COLORS = ("threads", "tasks")

THREADS, CHANGES = 4, 5


def bundle(path: str) -> Callable[[ContainerState], ContainerState]:
    return lambda record: record.replace(bundle_path=path)


def test_update(repository: ContainerRepository) -> None:
    """The function is given the stored record, what it returns is stored, and the revision is returned as by a save."""
    put(repository, "pod-1", "a")
    before = repository.get("pod-1", "a")
    seen = []

    def change(record: ContainerState) -> ContainerState:
        seen.append(record)
        return record.replace(state="stopped")

    assert repository.update("pod-1", "a", change) == before.revision + 1
    assert seen == [before.record]
    after = repository.get("pod-1", "a")
    assert (after.record, after.revision) == (before.record.replace(state="stopped"), before.revision + 1)
    assert repository.update("pod-1", "a", lambda record: record) == after.revision


def test_an_update_keeps_the_origin(repository: ContainerRepository) -> None:
    """The origin of an imported container stays."""
    origin = Origin(layout="2.2", extra='{"New": 1}')
    repository.save_sandbox(SANDBOX, {"a": container("a")}, origins={"a": origin})
    repository.update("pod-1", "a", bundle("/b"))
    assert repository.get("pod-1", "a").origin == origin


def test_somebody_else_was_faster(repository: ContainerRepository) -> None:
    """A change that came in between is not overwritten: the function is called again with what is there now."""
    put(repository, "pod-1", "a")
    calls = []

    def change(record: ContainerState) -> ContainerState:
        calls.append(record.state)
        if len(calls) < 3:
            repository.save("pod-1", "a", record.replace(state=f"theirs-{len(calls)}"))
        return record.replace(bundle_path="/mine")

    revision = repository.update("pod-1", "a", change)
    assert calls == ["running", "theirs-1", "theirs-2"]
    found = repository.get("pod-1", "a")
    assert (found.record.state, found.record.bundle_path, found.revision) == ("theirs-2", "/mine", revision)


def test_it_went_away(repository: ContainerRepository) -> None:
    """A container or sandbox that is removed in between is not made again."""
    put(repository, "pod-1", "a")

    def removed(record: ContainerState) -> ContainerState:
        repository.delete("pod-1", "a")
        return record

    def destroyed(record: ContainerState) -> ContainerState:
        repository.destroy_sandbox("pod-1")
        return record

    for change in (removed, destroyed):
        put(repository, "pod-1", "a")
        with pytest.raises(NotFound):
            repository.update("pod-1", "a", change)
        assert not repository.exists("pod-1", "a")


@pytest.mark.parametrize("retries", [0, 2])
def test_others_are_always_faster(store_url: str, retries: int) -> None:
    """An update ends as Busy when all attempts are used up."""
    calls = 0
    with Database(store_url) as others, Database(store_url, retries=retries) as database:
        theirs = ContainerRepository(others, host="node-1")
        put(theirs, "pod-1", "a")

        def change(record: ContainerState) -> ContainerState:
            nonlocal calls
            calls += 1
            theirs.update("pod-1", "a", bundle(f"/{calls}"))
            return record

        mine = ContainerRepository(database, host="node-1")
        with pytest.raises(Busy, match=f"in each of {retries + 1} attempts"):
            mine.update("pod-1", "a", change)
        assert calls == retries + 1
        assert mine.get("pod-1", "a").record.bundle_path == f"/{calls}"


def test_the_time_for_a_call_is_over(tmp_path: Path) -> None:
    """However many retries are left, no attempt begins when the time for one call is over."""
    with Database(f"sqlite:///{tmp_path}/late.db", timeouts=Timeouts(call=0.0)) as database:
        attempts = database.attempts()
        assert next(attempts) == 1
        with pytest.raises(Busy, match="in each of 1 attempts"):
            next(attempts)


def test_an_error_of_the_function(repository: ContainerRepository) -> None:
    """What the function raises comes through, whatever it is, and nothing is written or tried again."""
    put(repository, "pod-1", "a")
    before = repository.get("pod-1", "a")
    for error in (KeyError("x"), OSError("disk"), Conflict("pod-9/x", 1, 2)):
        calls = []

        def change(_: ContainerState) -> ContainerState:
            calls.append(1)  # noqa: B023  called at once
            raise error  # noqa: B023  the same

        with pytest.raises(type(error)) as caught:
            repository.update("pod-1", "a", change)
        assert caught.value is error
        assert len(calls) == 1
    assert repository.get("pod-1", "a") == before


@pytest.mark.parametrize("function", [None, "stopped", ContainerState(), lambda _: None, lambda _: {}])
def test_no_function_of_records(repository: ContainerRepository, function: Any) -> None:
    """What is no function, and what returns no record, is refused, and nothing is written."""
    put(repository, "pod-1", "a")
    before = repository.get("pod-1", "a")
    with pytest.raises(InvalidValue):
        repository.update("pod-1", "a", function)
    assert repository.get("pod-1", "a") == before


def test_what_is_not_there(repository: ContainerRepository) -> None:
    """An update of a container that is not there is NotFound, and the function is not called."""
    for sid in ("pod-1", "pod-2"):
        put(repository, "pod-1", "a")
        with pytest.raises(NotFound):
            repository.update(sid, "x", lambda _: pytest.fail("called"))


def test_no_update_is_lost(store_url: str) -> None:
    """Of threads that update one container at once, each update is there."""
    with Database(store_url, timeouts=PATIENT, pool_size=THREADS, retries=200) as database:
        repository = ContainerRepository(database, host="node-1")
        repository.save_sandbox(SANDBOX, {"a": ContainerState()})

        def noting(change: str) -> Callable[[ContainerState], ContainerState]:
            return lambda record: record.replace(cgroup_path=f"{record.cgroup_path} {change}")

        def change(number: int) -> None:
            for i in range(CHANGES):
                repository.update("pod-1", "a", noting(f"{number}.{i}"))

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(change, range(THREADS)))
        found = repository.get("pod-1", "a")
    assert sorted(found.record.cgroup_path.split()) == sorted(
        f"{n}.{i}" for n in range(THREADS) for i in range(CHANGES)
    )
    assert found.revision == 1 + THREADS * CHANGES
