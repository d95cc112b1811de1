"""Files that are written while they are read: damage is believed when it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, cast

import pytest

from persistdb.errors import DamagedFile
from persistdb.runtimes import stable
from persistdb.runtimes.kata.stores import OldStore, PersistStore

from .trees import PLAIN

if TYPE_CHECKING:
    from persistdb.runtimes.folders import Folder

STATE = b'{"state":"ready","BlockDeviceID":"","fstype":""}'


class Rewritten:
    """A folder whose files are rewritten: each read gives the next text, the last one from then on."""

    def __init__(self, recent: str = "", **texts: list[bytes]) -> None:
        self.path = "/x"
        self._recent = recent
        self._texts = {name.replace("_", "."): text for name, text in texts.items()}

    def read(self, name: str) -> tuple[bytes, bool]:
        if name not in self._texts:
            raise FileNotFoundError(name)
        texts = self._texts[name]
        return texts.pop(0) if len(texts) > 1 else texts[0], name == self._recent

    def kind(self, name: str) -> str | None:
        return "file" if name in self._texts else None

    def folder(self, _name: str) -> Rewritten:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


def as_folder(folder: Rewritten) -> Folder:
    """Pass it for a folder: it has all that the stores ask of one."""
    return cast("Folder", folder)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the pauses between two reads, in the place of waiting."""
    made: list[float] = []
    monkeypatch.setattr(stable.time, "sleep", made.append)
    return made


@pytest.mark.parametrize(
    "texts",
    [
        [PLAIN],
        [PLAIN[:50], PLAIN],
        [PLAIN[:50], PLAIN[:50], PLAIN],  # not yet written on at the second read
        [PLAIN[:50], PLAIN[:70], PLAIN],
    ],
)
def test_a_file_that_is_being_written(pauses: list[float], texts: list[bytes]) -> None:
    """A file that is damaged is read again, and what it has then is taken; there is no wait for an old file."""
    folder = Rewritten(persist_json=texts)
    record, _ = PersistStore().read_container(as_folder(folder), "/x/persist.json", "c")
    assert record.state == "running"
    assert pauses == []


def test_damage_that_stays() -> None:
    """Of a file that stays damaged, the last read's damage is named."""
    folder = Rewritten(persist_json=[PLAIN[:50], b"", b"[]"])
    with pytest.raises(DamagedFile, match="must be an object"):
        PersistStore().read_container(as_folder(folder), "/x/persist.json", "c")


@pytest.mark.parametrize("recent", ["", "state.json", "process.json", "lock", "config.json"])
def test_a_recent_file_of_an_old_store(pauses: list[float], recent: str) -> None:
    """Damage in an old store is waited for where any of its files was written recently."""
    files = Rewritten(recent, state_json=[STATE[:20]], process_json=[b"{}"], lock=[b"x"])
    config = Rewritten(recent, config_json=[b"{}"])
    with pytest.raises(DamagedFile) as caught:
        OldStore(as_folder(config)).read_container(as_folder(files), "/x/c", "c")
    assert caught.value.path == "/x/c/state.json"
    assert bool(pauses) == bool(recent)


def test_an_old_store_without_its_state() -> None:
    """Without state.json there is no container; the lock's content is nothing of its state."""
    with pytest.raises(FileNotFoundError):
        OldStore(None).read_container(as_folder(Rewritten(lock=[b""])), "/x/c", "c")
    record, origin = OldStore(None).read_container(as_folder(Rewritten(state_json=[STATE], lock=[b"x"])), "/x/c", "c")
    assert record.state == "ready"
    assert '"lock":""' in (origin.document or origin.extra or "")
