"""What is stored of documents, a payload for each sandbox: whether it is what they say is told without a row's object.

A page is one statement, whose payloads decode at once, however many rows there are. What cannot be told so, such as a
value that JSON cannot hold, is not told: another look at the rows themselves must.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from sqlalchemy import Text, literal_column, select

from ..annotations import Names
from ..documents import SandboxDocument, runtime_of
from ..engines.syntax import JSONRows
from ..records import Origin
from ..schema.core import sandbox
from ..virtual_machines import VirtualMachine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement, Select

    from ..engines import Backend

T = TypeVar("T")


class _Device(msgspec.Struct, frozen=True):
    position: int
    device_id: str | None
    type: str | None
    kind: str | None
    major: int | None
    minor: int | None
    host_path: str | None
    ref_count: int | None
    attach_count: int | None


class _VFIODevice(msgspec.Struct, frozen=True):
    device_position: int
    position: int
    bdf: str
    sysfs_dev: str


class _Annotation(msgspec.Struct, frozen=True):
    name: str
    value: str


class _Container(msgspec.Struct, frozen=True):
    cid: str
    layout: str
    document: str | None
    runtime: str
    pod: str
    pod_uid: str
    container_name: str
    image: str
    annotations: list[_Annotation] | dict[int, _Annotation] | None

    @property
    def names(self) -> tuple[str, ...]:
        return self.pod, self.pod_uid, self.container_name, self.image


class _Sandbox(msgspec.Struct, frozen=True):
    hypervisor_pid: int | None
    hypervisor_path: str | None
    virtiofsd_pid: int | None
    netns_path: str | None
    devices: list[_Device] | dict[int, _Device] | None
    vfio: list[_VFIODevice] | dict[int, _VFIODevice] | None
    annotations: list[_Annotation] | dict[int, _Annotation] | None
    containers: list[_Container] | dict[int, _Container] | None

    @property
    def machine(self) -> tuple[int | str | None, ...]:
        return self.hypervisor_pid, self.hypervisor_path, self.virtiofsd_pid, self.netns_path


_decode: Final = msgspec.json.Decoder(_Sandbox).decode


def query(backend: Backend) -> Select[Any]:
    """Return the select of sandboxes' IDs, documents, and payloads; it has no condition yet."""
    return select(sandbox.c.id, sandbox.c.document, _payload(backend).label("payload"))


def _payload(backend: Backend) -> ColumnElement[str]:
    def listed(kind: type[msgspec.Struct], table: str, alias: str, where: str, number: str) -> str:
        rows = JSONRows(table, alias, where, number, number)
        names = (field.name for field in msgspec.structs.fields(kind))
        return backend.json_list({name: f"{alias}.{name}" for name in names}, rows)

    named = ("cid", "layout", "document", "runtime", *Names._fields)
    containers = {name: f"c.{name}" for name in named}
    containers["annotations"] = listed(_Annotation, "annotation", "a", "a.container_id = c.id", "position")
    of_vfio = {name: f"v.{name}" for name in ("device_position", "position", "bdf", "sysfs_dev")}
    pairs = {
        **{name: f"sandbox.{name}" for name in VirtualMachine._fields},
        "devices": listed(_Device, "sandbox_device", "d", "d.sandbox_id = sandbox.id", "position"),
        "vfio": backend.json_list(of_vfio, JSONRows("vfio_device", "v", "v.sandbox_id = sandbox.id", *_BY_PLACE)),
        "annotations": listed(_Annotation, "sandbox_annotation", "b", "b.sandbox_id = sandbox.id", "position"),
        "containers": backend.json_list(
            containers, JSONRows("container", "c", "c.sandbox_id = sandbox.id", "id", "id")
        ),
    }
    return literal_column(backend.json_text(backend.json_object(pairs)), Text)


# an object by number must have each row: both places have 32 bits
_BY_PLACE: Final = ("device_position", "device_position * 4294967296 + v.position")


def is_as_told(text: object, payload: object) -> bool:
    """Return whether rows are certainly what the documents say."""
    if not isinstance(payload, str) or not (text is None or isinstance(text, str)):
        return False
    try:
        stored = _decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    document = SandboxDocument(text)
    return (
        stored.machine == document.virtual_machine
        and _has_devices(stored, document)
        and _pairs(stored.annotations) == document.annotations
        and all(_is_as_told(each, document) for each in _list(stored.containers))
    )


def _has_devices(stored: _Sandbox, document: SandboxDocument) -> bool:
    devices = document.devices
    if not devices:
        return not stored.devices and not stored.vfio
    of_vfio = [
        _VFIODevice(place, number, *each)
        for place, device in enumerate(devices)
        for number, each in enumerate(device.vfio)
    ]
    wanted = [_Device(place, *device[:-1]) for place, device in enumerate(devices)]
    return _list(stored.devices) == wanted and sorted(_list(stored.vfio), key=_by_place) == of_vfio


def _by_place(stored: _VFIODevice) -> tuple[int, int]:
    return stored.device_position, stored.position


def _is_as_told(stored: _Container, document: SandboxDocument) -> bool:
    wanted = document.of_container(stored.cid, Origin(layout=stored.layout, document=stored.document))
    return (
        stored.runtime == runtime_of(stored.layout)
        and _pairs(stored.annotations) == wanted
        and stored.names == document.names(wanted)
    )


def _pairs(stored: list[_Annotation] | Mapping[int, _Annotation] | None) -> dict[str, str]:
    return {each.name: each.value for each in _list(stored)}


def _list(stored: list[T] | Mapping[int, T] | None) -> list[T]:
    """Return the entries of a list, which on MariaDB is an object by number."""
    if not stored:
        return []
    return stored if isinstance(stored, list) else [stored[number] for number in sorted(stored)]
