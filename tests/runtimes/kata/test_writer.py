"""Trees are written as a whole or not at all, in the layout that they came in or in another."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import msgspec
import pytest

from persistdb.errors import FileError, InvalidValue, LayoutLoss
from persistdb.records import ContainerState, DeviceMap, Mount, Origin, Process, Sandbox, SandboxState
from persistdb.runtimes.kata import NAMES, write_tree, write_trees

from .test_oldstore import KATA_16
from .test_reader import OLD, TREE
from .trees import DATA, PLAIN, SAMPLES, SANDBOX, contents, make, one, sandbox, stored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


NO_PROCESS = {"Token": "", "Pid": 0, "StartTime": "0001-01-01T00:00:00Z"}


def change(folder: Path, **fields: object) -> Sandbox:
    """Make the stored sandbox of a folder, with its container ``c`` changed."""
    tree = one(folder)
    state, origin = tree.containers["c"]
    return sandbox(tree.record, tree.containers | {"c": (msgspec.structs.replace(state, **fields), origin)})


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_come_back(tmp_path: Path, name: str) -> None:
    """Every sample tree is written back byte for byte."""
    assert write_tree(stored(one(DATA / name)), tmp_path) == []
    assert contents(tmp_path) == contents(DATA / name / "run/vc/sbs")


def test_odd_trees_come_back(tmp_path: Path) -> None:
    """A tree with unknown keys, odd spellings and white space is written back byte for byte, too."""
    source = make(
        tmp_path / "in",
        {
            "s/persist.json": b' {"state":"x","vendor":1}\n\n',
            "s/a'%\n/persist.json": PLAIN.replace(b'"State"', b'"STATE"'),
            "s/b/persist.json": PLAIN.replace(b'"Pid":7', b'"Pid": 7,"New":1e2').replace(b"}\n", b"}"),
            "s/c/persist.json": b"{}",
        },
    )
    assert write_tree(stored(one(source)), tmp_path / "out") == []
    assert contents(tmp_path / "out") == contents(source)


def test_all_files_of_an_old_sandbox_come_back(tmp_path: Path) -> None:
    """Whatever files Kata wrote of an old store's sandbox are read and written back byte for byte."""
    own = ("hypervisor.json", "network.json", "agent.json", "devices.json")
    source = make(tmp_path / "in", OLD | {f"run/vc/sbs/s/{name}": b' {"a" : 1}\n' for name in own})
    tree = one(source)
    assert tree.notes == []
    assert write_tree(stored(tree), tmp_path / "out") == []
    assert contents(tmp_path / "out") == contents(source / "run/vc/sbs")


@pytest.mark.parametrize(("files", "mode"), [(TREE, 0o700), (OLD, 0o750)])
def test_modes(tmp_path: Path, files: dict[str, bytes], mode: int) -> None:
    """Whatever the umask, folders have the mode that their store gives them, and only the owner may read files."""
    source = make(tmp_path / "in", files)
    before = os.umask(0o077)
    try:
        write_tree(stored(one(source)), tmp_path / "out")
    finally:
        os.umask(before)
    written = list((tmp_path / "out").rglob("*"))
    assert {"s", "persist.json" if files is TREE else "state.json"} <= {path.name for path in written}
    for path in written:
        assert stat.S_IMODE(path.stat().st_mode) == (mode if path.is_dir() else 0o600)


@pytest.mark.usefixtures("open_umask")
def test_missing_folders_are_private(tmp_path: Path) -> None:
    """Whatever the umask, all folders that an export creates above its trees are for their owner only."""
    source = make(tmp_path / "in", TREE)
    write_tree(stored(one(source)), tmp_path / "a" / "b" / "c")
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b", "a/b/c")] == [0o700] * 3


def test_changed_container(tmp_path: Path) -> None:
    """A changed container is written as Kata writes it, with its unknown keys; the others are written as they were."""
    odd = PLAIN.replace(b'"State"', b'"Vendor":1,"State"')
    source = make(tmp_path / "in", TREE | {"s/c/persist.json": odd})
    write_tree(change(source, state="stopped"), tmp_path)
    written = contents(tmp_path / "s")
    assert written["c/persist.json"] == PLAIN.replace(b"running", b"stopped")[:-2] + b',"Vendor":1}\n'
    assert written["s/persist.json"] == PLAIN


