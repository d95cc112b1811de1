"""Cursors of psycopg that connections keep."""

from __future__ import annotations

from typing import Any

import psycopg

_FEW = 20
"""The rows that one may hold until its next statement."""


class _Kept(psycopg.Cursor[Any]):
    """A cursor that is used again: whoever closes it has read its rows, and few of them are not in the way."""

    def close(self) -> None:
        """Stay open, unless it holds many rows."""
        if self.rowcount > _FEW:
            super().close()


def kept_cursor(driver: psycopg.Connection[Any]) -> psycopg.Cursor[Any]:
    """Return a cursor for many statements, one after the other."""
    return _Kept(driver)
