"""Follow a node's folders, and store each state that stays: one thread reads what changes, another stores it."""

from __future__ import annotations

import logging
import os
import select
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from ...errors import Unavailable
from ...runtimes.known import runtime_named
from ...store.claim import Claim
from .debounce import Debounce
from .follower import Follower
from .notifier import Notifier
from .places import Places
from .processes import Processes
from .status import WatchStatus
from .storing import Pass, Storing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...store.repository import ContainerRepository
    from ..folders import Prune
    from ..observer import Observer

log = logging.getLogger("persistdb")

_MOUNTS: Final = "/proc/self/mountinfo"
_PAUSE: Final = 0.1
"""Seconds between what may have changed the folders that there are, and the look at them: while one is replaced it is
not there for a while, and on a node that starts containers mounts come and go."""
_LOSSES: Final = 1.0
"""Seconds at least between two passes because the system lost events."""
_PATIENCE: Final = 60.0
"""Seconds that a watcher which is to end takes to store what it has read; a call of the database takes 30 at most."""
_AWAY: Final = 2.0
"""The same while the database is away: there is nothing to wait for."""


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """How a node is followed.

    ``paths`` are as for :func:`persistdb.runtimes.trees.locate`; without any it is the usual places of runtimes on this
    machine. ``debounce`` is for how many seconds a sandbox must be quiet before it is read, and ``longest`` after how
    many it is read at last. ``rescan`` is the time between two passes over all folders, in seconds.
    """

    paths: tuple[str, ...] = ()
    runtime: str | None = None
    live: bool | None = None
    prune: Prune = "gone"
    debounce: float = 0.05
    longest: float = 0.5
    rescan: float = 600.0


class Supervisor(Protocol):
    """Who started a watcher, and learns how it is."""

    @property
    def interval(self) -> float | None:
        """The seconds within which it wants to hear that the watcher is alive; ``None``: never."""

    def ready(self) -> None:
        """Handle the end of the first pass."""

    def alive(self, status: str) -> None:
        """Handle a sign of life, with a sentence about how the watcher is."""

    def stopping(self) -> None:
        """Handle the beginning of its end."""


