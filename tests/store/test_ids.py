"""IDs that no tree of files can hold: refused by a save, and no obstacle where earlier releases have stored them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from persistdb import ContainerState, FileError, InvalidValue, SandboxState
from persistdb.runtimes.kata import paths, write_tree
from persistdb.store.check import check_rows
from persistdb.validation import FILE_NAMES

if TYPE_CHECKING:
    from pathlib import Path

    from persistdb import ContainerRepository

COLORS = ("threads", "tasks")

REFUSED = ["é" * 128, "persist.json", "lock"]


def plant(repository: ContainerRepository, id_: str) -> None:
    """Store a sandbox and a container in it under an ID that a save refuses, as earlier releases did."""
    repository.save_sandbox(SandboxState(sid="old"), {"c": ContainerState(), "old": ContainerState(state="ready")})
    with repository.database.session(write=True) as session:
        session.execute(text("UPDATE sandbox SET sid = :id WHERE sid = 'old'"), {"id": id_})
        session.execute(text("UPDATE container SET cid = :id WHERE cid = 'old'"), {"id": id_})


def test_files_beside_folders() -> None:
    """The names that no ID can be are the files that Kata keeps where folders have IDs for names."""
    assert {paths.PERSIST, paths.LOCK, paths.CONFIG, *paths.SANDBOX_FILES} == FILE_NAMES


@pytest.mark.parametrize("id_", REFUSED)
def test_new_ones_are_refused(repository: ContainerRepository, id_: str) -> None:
    """A save of a new sandbox or container with such an ID is refused, and stores nothing."""
    repository.save_sandbox(SandboxState(sid="pod"), {})
    with pytest.raises(InvalidValue, match="sid"):
        repository.save_sandbox(SandboxState(sid=id_), {})
    with pytest.raises(InvalidValue, match="cid"):
        repository.save("pod", id_, ContainerState())
    with pytest.raises(InvalidValue, match="cid"):
        repository.save_sandbox(SandboxState(sid="pod"), {id_: ContainerState()})
    assert (repository.sandbox_ids(), repository.count()) == (["pod"], 0)


@pytest.mark.parametrize("id_", REFUSED)
def test_stored_ones(repository: ContainerRepository, tmp_path: Path, id_: str) -> None:
    """Such an ID that is stored is read, changed, named by a check and by an export that it stops, and removed."""
    plant(repository, id_)
    assert repository.get(id_, id_).record.state == "ready"
    assert repository.look_up(f"{id_}/{id_}").cid == id_
    repository.transition(id_, id_, "running", expected="ready")
    repository.save(id_, id_, ContainerState(state="stopped"))
    of_container, of_sandbox = check_rows(repository.database)
    assert (of_container.count, of_container.rows[0][2]) == (1, id_)
    assert (of_sandbox.count, of_sandbox.rows[0][1:3]) == (1, (id_, None))
    with pytest.raises(FileError, match=f"{id_}: an ID cannot be"):
        write_tree(repository.load_sandbox(id_), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert repository.delete(id_, id_)
    assert list(repository.load_sandbox(id_).containers) == ["c"]
    repository.save_sandbox(SandboxState(sid=id_, state="stopped"), {})
    assert repository.destroy_sandbox(id_)
    assert repository.sandbox_ids() == []
