"""A queue for the write lock of a file: who has waited longest is the next.

SQLite waits by trying again after pauses, so whoever commits and begins again at once wins against all who sleep. Here
each connection that writes has a place in a small file that all of them map: the time at which it came, 0 while it does
not write. It goes on when nobody is there who came before. To find nobody is a look at memory, and no system call.

A place is locked for as long as its connection is open (open file description locks, fcntl(2)), so one who died is told
from one who waits, and what is left in its place does not count.

The queue is only about the order: what keeps writers apart is SQLite's lock. So where the file cannot be opened, on a
full disk or in a folder of another user, and where all places are taken, they wait as SQLite does.
"""

from __future__ import annotations

import fcntl
import logging
import mmap
import os
import struct
import sys
import time
import weakref
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import waiting
from . import library

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sqlalchemy import Engine

log = logging.getLogger("persistdb")

_PLACES = 256
_TIMES = struct.Struct(f"{_PLACES}q")
_TIME = struct.Struct("q")
_NOBODY = bytes(_TIMES.size)

# struct flock: l_type, l_whence, l_start, l_len, l_pid
_FLOCK = struct.Struct("hhqqi4x")
_FREE = fcntl.F_UNLCK.to_bytes(2, sys.byteorder)

# The pause between two looks, in seconds: of the next one, which grows while it waits for the same transaction, and of
# all behind it.
_FIRST_PAUSE, _LONGEST_PAUSE, _PAUSE_BEHIND = 0.0002, 0.002, 0.002
# Looks after which those before are asked again whether they live
_TRUST = 50
# Nanoseconds for which the same one may be first before somebody looks whether it writes at all
_DOUBT = 100_000_000


class Queue:
    """The place of one connection in the queue: ``with`` it, a write begins and commits.

    Raises :class:`OSError` where there is no queue, and where it has no place left.
    """

    def __init__(self, path: Path, driver: Any, busy: float) -> None:
        self._path, self._driver, self._busy = path, driver, busy
        self._waited = False
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            _check_owner(path, self._descriptor)
            # a page of a mapped file that the disk has no room for would kill the process
            os.posix_fallocate(self._descriptor, 0, _TIMES.size)
            self._times = _mapped(path)
            self._place = next((place for place in range(_PLACES) if self._take(place)), -1)
            if self._place < 0:
                raise BlockingIOError(f"all {_PLACES} places of {path} are taken")  # noqa: TRY301  for the same clean-up
            if path.stat().st_ino != os.fstat(self._descriptor).st_ino:
                raise FileNotFoundError(f"{path} was removed by the last one of others")  # noqa: TRY301  the same
        except BaseException:
            os.close(self._descriptor)
            raise
        self._offset = self._place * _TIME.size
        _TIME.pack_into(self._times, self._offset, 0)
        _open.add(self)

    def close(self) -> None:
        """Give the place up; the last one removes the file, as SQLite does with its log."""
        _open.discard(self)
        self._times.close()
        if self._is_free(0, _PLACES):
            with suppress(OSError):
                self._path.unlink()
        os.close(self._descriptor)

    def leave_to_parent(self) -> None:
        """Close the file in a child of fork(2), or the parent would seem to live for as long as the child does."""
        os.close(self._descriptor)
        self._descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self) -> None:
        """Wait until nobody who came before writes or waits, for ``busy`` seconds at the most.

        What is left of that time is SQLite's for its own wait, so one that waited in vain is SQLite's error.
        """
        came = time.monotonic_ns()
        alone = self._times[:] == _NOBODY
        _TIME.pack_into(self._times, self._offset, came)
        if not alone:
            self._waited = True
            left = self._wait(came)
            self._set_patience(left)
            log.debug("%s: waited %.3f s for the turn to write", self._path, self._busy - left)

    def __exit__(self, *_: object) -> None:
        """Let the next one go on."""
        if self._times.closed:  # with its connection, which an interrupt took away
            return
        _TIME.pack_into(self._times, self._offset, 0)
        if self._waited:
            self._waited = False
            self._set_patience(self._busy)

    def _wait(self, came: int) -> float:
        """Wait to be the first, and return the seconds that are left."""
        pause, looks = _FIRST_PAUSE, 0
        first, since = -1, came
        while (left := self._busy - (time.monotonic_ns() - came) / 1e9) > 0:
            before = self._before(came)
            if looks % _TRUST == 0:
                before = [place for place in before if not self._is_left(place)]
            if not before:
                return left
            now = time.monotonic_ns()
            if before[0] != first:
                first, since = before[0], now
            elif now - since > _DOUBT:
                if self._nobody_writes():
                    return left
                since = now
            waiting.pause(min(pause if len(before) == 1 else _PAUSE_BEHIND, left))
            if len(before) == 1:
                pause = min(pause * 1.25, _LONGEST_PAUSE)
            looks += 1
        return 0.0

    def _nobody_writes(self) -> bool:
        """Return whether the lock is free, although somebody is first: a process that was stopped while it waited."""
        self._set_patience(0)
        cursor = self._driver.cursor()
        try:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")
        except library.driver().Error:
            return False
        finally:
            cursor.close()  # kept in a traceback, it would later reset this statement, which is the next one here
        return True

    def waiting(self) -> list[tuple[int, int]]:
        """Return all who write or wait, in their order: when each came, on the monotonic clock, and its place."""
        return sorted((came, place) for place, came in enumerate(_TIMES.unpack_from(self._times)) if came)

    def _before(self, came: int) -> list[int]:
        """Return the places of all who came before and are there still."""
        own = came, self._place
        return [place for earlier, place in self.waiting() if (earlier, place) < own]

    def _is_left(self, place: int) -> bool:
        """Return whether the one in a place has died, and clear the place."""
        if not self._is_free(place, 1):
            return False
        _TIME.pack_into(self._times, place * _TIME.size, 0)
        return True

    def _is_free(self, place: int, number: int) -> bool:
        """Return whether nobody else has one of these places."""
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, place, number, 0)
        return fcntl.fcntl(self._descriptor, fcntl.F_OFD_GETLK, asked).startswith(_FREE)

    def _take(self, place: int) -> bool:
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0))
        except BlockingIOError:
            return False
        return True

    def _set_patience(self, seconds: float) -> None:
        self._driver.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}").close()


