"""``db backup`` and ``db restore``: copies of a SQLite database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import complete
from .messages import complain, counted
from .options import Whole
from .output import print_line, print_lines
from .status import DONE, IN_PART, Misuse, reading_arguments
from .target import Target, pass_target

if TYPE_CHECKING:
    from ..db.database import Database


@click.command(
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


@click.command(
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
