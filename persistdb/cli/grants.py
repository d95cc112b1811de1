"""``db grant-reader`` and ``db grant-writer``: users of the server who may do no more than they need."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from .messages import complain
from .output import print_code, print_line
from .status import DONE, IN_PART, Misuse, reading_arguments
from .target import Target, pass_target

if TYPE_CHECKING:
    from ..engines import Role


_password_option = click.option("--password-stdin", is_flag=True, help="Set the password that is read from stdin.")
_print_option = click.option(
    "--print", "only_print", is_flag=True, help="Print the statements, for an administrator to run."
)


@click.command(
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


@click.command(
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
