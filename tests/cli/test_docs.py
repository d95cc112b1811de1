"""``docs``: the documentation at hand."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.docs.blocks import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from .program import Program

PAGES = sorted((ROOT / "docs").rglob("*.md"))


def test_list(persistdb: Program) -> None:
    """Without a page all are listed, with their titles; no database is needed."""
    persistdb.url = "absent.db"
    done = persistdb("docs")
    assert (done.status, done.err) == (0, "")
    lines = [re.split("  +", line, maxsplit=1) for line in done.out.splitlines()[1:]]
    assert [name for name, _ in lines] == [str(page.relative_to(ROOT / "docs").with_suffix("")) for page in PAGES]
    assert all(title not in ("", "-") for _, title in lines)
    assert ["guides/server", "Use a server"] in lines


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(persistdb: Program, page: Path) -> None:
    """Each page is printed as it is, but for what only the site can show."""
    name = str(page.relative_to(ROOT / "docs").with_suffix(""))
    done = persistdb("docs", name)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("# ")
    assert not re.search(r"^:::|^<!--|\]\[persistdb\.", done.out, re.MULTILINE)
    text = page.read_text("utf-8")
    if not re.search(r"^:::|^ *<!--|\]\[", text, re.MULTILINE):
        assert done.out == text


@pytest.mark.parametrize(
    "name",
    [
        "configuration",
        "reference/configuration.md",
        "docs/reference/configuration.md",
        "../reference/configuration.md#keys",
    ],
)
def test_name(persistdb: Program, name: str) -> None:
    """A page has its whole name, its last part, and what a link or the path in a checkout calls it."""
    assert persistdb("docs", name).out.startswith("# Configuration\n")


def test_no_page(persistdb: Program) -> None:
    """A name that fits no page or several is status 3, and says how to find one."""
    done = persistdb("docs", "x")
    assert (done.status, done.out, done.err) == (3, "", "persistdb: no page 'x'; persistdb docs lists all\n")
    done = persistdb("docs", "schema")
    assert (done.status, done.out) == (3, "")
    assert "guides/schema, reference/schema; give the whole name" in done.err


def test_pages_that_help_names(persistdb: Program) -> None:
    """Each page that a command's help names is one of these."""
    for command in ("report", "sql", "ls", "config", "docs"):
        for name in re.findall(r"docs/[\w/]+\.md", persistdb(command, "--help").out):
            assert persistdb("docs", name).status == 0


@pytest.mark.slow
def test_pager(persistdb: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a page is shown in the user's pager."""
    monkeypatch.setenv("PAGER", "head -n 1")
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    with subprocess.Popen(persistdb.words("docs", "tutorial"), stdin=theirs, stdout=theirs) as command:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # EIO: the other end is closed
            while part := os.read(ours, 4096):
                shown += part
    os.close(ours)
    assert (command.returncode, shown) == (0, b"# Tutorial\r\n")
