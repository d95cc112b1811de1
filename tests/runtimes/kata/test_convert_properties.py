"""Whatever a sandbox's file holds, the version that it is converted to reads it, and each value is there or named."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistdb.runtimes.kata.convert import convert_sandbox
from persistdb.runtimes.kata.sandbox_keys import RENAMES, Form, GoStruct, Key, sandbox_struct
from persistdb.runtimes.kata.versions import parse_version

from .strategies import TEXT
from .trees import DATA, SANDBOXES

if TYPE_CHECKING:
    from pathlib import Path

    from persistdb.runtimes.kata.versions import Version

# Every version at which a sandbox's file changed, and the newest.
VERSIONS = (
    *("seed", "1.7", "1.7.4", "1.9", "1.10", "1.11", "1.11.2", "1.11.5", "1.12", "1.13", "2.0", "2.1", "2.1.1", "2.2"),
    *("2.3", "2.4", "2.5", "3.0", "3.1", "3.2", "3.3", "3.6", "3.10", "3.15", "3.17", "3.24", "3.29", "3.32", "4.0"),
    "4.1",
)
PERSIST = [path for path in SANDBOXES if "oldstore" not in str(path)]
OTHER_NAME = dict(RENAMES) | {new: old for old, new in RENAMES}
BITS = {"int32": 31, "int64": 63, "uint16": 16, "uint32": 32, "uint64": 64}
OMITTED_IF_EMPTY = {"KataAgentConfig", "HyperstartConfig", "VFIODevs", "BlockDrive", "VhostUserDev"}


def version_of(path: Path) -> str:
    """Return the version that wrote a sample."""
    name = path.relative_to(DATA).parts[0].partition("-")[0]
    return name if name in VERSIONS else ".".join(name.split(".")[:3])


# --- the versions' reader, written for these tests ------------------------------------------------------------------


class Number(str):
    """The digits of a number, as the text has them."""


def parse(text: str) -> Any:
    """Parse JSON to values that keep the digits of numbers."""
    return json.loads(text, parse_int=Number, parse_float=Number)


def refusals(value: Any, form: Form, key: Key, version: Version, at: str) -> list[str]:
    """List what Kata refuses in a value, by encoding/json's rules."""
    kind = form.kind
    if value is None:
        return []
    if kind == "object":
        return refusals_of_struct(value, key.members, version, at) if isinstance(value, dict) else [at]
    if kind == "list":
        if not isinstance(value, list):
            return [at]
        form = Form("object", False, ())
        return [bad for i, item in enumerate(value) for bad in refusals(item, form, key, version, f"{at}[{i}]")]
    if kind.startswith("map:"):
        if not isinstance(value, dict):
            return [at]
        *numbers, inner = kind.split(":")[1:]
        bad = [f"{at}.{name}" for name in value for number in numbers if not is_scalar(Number(name), number)]
        form = Form(inner, False, ())
        for name, each in value.items():
            bad += refusals(each, form, key, version, f"{at}.{name}")
        return bad
    return [] if is_scalar(value, kind) else [at]


def refusals_of_struct(value: dict[str, Any], members: GoStruct, version: Version, at: str = "") -> list[str]:
    """List what Kata refuses in an object."""
    out = []
    for name, inner in value.items():
        key = members.find(name)
        form = key.form_in(version) if key is not None else None
        if key is not None and form is not None:
            out += refusals(inner, form, key, version, f"{at}.{name}".lstrip("."))
    return out


def is_scalar(value: Any, kind: str) -> bool:
    """Return whether a value is one that Go decodes to a kind."""
    if kind in BITS:
        if not isinstance(value, Number) or not re.fullmatch("-?[0-9]+", value):
            return False
        low = 0 if kind.startswith("u") else -(2 ** BITS[kind])
        return low <= int(value) < 2 ** BITS[kind] and not (low == 0 and value.startswith("-"))
    if kind == "float32":
        return isinstance(value, Number) and abs(float(value)) < 3.4e38
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "strings":
        return isinstance(value, list) and all(is_text(item) or item is None for item in value)
    return is_text(value)


def is_text(value: Any) -> bool:
    """Return whether a value is a string, which a number's digits are not."""
    return isinstance(value, str) and not isinstance(value, Number)


# --- what a file holds ----------------------------------------------------------------------------------------------


def leaves(value: Any, at: str = "") -> dict[str, Any]:
    """Return all values by path that are not zero ones; an empty object in a map of indexes is one."""
    if isinstance(value, dict):
        out: dict[str, Any] = {}
        for name, inner in value.items():
            path = f"{at}.{name}".lstrip(".")
            if inner == {} and at.endswith("BlockIndexMap"):
                out[path] = inner
            out |= leaves(inner, path)
        return out
    if isinstance(value, list):
        out = {}
        for i, item in enumerate(value):
            out |= leaves(item, f"{at}[{i}]")
        return out
    is_zero = value in (None, False) or (is_text(value) and value == "")
    return {} if is_zero or (isinstance(value, Number) and float(value) == 0) else {at: value}


def is_accounted_for(path: str, value: Any, after: dict[str, Any], losses: list[str]) -> bool:
    """Return whether a value is in the converted file, under either of its names, or named as lost."""
    if any(path == loss or path.startswith((f"{loss}.", f"{loss}[")) for loss in losses):
        return True
    if after.get(path) == value:
        return True
    for one, other in OTHER_NAME.items():
        plain = re.sub(r"\[\d+\]", "", path)
        if plain == one or plain.startswith(f"{one}."):
            old, new = one.rpartition(".")[2], other.rpartition(".")[2]
            renamed = re.sub(rf"(^|\.){old}(?=\.|$)", rf"\g<1>{new}", path, count=1)
            renamed = renamed.replace("AgentState.Pid", "AgentState.ProxyPid")
            renamed = renamed.replace("ProxyState.ProxyPid", "ProxyState.Pid")
            if old == "BlockIndex" and f"{renamed}.0" in after:
                return len([name for name in after if name.startswith(f"{renamed}.")]) == int(value)
            if new == "BlockIndex":
                at, _, index = path.rpartition(".")
                return int(after[f"{at.removesuffix(old)}{new}"]) > int(index)
            if renamed in after and (after[renamed] == value or float(after[renamed]) == float(value)):
                return True
    return False


