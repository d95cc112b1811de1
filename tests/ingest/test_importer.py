"""Files into the store: what is stored, what is left out, and what an observer learns of it."""

from __future__ import annotations

import functools
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository, ContainerState, Database, Unavailable
from persistdb.ingest import Importer, importer
from persistdb.ingest.turns import Entries
from persistdb.runtimes.places import Source
from persistdb.runtimes.trees import read_trees
from persistdb.store.batches import batches
from tests.runtimes.kata.trees import PLAIN, make

from .files import LONG_STATE, other, tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import Engine

    from persistdb import FileError, Sandbox, SandboxWrite
    from tests.servers import Statements


class Recorder:
    """An observer that keeps what it learns."""

    def __init__(self) -> None:
        self.events: list[tuple[str, ...]] = []

    def fault(self, problem: FileError) -> None:
        self.events.append(("fault", problem.path))

    def note(self, text: str) -> None:
        self.events.append(("note", text))

    def stored(self, sid: str, containers: int) -> None:
        self.events.append(("stored", sid, str(containers)))

    def left_out(self, sid: str) -> None:
        self.events.append(("left out", sid))

    def removed(self, sid: str) -> None:
        self.events.append(("removed", sid))

    def lost(self, sid: str) -> None:
        self.events.append(("lost", sid))


@pytest.fixture
def repository(sqlite_store: tuple[str, Database]) -> ContainerRepository:
    return ContainerRepository(sqlite_store[1], host="node-1")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def states(repository: ContainerRepository) -> dict[str, dict[str, str]]:
    """Return the containers' states by sandbox."""
    return {
        one.record.sid: {cid: held.record.state for cid, held in one.containers.items()}
        for one in repository.load_sandboxes()
    }


def test_what_is_stored(repository: ContainerRepository, recorder: Recorder, tmp_path: Path) -> None:
    """Each sandbox that is stored is reported once, with the number of its containers, in the order of the files."""
    make(tmp_path, tree("a", x=other("1"), y=other("2")) | tree("b") | tree("c", x=PLAIN))
    assert Importer(repository, recorder).run([str(tmp_path)])
    assert recorder.events == [("stored", "a", "2"), ("stored", "b", "0"), ("stored", "c", "1")]
    assert states(repository) == {"a": {"x": "running", "y": "running"}, "b": {}, "c": {"x": "running"}}


def test_paths(repository: ContainerRepository, recorder: Recorder, tmp_path: Path) -> None:
    """A path that cannot be read is a fault, an empty one a note, and all others are stored."""
    make(tmp_path / "in", tree("a", x=PLAIN))
    (tmp_path / "empty").mkdir()
    none, empty = str(tmp_path / "none"), str(tmp_path / "empty")
    assert Importer(repository, recorder).run([none, empty, str(tmp_path / "in")])
    assert recorder.events == [("fault", none), ("note", f"{empty} holds no sandbox"), ("stored", "a", "1")]
    assert not Importer(repository, recorder).run([none])
    assert Importer(repository, recorder).run([empty])


def test_damaged_container(repository: ContainerRepository, recorder: Recorder, tmp_path: Path) -> None:
    """A damaged container file is a fault, and what was stored of its container stays."""
    make(tmp_path, tree("a", x=other("1"), y=other("2")))
    Importer(repository, recorder).run([str(tmp_path)])
    make(tmp_path, tree("a", x=other("1", "stopped"), y=b"{"))
    Importer(repository, recorder).run([str(tmp_path)])
    assert recorder.events[1:] == [("fault", f"{tmp_path}/a/y/persist.json"), ("stored", "a", "1")]
    assert states(repository) == {"a": {"x": "stopped", "y": "running"}}


def test_container_without_its_file(repository: ContainerRepository, recorder: Recorder, tmp_path: Path) -> None:
    """A stored container whose folder is there without its file is removed, and a note says so."""
    make(tmp_path, tree("a", x=other("1"), y=other("2")) | {"a/raw/file": b""})
    Importer(repository, recorder).run([str(tmp_path)])
    (tmp_path / "a/y/persist.json").unlink()
    Importer(repository, recorder).run([str(tmp_path)])
    Importer(repository, recorder).run([str(tmp_path)])
    path = f"{tmp_path}/a/y/persist.json"
    assert recorder.events == [
        ("stored", "a", "2"),
        ("note", f"{path} does not exist: container 'y' of sandbox 'a' is removed from the database"),
        ("stored", "a", "1"),
        ("stored", "a", "1"),
    ]
    assert states(repository) == {"a": {"x": "running"}}


