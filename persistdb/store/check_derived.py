"""The check of what is derived from documents: annotations, names, virtual machines, devices.

They are compared with what the documents say, a page of sandboxes at a time; where they may differ, row by row.
Rows that cannot be read are another check's to name.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from sqlalchemy import case, exists, func, or_, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..annotations import Names
from ..documents import OCI_RUNTIMES, SandboxDocument, runtime_of
from ..records import Origin
from ..schema.core import annotation, container, sandbox, sandbox_annotation, sandbox_device, vfio_device
from ..virtual_machines import VirtualMachine
from . import derived
from .record_rows import device_rows
from .statements import among

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.engine import Connection

    from ..db.database import Database

    Report = Callable[[str, str, str | None, str], object]

PAGE: Final = 500
"""Sandboxes whose documents are in memory at a time."""

_MACHINE: Final = [sandbox.c[name] for name in VirtualMachine._fields]
_NAMES: Final = [container.c[name] for name in ("runtime", *Names._fields)]
_EXPECTED: Final = case((container.c.layout.in_(OCI_RUNTIMES), container.c.layout), else_="kata")


def _has(table: Table, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    owner = next(iter(table.primary_key.columns))
    return exists(select(owner).where(condition)).correlate(sandbox, container)


# Sandboxes with a document, or with one in a container, or with something that only documents tell.
_SPEAKS: Final = or_(
    sandbox.c.document.is_not(None),
    *(column.is_not(None) for column in _MACHINE),
    *(_has(table, table.c.sandbox_id == sandbox.c.id) for table in (sandbox_annotation, sandbox_device)),
    exists(
        select(container.c.id).where(
            container.c.sandbox_id == sandbox.c.id,
            or_(
                container.c.document.is_not(None),
                container.c.runtime != _EXPECTED,
                *(container.c[name] != "" for name in Names._fields),
                _has(annotation, annotation.c.container_id == container.c.id),
            ),
        )
    ).correlate(sandbox),
)


class Comparison:
    """The comparison of all sandboxes, in pages that several threads may share: each takes what no other one has."""

    def __init__(
        self, database: Database, report: Report, progress: Callable[[int, int], object] = lambda _done, _all: None
    ) -> None:
        """``report`` is called with host, sid, cid and a reason for each sandbox and container whose rows differ.

        ``progress`` is told how many sandboxes are compared, and how many there are, with those that no file tells of.
        """
        self._database, self._report, self._progress = database, report, progress
        self._number: int | None = None
        self._done = 0
        self._taking, self._reporting = threading.Lock(), threading.Lock()
        self._is_over = threading.Event()
        self._behind = 0
        self.error: Exception | None = None
        """What ended it, if something did."""

    def run(self) -> None:
        """Compare all that is left; an error ends it, for all threads."""
        try:
            self._run()
        except Exception as error:  # noqa: BLE001  it is raised where it is asked for
            self.error = error
            self.stop()

    def stop(self) -> None:
        """Let no further page begin."""
        self._is_over.set()

    def _run(self) -> None:
        try:
            with self._database.engine.connect() as connection:
                while ids := self._take(connection):
                    for id_ in _suspects(self._database, connection, ids):
                        connection.rollback()
                        for found in _of_page(self._database, connection, [id_]):
                            with self._reporting:
                                self._report(found.host, found.sid, found.cid, found.what)
                    connection.rollback()
                    with self._reporting:
                        self._done += len(ids)
                        self._progress(self._done, max(self._done, self._number or 0))
        except (SQLAlchemyError, OSError) as error:
            raise self._database.failure(error) from error

    def _take(self, connection: Connection) -> list[int]:
        with self._taking:
            if self._is_over.is_set():
                return []
            if self._number is None:
                self._number = connection.scalar(select(func.count()).select_from(sandbox))
            following = select(sandbox.c.id).where(sandbox.c.id > self._behind, _SPEAKS).order_by(sandbox.c.id)
            ids = list(connection.scalars(following.limit(PAGE)))
            if len(ids) < PAGE:
                self._is_over.set()
            else:
                self._behind = ids[-1]
        return ids


def _suspects(database: Database, connection: Connection, ids: Sequence[int]) -> list[int]:
    """Return the sandboxes of a page whose rows may not be what the documents say: nearly always none."""
    if not ids:
        return []
    try:
        rows = connection.execute(derived.query(database.backend).where(among(sandbox.c.id, ids))).all()
    except DBAPIError as error:
        if not database.backend.is_about_values(error.orig or error):
            raise
        connection.rollback()
        different = {each.id for each in _of_page(database, connection, ids)}
    else:
        different = {id_ for id_, text, payload in rows if not derived.is_as_told(text, payload)}
    return sorted(different)


class _Difference(NamedTuple):
    """What differs in a sandbox, by the ID of its row, or in one of its containers."""

    id: int
    host: str
    sid: str
    cid: str | None
    what: str


def _of_page(database: Database, connection: Connection, ids: Sequence[int]) -> list[_Difference]:
    if not ids:
        return []
    try:
        return list(_differences(connection, ids))
    except (DBAPIError, _Unreadable) as error:
        if isinstance(error, DBAPIError) and not database.backend.is_about_values(error.orig or error):
            raise
    if len(ids) == 1:
        return []
    return [found for id_ in ids for found in _of_page(database, connection, [id_])]


class _Unreadable(Exception):
    """A value that is not of its column's type."""


