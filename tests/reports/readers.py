"""Users of servers that ``db grant-reader`` and ``db grant-writer`` make, and administrators of a database."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from persistdb import Database
from persistdb.schema import roles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from persistdb.engines import Role
    from tests.servers import Server

PASSWORD = 'only:reads/@"%'


def administrator(server: Server, url: str) -> str:
    """Return the administrator's URL of the database that another URL leads to."""
    admin = make_url(server.admin_url).set(database=make_url(url).database)
    return admin.render_as_string(hide_password=False)


def database_of(url: str) -> str:
    """Return the name of the database that a URL leads to."""
    name = make_url(url).database
    assert name is not None
    return name


@contextlib.contextmanager
def user(server: Server, url: str, created: str = "") -> Iterator[str]:
    """Choose the name of a user, create it with a statement if one is given, and drop it at the end."""
    name = f"reader_{secrets.token_hex(4)}"
    if created:
        server.execute(created.format(name=name))
    yield name
    if server.dialect == "mariadb":
        server.execute(f"DROP USER IF EXISTS '{name}'@'%'")
    elif server.execute(f"SELECT FROM pg_roles WHERE rolname = '{name}'"):
        server.execute(f'DROP OWNED BY "{name}"', database=database_of(url))
        server.execute(f'DROP ROLE "{name}"')


@contextlib.contextmanager
def granted(server: Server, url: str, role: Role = roles.READER) -> Iterator[Database]:
    """Create a user of a database with a role, and open the database as that user."""
    with user(server, url) as name:
        with Database(administrator(server, url)) as database:
            assert roles.grant(database, role, name, PASSWORD) == []
        with Database(server.url(database_of(url), user=name, password=PASSWORD)) as database:
            yield database
