"""Waits that suit whoever waits: a thread sleeps, a task of asyncio lets the others run.

The code below the store is the same for both: for a task SQLAlchemy runs it in a greenlet, which switches to the event
loop where a driver would wait (:mod:`persistdb.db.tasks`).
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time

from sqlalchemy.util.concurrency import await_, in_greenlet

_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.05  # seconds


def in_task() -> bool:
    """Return whether this code runs for a task of asyncio, so that it may switch to the event loop."""
    return "greenlet" in sys.modules and in_greenlet()


def pause(seconds: float) -> None:
    """Wait for so many seconds."""
    if in_task():
        await_(asyncio.sleep(seconds))
    else:
        time.sleep(seconds)


class Pauses:
    """Pauses between attempts at a lock that others hold, where nothing wakes who waits: each longer than the last."""

    def __init__(self, timeout: float) -> None:
        self._deadline = time.monotonic() + timeout
        self._next = _FIRST_PAUSE

    def wait(self) -> bool:
        """Wait for the next attempt; return false if the time is over."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            return False
        pause(min(self._next, left))
        self._next = min(self._next * 2, _LONGEST_PAUSE)
        return True


def caller() -> object:
    """Return what waits for nothing else while it waits here: the task of asyncio, or else the thread."""
    return asyncio.current_task() if in_task() else threading.get_ident()


def cancelled_later() -> bool:
    """Let a cancellation that has just come be delivered where the task waits next; return false without a task."""
    task = asyncio.current_task() if in_task() else None
    if task is None:
        return False
    task.uncancel()
    task.cancel()
    return True
