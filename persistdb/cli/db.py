"""``db``: schema versions, checks and backups of the database."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from ..errors import command
from .backups import backup, restore
from .columns import Column
from .grants import grant_reader, grant_writer
from .messages import complain, counted, tell
from .options import Whole, row_options
from .output import print_line, print_rows
from .progress import Share
from .retention import prune, retention
from .status import CANNOT, DONE, IN_PART
from .target import Target, host_option, pass_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..db.database import Database
    from ..errors import Finding
    from ..schema.backfill import Filling
    from ..schema.revisions import Change, Step
    from ..schema.version import Support
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
  persistdb db current              show the schema's version
  persistdb db upgrade              upgrade it to this program's version
  persistdb db check                look for faults
  persistdb db backup /srv/state.db
""",
)
def db() -> None:
    """Upgrade, check and back up the database, and let others read it."""


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
    """Show the version of the database's schema."""
    from ..schema import backfill, version

    with target.existing() as database:
        found = version.support(database)
        if found is None:
            version.refuse_foreign(database)
        status = _describe(database, found)
        if found is not None and (filling := backfill.describe(backfill.pending(database))):
            status += f"; still to be filled: {filling}"
        print_line(f"{database.url}: {status}")


def _describe(database: Database, found: Support | None) -> str:
    """Say which revision a database has, and what this program may do with it."""
    from ..schema.version import CLOSED, HEAD

    if found is None:
        return "no schema yet; the first import creates it"
    if found.min_writer.startswith(CLOSED):
        return f"schema {found.revision}, closed: a change goes on, or was interrupted and is to be started again"
    if found.revision == HEAD:
        return f"schema {HEAD}, this program's version"
    if found.revision < HEAD:
        upgrade = command(database.url, "db upgrade")
        return f"schema {found.revision}, older than this program's {HEAD}; to upgrade it: {upgrade}"
    if found.min_writer <= HEAD:
        use = "may be read and written by it"
    elif found.min_reader <= HEAD:
        use = f"may be read by it; to write takes {found.min_writer} or later"
    else:
        use = f"may not be used by it: that takes {found.min_reader} or later, and to write {found.min_writer}"
    return f"schema {found.revision}, newer than this program's {HEAD}, {use}"


_backup_option = click.option(
    "--backup/--no-backup", default=True, help="First back up a SQLite database beside it; the last five are kept."
)


@db.command(
    "upgrade",
    epilog="""\b
Examples:
  persistdb db upgrade                  to this program's version
  persistdb db upgrade 0005             to an older one
  persistdb --host node-7 db upgrade    sandboxes stored without a host become node-7's
  persistdb --db app.db db upgrade --beside-others
""",
)
@click.argument("revision", default="head", metavar="[REVISION]")
@_backup_option
@click.option(
    "--fill/--no-fill",
    default=True,
    help="Fill new columns of rows that are there, in batches beside programs that write; else the next upgrade does.",
)
@click.option("--batch", metavar="N", type=Whole(min=1), help="Fill N rows in a transaction (default 1000).")
@click.option(
    "--beside-others", is_flag=True, help="Create the schema in a database that has other programs' tables, too."
)
@host_option
@pass_target
def upgrade(target: Target, revision: str, backup: bool, fill: bool, batch: int | None, beside_others: bool) -> int:
    """Upgrade the database's schema to REVISION, by default to this program's version.

    At REVISION already, only views that are missing or were changed are created again. Rows that would make the upgrade
    fail are listed, and nothing is changed.
    """
    import socket

    from ..schema import backfill, migrate

    with target.database() as database:
        host = target.host or socket.gethostname()
        return _change(
            database,
            lambda: migrate.upgrade(
                database,
                revision,
                host=host,
                backup=backup,
                beside_others=beside_others,
                fill=fill,
                batch=batch or backfill.BATCH,
                progress=_tell_step,
            ),
        )


@db.command(
    "downgrade",
    epilog="""\b
Examples:
  persistdb db downgrade 0007               for an older program
  persistdb db downgrade 0001 --allow-loss  delete what the older schema cannot hold
""",
)
@click.argument("revision", metavar="REVISION")
@click.option("--allow-loss", is_flag=True, help="Delete data that the older schema cannot hold.")
@_backup_option
@pass_target
def downgrade(target: Target, revision: str, allow_loss: bool, backup: bool) -> int:
    """Downgrade the database's schema to REVISION, or to "base": no schema at all.

    Data that would be lost is listed, and nothing is changed without --allow-loss.
    """
    from ..schema import migrate

    with target.existing() as database:
        return _change(
            database,
            lambda: migrate.downgrade(database, revision, allow_loss=allow_loss, backup=backup, progress=_tell_step),
        )


def _change(database: Database, change: Callable[[], Change]) -> int:
    from ..errors import ChangeBlocked

    try:
        done = change()
    except ChangeBlocked as blocked:
        complain(f"{blocked.url}: schema {blocked.found} cannot change to {blocked.expected}; nothing was changed:")
        for finding in blocked.findings:
            complain(finding)
        return CANNOT
    if done.backup is not None:
        print_line(f"backup: {done.backup}")
    if done.repaired:
        print_line(f"{database.url}: schema {done.after}, created again: {', '.join(done.repaired)}")
    elif done.after == done.before:
        print_line(f"{database.url}: schema {done.after or 'missing'}, nothing to do")
    else:
        print_line(f"{database.url}: schema changed from {done.before or 'nothing'} to {done.after or 'nothing'}")
    return DONE


def _tell_step(step: Step | Filling) -> None:
    from ..schema.revisions import Step

    if not isinstance(step, Step):
        tell(f"{step.revision}: {step.table} filled up to key {step.behind}")
        return
    line = f"{step.number}/{step.total} {step.revision.id} {step.revision.title.rstrip('.')}"
    if step.rows:
        line += f", {counted(step.rows, 'row')} to move"
    if step.seconds is not None:
        line += f", {step.seconds:.0f} s or more"
    tell(line)


@db.command(
    "history",
    epilog="""\b
Examples:
  persistdb db history
  persistdb db history --format json | jq -r '.rows[].revision'
""",
)
@row_options(*(column.name for column in _HISTORY))
@pass_target
def show_history(target: Target, output: Output) -> None:
    """List the versions of the schema, oldest first, with the losses of a downgrade."""
    from ..schema import revisions, version

    with target.existing() as database:
        current = version.current(database)
    rows = [
        (each.id, "yes" if each.id == current else "", each.title, ", ".join(each.loses) or "nothing")
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
    """Look for faults in schema, views, file and foreign keys, and in rules that SQL cannot state.

    All rows are read. Nothing is changed. Each finding is a line on stderr, and makes the exit status 1.
    """
    from ..schema import version
    from ..store.check import find_faults

    with target.existing() as database:
        current = version.current(database)
        findings: list[Finding] = []
        try:
            with Share("checked", "containers") as share:
                files, rules = (partial(share.reach, noun=noun) for noun in ("sandboxes' files", "rules"))
                find_faults(database, found=findings.append, progress=share.reach, files=files, rules=rules)
        finally:  # also what was found before an error
            for finding in findings:
                complain(finding)
        if current != version.HEAD:
            tell(f"schema {current} is newer than this program's {version.HEAD}: tables and views were not compared")
        print_line(f"{database.url}: {counted(len(findings), 'finding')}")
    return IN_PART if findings else DONE


for each in (backup, restore, grant_reader, grant_writer, retention, prune):
    db.add_command(each)
