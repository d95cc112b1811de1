"""The files of an SQLite database: the path in a URL, their creation, and the disk that they are on."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from ...private import make_private

if TYPE_CHECKING:
    from sqlalchemy.engine import URL


def path_of(url: URL) -> Path | None:
    """Return the path of the database's file; ``None`` for a database in memory."""
    name = str(url.database or "")
    if is_uri(url):
        name = unquote(urlsplit(name).path)
        if url.query.get("mode") == "memory":
            name = ""
    return None if name in {"", ":memory:"} else Path(name).absolute()


def absolute(url: str, path: Path) -> str:
    """Return a URL with the same options and an absolute path."""
    from sqlalchemy import make_url

    given = make_url(url)
    name = f"file:{quote(os.fsencode(path))}" if is_uri(given) else str(path)
    try:
        return given.set(database=name).render_as_string(hide_password=False)
    except UnicodeError:  # a working directory whose name is no text: only a relative path can be written
        return url


def is_created(url: URL) -> bool:
    """Return whether connecting creates a file that does not exist."""
    return not is_uri(url) or (url.query.get("mode", "rwc") == "rwc" and "immutable" not in url.query)


def is_uri(url: URL) -> bool:
    """Return whether the file is given as a URI (sqlite.org/uri.html): ``sqlite:///file:/x.db?mode=ro&uri=true``."""
    return str(url.database).startswith("file:") and url.query.get("uri") == "true"


def uri(path: Path, options: str) -> str:
    """Return the URI for SQLite of a path, which may hold any byte, with its options."""
    return f"file:{quote(os.fsencode(path.absolute()))}?{options}"


def create(path: Path) -> None:
    """Create the file for its owner only, in folders for their owner only, unless they exist.

    The place of a symlink to nothing is the one that it names. -wal and -shm get the same mode (SQLite's os_unix.c,
    findCreateFileMode).
    """
    make_private(path.parent)
    with contextlib.suppress(FileExistsError):
        create_file(path)


def create_file(path: Path) -> None:
    """Create a file that does not exist, for its owner only; raises :class:`FileExistsError`."""
    if path.is_symlink():  # a chosen one, such as to another disk; the name that it leads to must still be free
        path = Path(os.path.realpath(path))
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY | os.O_CLOEXEC, 0o600))


# The files beside a database that belong to it: commits that are not in the database yet, pages that an open
# transaction has replaced, and the index of the former, which is rebuilt from them (sqlite.org/tempfiles.html).
LOG, JOURNAL, INDEX = "-wal", "-journal", "-shm"


def beside(path: Path, suffix: str) -> Path:
    """Return the path of the file beside a database with this suffix."""
    return path.with_name(path.name + suffix)


# The free bytes below which a disk counts as full: a -shm takes 32 kB, and space is reserved for the administrator.
_LITTLE = 1 << 20


def is_full(folder: Path) -> bool:
    """Return whether the disk that holds a folder has little space left."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    # some file systems have a fixed number of files, others count none
    return disk.f_bavail * disk.f_frsize < _LITTLE or (disk.f_files > 0 and disk.f_favail == 0)
