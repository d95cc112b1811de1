"""Taking a lock, waiting for it, releasing it."""

from __future__ import annotations

import random
import time
import weakref
from functools import partial
from typing import TYPE_CHECKING

from ...db.failures import Stale
from ...db.work import Call, repeat, value
from ...engines import waiting
from ...engines.locks import digest
from ..core import LOCK_LENGTH
from .owner import LockUnavailable, boot_clock, this_process
from .renewal import Claim, Renewal
from .statements import EXCLUSIVE, SHARED, Row, Statements, row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...db.database import Database
    from ...db.work import Work

# Seconds between two looks at the queue: few at first, then more, and more for who is far behind.
_FIRST_PAUSE, _LONGEST_PAUSE, _LAST_PAUSE = 0.002, 0.1, 1.0
_FOREVER = 10**9  # seconds


class Lease:
    """A lock that is held. Whoever drops it without a release gives it up all the same."""

    def __init__(self, leases: Leases, claim: Claim) -> None:
        self._leases, self._claim = leases, claim
        self._dropped = weakref.finalize(self, leases.renewal.abandon, claim)
        self._dropped.atexit = False

    @property
    def number(self) -> int:
        """The fencing number."""
        return self._claim.number or 0

    @property
    def over(self) -> bool:
        """Whether it was released, or is held by the parent of this process."""
        return self._claim.over

    @property
    def lost(self) -> bool:
        """Whether it is not certain any more that it is held."""
        return self._claim.gone or boot_clock() > self._claim.valid_until

    def release(self) -> bool:
        """Release it; return false if it was lost before. Raises errors of the database; then it ends by itself."""
        held = self._leases.release(self._claim)
        self._dropped.detach()
        return held


