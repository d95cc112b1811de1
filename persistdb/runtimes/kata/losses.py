"""Name the values that a layout has no place for, which are lost when a sandbox is written in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...records import DeviceMap, Mount
from ..gojson import scan
from ..joined import split_files
from .extra import UnknownKeys
from .layouts import LAYOUTS, OLD_LAYOUTS
from .oldstore import has_drivers_devices
from .paths import CONFIG
from .specs import SPECS, json_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...records import ContainerState, Origin, SandboxState
    from .layouts import Layout

_ZERO_VALUES: Final = frozenset({"0", '""', "false", "null", "{}", "[]"})
"""Texts of Go's zero values. They are no loss: a missing key means the same."""


# --- a container's record -----------------------------------------------------------------------------------------


def layout_losses(record: ContainerState, layout: str, extra: str | None = None) -> list[str]:
    """Name what a layout of persist.json has no place for, including the unknown keys that came from another layout."""
    target = LAYOUTS[layout]
    lost = [] if target.process_is_list else _other_processes(record)
    if not target.rootfs_is_mount:
        lost += _rootfs(record, ("source", "destination", "options", "host_path", "read_only", "mounted"))
        lost += _items("Mounts", record.mounts, "mounted")
    if "shared" not in target.device:
        lost += _items("DeviceMaps", record.device_maps, "shared")
    return lost if extra is None else lost + _displaced(record, target, UnknownKeys(extra))


def old_layout_losses(record: ContainerState, layout: str, extra: str | None = None) -> list[str]:
    """Name what an old store's layout has no place for; ``extra`` has the unknown keys that came in that layout."""
    target = OLD_LAYOUTS[layout]
    in_state = {attribute for _, attribute in target.state}
    lost = [f"BundlePath {record.bundle_path!r}"] if record.bundle_path else []
    if record.cgroup_path and "cgroup_path" not in in_state:
        lost.append("CgroupPath")
    lost += _other_processes(record)
    lost += _rootfs(record, ("source", "destination", "options", "host_path", "read_only", "mounted"))
    if "block_device_id" not in in_state:
        lost += _rootfs(record, ("block_device_id",))
    lost += _items("Mounts", record.mounts, "mounted")
    if target.mount_has_device_object:
        lost += _items("Mounts", record.mounts, "block_device_id")
    if target.device:
        for name in ("file_mode", "uid", "gid", "shared"):
            if name not in target.device:
                lost += _items("DeviceMaps", record.device_maps, name)
    elif record.device_maps and not has_drivers_devices(record, split_files(extra) if extra is not None else {}):
        lost.append("DeviceMaps (its devices.json holds what only the device's driver knows)")
    return lost


def _other_processes(record: ContainerState) -> list[str]:
    number = len(record.processes)
    return [f"{number - 1} of {number} processes (it holds one)"] if number > 1 else []


def _rootfs(record: ContainerState, attributes: Iterable[str]) -> list[str]:
    names, empty = json_names(Mount), Mount()
    return [f"Rootfs.{names[name]}" for name in attributes if getattr(record.rootfs, name) != getattr(empty, name)]


def _items(key: str, items: list[Mount] | list[DeviceMap], attribute: str) -> list[str]:
    """Name an attribute of list items, and say how many of them have a value; return nothing if none has."""
    with_value = sum(bool(getattr(item, attribute)) for item in items)
    if not with_value:
        return []
    return [f"{key}[].{json_names(type(items[0]))[attribute]} ({with_value} of {len(items)})"]


# --- unknown keys -------------------------------------------------------------------------------------------------


def _displaced(record: ContainerState, target: Layout, unknown: UnknownKeys) -> list[str]:
    """Name unknown keys that the target knows, and keys of a process that it does not write."""
    specs = SPECS[target.name]
    objects = [("", specs.container, unknown.file)]
    for key, spec, size in (
        ("Rootfs", specs.rootfs, 1),
        ("DeviceMaps", specs.device, len(record.device_maps)),
        ("Mounts", specs.mount, len(record.mounts)),
        ("Process", specs.process, len(record.processes)),
    ):
        for at, keys in unknown.inner[key].items():
            if at is None or at < size:
                objects.append((f"{key}." if at is None else f"{key}[{at}].", spec, keys))
    has_no_process = not record.processes and target.process_is_list
    return [
        place + key
        for place, spec, keys in objects
        for key, text in keys.items()
        if text not in _ZERO_VALUES and (spec.known(key) is not None or (has_no_process and place == "Process."))
    ]


def unknown_key_losses(origin: Origin, layout: str) -> list[str]:
    """Name the unknown keys that are not carried over from one store, or from one old layout, to another."""
    is_persist = origin.layout in LAYOUTS
    if origin.extra is None or layout == origin.layout or (is_persist and layout in LAYOUTS):
        return []
    lost = []
    for name, text in split_files(origin.extra).items():
        if is_persist or name == CONFIG:
            lost.append(name)
        elif name.endswith(".json"):
            lost += [f"{name} {path}" for path in _paths(text, is_list=name in ("mounts.json", "devices.json"))]
    return lost


def _paths(text: str, *, is_list: bool = False) -> list[str]:
    """Name an object's keys that have a value; for a file that is a list, the object's keys are positions."""
    if not text.lstrip().startswith("{"):
        return ["as its drivers wrote it"]
    paths = []
    for member in scan.members(text, scan.skip_space(text, 0))[0]:
        value = text[member.start : member.end]
        if is_list:
            paths += [f"[{member.key}].{path}" for path in _paths(value)]
        elif value not in _ZERO_VALUES:
            paths.append(member.key)
    return paths


# --- a sandbox ----------------------------------------------------------------------------------------------------


def sandbox_losses(record: SandboxState, layout: str) -> list[str]:
    """Name the sandbox's own files that are not carried over from one store to the other."""
    if record.document is None or (record.layout in OLD_LAYOUTS) == (layout in OLD_LAYOUTS):
        return []
    if layout in OLD_LAYOUTS:
        return ["the sandbox's own persist.json but for its state and cgroup path"]
    return [
        f"the sandbox's {name}" + (" but for its state and cgroup path" if name == "state.json" else "")
        for name in split_files(record.document)
        if name.endswith(".json")
    ]
