"""What documents say of rows that a session has changed: annotations, names, virtual machines and devices.

It is written after the rows, in the same transaction, whatever the edit itself has set in those columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, inspect, or_, select, update
from sqlalchemy.orm.attributes import set_committed_value

from ...annotations import Names
from ...documents import SandboxDocument, runtime_of
from ...records import Origin
from ...schema.tables import Container, Sandbox
from ...virtual_machines import VirtualMachine
from ..record_rows import annotation_rows, device_rows
from ..rows import AnnotationRow, SandboxAnnotationRow
from ..statements import DERIVED, among
from .recorder import run

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.orm import InstanceState, Session

    from ..encoding import Row
    from ..statements import Statements

_OF_SANDBOX: Final = ("document", *VirtualMachine._fields)
_OF_CONTAINER: Final = ("cid", "layout", "document", "runtime", *Names._fields)


def of_flush(session: Session) -> None:
    """Write again what is derived of the rows that a flush has written."""
    sandboxes = {each.id for each in _written(session, Sandbox, _OF_SANDBOX)}
    containers = {each.id for each in _written(session, Container, _OF_CONTAINER)}
    if sandboxes or containers:
        derive(session, sandboxes, containers)


def _written(session: Session, kind: type[Sandbox | Container], columns: Sequence[str]) -> list[Any]:
    new = [each for each in session.new if isinstance(each, kind)]
    return new + [each for each in session.dirty if isinstance(each, kind) and _is_changed(each, columns)]


def _is_changed(row: Sandbox | Container, columns: Sequence[str]) -> bool:
    state: InstanceState[Any] = inspect(row)
    return any(state.attrs[name].history.has_changes() for name in columns)


def derive(session: Session, sandboxes: Collection[int], containers: Collection[int]) -> None:
    """Write again what is derived of sandboxes with all containers in them, and of containers."""
    connection, statements = session.connection(), _statements(session)
    columns = Container.__table__.c
    each_container = connection.execute(
        select(columns.id, columns.sandbox_id, columns.cid, columns.layout, columns.document)
        .where(or_(among(columns.id, containers), among(columns.sandbox_id, sandboxes)))
        .order_by(columns.id)
    ).all()
    homes = {row.sandbox_id for row in each_container} | set(sandboxes)
    own = Sandbox.__table__.c
    texts = connection.execute(select(own.id, own.document).where(among(own.id, homes)))
    documents = {id_: SandboxDocument(text) for id_, text in texts}
    named: dict[int, dict[str, Any]] = {}
    of_containers: list[Row] = []
    for id_, home, cid, layout, text in each_container:
        annotations = documents[home].of_container(cid, Origin(layout=layout, document=text))
        of_containers += annotation_rows(AnnotationRow, id_, annotations)
        named[id_] = {"runtime": runtime_of(layout), **documents[home].names(annotations)._asdict()}
    machines: dict[int, dict[str, Any]] = {}
    of_sandboxes: list[Row] = []
    devices: list[Row] = []
    vfio_devices: list[Row] = []
    for id_ in sorted(documents.keys() & set(sandboxes)):
        document = documents[id_]
        of_sandboxes += annotation_rows(SandboxAnnotationRow, id_, document.annotations)
        of_sandbox, of_vfio = device_rows(id_, document.devices)
        devices += of_sandbox
        vfio_devices += of_vfio
        machines[id_] = document.virtual_machine._asdict()
    for owner, ids in zip(DERIVED, (named, machines, machines), strict=True):
        if ids:
            connection.execute(delete(owner.table).where(among(owner, ids)))
    new = (of_containers, of_sandboxes, devices, vfio_devices)
    for statement, rows in zip(statements.insert_derived, new, strict=True):
        run(connection, statement, rows)
    _set(session, Container, named)
    _set(session, Sandbox, machines)


def _statements(session: Session) -> Statements:
    found: Statements = session.info["statements"]
    return found


def _set(session: Session, kind: type[Sandbox | Container], values: Mapping[int, Mapping[str, Any]]) -> None:
    """Write derived columns, and give them to the objects that have them loaded."""
    if not values:
        return
    table: Any = kind.__table__
    names = next(iter(values.values()))
    statement = (
        update(table).where(table.c.id == bindparam("row")).values({name: bindparam(f"new_{name}") for name in names})
    )
    session.connection().execute(
        statement, [{"row": id_, **{f"new_{name}": value for name, value in of.items()}} for id_, of in values.items()]
    )
    for id_, of in values.items():
        present = session.identity_map.get(session.identity_key(kind, id_))
        for name, value in of.items():
            if present is not None and name in present.__dict__:
                set_committed_value(present, name, value)
