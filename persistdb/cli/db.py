"""``db``: schema versions, checks and backups of the database."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import command
from . import complete
from .columns import Column
from .messages import complain, counted, tell
from .options import Whole, row_options
from .output import print_code, print_line, print_lines, print_rows
from .progress import Share
from .retention import prune, retention
from .status import CANNOT, DONE, IN_PART, Misuse, reading_arguments
from .target import Target, host_option, pass_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..db.database import Database
    from ..engines import Role
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
                rules = partial(share.reach, noun="rules")
                find_faults(database, found=findings.append, progress=share.reach, rules=rules)
        finally:  # also what was found before an error
            for finding in findings:
                complain(finding)
        if current != version.HEAD:
            tell(f"schema {current} is newer than this program's {version.HEAD}: tables and views were not compared")
        print_line(f"{database.url}: {counted(len(findings), 'finding')}")
    return IN_PART if findings else DONE


@db.command(
    "backup",
    epilog="""\b
Examples:
  persistdb db backup /srv/state.db
  persistdb --db state.db db backup /srv/backups --keep 7
""",
)
@click.argument("destination", metavar="DEST", shell_complete=complete.paths)
@click.option(
    "--keep",
    metavar="N",
    type=Whole(min=1),
    help="Keep the newest N backups of databases of this name in the folder, and remove the others.",
)
@pass_target
def backup(target: Target, destination: str, keep: int | None) -> int:
    """Copy a SQLite database to a new file, and check the copy.

    DEST is the new file, or a folder, in which the file's name is the database's with the date and a number. The copy
    is consistent, though other programs use the database meanwhile. Servers have their own tools: pg_dump,
    mariadb-dump.
    """
    from ..errors import BackupRefused
    from ..schema import backup as backups

    place = Path(destination)
    is_folder = place.is_dir()
    if not is_folder and (destination.endswith("/") or keep is not None):
        raise Misuse(f"{destination}: {'--keep is for backups in a folder, and this' if keep else 'this'} is no folder")
    with target.existing() as database:
        if not is_folder:
            with reading_arguments(BackupRefused):
                print_line(f"backup: {backups.backup(database, place)}")
            _tell_others(database)
            return DONE
        made, removed, left = backups.backup_into(database, place, keep)
        print_line(f"backup: {made}")
        _tell_others(database)
    print_lines(f"removed: {path}" for path in removed)
    for path in left:
        complain(f"{path}: cannot be removed")
    return IN_PART if left else DONE


@db.command(
    "restore",
    epilog="""\b
Examples:
  persistdb db restore /srv/state.db
  persistdb --db app.db db restore /srv/state.db --replace-foreign
""",
)
@click.argument("source", metavar="SOURCE", type=click.Path(path_type=Path))
@click.option(
    "--replace-foreign",
    is_flag=True,
    help="Replace another program's database or tables, or a file that is not a database, too.",
)
@pass_target
def restore(target: Target, source: Path, replace_foreign: bool) -> None:
    """Replace the content of a SQLite database with a backup.

    The previous content is backed up first, whatever it is, also if it is damaged.
    """
    from ..schema.restore import restore as replace_content

    with target.database() as database:
        saved = replace_content(database, source, replace_foreign=replace_foreign)
        if saved is not None:
            print_line(f"backup of the previous content: {saved}")
        print_line(f"{database.url}: restored from {source}")
        _tell_others(database)


def _tell_others(database: Database) -> None:
    """Name the tables of other programs that were copied with ours."""
    from ..schema.backup import others_of

    others = others_of(database)
    if others:
        print_line(f"with {counted(len(others), 'table')} of other programs: {', '.join(others)}")


_password_option = click.option("--password-stdin", is_flag=True, help="Set the password that is read from stdin.")
_print_option = click.option(
    "--print", "only_print", is_flag=True, help="Print the statements, for an administrator to run."
)


@db.command(
    "grant-reader",
    epilog="""\b
Examples:
  persistdb db grant-reader grafana --print | sudo -u postgres psql persistdb
  persistdb db grant-reader grafana --print | sudo mariadb
  persistdb --db postgresql://postgres@db.example/persistdb \\
    db grant-reader grafana --password-stdin < password
""",
)
@click.argument("name")
@_password_option
@_print_option
@pass_target
def grant_reader(target: Target, name: str, password_stdin: bool, only_print: bool) -> int:
    """Create a user of the server who may read the views, and do nothing else.

    The --reader-url of sql and report then has this user's name. It takes an administrator of the server. Run it again
    after an upgrade that adds views. Without --password-stdin the user's password, if it has one, stays.
    """
    from ..schema.roles import READER

    return _grant(target, READER, name, "may read the views", password_stdin=password_stdin, only_print=only_print)


@db.command(
    "grant-writer",
    epilog="""\b
Examples:
  persistdb db grant-writer agent --print | sudo -u postgres psql persistdb
  persistdb db grant-writer agent --print | sudo mariadb
  persistdb --db mariadb://root@db.example/persistdb \\
    db grant-writer agent --password-stdin < password
""",
)
@click.argument("name")
@_password_option
@_print_option
@pass_target
def grant_writer(target: Target, name: str, password_stdin: bool, only_print: bool) -> int:
    """Create a user of the server who may read and write rows, and not change the schema.

    The --db of the programs on the nodes then has this user's name. It takes an administrator of the server. Run it
    again after an upgrade that adds tables. Without --password-stdin the user's password, if it has one, stays.
    """
    from ..schema.roles import WRITER

    may = "may read and write rows, and not change the schema"
    return _grant(target, WRITER, name, may, password_stdin=password_stdin, only_print=only_print)


def _grant(target: Target, role: Role, name: str, may: str, *, password_stdin: bool, only_print: bool) -> int:
    from ..schema import roles

    with target.database() as database:
        with reading_arguments():
            password = _password() if password_stdin else None
            statements = roles.statements(database, role, name, password)
        if only_print:
            print_code(f"{statement};" for statement in statements)
            return DONE
        excess = roles.grant(database, role, name, password)
        print_line(f"{database.url}: {name} {may}")
    if excess:
        more = f" and {len(excess) - 3} more" if len(excess) > 3 else ""
        complain(f"{name} has rights beyond that, for a superuser to revoke: {', '.join(excess[:3])}{more}")
    return IN_PART if excess else DONE


def _password() -> str:
    """Return the first line of stdin, without the end of the line."""
    try:
        return sys.stdin.buffer.readline().decode("ascii").rstrip("\r\n")
    except UnicodeDecodeError:
        raise Misuse("--password-stdin: the password must be printable ASCII characters") from None


db.add_command(retention)
db.add_command(prune)
