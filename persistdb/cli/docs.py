"""``docs``: the pages of the documentation, which are in the wheel, too."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import click

from ..errors import Ambiguous
from ..places import docs_folder
from . import complete
from .columns import Column
from .messages import complain
from .status import CANNOT, DONE
from .tables import print_table

if TYPE_CHECKING:
    from pathlib import Path

_COLUMNS = (Column("page", "PAGE"), Column("title", "TITLE", shrinks=True))

# What the site puts in the place of these: the documentation of a name, with options below it, and other things.
_NAME = re.compile(r"^::: (\S+)\n(?:^ +\S.*\n)*", re.MULTILINE)
_COMMENT = re.compile(r"^<!-- .* -->\n", re.MULTILINE)
_REFERENCE = re.compile(r"\[(`[^`]+`)\]\[[\w.]+\]")


@click.command(
    "docs",
    epilog="""\b
Examples:
  persistdb docs                      list the pages
  persistdb docs tutorial
  persistdb docs configuration        reference/configuration
  persistdb docs reporting | grep -i stale
""",
)
@click.argument("page", required=False, shell_complete=complete.pages)
def docs(page: str | None) -> int:
    """Print a page of the documentation, or list the pages.

    PAGE is a name from the list, or the last part of one. A page is Markdown, and on a terminal it is shown in a pager.
    """
    folder = docs_folder()
    pages = {str(path.relative_to(folder).with_suffix("")): path for path in sorted(folder.rglob("*.md"))}
    if page is None:
        print_table(_COLUMNS, [(name, _title(path)) for name, path in pages.items()])
        return DONE
    wanted = _bare(page)
    found = [name for name in pages if name == wanted] or [name for name in pages if name.endswith(f"/{wanted}")]
    if not found:
        complain(f"no page {page!r}; persistdb docs lists all", "error")
        return CANNOT
    if len(found) > 1:
        raise Ambiguous("page", page, found, "give the whole name")
    text = _readable(pages[found[0]].read_text("utf-8"))
    if sys.stdout.isatty():
        click.echo_via_pager(text)
    else:
        click.echo(text, nl=False)
    return DONE


def _bare(page: str) -> str:
    """Return the name of a page that is written as in a link, ``../reporting.md#sql``, or as a path in a checkout."""
    name = page.partition("#")[0].removesuffix(".md")
    return re.sub(r"^(?:\.{0,2}/)*(?:docs/)?", "", name)


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return next((line[2:].strip() for line in file if line.startswith("# ")), "")


def _readable(text: str) -> str:
    """Put what can be read, or typed, in the place of what only the site can show."""
    text = text.replace("<!-- commands -->\n", "    persistdb COMMAND --help\n")
    text = _NAME.sub(r"    python -m pydoc \1\n", text)
    return _REFERENCE.sub(r"\1", _COMMENT.sub("", text))
