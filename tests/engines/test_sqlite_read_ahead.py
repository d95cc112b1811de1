"""A SQLite file that is checked as a whole is read into memory in order, beside those who use it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository, Database
from persistdb.engines.sqlite.read_ahead import read_ahead
from persistdb.store.check import find_faults

if TYPE_CHECKING:
    from pathlib import Path

_READ = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM container").fetchone()
connection.close()
"""


def _is_in_memory(fd: int, at: int) -> bool:
    try:
        return os.preadv(fd, [bytearray(1)], at, os.RWF_NOWAIT) == 1
    except BlockingIOError:
        return False


def test_a_file_that_is_not_in_memory(tmp_path: Path) -> None:
    """All of a file that this process has open comes into memory, as far as there is room for it."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * (16 << 20))
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        places = range(0, 16 << 20, 1 << 20)
        if any(_is_in_memory(file.fileno(), at) for at in places):
            pytest.skip("this file system keeps files in memory")
        read_ahead(path)
        deadline = time.monotonic() + 30
        while not all(_is_in_memory(file.fileno(), at) for at in places):
            assert time.monotonic() < deadline


def test_a_file_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file larger than the memory that is left is not read ahead, nor one that is not open, or not there."""
    monkeypatch.setattr(os, "posix_fadvise", lambda *_: pytest.fail("advice was given"))
    path = tmp_path / "file"
    read_ahead(path)
    path.write_bytes(b"x")
    read_ahead(path)
    monkeypatch.setattr("persistdb.engines.sqlite.read_ahead._available", lambda: 0)
    with path.open("rb"):
        read_ahead(path)


def test_locks_are_kept(tmp_path: Path) -> None:
    """A check drops no lock of its own process: another one that ends does not take the log away under it."""
    path = tmp_path / "persistdb.db"
    with Database(f"sqlite:///{path}") as database:
        repository = ContainerRepository(database, host="node-1")
        assert repository.count() == 0
        assert find_faults(database) == []
        subprocess.run([sys.executable, "-c", _READ, path], check=True)
        assert (tmp_path / "persistdb.db-wal").exists()
