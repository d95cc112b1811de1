"""The old stores of Kata 1.0 to 1.10: four files for a container, up to five for a sandbox.

A store's files are handled together, as a dict of file name to bytes. ``config.json``, which Kata keeps under
``/var/lib``, and the empty ``lock`` are among them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ...errors import DamagedFile
from ...records import ContainerState, DeviceMap, Mount, Origin, Process, SandboxState
from .. import gojson
from ..gojson import Malformed, Spec, decode_list, decode_object, decode_text, encode_unknown, scan
from .container import counted
from .layouts import OLD_LAYOUTS, OldLayout
from .sandbox import refuse_runtime_rs
from .specs import json_names, spec_of

if TYPE_CHECKING:
    from ..folders import Files

CONFIG: Final = "config.json"
LOCK: Final = "lock"
CONTAINER_FILES: Final = ("state.json", "process.json", "mounts.json", "devices.json")
SANDBOX_FILES: Final = ("state.json", "devices.json", "network.json", "hypervisor.json", "agent.json")

_MOUNT_KEYS: Final[tuple[str, ...]] = ("source", "destination", "type", "options", "host_path", "read_only")
_MOUNT: Final = spec_of(Mount, (*_MOUNT_KEYS, "block_device_id"))
_MOUNT_10: Final = spec_of(Mount, _MOUNT_KEYS)
_PROCESS: Final = spec_of(Process, ("token", "pid", "start_time"))
# A device of 1.0 is its driver's struct, with what we want of it one level down.
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


# --- a container -----------------------------------------------------------------------------------------------------


def decode_old_container(files: Files, folder: str = "") -> tuple[ContainerState, Origin]:
    """Decode one container's files of an old store; only state.json must be there.

    ``Origin.extra`` holds unknown keys under their file's name, and config.json whole; ``Origin.document`` is one
    object of all files by name, kept where record and ``extra`` do not give them back. Raises
    :class:`~persistdb.errors.DamagedFile`.
    """
    texts = _texts(files, folder)
    unknown: dict[str, Any] = {}
    values, state_extra = _decode_object(texts, "state.json", _STATE, folder)
    layout = _detect(texts, state_extra)
    process, process_extra = _decode_object(texts, "process.json", _PROCESS, folder)
    mount_spec = _MOUNT_10 if layout.mount_has_device_object else _MOUNT
    mounts, mounts_extra = _decode_list(texts, "mounts.json", mount_spec, folder)
    if layout.device:
        devices, devices_extra = _decode_list(texts, "devices.json", spec_of(DeviceMap, layout.device), folder)
        maps = [DeviceMap(**device) for device in devices]
    else:
        maps, devices_extra = _devices_10(texts, folder), {}
        if maps:
            unknown["devices.json"] = msgspec.Raw(texts["devices.json"].encode())
    for key, default in layout.state:
        if default not in _ATTRIBUTES and bytes(state_extra.get(key, b"")) == default.encode():
            del state_extra[key]
    found = (("state.json", state_extra), ("process.json", process_extra), ("mounts.json", mounts_extra))
    unknown |= {name: extra for name, extra in (*found, ("devices.json", devices_extra)) if extra}
    unknown |= {name: msgspec.Raw(texts[name].encode()) for name in (CONFIG, LOCK) if name in texts}
    started = Process(**process)
    record = ContainerState(
        state=values.get("state", ""),
        rootfs=Mount(type=values.get("type", ""), block_device_id=values.get("block_device_id", "")),
        cgroup_path=values.get("cgroup_path", ""),
        device_maps=maps,
        mounts=[Mount(**mount) for mount in mounts],
        processes=[] if started == Process() else [started],
    )
    extra = encode_unknown(unknown)
    same = encode_old_container(record, layout.name, extra) == files
    return record, Origin(layout=layout.name, extra=extra, document=None if same else join(texts))


def encode_old_container(record: ContainerState, layout: str, extra: str | None = None) -> Files:
    """Encode a record as an old store's files, with what ``extra`` knows of the keys that are not in the record."""
    target = OLD_LAYOUTS[layout]
    unknown = split(extra) if extra is not None else {}
    values = {
        "state": record.state,
        "block_device_id": record.rootfs.block_device_id,
        "type": record.rootfs.type,
        "cgroup_path": record.cgroup_path,
    }
    process = record.processes[0] if record.processes else Process()
    keys = (*_MOUNT_KEYS, "block_device_id")
    mount_defaults: dict[str, str] = {}
    if target.mount_has_device_object:
        keys, mount_defaults = _MOUNT_KEYS, {"BlockDevice": "null"}
    files = {
        "state.json": _state(target.state, values, _flat(unknown.get("state.json", "{}"))),
        "process.json": _object(
            {"Token": process.token, "Pid": process.pid, "StartTime": gojson.write_time(process.start_time)},
            _flat(unknown.get("process.json", "{}")),
        ),
        "mounts.json": _list(record.mounts, Mount, keys, unknown.get("mounts.json", "{}"), mount_defaults),
    }
    if target.device:
        files["devices.json"] = _list(
            record.device_maps, DeviceMap, target.device, unknown.get("devices.json", "{}"), {}
        )
    elif record.device_maps and _same_devices_10(record, unknown):
        files["devices.json"] = unknown["devices.json"].encode()
    else:
        files["devices.json"] = b"null"
    if CONFIG in unknown:
        files[CONFIG] = unknown[CONFIG].encode()
    if LOCK in unknown:
        files[LOCK] = b""
    return files