def _differences(connection: Connection, ids: Sequence[int]) -> Iterator[_Difference]:
    """Yield what differs in sandboxes with these IDs, and in their containers."""
    own_annotations = _children(connection, sandbox_annotation, among(sandbox_annotation.c.sandbox_id, ids))
    devices = _children(connection, sandbox_device, among(sandbox_device.c.sandbox_id, ids))
    vfio_devices = _children(connection, vfio_device, among(vfio_device.c.sandbox_id, ids))
    homes = {}
    query = select(sandbox.c.id, sandbox.c.host, sandbox.c.sid, sandbox.c.document, *_MACHINE)
    for id_, host, sid, text, *machine in connection.execute(query.where(among(sandbox.c.id, ids))).all():
        document = SandboxDocument(_text(text))
        homes[id_] = host, sid, document
        wanted = [list(map(msgspec.structs.astuple, rows)) for rows in device_rows(id_, document.devices)]
        if devices[id_] != wanted[0] or vfio_devices[id_] != wanted[1]:
            yield _Difference(id_, host, sid, None, "its devices are not those of its document")
        if tuple(machine) != document.virtual_machine:
            yield _Difference(id_, host, sid, None, "its virtual machine is not the one of its document")
        if _pairs(own_annotations[id_]) != document.annotations:
            yield _Difference(id_, host, sid, None, "its annotations are not those of its document")
    of_containers = annotation.join(container, container.c.id == annotation.c.container_id)
    annotations = _children(connection, annotation, among(container.c.sandbox_id, ids), of_containers)
    of_rows = select(container.c.id, container.c.sandbox_id, container.c.cid, container.c.layout, container.c.document)
    for id_, home, cid, layout, text, *names in connection.execute(
        of_rows.add_columns(*_NAMES).where(among(container.c.sandbox_id, ids))
    ).all():
        if home not in homes:
            continue  # one that came meanwhile, or has no sandbox, which is another finding
        host, sid, document = homes[home]
        found = document.of_container(_text(cid) or "", Origin(layout=_text(layout) or "", document=_text(text)))
        if _pairs(annotations[id_]) != found:
            yield _Difference(home, host, sid, cid, "its annotations are not those of its documents")
        if names != [runtime_of(layout), *document.names(found)]:
            yield _Difference(home, host, sid, cid, "its runtime or names are not those of its documents")


def _children(
    connection: Connection, table: Table, where: ColumnElement[bool], source: Any = None
) -> defaultdict[int, list[tuple[Any, ...]]]:
    """Return rows by their owners, in the order of their places."""
    owner, *places = table.primary_key.columns
    query = select(*table.c).select_from(table if source is None else source).where(where).order_by(owner, *places)
    found: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    # at once, which takes a third less than row by row
    for row in map(tuple, connection.execute(query).all()):
        found[row[0]].append(row)
    return found


def _pairs(rows: Sequence[tuple[Any, ...]]) -> dict[str, str]:
    """Return annotations, by name."""
    return {name: value for _, _, name, value in rows}


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _Unreadable
    return value
