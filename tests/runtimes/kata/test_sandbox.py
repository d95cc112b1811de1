"""A sandbox's own persist.json stays as it is, except for changed values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from persistdb.errors import DamagedFile, UnsupportedLayout
from persistdb.records import SandboxState
from persistdb.runtimes.kata import NAMES, decode_sandbox, encode_sandbox
from persistdb.runtimes.kata.layouts import LAYOUTS

from .trees import DATA, SANDBOX, SANDBOXES

if TYPE_CHECKING:
    from pathlib import Path

RUNTIME_RS = b"""{
  "sandbox_type": "virt_container",
  "resource": {"endpoint": []},
  "hypervisor": {"hypervisor_type": "dragonball", "id": "s"}
}"""


@pytest.mark.parametrize("path", SANDBOXES, ids=lambda path: str(path.relative_to(DATA))[:60])
def test_samples_come_back(path: Path) -> None:
    """Every sample of a sandbox's file comes back byte for byte, and its state and version are read."""
    record = decode_sandbox(path.read_bytes(), path.parent.name)
    assert encode_sandbox(record, record.layout) == path.read_bytes()
    assert record.sid == path.parent.name
    assert record.state == "running"
    assert record.persist_version in (1, 2)
    assert record.layout in NAMES


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (b'{"CgroupPath":"/a"}', "/a"),
        (b'{"SandboxCgroupPath":"/b"}', "/b"),
        (b'{"CgroupPath":"","SandboxCgroupPath":"/b"}', "/b"),
        (b'{"cgrouppath":"/c"}', "/c"),
        (b'{"sandboxcgrouppath":"/d"}', "/d"),
        (b'{"CgroupPath":"/a","CgroupPath":null}', "/a"),
        (b"{}", ""),
    ],
)
def test_cgroup_path_under_either_name(data: bytes, path: str) -> None:
    """The cgroup path is read under the name that it had before 2.3 and under the one since."""
    assert decode_sandbox(data, "s").cgroup_path == path


def test_changed_values_only() -> None:
    """A changed value replaces the old one; every other character stays."""
    data = b'{ "PersistVersion": 2 , "State":"running","Vendor":1.50,"SandboxCgroupPath":"/s"}\n'
    record = decode_sandbox(data, "s")
    changed = msgspec.structs.replace(record, state="<stopped>", persist_version=3, cgroup_path="/t")
    assert encode_sandbox(changed, record.layout) == (
        b'{ "PersistVersion": 3 , "State":"\\u003cstopped\\u003e","Vendor":1.50,"SandboxCgroupPath":"/t"}\n'
    )


def test_all_spellings_change() -> None:
    """A changed value replaces the old one at each spelling and repetition of its key that Go reads."""
    record = decode_sandbox(b'{"State":"a","state":"b","STATE":null}', "s")
    assert record.state == "b"
    changed = encode_sandbox(msgspec.structs.replace(record, state="c"), "2.2")
    assert changed == b'{"State":"c","state":"c","STATE":"c"}'


def test_missing_key_is_appended() -> None:
    """A value whose key is not in the file is appended under the layout's name for it."""
    record = decode_sandbox(b'{"SandboxContainer":"s"}\n', "s")
    changed = msgspec.structs.replace(record, state="running", cgroup_path="/c")
    assert encode_sandbox(changed, "3.28") == (b'{"SandboxContainer":"s","State":"running","SandboxCgroupPath":"/c"}\n')
    assert encode_sandbox(changed, "1.7").endswith(b',"CgroupPath":"/c"}\n')


@pytest.mark.parametrize("layout", LAYOUTS)
def test_made_in_python(layout: str) -> None:
    """A sandbox that never was in a file gets a minimal one with the same values."""
    made = SandboxState(sid="s", state="running", cgroup_path="/c")
    again = decode_sandbox(encode_sandbox(made, layout), "s")
    assert (again.state, again.cgroup_path) == ("running", "/c")
    assert again.persist_version == LAYOUTS[layout].persist_version
    assert b'"SandboxContainer":"s"' in encode_sandbox(made, layout)


