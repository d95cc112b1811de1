"""``db retention`` and ``db prune``: how long history is kept, and the removal of what is older."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from ..errors import command
from .messages import counted
from .output import print_line
from .status import Misuse
from .target import Target, pass_target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..store.retention import Retention

_DIGITS: Final = 12
_NOUNS: Final = {
    "event": ("event", "events"),
    "container_history": ("version of a container", "versions of containers"),
    "sandbox_history": ("version of a sandbox", "versions of sandboxes"),
    "mount_history": ("mount", "mounts"),
    "device_map_history": ("device", "devices"),
    "process_history": ("process", "processes"),
    "container_lifetime": ("removed container", "removed containers"),
    "sandbox_lifetime": ("removed sandbox", "removed sandboxes"),
}


@click.command(
    "retention",
    epilog="""\b
Examples:
  persistdb db retention            show how long history is kept
  persistdb db retention 90d        keep it for 90 days
  persistdb db retention forever    db prune removes nothing
  persistdb db retention off        record nothing from now on
""",
)
@click.argument("time", required=False, metavar="[TIME|forever|off]")
@pass_target
def retention(target: Target, time: str | None) -> None:
    """Show or set how long the database keeps history: 30d, 12h, 8w.

    It is a setting of the database, and holds for all programs that use it. db prune removes what is older. Where it
    was off, history begins again with what is there: what was recorded before has a gap, and is removed.
    """
    seconds = None if time is None else _read(time)
    from ..store import retention as setting

    with target.existing() as database:
        found = setting.get(database) if time is None else setting.set_seconds(database, seconds)
        print_line(f"{database.url}: {_said(found)}")


@click.command(
    "prune",
    epilog="""\b
Examples:
  persistdb db prune                remove what is older than the retention
""",
)
@pass_target
def prune(target: Target) -> None:
    """Remove history that is older than the database keeps it (db retention).

    It is removed in batches, between which other programs write. The last state of a removed container stays until it
    is older, too. Run it every day, from a timer: nothing else removes history.
    """
    from ..schema.prepare import prepare
    from ..store.pruning import Pruning

    with target.existing() as database:
        prepare(database)
        done = Pruning(database).run()
        if done.before is None:
            keep = command(database.url, "db retention 30d")
            print_line(f"{database.url}: history is kept for ever, nothing was removed; to keep it for 30 days: {keep}")
            return
        print_line(f"{database.url}: removed {_listed(done.rows)} older than {done.before:%Y-%m-%dT%H:%M:%SZ}")


def _read(text: str) -> int | None:
    """Read a time as seconds: ``None`` for ever, 0 for none."""
    if text == "forever":
        return None
    if text == "off":
        return 0
    from ..filters import AGE, UNITS

    match = AGE.fullmatch(text)
    seconds = int(match[1]) * UNITS[match[2]] if match and len(match[1]) <= _DIGITS else 0
    if not seconds:
        raise Misuse(f"{text}: not a time such as 30d, 12h or 8w, nor forever, nor off")
    return seconds


def _said(found: Retention) -> str:
    if found.seconds == 0:
        return "history is off: nothing is recorded"
    known = f"known from {found.horizon:%Y-%m-%dT%H:%M:%SZ} on"
    if found.seconds is None:
        return f"history is kept for ever, {known}"
    from ..filters import UNITS

    unit = next(name for name in reversed(UNITS) if found.seconds % UNITS[name] == 0)
    return f"history is kept for {found.seconds // UNITS[unit]}{unit}, {known}"


def _listed(rows: Mapping[str, int]) -> str:
    listed = [counted(rows[table], *nouns) for table, nouns in _NOUNS.items() if rows[table]]
    return ", ".join(listed) or "nothing"
