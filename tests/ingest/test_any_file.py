"""The border to files: whatever JSON a runtime's file holds, the file is a fault or is read; nothing else is raised."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from persistdb.errors import DamagedFile
from persistdb.runtimes.kata import read_trees
from tests.runtimes.kata.trees import make

from .files import other, tree

_KEYS = st.sampled_from(
    ["state", "State", "Mounts", "Options", "ID", "Data", "Pid", "Process", "PersistVersion", "Rootfs"]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=6,
)
_STATE = b'{"state":"running"}'
OLD = {"s/state.json": _STATE, "s/c1/state.json": _STATE}
NEW = tree(c1=other("t"))
_PLACES = [("old", name) for name in ("state.json", "devices.json", "lock", "c1/state.json", "c1/process.json")]
_PLACES += [("old", name) for name in ("c1/mounts.json", "c1/devices.json", "c1/config.json")]
_PLACES += [("new", "persist.json"), ("new", "c1/persist.json")]


@pytest.mark.slow
@pytest.mark.parametrize(("store", "name"), _PLACES)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(value=_JSON)
@example(value=None)
@example(value=[None])
def test_any_json(store: str, name: str, value: object) -> None:
    """A sandbox with such a file is read, or names its faults; an own file that is no object is a fault."""
    files = {**(OLD if store == "old" else NEW), f"s/{name}": json.dumps(value).encode()}
    with tempfile.TemporaryDirectory() as folder:
        trees = list(read_trees([str(make(Path(folder), files))]))
    assert [tree.sid for tree in trees] == ["s"]
    if name in ("state.json", "persist.json") and not isinstance(value, dict):
        assert {type(fault) for fault in trees[0].faults} == {DamagedFile}
