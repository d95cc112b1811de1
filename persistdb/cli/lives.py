"""``history``: what happened to a container or a sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from ..errors import NotFound
from . import complete
from .columns import Column
from .messages import printable
from .options import format_option
from .output import print_rows
from .tables import cell_text
from .target import Target, host_option, pass_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..records import Changes
    from ..reports.lives import Happened
    from .output import Output

_COLUMNS: Final = (
    Column("host", "HOST"),
    Column("sid", "SANDBOX", is_id=True),
    Column("cid", "CONTAINER", is_id=True),
    Column("at", "TIME"),
    Column("kind", "EVENT"),
    Column("revision", "REVISION", is_number=True),
    Column("old_state", "FROM"),
    Column("new_state", "TO"),
    Column("cause", "CAUSE"),
    Column("actor", "ACTOR"),
    Column("reason", "REASON"),
    Column("changes", "CHANGES"),
)


@click.command(
    "history",
    epilog="""\b
Examples:
  persistdb history 0a9b                       the container whose ID begins with 0a9b
  persistdb history 6d7c0f0a3d5d2b9b/web-1     the container web-1 of this sandbox
  persistdb history --sandbox 6d7c0f0a3d5d     a sandbox and all its containers
  persistdb history 0a9b --format json | jq '.rows[] | select(.kind == "changed") | .changes'
""",
)
@click.argument("ref", metavar="ID", shell_complete=complete.containers)
@click.option("--sandbox", "is_sandbox", is_flag=True, help="ID is a sandbox's: show it and all its containers.")
@format_option("table", "json", "yaml", "csv")
@host_option
@pass_target
def show_history(target: Target, ref: str, is_sandbox: bool, output: Output) -> None:
    """Show what happened to a container or a sandbox.

    Each event is a line, the first first, with what it changed of a container below it. ID is CONTAINER or
    SANDBOX/CONTAINER; a unique prefix of either is enough, also of what was removed. An ID that is no container's may
    be a sandbox's. All is known as far back as the database keeps history (db retention).
    """
    from ..reports import lives

    with target.repository() as repository:
        cid: str | None = None
        if not is_sandbox:
            try:
                _, sid, cid = repository.look_up_ids(ref, ever=True)
            except NotFound:
                is_sandbox = "/" not in ref
                if not is_sandbox:
                    raise
        if is_sandbox:
            sid = repository.look_up_sandbox(ref, ever=True)
        happened = lives.life(repository, sid, cid)
        if output.form == "table":
            for one in happened:
                for line in _lines(one, whole=cid is None):
                    click.echo(line)
        else:
            rows = ([repository.host, sid, *_row(one)] for one in happened)
            print_rows("history", _COLUMNS, rows, output)


def _row(one: Happened) -> list[object]:
    states = (one.old_state, one.new_state)
    return [one.cid, one.at, one.kind, one.revision, *states, one.cause, one.actor, one.reason, one.changes.to_dict()]


def _lines(one: Happened, *, whole: bool) -> Iterator[str]:
    """Write an event for people: a line for it, and one for each difference."""
    who = "" if not whole else f"{'sandbox' if one.cid is None else printable(one.cid)}  "
    yield f"{cell_text(one.at)}  {who}{_what(one)}{_why(one)}"
    for line in _differences(one.changes):
        yield f"    {printable(line)}"


def _what(one: Happened) -> str:
    if one.kind == "created":
        return printable(f"created {one.new_state}".rstrip())
    if one.kind == "removed":
        return printable(f"removed {one.old_state}".rstrip())
    if one.old_state != one.new_state:
        return printable(f"{one.old_state or '-'} → {one.new_state or '-'}")
    return "changed"


def _why(one: Happened) -> str:
    parts = [one.cause, *([f"by {one.actor}"] if one.actor else []), *([one.reason] if one.reason else [])]
    return printable(f"  ({', '.join(parts)})")


def _differences(changes: Changes) -> Iterator[str]:
    for text in changes.texts:
        if text.field in ("extra", "document"):
            yield f"{text.field} changed"
        elif text.field != "state":
            yield f"{text.field} {text.old or '-'} → {text.new or '-'}"
    for sign, mounts in (("-", changes.mounts_removed), ("+", changes.mounts_added)):
        yield from (f"{sign} mount {_said(one.source, one.destination, *(one.options or ()))}" for one in mounts)
    for sign, devices in (("-", changes.devices_removed), ("+", changes.devices_added)):
        yield from (f"{sign} device {_said(one.id, one.container_path)}" for one in devices)
    for sign, processes in (("-", changes.processes_removed), ("+", changes.processes_added)):
        yield from (f"{sign} process {_said(one.token, f'pid {one.pid}')}" for one in processes)


def _said(*parts: str) -> str:
    return " ".join(filter(None, parts)) or "-"
