"""Users with the rights of a role and no others, and the rights beyond reading that a SELECT can use."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy.engine import Connection

    from ..base import Role

# SHOW GRANTS, in the words of the server; a role that was granted has no ON
_GRANT = re.compile(r"GRANT (?P<rights>.+?)(?: ON (?P<object>.+?))? TO ")
_GLOBAL = "*.*"
_STRONG = re.compile(r"ALL PRIVILEGES|FILE|SUPER|PROCESS|RELOAD|SHUTDOWN|.* ADMIN")


def rights(cursor: Any) -> list[str]:
    """Return the rights beyond reading that a SELECT of this session can use; all of them are global."""
    cursor.execute("SHOW GRANTS")
    held = (right for right, place in _held(row for (row,) in cursor.fetchall()) if place == _GLOBAL)
    return sorted(right for right in held if _STRONG.fullmatch(right))


def _granted(role: Role) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Return each table or view with the rights to it; who writes may compare the views with their definitions."""
    for name in role.reads:
        yield name, ("SELECT", "SHOW VIEW") if role.writes else ("SELECT",)
    for name in role.writes:
        yield name, ("SELECT", "INSERT", "UPDATE", "DELETE")


def statements(database: str, role: Role, name: str, password: str | None) -> list[str]:
    """Return the statements that create the user or bring its rights up to date.

    Without a password it keeps the one that it has; a new user has one that nobody can give.
    """
    user = f"'{name}'@'%'"
    home = "`" + database.replace("`", "``") + "`"
    return [
        f"CREATE USER IF NOT EXISTS {user} IDENTIFIED VIA mysql_native_password USING 'invalid'",
        *([] if password is None else [f"ALTER USER {user} IDENTIFIED BY PASSWORD '{_hash(password)}'"]),
        *(f"GRANT {', '.join(rights)} ON {home}.{place} TO {user}" for place, rights in _granted(role)),
    ]


def excess(connection: Connection, database: str, role: Role, name: str) -> list[str]:
    """Return what a user may do beyond a role."""
    home = "`" + database.replace("`", "``") + "`"
    granted = {(right, f"{home}.`{place}`") for place, rights in _granted(role) for right in rights}
    rows = connection.exec_driver_sql(f"SHOW GRANTS FOR '{name}'@'%'").scalars()
    return sorted(
        f"{right} ON {place}" if place else right for right, place in _held(rows) - granted - {("USAGE", _GLOBAL)}
    )


def _held(rows: Iterable[str]) -> set[tuple[str, str]]:
    """Return each right with the object that it is for, and each role with none."""
    matches = (_GRANT.match(row) for row in rows)
    return {(right, match["object"] or "") for match in matches if match for right in match["rights"].split(", ")}


def _hash(password: str) -> str:
    """Return what the server stores of a password, so that neither its log nor a script has the password."""
    once = hashlib.sha1(password.encode("ascii")).digest()  # noqa: S324  the server's own method
    return "*" + hashlib.sha1(once).hexdigest().upper()  # noqa: S324  the same
