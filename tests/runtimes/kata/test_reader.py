"""Trees are read sandbox by sandbox; each file's fault is named, and the rest is read."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from persistdb.errors import DamagedFile, FileError, InvalidValue, UnsupportedLayout
from persistdb.runtimes import folders
from persistdb.runtimes.folders import MAX_FILE
from persistdb.runtimes.kata import read_trees

from .test_sandbox import RUNTIME_RS
from .trees import DATA, PLAIN, SAMPLES, SANDBOX, copy_sample, make, one

TREE = {"s/persist.json": SANDBOX, "s/s/persist.json": PLAIN, "s/c/persist.json": PLAIN}
OLD = {
    "run/vc/sbs/s/state.json": b'{"state":"running","guestMemoryHotplugProbe":false}',
    "run/vc/sbs/s/lock": b"",
    "run/vc/sbs/s/c/state.json": b'{"state":"ready","BlockDeviceID":"","fstype":""}',
    "run/vc/sbs/s/c/process.json": b'{"Token":"","Pid":0,"StartTime":"0001-01-01T00:00:00Z"}',
    "run/vc/sbs/s/c/mounts.json": b"null",
    "run/vc/sbs/s/c/devices.json": b"null",
}


@pytest.mark.parametrize("name", SAMPLES)
def test_samples(name: str) -> None:
    """Every sample tree is read without a fault."""
    tree = one(DATA / name)
    assert tree.record is not None
    assert tree.containers
    assert (tree.faults, tree.kept, tree.notes) == ([], set(), [])
    assert {origin.layout for _, origin in tree.containers.values()} == {tree.record.layout}


@pytest.mark.parametrize("name", SAMPLES)
def test_files_of_records(name: str) -> None:
    """The tree names the file that each record came from, or the folder of an old store's files."""
    tree = one(DATA / name)
    folder = Path(tree.path)
    is_old = name.endswith("-oldstore")
    for path, where in ((tree.file_of(), folder), *((tree.file_of(cid), folder / cid) for cid in tree.containers)):
        assert Path(path) == (where if is_old else where / "persist.json")
        assert Path(path).exists()


def test_three_kinds_of_path(tmp_path: Path) -> None:
    """A root, its sbs folder and one sandbox's folder all give the same sandbox."""
    root = copy_sample("3.29.0", tmp_path)
    sbs = root / "run/vc/sbs"
    (sandbox,) = sbs.iterdir()
    trees = list(read_trees([root, sbs, sandbox]))
    assert [tree.sid for tree in trees] == [sandbox.name] * 3
    assert trees[0].containers == trees[1].containers == trees[2].containers
    assert trees[0].record == trees[1].record == trees[2].record


def test_sorted_and_lazy(tmp_path: Path) -> None:
    """Sandboxes come sorted by ID, each read when it is asked for."""
    make(tmp_path, {f"{sid}/persist.json": SANDBOX.replace(b'"s"', f'"{sid}"'.encode()) for sid in ("b", "c", "a")})
    trees = read_trees([tmp_path])
    assert next(trees).sid == "a"
    (tmp_path / "b/persist.json").write_bytes(b"")
    second = next(trees)
    assert (second.sid, second.record) == ("b", None)
    assert [tree.sid for tree in trees] == ["c"]


@pytest.mark.parametrize(("name", "reason"), [("none", "does not exist"), ("file", "is not a folder")])
def test_path_that_cannot_be_read(tmp_path: Path, name: str, reason: str) -> None:
    """A path that does not exist or is no folder is an error before anything is read."""
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match=reason):
        read_trees([tmp_path, tmp_path / name])


def test_damaged_container_is_kept(tmp_path: Path) -> None:
    """A damaged container file is a fault with its path, and the container is in ``kept``; the others are read."""
    make(tmp_path, TREE | {"s/bad/persist.json": PLAIN[:50]})
    tree = one(tmp_path)
    assert set(tree.containers) == {"s", "c"}
    assert tree.kept == {"bad"}
    (fault,) = tree.faults
    assert isinstance(fault, DamagedFile)
    assert (fault.path, fault.key) == (str(tmp_path / "s/bad/persist.json"), "BundlePath")