def check(text: str, version: str) -> None:
    """Check that Kata reads a converted file, and that each value of the file is in it or named."""
    converted = convert_sandbox(text, parse_version(version))
    after = parse(converted.text)
    assert refusals_of_struct(after, sandbox_struct(), parse_version(version)) == []
    there = leaves(after)
    lost = [loss.split(" ")[0] for loss in converted.losses]
    missing = [path for path, value in leaves(parse(text)).items() if not is_accounted_for(path, value, there, lost)]
    assert missing == []
    again = convert_sandbox(converted.text, parse_version(version))
    assert again == (converted.text, [])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", PERSIST, ids=lambda path: str(path.relative_to(DATA).parts[0]))
def test_samples_to_each_version(path: Path, version: str) -> None:
    """Each sample, converted to each version, is read by it, and each value is there or named."""
    check(path.read_text(), version)


@pytest.mark.parametrize("path", PERSIST, ids=lambda path: str(path.relative_to(DATA).parts[0]))
def test_samples_to_their_own_version(path: Path) -> None:
    """A sample that is converted to the version that wrote it stays byte for byte as it is."""
    assert convert_sandbox(path.read_text(), parse_version(version_of(path))) == (path.read_text(), [])


@pytest.mark.parametrize("path", PERSIST, ids=lambda path: str(path.relative_to(DATA).parts[0]))
def test_table_has_the_samples_keys(path: Path) -> None:
    """The table has exactly the keys that Kata wrote in each of its objects, except keys that are omitted if empty."""
    version = parse_version(version_of(path))

    def compare(value: Any, members: GoStruct, at: str) -> None:
        for item in value if isinstance(value, list) else [value]:
            known = {name for name, key in members.keys.items() if key.form_in(version) is not None}
            assert item.keys() <= known, at
            assert known - item.keys() <= OMITTED_IF_EMPTY, at
            for name, inner in item.items():
                form = members.keys[name].form_in(version)
                if inner and form is not None and form.kind in ("object", "list"):
                    compare(inner, members.keys[name].members, f"{at}.{name}")

    compare(parse(path.read_text()), sandbox_struct(), "")


# --- generated files ------------------------------------------------------------------------------------------------

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
IPS = st.ip_addresses().map(str) | st.just("")
HOSTILE = st.sampled_from(
    [False, True, 0, -1, 1.5, 2**32, 2**64, 1e39, "", "x", [], [1], ["x"], [{}], {}, {"x": 1}, None]
)


def scalars(kind: str) -> st.SearchStrategy[Any]:
    """Draw values of a kind that is no struct."""
    if kind in BITS:
        return st.integers(0 if kind.startswith("u") else -(2 ** BITS[kind]), 2 ** BITS[kind] - 1) | st.integers(0, 2)
    kinds = {
        "bool": st.booleans(),
        "float32": FLOATS,
        "ip": IPS,
        "base64": st.sampled_from(["", "////AA=="]),
        "strings": st.none() | st.lists(st.sampled_from(["newstore", "x", ""]), max_size=2),
    }
    return kinds.get(kind, TEXT.map(lambda text: text.replace(".", "-")))


@st.composite
def structs(draw: st.DrawFn, members: GoStruct, version: Version | None, hostile: bool) -> dict[str, Any]:
    """Draw an object of a version, or with the keys of all versions; ``hostile`` ones have some wrong values."""
    out = {}
    names = [name for name, key in members.keys.items() if version is None or key.form_in(version) is not None]
    for name in draw(st.lists(st.sampled_from(names), max_size=6, unique=True)) if names else ():
        key = members.keys[name]
        form = key.form_in(version) if version is not None else draw(st.sampled_from(key.forms))
        assert form is not None
        if hostile and draw(st.integers(0, 9)) == 0:
            out[name] = draw(HOSTILE)
        else:
            out[name] = draw(values(form.kind, key, version, hostile))
    return out


def values(kind: str, key: Key, version: Version | None, hostile: bool) -> st.SearchStrategy[Any]:
    """Draw values of a kind."""
    inner = st.deferred(lambda: structs(key.members, version, hostile))
    if kind == "object":
        return inner
    if kind == "list":
        return st.none() | st.lists(inner, max_size=2)
    if kind.startswith("map:"):
        *numbers, value = kind.split(":")[1:]
        keys = st.integers(0, 9).map(str) if numbers else st.sampled_from(["a", "b", ""])
        return st.none() | st.dictionaries(keys, inner if value == "object" else scalars(value), max_size=3)
    return scalars(kind)


@given(data=st.data(), source=st.sampled_from(VERSIONS), version=st.sampled_from(VERSIONS))
def test_any_file_of_a_version(data: st.DataObject, source: str, version: str) -> None:
    """Whatever a version can write, another one reads after the conversion, and each value is there or named."""
    check(json.dumps(data.draw(structs(sandbox_struct(), parse_version(source), hostile=False))), version)


@given(data=st.data(), version=st.sampled_from(VERSIONS))
def test_any_hostile_file(data: st.DataObject, version: str) -> None:
    """A file with keys of all versions and values that fit none is converted to one that the version reads."""
    check(json.dumps(data.draw(structs(sandbox_struct(), None, hostile=True))), version)
