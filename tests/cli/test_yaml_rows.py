"""YAML: the document that JSON has, read back by parsers of YAML 1.1."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from persistdb import ContainerState, Mount, Origin, Process, SandboxState
from persistdb.cli import yaml_rows

if TYPE_CHECKING:
    from .program import Program

# What YAML 1.2 takes for another type than text (yaml.org/spec/1.2.2/#1032-tag-resolution).
CORE = re.compile(
    r"null|Null|NULL|~||true|True|TRUE|false|False|FALSE|[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
LIKE_OTHERS = st.from_regex(CORE, fullmatch=True) | st.from_regex(r"[0-9eE_:.xob+-]{1,8}", fullmatch=True)
WORDS = ["no", "Yes", "y", "N", "on", "OFF", "null", "~", "1e5", "12e4567", "0o17", "017", "1_000", "1:30", "=", "<<"]
WORDS += [
    "2026-01-31",
    "2026-01-31T12:00:00Z",
    "- a",
    "a: b",
    "a #b",
    "#",
    "",
    " ",
    "?",
    "|",
    "\x85",
    "\ufeff",
    "😀",
    "'",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def written(*rows: object) -> str:
    return "".join(yaml_rows.documents({"version": 1, "kind": "x"}, "rows", [json.dumps(row).encode() for row in rows]))


def read(text: str) -> Any:
    return yaml.safe_load(text)["rows"]


@given(text=st.text() | LIKE_OTHERS | st.sampled_from(WORDS))
def test_any_text(text: str) -> None:
    """Each text is read back as this text, as a value and as a key, also as a terminal shows it."""
    rows = [{"a": text, text: "b"}]
    document = written(*rows)
    assert read(document) == rows
    assert read(yaml_rows.escaped(document)) == rows
    assert all(line.isprintable() for line in yaml_rows.escaped(document).split("\n"))
    value = re.search(r"^- a: (.*)$", document, re.MULTILINE)
    assert text == "a" or value is None or not CORE.fullmatch(value[1])


@given(row=st.dictionaries(st.text(max_size=5), JSON, max_size=4))
@example({"a": 1e-05, "b": -1e300, "c": 1.5e-7})
@example({"a": [[1, [2, {"b": None}]], {}, []], "c": {"d": {}}})
def test_any_row(row: dict[str, object]) -> None:
    """Each row is read back with the values that it has in JSON."""
    assert read(written(row, row)) == [row, row]


def test_numbers_have_all_their_digits() -> None:
    """Numbers of a file's unknown keys keep their digits, and equal rows are written twice."""
    digits = "9" * 5000
    (part,) = list(yaml_rows.documents({}, "rows", [f'{{"a":1.10,"b":1E400,"c":{digits},"d":-0}}'.encode()]))[1:]
    assert part == f"rows:\n- a: 1.10\n  b: 1.0e+400\n  c: {digits}\n  d: -0\n"
    assert "".join(yaml_rows.documents({}, "rows", [b'{"a":"\\ud83d"}'])).endswith('- a: "\ufffd"\n')


@pytest.fixture
def filled(persistdb: Program) -> Program:
    """Store containers whose names and states look like something else in YAML."""
    web = ContainerState(
        state="no",
        bundle_path="~",
        mounts=[Mount(source="0o17", destination="2026-01-31", options=["on", "1:30"]), Mount(options=[])],
        processes=[Process(token="1e5", pid=1 << 60)],
    )
    with persistdb.repository() as repository:
        origins = {"1e5": Origin(extra='{"New":\n[1E400, null, "yes"]}')}
        repository.save_sandbox(SandboxState(sid="12e4567"), {"1e5": web, "b": ContainerState()}, origins=origins)
    return persistdb


@pytest.mark.parametrize(
    "words",
    [
        ["ls"],
        ["ls", "--columns", "updated,cid"],
        ["ls", "cid=none"],
        ["report", "summary"],
        ["sql", "SELECT * FROM mounts"],
        ["db", "history"],
    ],
    ids=" ".join,
)
def test_the_document_of_json(filled: Program, words: list[str]) -> None:
    """Commands print in YAML the document that they print in JSON."""
    done = filled(*words, "--format", "yaml")
    assert (done.status, done.err) == (0, "")
    assert yaml.safe_load(done.out) == json.loads(filled(*words, "--format", "json").out)


def test_show(filled: Program) -> None:
    """``show -o yaml`` has the whole container, and what persistdb does not know of its file."""
    text = filled("show", "1e5", "-o", "yaml").out
    wanted = json.loads(filled("show", "1e5", "-o", "json").out)
    assert wanted["rows"][0]["extra"] == {"New": [float("inf"), None, "yes"]}
    assert yaml.safe_load(text) == wanted
