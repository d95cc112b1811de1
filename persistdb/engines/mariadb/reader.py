"""A user who may read the views and do nothing else, and the rights beyond reading that a SELECT can use."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.engine import Connection

# SHOW GRANTS, in the words of the server; a role that was granted has no ON
_GRANT = re.compile(r"GRANT (?P<rights>.+?)(?: ON (?P<object>.+?))? TO ")
_GLOBAL = "*.*"
_STRONG = re.compile(r"ALL PRIVILEGES|FILE|SUPER|PROCESS|RELOAD|SHUTDOWN|.* ADMIN")


def rights(cursor: Any) -> list[str]:
    """Return the rights beyond reading that a SELECT of this session can use; all of them are global."""
    cursor.execute("SHOW GRANTS")
    held = (right for right, place in _held(row for (row,) in cursor.fetchall()) if place == _GLOBAL)
    return sorted(right for right in held if _STRONG.fullmatch(right))


def statements(database: str, name: str, password: str | None, readable: Sequence[str]) -> list[str]:
    """Return the statements that create the user or bring its rights up to date.

    Without a password it keeps the one that it has; a new user has one that nobody can give.
    """
    user = f"'{name}'@'%'"
    home = "`" + database.replace("`", "``") + "`"
    return [
        f"CREATE USER IF NOT EXISTS {user} IDENTIFIED VIA mysql_native_password USING 'invalid'",
        *([] if password is None else [f"ALTER USER {user} IDENTIFIED BY PASSWORD '{_hash(password)}'"]),
        *(f"GRANT SELECT ON {home}.{each} TO {user}" for each in readable),
    ]


def excess(connection: Connection, database: str, name: str, readable: Sequence[str]) -> list[str]:
    """Return what a reader may do beyond reading the views."""
    home = "`" + database.replace("`", "``") + "`"
    granted = {("USAGE", _GLOBAL), *(("SELECT", f"{home}.`{each}`") for each in readable)}
    rows = connection.exec_driver_sql(f"SHOW GRANTS FOR '{name}'@'%'").scalars()
    return sorted(f"{right} ON {place}" if place else right for right, place in _held(rows) - granted)


def _held(rows: Iterable[str]) -> set[tuple[str, str]]:
    """Return each right with the object that it is for, and each role with none."""
    matches = (_GRANT.match(row) for row in rows)
    return {(right, match["object"] or "") for match in matches if match for right in match["rights"].split(", ")}


def _hash(password: str) -> str:
    """Return what the server stores of a password, so that neither its log nor a script has the password."""
    once = hashlib.sha1(password.encode("ascii")).digest()  # noqa: S324  the server's own method
    return "*" + hashlib.sha1(once).hexdigest().upper()  # noqa: S324  the same
