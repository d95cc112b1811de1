"""A server whose disk is small."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .server import Server


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
