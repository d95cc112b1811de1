"""Payloads whose lists are objects by number, decoded into records.

MariaDB's JSON_ARRAYAGG creates a temporary table, on disk for text, in each statement that has one: a third of a get.
JSON_OBJECTAGG does not, but an object needs keys, and its members have no order. So a list is an object whose keys are
numbers of the rows: positions, or for containers the rows' IDs. A container's rootfs is among its mounts, at 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

import msgspec

from ...errors import NO_ROOTFS, Unreadable
from ...records import ContainerState, DeviceMap, Mount, Process

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class _Record(msgspec.Struct):
    """The payload of a ``ContainerState``."""

    state: str = msgspec.field(name="State")
    cgroup_path: str = msgspec.field(name="CgroupPath")
    bundle_path: str = msgspec.field(name="BundlePath")
    device_maps: dict[int, DeviceMap] | None = msgspec.field(name="DeviceMaps")
    mounts: dict[int, Mount] = msgspec.field(name="Mounts")
    processes: dict[int, Process] | None = msgspec.field(name="Process")


def _record(payload: _Record) -> ContainerState:
    rootfs, *mounts = _by_position(payload.mounts)
    return ContainerState(
        state=payload.state,
        rootfs=rootfs,
        cgroup_path=payload.cgroup_path,
        bundle_path=payload.bundle_path,
        device_maps=_by_position(payload.device_maps),
        mounts=mounts,
        processes=_by_position(payload.processes),
    )


def _by_position(children: dict[int, T] | None) -> list[T]:
    return [children[position] for position in sorted(children)] if children else []


def decoder(kind: type[T], hook: Callable[[type, Any], Any]) -> Callable[[str], T]:
    """Return a decoder of payloads of a struct: of a container, of a sandbox with a list of containers, or any other.

    Raises :class:`msgspec.ValidationError`, :class:`~persistdb.errors.Unreadable`.
    """
    payload, build = _payload(kind)
    decode = msgspec.json.Decoder(payload, strict=False, dec_hook=hook).decode
    return lambda text: build(decode(text))


def _payload(kind: type[T]) -> tuple[Any, Callable[[Any], T]]:
    """Return the type of a struct's payload, and the function that makes the struct of it."""
    # a field with a default is not in the payload
    fields = {field.name: field.type for field in msgspec.structs.fields(kind) if field.required}  # type: ignore[arg-type]  # a struct
    if fields.get("record") is ContainerState:
        return _with(kind, fields | {"record": _Record}), lambda payload: _container(kind, payload)
    if get_origin(fields.get("containers")) is list:
        of_container, build = _payload(get_args(fields["containers"])[0])
        containers = dict[int, of_container] | None  # type: ignore[valid-type]  # made just now
        return _with(kind, fields | {"containers": containers}), lambda payload: _sandbox(kind, payload, build)
    return kind, lambda payload: payload


def _with(kind: type, fields: dict[str, Any]) -> type[msgspec.Struct]:
    return msgspec.defstruct(f"_{kind.__name__}", list(fields.items()), kw_only=True)


def _container(kind: Callable[..., T], payload: Any) -> T:
    if 0 not in payload.record.mounts:
        raise Unreadable(f"{payload.sid}/{payload.cid}", NO_ROOTFS, payload.host)
    return kind(**msgspec.structs.asdict(payload) | {"record": _record(payload.record)})


def _sandbox(kind: Callable[..., T], payload: Any, build: Callable[[Any], Any]) -> T:
    containers = sorted((payload.containers or {}).values(), key=lambda container: container.cid)
    return kind(**msgspec.structs.asdict(payload) | {"containers": [build(one) for one in containers]})
