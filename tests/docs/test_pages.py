"""The pages of docs/: what they show is what happens, and the reference has everything."""

from __future__ import annotations

import re
import sys
from contextlib import closing
from pathlib import Path

import pytest

import persistdb

from .blocks import ROOT, Block, Reader, blocks

DOCS = ROOT / "docs"
ALL = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
PAGES = [page for page in ALL[1:] if any(block.is_run for block in blocks(page.read_text("utf-8")))]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_does_what_it_shows(page: Path, tmp_path: Path, installed: Path) -> None:
    """Commands and Python of a page run in an empty folder, one after another, and print what is shown."""
    with closing(Reader(tmp_path, installed)) as reader:
        for block in blocks(page.read_text("utf-8")):
            if block.is_run:
                reader.run(block)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("console", "$ echo one\ntwo\n"),
        ("console", "$ echo one; echo two\none\n"),
        ("console", "$ false\n"),
        ("python", "print(1)  # 2\n"),
        ("python", "print(1)\n"),
        ("python", "1 / 0\n"),
    ],
)
def test_a_block_that_is_wrong_is_found(language: str, text: str, tmp_path: Path) -> None:
    """A block fails if it prints something else than it shows, or if its command fails."""
    with closing(Reader(tmp_path, Path(sys.executable).parent)) as reader, pytest.raises(AssertionError):
        reader.run(Block(language, text, "", 1))


def test_a_block_that_is_not_run_says_why() -> None:
    """A comment before a block is one that the tests understand."""
    notes = [block.note for page in ALL for block in blocks(page.read_text("utf-8")) if block.note]
    assert notes
    assert [note for note in notes if not note.startswith(("not run: ", "exits with "))] == []


def test_sequence_diagrams_have_no_semicolon() -> None:
    """No sentence of a sequence diagram has a semicolon: it ends a statement there, and the diagram is not drawn."""
    diagram = re.compile(r"```mermaid\nsequenceDiagram\n(.*?)```", re.DOTALL)
    found = {page.name: diagram.findall(page.read_text("utf-8")) for page in DOCS.rglob("*.md")}
    assert sum(map(len, found.values())) >= 2
    assert [name for name, diagrams in found.items() if any(";" in each for each in diagrams)] == []


def test_every_public_name_is_in_the_reference() -> None:
    """Each name that the package exports has its place in the reference."""
    reference = "\n".join(page.read_text("utf-8") for page in DOCS.glob("reference/*.md"))
    assert [name for name in persistdb.__all__ if f"::: persistdb.{name}\n" not in reference] == []


def test_every_error_has_something_to_do() -> None:
    """The table of errors says what to do about each, but for the bases of which none is raised."""
    page = (DOCS / "reference" / "errors.md").read_text("utf-8")
    table = page.partition("| error | what to do |\n|---|---|\n")[2].partition("\n\n")[0]
    rows = [re.fullmatch(r"\| (.+?) \| .+ \|", line) for line in table.splitlines()]
    named = {name for row in rows if row for name in re.findall(r"`(\w+)`", row[1])}
    public = {name for name in persistdb.__all__ if isinstance(getattr(persistdb, name), type)}
    every = {name for name in public if issubclass(getattr(persistdb, name), persistdb.PersistDBError)}
    assert named == every - {"PersistDBError", "SchemaError"}
