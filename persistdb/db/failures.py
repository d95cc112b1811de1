"""What an error of the driver means for a unit of work: which of ours it is, and whether to run the work again."""

from __future__ import annotations

import errno
import sys
from typing import TYPE_CHECKING, Any

from ..engines.failures import CommitInterrupted
from ..engines.plain import AllInUse
from ..errors import AccessDenied, Busy, DatabaseError, ReadOnly, StorageFull, Unavailable

if TYPE_CHECKING:
    from ..engines import Backend
    from ..errors import PersistDBError


class Stale(Exception):
    """A unit of work is to be run again from its start: mostly, others changed a row that it had read."""


class Lost(Exception):
    """The connection was lost before the commit, with the driver's ``error``."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


class CommitLost(Lost):
    """The connection was lost during a commit; ``result`` is the work's."""

    def __init__(self, result: Any, error: BaseException) -> None:
        super().__init__(error)
        self.result = result


def translated(error: BaseException, backend: Backend, url: str) -> PersistDBError:
    """Translate an exception of SQLAlchemy, the driver or the system into ours."""
    if waited_in_vain(error):
        return Busy(url, "all connections of this process are in use")
    if isinstance(error, OSError):
        kinds = {errno.ENOSPC: StorageFull, errno.EROFS: ReadOnly, errno.EACCES: AccessDenied}
        return kinds.get(error.errno or 0, Unavailable)(url, str(error))
    cause = cause_of(error)
    rule = backend.rule(cause)
    detail = backend.detail(cause)
    if rule is not None:
        return rule.error(url, detail)
    return (Unavailable if lost_connection(error) else DatabaseError)(url, detail)


def may_succeed_if_repeated(error: BaseException, backend: Backend, waited: float, busy: float) -> bool:
    """Return whether work that failed with this after ``waited`` seconds may well succeed if it is run again."""
    if isinstance(error, OSError):
        return False
    if lost_connection(error):
        return True
    rule = backend.rule(cause_of(error))
    if rule is None or not rule.retry:
        return False
    # A lock that was waited for in vain is no clash: it would be waited for as long again.
    return not (rule.waits and waited >= busy)


def is_away(error: BaseException, backend: Backend) -> bool:
    """Return whether a server refuses statements just now, and is to be waited for."""
    rule = backend.rule(cause_of(error))
    return rule is not None and rule.away and rule.retry


def cause_of(error: BaseException) -> BaseException:
    """Return the driver's own exception, which SQLAlchemy's and ours wrap."""
    return error.error if isinstance(error, (Lost, CommitInterrupted)) else getattr(error, "orig", None) or error


def lost_connection(error: BaseException) -> bool:
    """Return whether the connection was lost with an error."""
    return isinstance(error, Lost) or bool(getattr(error, "connection_invalidated", False))  # SQLAlchemy's DBAPIError


def waited_in_vain(error: BaseException) -> bool:
    """Return whether all connections of the pool were in use for too long."""
    if isinstance(error, AllInUse):
        return True
    if "sqlalchemy" not in sys.modules:
        return False
    from sqlalchemy.exc import TimeoutError as PoolTimeout

    return isinstance(error, PoolTimeout)
