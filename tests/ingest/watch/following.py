"""A watcher in a thread of the test, and what it tells."""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from persistdb.ingest.watch import Watcher, WatchOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from persistdb import ContainerRepository, FileError

LATEST = 60
"""Seconds after which a test gives up."""
_OFTEN = 0.02
"""Seconds between two looks at what may come to hold after it was told, or without a word."""


class Following:
    """A watcher of paths, which is ready at the beginning of the block and has ended well at its end."""

    interval: float | None = None

    def __init__(self, repository: ContainerRepository, *paths: object, **options: Any) -> None:
        self._told: queue.SimpleQueue[tuple[str, ...] | BaseException] = queue.SimpleQueue()
        wanted = {"debounce": 0.02, "longest": 0.1, "rescan": 3600.0} | options
        self.watcher = Watcher(repository, self, WatchOptions(paths=tuple(map(str, paths)), **wanted), self)
        self._thread = threading.Thread(target=self._run)
        self.events: list[tuple[str, ...]] = []

    def _run(self) -> None:
        try:
            self.watcher.run()
        except BaseException as error:  # noqa: BLE001  the test raises it
            self._told.put(error)

    def __enter__(self) -> Self:
        self._thread.start()
        self.until("ready")
        return self

    def __exit__(self, *_: object) -> None:
        self.watcher.stop()
        self._thread.join(LATEST)
        assert not self._thread.is_alive()
        while not self._told.empty():
            self._take()

    def until(self, *event: str) -> list[tuple[str, ...]]:
        """Wait until something is told, and return what was told from the last time on."""
        before = len(self.events)
        while event not in self.events[before:]:
            self._take()
        return self.events[before:]

    def until_true(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        latest = time.monotonic() + LATEST
        while not condition():
            assert time.monotonic() < latest, self.events
            with suppress(queue.Empty):
                self._take(_OFTEN)

    def _take(self, seconds: float = LATEST) -> None:
        told = self._told.get(timeout=seconds)
        if isinstance(told, BaseException):
            raise told
        self.events.append(told)

    # an observer

    def fault(self, problem: FileError) -> None:
        self._told.put(("fault", problem.path))

    def note(self, text: str) -> None:
        self._told.put(("note", text))

    def stored(self, sid: str, containers: int) -> None:
        self._told.put(("stored", sid, str(containers)))

    def left_out(self, sid: str) -> None:
        self._told.put(("left out", sid))

    def removed(self, sid: str) -> None:
        self._told.put(("removed", sid))

    def lost(self, sid: str) -> None:
        self._told.put(("lost", sid))

    # a supervisor

    def ready(self) -> None:
        self._told.put(("ready",))

    def alive(self, status: str) -> None:
        self._told.put(("away",) if "away" in status else ("alive",))

    def stopping(self) -> None:
        self._told.put(("stopping",))
