"""The public names: listed once, for programs and type checkers, and imported when they are used."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import persistdb

STUB = ast.parse(Path(persistdb.__path__[0], "__init__.pyi").read_text("utf-8"))
LISTED = [
    (node.module, alias.name, alias.asname)
    for node in ast.walk(STUB)
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
]


def test_listed_once() -> None:
    """Each name is listed once, in the form in which a stub exports it, and is public."""
    assert [name for _, name, _ in LISTED] == [exported for _, _, exported in LISTED]
    # the driver module can be asked for, but "import *" must not replace Python's own
    assert sorted(name for _, name, _ in LISTED if name != "sqlite3") == persistdb.__all__
    assert {*persistdb.__all__, "sqlite3", "__version__"} == set(dir(persistdb))


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, name, _ in LISTED])
def test_names(module: str, name: str) -> None:
    """A public name is what its module has under this name."""
    assert getattr(persistdb, name) is getattr(importlib.import_module(f"persistdb.{module}"), name)


def test_star() -> None:
    """An import of all names gives all public ones."""
    found: dict[str, object] = {}
    exec("from persistdb import *", found)
    assert set(persistdb.__all__) == set(found) - {"__builtins__"}


def test_unknown_name() -> None:
    """A name that is not public is an AttributeError that says so."""
    with pytest.raises(AttributeError, match="module 'persistdb' has no attribute 'Nope'"):
        persistdb.Nope  # noqa: B018  the look-up is the test


@pytest.mark.parametrize(
    ("statement", "loaded"),
    [
        ("import persistdb", []),
        ("from persistdb import NotFound", []),
        ("from persistdb import Mount", ["msgspec"]),
        ("from persistdb import Database", ["msgspec"]),
    ],
)
def test_what_is_loaded(statement: str, loaded: list[str]) -> None:
    """A name loads what it needs and no more."""
    script = (
        f"import sys; {statement}; print(sorted({{'msgspec', 'sqlalchemy', 'click', 'alembic'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(loaded)