def test_container_of_an_old_store_without_its_file(
    repository: ContainerRepository, recorder: Recorder, tmp_path: Path
) -> None:
    """The same is noted in an old store."""
    make(tmp_path, {f"a/{place}state.json": b'{"state":"running"}' for place in ("", "x/", "y/")})
    Importer(repository, recorder).run([str(tmp_path)])
    (tmp_path / "a/y/state.json").unlink()
    Importer(repository, recorder).run([str(tmp_path)])
    says = f"{tmp_path}/a/y/state.json does not exist: container 'y' of sandbox 'a' is removed from the database"
    assert recorder.events[1:] == [("note", says), ("stored", "a", "1")]


def test_state_that_goes_blank(repository: ContainerRepository, recorder: Recorder, tmp_path: Path) -> None:
    """A file without a state replaces the stored one, and a note says which state that was, once."""
    make(tmp_path, tree("a", x=other("1"), y=other("2")))
    Importer(repository, recorder).run([str(tmp_path)])
    make(tmp_path, {"a/persist.json": b"{}", "a/y/persist.json": b"{}", "a/z/persist.json": b"{}"})
    Importer(repository, recorder).run([str(tmp_path)])
    Importer(repository, recorder).run([str(tmp_path)])
    says = "has no state: in the database it was 'running', and is blank from now on"
    assert recorder.events[1:] == [
        ("note", f"{tmp_path}/a/persist.json {says}"),
        ("note", f"{tmp_path}/a/y/persist.json {says}"),
        ("stored", "a", "3"),
        ("stored", "a", "3"),
    ]
    assert states(repository) == {"a": {"x": "running", "y": "", "z": ""}}


def test_ordinary_imports_ask_nothing(
    repository: ContainerRepository,
    recorder: Recorder,
    tmp_path: Path,
    statements: Callable[[Engine], AbstractContextManager[Statements]],
) -> None:
    """Where the files say it all, an import of what is stored already reads it once, as a save does."""
    make(tmp_path, tree("a", x=other("1")) | tree("b", x=other("1")))
    Importer(repository, recorder).run([str(tmp_path)])
    with statements(repository.database.engine) as sent:
        Importer(repository, recorder).run([str(tmp_path)])
    own = [text for text in sent.texts if "sandbox_seen" not in text and "host AS old" not in text]
    assert len(own) == 1
    assert len(sent.texts) == 4


def test_new_sandboxes_without_a_state(
    repository: ContainerRepository,
    recorder: Recorder,
    tmp_path: Path,
    statements: Callable[[Engine], AbstractContextManager[Statements]],
) -> None:
    """Files without a state take as many statements however many there are, if the database has none of them."""
    counts = []
    for number in (1, 2, 5):  # the first one looks at the schema, too
        folder = tmp_path / str(number)
        for i in range(number):
            make(folder, {f"{number}-{i}/persist.json": b"{}", f"{number}-{i}/x/persist.json": b"{}"})
        with statements(repository.database.engine) as sent:
            Importer(repository, recorder).run([str(folder)])
        counts.append(len(sent.texts))
    assert counts[1] == counts[2]
    assert len(states(repository)) == 8


def test_strict(repository: ContainerRepository, recorder: Recorder, tmp_path: Path) -> None:
    """With ``strict`` a fault leaves out its whole sandbox, be it found in reading or in storing, and no other one."""
    make(tmp_path, tree("a", x=other("1"), y=b"{") | tree("b", x=other("1"), y=LONG_STATE) | tree("c"))
    Importer(repository, recorder, strict=True).run([str(tmp_path)])
    assert recorder.events == [
        ("fault", f"{tmp_path}/a/y/persist.json"),
        ("left out", "a"),
        ("fault", f"{tmp_path}/b/y/persist.json"),
        ("left out", "b"),
        ("stored", "c", "0"),
    ]
    assert states(repository) == {"c": {}}


def test_what_cannot_be_stored(repository: ContainerRepository, recorder: Recorder, tmp_path: Path) -> None:
    """Files whose values no engine can hold are faults, and the rest of their sandbox and batch is stored."""
    make(tmp_path, tree("a", x=PLAIN) | tree("b", x=other("1"), y=LONG_STATE) | tree("c"))
    own = tmp_path / "c/persist.json"
    own.write_bytes(own.read_bytes().replace(b"running", b"x" * 256))
    Importer(repository, recorder).run([str(tmp_path)])
    assert recorder.events == [
        ("stored", "a", "1"),
        ("fault", f"{tmp_path}/b/y/persist.json"),
        ("stored", "b", "1"),
        ("fault", f"{tmp_path}/c/persist.json"),
        ("left out", "c"),
    ]
    assert states(repository) == {"a": {"x": "running"}, "b": {"x": "running"}}


