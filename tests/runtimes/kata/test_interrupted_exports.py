"""An export that fails, is interrupted or is killed leaves whole trees, and the next one removes what it left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from persistdb.errors import FileError
from persistdb.records import ContainerState, Origin, SandboxState
from persistdb.runtimes import syscalls
from persistdb.runtimes.kata import read_trees, write_tree, write_trees
from persistdb.runtimes.kata.runtime import KATA
from persistdb.runtimes.runtime import Writing
from persistdb.runtimes.staging import Place, Staging

from .test_reader import OLD, TREE
from .trees import PLAIN, SANDBOX, contents, make, one, sandbox, stored

if TYPE_CHECKING:
    from collections.abc import Callable

EXCHANGES = pytest.mark.parametrize("exchanges", [True, False], ids=["exchange", "two steps"])
"""With renameat2's exchange, and on a system that does not have it."""

_OLD = {"s/persist.json": SANDBOX, "s/old/persist.json": PLAIN}


def _without_exchange(*_: object) -> bool:
    return False


@EXCHANGES
def test_failed_replacement_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanges: bool
) -> None:
    """If the new tree cannot be renamed, the old one is in its place, and nothing else is left."""
    make(tmp_path / "out", {"s/persist.json": b"precious"})
    rename = os.rename

    def fail(*_: object) -> bool:
        raise OSError(5, "Input/output error")

    def fail_for_the_new(source: str, target: str, **fds: int) -> None:
        if source.isdecimal():
            fail()
        rename(source, target, **fds)

    monkeypatch.setattr(syscalls, "exchange", fail if exchanges else _without_exchange)
    monkeypatch.setattr("os.rename", fail_for_the_new)
    with pytest.raises(FileError, match="Input/output error"):
        write_tree(stored(one(make(tmp_path / "in", TREE))), tmp_path / "out", replace=True)
    assert contents(tmp_path / "out") == {"s/persist.json": b"precious"}
    assert os.listdir(tmp_path / "out") == ["s"]


