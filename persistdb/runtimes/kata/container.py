"""One container's persist.json: bytes to a record and its origin, and back to the same bytes.

Most files are exactly what Go's encoder writes for their record: msgspec decodes the file, and encoding the record
gives the same bytes, which takes tens of microseconds. Any other file is decoded the careful way, by
:func:`~persistdb.runtimes.gojson.decode_object`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from ...records import ContainerState, DeviceMap, Mount, Origin, Process
from .. import gojson
from ..gojson import Malformed, decode_object, decode_text, encode_unknown, scan
from .detect import detect_layout, guess_layout
from .emptylists import NO_LISTS
from .extra import UnknownKeys, extend
from .shapes import SHAPES, Shape, decode_file
from .specs import SPECS

if TYPE_CHECKING:
    from .layouts import Layout
    from .specs import ContainerSpecs

_UINT32_MAX: Final = 2**32 - 1
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1

_Item = TypeVar("_Item")


# --- decoding --------------------------------------------------------------------------------------------------------


def decode_container(data: bytes, path: str = "persist.json") -> tuple[ContainerState, Origin]:
    """Decode one container's persist.json, in any layout.

    A file without devices looks the same in layouts 2.2 and 3.28; its layout is 2.2 until
    :func:`~persistdb.runtimes.kata.detect.settle_layouts` compares it with the other files of its sandbox. Raises
    :class:`~persistdb.errors.DamagedFile`.
    """
    gojson.check_size(data, path)
    decoded = _decode_canonical(data)
    if decoded is not None:
        return decoded
    text = decode_text(data, path)
    try:
        return _decode_careful(text, data)
    except Malformed as error:
        raise error.in_file(path) from None


def _decode_canonical(data: bytes) -> tuple[ContainerState, Origin] | None:
    """Decode a file that is exactly what Go writes; return ``None`` for any other."""
    if b"\\u0000" in data:
        return None
    layout = guess_layout(data)
    try:
        file, rootfs = decode_file(data, layout)
        record = ContainerState(
            state=file.state,
            rootfs=rootfs,
            cgroup_path=file.cgroup_path,
            device_maps=file.device_maps or [],
            mounts=file.mounts or [],
            processes=_started(
                [
                    Process(token=keys.token, pid=keys.pid, start_time=gojson.read_time(keys.start_time))
                    for keys in _as_list(file.process)
                ],
                layout,
            ),
            bundle_path=file.bundle_path,
        )
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if not _in_range(record) or encode_container(record, layout.name) != data:
        return None
    return record, Origin(layout=layout.name)


def _in_range(record: ContainerState) -> bool:
    for device in record.device_maps:
        if not (
            0 <= device.file_mode <= _UINT32_MAX and 0 <= device.uid <= _UINT32_MAX and 0 <= device.gid <= _UINT32_MAX
        ):
            return False
    return all(_INT64_MIN <= process.pid <= _INT64_MAX for process in record.processes)


def _decode_careful(text: str, data: bytes) -> tuple[ContainerState, Origin]:
    """Decode a file by Go's rules, with its unknown keys; keep its text if these do not give the same bytes back."""
    start = scan.start_of_object(text)
    layout = detect_layout(text, start)
    values, unknown = decode_object(text, start, SPECS[layout.name].container)
    if "SandboxContainer" in unknown and not values.keys() & {"rootfs", "processes"}:
        raise Malformed(
            "is the file of a sandbox where a container's should be: import the folder of sandboxes, one level down"
        )
    record = ContainerState(
        state=values.get("state", ""),
        rootfs=Mount(**values.get("rootfs", {})),
        cgroup_path=values.get("cgroup_path", ""),
        device_maps=[DeviceMap(**device) for device in values.get("device_maps") or ()],
        mounts=[Mount(**mount) for mount in values.get("mounts") or ()],
        processes=_started([Process(**process) for process in _as_list(values.get("processes"))], layout),
        bundle_path=values.get("bundle_path", ""),
    )
    extra = encode_unknown(unknown)
    is_same = encode_container(record, layout.name, extra) == data
    return record, Origin(layout=layout.name, extra=extra, document=None if is_same else text)


def _as_list(process: _Item | list[_Item] | None) -> list[_Item]:
    if process is None:
        return []
    return process if isinstance(process, list) else [process]


def _started(processes: list[Process], layout: Layout) -> list[Process]:
    # Where Process is an object, a container that was never started has it all zero.
    return [] if not layout.process_is_list and processes == [Process()] else processes


# --- encoding --------------------------------------------------------------------------------------------------------


def encode_container(
    record: ContainerState, layout: str, extra: str | None = None, empty: frozenset[str] = NO_LISTS
) -> bytes:
    """Encode a record as Kata's driver writes it in a layout of persist.json, with unknown keys after the known ones.

    ``empty`` has the attributes of lists that are ``[]`` without items, where Kata's driver writes ``null``.
    What the layout has no place for is left out: :func:`~persistdb.runtimes.kata.layout_losses` names it.
    """
    shape = SHAPES[layout]
    if extra is not None:
        file = _extended_file(record, shape, SPECS[layout], UnknownKeys(extra), empty)
    else:
        file = shape.file(
            record,
            shape.rootfs(record.rootfs),
            [shape.device(device) for device in record.device_maps],
            [shape.mount(mount) for mount in record.mounts],
            [shape.process(process) for process in record.processes],
            empty,
        )
    return gojson.encode(file) + b"\n"


def _extended_file(
    record: ContainerState, shape: Shape, specs: ContainerSpecs, unknown: UnknownKeys, empty: frozenset[str]
) -> object:
    file = shape.file(
        record,
        extend(shape.rootfs(record.rootfs), unknown.of("Rootfs"), specs.rootfs),
        [
            extend(shape.device(device), unknown.of("DeviceMaps", at), specs.device)
            for at, device in enumerate(record.device_maps)
        ],
        [extend(shape.mount(mount), unknown.of("Mounts", at), specs.mount) for at, mount in enumerate(record.mounts)],
        _extended_processes(record, shape, specs.process, unknown),
        empty,
    )
    return extend(file, unknown.file, specs.container)


def _extended_processes(record: ContainerState, shape: Shape, spec: gojson.Spec, unknown: UnknownKeys) -> list[object]:
    of_object = unknown.of("Process")
    processes = record.processes
    if not processes and of_object is not None and not shape.layout.process_is_list:
        processes = [Process()]  # the container was never started, but its file had unknown keys there
    return [
        extend(shape.process(process), unknown.of("Process", at) or (of_object if at == 0 else None), spec)
        for at, process in enumerate(processes)
    ]