def test_tokens_that_clash(repository: ContainerRepository, recorder: Recorder, tmp_path: Path) -> None:
    """A sandbox in which two processes have one token is left out, for no file of it is bad alone."""
    make(tmp_path, tree("a") | tree("b", x=PLAIN, y=PLAIN) | tree("c"))
    Importer(repository, recorder).run([str(tmp_path)])
    assert recorder.events == [
        ("stored", "a", "0"),
        ("fault", f"{tmp_path}/b"),
        ("left out", "b"),
        ("stored", "c", "0"),
    ]


def test_batches(
    repository: ContainerRepository, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sandboxes are stored a batch at a time, and one by one only in the batch of a bad one."""
    saved: list[list[str]] = []
    save_many = repository.save_many

    def watched(writes: list[SandboxWrite]) -> int:
        saved.append([write.sid for write in writes])
        return save_many(writes)

    monkeypatch.setattr(repository, "save_many", watched)
    monkeypatch.setattr(importer, "batches", functools.partial(batches, size=3))
    make(tmp_path, tree("a") | tree("b") | tree("c") | tree("d", x=LONG_STATE) | tree("e"))
    Importer(repository, recorder).run([str(tmp_path)])
    assert saved == [["a", "b", "c"], ["d", "e"], ["d"], ["d"], ["e"]]
    assert [sid for kind, sid, *_ in recorder.events if kind == "stored"] == list("abcde")


@pytest.mark.parametrize("order", [["good", "damaged"], ["damaged", "good"]], ids="-".join)
def test_one_sandbox_at_two_paths(
    repository: ContainerRepository, recorder: Recorder, tmp_path: Path, order: list[str]
) -> None:
    """Trees of one sandbox are stored in the order of their paths, also where one lacks the sandbox's own file."""
    make(tmp_path / "good", tree("a", x=other("1")))
    make(tmp_path / "damaged", tree("a", y=other("2")) | {"a/persist.json": b"{"})
    Importer(repository, recorder).run([str(tmp_path / name) for name in order])
    assert repository.load_sandbox("a").record.state == "running"
    assert set(states(repository)["a"]) == ({"x", "y"} if order[0] == "good" else {"x"})


def test_damaged_sandbox_that_others_change(
    repository: ContainerRepository, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a sandbox whose own file is damaged, containers that others store during the import stay."""
    make(tmp_path, tree("a", x=other("1")))
    Importer(repository, recorder).run([str(tmp_path)])
    (tmp_path / "a/persist.json").write_bytes(b"{")
    load = repository.load_sandbox
    added = iter("yz")

    def interrupted(sid: str) -> Sandbox:
        sandbox = load(sid)
        cid = next(added, None)
        if cid is not None:
            repository.save(sid, cid, ContainerState(state="ready"))
        return sandbox

    monkeypatch.setattr(repository, "load_sandbox", interrupted)
    Importer(repository, recorder).run([str(tmp_path)])
    assert states(repository) == {"a": {"x": "running", "y": "ready", "z": "ready"}}


def test_the_database_fails(repository: ContainerRepository, recorder: Recorder, tmp_path: Path) -> None:
    """An error of the database ends the import; what was reported as stored before is stored."""
    make(tmp_path / "in", tree("a"))
    Importer(repository, recorder).run([str(tmp_path / "in")])
    repository.database.close()
    file = tmp_path / "store" / "persistdb.db"
    file.rename(tmp_path / "moved.db")
    file.mkdir()
    make(tmp_path / "in", tree("b"))
    with pytest.raises(Unavailable):
        Importer(repository, recorder).run([str(tmp_path / "in")])
    assert recorder.events == [("stored", "a", "0")]


def test_entries_that_were_read_before_they_were_stored(
    repository: ContainerRepository, recorder: Recorder, tmp_path: Path
) -> None:
    """A sandbox that was found to be gone while its last state waited to be stored is stored, and then removed."""
    make(tmp_path, tree("a", x=other("1")) | tree("b"))
    importer = Importer(repository, recorder)
    importer.run([str(tmp_path)])
    source = Source(str(tmp_path))

    def read(*gone: str) -> Entries:
        names = frozenset({"a"})
        trees = list(read_trees(source, entries=names))
        return Entries(source=source, began=datetime.now(UTC), names=names, trees=trees, gone=list(gone))

    make(tmp_path, tree("a", x=other("1", "stopped")))
    first = read()
    shutil.rmtree(tmp_path / "a")
    second = read("a")
    importer.run_entries(first)
    assert states(repository)["a"] == {"x": "stopped"}
    importer.run_entries(second)
    assert recorder.events[-2:] == [("stored", "a", "1"), ("removed", "a")]
    assert repository.sandbox_ids() == ["b"]
