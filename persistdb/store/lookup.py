"""Resolve abbreviated IDs: an exact match wins, else the prefix must be unique.

Pure: nothing here touches a database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from ..errors import Ambiguous, NotFound
from ..filters import ALL_HOSTS, Filter
from ..records import Container
from ..validation import check_text
from .shapes import FilterShape, QueryShape, successor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..db.work import Statement
    from ..filters import Scope
    from .selection import Selects

CANDIDATES: Final = 4
"""The most containers that a question for an abbreviated ID returns: two are enough to refuse it."""


class ContainerIDs(NamedTuple):
    """The IDs of a container."""

    host: str
    sid: str
    cid: str


C = TypeVar("C", Container, ContainerIDs)

_CID, _SID = (FilterShape(key, negated=False, prefix=True, indexed=True, bounded=True) for key in ("cid", "sid"))

# greater than every ID: the last character, more often than an ID is long
_LAST = "\U0010ffff" * 256


def container_query(selects: Selects, scope: Scope, ref: str) -> tuple[Statement, Mapping[str, object]]:
    """Return the query for the containers that ``CID`` or ``SID/CID`` may refer to, and its parameters.

    It selects what the filters of :func:`filters_of` do, which it does not take apart: their shape is known.

    Raises :class:`~persistdb.errors.NotFound` for an empty ID, :class:`~persistdb.errors.InvalidValue`.
    """
    sid, slash, cid = _parts(ref, scope)
    values = {"host": scope.host, "limit": CANDIDATES, "offset": 0, "value0": cid, "end0": _end(cid)}
    if slash:
        shape = QueryShape((_CID, _SID), scope == ALL_HOSTS)
        return selects.page(shape, "sid"), values | {"value1": sid, "end1": _end(sid)}
    return selects.page(QueryShape((_CID,), scope == ALL_HOSTS), "cid"), values


def filters_of(ref: str, scope: Scope) -> list[Filter]:
    """Return the same question as filters."""
    sid, slash, cid = _parts(ref, scope)
    return [Filter("cid", cid, prefix=True), *([Filter("sid", sid, prefix=True)] if slash else [])]


def bounds(ref: str, scope: Scope) -> Mapping[str, str]:
    """Return the parts of ``CID`` or ``SID/CID`` and where the texts with each end: ``cid``, ``cid_end`` and the like.

    Raises :class:`~persistdb.errors.NotFound` for an empty ID, :class:`~persistdb.errors.InvalidValue`.
    """
    sid, slash, cid = _parts(ref, scope)
    return {"cid": cid, "cid_end": _end(cid)} | ({"sid": sid, "sid_end": _end(sid)} if slash else {})


def _parts(ref: str, scope: Scope) -> tuple[str, str, str]:
    check_text(ref)
    sid, slash, cid = ref.rpartition("/")
    if not cid or (slash and not sid):
        raise NotFound("container", ref, scope.host)
    return sid, slash, cid


def one_container(ref: str, candidates: Sequence[C], scope: Scope) -> C:
    """Return the container that an ID refers to, from the candidates that match.

    Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Ambiguous`.
    """
    sid, _, cid = ref.rpartition("/")
    matches = [one for one in candidates if one.sid == sid] or candidates
    matches = [one for one in matches if one.cid == cid] or matches
    if not matches:
        raise NotFound("container", ref, scope.host)
    if len(matches) > 1:
        where = [f" on host {one.host!r}" if scope == ALL_HOSTS else "" for one in matches]
        names = [f"{one.sid}/{one.cid}{at}" for one, at in zip(matches, where, strict=True)]
        raise Ambiguous("container", ref, names, _remedy(sid, cid, matches), len(candidates) >= CANDIDATES)
    return matches[0]


def _remedy(sid: str, cid: str, matches: Sequence[C]) -> str:
    """Say how to name one of several: a whole CID may be in several sandboxes, and SID/CID on several hosts."""
    if any(one.cid != cid for one in matches):
        return "give more of the ID"
    if len({one.sid for one in matches}) == 1:
        return "give the host: --host NAME"
    return "give more of SANDBOX" if sid else "give SANDBOX/CONTAINER"


def named(ref: str) -> list[Filter]:
    """Return the filters for the containers that a name may mean.

    It is a container's name, ``NAMESPACE/POD`` or ``NAMESPACE/POD/CONTAINER``; no filters for what is neither.
    """
    parts = ref.split("/")
    if not all(parts[1:]):
        return []
    if len(parts) == 1:
        return [Filter("name", ref)]
    if len(parts) == 2:
        return [Filter("pod", ref)]
    return [Filter("pod", "/".join(parts[:2])), Filter("name", "/".join(parts[2:]))]


def one_named(ref: str, candidates: Sequence[ContainerIDs], scope: Scope) -> ContainerIDs:
    """Return the container that a name means; a pod's own counts only if it is alone.

    Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Ambiguous`.
    """
    matches = [one for one in candidates if one.cid != one.sid] or candidates
    if len(matches) > 1:
        names = [f"{one.sid}/{one.cid}" for one in matches]
        raise Ambiguous("container", ref, names, "give SANDBOX/CONTAINER", len(candidates) >= CANDIDATES)
    if not matches:
        raise NotFound("container", ref, scope.host)
    return matches[0]


def sandbox_parameters(host: str, ref: str) -> Mapping[str, object]:
    """Return the parameters of the query for the sandboxes that an abbreviated ID may refer to.

    Raises :class:`~persistdb.errors.NotFound` for an empty ID, :class:`~persistdb.errors.InvalidValue`.
    """
    check_text(ref)
    if not ref:
        raise NotFound("sandbox", ref, host)
    return {"host": host, "sid": ref, "sid_end": _end(ref)}


def one_sandbox(ref: str, candidates: Sequence[str], *, host: str) -> str:
    """Return the ID of the sandbox that an abbreviated ID refers to, from the candidates that match.

    Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Ambiguous`.
    """
    matches = [ref] if ref in candidates else candidates
    if not matches:
        raise NotFound("sandbox", ref, host)
    if len(matches) > 1:
        raise Ambiguous("sandbox", ref, matches, has_more=len(candidates) >= CANDIDATES)
    return matches[0]


def _end(prefix: str) -> str:
    return successor(prefix) or _LAST
