"""Which container or sandbox somebody means: a whole ID first, then the beginning of one that no other has.

Pure: nothing here touches a database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Ambiguous, NotFound
from ..validation import check_text
from .selection import successor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..db.connection import Statement
    from ..records import Container
    from .statements import Statements

# greater than every ID: the last character, more often than an ID is long
_LAST = "\U0010ffff" * 256


def container(
    statements: Statements, host: str, ref: str, *, all_hosts: bool
) -> tuple[Statement, Mapping[str, object]]:
    """The statement that gives those whom ``CID`` or ``SID/CID`` may mean, and its parameters.

    Raises :class:`~persistdb.errors.NotFound` for no ID at all, :class:`~persistdb.errors.InvalidValue`.
    """
    check_text(ref)
    sid, slash, cid = ref.rpartition("/")
    if not cid or (slash and not sid):
        raise NotFound("container", ref, host)
    if slash:
        statement = statements.look_up_in_sandboxes if all_hosts else statements.look_up_in_sandbox
    else:
        statement = statements.look_up_everywhere if all_hosts else statements.look_up
    return statement, {"host": host, "sid": sid, "sid_end": _end(sid), "cid": cid, "end": _end(cid)}


def one_container(ref: str, found: Sequence[Container], *, host: str | None) -> Container:
    """The one that is meant; raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Ambiguous`."""
    sid, _, cid = ref.rpartition("/")
    wanted = [one for one in found if one.sid == sid] or found
    wanted = [one for one in wanted if one.cid == cid] or wanted
    if not wanted:
        raise NotFound("container", ref, host)
    if len(wanted) > 1:
        where = [f" on host {one.host!r}" if host is None else "" for one in wanted]
        raise Ambiguous("container", ref, [f"{one.sid}/{one.cid}{at}" for one, at in zip(wanted, where, strict=True)])
    return wanted[0]


def sandbox(host: str, ref: str) -> Mapping[str, object]:
    """The parameters of the statement that gives those that ``SID`` may mean.

    Raises :class:`~persistdb.errors.NotFound` for no ID at all, :class:`~persistdb.errors.InvalidValue`.
    """
    check_text(ref)
    if not ref:
        raise NotFound("sandbox", ref, host)
    return {"host": host, "sid": ref, "sid_end": _end(ref)}


def one_sandbox(ref: str, found: Sequence[str], *, host: str) -> str:
    """The one that is meant; raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Ambiguous`."""
    wanted = [ref] if ref in found else found
    if not wanted:
        raise NotFound("sandbox", ref, host)
    if len(wanted) > 1:
        raise Ambiguous("sandbox", ref, wanted)
    return wanted[0]


def _end(beginning: str) -> str:
    return successor(beginning) or _LAST
