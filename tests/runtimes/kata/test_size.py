"""How many values a file may hold: each takes memory and time, so that a file of a few megabytes could stop a node."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistdb.errors import DamagedFile
from persistdb.runtimes.gojson import scan
from persistdb.runtimes.kata import read_trees
from persistdb.runtimes.kata.container import decode_container
from persistdb.runtimes.kata.oldstore import decode_old_container
from persistdb.runtimes.kata.sandbox import decode_sandbox

from .trees import PLAIN, SANDBOX, make

if TYPE_CHECKING:
    from pathlib import Path

MOST = scan.MAX_VALUES
# what stands before, between and after the items, an item, and the values of all but the items
KINDS = {
    "mounts": ('{"Mounts":[', "{}", "]}", 2),
    "device maps": ('{"DeviceMaps":[', "{}", "]}", 2),
    "processes": ('{"Process":[', "{}", "]}", 2),
    "options": ('{"Mounts":[{"Options":[', '""', "]}]}", 4),
    "nulls": ('{"Mounts":[', "null", "]}", 2),
    "a list that is unknown": ('{"x":[', "1", "]}", 2),
    "a key many times": ("{", '"Rootfs":{}', "}", 1),
    "an unknown key many times": ("{", '"x":1', "}", 1),
}


def _text(kind: str, number: int) -> bytes:
    before, item, after, _ = KINDS[kind]
    return (before + ",".join([item] * number) + after).encode()


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_values(kind: str) -> None:
    """A file with one value too many is refused, and the error names the file, the number and the bound."""
    number = MOST + 1 - KINDS[kind][3]
    for decode in (
        lambda data: decode_container(data, "s/c/persist.json"),
        lambda data: decode_sandbox(data, "s", "s/c/persist.json"),
    ):
        with pytest.raises(DamagedFile) as caught:
            decode(_text(kind, number))
        assert str(caught.value) == (
            f"s/c/persist.json: holds {MOST + 1} values, more than {MOST}: too many for a runtime's state"
        )


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_most_values(kind: str) -> None:
    """A file with exactly as many values as are allowed is read."""
    decode_container(_text(kind, MOST - KINDS[kind][3]))


def test_other_stores() -> None:
    """Each file of an old store has the same bound, and unknown keys of its config.json count."""
    files = {"state.json": b'{"state":"running"}', "config.json": b'{"Env":[' + b"1," * MOST + b"1]}"}
    with pytest.raises(DamagedFile, match=rf"^config\.json: holds {MOST + 3} values"):
        decode_old_container(files)


def test_nothing_else_stops(tmp_path: Path) -> None:
    """A container whose file holds too many values is a fault of its own, and its stored version is kept."""
    files = {"s/persist.json": SANDBOX, "s/a/persist.json": PLAIN, "s/b/persist.json": _text("mounts", MOST)}
    (tree,) = read_trees([str(make(tmp_path, files))])
    assert (list(tree.containers), tree.kept, len(tree.faults)) == (["a"], {"b"}, 1)


def test_commas_in_strings() -> None:
    """Commas and brackets in strings are no values."""
    data = json.dumps({"State": "running", "x": ',[{\\"' * MOST}).encode()
    assert decode_container(data)[0].state == "running"


def _count(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_count, inner))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text('a,[{"\\', max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(",[", max_size=2), inner, max_size=4),
    ),
    st.sampled_from([None, 1]),
)
def test_count(value: object, indent: int | None) -> None:
    """The values of any JSON text are counted right, however it is laid out."""
    padding = "," * 2 * MOST  # shorter texts are not counted
    data = json.dumps([value, padding], indent=indent).encode()
    assert scan.count_values(data) == _count([value, padding])