def old_losses(record: ContainerState, layout: str, extra: str | None) -> list[str]:
    """Name what an old store's layout has no place for."""
    target = OLD_LAYOUTS[layout]
    held = {attribute for _, attribute in target.state}
    found = [f"BundlePath {record.bundle_path!r}"] if record.bundle_path else []
    if record.cgroup_path and "cgroup_path" not in held:
        found.append("CgroupPath")
    if len(record.processes) > 1:
        found.append(f"{len(record.processes) - 1} of {len(record.processes)} processes (it holds one)")
    names = json_names(Mount)
    lost: tuple[str, ...] = ("source", "destination", "options", "host_path", "read_only", "mounted")
    if "block_device_id" not in held:
        lost = (*lost, "block_device_id")
    found += [f"Rootfs.{names[name]}" for name in lost if getattr(record.rootfs, name) != getattr(Mount(), name)]
    lost = ("mounted", "block_device_id") if target.mount_has_device_object else ("mounted",)
    for name in lost:
        found += counted(f"Mounts[].{names[name]}", [getattr(mount, name) for mount in record.mounts])
    if not target.device:
        if record.device_maps and not _same_devices_10(record, split(extra) if extra is not None else {}):
            found.append("DeviceMaps (its devices.json holds what only the device's driver knows)")
        return found
    names = json_names(DeviceMap)
    for name in ("file_mode", "uid", "gid", "shared"):
        if name not in target.device:
            found += counted(f"DeviceMaps[].{names[name]}", [getattr(device, name) for device in record.device_maps])
    return found


# --- a sandbox -------------------------------------------------------------------------------------------------------


def decode_old_sandbox(files: Files, sid: str, folder: str = "") -> SandboxState:
    """Decode a sandbox's files of an old store: ``document`` is one object of all of them by name.

    Raises :class:`~persistdb.errors.DamagedFile`, and :class:`~persistdb.errors.UnsupportedLayout` for runtime-rs.
    """
    texts = _texts(files, folder)
    state = texts["state.json"]
    values, extra = _decode_object(texts, "state.json", _STATE, folder)
    refuse_runtime_rs(
        [member.key for member in scan.members(state, scan.skip_space(state, 0))[0]], f"{folder}state.json"
    )
    return SandboxState(
        sid=sid,
        state=values.get("state", ""),
        cgroup_path=values.get("cgroup_path", ""),
        document=join(texts),
        layout=_detect({}, extra, sandbox=True).name,
    )


def encode_old_sandbox(record: SandboxState, layout: str) -> Files:
    """Encode a sandbox's files of an old store: the document's, with the record's values where they differ."""
    if record.document is None:
        values = {"state": record.state, "cgroup_path": record.cgroup_path, "block_device_id": "", "type": ""}
        return {"state.json": _state(OLD_LAYOUTS[layout].sandbox_state, values, {}), LOCK: b""}
    texts = split(record.document)
    values, _ = decode_object(texts["state.json"], scan.skip_space(texts["state.json"], 0), _STATE)
    changed: dict[str, str] = {}
    if values.get("state", "") != record.state:
        changed["state"] = gojson.encode(record.state).decode()
    if values.get("cgroup_path", "") != record.cgroup_path:
        changed["cgroupPath"] = gojson.encode(record.cgroup_path).decode()
    if changed:
        texts["state.json"] = scan.replaced(texts["state.json"], changed)
    return {name: b"" if name == LOCK else text.encode() for name, text in texts.items()}


# --- several files in one text ---------------------------------------------------------------------------------------


def join(texts: dict[str, str]) -> str:
    """Make one JSON object of files by name; each text stays as it is, white space and all."""
    return "{" + ",".join(f'"{name}":{text}' for name, text in texts.items()) + "}"