@pytest.mark.parametrize("layout", [None, "1.7", "seed"])
def test_empty_lists_stay_empty_lists(tmp_path: Path, layout: str | None) -> None:
    """An empty list does not become ``null`` when something else changes, or the layout does."""
    file = json.loads(PLAIN) | {"DeviceMaps": [], "Mounts": []}
    source = make(tmp_path / "in", TREE | {"s/c/persist.json": json.dumps(file).encode()})
    write_tree(change(source, state="paused"), tmp_path, layout)
    after = json.loads((tmp_path / "s/c/persist.json").read_bytes())
    assert (after["State"], after["DeviceMaps"], after["Mounts"]) == ("paused", [], [])


def test_emptied_list_is_null(tmp_path: Path) -> None:
    """A list that lost its items is ``null``, as Kata writes it, and one that had none stays ``[]``."""
    file = json.loads(PLAIN) | {"DeviceMaps": []}
    source = make(tmp_path / "in", TREE | {"s/c/persist.json": json.dumps(file).encode()})
    write_tree(change(source, mounts=[]), tmp_path)
    after = json.loads((tmp_path / "s/c/persist.json").read_bytes())
    assert (after["DeviceMaps"], after["Mounts"]) == ([], None)


@pytest.mark.parametrize(("layout", "process"), [("seed", []), ("1.7-rc1", []), ("1.7", NO_PROCESS)])
def test_empty_list_of_processes_stays(tmp_path: Path, layout: str, process: object) -> None:
    """An empty list of processes stays one in layouts that have a list, and is a process of zero values in others."""
    file = {"State": "ready", "Rootfs": {"Source": ""}, "Process": [], "Vendor": 1}
    source = make(tmp_path / "in", TREE | {"s/c/persist.json": json.dumps(file).encode()})
    write_tree(change(source, state="paused"), tmp_path, layout)
    after = json.loads((tmp_path / "s/c/persist.json").read_bytes())
    assert (after["State"], after["Vendor"]) == ("paused", 1)
    assert after["Process"] == process


def test_empty_lists_of_an_old_store_stay(tmp_path: Path) -> None:
    """An old store's empty lists do not become ``null`` when something else changes, or when the store does."""
    files = {"state.json": b'{"state":"x"}', "mounts.json": b"[]", "devices.json": b" [ ] "}
    source = make(tmp_path / "in", OLD | {f"run/vc/sbs/s/c/{name}": data for name, data in files.items()})
    write_tree(change(source, state="paused"), tmp_path / "out")
    written = contents(tmp_path / "out/s/c")
    assert (written["mounts.json"], written["devices.json"]) == (b"[]", b"[]")
    write_tree(change(source, state="paused"), tmp_path / "new", "1.7", allow_loss=True)
    assert b'"DeviceMaps":[],"Mounts":[],' in (tmp_path / "new/s/c/persist.json").read_bytes()


def test_devices_given_later_are_written_right(tmp_path: Path) -> None:
    """A container of Kata 3.29 that had no devices and was given one is written with ``Shared``."""
    tree = one(DATA / "3.29.0")
    state, origin = tree.containers["web-1"]
    tree.containers["web-1"] = msgspec.structs.replace(state, device_maps=[DeviceMap(id="d")]), origin
    write_tree(stored(tree), tmp_path)
    assert b'"GID":0,"Shared":false}]' in (tmp_path / tree.sid / "web-1/persist.json").read_bytes()


def test_made_in_python(tmp_path: Path) -> None:
    """A sandbox that never was in files is written in the newest layout, and read back equal."""
    record = ContainerState(state="ready", device_maps=[DeviceMap(id="d", shared=True)], processes=[Process(token="t")])
    made = sandbox(SandboxState(sid="s", state="ready"), {"c": (record, Origin())})
    write_tree(made, tmp_path)
    tree = one(tmp_path)
    assert tree.containers["c"] == (record, Origin(layout="3.28"))
    assert tree.record is not None
    assert (tree.record.state, tree.record.layout) == ("ready", "3.28")


def test_container_made_in_python_takes_its_sandboxs_layout(tmp_path: Path) -> None:
    """A container added to a sandbox from files is written in that sandbox's layout."""
    tree = one(make(tmp_path / "in", OLD))
    tree.containers["new"] = ContainerState(state="ready"), Origin()
    tree.containers["moved"] = ContainerState(state="ready"), Origin(layout="3.28")
    write_tree(stored(tree), tmp_path)
    for cid in ("new", "moved"):
        assert sorted(path.name for path in (tmp_path / "s" / cid).iterdir()) == sorted(
            ["state.json", "process.json", "mounts.json", "devices.json"]
        )