def _check_owner(path: Path, descriptor: int) -> None:
    """Refuse another user's file, which that user could cut short: to read a page that is not there kills a process."""
    if os.fstat(descriptor).st_uid != os.geteuid():
        raise PermissionError(f"{path} is another user's")


def _mapped(path: Path) -> mmap.mmap:
    """Map the file through another file description than that of the locks: a map keeps it open, in children too."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        return mmap.mmap(descriptor, _TIMES.size)
    finally:
        os.close(descriptor)


class Queues(dict[Any, Queue]):
    """The places of connections to a file, by the driver's connections; each is taken when its connection first writes.

    A place that is there is found without a call of a function.
    """

    def __init__(self, path: Path, busy: float) -> None:
        # all names of a database have one queue
        real = Path(os.path.realpath(path))
        super().__init__()
        self._path, self._busy = real.with_name(real.name + "-queue"), busy

    def watch(self, engine: Engine) -> None:
        """Give up the places of an engine's connections that are closed."""
        from sqlalchemy import event

        @event.listens_for(engine, "close")
        def _close(driver: Any, _record: object) -> None:
            self.closed(driver)

    def closed(self, driver: Any) -> None:
        """Give up the place of a connection of the driver, which is closed."""
        queue = self.pop(driver, None)
        if queue is not None:
            queue.close()

    def __missing__(self, driver: Any) -> AbstractContextManager[object]:
        """Take a place for a connection of the driver; return nothing to wait in where there is no queue."""
        try:
            queue = self[driver] = Queue(self._path, driver, self._busy)
        except (OSError, ValueError) as error:  # a file that is too short cannot be mapped
            log.debug("writers of this file have no queue: %s", error)
            return nullcontext()
        return queue


_open: weakref.WeakSet[Queue] = weakref.WeakSet()


def _leave_to_parent() -> None:
    for queue in list(_open):
        queue.leave_to_parent()
    _open.clear()


os.register_at_fork(after_in_child=_leave_to_parent)