def split(document: str) -> dict[str, str]:
    """Take an object of files apart again; raises :class:`ValueError` if it is none."""
    out: dict[str, str] = {}
    try:
        found, _ = scan.members(document, scan.skip_space(document, 0))
    except Malformed as bad:
        raise ValueError(f"no object of files by name: {bad}") from None
    for member in found:
        # ``join`` adds no white space: all of it around the value is the file's own.
        begin = document.rindex(":", 0, member.start) + 1
        out[member.key] = document[begin : scan.skip_space(document, member.end)]
    return out


def _texts(files: Files, folder: str) -> dict[str, str]:
    texts = {}
    for name, data in files.items():
        if name == LOCK:
            texts[name] = '""'
            continue
        path = f"{folder}{name}"
        text = texts[name] = decode_text(data, path)
        try:
            end = scan.end_of_value(text, scan.skip_space(text, 0))
        except Malformed as error:
            raise error.in_file(path) from None
        if scan.skip_space(text, end) < len(text):
            # Unlike persist.json's decoder, json.Unmarshal of the old store refuses this.
            raise DamagedFile(path, f"holds more after its value, from character {end} on")
    return texts


def _decode_object(texts: dict[str, str], name: str, spec: Spec, folder: str) -> tuple[dict[str, Any], dict[str, Any]]:
    text = texts.get(name, "null")
    try:
        return decode_object(text, scan.skip_space(text, 0), spec)
    except Malformed as error:
        raise error.in_file(f"{folder}{name}") from None


def _decode_list(
    texts: dict[str, str], name: str, spec: Spec, folder: str
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    text = texts.get(name, "null")
    try:
        found, extra = decode_list(text, scan.skip_space(text, 0), spec)
    except Malformed as error:
        raise error.in_file(f"{folder}{name}") from None
    return found or [], extra


def _devices_10(texts: dict[str, str], folder: str) -> list[DeviceMap]:
    found, _ = _decode_list(texts, "devices.json", _DEVICE_10, folder)
    maps = []
    for device in found:
        data = device.get("data", {})
        info = dict(data.get("info", {}))
        maps.append(DeviceMap(**{**info, "id": data.get("id") or info.get("id", "")}))
    return maps


def _same_devices_10(record: ContainerState, unknown: dict[str, str]) -> bool:
    text = unknown.get("devices.json", "")
    return text.lstrip().startswith("[") and _devices_10({"devices.json": text}, "") == record.device_maps


def _detect(texts: dict[str, str], state_extra: dict[str, Any], *, sandbox: bool = False) -> OldLayout:
    keys = {scan.fold(key) for key in state_extra}
    if {"hotpluggeddrive", "rootfspciaddr"} & keys:
        return OLD_LAYOUTS[
            "old-1.2" if "pid" in keys and '"BlockDevice":' not in texts.get("mounts.json", "") else "old-1.0"
        ]
    if sandbox and "guestmemoryhotplugprobe" in keys:
        return OLD_LAYOUTS["old-1.7"]
    if "resources" in keys:
        return OLD_LAYOUTS["old-1.6"]
    if {"blockindex", "guestmemoryblocksize", "pid"} & keys:
        return OLD_LAYOUTS["old-1.3"]
    return OLD_LAYOUTS["old-1.7"]


def _state(keys: tuple[tuple[str, str], ...], values: dict[str, str], unknown: dict[str, str]) -> bytes:
    known: dict[str, object] = {}
    for key, attribute in keys:
        if attribute not in values:
            known[key] = msgspec.Raw(unknown.pop(key, attribute).encode())
        elif key != "cgroupPath" or values[attribute]:  # the one key with omitempty
            known[key] = values[attribute]
    return _object(known, {key: text for key, text in unknown.items() if key not in known})


def _object(known: dict[str, object], unknown: dict[str, str]) -> bytes:
    return gojson.encode(known | {key: msgspec.Raw(text.encode()) for key, text in unknown.items()})


def _list(
    records: list[Any], record: type[msgspec.Struct], keys: tuple[str, ...], extra: str, defaults: dict[str, str]
) -> bytes:
    if not records:
        return b"null"
    names = json_names(record)
    unknown = {key: _flat(text) for key, text in _flat(extra).items()}
    objects = [
        _object({names[key]: getattr(each, key) for key in keys}, defaults | unknown.get(str(at), {}))
        for at, each in enumerate(records)
    ]
    return b"[" + b",".join(objects) + b"]"


def _flat(text: str) -> dict[str, str]:
    """The members of an object, each with its text; none if it is no object."""
    pos = scan.skip_space(text, 0)
    if not text.startswith("{", pos):
        return {}
    return {member.key: text[member.start : member.end] for member in scan.members(text, pos)[0]}
