"""The program: its global options, its commands by name, and its handling of errors."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from .. import __version__
from ..errors import PersistDBError
from . import complete, messages, settings
from .messages import Style, complain
from .settings import Settings
from .status import CANNOT, DONE, Terminated
from .target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COMMANDS = {
    "import": "trees:import_trees",
    "export": "trees:export_trees",
    "watch": "watch:watch",
    "ls": "containers:list_containers",
    "sandboxes": "lists:list_sandboxes",
    "hosts": "lists:list_hosts",
    "show": "containers:show",
    "history": "lives:show_history",
    "events": "events:print_events",
    "audit": "audit:audit",
    "rm": "containers:remove",
    "report": "report:report",
    "sql": "sql:sql",
    "metrics": "metrics:metrics",
    "db": "db:db",
    "config": "config:config",
    "demo": "demo:demo",
    "docs": "docs:docs",
    "completion": "complete:completion",
}
"""The place of each command, in the order of ``--help``; a module is imported when its command runs."""


class _Ended(Exception):
    """The end of a program that was interrupted, or whose output nobody reads any more."""

    def __init__(self, by: signal.Signals) -> None:
        super().__init__()
        self.status = 128 + by  # the status that a shell reports


@contextmanager
def _watched() -> Iterator[None]:
    # For the first click would print an empty line, for the second exit with 1, which means something else here.
    try:
        yield
    except KeyboardInterrupt:
        raise _Ended(signal.SIGINT) from None
    except Terminated:
        raise _Ended(signal.SIGTERM) from None
    except BrokenPipeError:
        raise _Ended(signal.SIGPIPE) from None


class Program(click.Group):
    """The group of all commands; each is loaded on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the names of the commands, in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  the same
        """Load a command and return it; ``None`` for an unknown one."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(f".{module}", __package__), name)
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the arguments, with the configuration files for what they leave out; print ``--help`` if asked."""
        with _watched():
            found = Settings() if "default_map" in extra else settings.load()
            context = super().make_context(info_name, args, parent, **({"default_map": found.defaults()} | extra))
            context.meta[settings.PLACE] = found
            return context

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _watched():
            return super().invoke(ctx)


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  persistdb demo                           show it at work, with nothing to set up
  persistdb import                         import all sandboxes of this node
  persistdb ls state=running               list the running containers
  persistdb --db state.db export --to /tmp/sbs
                                           write the files back, byte for byte

\b
Exit status: 0 done; 1 done in part, or findings; 2 misuse; 3 failed. Each
problem is a line on stderr.
""",
)
@click.option(
    "--db",
    "url",
    metavar="URL|FILE",
    shell_complete=complete.paths,
    envvar="PERSISTDB_URL",
    show_envvar=True,
    help="The database: a SQLite file, sqlite:///FILE, postgresql://USER@HOST/NAME or mariadb://USER@HOST/NAME. "
    "Default: a SQLite file in the platform's usual place.",
)
@click.option(
    "--host",
    metavar="NAME",
    envvar="PERSISTDB_HOST",
    shell_complete=complete.hosts,
    show_envvar=True,
    help="The node that the sandboxes belong to. Default: this machine's name.",
)
@click.option(
    "--reader-url",
    metavar="URL",
    envvar="PERSISTDB_READER_URL",
    show_envvar=True,
    help="The same database as a user who may only read, for sql and report (db grant-reader).",
)
@click.option(
    "--replica",
    "replica_url",
    metavar="URL",
    envvar="PERSISTDB_REPLICA_URL",
    show_envvar=True,
    help="A server that replicates the database, for ls, report and sql.",
)
@click.option("-v", "--verbose", count=True, help="Say on stderr what happens inside; twice: each detail.")
@click.option("-q", "--quiet", is_flag=True, help="Print problems only on stderr: no notes, no progress, no warnings.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    envvar="PERSISTDB_LOG_FORMAT",
    show_envvar=True,
    help="The form of the lines on stderr; JSON is an object a line.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def program(
    ctx: click.Context,
    url: str | None,
    host: str | None,
    reader_url: str | None,
    replica_url: str | None,
    verbose: int,
    quiet: bool,
    log_format: messages.Form,
) -> None:
    """Keep the state of container runtimes in a relational database.

    persistdb imports the files in which Kata Containers, runc, crun and youki keep their state into tables, answers
    questions about the containers in them, and writes the same files back.
    """
    if verbose and quiet:
        raise click.UsageError("-v and -q exclude each other: give one of them")
    messages.use(Style(log_format, verbose, quiet))
    # each belongs to the database that is named where it is
    if url is not None and _rank(ctx, "url") < _rank(ctx, "reader_url"):
        reader_url = None
    if url is not None and _rank(ctx, "url") < _rank(ctx, "replica_url"):
        replica_url = None
    if replica_url is not None and _rank(ctx, "replica_url") < _rank(ctx, "reader_url"):
        reader_url = None  # where both are named, the replica's is the user who reads
    ctx.obj = Target(url, host, reader_url, ctx.meta[settings.PLACE], replica_url)


def _rank(ctx: click.Context, parameter: str) -> int:
    order = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT, ParameterSource.DEFAULT_MAP)
    source = ctx.get_parameter_source(parameter)
    return order.index(source) if source in order else len(order)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    _open_standard_streams()
    messages.use(Style())
    try:
        if complete.VARIABLE in os.environ:
            with redirect_stderr(StringIO()):  # somebody is typing: whatever is wrong has no candidates
                return _run(arguments)
        return _run(arguments)
    finally:
        _forget_output()


def _run(arguments: Sequence[str] | None) -> int:
    try:
        with _watched():
            status = program.main(arguments, prog_name="persistdb", standalone_mode=False)
            sys.stdout.flush()
    except _Ended as ended:
        return ended.status
    except click.ClickException as error:
        _show(error)
        return error.exit_code
    except PersistDBError as error:
        complain(error, "error")
        return CANNOT
    except OSError as error:
        complain(error.strerror if error.filename is None else f"{error.filename}: {error.strerror}", "error")
        return CANNOT
    return status if isinstance(status, int) else DONE


def _show(error: click.ClickException) -> None:
    """Print an error of the command line as click words it; it quotes arguments as they came."""
    text = StringIO()
    error.show(text)
    lines = text.getvalue().removesuffix("\n").split("\n")
    if messages.style.log_format == "json":
        lines = [error.format_message()]
    for line in lines:
        messages.write(line, line, "error")


def _open_standard_streams() -> None:
    """Open the standard streams that are closed, and make all accept any text."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            # Otherwise the next file to be opened, perhaps a database, would become stdout.
            os.open(os.devnull, os.O_RDWR)
    # Python has None for a stream that was closed at its start
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115  open until the end
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  the same
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _forget_output() -> None:
    """Drop output that could not be written: at exit Python would retry, complain, and change the status."""
    for fd, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), fd)
