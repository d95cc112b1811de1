"""The ends of containers' processes: no file tells of them (pidfd_open(2))."""

from __future__ import annotations

import logging
import os
import resource
import select
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .notifier import Entry


log = logging.getLogger("persistdb")

_SPARE: Final = 256
"""Descriptors that are left for the database, and for what is read."""


class Processes:
    """The processes of running containers, by the folder of each.

    A descriptor is open for each, up to a number that leaves some for all else.
    """

    def __init__(self, waiting: select.epoll) -> None:
        self._waiting = waiting
        self._limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = max(self._limit - _SPARE, self._limit // 2)
        self._told = False
        self._entries: dict[int, Entry] = {}
        self._open: dict[Entry, tuple[int, int]] = {}

    def follow(self, wanted: Mapping[Entry, int]) -> list[Entry]:
        """Follow the process of each entry, 0 for none; return the entries whose process has ended meanwhile."""
        ended = []
        for entry, pid in wanted.items():
            known = self._open.get(entry)
            if known is not None and known[0] == pid:
                continue
            self.forget(entry)
            if not pid or self._is_full():
                continue
            try:
                fd = os.pidfd_open(pid)
            except ProcessLookupError:
                ended.append(entry)
                continue
            except OSError:
                continue  # no descriptor left, or an old kernel: then a rescan finds its end
            self._open[entry] = pid, fd
            self._entries[fd] = entry
            self._waiting.register(fd, select.EPOLLIN)
        return ended

    def _is_full(self) -> bool:
        if len(self._open) < self._most:
            return False
        if not self._told:
            self._told = True
            log.error(
                "more than %s containers run: that one ends is seen in passes only (--rescan), unless this process may "
                "open more than %s files (ulimit -n, or LimitNOFILE= in the unit)",
                self._most,
                self._limit,
            )
        return True

    def ended(self, fd: int) -> Entry | None:
        """Return the entry whose process a descriptor tells the end of; it is followed no longer."""
        entry = self._entries.get(fd)
        if entry is not None:
            self.forget(entry)
        return entry

    def forget(self, entry: Entry) -> None:
        """Follow the process of an entry no longer."""
        known = self._open.pop(entry, None)
        if known is None:
            return
        _, fd = known
        del self._entries[fd]
        with suppress(OSError):
            self._waiting.unregister(fd)
        os.close(fd)

    def close(self) -> None:
        """Follow none."""
        for entry in tuple(self._open):
            self.forget(entry)
