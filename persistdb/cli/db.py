"""``db``: the versions of the database's schema."""

from __future__ import annotations

import click

from .target import Target, pass_target


@click.group("db")
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
    from .. import schema

    with target.database() as database:
        found = schema.current(database)
        if found is None:
            told = "no schema yet; the first use makes it"
        elif found == schema.HEAD:
            told = f"schema {found}, this program's"
        elif found in schema.REVISIONS:
            told = f"schema {found}, older than this program's {schema.HEAD}; persistdb db upgrade brings it there"
        else:
            told = f"schema {found}, unknown to this program, whose newest is {schema.HEAD}"
        click.echo(f"{database.url}: {told}")


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
@pass_target
def upgrade(target: Target, revision: str) -> None:
    """Bring the database's schema up to a version; without REVISION, to this program's.

    Nothing is done if it is there already.
    """
    import socket

    from .. import migrate, schema

    with target.database() as database:
        before = schema.current(database)
        migrate.upgrade(database, revision, host=target.host or socket.gethostname())
        after = schema.current(database)
        if after == before:
            click.echo(f"{database.url}: schema {after}, nothing to do")
        else:
            click.echo(f"{database.url}: schema upgraded from {before or 'nothing'} to {after}")
