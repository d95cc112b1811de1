"""The old stores of Kata 1.0 to 1.10: four files for a container and up to five for a sandbox, to records and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ...records import ContainerState, DeviceMap, Mount, Origin, Process, SandboxState
from .. import gojson
from ..gojson import Spec, decode_list, decode_object, encode_unknown, scan
from ..joined import join_files, split_files
from .detect import check_old_state, detect_old_layout
from .emptylists import NO_LISTS
from .layouts import OLD_LAYOUTS, OldLayout
from .oldfiles import OldFiles, files_of
from .paths import CONFIG, LOCK, STATE
from .specs import json_names, spec_of

if TYPE_CHECKING:
    from ..folders import Files

_MOUNT_KEYS: Final[tuple[str, ...]] = ("source", "destination", "type", "options", "host_path", "read_only")
_MOUNT: Final = spec_of(Mount, (*_MOUNT_KEYS, "block_device_id"))
_MOUNT_10: Final = spec_of(Mount, _MOUNT_KEYS)
_PROCESS: Final = spec_of(Process, ("token", "pid", "start_time"))
# A device of 1.0 is its driver's struct; what a record takes is one level down.
_INFO_10: Final = spec_of(DeviceMap, ("id", "container_path", "file_mode", "uid", "gid"))
_DEVICE_10: Final = Spec({"Data": ("data", Spec({"DeviceInfo": ("info", _INFO_10), "ID": ("id", "string")}))})
_STATE: Final = Spec(
    {
        "state": ("state", "string"),
        "BlockDeviceID": ("block_device_id", "string"),
        "fstype": ("type", "string"),
        "cgroupPath": ("cgroup_path", "string"),
    }
)
_ATTRIBUTES: Final = frozenset(attribute for attribute, _ in _STATE.keys.values())


# --- decoding --------------------------------------------------------------------------------------------------------


def decode_old_container(files: Files, folder: str = "") -> tuple[ContainerState, Origin]:
    """Decode one container's files of an old store; only state.json must be there.

    ``Origin.extra`` holds unknown keys under their file's name, and config.json whole. ``Origin.document`` is one
    object of all files by name, kept where the record and ``extra`` do not give the same bytes back. Raises
    :class:`~persistdb.errors.DamagedFile`, and :class:`~persistdb.errors.UnsupportedLayout` for another runtime's file.
    """
    source = OldFiles(files, folder)
    check_old_state(source.keys(STATE), folder + STATE)
    state, of_state = source.decode_object(STATE, _STATE)
    layout = detect_old_layout(of_state, source.texts.get("mounts.json", ""))
    _drop_zero_values(of_state, layout)
    keys, of_process = source.decode_object("process.json", _PROCESS)
    process = Process(**keys)
    mount_spec = _MOUNT_10 if layout.mount_has_device_object else _MOUNT
    mounts, of_mounts = source.decode_list("mounts.json", mount_spec)
    unknown: dict[str, Any] = {STATE: of_state, "process.json": of_process, "mounts.json": of_mounts}
    if layout.device:
        devices, of_devices = source.decode_list("devices.json", spec_of(DeviceMap, layout.device))
        device_maps = [DeviceMap(**device) for device in devices]
        unknown["devices.json"] = of_devices
    else:
        device_maps = _drivers_devices(source.decode_list("devices.json", _DEVICE_10)[0])
        if device_maps:
            unknown = {"devices.json": msgspec.Raw(source.texts["devices.json"].encode())} | unknown
    unknown |= {name: msgspec.Raw(source.texts[name].encode()) for name in (CONFIG, LOCK) if name in source.texts}
    record = ContainerState(
        state=state.get("state", ""),
        rootfs=Mount(type=state.get("type", ""), block_device_id=state.get("block_device_id", "")),
        cgroup_path=state.get("cgroup_path", ""),
        device_maps=device_maps,
        mounts=[Mount(**mount) for mount in mounts],
        processes=[] if process == Process() else [process],
    )
    extra = encode_unknown({name: keys for name, keys in unknown.items() if keys})
    is_same = encode_old_container(record, layout.name, extra) == files
    return record, Origin(layout=layout.name, extra=extra, document=None if is_same else join_files(source.texts))


def _drop_zero_values(unknown: dict[str, Any], layout: OldLayout) -> None:
    """Drop keys of state.json that have Go's zero value: encoding in the layout writes them anyway."""
    for key, zero in layout.state:
        if zero not in _ATTRIBUTES and bytes(unknown.get(key, b"")) == zero.encode():
            del unknown[key]


def _drivers_devices(devices: list[dict[str, Any]]) -> list[DeviceMap]:
    """Return what a record takes from the devices.json of Kata 1.0, which has the structs of the devices' drivers."""
    maps = []
    for device in devices:
        data = device.get("data", {})
        info = dict(data.get("info", {}))
        maps.append(DeviceMap(**{**info, "id": data.get("id") or info.get("id", "")}))
    return maps


def decode_old_sandbox(files: Files, sid: str, folder: str = "") -> SandboxState:
    """Decode a sandbox's files of an old store: ``document`` is one object of all of them by name.

    Raises :class:`~persistdb.errors.DamagedFile`, and :class:`~persistdb.errors.UnsupportedLayout` for the file of
    another runtime.
    """
    source = OldFiles(files, folder)
    values, unknown = source.decode_object(STATE, _STATE)
    check_old_state(source.keys(STATE), folder + STATE)
    return SandboxState(
        sid=sid,
        state=values.get("state", ""),
        cgroup_path=values.get("cgroup_path", ""),
        document=join_files(source.texts),
        layout=detect_old_layout(unknown, is_sandbox=True).name,
    )


