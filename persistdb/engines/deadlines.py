"""Deadlines that hold whatever the other side does: a thread ends calls that outlast theirs.

A server that is frozen (SIGSTOP, a stalled disk) accepts what is sent and never answers, and neither the kernel nor the
drivers give up on it. SQLite runs a statement for as long as it takes. So each call in flight is in a set that a thread
looks at, with the timestamp at which it must be over and a way to interrupt it from another thread.

To enter and leave takes no lock, for a get must not notice it: what two threads may do at once is in the order in which
each of them writes and then reads.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger("persistdb")

TICK = 0.25
"""Seconds between two looks at the calls in flight, and so the longest that an interrupt may be late."""
GRACE = 1.0
"""Seconds after its timeout that a statement has to end by itself."""
_FORK_WAITS = 1.0  # seconds; a longer call than that is not waited for


def after(seconds: float) -> float:
    """Return a deadline, as a timestamp of the monotonic clock."""
    return time.monotonic() + seconds


def left(deadline: float) -> float:
    """Return the seconds that are left; 0 if it has passed."""
    return max(0.0, deadline - time.monotonic())


@dataclass(frozen=True)
class Timeouts:
    """Seconds that persistdb waits: for a connection, for a row or file that others hold, for a statement.

    ``statement`` bounds each statement on a server, and on MariaDB all that are sent as one, as for a change of state;
    on SQLite each read, with its wait for the file, and each query of ``sql`` and reports. ``call`` bounds a unit
    of work as a whole (a get, a save, each batch of a bulk save): connecting, waiting, statements and retries end
    within it, whatever the server does.

    ``idle`` is no wait: a connection to a server that nobody used for so long is closed when another is returned to the
    pool, so that a program that is busy now and then keeps one.

    ``lease`` is no wait either: a lock whose holder has not renewed it for so long is over. It is renewed three times
    in that time.
    """

    connect: float = 10.0
    busy: float = 5.0
    statement: float = 30.0
    pool: float = 10.0
    call: float = 30.0
    idle: float = 60.0
    lease: float = 15.0


class InFlight:
    """A call that must be over by its deadline; ``expired`` says afterwards whether it was interrupted."""

    __slots__ = ("deadline", "expired")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.expired = False

    def interrupt(self) -> bool:
        """Make the call fail where it waits, from another thread; return false if it does nothing yet that can be."""
        raise NotImplementedError

    def enter(self) -> None:
        """Begin: from now on the thread looks after it."""
        _calls[self] = threading.get_ident()
        if not _state.passing:
            _state.let_in(self)

    def leave(self) -> None:
        """End: from now on nobody interrupts it."""
        _calls.pop(self, None)
        if self.expired:
            with _state.lock:  # the thread may be just about it
                pass


class Bounded(InFlight):
    """A call that is interrupted by a function: ``with Bounded(deadline, interrupt) as call``."""

    __slots__ = ("_interrupt",)

    def __init__(self, deadline: float, interrupt: Callable[[], None]) -> None:
        super().__init__(deadline)
        self._interrupt = interrupt

    def interrupt(self) -> bool:
        """Call the function."""
        self._interrupt()
        return True

    def __enter__(self) -> Self:
        self.enter()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()


@contextlib.contextmanager
def answered(timeout: float, interrupt: Callable[[], None], too_late: Callable[[str], Exception]) -> Iterator[None]:
    """Interrupt statements that a server should end at their timeout, and does not.

    Raises ``too_late``, the driver's error for statements that take too long, in the place of the error of the
    interrupted one.
    """
    with Bounded(after(timeout + GRACE), interrupt) as call:
        try:
            yield
        except Exception as error:
            if not call.expired:
                raise
            raise too_late(f"no answer within {timeout + GRACE:g} s") from error


_calls: dict[InFlight, int] = {}  # with the thread of each


def in_flight() -> list[InFlight]:
    """Return the calls of this process that are not over."""
    return list(_calls)


class _State:
    """The thread, and whether calls may pass without a look at it."""

    def __init__(self) -> None:
        self.passing = False
        """Whether the thread is awake and nobody forks."""
        self.lock = threading.Lock()
        """Held while calls are interrupted, so that none is over, and its connection another's, meanwhile."""
        self._changed = threading.Condition()
        self._awake = threading.Event()
        self._forking = False
        self._thread: threading.Thread | None = None

    def let_in(self, call: InFlight) -> None:
        """Wake the thread; hold the call back while the process forks."""
        with self._changed:
            # One within another is let in: the process waits for that one to be over before it forks.
            while self._forking and list(_calls.values()).count(_calls[call]) == 1:
                thread = _calls.pop(call)
                self._changed.wait()
                _calls[call] = thread
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="persistdb deadlines", daemon=True)
                self._thread.start()
            self.passing = not self._forking
            self._awake.set()

    def pause(self) -> None:
        """Wait for the calls in flight, and hold new ones back: a library's own locks would stay locked in a child."""
        with self._changed:
            self._forking = True
            self.passing = False
        patience = after(_FORK_WAITS)
        own = threading.get_ident()  # its own calls, of other tasks, wait for this thread
        while any(thread != own for thread in list(_calls.values())) and left(patience):
            time.sleep(0.001)

    def go_on(self) -> None:
        """Let calls pass again."""
        with self._changed:
            self._forking = False
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            self._awake.wait()
            time.sleep(TICK)
            self._look(time.monotonic())
            with self._changed:
                if not _calls:
                    self.passing = False
                    self._awake.clear()
                if _calls and not self._forking:  # one that came in between
                    self.passing = True
                    self._awake.set()

    def _look(self, now: float) -> None:
        for call in list(_calls):
            if call.deadline <= now and not call.expired:
                with self.lock:
                    call.expired = True
                    # it may have left before it could see that
                    interrupted = call in _calls
                    if interrupted and not _interrupted(call):
                        interrupted = call.expired = False
                if interrupted:
                    log.info(
                        "a call had no answer by its deadline and was interrupted, %.1f s later", now - call.deadline
                    )


def _interrupted(call: InFlight) -> bool:
    try:
        return call.interrupt()
    except Exception:  # the thread is for all calls: whatever is wrong with one must not end it
        log.exception("a call that has outlasted its deadline cannot be interrupted")
        return True


_state = _State()


def _start_again() -> None:
    """Forget the parent's thread and calls in a process that was forked."""
    global _state
    _calls.clear()
    _state = _State()


os.register_at_fork(before=lambda: _state.pause(), after_in_parent=lambda: _state.go_on(), after_in_child=_start_again)


def shut_down(descriptor: int) -> None:
    """Shut down a socket by its file descriptor: whoever waits for an answer on it finds the connection closed."""
    import socket  # start-up: commands on a file shut nothing down

    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as twin:
        twin.shutdown(socket.SHUT_RDWR)
