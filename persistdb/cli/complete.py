"""``completion``, and what the shell completes: paths, and names from the database; never a line on stderr."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from . import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .settings import Settings

    Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

VARIABLE = "_PERSISTDB_COMPLETE"
"""The environment variable by which the shell's script asks."""

_ADD = "COMPREPLY+=($value)"

SORTS = (
    *("sid", "cid", "state", "host", "created", "updated"),
    *("pid", "mounts", "devices", "bundle", "cgroup", "revision"),
    *("runtime", "namespace", "pod", "name", "image"),
)
"""What ``ls`` sorts by; a test compares it with the store's, which takes SQLAlchemy to import."""

KINDS = ("created", "changed", "state", "removed", "gap")
"""The kinds of events; a test compares it with the records', which take msgspec to import."""

CHECKS = (
    "dead-process",
    "record-without-vm",
    "vm-without-record",
    "leaked-mount",
    "missing-mount",
    "leaked-device",
    "missing-device",
    "left-over-state",
    "cgroup",
    "ref-count",
)
"""The checks of ``audit``; a test compares them with those that are made."""

HOST = "persistdb.host"
"""The place of a command's own --host in click's ``Context.meta``."""


@click.command(
    "completion",
    epilog="""\b
Examples:
  eval "$(persistdb completion bash)"                           in ~/.bashrc
  eval "$(persistdb completion zsh)"                            in ~/.zshrc
  persistdb completion fish > ~/.config/fish/completions/persistdb.fish
""",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands in a shell.

    Options, paths, reports, IDs, hosts and filters are completed, from the database that the command line names.
    """
    from click.shell_completion import ShellComplete, get_completion_class

    kind = get_completion_class(shell)
    if kind is not None:
        # not the class's own source(), which starts a shell to ask for its version
        script = ShellComplete.source(kind(ctx.find_root().command, {}, "persistdb", VARIABLE))
        if shell == "bash":
            # after KEY= comes its value, without a space
            script = script.replace(_ADD, f"{_ADD}\n            [[ $value != *= ]] || compopt -o nospace", 1)
        click.echo(script)


def paths(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001  click's signature
    """Let the shell complete files and folders."""
    return [CompletionItem(incomplete, type="file")]


def folders(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001  the same
    """Let the shell complete folders."""
    return [CompletionItem(incomplete, type="dir")]


def _quiet(find: Callable[[click.Context, str], Iterable[str]]) -> Complete:
    """Complete from what a function finds; an error is nobody's business at this point."""

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        with suppress(Exception):
            return [CompletionItem(text) for text in find(ctx, incomplete) if text.startswith(incomplete)]
        return []

    return complete


def words(*known: str) -> Complete:
    """Complete one of some words."""
    return _quiet(lambda _, __: known)


def names(*known: str) -> Complete:
    """Complete the last of some names with commas between them."""

    def find(_: click.Context, incomplete: str) -> Iterable[str]:
        before, comma, __ = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in known if name not in before.split(",")]

    return _quiet(find)


def _url(ctx: click.Context) -> str | None:
    root = ctx.find_root()
    url: str | None = root.params.get("url")
    found: Settings = root.meta[settings.PLACE]
    found.check(url)
    return url


def _host(ctx: click.Context) -> str:
    import socket

    given: str | None = ctx.meta.get(HOST) or ctx.find_root().params.get("host")
    return given or socket.gethostname()


def _hosts(ctx: click.Context, begin: str) -> list[str]:
    from .. import completion

    return completion.hosts(_url(ctx), begin)


def _sandboxes(ctx: click.Context, begin: str) -> list[str]:
    from .. import completion

    return completion.sandboxes(_url(ctx), _host(ctx), begin)


def _containers(ctx: click.Context, begin: str) -> list[str]:
    from .. import completion

    return completion.containers(_url(ctx), _host(ctx), begin)


def _reports(ctx: click.Context, _: str) -> list[str]:
    from ..places import reports_folder

    own: Path | None = ctx.params.get("own")
    places = (Path(__file__).parents[1] / "reports" / "sql", own or reports_folder())
    return sorted({file.name.partition(".")[0] for place in places for file in place.glob("*.sql")})


def _pages(_: click.Context, begin: str) -> Iterable[str]:
    from ..places import docs_folder

    folder = docs_folder()
    names = sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.md"))
    return [name for name in names if name.startswith(begin)] or [
        last for last in (name.rpartition("/")[2] for name in names) if last.startswith(begin)
    ]


def _sorts(_: click.Context, __: str) -> list[str]:
    return [*SORTS, *(f"-{name}" for name in SORTS)]


def _layouts(_: click.Context, __: str) -> Iterable[str]:
    from ..runtimes.kata import NAMES

    return NAMES


def _runtimes(_: click.Context, __: str) -> Iterable[str]:
    from ..runtimes.known import NAMES

    return NAMES


def conditions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete KEY=VALUE; bash breaks words at ``=``, and asks for the value alone."""
    before: Sequence[str] = ctx.params.get(param.name or "") or ()
    key, equals, value = incomplete.partition("=")
    with suppress(Exception):
        from ..filters import KEYS

        if not incomplete and before and os.environ.get("COMP_WORDS", "").endswith("="):  # of which click says nothing
            return [CompletionItem(text) for text in _values(ctx, before[-1], "")]
        if not equals and len(before) >= 2 and before[-1] == "=":
            return [CompletionItem(text) for text in _values(ctx, before[-2], incomplete)]
        if equals:
            return [CompletionItem(f"{key}={text}") for text in _values(ctx, key, value)]
        return [CompletionItem(f"{name}=") for name in KEYS if name.startswith(key)]
    return []


def _values(ctx: click.Context, key: str, begin: str) -> list[str]:
    from ..records import STATES

    if key == "state":
        return sorted(state for state in STATES if state.startswith(begin))
    known = {"host": _hosts, "sid": _sandboxes}
    return known[key](ctx, begin) if key in known else []


hosts = _quiet(_hosts)
sandboxes = _quiet(_sandboxes)
containers = _quiet(_containers)
reports = _quiet(_reports)
pages = _quiet(_pages)
sorts = _quiet(_sorts)
layouts = _quiet(_layouts)
runtimes = _quiet(_runtimes)
