"""The documentation in the wheel, a build hook of hatchling: its pages, and man pages made of the commands' help."""

from __future__ import annotations

import inspect
import itertools
import os
import re
import sys
import tempfile
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
_TITLE = re.compile(r"^([A-Z][a-z]+(?: [a-z]+)?):\s*(.*)$")
_FILES = (
    ("/etc/persistdb/config.toml", "The system's configuration file: see persistdb-config(1)."),
    ("~/.config/persistdb/config.toml", "The user's configuration file, which outweighs the system's."),
)
_STATUS = "0 done; 1 done in part, or findings; 2 misuse; 3 failed. Each problem is a line on stderr."


class Documentation(BuildHookInterface):
    """The hook: it adds man pages to the wheel's ``share/man/man1``, and the pages of ``docs`` to the package."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the pages, and say where they go."""
        self._folder = tempfile.TemporaryDirectory(prefix="persistdb-man-")
        for name, text in pages().items():
            path = Path(self._folder.name, name)
            path.write_text(text, "utf-8")
            build_data["shared_data"][str(path)] = f"share/man/man1/{name}"
        if version == "editable":
            return  # persistdb reads those of the checkout
        for path in (ROOT / "docs").rglob("*.md"):
            build_data["force_include"][str(path)] = f"persistdb/docs/{path.relative_to(ROOT / 'docs')}"

    def finalize(self, *_: object) -> None:
        """Remove the pages, which are in the wheel by now."""
        self._folder.cleanup()


def pages() -> dict[str, str]:
    """Return the pages by the names of their files: one of the program, and one of each command."""
    sys.path.insert(0, str(ROOT))
    try:
        from persistdb import __version__
        from persistdb.cli.program import program

        return dict(_pages(program, "persistdb", None, __version__))
    finally:
        sys.path.remove(str(ROOT))


def _pages(command: click.Command, name: str, parent: click.Context | None, version: str) -> Iterator[tuple[str, str]]:
    context = click.Context(command, info_name=name, parent=parent, **command.context_settings)
    yield f"{_page(context)}.1", "\n".join(_lines(context, version)) + "\n"
    for each, subcommand in _subcommands(context):
        yield from _pages(subcommand, each, context, version)


def _subcommands(context: click.Context) -> list[tuple[str, click.Command]]:
    group = context.command
    if not isinstance(group, click.Group):
        return []
    found = [(name, group.get_command(context, name)) for name in group.list_commands(context)]
    return [(name, command) for name, command in found if command is not None]


def _page(context: click.Context) -> str:
    return context.command_path.replace(" ", "-")


def _lines(context: click.Context, version: str) -> Iterator[str]:
    command, name = context.command, _page(context)
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    title, _, text = inspect.cleandoc(command.help or "").partition("\n\n")
    title = " ".join(title.split()).rstrip(".")
    yield f'.TH "{_text(name.upper())}" "1" "{now:%Y-%m-%d}" "persistdb {version}" "persistdb"'
    # left-aligned and without hyphens: options and paths stay whole
    yield from (".ad l", ".nh", ".SH NAME", *_filled(f"{name} - {title[0].lower()}{title[1:]}"))
    yield from (".SH SYNOPSIS", f".B {_text(context.command_path)}")
    yield from _filled(" ".join(command.collect_usage_pieces(context)))
    yield ".SH DESCRIPTION"
    yield from _paragraphs(text or f"{title}.")
    yield from _options(context)
    if _subcommands(context):
        yield ".SH COMMANDS"
        for each, subcommand in _subcommands(context):
            yield from _tagged(f"{name}-{each}(1)", subcommand.get_short_help_str(limit=200))
    yield from _epilog(inspect.cleandoc(command.epilog or ""))
    yield from _environment(context)
    if context.parent is None:
        yield ".SH FILES"
        for file, meaning in _FILES:
            yield from _tagged(file, meaning)
    yield from (".SH EXIT STATUS", *_filled(_STATUS))
    others = [_page(context.parent)] if context.parent else [f"{name}-{each}" for each, _ in _subcommands(context)]
    yield from (".SH SEE ALSO", *_filled(", ".join(f"{other}(1)" for other in others)))
    yield from (".PP", *_filled("The whole documentation: persistdb docs"))


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(text.split("\n\n")):
        if number:
            yield ".PP"
        yield from _filled(paragraph)


def _options(context: click.Context) -> Iterator[str]:
    options = [each for each in context.command.get_params(context) if isinstance(each, click.Option)]
    shown = [record for record in (option.get_help_record(context) for option in options) if record is not None]
    if shown:
        yield ".SH OPTIONS"
    for names, meaning in shown:
        yield from _tagged(names, meaning)


def _environment(context: click.Context) -> Iterator[str]:
    variables = {
        str(parameter.envvar): parameter.opts[0] for parameter in context.command.params if parameter.envvar is not None
    }
    if variables:
        yield ".SH ENVIRONMENT"
    for variable, option in variables.items():
        yield from _tagged(variable, f"The value of {option} where that is not given.")


def _epilog(text: str) -> Iterator[str]:
    """Make a section of each part: of its title, or notes; what is indented stays as it is."""
    for part in text.split("\n\n"):
        lines = part.removeprefix("\b\n").splitlines()
        match = _TITLE.match(lines[0]) if lines else None
        if not lines or (match is not None and match[1] == "Exit status"):
            continue  # each page has it
        yield f".SH {match[1].upper()}" if match is not None else ".SH NOTES"
        if match is not None:
            lines = [match[2], *lines[1:]] if match[2] else lines[1:]
        for number, (indented, group) in enumerate(itertools.groupby(lines, lambda line: line.startswith(" "))):
            if indented:
                yield from (".RS 4", ".nf", *map(_line, inspect.cleandoc("\n".join(["", *group])).splitlines()))
                yield from (".fi", ".RE")
            else:
                yield from ((".PP",) if number else ())
                yield from _filled(" ".join(group))


def _tagged(tag: str, meaning: str) -> Iterator[str]:
    yield from (".TP", f".B {_text(tag)}", *_filled(meaning))


def _filled(text: str) -> Iterator[str]:
    """Write a paragraph in lines of no more than 80 bytes."""
    for line in textwrap.wrap(_text(text), 76, break_long_words=False, break_on_hyphens=False):
        yield _protected(line)


def _line(text: str) -> str:
    return _protected(_text(text))


def _protected(line: str) -> str:
    """Protect a line that begins with a dot or an apostrophe, which would be a request."""
    return f"\\&{line}" if line.startswith((".", "'")) else line


def _text(text: str) -> str:
    # a plain hyphen may become a typographic one, an apostrophe a quotation mark: not to be typed, nor to be found
    return (
        text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace('"', "\\(dq").replace("`", "\\(ga")
    )