def test_seed_to_kata_1_7(tmp_path: Path) -> None:
    """From layout seed to 1.7, values without a place are named and refused unless ``allow_loss``; others go over."""
    before = one(DATA / "seed-196661bc")
    with pytest.raises(LayoutLoss) as caught:
        write_tree(stored(before), tmp_path, "1.7")
    assert not list(tmp_path.iterdir())
    assert any(loss.endswith("1 of 2 processes (it holds one)") for loss in caught.value.losses)
    assert any(loss.endswith("Rootfs.Source") for loss in caught.value.losses)
    lost = write_tree(stored(before), tmp_path, "1.7", allow_loss=True)
    assert lost == list(caught.value.losses)
    after = one(tmp_path)
    assert {origin.layout for _, origin in after.containers.values()} == {"1.7"}
    for cid, (record, _) in after.containers.items():
        old = before.containers[cid][0]
        assert record.processes == old.processes[:1]
        assert record.rootfs == Mount(type=old.rootfs.type, block_device_id=old.rootfs.block_device_id)
        assert record.device_maps == old.device_maps


def test_defaults_of_many(tmp_path: Path) -> None:
    """Unless it is asked for, nothing is lost and nothing replaced: such a sandbox has an error."""
    before = stored(one(DATA / "seed-196661bc"))
    (lossy,) = write_trees([before], tmp_path, "1.7")
    assert isinstance(lossy.error, LayoutLoss)
    (first,) = write_trees([before], tmp_path)
    (again,) = write_trees([before], tmp_path)
    assert first.error is None
    assert isinstance(again.error, FileError)
    with pytest.raises(InvalidValue, match="must be a path, not int") as caught:
        next(write_trees([before], 7))  # type: ignore[arg-type]  # refused
    assert caught.value.field == "destination"


def test_kata_1_7_to_seed_and_back(tmp_path: Path) -> None:
    """Layout seed holds everything that Kata 1.12 wrote of containers, and gives it back; of the sandbox, less."""
    before = one(DATA / "1.12.1")
    lost = write_tree(stored(before), tmp_path / "seed", "seed", allow_loss=True)
    assert [loss.split(" (")[0] for loss in lost] == [
        "the sandbox's HypervisorState.Type",
        "the sandbox's HypervisorState.BlockIndexMap",
    ]
    there = one(tmp_path / "seed")
    assert {origin.layout for _, origin in there.containers.values()} == {"seed"}
    assert write_tree(stored(there), tmp_path / "back", "1.7") == []
    back = one(tmp_path / "back")
    assert {cid: record for cid, (record, _) in back.containers.items()} == {
        cid: record for cid, (record, _) in before.containers.items()
    }


def test_sandboxs_file_goes_to_the_version_that_is_named(tmp_path: Path) -> None:
    """The sandbox's file has the keys of the version that is asked for, and the containers its layout."""
    file = b'{"PersistVersion":2,"State":"running","SandboxContainer":"s","CgroupPath":"/c","CgroupPaths":{}}\n'
    new = b'{"PersistVersion":2,"State":"running","SandboxContainer":"s","SandboxCgroupPath":"/c","CgroupPaths":{}}\n'
    source = stored(one(make(tmp_path / "in", TREE | {"s/persist.json": file})))
    for name, expected in (("2.2", file), ("2.2.0", file), ("3.2", new), ("3.28", new), ("4.1", new), ("2.1", file)):
        assert write_tree(source, tmp_path / name, name) == []
        assert (tmp_path / name / "s/persist.json").read_bytes() == expected
        tree = one(tmp_path / name)
        assert tree.record is not None
        assert tree.record.cgroup_path == "/c"
        assert (b'"Shared"' in (tmp_path / name / "s/c/persist.json").read_bytes()) == (name in ("3.28", "4.1"))


def test_changed_sandbox_in_another_version(tmp_path: Path) -> None:
    """A changed state and cgroup path are written under the names of the version that is asked for."""
    file = b'{"State":"running","SandboxContainer":"s","CgroupPath":"/c"}\n'
    tree = one(make(tmp_path / "in", TREE | {"s/persist.json": file}))
    assert tree.record is not None
    changed = sandbox(msgspec.structs.replace(tree.record, state="stopped", cgroup_path="/d"), tree.containers)
    write_tree(changed, tmp_path, "3.2")
    written = (tmp_path / "s/persist.json").read_bytes()
    assert written == b'{"State":"stopped","SandboxContainer":"s","SandboxCgroupPath":"/d"}\n'


