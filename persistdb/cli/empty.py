"""What an empty answer says: of which host there is nothing, and which hosts the database has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import command

if TYPE_CHECKING:
    from ..db.database import Database

_SHOWN = 5
"""The most hosts that are named."""


def nothing(what: str, database: Database, host: str | None, *, filtered: bool = False) -> str:
    """Say that there is nothing of a kind, of which host, and which hosts there are if that one has nothing at all."""
    from ..reports import scope

    known = scope.hosts(database, _SHOWN + 1)
    if not known:
        return f"no {what}; the database has no sandboxes: {command(database.url, 'import PATH')} brings them"
    fit = " fit the filters" if filtered else ""
    if host is None:
        return f"no {what}{fit}"
    if scope.has_host(database, host):
        return f"no {what} of host {host!r}{fit}"
    more = ", …" if len(known) > _SHOWN else ""
    return f"no {what} of host {host!r}; the database has those of: {', '.join(known[:_SHOWN])}{more}"