class Watcher:
    """A watcher of the repository's host; it runs until :meth:`stop`.

    Raises :class:`~persistdb.errors.AlreadyWatched` if another process follows this host,
    :class:`~persistdb.errors.InotifyLimit` where the system allows no more instances of inotify, and
    :class:`~persistdb.errors.InvalidValue`.
    """

    def __init__(
        self, repository: ContainerRepository, observer: Observer, options: WatchOptions, supervisor: Supervisor
    ) -> None:
        self._options, self._supervisor = options, supervisor
        self._url = repository.database.url
        self.status = WatchStatus()
        """How it is, and what it has done; another thread may read it."""
        runtime = None if options.runtime is None else runtime_named(options.runtime)
        self._signals: list[str] = []
        self._open = ExitStack()
        with ExitStack() as opened:
            self._claim = Claim(repository)
            opened.callback(self._claim.release)
            self._wake_end, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            self._wake = wake
            opened.callback(os.close, self._wake_end)
            opened.callback(self._close_wake)
            notifier = Notifier()
            opened.callback(notifier.close)
            self._waiting = select.epoll()
            opened.callback(self._waiting.close)
            processes = Processes(self._waiting)
            opened.callback(processes.close)
            self._notifier = notifier
            self._mounts = os.open(_MOUNTS, os.O_RDONLY | os.O_CLOEXEC)
            opened.callback(os.close, self._mounts)
            self._open = opened.pop_all()
        self._waiting.register(self._wake_end, select.EPOLLIN)
        self._waiting.register(notifier.fd, select.EPOLLIN)
        self._waiting.register(self._mounts, select.EPOLLPRI | select.EPOLLERR)
        places = Places(options.paths, runtime)
        self._follower = Follower(
            places,
            notifier,
            processes,
            self.wake,
            runtime=runtime,
            live=options.live,
            debounce=Debounce(options.debounce, options.longest),
        )
        self._storing = Storing(
            repository,
            observer,
            self._follower,
            self._claim,
            self.status,
            self.wake,
            paths=places.paths,
            runtime=options.runtime,
            live=options.live,
            prune=options.prune,
        )
        self._noticed = datetime.now(UTC)
        self._lost_since: datetime | None = None
        self._losses_at = 0.0
        self._looks_at: float | None = None
        self._is_ready = False
        self._told_limit: tuple[str, int | None] | None = None
        self._was_away = False

    # --- from signal handlers and other threads

    def wake(self) -> None:
        """Let the main loop look at what there is to do."""
        with suppress(OSError):
            os.write(self._wake, b".")

    def _close_wake(self) -> None:
        wake, self._wake = self._wake, -1  # its number may be another file's from now on
        os.close(wake)

    def stop(self) -> None:
        """End, once what was read is stored; safe in a signal handler."""
        self._signals.append("stop")
        self.wake()

    def rescan(self) -> None:
        """Pass over all folders now; safe in a signal handler."""
        self._signals.append("rescan")
        self.wake()

    # --- the main loop

    def run(self) -> None:
        """Follow the folders until :meth:`stop`; raise what ended it otherwise.

        Raises :class:`~persistdb.errors.Unavailable` if the database takes too long to store what was read until then.
        """
        try:
            self._look("")
            self._storing.put(Pass("the watcher was started"))
            self._storing.start()
            try:
                self._loop()
            finally:
                self._end()
            if self._storing.error is not None:
                raise self._storing.error
            if self._storing.is_alive and not self.status.is_away:
                raise Unavailable(str(self._url), f"it did not store in {_PATIENCE:g} s what was read at the end")
        finally:
            # a thread that still stores has the claim, and all else, as long as the process
            if not self._storing.is_alive:
                self._open.close()

    def _loop(self) -> None:
        rescan_at = time.monotonic() + self._options.rescan
        alive_at = time.monotonic()
        while self._storing.is_alive:
            now, is_away = time.monotonic(), self.status.is_away
            if now >= alive_at or self._was_away != is_away:
                self._was_away = is_away
                self._tell_alive()
                alive_at = now + (self._supervisor.interval or self._options.rescan)
            if now >= rescan_at:
                self._rescan("the time for it has come")
            if "stop" in self._signals:
                return
            if "rescan" in self._signals:
                self._signals.remove("rescan")
                self._rescan("it was asked for")
                rescan_at = now
            if now >= rescan_at:
                rescan_at = now + self._options.rescan
            if self._follower.looks_again:
                self._look_later()
            losses_at = None if self._lost_since is None else self._losses_at
            times = (self._follower.next(), self._looks_at, losses_at, rescan_at, alive_at)
            timeout = min(at for at in times if at is not None) - now
            self._take(self._waiting.poll(max(0.0, timeout)))
            for read in self._follower.due(time.monotonic()):
                self._storing.put(read)

    def _take(self, ready: Sequence[tuple[int, int]]) -> None:
        """Take what has happened."""
        for fd, _ in ready:
            if fd == self._wake_end:
                with suppress(BlockingIOError):
                    os.read(self._wake_end, 4096)
            elif fd == self._mounts:
                self._look_later()
            elif fd != self._notifier.fd:
                self._follower.ended(fd)
        noticed = datetime.now(UTC)
        if self._follower.notice():
            self._lost_since = self._lost_since or self._noticed
        self._tell_limit()
        if not self._follower.has_more:
            self._noticed = noticed
        if self._lost_since is not None and time.monotonic() >= self._losses_at:
            self._rescan("events of files were lost", self._lost_since)
            self._lost_since, self._losses_at = None, time.monotonic() + _LOSSES
        if self._looks_at is not None and time.monotonic() >= self._looks_at:
            self._looks_at = None
            self._look("a folder has come, or has the place of another")
        if not self._is_ready and (self.status.rescans or self.status.is_away):
            self._is_ready = True
            self._supervisor.ready()
            self._tell_alive()

    def _tell_alive(self) -> None:
        if self._storing.stands_still:
            log.error("what was read is not stored: the database, or a folder, has not answered for long")
        else:
            self._supervisor.alive(str(self.status))

    def _look_later(self) -> None:
        self._looks_at = self._looks_at or time.monotonic() + _PAUSE

    def _look(self, reason: str) -> None:
        """Find the folders to follow; pass over all, for this reason, if one has come or was replaced."""
        if self._follower.look() and reason:
            self._storing.put(Pass(reason))
        self.status.folders = self._follower.folders
        self._tell_limit()

    def _rescan(self, reason: str, lost_since: datetime | None = None) -> None:
        self._look("")
        self._follower.watch_all()
        self._tell_limit()
        self._storing.put(Pass(reason, lost_since))

    def _tell_limit(self) -> None:
        """Tell once of a limit of the system for which not all is watched."""
        limit = self._follower.limit
        reached = None if limit is None else (limit.sysctl, limit.value)
        if reached is not None and reached != self._told_limit:
            self.status.errors += 1
            log.error("%s; until then it is read every %g s only (--rescan)", limit, self._options.rescan)
        self._told_limit = reached

    def _end(self) -> None:
        """Store what has changed until now, and end."""
        self._supervisor.stopping()
        self._follower.is_stopping = True
        with suppress(OSError):
            self._follower.notice()
            for read in self._follower.due(time.monotonic(), at_once=True):
                self._storing.put(read)
        if not self._storing.stop(_AWAY if self.status.is_away else _PATIENCE):
            number = self.status.queued
            what = f"{number} {'sandbox was' if number == 1 else 'sandboxes were'} read and not stored"
            log.error("%s: the next start finds what is there then", what)