def test_damaged_sandbox_still_gives_containers(tmp_path: Path) -> None:
    """Containers are read even if their sandbox's own file is damaged or missing."""
    make(tmp_path, TREE | {"s/persist.json": b"{", "t/c/persist.json": PLAIN})
    first, second = read_trees([tmp_path])
    assert first.record is None
    assert second.record is None
    assert set(first.containers) == {"s", "c"}
    assert set(second.containers) == {"c"}
    assert [type(fault) for fault in first.faults] == [DamagedFile]
    assert "does not exist" in second.faults[0].reason


@pytest.mark.parametrize("damage", [b"", b"{", b"\0\0", b'{"state":"running"} more'])
def test_damaged_sandbox_of_an_old_store(tmp_path: Path, damage: bytes) -> None:
    """A damaged file of an old store's sandbox is one fault; no other fault is that it has no persist.json."""
    make(tmp_path, OLD | {"run/vc/sbs/s/state.json": damage})
    tree = one(tmp_path)
    assert [fault.path for fault in tree.faults] == [str(tmp_path / "run/vc/sbs/s/state.json")]
    assert set(tree.containers) == {"c"}


def test_what_is_no_container(tmp_path: Path) -> None:
    """Sockets, lock, raw and folders without state are skipped, and an unknown file is noted."""
    make(tmp_path, TREE | {"s/lock": b"", "s/raw/x": b"1", "s/vendor.json": b"{}", "empty/raw/y": b""})
    (tmp_path / "s/empty").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        where = os.getcwd()
        os.chdir(tmp_path / "s")  # a socket's path is at most 107 bytes long
        try:
            listener.bind("shim-monitor.sock")
        finally:
            os.chdir(where)
        tree = one(tmp_path)
    assert set(tree.containers) == {"s", "c"}
    assert tree.faults == []
    assert tree.notes == [f"{tmp_path}/s/vendor.json is no file of Kata's and was not read"]


def test_sandbox_without_containers(tmp_path: Path) -> None:
    """A sandbox's own file alone, as forks and failed creates leave it, is a sandbox without containers."""
    make(tmp_path, {"s/persist.json": SANDBOX})
    tree = one(tmp_path)
    assert tree.record is not None
    assert (tree.containers, tree.faults) == ({}, [])


@pytest.mark.parametrize("place", ["s", "s/persist.json", "s/c", "s/c/persist.json"])
def test_symlinks_are_refused(tmp_path: Path, place: str) -> None:
    """A symlink at any level below the path is a fault and is not followed; its container is in ``kept``."""
    elsewhere = make(tmp_path / "elsewhere", TREE)
    tree_path = make(tmp_path / "sbs", TREE | {"t/persist.json": SANDBOX.replace(b'"s"', b'"t"')})
    target = tree_path / place
    moved = elsewhere / "moved"
    target.rename(moved)
    target.symlink_to(moved)
    first, second = read_trees([tree_path])
    assert second.record is not None
    assert [(fault.path, fault.reason) for fault in first.faults] == [
        (str(target), "is a symlink, which is not followed")
    ]
    assert ("c" in first.containers) == (place == "s/persist.json")
    assert first.kept == ({"c"} if "c" in place.split("/") else set())


def test_symlink_in_the_way_to_the_store(tmp_path: Path) -> None:
    """A root whose run/vc/sbs has a symlink in it is refused; the path to the root may have one."""
    root = make(tmp_path / "root", {f"run/vc/sbs/{name}": data for name, data in TREE.items()})
    (tmp_path / "link").symlink_to(root)
    assert one(tmp_path / "link").record is not None
    (root / "run/vc").rename(root / "run/real")
    (root / "run/vc").symlink_to("real")
    with pytest.raises(FileError, match="run/vc: is a symlink"):
        read_trees([root])


