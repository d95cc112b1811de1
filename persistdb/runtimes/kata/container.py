"""One container's persist.json: bytes to a record and its origin, and back to the same bytes.

Most files are exactly what Go's encoder writes for their record; these are decoded by msgspec, encoded again and
compared, which takes tens of microseconds. Any other file goes the careful way (:mod:`.godecode`).
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ...records import ContainerState, DeviceMap, Mount, Origin, Process
from .. import gojson
from ..gojson import Malformed, decode_object, decode_text, encode_unknown, scan
from .layouts import LAYOUTS, Layout
from .specs import SPECS, json_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..gojson import Spec

_UINT32_MAX: Final = 2**32 - 1
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1


# --- decoding --------------------------------------------------------------------------------------------------------


class _Rootfs(msgspec.Struct):
    block_device_id: str = msgspec.field(name="BlockDeviceID")
    type: str = msgspec.field(name="FsType")


class _Process(msgspec.Struct):
    token: str = msgspec.field(name="Token")
    pid: int = msgspec.field(name="Pid")
    start_time: str = msgspec.field(name="StartTime")


class _File(msgspec.Struct):
    """Any layout's file, whose keys msgspec takes in any order; what is missing or more shows in the comparison."""

    state: str = msgspec.field(name="State")
    cgroup_path: str = msgspec.field(name="CgroupPath")
    device_maps: list[DeviceMap] | None = msgspec.field(name="DeviceMaps")
    mounts: list[Mount] | None = msgspec.field(name="Mounts")
    process: _Process | list[_Process] | None = msgspec.field(name="Process")
    bundle_path: str = msgspec.field(name="BundlePath")


class _SeedFile(_File):
    rootfs: Mount = msgspec.field(name="Rootfs")


class _KataFile(_File):
    rootfs: _Rootfs = msgspec.field(name="Rootfs")


_decode_seed = msgspec.json.Decoder(_SeedFile).decode
_decode_kata = msgspec.json.Decoder(_KataFile).decode


def decode_container(data: bytes, path: str = "persist.json") -> tuple[ContainerState, Origin]:
    """Decode one container's persist.json, of whichever layout.

    A file without devices looks the same in layouts 2.2 and 3.28 and is called 2.2; whoever knows its sandbox knows
    better (:func:`is_between`). Raises :class:`~persistdb.errors.DamagedFile`.
    """
    fast = _decode_canonical(data)
    if fast is not None:
        return fast
    text = decode_text(data, path)
    try:
        return _decode_careful(text, data)
    except Malformed as error:
        raise error.in_file(path) from None


def is_between(record: ContainerState, origin: Origin) -> bool:
    """Whether nothing in the container's own file tells layout 2.2 from 3.28."""
    return origin.layout == "2.2" and not record.device_maps


def _guess(data: bytes) -> Layout:
    # Only a guess, which the comparison of bytes confirms. A quote inside a string is escaped, so these are keys.
    if b'"Rootfs":{"Source":' in data:
        return LAYOUTS["seed"]
    if data.find(b',"CgroupPath":') < data.find(b',"Rootfs":'):
        return LAYOUTS["3.28" if b',"Shared":' in data else "2.2"]
    return LAYOUTS["1.7" if b',"Process":{' in data else "1.7-rc1"]


