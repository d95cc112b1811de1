"""Renewal of the leases that one ``Database`` holds or waits for, by a thread while there are any."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import threading
import time
import weakref
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ...db.work import Call, changed, repeat
from ...errors import PersistDBError
from .owner import boot_clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...db.database import Database
    from ...db.work import Work
    from .statements import Statements

log = logging.getLogger("persistdb")

# A lease is renewed when a third of it is over: before it is lost two renewals may fail, or the clocks of a cluster's
# nodes differ by two thirds of it.
_RENEWALS = 3
_LINGERS = 1.0  # seconds; a program that locks often starts a thread once


@dataclass(eq=False)
class Claim:
    """A lease of this process, as it knows it; without a ``number`` it is yet to be stored."""

    name: str
    mode: str
    number: int | None = None
    valid_until: int = 0
    """Until when it is certainly not over, by this process's clock: it is older than the server's by the way there."""
    gone: bool = False
    """Whether its row was seen to be missing."""
    over: bool = False
    """Whether it was released, or is a parent's."""


class Renewal:
    """The claims of one owner, and the thread that renews them.

    The thread has one connection, and opens it when a lease comes to be renewed: the pool's may all be in use for
    longer than a lease. The event loop of asyncio may be, too, so tasks have the same thread.
    """

    def __init__(self, statements: Statements, seconds: float, connect: Callable[[float], Database] | None) -> None:
        self.statements = statements
        self.length = round(seconds * 1_000_000)
        """The length of a lease, in microseconds."""
        self._interval = seconds / _RENEWALS
        self._connect = connect
        self.start_again()
        _renewals.add(self)

    def start_again(self) -> None:
        """Begin without claims, as another owner: in a child of fork(2) they are the parent's."""
        for claim in getattr(self, "_claims", ()):
            claim.over = True
        self.owner = secrets.token_hex(16)
        self._claims: set[Claim] = set()
        # reentrant: a lock may be given up by the garbage collector, in any thread, anywhere
        self._changed = threading.Condition(threading.RLock())
        self._strays = False
        self._stray_until = 0.0
        self._due = 0.0
        self._thread: threading.Thread | None = None
        self._database: Database | None = None

    def add(self, claim: Claim) -> None:
        """Renew a claim from now on, as soon as it is stored."""
        with self._changed:
            self._run_thread()
            if not self._claims:
                self._due = time.monotonic() + self._interval
            self._claims.add(claim)

    def forget(self, claim: Claim) -> None:
        """Renew a claim no longer: its row is gone."""
        with self._changed:
            claim.over = True
            self._claims.discard(claim)
            if not self._claims and self._database is not None:
                self._changed.notify()

    def abandon(self, claim: Claim) -> None:
        """Let the thread remove a claim's row, if it is stored."""
        with self._changed:
            if claim in self._claims:
                claim.over = True
                self._claims.discard(claim)
                self._strays, self._due = True, time.monotonic()
                self._stray_until = self._due + self.length / 1_000_000
                self._run_thread()
                self._changed.notify()

    def is_abandoned(self, owner: str, name: str, number: int, *, beside: Claim | None = None) -> bool:
        """Return whether a row is this owner's, and nobody ``beside`` a claim holds it or waits for it any more."""
        if owner != self.owner:
            return False
        with self._changed:
            # a copy: the garbage collector may give up another one meanwhile
            others = (claim for claim in tuple(self._claims) if claim is not beside and claim.name == name)
            return all(claim.number not in (None, number) for claim in others)

    def _run_thread(self) -> None:
        if self._connect is not None and self._thread is None:
            thread = threading.Thread(target=self._run, name="persistdb leases", daemon=True)
            thread.start()  # or an error, where the system has no more threads
            self._thread = thread

    def _run(self) -> None:
        changed = self._changed
        while True:
            with changed:
                if not (self._claims or self._strays):
                    database, self._database = self._database, None
                    if database is not None:
                        with contextlib.suppress(Exception):  # it must not end the thread
                            database.close()
                    changed.wait(min(_LINGERS, self._interval))
                    if not (self._claims or self._strays):
                        self._thread = None
                        return
                    continue
                pause = self._due - time.monotonic()
                if pause > 0:
                    changed.wait(pause)
                    continue
                self._strays, self._due = False, time.monotonic() + self._interval
            try:
                self._renew()
            except Exception as error:  # noqa: BLE001  the thread is for all claims: it tries again
                log.info("leases: not renewed, trying again: %s", error)
                with changed:
                    self._due = (now := time.monotonic()) + min(1.0, self._interval / 4)
                    # a row that nobody renews any more is over by itself
                    self._strays = now < self._stray_until

    def _renew(self) -> None:
        start = boot_clock()
        if self._database is None and self._connect is not None:
            self._database = self._connect(max(1.0, self._interval))
        database = self._database
        if database is None:
            return
        with self._changed:
            known = {(claim.name, claim.number): claim for claim in tuple(self._claims) if claim.number is not None}
        stored = database.write(self._renewed, verify=repeat)
        with self._changed:
            for key, claim in known.items():
                if key in stored:
                    claim.valid_until = start + self.length
                elif claim in self._claims and claim.number == key[1] and not claim.gone:
                    claim.gone = True
                    log.warning("lock %r, number %s: lost", *key)
            strays = [(name, number) for name, number in stored if self.is_abandoned(self.owner, name, number)]
        for name, number in strays:
            with contextlib.suppress(PersistDBError):  # then it expires
                database.write(partial(self._removed, name, number), verify=repeat)

    def _renewed(self) -> Work[set[tuple[str, int]]]:
        values = {"owner": self.owner, "length": self.length, "clock": boot_clock()}
        _, own = yield Call(self.statements.renew, values), Call(self.statements.own, values)
        return {(name, number) for name, number in own.rows}

    def _removed(self, name: str, number: int) -> Work[int]:
        values = {"name": name, "number": number, "owner": self.owner}
        return (yield from changed(self.statements.delete, values))


_renewals: weakref.WeakSet[Renewal] = weakref.WeakSet()


def _leave_to_parent() -> None:
    for renewal in _renewals:
        renewal.start_again()


os.register_at_fork(after_in_child=_leave_to_parent)
