"""The folders that inotify(7) watches, each with what it stands for."""

from __future__ import annotations

import errno
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from asyncinotify import Inotify, Mask, Watch

from ...errors import InotifyLimit
from ...runtimes.folders import printable_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...runtimes.places import Source

log = logging.getLogger("persistdb")

_ENTRIES: Final = (
    Mask.CREATE | Mask.DELETE | Mask.MOVED_FROM | Mask.MOVED_TO | Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.ONLYDIR
)
_CONTENT: Final = _ENTRIES | Mask.MODIFY | Mask.CLOSE_WRITE
_MOST: Final = 4096
"""Events that are taken at once: who writes all the time is not to keep others from being read."""
_CACHE: Final = 256
"""Events of full size that are read at once, 272 bytes each."""


class Way(NamedTuple):
    """A folder on the way to one that is followed; ``names`` in it matter, all if it is ``None``."""

    path: str
    names: frozenset[str] | None


class Root(NamedTuple):
    """A folder of sandboxes or containers that is followed."""

    source: Source


class Entry(NamedTuple):
    """A sandbox's or container's folder in one, or a folder in that."""

    source: Source
    name: str
    is_inner: bool = False


class Beside(NamedTuple):
    """A file elsewhere that tells something of a container."""

    source: Source
    name: str


Role: TypeAlias = Way | Root | Entry | Beside


class Change(NamedTuple):
    """What happened in a folder, to what has a ``name`` in it, or without a name to itself."""

    role: Role
    name: str
    path: str
    is_folder: bool
    has_come: bool
    """Something of that name is there that was not."""
    has_gone: bool
    """What had the name, or the folder itself, is not there any more."""
    is_deleted: bool
    """The folder itself was removed, and so was empty before."""


class Notifier:
    """The watches of one inotify instance.

    Raises :class:`~persistdb.errors.InotifyLimit` where the system has no instance left.
    """

    def __init__(self) -> None:
        try:
            self._inotify = Inotify(cache_size=_CACHE, sync_timeout=0)
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
            raise _limit("max_user_instances", "/") from None
        self.fd = self._inotify.fd
        self._watched: dict[int, _Watched] = {}
        self._numbers: dict[Role, set[int]] = {}
        self._told: set[str] = set()
        self.has_more = False
        """Whether there may be more than was taken the last time, which :attr:`fd` need not tell."""

    def close(self) -> None:
        """Stop watching."""
        self._inotify.close()

    def add(self, path: str, role: Role) -> bool:
        """Watch a folder or file, which may have several roles; return whether it is there and may be watched.

        Raises :class:`~persistdb.errors.InotifyLimit`.
        """
        if isinstance(role, Beside):
            mask = Mask.MODIFY | Mask.DONT_FOLLOW
        else:
            mask = _ENTRIES if isinstance(role, Way) else _CONTENT
            if isinstance(role, Entry):  # what a caller named may be a symlink
                mask |= Mask.DONT_FOLLOW
        try:
            watch = self._inotify.add_watch(path, mask | Mask.MASK_ADD)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise _limit("max_user_watches", path) from None
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                log.log(
                    logging.INFO if path in self._told else logging.WARNING,
                    "%s: not watched: %s",
                    printable_path(path),
                    error.strerror,
                )
                self._told.add(path)
            return False
        self._told.discard(path)
        self._watched.setdefault(watch.wd, _Watched(watch, path)).roles[role] = None
        self._numbers.setdefault(role, set()).add(watch.wd)
        return True

    def numbers(self, role: Role) -> frozenset[int]:
        """Return the numbers of a role's watches: a folder or file that takes the place of another has another one."""
        return frozenset(self._numbers.get(role, ()))

    def drop(self, role: Role) -> None:
        """Watch a folder for a role no longer."""
        for number in self._numbers.pop(role, ()):
            watched = self._watched.get(number)
            if watched is None:
                continue
            watched.roles.pop(role, None)
            if not watched.roles:
                del self._watched[number]
                with suppress(OSError):  # it is gone, and the system has dropped it
                    self._inotify.rm_watch(watched.watch)

    def drop_unless(self, wanted: Callable[[Role], bool]) -> None:
        """Drop all roles but those that are wanted."""
        for role in [role for role in self._numbers if not wanted(role)]:
            self.drop(role)

    def changes(self) -> Iterator[Change | None]:
        """Yield what happened since the last time, or a part of it; ``None`` where the system has lost events."""
        self.has_more = False
        for _ in range(_MOST):
            if (event := self._inotify.sync_get()) is None:
                return
            mask = event.mask
            if Mask.Q_OVERFLOW in mask:
                yield None
                continue
            number = event.watch.wd if event.watch is not None else -1
            watched = self._watched.get(number)
            if watched is None:
                continue  # what was dropped before it was read
            name = "" if event.name is None else str(event.name)
            itself = mask & (Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.UNMOUNT | Mask.IGNORED)
            for role in tuple(watched.roles):
                yield Change(
                    role=role,
                    name=name,
                    path=watched.path,
                    is_folder=Mask.ISDIR in mask,
                    has_come=bool(mask & (Mask.CREATE | Mask.MOVED_TO)),
                    has_gone=bool(itself or mask & (Mask.DELETE | Mask.MOVED_FROM)),
                    is_deleted=Mask.DELETE_SELF in mask,
                )
            if Mask.IGNORED in mask:
                self._forget(number)
        self.has_more = True

    def _forget(self, number: int) -> None:
        for role in self._watched.pop(number).roles:
            numbers = self._numbers.get(role, set())
            numbers.discard(number)
            if not numbers:
                self._numbers.pop(role, None)


class _Watched:
    """A folder that is watched."""

    __slots__ = ("path", "roles", "watch")

    def __init__(self, watch: Watch, path: str) -> None:
        self.watch, self.path = watch, path
        self.roles: dict[Role, None] = {}


def _limit(name: str, path: str) -> InotifyLimit:
    """Return the error for a limit of inotify's that is reached, with its value."""
    try:
        with open(f"/proc/sys/fs/inotify/{name}", encoding="ascii") as file:
            value = int(file.read())
    except (OSError, ValueError):
        value = None
    return InotifyLimit(printable_path(path), f"fs.inotify.{name}", value)