def _decode_canonical(data: bytes) -> tuple[ContainerState, Origin] | None:
    if b"\\u0000" in data:
        return None
    layout = _guess(data)
    try:
        file: _File
        if layout.rootfs_is_mount:
            file = seed = _decode_seed(data)
            rootfs = seed.rootfs
        else:
            file = kata = _decode_kata(data)
            rootfs = Mount(type=kata.rootfs.type, block_device_id=kata.rootfs.block_device_id)
        found = file.process
        processes = [] if found is None else found if isinstance(found, list) else [found]
        record = ContainerState(
            state=file.state,
            rootfs=rootfs,
            cgroup_path=file.cgroup_path,
            device_maps=file.device_maps or [],
            mounts=file.mounts or [],
            processes=_started(
                [Process(token=p.token, pid=p.pid, start_time=gojson.read_time(p.start_time)) for p in processes],
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


def _started(processes: list[Process], layout: Layout) -> list[Process]:
    # Where Process is an object, a container that was never started has it all zero.
    return [] if not layout.process_is_list and processes == [Process()] else processes


def _decode_careful(text: str, data: bytes) -> tuple[ContainerState, Origin]:
    start = scan.start_of_object(text)
    layout = _detect(text, start)
    values, unknown = decode_object(text, start, SPECS[layout.name].container)
    if "SandboxContainer" in unknown and not values.keys() & {"rootfs", "processes"}:
        raise Malformed("is the file of a sandbox where a container's should be: this is a folder too high")
    found = values.get("processes")
    processes = [] if found is None else found if isinstance(found, list) else [found]
    record = ContainerState(
        state=values.get("state", ""),
        rootfs=Mount(**values.get("rootfs", {})),
        cgroup_path=values.get("cgroup_path", ""),
        device_maps=[DeviceMap(**device) for device in values.get("device_maps") or ()],
        mounts=[Mount(**mount) for mount in values.get("mounts") or ()],
        processes=_started([Process(**process) for process in processes], layout),
        bundle_path=values.get("bundle_path", ""),
    )
    extra = encode_unknown(unknown)
    same = encode_container(record, layout.name, extra) == data
    return record, Origin(layout=layout.name, extra=extra, document=None if same else text)


def _detect(text: str, start: int) -> Layout:
    found, _ = scan.members(text, start)
    keys = [(scan.fold(member.key), member.start) for member in found]
    last = dict(keys)
    order = [key for key, _ in keys]

    def inner(pos: int | None) -> set[str]:
        if pos is None or not text.startswith("{", pos):
            return set()
        return {scan.fold(member.key) for member in scan.members(text, pos)[0]}

    def any_inner(key: str) -> set[str]:
        pos = last.get(key)
        if pos is None or not text.startswith("[", pos):
            return set()
        return set().union(*(inner(at) for at, _ in scan.items(text, pos)))

    process = last.get("process")
    if process is not None and not text.startswith("{", process):
        mount_keys = {"source", "destination", "mounted", "type"}
        is_mount = inner(last.get("rootfs")) & mount_keys or "mounted" in any_inner("mounts")
        return LAYOUTS["seed" if is_mount else "1.7-rc1"]
    if "shared" in any_inner("devicemaps"):
        return LAYOUTS["3.28"]
    before_rootfs = order[: order.index("rootfs")] if "rootfs" in order else []
    return LAYOUTS["2.2" if "cgrouppath" in before_rootfs or "bundlepath" in before_rootfs else "1.7"]


# --- encoding --------------------------------------------------------------------------------------------------------


def encode_container(record: ContainerState, layout: str, extra: str | None = None) -> bytes:
    """Encode a record as Kata's driver writes it in a layout of persist.json, unknown keys after the known ones.

    What the layout has no place for is left out: ask :func:`losses` first.
    """
    shape = _SHAPES[layout]
    rootfs: object = shape.rootfs(record.rootfs)
    devices: list[Any] = [shape.device(device) for device in record.device_maps]
    mounts: list[Any] = [shape.mount(mount) for mount in record.mounts]
    processes: list[Any] = [shape.process(process) for process in record.processes]
    top: dict[str, str] = {}
    if extra is not None:
        specs = SPECS[layout]
        nested, top = _unknown(extra)
        rootfs = _extended(rootfs, nested["Rootfs"].get(None), specs.rootfs)
        devices = [_extended(value, nested["DeviceMaps"].get(at), specs.device) for at, value in enumerate(devices)]
        mounts = [_extended(value, nested["Mounts"].get(at), specs.mount) for at, value in enumerate(mounts)]
        own = nested["Process"]
        if not processes and None in own:
            processes = [shape.process(Process())] if not shape.layout.process_is_list else []
        processes = [
            _extended(value, own.get(at) or (own.get(None) if at == 0 else None), specs.process)
            for at, value in enumerate(processes)
        ]
    process: object = processes or None
    if not shape.layout.process_is_list:
        process = processes[0] if processes else _NEVER_STARTED[layout]
    file = shape.file(
        {
            "state": record.state,
            "rootfs": rootfs,
            "cgroup_path": record.cgroup_path,
            "device_maps": devices or None,
            "mounts": mounts or None,
            "processes": process,
            "bundle_path": record.bundle_path,
        }
    )
    return gojson.encode(_extended(file, top, SPECS[layout].container) if top else file) + b"\n"


def losses(record: ContainerState, layout: str, extra: str | None = None) -> list[str]:
    """Name what a layout of persist.json has no place for, of the keys that were unknown to another one too."""
    target = LAYOUTS[layout]
    found = []
    if len(record.processes) > 1 and not target.process_is_list:
        found.append(f"{len(record.processes) - 1} of {len(record.processes)} processes (it holds one)")
    if not target.rootfs_is_mount:
        names = json_names(Mount)
        empty = Mount()
        found += [
            f"Rootfs.{names[name]}"
            for name in ("source", "destination", "options", "host_path", "read_only", "mounted")
            if getattr(record.rootfs, name) != getattr(empty, name)
        ]
        found += counted("Mounts[].Mounted", [mount.mounted for mount in record.mounts])
    if "shared" not in target.device:
        found += counted("DeviceMaps[].Shared", [device.shared for device in record.device_maps])
    return found if extra is None else found + _displaced(record, target, extra)


ZEROS: Final = frozenset({"0", '""', "false", "null", "{}", "[]"})
"""Values that are no loss: Go's zero values, which stand where nothing was said."""


def _displaced(record: ContainerState, target: Layout, extra: str) -> list[str]:
    """Name unknown keys whose place another value has in the target, and those of a process that it does not write."""
    specs = SPECS[target.name]
    nested, top = _unknown(extra)
    places = [("", specs.container, top)]
    for key, spec, size in (
        ("Rootfs", specs.rootfs, 1),
        ("DeviceMaps", specs.device, len(record.device_maps)),
        ("Mounts", specs.mount, len(record.mounts)),
        ("Process", specs.process, len(record.processes)),
    ):
        for at, unknown in nested[key].items():
            if at is None or at < size:
                places.append((f"{key}." if at is None else f"{key}[{at}].", spec, unknown))
    unwritten = not record.processes and target.process_is_list
    return [
        place + key
        for place, spec, unknown in places
        for key, text in unknown.items()
        if text not in ZEROS and (spec.known(key) is not None or (unwritten and place == "Process."))
    ]


def counted(what: str, lost: Iterable[object]) -> list[str]:
    """Name a field of list entries that is lost, and of how many, if it is lost of any."""
    flags = [bool(value) for value in lost]
    return [f"{what} ({sum(flags)} of {len(flags)})"] if any(flags) else []


class _Shape:
    """The structs of a layout with their fields in the file's order, which msgspec writes them in."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.mount = _ordered(Mount, layout.mount)
        self.device = _ordered(DeviceMap, layout.device)
        self.rootfs = self.mount if layout.rootfs_is_mount else _rootfs
        self.process = _process_17 if layout.process[0] == "token" else _process_22
        names = json_names(ContainerState)
        self._file = msgspec.defstruct(
            "File", [(name, object, msgspec.field(name=names[name])) for name in layout.keys], kw_only=True
        )

    def file(self, values: dict[str, object]) -> msgspec.Struct:
        return self._file(**values)


def _ordered(record: type[msgspec.Struct], attributes: tuple[str, ...]) -> Callable[[Any], msgspec.Struct]:
    names = json_names(record)
    struct = msgspec.defstruct(
        record.__name__, [(name, object, msgspec.field(name=names[name])) for name in attributes]
    )
    values = attrgetter(*attributes)
    return lambda of: struct(*values(of))


def _rootfs(mount: Mount) -> _Rootfs:
    return _Rootfs(mount.block_device_id, mount.type)


class _Process22(msgspec.Struct):
    start_time: str = msgspec.field(name="StartTime")
    token: str = msgspec.field(name="Token")
    pid: int = msgspec.field(name="Pid")


def _process_17(process: Process) -> _Process:
    return _Process(process.token, process.pid, gojson.write_time(process.start_time))


def _process_22(process: Process) -> _Process22:
    return _Process22(gojson.write_time(process.start_time), process.token, process.pid)


_SHAPES: Final = {name: _Shape(layout) for name, layout in LAYOUTS.items()}
_NEVER_STARTED: Final = {name: shape.process(Process()) for name, shape in _SHAPES.items()}


_Nested = dict[str, dict[int | None, dict[str, str]]]


def _unknown(extra: str) -> tuple[_Nested, dict[str, str]]:
    """Take ``Origin.extra`` apart: by key and position (``None``: the object itself), and the top level's own."""
    nested: _Nested = {"Rootfs": {}, "DeviceMaps": {}, "Mounts": {}, "Process": {}}
    top: dict[str, str] = {}
    for member in scan.members(extra, 0)[0]:
        if member.key not in nested:
            top[member.key] = extra[member.start : member.end]
            continue
        for inner in scan.members(extra, member.start)[0]:
            if member.key != "Rootfs" and inner.key.isdecimal() and extra.startswith("{", inner.start):
                found = scan.members(extra, inner.start)[0]
                nested[member.key][int(inner.key)] = {m.key: extra[m.start : m.end] for m in found}
            else:
                nested[member.key].setdefault(None, {})[inner.key] = extra[inner.start : inner.end]
    return nested, top


def _extended(value: object, unknown: dict[str, str] | None, spec: Spec) -> object:
    """Append unknown keys to an object, but for those that the target layout knows."""
    if not unknown:
        return value
    more = b"".join(
        b"," + msgspec.json.encode(key) + b":" + text.encode()
        for key, text in unknown.items()
        if spec.known(key) is None
    )
    return msgspec.Raw(msgspec.json.encode(value)[:-1] + more + b"}")
