"""Patience with a server that is away, for a restart or a failover: connecting is tried until a call's time is over.

It is the server that is waited for, and time that bounds it: units of work that run again count their attempts.
"""

from __future__ import annotations

import logging
import math
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from . import waiting
from .deadlines import left
from .liveness import deadline_of_checkout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Engine

    from .failures import ErrorRule

log = logging.getLogger("persistdb")

# The first pause between two attempts, and the longest, in seconds: a server that is back is found soon, and is not
# met by all its agents at once.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0

_TIMES = frozenset({"connect_timeout", "read_timeout"})


class Absence(NamedTuple):
    """A server that is away: since when somebody has been waiting for it, of the monotonic clock, and its last word."""

    since: float
    error: BaseException


# What threads and tasks that are connecting wait for.
_absences: dict[object, tuple[Engine, Absence]] = {}
# the parent's threads do not go on in its child
os.register_at_fork(after_in_child=_absences.clear)


def absence(engine: Engine) -> Absence | None:
    """Return why somebody is waiting for the engine's server, and since when; ``None`` if nobody is."""
    found = [each for of, each in list(_absences.values()) if of.pool is engine.pool]
    return min(found, key=lambda each: each.since, default=None)


def connect_patiently(
    engine: Engine,
    name: str,
    rule: Callable[[BaseException], ErrorRule | None],
    call: float,
    most: float | None = None,
    *,
    hosts: int = 1,
) -> None:
    """Try to connect again, with pauses that grow, after errors of a server that may be back: by the errors' ``rule``.

    ``name`` is the database's for the log.

    It ends at the deadline of the call that connects, else after ``call`` seconds, and after ``most`` seconds in any
    case. An attempt has no more time than is left, which it shares out among the ``hosts`` that it goes through.
    """
    dialect: Any = engine.dialect
    connect = dialect.connect

    def connect_again(*arguments: Any, **parameters: Any) -> Any:
        attempt = object()
        began = time.monotonic()
        end = min(deadline_of_checkout() or began + call, began + (call if most is None else most))
        pause = _FIRST_PAUSE
        try:
            while True:
                try:
                    return connect(*arguments, **_in_time(parameters, left(end) / hosts))
                except dialect.loaded_dbapi.Error as error:
                    found = rule(error)
                    if found is None or not found.away or left(end) <= pause:
                        raise
                    if attempt not in _absences:
                        log.info("%s: the server is away; connecting again and again", name)
                    log.debug("%s: connecting again after an error: %s", name, " ".join(str(error).split()))
                    _absences[attempt] = engine, Absence(began, error)
                waiting.pause(waiting.half_or_more(pause))
                pause = min(pause * 2, _LONGEST_PAUSE)
        finally:
            _absences.pop(attempt, None)

    # a listener of do_connect would be the last that is heard
    dialect.connect = connect_again


def _in_time(parameters: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    most = max(1, math.ceil(seconds))
    return {name: min(value, most) if name in _TIMES else value for name, value in parameters.items()}
