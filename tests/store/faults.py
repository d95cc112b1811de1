"""What tests of faults share: something that happens in the middle of a save."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from persistdb import Database


@contextlib.contextmanager
def just_before(
    database: Database, statement: str, act: Callable[[], object], *, times: int = 1
) -> Iterator[list[str]]:
    """Do something just before a statement that begins like this is sent; gives all statements that were sent.

    On PostgreSQL a change of state begins with what it records.
    """
    pattern = re.compile(rf"\s*(?:WITH\b.*\s)?{statement}", re.IGNORECASE | re.DOTALL)
    sent: list[str] = []
    left = [times]

    def on_statement(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        sent.append(sql)
        if left[0] and pattern.match(sql):
            left[0] -= 1
            act()

    event.listen(database.engine, "before_cursor_execute", on_statement)
    try:
        yield sent
    finally:
        event.remove(database.engine, "before_cursor_execute", on_statement)
    assert left[0] == 0, f"no {statement} was sent"
