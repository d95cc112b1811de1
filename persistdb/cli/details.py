"""One whole container or sandbox, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .columns import Column
from .tables import cell_text, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..records import Container, DeviceMap, Mount

_DEVICES = (
    Column("container_path", "PATH", shrinks=True),
    Column("id", "DEVICE", shrinks=True),
    Column("kind", "KIND"),
    Column("permissions", "MODE"),
    Column("uid", "UID", is_number=True),
    Column("gid", "GID", is_number=True),
    Column("shared", "SHARED"),
)
_PROCESSES = (
    Column("pid", "PID", is_number=True),
    Column("token", "TOKEN", shrinks=True),
    Column("start_time", "STARTED", shrinks=True),
)


_CONTAINERS = (
    Column("cid", "CONTAINER", is_id=True, stays=True),
    Column("state", "STATE", stays=True),
    Column("pid", "PID", is_number=True),
    Column("mounts", "MOUNTS", is_number=True),
    Column("devices", "DEVICES", is_number=True),
    Column("name", "NAME", shrinks=True),
    Column("image", "IMAGE", shrinks=True),
    Column("updated", "UPDATED"),
)
_ATTACHED = (
    Column("device_id", "DEVICE", is_id=True, stays=True),
    Column("type", "TYPE"),
    Column("kind", "KIND"),
    Column("number", "MAJ:MIN"),
    Column("host_path", "HOST PATH", shrinks=True),
    Column("ref_count", "REFS", is_number=True),
    Column("attach_count", "ATTACHED", is_number=True),
    Column("maps", "MAPS", is_number=True),
    Column("block_mounts", "MOUNTS", is_number=True),
    Column("bdf", "VFIO", shrinks=True),
)
# the keys of JSON, for people
_LABELS = {"sid": "sandbox", "cid": "container"}


def as_row(container: Container, names: tuple[str, str, str]) -> dict[str, Any]:
    """Return the container as a row of JSON (``docs/json.md``, kind ``container``).

    ``names`` are its pod's, its own and its image's.
    """
    import msgspec

    from ..documents import runtime_of

    record, origin = container.record, container.origin
    return {
        "host": container.host,
        "sid": container.sid,
        "cid": container.cid,
        "state": record.state,
        "bundle": record.bundle_path,
        "cgroup": record.cgroup_path,
        "layout": origin.layout,
        "runtime": runtime_of(origin.layout),
        "namespace": origin.namespace,
        **dict(zip(("pod", "name", "image"), names, strict=True)),
        "revision": container.revision,
        "created": container.created_at,
        "updated": container.updated_at,
        "rootfs": record.rootfs.to_dict(),
        "mounts": [mount.to_dict() for mount in record.mounts],
        "devices": [_device(device) for device in record.device_maps],
        "processes": [process.to_dict() for process in record.processes],
        # verbatim, since numbers may have more digits than a float; a line end in JSON is only a blank
        "extra": None if origin.extra is None else msgspec.Raw(origin.extra.replace("\n", " ").encode()),
    }


def _device(device: DeviceMap) -> dict[str, object]:
    return {
        "id": device.id,
        "container_path": device.container_path,
        "kind": device.kind,
        "permissions": f"{device.permissions:04o}",
        "file_mode": device.file_mode,
        "uid": device.uid,
        "gid": device.gid,
        "shared": device.shared,
    }


def print_details(container: Container, names: tuple[str, str, str]) -> None:
    """Print the container for people."""
    row = as_row(container, names)
    own = ("host", "sid", "cid", "state", "runtime", "namespace", "pod", "name", "image")
    _values(row, *own, "bundle", "cgroup", "layout", "revision", "created", "updated")
    record = container.record
    _mounts("rootfs", [record.rootfs] if record.rootfs != type(record.rootfs)() else [])
    _section("processes", _PROCESSES, row["processes"])
    _section("devices", _DEVICES, row["devices"])
    _mounts("mounts", record.mounts)


def print_sandbox(row: dict[str, Any], *, no_trunc: bool) -> None:
    """Print a whole sandbox (:func:`persistdb.reports.whole_sandbox.whole_sandbox`) for people."""
    lists = ("containers", "devices", "annotations")
    _values(row, *(name for name in row if name not in lists))
    _section("containers", _CONTAINERS, row["containers"], no_trunc=no_trunc)
    devices = []
    for device in row["devices"]:
        number = ":".join("?" if device[part] is None else str(device[part]) for part in ("major", "minor"))
        addresses = ", ".join(each["bdf"] or each["sysfs_dev"] for each in device["vfio_devices"])
        known = device["major"] is not None or device["minor"] is not None
        devices.append({**device, "number": number if known else None, "bdf": addresses})
    _section("devices", _ATTACHED, devices, no_trunc=no_trunc)
    _heading("annotations", empty=not row["annotations"])
    for name, value in row["annotations"].items():
        click.echo(f"  {cell_text(name)} = {cell_text(value)}")


def _values(row: dict[str, object], *names: str) -> None:
    """Print values one below the other."""
    width = max(len(_LABELS.get(name, name)) for name in names)
    for name in names:
        click.echo(f"{_LABELS.get(name, name):<{width}}  {cell_text(row[name])}")


def _heading(text: str, *, empty: bool = False) -> None:
    click.echo(f"\n{text}: none" if empty else f"\n{text}:")


def _section(
    heading: str, columns: Sequence[Column], rows: Sequence[dict[str, object]], *, no_trunc: bool = True
) -> None:
    _heading(heading, empty=not rows)
    if rows:
        print_table(columns, [[row[column.name] for column in columns] for row in rows], no_trunc=no_trunc)


def _mounts(heading: str, mounts: Sequence[Mount]) -> None:
    _heading(heading, empty=not mounts)
    for mount in mounts:
        _print_mount(mount)


def _print_mount(mount: Mount) -> None:
    """Print one mount over several lines: its paths are too long for columns."""
    kind = " ".join(filter(None, (mount.type, ",".join(mount.options or ()))))
    flags = "".join(
        f", {word}" for word, is_set in (("read-only", mount.read_only), ("mounted", mount.mounted)) if is_set
    )
    place = "  ".join(cell_text(text) for text in (mount.destination, kind) if text)
    click.echo(f"  {place or '-'}{flags}")
    for name, value in (
        ("source", mount.source),
        ("host path", mount.host_path),
        ("block device", mount.block_device_id),
    ):
        if value:
            click.echo(f"    {name:<12}  {cell_text(value)}")