def test_folder_swapped_for_a_symlink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is replaced by a symlink after it was listed is not followed either."""
    make(tmp_path / "sbs", TREE)
    make(tmp_path / "elsewhere", {"persist.json": PLAIN.replace(b"running", b"secret!")})
    listing = folders.Folder.entries

    def swap(self: folders.Folder) -> list[tuple[str, str]]:
        entries = listing(self)
        if self.path.endswith("/s"):
            (tmp_path / "sbs/s/c").rename(tmp_path / "gone")
            (tmp_path / "sbs/s/c").symlink_to(tmp_path / "elsewhere")
        return entries

    trees = read_trees([tmp_path / "sbs"])
    monkeypatch.setattr(folders.Folder, "entries", swap)
    (tree,) = trees
    assert set(tree.containers) == {"s"}
    assert tree.kept == {"c"}
    assert [fault.reason for fault in tree.faults] == ["is a symlink, which is not followed"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (b".hidden", "begin with a dot"),
        (b"..3", "begin with a dot"),
        (b".#x.", "begin with a dot"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_ids_that_kata_refuses(tmp_path: Path, name: bytes, reason: str) -> None:
    """An invalid ID of a sandbox or container is a fault whose message is printable."""
    for level in (b"", b"s/"):
        folder = os.fsencode(tmp_path) + b"/" + level + name
        os.makedirs(folder)
        with open(folder + b"/persist.json", "wb") as file:
            file.write(PLAIN if level else SANDBOX)
    make(tmp_path, TREE)
    bad, good = sorted(read_trees([tmp_path]), key=lambda tree: tree.sid == "s")
    assert bad.record is None
    for tree in (bad, good):
        assert [reason in fault.reason for fault in tree.faults] == [True]
        str(tree.faults[0]).encode()
    assert set(good.containers) == {"s", "c"}


@pytest.mark.parametrize(
    "name", ["a'b", 'q"q', "new\nline", "%s%n", "\x1b[31m", "日本", "x" * 255, "a b", "-rf", "a..b"]
)
def test_odd_ids_are_data(tmp_path: Path, name: str) -> None:
    """Quotes, newlines, escape sequences and spaces in an ID are data."""
    make(tmp_path, {f"{name}/persist.json": SANDBOX, f"{name}/{name}/persist.json": PLAIN})
    tree = one(tmp_path)
    assert tree.sid == name
    assert set(tree.containers) == {name}


def test_leftovers_of_an_export_are_passed_over(tmp_path: Path) -> None:
    """A folder with the temporary name of a killed export is skipped."""
    work = ".persistdb-0123456789abcdef.partial"
    make(tmp_path, TREE | {f"{work}/persist.json": SANDBOX, f"{work}/.old/s/persist.json": SANDBOX})
    assert one(tmp_path).sid == "s"


def test_huge_file_is_not_read(tmp_path: Path) -> None:
    """A file of 100 MB is refused because of its size."""
    make(tmp_path, TREE)
    os.truncate(tmp_path / "s/c/persist.json", 100_000_000)
    tree = one(tmp_path)
    assert tree.kept == {"c"}
    assert f"has 100000000 bytes, more than {MAX_FILE}" in tree.faults[0].reason


def test_fifo_does_not_block(tmp_path: Path) -> None:
    """A FIFO instead of a file is a fault, and nobody waits for a writer."""
    make(tmp_path, TREE)
    (tmp_path / "s/c/persist.json").unlink()
    os.mkfifo(tmp_path / "s/c/persist.json")
    tree = one(tmp_path)
    assert tree.kept == {"c"}
    assert tree.faults[0].reason == "is not a regular file"


_READ = """
import os, sys
from persistdb.runtimes.kata import read_trees
if os.getuid() == 0:  # which may read everything
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
for tree in read_trees([sys.argv[1]]):
    print(tree.sid, tree.record is not None, sorted(tree.containers), sorted(tree.kept))
    for fault in tree.faults:
        print(fault)
"""


def test_folder_without_permission() -> None:
    """A folder or file without permission to read it is a fault; everything else is read."""
    with tempfile.TemporaryDirectory() as public:  # only root may enter the folder that has tmp_path
        os.chmod(public, 0o755)
        tree = make(Path(public) / "sbs", TREE | {"t/persist.json": SANDBOX, "s/d/persist.json": PLAIN})
        for path in ("s/c", "s/d/persist.json", "t"):
            (tree / path).chmod(0)
        try:
            done = subprocess.run([sys.executable, "-c", _READ, str(tree)], capture_output=True, text=True, check=True)
        finally:
            for path in ("s/c", "t"):
                (tree / path).chmod(0o700)
    assert done.stdout.splitlines() == [
        "s True ['s'] ['c', 'd']",
        f"{tree}/s/c: may not be read: permission denied",
        f"{tree}/s/d/persist.json: may not be read: permission denied",
        "t False [] []",
        f"{tree}/t: may not be read: permission denied",
    ]


def test_torn_write_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is read while Kata writes it is read again, until it is whole."""
    make(tmp_path, TREE)
    torn = tmp_path / "s/c/persist.json"
    torn.write_bytes(PLAIN[:60])
    monkeypatch.setattr("time.sleep", lambda _: torn.write_bytes(PLAIN))
    tree = one(tmp_path)
    assert set(tree.containers) == {"s", "c"}
    assert tree.faults == []


