"""Whom a program waits for: a server that is away, locks that others hold longer than a person takes for an answer."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

from ..engines.deadlines import TICK, in_flight
from .connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .database import Database

PATIENCE = 1.0
"""Seconds that a call may take before somebody is told whom it waits for."""

# The connections of the driver that wait, or are about to, for the lock that a change of the schema takes.
_changes: list[Any] = []


@contextlib.contextmanager
def noted(driver: Any) -> Iterator[None]:
    """Note a connection that may wait for a change of the schema: it is no unit of work, which are known."""
    _changes.append(driver)
    try:
        yield
    finally:
        _changes.remove(driver)


@contextlib.contextmanager
def told(database: Database, tell: Callable[[Sequence[str]], None], *, locks: bool = True) -> Iterator[None]:
    """Call a function, from another thread, with a server that is away, once each time that it is.

    With ``locks`` it is called with the holders of what a call waits for, too: once for each call.

    A call that takes long for other reasons is none of it, nor one of whose lock the engine does not show the holders.
    """
    over = threading.Event()
    thread = threading.Thread(target=_watch, args=(database, tell, over, locks), name="persistdb waits", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(PATIENCE)  # it may be asking a server that does not answer


def _watch(database: Database, tell: Callable[[Sequence[str]], None], over: threading.Event, locks: bool) -> None:
    since: dict[object, float] = {}
    silent: set[object] = set()
    while not over.wait(TICK):
        now = time.monotonic()
        away = database.absence()
        if away is None:
            silent.discard(database)
        elif database not in silent and now - away.since >= PATIENCE:
            silent.add(database)
            tell([f"{database.url}: {database.backend.detail(away.error)}"])
        if not locks:
            continue
        drivers: dict[object, Any] = {call: call.driver for call in in_flight() if isinstance(call, Connection)}
        waiting = drivers | {driver: driver for driver in list(_changes)}
        since = {key: since.get(key, now) for key in waiting}
        silent &= waiting.keys() | {database}
        for key, driver in waiting.items():
            if driver is None or key in silent or now - since[key] < PATIENCE:
                continue
            names = database.backend.blockers(lambda: database.reader, driver)
            if names:
                silent.add(key)
                tell(names)
