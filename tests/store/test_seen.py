"""When and where imports found sandboxes: one statement for all of them, and no new revision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository, ContainerState, InvalidValue, Machine, SandboxState
from persistdb.reports import readonly

if TYPE_CHECKING:
    from collections import Counter

    from persistdb import Database
    from tests.servers import Statements

COLORS = ("threads", "tasks")
NOW = datetime.now(UTC) + timedelta(hours=1)
"""Later than all saves."""
FOLDER = "/run/vc/sbs"


def seen(database: Database) -> dict[str, tuple[datetime | None, str | None]]:
    rows = readonly.read(database, "SELECT sid, seen_at, source FROM sandboxes ORDER BY sid").rows
    return {sid: (seen_at, source) for sid, seen_at, source in rows}


def test_all_are_marked_at_once(
    repository: ContainerRepository, database: Database, sent: Statements, writes: Counter[str]
) -> None:
    """All sandboxes of a folder are marked by one statement; their revision and time of change stay."""
    for sid in "abc":
        repository.save_sandbox(SandboxState(sid=sid, layout="2.2"), {"c": ContainerState()})
    before = repository.load_sandbox("a")
    sent.texts.clear()
    writes.clear()
    repository.mark_seen(["a", "b", "not stored"], source=FOLDER, at=NOW)
    repository.mark_seen(["a"], source=FOLDER, at=NOW + timedelta(seconds=1))
    assert writes == {"INSERT host": 2, "INSERT sandbox_seen": 4}
    assert sum("sandbox_seen" in text for text in sent.texts) == 2
    assert repository.load_sandbox("a") == before
    assert seen(database) == {"a": (NOW + timedelta(seconds=1), FOLDER), "b": (NOW, FOLDER), "c": (None, None)}
    assert repository.sources() == {FOLDER: 2}


def test_unseen(repository: ContainerRepository, database: Database) -> None:
    """A folder's sandboxes that were not found lately are told with their layouts; no other folder's or host's is."""
    other = ContainerRepository(database, host="other")
    for each, sids in ((repository, [*"abcde"]), (other, ["a"])):
        for sid in sids:
            each.save_sandbox(SandboxState(sid=sid, layout="2.2" if sid != "d" else ""), {"c": ContainerState()})
        each.mark_seen(sids, source=FOLDER, at=NOW)
    later = NOW + timedelta(seconds=9)
    repository.mark_seen(["b"], source=FOLDER, at=later)
    repository.mark_seen(["c"], source="/run/runc", at=NOW)
    assert repository.unseen(FOLDER, before=NOW) == {}
    assert repository.unseen(FOLDER, before=later) == {"a": "2.2", "d": "", "e": "2.2"}
    repository.destroy_sandbox("e")
    assert repository.unseen(FOLDER, before=later) == {"a": "2.2", "d": ""}
    assert repository.sources() == {"/run/runc": 1, FOLDER: 3}


def test_what_was_changed_is_not_unseen(repository: ContainerRepository) -> None:
    """A sandbox that was changed since is no candidate for a removal."""
    repository.save_sandbox(SandboxState(sid="a"))
    long_ago = datetime.now(UTC) - timedelta(days=1)
    repository.mark_seen(["a"], source=FOLDER, at=long_ago)
    assert repository.unseen(FOLDER, before=long_ago + timedelta(hours=1)) == {}
    assert repository.unseen(FOLDER, before=NOW) == {"a": ""}


def test_hosts(repository: ContainerRepository, database: Database) -> None:
    """A host's row keeps when it was first seen, and what nobody says again; hosts without one are listed, too."""
    machine = Machine(boot_id="b-1", kernel="6.1.0", programs="persistdb 1")
    repository.mark_seen([], source=FOLDER, at=NOW, machine=machine)
    repository.mark_seen([], source=FOLDER, at=NOW + timedelta(seconds=1), machine=Machine(boot_id="b-2"))
    repository.mark_seen([], source=FOLDER, at=NOW + timedelta(seconds=2))
    repository.save_sandbox(SandboxState(sid="a"), {"b": ContainerState(), "c": ContainerState()})
    ContainerRepository(database, host="saves only").save_sandbox(SandboxState(sid="a"), {"b": ContainerState()})
    rows = readonly.read(database, "SELECT * FROM hosts ORDER BY host").rows
    assert {tuple(row) for row in rows} >= {
        (repository.host, NOW, NOW + timedelta(seconds=2), "b-2", "6.1.0", "persistdb 1", 1, 2),
        ("saves only", None, None, None, None, None, 1, 1),
    }


def test_refused(repository: ContainerRepository) -> None:
    """Arguments that cannot be stored are refused."""
    with pytest.raises(InvalidValue):
        repository.mark_seen([], source="a\0b")
    with pytest.raises(InvalidValue):  # nothing of it is stored, whose letters would be taken for IDs
        repository.mark_seen("pod-1", source=FOLDER)
    with pytest.raises(InvalidValue):  # "" is in it
        repository.prune(FOLDER, before=NOW, layouts="2.2")
    with pytest.raises(InvalidValue):
        repository.unseen(FOLDER, before=NOW, keep="pod-1")
    with pytest.raises(InvalidValue):
        repository.mark_seen([], source=FOLDER, at="now")  # type: ignore[arg-type]
    with pytest.raises(InvalidValue):
        repository.unseen(FOLDER, before="now")  # type: ignore[arg-type]
    for call in (repository.unseen, repository.prune):
        with pytest.raises(InvalidValue, match="has no time zone"):
            call(FOLDER, before=datetime(2026, 1, 1))  # noqa: DTZ001  refused
    with pytest.raises(InvalidValue, match="has no time zone"):
        repository.mark_seen([], source=FOLDER, at=datetime(2026, 1, 1))  # noqa: DTZ001  the same


def test_some_of_a_folder(repository: ContainerRepository, database: Database) -> None:
    """Of the sandboxes of a folder only those are removed that are named, of them those that were not found since."""
    for sid in "abcd":
        repository.save_sandbox(SandboxState(sid=sid, layout="2.2"), {"c": ContainerState()})
    repository.mark_seen([*"abc"], source=FOLDER, at=NOW)
    repository.mark_seen(["d"], source="/run/runc", at=NOW)
    later = NOW + timedelta(seconds=9)
    repository.mark_seen(["b"], source=FOLDER, at=later)
    assert repository.prune(FOLDER, before=later, sids=[]) == []
    assert repository.prune(FOLDER, before=later, sids=["a", "b", "d", "none"]) == ["a"]
    assert repository.sandbox_ids() == ["b", "c", "d"]
    with pytest.raises(InvalidValue):
        repository.prune(FOLDER, before=later, sids="c")


def test_boot(repository: ContainerRepository, database: Database) -> None:
    """The boot of the host is the one that was last told; nothing told leaves it, and no other host's is it."""
    assert repository.boot_id() is None
    repository.mark_seen((), source=FOLDER, machine=Machine(boot_id="b1"))
    repository.mark_seen((), source=FOLDER, machine=Machine())
    assert repository.boot_id() == "b1"
    assert ContainerRepository(database, host="other").boot_id() is None
