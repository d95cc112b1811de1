"""What stands outside of docs/ and leads to one of its pages: the page is there, and so is its heading."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from .blocks import ROOT

_PATH = re.compile(r"(?<![\w/.])docs/([\w/-]+\.md)(?:#([\w-]+))?")
_COMMAND = re.compile(r"persistdb docs (?!lists all)([a-z][\w/-]*)(?:#([\w-]+))?")
_HEADING = re.compile(r"^#+ (.*)", re.MULTILINE)


def slugs(page: Path) -> set[str]:
    """Return what links name a page's headings by, as the site makes it of their texts."""
    plain = (re.sub(r"[^\w\s-]", "", text).strip().lower() for text in _HEADING.findall(page.read_text("utf-8")))
    return {re.sub(r"[\s-]+", "-", text) for text in plain}


def led_to(text: str) -> list[tuple[str, str]]:
    """Return the pages and headings that a text names: as a path, or as the page of ``persistdb docs``."""
    pages = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    found = list(_PATH.findall(text))
    for name, heading in _COMMAND.findall(text):
        fits = [str(page) for page in pages if f"/{page.with_suffix('')}".endswith(f"/{name}")]
        found.append((fits[0] if len(fits) == 1 else f"{name}.md", heading))
    return found


def test_each_leads_to_a_heading() -> None:
    """A file of the checkout names only pages that exist, and headings that they have."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no checkout: which files belong to it is not known")
    names = [name for name in listed.stdout.splitlines() if not name.startswith(("docs/", "tests/"))]
    links = [
        (name, *link)
        for name in names
        if Path(name).suffix in {"", ".md", ".py", ".sql", ".toml", ".yml", ".json", ".service", ".timer"}
        for link in led_to((ROOT / name).read_text("utf-8"))
    ]
    assert len(links) > 50
    missing = [link for link in links if not (ROOT / "docs" / link[1]).is_file()]
    assert missing == []
    assert [link for link in links if link[2] and link[2] not in slugs(ROOT / "docs" / link[1])] == []


def test_a_link_to_nothing_is_found() -> None:
    """Paths and commands are links; the heading of one is named as the site names it."""
    text = "see docs/security.md#tls, or persistdb docs upgrade, not xdocs/a.md; persistdb docs nothing"
    assert led_to(text) == [("security.md", "tls"), ("guides/upgrade.md", ""), ("nothing.md", "")]
    assert {"tls", "errors"} & slugs(ROOT / "docs" / "security.md") == {"tls"}
