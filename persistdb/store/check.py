"""The check of all stored rows: each must decode to a record, and to one that a save would accept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import DatabaseError, Finding, InvalidValue, Unreadable
from ..schema.preflight import SHOWN
from .queries import PAGE
from .repository import ContainerRepository
from .rows import check_container, check_sandbox

if TYPE_CHECKING:
    from .session import Database


def check_rows(database: Database) -> list[Finding]:
    """Read all containers and sandboxes of all hosts, in constant memory, and return their faults.

    The schema must be the program's own (:func:`persistdb.schema.check.check`). Nothing is changed.
    """
    try:
        return _faults_of_rows(database)
    except DatabaseError as error:
        if type(error) is not DatabaseError:  # the others are about the database
            raise
        return [Finding(f"the rows cannot be read: {error}")]  # a column is missing, for example


def _faults_of_rows(database: Database) -> list[Finding]:
    unreadable = _Examples("containers or sandboxes that cannot be read")
    refused = _Examples("containers with values that no save accepts")
    refused_sandboxes = _Examples("sandboxes with values that no save accepts")
    repository = ContainerRepository(database, host="any")

    def report(error: Unreadable) -> None:
        unreadable.add(error.host, error.sid, error.cid, error.detail)

    for container in repository.iterate(all_hosts=True, on_unreadable=report):
        try:
            check_container(container.cid, container.record, container.origin)
        except InvalidValue as error:
            refused.add(container.host, container.sid, container.cid, str(error))
    for own in repository.own_rows(batch=PAGE):
        if isinstance(own, Unreadable):
            report(own)
            continue
        try:
            check_sandbox(own.record)
        except InvalidValue as error:
            refused_sandboxes.add(own.host, own.record.sid, None, str(error))
    return [finding for each in (unreadable, refused, refused_sandboxes) if (finding := each.finding()).count]


class _Examples:
    """A finding in the making: the first of its rows, and how many there are."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._rows: list[tuple[object, ...]] = []
        self._count = 0

    def add(self, *row: object) -> None:
        """Count a row: host, sid, cid, and the reason."""
        self._count += 1
        if len(self._rows) < SHOWN:
            self._rows.append(row)

    def finding(self) -> Finding:
        """Return the finding."""
        return Finding(self._what, ("host", "sid", "cid", "reason"), tuple(self._rows), self._count)