def test_old_damage_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was damaged long ago is read again without a pause."""
    make(tmp_path, TREE)
    torn = tmp_path / "s/c/persist.json"
    torn.write_bytes(PLAIN[:60])
    os.utime(torn, (1, 1))
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("waited"))
    assert one(tmp_path).kept == {"c"}


def test_container_removed_while_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that is removed after the folder was listed is gone, and no fault."""
    make(tmp_path, TREE)
    listing = folders.Folder.entries

    def remove(self: folders.Folder) -> list[tuple[str, str]]:
        entries = listing(self)
        if self.path.endswith("/s"):
            (tmp_path / "s/c/persist.json").unlink()
            (tmp_path / "s/c").rmdir()
        return entries

    monkeypatch.setattr(folders.Folder, "entries", remove)
    tree = one(tmp_path)
    assert set(tree.containers) == {"s"}
    assert (tree.faults, tree.kept) == ([], set())


def test_layout_is_settled_by_what_one_kata_wrote(tmp_path: Path) -> None:
    """Without devices 2.2 and 3.28 look the same; another container or the sandbox's own file decides."""
    bare = PLAIN.replace(b'[{"ID":"d","ContainerPath":"/dev/x","FileMode":438,"UID":0,"GID":6}]', b"null")
    shared = PLAIN.replace(b'"GID":6', b'"GID":6,"Shared":false')
    new = SANDBOX.replace(b"{", b'{"Config":{"HypervisorConfig":{"BlockDeviceLogicalSectorSize":0}},')
    make(
        tmp_path,
        {
            "s1/persist.json": SANDBOX.replace(b'"s"', b'"s1"'),
            "s1/a/persist.json": bare,
            "s1/b/persist.json": shared,
            "s2/persist.json": SANDBOX.replace(b'"s"', b'"s2"'),
            "s2/a/persist.json": bare,
            "s3/persist.json": new.replace(b'"s"', b'"s3"'),
            "s3/a/persist.json": bare,
        },
    )
    layouts = [(tree.record and tree.record.layout, tree.containers["a"][1].layout) for tree in read_trees([tmp_path])]
    assert layouts == [("3.28", "3.28"), ("2.2", "2.2"), ("3.28", "3.28")]


def test_other_name_inside(tmp_path: Path) -> None:
    """A sandbox file that names another sandbox is read under its folder's name, and the note says so."""
    make(tmp_path, {"other/persist.json": SANDBOX})
    tree = one(tmp_path)
    assert tree.record is not None
    assert tree.record.sid == "other"
    assert tree.notes == [f"{tmp_path}/other/persist.json names sandbox 's'; took its folder's name, 'other'"]


@pytest.mark.parametrize("rest", [b"{}", b'x"', b"\n\n[1"])
def test_more_after_a_value(tmp_path: Path, rest: bytes) -> None:
    """What follows the value in a file is kept with it, as Kata passes it over, and noted with its place."""
    make(tmp_path, TREE | {"s/persist.json": SANDBOX.strip() + rest, "s/c/persist.json": PLAIN.strip() + rest})
    tree = one(tmp_path)
    assert tree.faults == []
    assert tree.notes == [
        f"{tmp_path}/{name}/persist.json holds more after its value, from character {len(value.strip())} on; "
        "Kata does not read it either"
        for name, value in (("s", SANDBOX), ("s/c", PLAIN))
    ]


@pytest.mark.parametrize("blank", [b"", b" \n\t\r\n"])
def test_blanks_after_a_value(tmp_path: Path, blank: bytes) -> None:
    """White space after the value is no more of it."""
    make(tmp_path, TREE | {"s/persist.json": SANDBOX.strip() + blank, "s/c/persist.json": PLAIN.strip() + blank})
    assert one(tmp_path).notes == []


