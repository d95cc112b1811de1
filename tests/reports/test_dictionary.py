"""The page on querying the database matches the database."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from persistdb.errors import InvalidValue
from persistdb.reports import dictionary, readonly
from persistdb.schema import views

if TYPE_CHECKING:
    from persistdb import Database

PAGE = (Path(__file__).parents[2] / "docs" / "reporting.md").read_text("utf-8")
_ROW = re.compile(r"^\| `(\w+)` \| (text|integer|boolean|time)(\??) \| `(.+?)` \| (.+) \|$", re.MULTILINE)
_TYPES = {"text": str, "integer": int, "boolean": bool, "time": datetime}


def described() -> dict[str, list[tuple[str, str, bool, str]]]:
    """Return the columns of each view: name, type, whether it may be NULL, and the example."""
    sections = re.split(r"^### `(\w+)`$", PAGE, flags=re.MULTILINE)[1:]
    return {
        name: [(column, kind, bool(null), example) for column, kind, null, example, _ in _ROW.findall(text)]
        for name, text in zip(sections[::2], sections[1::2], strict=True)
    }


def test_every_column_is_described(database: Database) -> None:
    """Each view and column is on the page, in the database's order, with the type of its values."""
    found = described()
    assert sorted(found) == sorted(views.NAMES)
    for view, columns in found.items():
        answer = readonly.read(database, f"SELECT * FROM {view}")
        assert [name for name, *_ in columns] == list(answer.columns)
        assert answer.rows
        for place, (name, kind, nullable, _) in enumerate(columns):
            types = {type(row[place]) for row in answer.rows} - ({type(None)} if nullable else set())
            assert types <= {_TYPES[kind]}, (view, name)


def test_columns_for_those_who_ask(database: Database) -> None:
    """What ``sql`` lists of views and columns, the page says, too."""
    found = {view: dictionary.columns(database, view) for view in views.NAMES}
    assert found == {view: [(name, kind) for name, kind, *_ in columns] for view, columns in described().items()}
    assert tuple(dictionary.VIEWS) == views.NAMES
    for view, row in dictionary.VIEWS.items():
        assert f"### `{view}`\n\n{row}" in PAGE
    with pytest.raises(InvalidValue, match="use one of sandboxes, containers"):
        dictionary.columns(database, "container")


def test_examples_are_of_their_type() -> None:
    """An example is a value of the column's type."""
    for columns in described().values():
        for name, kind, _, example in columns:
            value = (
                example
                if kind == "text"
                else datetime.fromisoformat(example)
                if kind == "time"
                else json.loads(example)
            )
            assert isinstance(value, _TYPES[kind]), name


def test_diagram() -> None:
    """The diagram has each view with each column and its type, and joins them by existing columns."""
    (diagram,) = re.findall(r"```mermaid\nerDiagram\n(.*?)```", PAGE, re.DOTALL)
    drawn = {
        name: [tuple(line.split()) for line in body.strip().splitlines()]
        for name, body in re.findall(r"^    (\w+) \{\n(.*?)^    \}$", diagram, re.DOTALL | re.MULTILINE)
    }
    assert drawn == {view: [(kind, name) for name, kind, *_ in columns] for view, columns in described().items()}
    joins = re.findall(r'^    (\w+) \S+ (\w+) : "(.+)"$', diagram, re.MULTILINE)
    assert {name for left, right, _ in joins for name in (left, right)} == set(views.NAMES)
    for left, right, by in joins:
        for pair in by.split(", "):
            ours, _, theirs = pair.partition(" = ")
            assert ours in {name for _, name in drawn[left]}
            assert (theirs or ours) in {name for _, name in drawn[right]}