def test_sandbox_with_both_names_of_the_cgroup_path(tmp_path: Path) -> None:
    """Of a file with both names of the cgroup path, each value is in the exported file or named as lost."""
    file = b'{"State":"running","SandboxContainer":"s","CgroupPath":"/old","SandboxCgroupPath":"/new"}\n'
    tree = one(make(tmp_path / "in", TREE | {"s/persist.json": file}))
    assert write_tree(stored(tree), tmp_path, "3.2", allow_loss=True) == ["the sandbox's CgroupPath"]
    assert (tmp_path / "s/persist.json").read_bytes() == file.replace(b'"CgroupPath":"/old",', b"")
    assert tree.record is not None
    changed = sandbox(msgspec.structs.replace(tree.record, cgroup_path="/d"), tree.containers)
    assert write_tree(changed, tmp_path, "3.2", replace=True) == []
    assert b'"SandboxCgroupPath":"/d"' in (tmp_path / "s/persist.json").read_bytes()


@pytest.mark.parametrize(("version", "key"), [("2.2.0", "CgroupPath"), ("2.3", "SandboxCgroupPath"), ("2", "")])
def test_new_sandbox_for_a_version(tmp_path: Path, version: str, key: str) -> None:
    """A sandbox that never was in files has the cgroup path's name of the version; ``2`` alone is no version."""
    made = sandbox(SandboxState(sid="s", cgroup_path="/c"))
    if not key:
        with pytest.raises(InvalidValue, match="or a version of Kata"):
            write_tree(made, tmp_path, version)
        return
    write_tree(made, tmp_path, version)
    assert f'"{key}":"/c"'.encode() in (tmp_path / "s/persist.json").read_bytes()


def test_what_a_version_refuses_is_refused(tmp_path: Path) -> None:
    """A value that the version's Kata cannot read is a loss by name, so that its Kata never meets it."""
    file = SANDBOX.replace(b"}", b',"Config":{"HypervisorConfig":{"MemOffset":4294967296}}}')
    source = stored(one(make(tmp_path / "in", TREE | {"s/persist.json": file})))
    with pytest.raises(LayoutLoss, match=r"'2\.1' has no place for the sandbox's Config\..*\.MemOffset \(4294967296"):
        write_tree(source, tmp_path, "2.1")
    write_tree(source, tmp_path, "2.1", allow_loss=True)
    assert b"MemOffset" not in (tmp_path / "s/persist.json").read_bytes()


def test_unknown_keys_go_along(tmp_path: Path) -> None:
    """Unknown keys keep their place from one layout of persist.json to another."""
    odd = PLAIN.replace(b'"State"', b'"Vendor":1,"State"').replace(b'"Token"', b'"Tty":true,"Token"')
    write_tree(stored(one(make(tmp_path / "in", TREE | {"s/c/persist.json": odd}))), tmp_path, "seed")
    written = (tmp_path / "s/c/persist.json").read_bytes()
    assert b'"StartTime":"2023-10-01T00:42:25.5Z","Tty":true}]' in written
    assert written.endswith(b',"Vendor":1}\n')
    assert written.count(b"Vendor") == 1


def test_old_to_persist_json(tmp_path: Path) -> None:
    """From an old store to persist.json the records go over, and files that cannot are named."""
    before = one(DATA / "1.9.0-oldstore")
    with pytest.raises(LayoutLoss, match=r"the sandbox's devices\.json"):
        write_tree(stored(before), tmp_path, "1.7")
    write_tree(stored(before), tmp_path, "1.7", allow_loss=True)
    after = one(tmp_path)
    assert after.containers["container-a"] == (before.containers["container-a"][0], Origin(layout="1.7"))
    assert after.record is not None
    assert after.record.state == "running"


def test_persist_json_to_old(tmp_path: Path) -> None:
    """From persist.json to an old store the records go over, and the sandbox's document is named as lost."""
    source = one(make(tmp_path / "in", TREE))
    with pytest.raises(LayoutLoss, match=r"the sandbox's own persist\.json"):
        write_tree(stored(source), tmp_path, "old-1.7")
    write_tree(stored(source), tmp_path, "old-1.7", allow_loss=True)
    after = one(tmp_path / "s")
    assert after.containers["c"][0] == source.containers["c"][0]


