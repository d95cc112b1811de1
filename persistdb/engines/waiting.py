"""Waits that suit whoever waits: a thread sleeps, a task of asyncio lets the others run.

The code below the store is the same for both: for a task SQLAlchemy runs it in a greenlet, which switches to the event
loop where a driver would wait (:mod:`persistdb.db.tasks`).
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import Task


def in_task() -> bool:
    """Return whether this code runs for a task of asyncio, so that it may switch to the event loop."""
    if "greenlet" not in sys.modules or "sqlalchemy" not in sys.modules:
        return False
    from sqlalchemy.util.concurrency import in_greenlet

    return in_greenlet()


def pause(seconds: float) -> None:
    """Wait for so many seconds."""
    if in_task():
        import asyncio

        from sqlalchemy.util.concurrency import await_

        await_(asyncio.sleep(seconds))
    else:
        time.sleep(seconds)


def caller() -> object:
    """Return what waits for nothing else while it waits here: the task of asyncio, or else the thread."""
    return _task() if in_task() else threading.get_ident()


def cancelled_later() -> bool:
    """Let a cancellation that has just come be delivered where the task waits next; return false without a task."""
    task = _task() if in_task() else None
    if task is None:
        return False
    task.uncancel()
    task.cancel()
    return True


def _task() -> Task[Any] | None:
    import asyncio  # threads do without it

    return asyncio.current_task()


def half_or_more(pause: float) -> float:
    """Return a half of a pause to all of it, by chance, so that those who clashed do not do it again."""
    from random import uniform  # most programs never wait

    return pause * uniform(0.5, 1.0)  # noqa: S311  no secret
