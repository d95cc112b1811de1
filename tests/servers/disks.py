"""A server whose disk is small."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .server import Server


class NoMount(Exception):
    """This process has no right to mount."""


def mount(size: str, place: Path) -> None:
    """Cover a folder with a small disk in memory, which belongs to the folder's owner; raises NoMount."""
    owner = place.stat()
    options = f"size={size},uid={owner.st_uid},gid={owner.st_gid},mode=0{owner.st_mode & 0o777:o}"
    command = ["mount", "-t", "tmpfs", "-o", options, "persistdb-test", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoMount(done.stderr.strip())


def fill(place: Path) -> Path:
    """Take all that is left of a small disk with one file, and return it."""
    path = place / "filling"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 512):
            with suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
    return path


def set_read_only(place: Path) -> None:
    """Make the whole file system read-only."""
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)


def mount_again(disk: Path, place: Path) -> None:
    """Show a disk at a second place, where it is read-only while it can be written at the first."""
    subprocess.run(["mount", "--bind", str(disk), str(place)], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=True)


def unmount(place: Path) -> None:
    """Remove a small disk; "lazy", because a server may have files open there still."""
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def on_small_disk(
    own: Server, small_disk: Callable[..., Path], *, postgresql: str = "48M", mariadb: str = "24M"
) -> tuple[str, Path]:
    """Make a database whose tables lie on a small disk, and give its name and the disk."""
    if own.dialect == "mariadb":
        name = own.create_database()
        return name, small_disk(mariadb, at=own.data / name)
    # Not in pytest's own folder: each pytest that begins takes the rights of others from that again.
    place = small_disk(postgresql, at=own.daemon.workspace.folder("disk", own.daemon.account))
    own.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
    name = own.create_database()
    own.execute(f"ALTER DATABASE {name} SET TABLESPACE small")
    return name, place
