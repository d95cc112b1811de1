"""The comparison of stored views with their definitions, which creates nothing: DDL commits here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ..base import ViewsNotComparable

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

# ER_YES, the note in which EXPLAIN EXTENDED shows the query as the server has rewritten it
_REWRITTEN = 1003
# ER_VIEW_NO_EXPLAIN
_MAY_NOT_EXPLAIN = 1345
_SHOW_VIEW = "GRANT SHOW VIEW on the database to this user"
_DEFINITION = text(
    "SELECT view_definition FROM information_schema.views WHERE table_schema = database() AND table_name = :name"
)
# ER_BAD_FIELD_ERROR, ER_NO_SUCH_TABLE, ER_VIEW_INVALID: a view outlives the tables that it reads
_INVALID = frozenset({1054, 1146, 1356})
# Two columns that are to be equal: their order is that in which the tables would be read now, by what the server's own
# thread last counted in them, and may be another one of two renderings
_EQUAL = re.compile(r"(`\w+`\.`\w+`) = (`\w+`\.`\w+`)")
# The character set of a literal, which a view keeps from the session that created it
_INTRODUCER = re.compile(r"\b_(?:utf8mb[34]|utf8|latin1)(?=')")


def is_changed(connection: Connection, name: str, select: str) -> bool:
    """Compare what EXPLAIN EXTENDED makes of the view with what it makes of the SELECT as a derived table.

    The server treats both in the same way, so the same definition gives the same text. SHOW CREATE VIEW renders stored
    views only. Of a view that it computes separately, as a union, EXPLAIN shows only the name: then the stored SELECT
    stands for it.
    """
    # a URL whose database is in a file of options does not name it
    own = str(connection.exec_driver_sql("SELECT database()").scalar_one()).replace("`", "``")
    wanted, stored = (_rendered(connection, own, source) for source in (f"({select})", name))
    if stored.endswith(f" from `{name}` `definition` limit 0"):
        definition = connection.execute(_DEFINITION, {"name": name}).scalar_one_or_none()
        if not definition:
            raise ViewsNotComparable(_SHOW_VIEW)
        stored = _rendered(connection, own, f"({definition})")
    return stored != wanted


def _rendered(connection: Connection, own: str, source: str) -> str:
    """Return the server's rendering of a SELECT from a source, or the error of one that can't be read.

    ``own`` is the database's name: how the server opened the tables decides which columns have it before them, too.
    """
    try:
        # with LIMIT 0 nothing is rewritten for the sake of speed
        connection.exec_driver_sql(
            "SET STATEMENT sql_notes = 1, max_error_count = 64 FOR"
            f" EXPLAIN EXTENDED SELECT * FROM {source} AS definition LIMIT 0"
        ).close()
    except DBAPIError as error:
        code = error.orig.args[0] if error.orig and error.orig.args else None
        if code == _MAY_NOT_EXPLAIN:
            raise ViewsNotComparable(_SHOW_VIEW) from error
        if code not in _INVALID:
            raise
        return f"error {code}"
    notes = connection.exec_driver_sql("SHOW WARNINGS")
    (rendered,) = (message for _, code, message in notes if code == _REWRITTEN)
    rendered = _INTRODUCER.sub("", rendered).replace(f"`{own}`.", "")
    return _EQUAL.sub(lambda columns: " = ".join(sorted(columns.groups())), rendered)
