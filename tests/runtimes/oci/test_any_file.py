"""Any bytes in the files of runc, crun and youki: a fault, or a container whose files come back."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from persistdb.errors import FileError, InvalidValue
from persistdb.runtimes.export import write_trees
from persistdb.store.record_rows import check_container
from tests.runtimes.containers import below, crun_files, read, runc_state, youki_files
from tests.runtimes.kata.trees import contents, make, stored

_FILES = {"runc": {"state.json": runc_state()}, "crun": crun_files(), "youki": youki_files()}
_PLACES = [(runtime, name) for runtime, files in _FILES.items() for name in files]
_KEYS = st.sampled_from(
    ["pid", "mounts", "config", "options", "flags", "devices", "labels", "root", "linux", "annotations", "status", "id"]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=6,
)


def check(files: dict[str, bytes]) -> None:
    """Read a container's files on this machine and as a copy; what is read must be stored or refused, and come back."""
    with tempfile.TemporaryDirectory() as folder:
        path = make(Path(folder) / "in", below("c", files))
        for live in (False, True):
            for tree in read(path, live=live):
                assert all(isinstance(fault, FileError) for fault in tree.faults)
                for cid, (record, origin) in tree.containers.items():
                    try:
                        check_container(cid, record, origin)
                    except InvalidValue:
                        continue  # a fault of the import
                    (written,) = write_trees([stored(tree)], Path(folder) / "out", replace=True)
                    assert written.error is None
                    assert contents(Path(folder) / "out") == contents(path)


@pytest.mark.slow
@pytest.mark.parametrize(("runtime", "name"), _PLACES)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(path=st.lists(st.integers(0, 12), max_size=4), value=_JSON)
@example(path=[], value=None)
@example(path=[0], value="\0")
@example(path=[1], value=2**200)
def test_any_value_anywhere(runtime: str, name: str, path: list[int], value: object) -> None:
    """Any value in the place of any other."""
    files = _FILES[runtime]
    changed = _put(json.loads(files[name]), path, value)
    check(files | {name: json.dumps(changed).encode()})


def _put(tree: object, path: list[int], value: object) -> object:
    if not path or not isinstance(tree, (dict, list)) or not tree:
        return value
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    key = keys[path[0] % len(keys)]
    tree[key] = _put(tree[key], path[1:], value)  # type: ignore[index]  # a key of its own
    return tree


@pytest.mark.slow
@pytest.mark.parametrize(("runtime", "name"), _PLACES)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(begin=st.integers(0, 400), end=st.integers(0, 20), inside=st.binary(max_size=4))
@example(begin=0, end=0, inside=b"\xef\xbb\xbf")
@example(begin=9, end=0, inside=b"\\ud800")
@example(begin=9, end=0, inside=b"\xff")
def test_any_bytes(runtime: str, name: str, begin: int, end: int, inside: bytes) -> None:
    """Any bytes in the place of some."""
    files = _FILES[runtime]
    check(files | {name: files[name][:begin] + inside + files[name][begin + end :]})