def test_tree_that_cannot_be_put_back_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If neither the new tree nor the old one can be renamed, the old one stays, and the next export puts it back."""
    make(tmp_path / "out", {"s/persist.json": b"precious"})
    rename = os.rename

    def fail_from_the_second(*args: str, **fds: int) -> None:
        if calls.append(args) or len(calls) > 1:
            raise OSError(5, "Input/output error")
        rename(*args, **fds)

    calls: list[tuple[str, ...]] = []
    tree = stored(one(make(tmp_path / "in", TREE)))
    with monkeypatch.context() as patch:
        patch.setattr(syscalls, "exchange", _without_exchange)
        patch.setattr("os.rename", fail_from_the_second)
        with pytest.raises(FileError, match="Input/output error"):
            write_tree(tree, tmp_path / "out", replace=True)
    assert b"precious" in contents(tmp_path / "out").values()
    assert list(write_trees([], tmp_path / "out")) == []
    assert contents(tmp_path / "out") == {"s/persist.json": b"precious"}


@EXCHANGES
def test_two_of_one_name_in_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanges: bool) -> None:
    """Of two sandboxes with one ID in a batch the second replaces the first, and nothing else is left."""
    if not exchanges:
        monkeypatch.setattr(syscalls, "exchange", _without_exchange)
    make(tmp_path / "a", {"s/persist.json": b"old"})
    pair = [sandbox(SandboxState(sid="s", state=state)) for state in ("ready", "running")]
    assert [written.error for written in write_trees(pair, tmp_path / "a", replace=True)] == [None, None]
    assert b'"running"' in contents(tmp_path / "a")["s/persist.json"]
    assert os.listdir(tmp_path / "a") == ["s"]


def _interrupts(monkeypatch: pytest.MonkeyPatch, left: int, *, after: bool, exchanges: bool) -> list[str]:
    """Make the call with this number, of the calls that touch the disk, raise what Ctrl-C does; return all calls."""
    calls: list[str] = []

    def interrupting(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            calls.append(name)
            if len(calls) - 1 != left:
                return real(*args, **kwargs)
            try:
                return real(*args, **kwargs) if after else None
            finally:
                raise KeyboardInterrupt

        return call

    for name in ("mkdir", "fchmod", "fsync", "rename"):
        monkeypatch.setattr(os, name, interrupting(name, getattr(os, name)))
    exchange = interrupting("exchange", syscalls.exchange) if exchanges else _without_exchange
    monkeypatch.setattr(syscalls, "exchange", exchange)
    return calls


@EXCHANGES
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("replaces", [False, True])
def test_interrupted_at_any_step(tmp_path: Path, replaces: bool, after: bool, exchanges: bool) -> None:
    """Interrupted before or after any call that touches the disk, an export leaves whole trees and nothing else."""
    names = ("a", "b", "c")
    trees = [sandbox(SandboxState(sid=sid), {"c": (ContainerState(), Origin())}) for sid in names]
    list(write_trees(trees, tmp_path / "new"))
    new = contents(tmp_path / "new")
    for step in range(200):
        out = tmp_path / f"out{step}"
        out.mkdir()
        old = {f"{sid}/old": b"" for sid in names} if replaces else {}
        make(out, old)
        with pytest.MonkeyPatch.context() as patch:
            calls = _interrupts(patch, step, after=after, exchanges=exchanges)
            try:
                list(write_trees(trees, out, replace=replaces))
            except KeyboardInterrupt:
                ended = False
            else:
                ended = True
        files = contents(out)
        assert set(os.listdir(out)) == {name.partition("/")[0] for name in files} <= set(names)
        for sid in names:
            whole = [{name: data for name, data in tree.items() if name.startswith(f"{sid}/")} for tree in (old, new)]
            assert {name: data for name, data in files.items() if name.startswith(f"{sid}/")} in whole
        if ended:
            assert files == new
            break
    assert ended
    assert len(calls) == step
    assert {"mkdir", "fchmod", "fsync", "exchange" if replaces and exchanges else "rename"} == set(calls)


_KILLED = """
import fcntl, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[5])
from tests.runtimes.kata.trees import one, stored
from persistdb.runtimes import syscalls
from persistdb.runtimes.kata import write_tree
sandbox = stored(one(Path(sys.argv[1])))
left = int(sys.argv[3])
def dying(real):
    def call(*args, **kwargs):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return real(*args, **kwargs)
    return call
for name in ("open", "mkdir", "fsync", "fchmod", "rename", "unlink", "rmdir"):
    setattr(os, name, dying(getattr(os, name)))
fcntl.flock = dying(fcntl.flock)
syscalls.exchange = dying(syscalls.exchange) if sys.argv[4] == "True" else lambda *_: False
write_tree(sandbox, sys.argv[2], replace=True)
"""


def _killed(source: Path, out: Path, step: int, *, exchanges: bool) -> bool:
    """Kill an export before a step; return whether it ended before that."""
    words = [sys.executable, "-c", _KILLED, str(source), str(out), str(step), str(exchanges)]
    done = subprocess.run([*words, str(Path(__file__).parents[3])], check=False)
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode == 0


@pytest.mark.slow
@EXCHANGES
@pytest.mark.parametrize("replaces", [False, True])
def test_killed_at_any_step(tmp_path: Path, replaces: bool, exchanges: bool) -> None:
    """Killed before any call to the disk, an export leaves the old tree or the new one, and the next removes the rest.

    Without the system's exchange, a replacement may leave none; then the next export puts the old one back.
    """
    source = make(tmp_path / "in", TREE)
    before = _OLD if replaces else {}
    kinds = set()
    for step in range(200):
        out = make(tmp_path / f"out{step}", before)
        out.mkdir(exist_ok=True)
        ended = _killed(source, out, step, exchanges=exchanges)
        files = {name: data for name, data in contents(out).items() if not name.startswith(".")}
        assert files in [before, TREE] + [{}] * (not exchanges)
        assert [tree.faults for tree in read_trees([out])] in ([], [[]])
        kinds.add(len(files))
        assert list(write_trees([], out)) == []
        assert contents(out) in [before, TREE]
        assert set(os.listdir(out)) <= {"s"}
        if ended:
            break
    assert ended
    assert step > 15
    assert kinds == {len(before), len(TREE)} | ({0} if not exchanges else set())


def test_killed_while_it_writes_an_old_store(tmp_path: Path) -> None:
    """What a killed export left beside config.json is removed, too, and a root's own files stay."""
    files = OLD | {"var/lib/vc/sbs/s/config.json": b"{}"}
    root = make(tmp_path / "root", files)
    for store in ("run/vc/sbs", "var/lib/vc/sbs"):
        make(root / store, {".persistdb-0123456789abcdef.partial/.persistdb": b""})
    list(write_trees([], root))
    assert contents(root) == files


