"""What documents say of sandboxes and containers (:mod:`..documents`), as the rows to write.

Pure: nothing here touches a database. What stays as a row is compared by what its documents said before, so that a save
that changes nothing of them writes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from ..documents import SandboxDocument
from . import record_rows
from .rows import (
    AnnotationRow,
    ContainerNames,
    RowKey,
    SandboxAnnotationRow,
    SandboxDeviceRow,
    SandboxMachine,
    VFIODeviceRow,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..documents import Annotations
    from ..records import Origin
    from ..virtual_machines import SandboxDevice
    from .stored import StoredContainer, StoredSandbox

NO_DOCUMENT: Final = SandboxDocument(None)
NO_ANNOTATIONS: Final[Annotations] = {}


class Described(NamedTuple):
    """What the document of a new sandbox says, beside what its row has."""

    annotations: Annotations
    devices: Sequence[SandboxDevice]


class Annotated(msgspec.Struct, frozen=True):
    """What is written of sandboxes and containers that are there, beside their own rows.

    ``named`` are containers that are called otherwise from now on. All annotations of ``containers`` and ``sandboxes``,
    and all devices of ``equipped``, are deleted, and the others inserted. ``new_sandboxes`` has what is said of
    new sandboxes, by their IDs.
    """

    named: tuple[ContainerNames, ...] = ()
    containers: tuple[RowKey, ...] = ()
    of_containers: tuple[AnnotationRow, ...] = ()
    sandboxes: tuple[RowKey, ...] = ()
    of_sandboxes: tuple[SandboxAnnotationRow, ...] = ()
    machines: tuple[SandboxMachine, ...] = ()
    equipped: tuple[RowKey, ...] = ()
    devices: tuple[SandboxDeviceRow, ...] = ()
    vfio_devices: tuple[VFIODeviceRow, ...] = ()
    new_sandboxes: Mapping[str, Described] = {}


NOTHING: Final = Annotated()


class Annotating:
    """The same in the making."""

    def __init__(self) -> None:
        self._named: list[ContainerNames] = []
        self._containers: list[RowKey] = []
        self._of_containers: list[AnnotationRow] = []
        self._sandboxes: list[RowKey] = []
        self._of_sandboxes: list[SandboxAnnotationRow] = []
        self._machines: list[SandboxMachine] = []
        self._equipped: list[RowKey] = []
        self._devices: list[SandboxDeviceRow] = []
        self._vfio_devices: list[VFIODeviceRow] = []
        self._new: dict[str, Described] = {}

    def annotated(self) -> Annotated:
        """Return it as it is now."""
        changed = self._named or self._containers or self._sandboxes or self._machines or self._equipped
        if not (changed or self._new):
            return NOTHING
        return Annotated(
            tuple(self._named),
            tuple(self._containers),
            tuple(self._of_containers),
            tuple(self._sandboxes),
            tuple(self._of_sandboxes),
            tuple(self._machines),
            tuple(self._equipped),
            tuple(self._devices),
            tuple(self._vfio_devices),
            self._new,
        )

    def new_sandbox(self, sid: str, document: SandboxDocument) -> None:
        """Write what the document of a new sandbox says."""
        described = Described(document.annotations, document.devices)
        if any(described):
            self._new[sid] = described

    def sandbox(
        self,
        stored: StoredSandbox,
        document: SandboxDocument,
        staying: Mapping[str, Origin | None],
    ) -> None:
        """Write what changes in what a sandbox's document says, and in the annotations of containers whose rows stay.

        ``staying`` has the new origins of these, ``None`` where they have the old one.
        """
        before = document
        if document.text != stored.record.document:
            before = SandboxDocument(stored.record.document)
            if before.annotations != document.annotations:
                self._sandboxes.append(RowKey(stored.id))
                self._of_sandboxes += record_rows.annotation_rows(SandboxAnnotationRow, stored.id, document.annotations)
            if not document.has_machine_of(before):
                self._machine(stored.id, before, document)
        for container in stored.containers:
            if container.cid in staying:
                self._container(container, before, document, staying[container.cid] or container.origin)

    def _machine(self, sandbox_id: int, before: SandboxDocument, document: SandboxDocument) -> None:
        if before.virtual_machine != document.virtual_machine:
            self._machines.append(SandboxMachine(sandbox_id, *document.virtual_machine))
        if before.devices != document.devices:
            self._equipped.append(RowKey(sandbox_id))
            of_sandbox, of_vfio = record_rows.device_rows(sandbox_id, document.devices)
            self._devices += of_sandbox
            self._vfio_devices += of_vfio

    def _container(
        self, stored: StoredContainer, before: SandboxDocument, document: SandboxDocument, origin: Origin
    ) -> None:
        if before is document and origin is stored.origin:
            return  # as for nearly all saves
        old, new = before.of_container(stored.cid, stored.origin), document.of_container(stored.cid, origin)
        if old != new:
            self._containers.append(RowKey(stored.id))
            self._of_containers += record_rows.annotation_rows(AnnotationRow, stored.id, new)
        names = document.names(new)
        if names != before.names(old):
            self._named.append(ContainerNames(stored.id, *names))
