"""What is on the site and not in ``docs/``: a hook of MkDocs."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File
from sqlalchemy.dialects import mysql, postgresql, sqlite

from persistdb.cli.program import program
from persistdb.schema.tables import Base

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from sqlalchemy import Column

ROOT = Path(__file__).parents[2]
# They are beside README.md because people look for them there.
_AT_THE_TOP = ("CONTRIBUTING.md", "CHANGELOG.md")

_MERMAID = ROOT / ".venv/mermaid/mermaidx/assets/mermaid.js"
# The hash of dist/mermaid.min.js in the npm package mermaid 11.16.0: whoever packs it, it is its authors' file.
_MERMAID_SHA256 = "74d7c46dabca328c2294733910a8aa1ed0c37451776e8d5295da38a2b758fb9b"

_COMMANDS, _TABLES = "<!-- commands -->", "<!-- tables -->"
# it is the same for all columns of text
_COMPARISON = re.compile(r" (?:CHARACTER SET|COLLATE) .*")
_DIALECTS = {"SQLite": sqlite.dialect(), "PostgreSQL": postgresql.dialect(), "MariaDB": mysql.dialect()}
_WIDTH = 80  # as in a terminal


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages at the top of the checkout, and the scripts."""
    for name in _AT_THE_TOP:
        text = (ROOT / name).read_text("utf-8").replace("](docs/", "](")
        files.append(File.generated(config, name.lower(), content=text))
    worker = Path(__file__).with_name("worker.js")
    files.append(File.generated(config, "assets/iframe-worker.js", content=worker.read_text("utf-8")))
    files.append(File.generated(config, "assets/mermaid.js", content=_mermaid()))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Put the help of all commands, and the columns of all tables, where a page wants them."""
    for mark, parts in ((_COMMANDS, _help(program, "persistdb", None)), (_TABLES, _tables())):
        if mark in markdown:
            markdown = markdown.replace(mark, "\n".join(parts))
    return markdown


def _help(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    settings = {**command.context_settings, "terminal_width": _WIDTH}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    yield f"{'##' if parent is None else '###'} {context.command_path}\n"
    yield f"```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            subcommand = command.get_command(context, each)
            if subcommand is not None:
                yield from _help(subcommand, each, context)


def _tables() -> Iterator[str]:
    for table in Base.metadata.sorted_tables:
        yield f"### `{table.name}`\n"
        yield f"| column | key | {' | '.join(_DIALECTS)} |\n|---|---|---|---|---|"
        for column in table.columns:
            types = (_COMPARISON.sub("", str(column.type.compile(dialect))) for dialect in _DIALECTS.values())
            optional = "?" if column.nullable else ""
            yield f"| `{column.name}`{optional} | {_keys(column)} | {' | '.join(types)} |"
        yield ""


def _keys(column: Column[Any]) -> str:
    return ", ".join(["primary"] * column.primary_key + [f"`{key.target_fullname}`" for key in column.foreign_keys])


def _mermaid() -> bytes:
    if not _MERMAID.is_file():
        message = f"{_MERMAID} is missing: build the site with make docs"
        raise PluginError(message)
    script = _MERMAID.read_bytes()
    if hashlib.sha256(script).hexdigest() != _MERMAID_SHA256:
        message = f"{_MERMAID} is not mermaid 11.16.0 as its authors published it"
        raise PluginError(message)
    return script