def test_extra_values_of_an_old_store_are_named(tmp_path: Path) -> None:
    """Values that only the old layout has a place for are named when another is written; zero values are no loss."""
    files = {f"run/vc/sbs/s/c/{name}": data for name, data in KATA_16.items() if name != "config.json"}
    tree = one(make(tmp_path / "in", {"run/vc/sbs/s/state.json": b'{"state":"x","resources":{}}'} | files))
    lost = write_tree(stored(tree), tmp_path, "1.7", allow_loss=True)
    assert lost == ["the sandbox's state.json but for its state and cgroup path", "c: state.json resources"]


@pytest.mark.parametrize("name", NAMES)
def test_every_layout_is_whole(tmp_path: Path, name: str) -> None:
    """Every layout can be written by its name and read back."""
    lost = write_tree(stored(one(make(tmp_path / "in", TREE))), tmp_path, name, allow_loss=True)
    tree = one(tmp_path / "s")
    assert tree.faults == []
    assert tree.containers["c"][0].state == "running"
    assert tree.containers["c"][0].processes[0].token == "t"
    assert isinstance(lost, list)


def test_unknown_layout(tmp_path: Path) -> None:
    """An unknown layout is an error that lists the known ones."""
    with pytest.raises(InvalidValue, match=r"must be one of old-1\.0, .*3\.28"):
        write_tree(sandbox(), tmp_path, "9.9")


def test_config_json_needs_a_root(tmp_path: Path) -> None:
    """An old store's config.json goes beside run/vc/sbs; in a plain folder it is named as lost."""
    files = OLD | {"var/lib/vc/sbs/s/config.json": b"{}", "var/lib/vc/sbs/s/c/config.json": b' {"ID":"c"}\n'}
    tree = one(make(tmp_path / "in", files))
    with pytest.raises(LayoutLoss, match=r"config\.json, which has its place beside run/vc/sbs"):
        write_tree(stored(tree), tmp_path / "flat")
    root = tmp_path / "root"
    (root / "run/vc/sbs").mkdir(parents=True)
    assert write_tree(stored(tree), root) == []
    assert contents(root) == files
    second = tmp_path / "second"
    (second / "run/vc/sbs").mkdir(parents=True)
    assert write_tree(stored(tree), second / "run/vc/sbs") == []
    assert contents(second) == files


def test_existing_sandbox_is_not_touched(tmp_path: Path) -> None:
    """A sandbox that is there already stays as it is; with ``replace`` nothing of it is left."""
    make(tmp_path / "out", {"s/persist.json": b"precious", "s/gone/persist.json": b"x"})
    tree = stored(one(make(tmp_path / "in", TREE)))
    with pytest.raises(FileError, match="use --replace") as caught:
        write_tree(tree, tmp_path / "out")
    assert caught.value.path == str(tmp_path / "out/s")
    assert contents(tmp_path / "out")["s/persist.json"] == b"precious"
    write_tree(tree, tmp_path / "out", replace=True)
    assert contents(tmp_path / "out") == TREE
    assert os.listdir(tmp_path / "out") == ["s"]


def test_symlink_in_the_way(tmp_path: Path) -> None:
    """A symlink with the sandbox's name is neither followed nor replaced."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "s").symlink_to(elsewhere)
    with pytest.raises(FileError, match="in the way"):
        write_tree(stored(one(make(tmp_path / "in", TREE))), tmp_path, replace=True)
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("bad", ["..", ".", "", "a/b", "../x", "/etc", "x" * 256, "a\0b", ".x"])
def test_ids_are_checked_again(tmp_path: Path, bad: str) -> None:
    """An ID that is a path or otherwise invalid is refused, and nothing is written."""
    for made in (
        sandbox(SandboxState(sid=bad)),
        sandbox(SandboxState(sid="s"), {bad: (ContainerState(), Origin())}),
    ):
        with pytest.raises(FileError, match="an ID"):
            write_tree(made, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_long_id(tmp_path: Path) -> None:
    """The temporary name of the longest possible ID is not too long."""
    sid = "é" * 127
    write_tree(sandbox(SandboxState(sid=sid)), tmp_path)
    assert os.listdir(tmp_path) == [sid]
    with pytest.raises(FileError, match="longer than 255 bytes"):
        write_tree(sandbox(SandboxState(sid="é" * 200)), tmp_path)


def test_no_space(tmp_path: Path, small_disk: Callable[[str], Path]) -> None:
    """A full disk is an error with the path, and nothing of the sandbox is left."""
    disk = small_disk("8k")
    many = {f"s/c{i}/persist.json": b'{"State":"ready"}' for i in range(8)}
    with pytest.raises(FileError, match="No space left on device"):
        write_tree(stored(one(make(tmp_path / "in", TREE | many))), disk)
    assert os.listdir(disk) == []
