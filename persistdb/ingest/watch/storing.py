"""Store what a follower reads, in the order in which it was read, and pass over all folders when that is needed."""

from __future__ import annotations

import logging
import queue
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ...errors import AlreadyWatched, DatabaseError, PersistDBError, SchemaError
from ...runtimes.folders import printable_path
from ..importer import Importer
from .follower import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...errors import FileError
    from ...store.claim import Claim
    from ...store.repository import ContainerRepository
    from ..folders import Prune
    from ..observer import Observer
    from .follower import Follower, Read
    from .status import WatchStatus

log = logging.getLogger("persistdb")

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
"""Seconds between two attempts to reach the database: the first, and the longest."""
_CALLS: Final = 2
"""Calls of the database for whose longest time nothing may be heard of one that stores."""


class Pass:
    """A pass over all folders, to be made for a reason; ``lost_since``: what happened since then may be missing."""

    def __init__(self, reason: str, lost_since: datetime | None = None) -> None:
        self.reason, self.lost_since = reason, lost_since

    def lost(self, since: datetime | None) -> None:
        """Note that what happened since then may be missing, too."""
        self.lost_since = min(filter(None, (self.lost_since, since)), default=None)


class Storing:
    """A thread that stores; while the database is away it tries again, with pauses that grow."""

    def __init__(
        self,
        repository: ContainerRepository,
        observer: Observer,
        follower: Follower,
        claim: Claim,
        status: WatchStatus,
        wake: Callable[[], None],
        *,
        paths: Sequence[str],
        runtime: str | None,
        live: bool | None,
        prune: Prune,
    ) -> None:
        self._repository = repository.acting(cause="watch")
        self._follower, self._claim, self._status, self._wake = follower, claim, status, wake
        self._paths = paths
        self._observer = _Observer(observer, follower, status, self._goes_on)
        self._longest = _CALLS * repository.database.backend.timeouts.call
        self._went_on: float | None = None
        self._importer = Importer(
            repository,
            self._observer,
            runtime=runtime,
            live=live,
            prune=prune,
            cause="watch",
            turns=follower,
        )
        self._queue: queue.SimpleQueue[Read | Pass | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._next_pass: Pass | None = None
        self._stops = threading.Event()
        self._has_ended = False
        self._thread = threading.Thread(target=self._run, name="persistdb watch", daemon=True)
        self.error: BaseException | None = None
        """What ended it."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it goes on."""
        return not self._has_ended and self._thread.is_alive()

    @property
    def stands_still(self) -> bool:
        """Whether it has something to do, and has done none of it for longer than the database may take."""
        went_on = self._went_on
        return went_on is not None and time.monotonic() > went_on + self._longest

    def put(self, work: Read | Pass) -> None:
        """Let something be stored, or a pass be made, after all that was put before; one pass may do for several."""
        with self._lock:
            if not isinstance(work, Pass):
                self._status.queued += len(work.entries.names)
            elif self._next_pass is not None:
                self._next_pass.lost(work.lost_since)
                return
            else:
                self._next_pass = work
        self._queue.put(work)

    def stop(self, seconds: float) -> bool:
        """Store what was put, and end; return whether that was done in this time."""
        self._stops.set()
        self._queue.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    # --- in the thread

    def _run(self) -> None:
        try:
            while (work := self._next()) is not None:
                began = datetime.now(UTC)
                try:
                    self._do(work)
                except DatabaseError as error:
                    if not self._wait_for_database(work, began, error):
                        return
                except Stopped:
                    continue  # the rest of the queue is the work in hand
                except (AlreadyWatched, SchemaError):
                    raise
                except PersistDBError as error:
                    if isinstance(work, Pass):
                        raise
                    self._status.errors += 1
                    place = printable_path(work.entries.source.path)
                    log.error("%s: not stored: %s", place, error.on_command_line())  # noqa: TRY400  it says what is wrong
        except BaseException as error:  # noqa: BLE001  the main thread raises it
            self.error = error
        finally:
            self._has_ended = True  # the thread is alive for as long as it wakes the main loop
            self._wake()

    def _next(self) -> Read | Pass | None:
        self._went_on = None
        return self._queue.get()

    def _goes_on(self) -> None:
        """Note that it goes on, after each sandbox; end it if another process has the claim by now."""
        self._went_on = time.monotonic()
        self._claim.check()

    def _do(self, work: Read | Pass) -> None:
        try:
            self._goes_on()
            if isinstance(work, Pass):
                self._pass(work)
            else:
                self._importer.run_entries(work.entries)
                self._status.imports += len(work.entries.trees)
                self._status.lag = time.monotonic() - work.changed
        finally:
            self._took(work)
        self._status.last_success = datetime.now(UTC)
        if self._status.is_away:
            self._status.is_away = False
            self._wake()  # the last one before came while it was away

    def _took(self, work: Read | Pass) -> None:
        """Note that something waits no longer, so that another pass that is put is made."""
        with self._lock:
            if isinstance(work, Pass):
                if work is self._next_pass:
                    self._next_pass = None
                return
            self._status.queued -= len(work.entries.names)
        self._follower.stored(work)

    def _pass(self, work: Pass) -> None:
        self._took(work)  # what is put from now on takes another pass
        log.info("pass over all folders: %s", work.reason)
        if work.lost_since is not None:
            # the clock may have been set back meanwhile
            self._repository.record_gap(work.lost_since, max(datetime.now(UTC), work.lost_since), work.reason)
            self._status.gaps += 1
            work.lost_since = None
        self._follower.all_is_stored()
        self._observer.begin_pass()
        if self._paths:
            self._importer.run(self._paths)
        else:
            self._importer.run_usual_places()
        self._observer.end_pass()
        self._status.rescans += 1
        self._wake()

    def _wait_for_database(self, failed: Read | Pass, began: datetime, error: DatabaseError) -> bool:
        """Try again until the database is back and a pass has stored what is there; return false if that is the end."""
        self._status.is_away = True
        self._status.errors += 1
        self._wake()
        pause, work = _FIRST_PAUSE, Pass("the database was away", began)
        self._leave(failed, work)
        log.warning("%s; trying again until it is there", error.on_command_line())
        while True:
            self._leave_queue(work)
            self._went_on = None
            if self._stops.wait(pause):
                log.warning("ended while the database was away: the next start finds what has changed")
                return False
            pause = min(2 * pause, _LONGEST_PAUSE)
            tried = datetime.now(UTC)
            try:
                self._do(work)
            except DatabaseError as again:
                self._status.errors += 1
                work.lost(tried)
                log.info("%s", again.on_command_line())
            except Stopped:
                continue
            else:
                log.warning("the database is back: states between %s and now may be missing", f"{began:%H:%M:%S}Z")
                return True

    def _leave_queue(self, following: Pass) -> None:
        """Leave all that waits to a pass."""
        while True:
            try:
                work = self._queue.get_nowait()
            except queue.Empty:
                return
            if work is not None:
                self._took(work)
                self._leave(work, following)

    def _leave(self, work: Read | Pass, following: Pass) -> None:
        """Leave something to a pass, which finds what is there, and is told what was not stored."""
        if isinstance(work, Pass):
            following.lost(work.lost_since)
        else:
            following.lost(work.entries.began)
            self._importer.leave(work.entries)


class _Observer:
    """The observer of the imports: it tells each fault and note once, and a fault only if it stays."""

    def __init__(
        self, observer: Observer, follower: Follower, status: WatchStatus, goes_on: Callable[[], None]
    ) -> None:
        self._observer, self._follower, self._status, self._goes_on = observer, follower, status, goes_on
        self._told: set[str] = set()
        self._seen: set[str] = set()
        self.left_out, self.removed, self.lost = observer.left_out, observer.removed, observer.lost

    def begin_pass(self) -> None:
        """Look which faults and notes there still are."""
        self._seen = set()

    def end_pass(self) -> None:
        """Tell the ones that are gone again when they come back."""
        self._told &= self._seen

    def stored(self, sid: str, containers: int) -> None:
        """Tell what was stored."""
        self._observer.stored(sid, containers)
        self._goes_on()

    def fault(self, problem: FileError) -> None:
        """Tell a fault that stays, once."""
        self._seen.add(text := str(problem))
        if text not in self._told and not self._follower.is_fresh(problem):
            self._told.add(text)
            self._status.errors += 1
            self._observer.fault(problem)

    def note(self, text: str) -> None:
        """Tell a note once."""
        self._seen.add(text)
        if text not in self._told:
            self._told.add(text)
            self._observer.note(text)
