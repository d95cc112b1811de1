"""Files that appear whole or not at all: private while they are written, nothing replaced, leftovers removed."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

import pytest

from persistdb.runtimes.folders import open_folder
from persistdb.runtimes.workfolder import WorkFolder, remove_leftovers
from persistdb.schema.new_file import new_file

if TYPE_CHECKING:
    from pathlib import Path

MARKED = ".persistdb-0123456789abcdef.unpublished"
KILLED = """
import os, signal, sys
from pathlib import Path
from persistdb.schema.new_file import new_file
with new_file(Path(sys.argv[1])) as new:
    new.path.write_text("half")
    new.path.with_name("file-wal").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=["links", "no links"], autouse=True)
def file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test with link(2), and as on a file system without it, such as FAT."""
    if request.param == "no links":

        def refuse(*_: object, **__: object) -> NoReturn:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("open_umask")
def test_private_until_it_is_published(tmp_path: Path) -> None:
    """Until it is published, the file is in a folder that nobody else may enter; then nothing else is left."""
    with new_file(tmp_path) as new:
        new.path.write_text("whole")
        assert stat.S_IMODE(new.path.parent.stat().st_mode) == 0o700
        assert not (tmp_path / "name").exists()
        new.publish("name")
    assert _names(tmp_path) == ["name"]
    assert (tmp_path / "name").read_text() == "whole"


def test_files_beside_it(tmp_path: Path) -> None:
    """Files that belong to the new one are published with it."""
    with new_file(tmp_path) as new:
        new.path.with_name(new.path.name + "-wal").write_text("log")
        new.path.write_text("whole")
        new.publish("name")
    assert _names(tmp_path) == ["name", "name-wal"]


@pytest.mark.parametrize("kind", ["file", "folder", "symlink"])
def test_nothing_is_replaced(tmp_path: Path, kind: str) -> None:
    """A name that is taken stays what it is, and another one can be tried."""
    taken = tmp_path / "name"
    {"file": taken.touch, "folder": taken.mkdir, "symlink": lambda: taken.symlink_to("absent")}[kind]()
    before = taken.lstat()
    with new_file(tmp_path) as new:
        new.path.write_text("whole")
        with pytest.raises(FileExistsError) as error:
            new.publish("name")
        assert error.value.filename == str(taken)
        new.publish("other")
    assert taken.lstat() == before
    assert _names(tmp_path) == ["name", "other"]


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    """Whatever ends the work, its folder is removed."""

    def interrupted() -> None:
        with new_file(tmp_path) as new:
            new.path.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert _names(tmp_path) == []


@pytest.mark.slow
def test_leftovers_of_killed_processes(tmp_path: Path) -> None:
    """What a killed process left is removed by the next one."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(_names(tmp_path)) == 1
    with new_file(tmp_path):
        assert len(_names(tmp_path)) == 1
    assert _names(tmp_path) == []


def test_files_of_live_processes(tmp_path: Path) -> None:
    """A file that is still being written stays."""
    with new_file(tmp_path) as first:
        first.path.write_text("first")
        with new_file(tmp_path) as second:
            second.path.write_text("second")
        assert first.path.read_text() == "first"


@pytest.mark.parametrize("kind", ["file", "symlink", "open to others", "other content", "of another user"])
def test_what_is_not_a_leftover(tmp_path: Path, kind: str) -> None:
    """Whatever has the name of a leftover, and is not a private folder of this user's with our content, stays."""
    marked, elsewhere = tmp_path / MARKED, tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (elsewhere / "file").touch()
    if kind == "file":
        marked.touch()
    elif kind == "symlink":
        marked.symlink_to(elsewhere)
    else:
        marked.mkdir(mode=0o755 if kind == "open to others" else 0o700)
        (marked / ("notes" if kind == "other content" else "file")).touch()
    if kind == "of another user":
        if os.geteuid() != 0:
            pytest.skip("only root can make folders of another user")
        os.chown(marked, 65534, 65534)
    with new_file(tmp_path):
        pass
    assert os.path.lexists(marked)
    assert (elsewhere / "file").exists()
    assert kind in {"file", "symlink"} or len(_names(marked)) == 1


def test_an_empty_leftover(tmp_path: Path) -> None:
    """A process that was killed before it wrote anything leaves an empty folder, which is removed."""
    (tmp_path / MARKED).mkdir(mode=0o700)
    with new_file(tmp_path):
        pass
    assert _names(tmp_path) == []


def test_an_export_into_the_same_folder(tmp_path: Path) -> None:
    """An export does not take the folder of a file that is being written for a leftover of its own, nor vice versa."""
    with new_file(tmp_path) as new, open_folder(str(tmp_path)) as folder:
        remove_leftovers(folder)
        assert new.path.parent.is_dir()
        work = WorkFolder(folder)
        try:
            made = work.create()
            with new_file(tmp_path):
                assert os.path.isdir(made.path)
        finally:
            work.close()