def test_runtime_rs_is_refused() -> None:
    """A file of runtime-rs is recognised and refused with the reason."""
    with pytest.raises(UnsupportedLayout, match="runtime-rs, which holds the hypervisor's state and no container data"):
        decode_sandbox(RUNTIME_RS, "s")


@pytest.mark.parametrize(
    ("data", "key", "reason"),
    [
        (b"", "", "empty"),
        (SANDBOX[:38], "SandboxContainer", "cut short"),
        (SANDBOX[:20] + b"\0\0", "", "NUL bytes"),
        (SANDBOX.replace(b'"/s"', b'"/\xff"'), "", "not UTF-8"),
        (SANDBOX.replace(b'"/s"', b'"/\\u0000"'), "SandboxCgroupPath", "NUL character"),
        (SANDBOX.replace(b"{", b'{"Config":{"Env":["a","\\u0000"]},'), "Config.Env[1]", "NUL character"),
        (SANDBOX.replace(b'"running"', b"true"), "State", "must be a string, not true"),
        (SANDBOX.replace(b":2", b":-2"), "PersistVersion", "out of range"),
        (SANDBOX.replace(b":2", b":4294967296"), "PersistVersion", "out of range"),
        (SANDBOX.replace(b":2", b":2147483648"), "PersistVersion", "2147483648 is out of range: 0 to 2147483647"),
        (SANDBOX.replace(b":2", b":2.5"), "PersistVersion", "whole number"),
        (b"[1]", "", "must be an object"),
        (b'{"Config":' + b"[" * 100_000, "Config", "nested more than"),
        (b'{"State":"","Rootfs":{},"Process":{}}', "", "the file of a container"),
    ],
)
def test_damage_is_named(data: bytes, key: str, reason: str) -> None:
    """Each kind of damage is an error of one sentence with the file and the key."""
    with pytest.raises(DamagedFile) as caught:
        decode_sandbox(data, "s", "/x/persist.json")
    assert (caught.value.path, caught.value.key) == ("/x/persist.json", key)
    assert reason in caught.value.reason


def test_a_file_with_the_keys_of_both() -> None:
    """A file that names its sandbox is a sandbox's, also with the keys of a container."""
    assert decode_sandbox(b'{"State":"a","SandboxContainer":"s","Rootfs":{},"Process":{}}', "s").state == "a"


@pytest.mark.parametrize("version", [0, 2147483647])
def test_versions_at_the_edge(version: int) -> None:
    """A version is any number that the column holds, in either spelling of its key."""
    for key in ("PersistVersion", "persistversion"):
        assert decode_sandbox(f'{{"{key}":{version}}}'.encode(), "s").persist_version == version


@pytest.mark.parametrize(
    ("layout", "file"),
    [
        ("1.7-rc1", b'{"PersistVersion":1,"State":"ready","SandboxContainer":"s","CgroupPath":"/c"}\n'),
        ("seed", b'{"PersistVersion":1,"State":"ready","SandboxContainer":"s","CgroupPath":"/c"}\n'),
        ("1.7", b'{"PersistVersion":2,"State":"ready","SandboxContainer":"s","CgroupPath":"/c"}\n'),
        ("2.2", b'{"PersistVersion":2,"State":"ready","SandboxContainer":"s","SandboxCgroupPath":"/c"}\n'),
        ("3.28", b'{"PersistVersion":2,"State":"ready","SandboxContainer":"s","SandboxCgroupPath":"/c"}\n'),
    ],
)
def test_the_smallest_file(layout: str, file: bytes) -> None:
    """The file of a sandbox that never was in one has the version and the keys that its layout began with."""
    assert encode_sandbox(SandboxState(sid="s", state="ready", cgroup_path="/c"), layout) == file
