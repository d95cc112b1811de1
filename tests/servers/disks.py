"""A server whose disk is small."""

from __future__ import annotations

import os
import subprocess
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
    place = small_disk(postgresql)
    os.chown(place, own.daemon.account.uid, own.daemon.account.gid)
    for parent in place.parents:
        if not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    own.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
    name = own.create_database()
    own.execute(f"ALTER DATABASE {name} SET TABLESPACE small")
    return name, place
