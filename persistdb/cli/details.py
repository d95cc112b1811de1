"""One whole container, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def as_row(container: Container) -> dict[str, object]:
    """Return the container as a row of JSON (``docs/json.md``, kind ``container``)."""
    import msgspec

    record, origin = container.record, container.origin
    return {
        "host": container.host,
        "sid": container.sid,
        "cid": container.cid,
        "state": record.state,
        "bundle": record.bundle_path,
        "cgroup": record.cgroup_path,
        "layout": origin.layout,
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


def print_details(container: Container) -> None:
    """Print the container for people."""
    row = as_row(container)
    for name in ("host", "sid", "cid", "state", "bundle", "cgroup", "layout", "revision", "created", "updated"):
        label = {"sid": "sandbox", "cid": "container"}.get(name, name)
        click.echo(f"{label:<10} {cell_text(row[name])}")
    record = container.record
    _mounts("rootfs", [record.rootfs] if record.rootfs != type(record.rootfs)() else [])
    _section("processes", _PROCESSES, [process.to_dict() for process in record.processes])
    _section("devices", _DEVICES, [_device(device) for device in record.device_maps])
    _mounts("mounts", record.mounts)


def _heading(text: str, *, empty: bool = False) -> None:
    click.echo(f"\n{text}: none" if empty else f"\n{text}:")


def _section(heading: str, columns: Sequence[Column], rows: Sequence[dict[str, object]]) -> None:
    _heading(heading, empty=not rows)
    if rows:
        print_table(columns, [[row[column.name] for column in columns] for row in rows], no_trunc=True)


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
