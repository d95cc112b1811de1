"""A report's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..schema.prepare import prepare
from . import readonly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..db.database import Database
    from .catalog import Report


def run(
    database: Database,
    report: Report,
    given: Sequence[str] = (),
    *,
    timeout: float = readonly.TIMEOUT,
    limit: int | None = None,
) -> readonly.Rows:
    """Ask the database, of all its hosts; ``given`` are values of parameters as people write them.

    Raises :class:`~persistdb.errors.InvalidValue`, :class:`~persistdb.errors.SchemaError`,
    :class:`~persistdb.errors.DatabaseError`.
    """
    values = report.values(given)
    prepare(database)
    return readonly.read(database, report.sql, values, timeout=timeout, limit=limit)
