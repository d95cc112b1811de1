"""Write the fixed statements of each engine to a file, for people to read and programs to load: ``make sql``."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Final

from ..engines import resolve
from . import fixed
from .building import Built
from .building import fixed as statements

if TYPE_CHECKING:
    from collections.abc import Iterator

URLS: Final = {"sqlite": "sqlite://", "postgresql": "postgresql://h/d", "mariadb": "mariadb://h/d"}
"""A URL for each engine; nothing is connected to."""

_WIDTH: Final = 100
_HEADER: Final = """\
-- The fixed statements of the repository on {title}.
--
-- Written by `make sql`, from persistdb/store/building.py and what it builds; a test compares. Parameters are :names.
-- A statement ends with an empty line. Lines are joined by a space when the file is loaded.
"""
_TITLES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}


def written(engine: str) -> str:
    """Return the text of an engine's file."""
    entries = [_HEADER.format(title=_TITLES[engine])]
    for name, about, sql in _built(engine):
        comments = textwrap.wrap(_plain(about), 110)
        entries.append("\n".join([f"-- name: {name}", *(f"-- {line}" for line in comments), *formatted(sql), ""]))
    return "\n".join(entries)


def _built(engine: str) -> Iterator[tuple[str, str, str]]:
    backend, _ = resolve(URLS[engine])
    backend.style = "named"  # type: ignore[misc]  # of this one; each driver's own is put in when the file is loaded
    for name, about, statement in statements(Built(backend)):
        yield name, about, "" if statement is None else statement.sql


def _plain(docstring: str) -> str:
    """Return a docstring as one line, without what only the documentation reads."""
    text = " ".join(docstring.split()).replace("``", "")
    return re.sub(r":(?:class|mod|meth|data):`[~.]*([^`]*)`", r"\1", text)


# Words between spaces, where a space within quotes is none
_WORD: Final = re.compile(r"""(?:'(?:[^']|'')*'|"[^"]*"|[^\s'"])+""")
_QUOTED: Final = re.compile(r"""'(?:[^']|'')*'|"[^"]*\"""")
_CLAUSES: Final = {
    *("SELECT", "FROM", "WHERE", "JOIN", "LEFT", "CROSS", "ORDER", "GROUP", "LIMIT", "UNION", "INSERT", "UPDATE"),
    *("DELETE", "SET", "VALUES", "RETURNING", "WITH", "FOR", "USING"),
}
# What a word goes on with: LEFT OUTER JOIN, FOR UPDATE, DO UPDATE, ON DUPLICATE KEY UPDATE, UNION ALL SELECT
_TOGETHER: Final = {"LEFT", "OUTER", "CROSS", "FOR", "DO", "KEY", "ALL", "UNION"}


def formatted(sql: str) -> Iterator[str]:
    """Yield the lines of a statement: it is broken at spaces only, so that the lines joined are the statement."""
    line, depth, before, between, is_first = "", 0, "", False, True
    for word in _WORD.findall(sql):
        bare = _QUOTED.sub("", word)
        key = bare.lstrip("(").rstrip(")")
        is_clause = (key in _CLAUSES and before not in _TOGETHER) or bare.endswith("(SELECT")
        is_and = key in {"AND", "OR"} and not between
        between = key == "BETWEEN" or (between and key != "AND")
        if line and (is_clause or (is_and and len(line) > _WIDTH // 2) or len(line) + len(word) > _WIDTH):
            yield line
            line = ""
        if not line:
            opened = bare.startswith("(") or bare.endswith("(SELECT")
            indent = 0 if is_first else depth + opened if is_clause else depth + 1
            line, is_first = "  " * indent + word, False
        else:
            line += f" {word}"
        depth += bare.count("(") - bare.count(")")
        before = key
    if line:
        yield line


def main() -> None:
    """Write the files."""
    fixed.FOLDER.mkdir(exist_ok=True)
    for engine in URLS:
        (fixed.FOLDER / f"{engine}.sql").write_text(written(engine), "utf-8")


if __name__ == "__main__":
    main()
