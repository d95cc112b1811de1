"""``db``: the versions of the database's schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .messages import complain, counted, printable, tell
from .options import all_formats_option
from .output import Column, print_rows
from .status import CANNOT, DONE, IN_PART
from .target import Target, pass_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..db.database import Database
    from ..schema.revisions import Change, Step
    from .output import Output

_HISTORY = (
    Column("revision", "REVISION"),
    Column("current", "CURRENT"),
    Column("title", "IS FOR", shrinks=True),
    Column("loses", "GOING BACK LOSES", shrinks=True),
)


@click.group(
    "db",
    epilog="""\b
Examples:
  persistdb db current              which version is it?
  persistdb db upgrade              bring it to this program's
  persistdb db check                is everything as it should be?
  persistdb db backup /srv/state.db
""",
)
def db() -> None:
    """Look at the version of the database's schema, and change it."""


@db.command(
    "current",
    epilog="""\b
Examples:
  persistdb db current
  persistdb --db sqlite:///state.db db current
""",
)
@pass_target
def show_current(target: Target) -> None:
    """Show which version of the schema the database has."""
    from ..schema import version

    with target.database() as database:
        found = version.current(database)
        if found is None:
            version.refuse_foreign(database)
            told = "no schema yet; the first use makes it"
        elif found == version.HEAD:
            told = f"schema {found}, this program's"
        elif found in version.REVISIONS:
            told = f"schema {found}, older than this program's {version.HEAD}; persistdb db upgrade brings it there"
        else:
            told = f"schema {found}, unknown to this program, whose newest is {version.HEAD}"
        click.echo(f"{database.url}: {told}")


_backup_option = click.option(
    "--backup/--no-backup", default=True, help="Copy a SQLite database beside it first; the last five are kept."
)


@db.command(
    "upgrade",
    epilog="""\b
Examples:
  persistdb db upgrade                  to this program's version
  persistdb db upgrade 0005             to an older one
  persistdb --host node-7 db upgrade    sandboxes from before there were hosts become node-7's
""",
)
@click.argument("revision", default="head", metavar="[REVISION]")
@_backup_option
@pass_target
def upgrade(target: Target, revision: str, backup: bool) -> int:
    """Bring the database's schema up to a version; without REVISION, to this program's.

    Nothing is done if it is there already, but for views that are missing or were changed: they are created again.
    Rows that would make it fail half-way are listed, and nothing is changed.
    """
    import socket

    from ..schema import migrate

    with target.database() as database:
        host = target.host or socket.gethostname()
        return _change(
            database, lambda: migrate.upgrade(database, revision, host=host, backup=backup, progress=_tell_step)
        )


@db.command(
    "downgrade",
    epilog="""\b
Examples:
  persistdb db downgrade 0007               for an older program
  persistdb db downgrade 0001 --allow-loss  though the older schema has no place for some of it
""",
)
@click.argument("revision", metavar="REVISION")
@click.option("--allow-loss", is_flag=True, help="Give up what the older schema has no place for.")
@_backup_option
@pass_target
def downgrade(target: Target, revision: str, allow_loss: bool, backup: bool) -> int:
    """Take the database's schema down to a version, or to "base": no schema at all.

    What would be lost is listed, and nothing is changed without --allow-loss.
    """
    from ..schema import migrate

    with target.database() as database:
        return _change(
            database,
            lambda: migrate.downgrade(database, revision, allow_loss=allow_loss, backup=backup, progress=_tell_step),
        )


def _change(database: Database, change: Callable[[], Change]) -> int:
    from ..errors import ChangeBlocked

    try:
        done = change()
    except ChangeBlocked as blocked:
        complain(f"{blocked.url}: schema {blocked.found} can't become {blocked.expected}; nothing was changed:")
        for finding in blocked.findings:
            complain(finding)
        return CANNOT
    if done.backup is not None:
        click.echo(f"backup: {printable(str(done.backup))}")
    if done.repaired:
        click.echo(f"{database.url}: schema {done.after}, created again: {', '.join(done.repaired)}")
    elif done.after == done.before:
        click.echo(f"{database.url}: schema {done.after or 'missing'}, nothing to do")
    else:
        click.echo(f"{database.url}: schema changed from {done.before or 'nothing'} to {done.after or 'nothing'}")
    return DONE


def _tell_step(step: Step) -> None:
    told = f"{step.number}/{step.total} {step.revision.id} {step.revision.title.rstrip('.')}"
    if step.rows:
        told += f", {counted(step.rows, 'row')} to move"
    if step.seconds is not None:
        told += f", {step.seconds:.0f} s or more"
    tell(told)


@db.command(
    "history",
    epilog="""\b
Examples:
  persistdb db history
  persistdb db history --format json | jq -r '.rows[].revision'
""",
)
@all_formats_option
@pass_target
def show_history(target: Target, output: Output) -> None:
    """List the versions of the schema, oldest first, and what going back from each loses."""
    from ..schema import revisions, version

    with target.database() as database:
        now = version.current(database)
    rows = [
        (each.id, "yes" if each.id == now else "", each.title, ", ".join(each.loses) or "nothing")
        for each in revisions.history()
    ]
    print_rows("revisions", _HISTORY, rows, output)


@db.command(
    "check",
    epilog="""\b
Examples:
  persistdb db check && echo sound
""",
)
@pass_target
def check(target: Target) -> int:
    """Look for anything that is wrong: schema, views, file, foreign keys, and rules that SQL can't state.

    Nothing is changed. Each finding is a line on stderr, and the exit status is 1.
    """
    from ..schema.check import check as look

    with target.database() as database:
        findings = look(database)
        for finding in findings:
            complain(finding)
        click.echo(f"{database.url}: {counted(len(findings), 'finding')}")
    return IN_PART if findings else DONE


@db.command(
    "backup",
    epilog="""\b
Examples:
  persistdb db backup /srv/state.db
  persistdb --db sqlite:///state.db db backup state-$(date +%F).db
""",
)
@click.argument("destination", metavar="DEST", type=click.Path(path_type=Path))
@pass_target
def backup(target: Target, destination: Path) -> None:
    """Copy a SQLite database, as it is at one moment, to a new file, while others use it; the copy is checked.

    Servers have tools of their own: pg_dump, mariadb-dump.
    """
    from ..schema.backup import backup as copy

    with target.database() as database:
        click.echo(f"backup: {printable(str(copy(database, destination)))}")


@db.command(
    "restore",
    epilog="""\b
Examples:
  persistdb db restore /srv/state.db
""",
)
@click.argument("source", metavar="SOURCE", type=click.Path(path_type=Path))
@pass_target
def restore(target: Target, source: Path) -> None:
    """Put a backup in the place of all that a SQLite database holds; what it held is backed up first."""
    from ..schema.backup import restore as put_back

    with target.database() as database:
        saved = put_back(database, source)
        if saved is not None:
            click.echo(f"backup of what was there: {printable(str(saved))}")
        click.echo(f"{database.url}: restored from {printable(str(source))}")