def test_leftovers_are_looked_for_once(tmp_path: Path) -> None:
    """An export that goes on looks for leftovers once in each folder, however many batches it writes there."""
    leftover = {".persistdb-0123456789abcdef.partial/.persistdb": b""}
    writing = Writing()
    for name, stays in (("a", False), ("a", True), ("b", False), ("b", True)):
        make(tmp_path / name, leftover)
        list(KATA.write([], str(tmp_path / name), writing))
        assert contents(tmp_path / name) == (leftover if stays else {}), (name, stays)


def test_living_exports_work_stays(tmp_path: Path) -> None:
    """The unfinished trees of an export that is still running are not removed by another into the same folder."""
    tree = stored(one(make(tmp_path / "in", TREE)))
    out = tmp_path / "out"
    out.mkdir()
    with Staging(str(out), replace=False) as staging:
        staging.add(Place(str(out)), "other", {"": {"file": b"x"}}, 0o700)
        write_tree(tree, out)
        assert staging.put_in_place() == {}
    assert contents(out) == TREE | {"other/file": b"x"}
    assert sorted(os.listdir(out)) == ["other", "s"]


@pytest.mark.parametrize(
    "name",
    [
        ".x.0123abcd.partial/file",
        ".persistdb-0123456789abcdef.partial/without a mark",
        ".persistdb-0123456789abcde.partial/.persistdb",
        ".persistdb-0123456789abcdef.old/.persistdb",
        ".persistdb",
    ],
)
def test_what_others_made_stays(tmp_path: Path, name: str) -> None:
    """Only folders with persistdb's name and mark are removed as leftovers."""
    out = make(tmp_path, {name: b"precious"})
    write_tree(sandbox(), out)
    assert contents(out)[name] == b"precious"


def test_symlinks_named_like_leftovers_stay(tmp_path: Path) -> None:
    """A symlink that has a leftover's name is neither followed nor removed, and a mark that is one is not locked."""
    elsewhere = make(tmp_path / "elsewhere", {".persistdb": b"", "0/file": b"x"})
    out = make(tmp_path / "out", {".persistdb-00000000000000aa.partial/file": b"x"})
    (out / ".persistdb-0123456789abcdef.partial").symlink_to(elsewhere)
    (out / ".persistdb-00000000000000aa.partial/.persistdb").symlink_to(elsewhere / ".persistdb")
    write_tree(sandbox(), out)
    assert contents(elsewhere) == {".persistdb": b"", "0/file": b"x"}
    assert (out / ".persistdb-0123456789abcdef.partial").is_symlink()
    assert (out / ".persistdb-00000000000000aa.partial/file").exists()


def test_exchange_is_there(tmp_path: Path) -> None:
    """Two folders exchange their names; with one of them missing, that is an error, and the other stays."""
    make(tmp_path, {"a/1": b"", "b/2": b""})
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        if not syscalls.exchange("a", folder, "b", folder):
            pytest.skip("this system cannot exchange names")
        assert set(contents(tmp_path)) == {"b/1", "a/2"}
        with pytest.raises(FileNotFoundError):
            syscalls.exchange("a", folder, "none", folder)
    finally:
        os.close(folder)
    assert set(contents(tmp_path)) == {"b/1", "a/2"}
