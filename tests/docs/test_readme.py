"""README.md: a newcomer who does what it says sees what it shows."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from .blocks import ROOT, Reader, blocks

if TYPE_CHECKING:
    from pathlib import Path

README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.slow
def test_its_code_does_what_it_shows(tmp_path: Path, installed: Path) -> None:
    """Commands and Python run in an empty folder, and print what is shown."""
    found = [block for block in blocks(README) if block.is_run]
    assert len(found) >= 3
    with closing(Reader(tmp_path, installed)) as reader:
        for block in found:
            reader.run(block)


def test_it_is_short() -> None:
    """It has fewer than 100 lines: what is longer is on a page of its own."""
    assert len(README.splitlines()) < 100


def test_its_links_lead_to_files() -> None:
    """Each link leads to a file of the checkout."""
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", README)
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_its_commands_are_targets() -> None:
    """Each ``make TARGET`` that it names is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert all(f"\n{target}:" in makefile for target in re.findall(r"`make ([a-z-]+)`", README))