class Leases:
    """The locks of a database, by name."""

    def __init__(self, database: Database, *, prefix: str = "", seconds: float | None = None) -> None:
        self._database = database
        self._statements = Statements(database.backend, prefix)
        in_memory = database.backend.is_in_memory()
        length = _FOREVER if in_memory else seconds or database.timeouts.lease
        self._is_private = in_memory
        self.renewal = Renewal(self._statements, length, None if in_memory else database.another)

    def take(self, name: str, *, shared: bool, timeout: float) -> Lease:
        """Take a lock, waiting ``timeout`` seconds at the most. Raises :class:`LockUnavailable`, and the database's."""
        claim = Claim(_stored_name(name), SHARED if shared else EXCLUSIVE)
        self.renewal.add(claim)
        try:
            self._obtain(claim, timeout)
        except LockUnavailable:
            self.renewal.forget(claim)
            raise
        except BaseException:
            self.renewal.abandon(claim)
            raise
        return Lease(self, claim)

    def release(self, claim: Claim) -> bool:
        """Remove a claim's row; return false if it was not there any more."""
        deleted: list[int] = []
        values = self._values(claim)

        def delete() -> Work[None]:
            (answer,) = yield (Call(self._statements.delete, values),)
            deleted[:] = [answer.number]

        def is_deleted(_: None) -> Work[bool | None]:
            return (yield from value(self._statements.find, values)) is None

        try:
            self._database.change(delete, verify=is_deleted, refs=[claim.name])
        except BaseException:
            self.renewal.abandon(claim)
            raise
        self.renewal.forget(claim)
        return deleted != [0]  # where the answer was lost, it is gone by this

    # --- waiting

    def _obtain(self, claim: Claim, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        ahead = self._enter(claim, stays=timeout > 0)
        pause = _FIRST_PAUSE
        while ahead:
            left = deadline - time.monotonic()
            if left <= 0:
                holders = self._database.write(partial(self._last_look, claim, boot_clock()), verify=repeat)
                if holders is None:
                    return
                raise LockUnavailable(holders)
            # nothing wakes who waits, and not all should look at once
            waiting.pause(min(left, pause * random.uniform(0.5, 1.0)))  # noqa: S311  no secret
            pause = min(pause * 1.5, _LONGEST_PAUSE * ahead, _LAST_PAUSE)
            ahead = self._look(claim)

    def _enter(self, claim: Claim, *, stays: bool) -> int:
        """Join the queue, unless somebody is ahead and it ``stays`` not; return how many are ahead."""
        entered: tuple[int, int, int] = self._database.write(
            partial(self._entry, claim, boot_clock(), stays=stays), verify=partial(self._is_stored, claim)
        )
        number, start, ahead = entered
        claim.valid_until, claim.gone = start + self.renewal.length, False
        claim.number = number
        return ahead

    def _entry(self, claim: Claim, asked: int, *, stays: bool) -> Work[tuple[int, int, int]]:
        start = boot_clock()
        statements, values = self._statements, self._values(claim, asked, start)
        insert = Call(statements.insert, values)
        select = Call(statements.excluding[claim.mode], values)
        drawn, _, found = yield Call(statements.draw, values), insert, select
        if not drawn.number:  # the bucket's first
            try:
                yield (Call(statements.first, values),)
            except self._database.driver_error as error:
                if self._database.backend.violated(error):
                    raise Stale from error
                raise
            _, found = yield insert, select
        *_, own = rows = [row(each) for each in found.rows]
        ahead = yield from self._cleared(claim, own, rows, values)
        if ahead and not stays:
            raise LockUnavailable((yield from self._holders(own, values)))
        return own.number, start, len(ahead)

    def _is_stored(self, claim: Claim, result: tuple[int, int, int]) -> Work[bool | None]:
        values = self._values(claim) | {"number": result[0]}
        return (yield from value(self._statements.find, values)) is not None

    def _look(self, claim: Claim) -> int:
        """Return how many are ahead of a claim in the queue."""
        asked = boot_clock()
        rows, own = self._database.read(partial(self._queue, claim, self._values(claim, asked, asked)))
        if own is None:  # nobody has renewed it for so long that another has removed it: to the end of the queue
            claim.number = None
            return self._enter(claim, stays=True)
        ahead = [each for each in rows if each.excludes(own)]
        if any(each.left <= 0 or self._is_gone(claim, each) for each in ahead):
            left: int = self._database.write(partial(self._clear, claim, asked), verify=repeat)
            return left
        return len(ahead)

    def _queue(self, claim: Claim, values: Mapping[str, object]) -> Work[tuple[Sequence[Row], Row | None]]:
        (found,) = yield (Call(self._statements.excluding[claim.mode], values),)
        rows = [row(each) for each in found.rows]
        own = [each for each in rows if each.number == claim.number and each.owner == self.renewal.owner]
        return rows, own[0] if own else None

    def _clear(self, claim: Claim, asked: int) -> Work[int]:
        values = self._values(claim, asked, boot_clock())
        rows, own = yield from self._queue(claim, values)
        return 1 if own is None else len((yield from self._cleared(claim, own, rows, values)))

    def _last_look(self, claim: Claim, asked: int) -> Work[Sequence[str] | None]:
        """Leave the queue, and return who holds the lock, unless this claim does by now."""
        values = self._values(claim, asked, boot_clock())
        rows, own = yield from self._queue(claim, values)
        if own is not None and not (yield from self._cleared(claim, own, rows, values)):
            return None
        holders = yield from self._holders(own, values)
        if own is not None:
            yield (Call(self._statements.delete, values),)
        return holders

    # --- others

    def _is_gone(self, claim: Claim, each: Row) -> bool:
        """Return whether a lease's owner has gone, or given it up, whatever time is left."""
        if self.renewal.is_abandoned(each.owner, claim.name, each.number, beside=claim) or each.process.is_gone():
            return True
        if self._is_private:
            return each.process.pid != this_process().pid  # the memory is a copy of a parent's
        return self._database.backend.is_of_one_host and each.process.is_of_other_boot()

    def _cleared(
        self, claim: Claim, own: Row, rows: Sequence[Row], values: Mapping[str, object]
    ) -> Work[Sequence[Row]]:
        """Remove leases that are over, and return those that still keep ``own`` from being held."""
        ahead = []
        for each in rows:
            if not each.excludes(own):
                continue
            of_it = {**values, "number": each.number, "owner": each.owner}
            if self._is_gone(claim, each):
                yield (Call(self._statements.delete, of_it),)
            elif each.left > 0:
                ahead.append(each)
            else:
                (answer,) = yield (Call(self._statements.delete_over, of_it),)
                ahead += [] if answer.number else [each]  # it was renewed, or another has removed it: look again
        return ahead

    def _holders(self, own: Row | None, values: Mapping[str, object]) -> Work[Sequence[str]]:
        """Name the processes that keep a claim from being held."""
        (found,) = yield (Call(self._statements.all, values),)
        rows = [row(each) for each in found.rows]
        ahead = [each for each in rows if own is None or each.excludes(own)]
        held = [each for each in ahead if not any(other.excludes(each) for other in rows)]
        names = [str(each.process) for each in held] or [f"{each.process}, which waits for it" for each in ahead]
        return list(dict.fromkeys(names))

    def _values(self, claim: Claim, asked: int = 0, clock: int = 0) -> dict[str, object]:
        return {
            # one of 256 counters: names that share one wait for each other while they draw a number, and no longer
            "bucket": digest(claim.name)[0],
            "name": claim.name,
            "number": claim.number,
            "mode": claim.mode,
            "owner": self.renewal.owner,
            "length": self.renewal.length,
            "clock": clock,
            "asked": asked,
            **this_process()._asdict(),
        }


def _stored_name(name: str) -> str:
    """Return a name as it is stored: a long one by its digest."""
    return name if len(name) <= LOCK_LENGTH else f"sha256:{digest(name).hex()}"