def test_folders_without_a_file(tmp_path: Path) -> None:
    """A folder without a container's file is no container, and named with the file that is missing."""
    make(tmp_path, TREE | {"s/raw/x": b"", "s/gone/lock": b""})
    tree = one(tmp_path)
    assert tree.stateless == {name: f"{tmp_path}/s/{name}/persist.json" for name in ("gone", "raw")}
    assert (tree.kept, tree.faults, tree.notes) == (set(), [], [])


def test_runtime_rs_is_refused(tmp_path: Path) -> None:
    """A sandbox of runtime-rs is a fault that says why it cannot be imported."""
    make(tmp_path, {"s/state.json": RUNTIME_RS})
    (fault,) = one(tmp_path).faults
    assert isinstance(fault, UnsupportedLayout)
    assert fault.path == str(tmp_path / "s/state.json")


RUNC = b'{"id":"c","init_process_pid":7,"init_process_start":102001,"config":{"rootfs":"/b/rootfs"}}'


@pytest.mark.parametrize("state", [RUNC, b"{}", b'{"ociVersion":"v1.0.2","id":"c","status":"running","pid":7}'])
def test_state_of_another_runtime_is_refused(tmp_path: Path, state: bytes) -> None:
    """A state.json without the key that each Kata wrote is a fault, as a sandbox's and as a container's."""
    make(tmp_path, {"s/state.json": state, "t/state.json": b'{"state":"running"}', "t/c/state.json": state})
    s, t = read_trees([tmp_path])
    assert (s.record, s.containers) == (None, {})
    assert (t.containers, t.kept) == ({}, {"c"})
    for tree, name in ((s, "s/state.json"), (t, "t/c/state.json")):
        (fault,) = tree.faults
        assert isinstance(fault, UnsupportedLayout)
        assert fault.path == str(tmp_path / name)


def test_old_config_is_found_from_a_root(tmp_path: Path) -> None:
    """An old store's config.json, which is beside run/vc/sbs, is read if the root is known."""
    make(
        tmp_path, OLD | {"var/lib/vc/sbs/s/config.json": b'{"ID":"s"}', "var/lib/vc/sbs/s/c/config.json": b'{"ID":"c"}'}
    )
    for path in (tmp_path, tmp_path / "run/vc/sbs", tmp_path / "run/vc/sbs/s"):
        tree = one(path)
        assert tree.record is not None
        assert '"config.json":{"ID":"s"}' in (tree.record.document or "")
        assert tree.containers["c"][1].extra == '{"config.json":{"ID":"c"}}'
        assert tree.faults == []


@pytest.mark.parametrize("has_config", [True, False])
def test_both_stores(tmp_path: Path, has_config: bool) -> None:
    """If a sandbox has both stores, the one that Kata takes is read, and a note says which and why."""
    files = OLD | {f"run/vc/sbs/{name}": data for name, data in TREE.items()}
    if has_config:
        files["var/lib/vc/sbs/s/config.json"] = b"{}"
    make(tmp_path, files)
    tree = one(tmp_path)
    assert tree.record is not None
    assert tree.record.layout == ("old-1.7" if has_config else "2.2")
    old, new = "the old store (state.json, …)", "the persist.json"
    taken, other = (old, new) if has_config else (new, old)
    why = f"as Kata does where {'' if has_config else 'no '}config.json exists"
    assert tree.notes == [f"{tree.path} holds both stores: took {taken}, not {other}, {why}"]


@pytest.mark.parametrize("path", ["/run/\0", "/run/\ud800"])
def test_a_path_that_names_no_folder(path: str) -> None:
    """A path with a character that no file's name can hold is an error with its reason, before anything is read."""
    with pytest.raises(FileError, match="is in no path"):
        read_trees([path])
    with pytest.raises(InvalidValue, match="must be of type Iterable") as caught:
        read_trees(7)  # type: ignore[arg-type]  # refused
    assert caught.value.field == "paths"


def test_reading_changes_nothing(tmp_path: Path) -> None:
    """Reading a tree changes no file, folder or timestamp in it."""
    root = copy_sample("1.6.0-oldstore", tmp_path)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    one(root)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