# --- encoding --------------------------------------------------------------------------------------------------------


def encode_old_container(
    record: ContainerState, layout: str, extra: str | None = None, empty: frozenset[str] = NO_LISTS
) -> Files:
    """Encode a record as an old store's files, with the unknown keys in ``extra``.

    ``empty`` has the attributes of lists that are ``[]`` without items, where Kata writes ``null``.
    """
    target = OLD_LAYOUTS[layout]
    unknown = split_files(extra) if extra is not None else {}
    process = record.processes[0] if record.processes else Process()
    state = {
        "state": record.state,
        "block_device_id": record.rootfs.block_device_id,
        "type": record.rootfs.type,
        "cgroup_path": record.cgroup_path,
    }
    files = {
        STATE: _encode_state(target.state, state, _members(unknown.get(STATE, "{}"))),
        "process.json": _encode_object(
            {"Token": process.token, "Pid": process.pid, "StartTime": gojson.write_time(process.start_time)},
            _members(unknown.get("process.json", "{}")),
        ),
        "mounts.json": _encode_mounts(record.mounts, target, unknown.get("mounts.json", "{}")),
        "devices.json": _encode_devices(record, target, unknown),
    }
    for name, attribute, items in (
        ("mounts.json", "mounts", record.mounts),
        ("devices.json", "device_maps", record.device_maps),
    ):
        if attribute in empty and not items:
            files[name] = b"[]"
    if CONFIG in unknown:
        files[CONFIG] = unknown[CONFIG].encode()
    if LOCK in unknown:
        files[LOCK] = b""
    return files


def _encode_mounts(mounts: list[Mount], target: OldLayout, unknown: str) -> bytes:
    if target.mount_has_device_object:
        return _encode_list(mounts, _MOUNT_KEYS, unknown, {"BlockDevice": "null"})
    return _encode_list(mounts, (*_MOUNT_KEYS, "block_device_id"), unknown, {})


def _encode_devices(record: ContainerState, target: OldLayout, unknown: dict[str, str]) -> bytes:
    if target.device:
        return _encode_list(record.device_maps, target.device, unknown.get("devices.json", "{}"), {})
    if record.device_maps and has_drivers_devices(record, unknown):
        return unknown["devices.json"].encode()
    return b"null"


def has_drivers_devices(record: ContainerState, unknown: dict[str, str]) -> bool:
    """Return whether the unknown keys have a devices.json of Kata 1.0 that still agrees with the record."""
    text = unknown.get("devices.json", "")
    if not text.lstrip().startswith("["):
        return False
    devices, _ = decode_list(text, scan.skip_space(text, 0), _DEVICE_10)
    return _drivers_devices(devices or []) == record.device_maps


def encode_old_sandbox(record: SandboxState, layout: str) -> Files:
    """Encode a sandbox's files of an old store: the document's, with the record's values where they differ from it."""
    if record.document is None:
        state = {"state": record.state, "cgroup_path": record.cgroup_path, "block_device_id": "", "type": ""}
        return {STATE: _encode_state(OLD_LAYOUTS[layout].sandbox_state, state, {}), LOCK: b""}
    files = files_of(record.document)
    text = files[STATE].decode()
    values, _ = decode_object(text, scan.skip_space(text, 0), _STATE)
    changed: dict[str, str] = {}
    if values.get("state", "") != record.state:
        changed["state"] = gojson.encode(record.state).decode()
    if values.get("cgroup_path", "") != record.cgroup_path:
        changed["cgroupPath"] = gojson.encode(record.cgroup_path).decode()
    if changed:
        files[STATE] = scan.replace_values(text, changed).encode()
    return files


def _encode_state(keys: tuple[tuple[str, str], ...], values: dict[str, str], unknown: dict[str, str]) -> bytes:
    known: dict[str, object] = {}
    for key, attribute in keys:
        if attribute not in values:
            known[key] = msgspec.Raw(unknown.pop(key, attribute).encode())
        elif key != "cgroupPath" or values[attribute]:  # the one key with omitempty
            known[key] = values[attribute]
    return _encode_object(known, {key: text for key, text in unknown.items() if key not in known})


def _encode_object(known: dict[str, object], unknown: dict[str, str]) -> bytes:
    return gojson.encode(known | {key: msgspec.Raw(text.encode()) for key, text in unknown.items()})


def _encode_list(
    records: list[Mount] | list[DeviceMap], attributes: tuple[str, ...], extra: str, defaults: dict[str, str]
) -> bytes:
    if not records:
        return b"null"
    names = json_names(type(records[0]))
    unknown = {position: _members(text) for position, text in _members(extra).items()}
    objects = [
        _encode_object({names[name]: getattr(each, name) for name in attributes}, defaults | unknown.get(str(at), {}))
        for at, each in enumerate(records)
    ]
    return b"[" + b",".join(objects) + b"]"


def _members(text: str) -> dict[str, str]:
    """Return the texts of an object's values by key; none if the text is not an object."""
    pos = scan.skip_space(text, 0)
    if not text.startswith("{", pos):
        return {}
    return {member.key: text[member.start : member.end] for member in scan.members(text, pos)[0]}
