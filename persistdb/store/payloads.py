"""The JSON payloads that statements return, decoded into records."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec
from whenever import Instant, OffsetDateTime, TimeDelta

from ..errors import NO_ROOTFS, Unreadable
from ..records import Container, ContainerSummary, Sandbox, SandboxState
from . import revisions
from .stored import StoredContainer, StoredSandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..engines import Backend

T = TypeVar("T")


class Decoders(NamedTuple):
    """How the payloads of an engine become records.

    Each raises :class:`~persistdb.errors.Unreadable` for rows that no record can hold; its ``ref`` is empty where the
    payload does not even give the IDs.
    """

    container: Callable[[str], Container]
    stored_container: Callable[[str], StoredContainer]
    summary: Callable[[str], ContainerSummary]
    sandbox: Callable[[str], Sandbox]
    stored_sandbox: Callable[[str], StoredSandbox]


_known: dict[type[Backend], Decoders] = {}


def decoders(backend: Backend) -> Decoders:
    """Return the decoders for an engine's payloads, which all its databases share."""
    kind = type(backend)
    if kind not in _known:
        _known[kind] = _decoders(backend)
    return _known[kind]


def _decoders(backend: Backend) -> Decoders:

    def decoder(kind: type[T]) -> Callable[[str], T]:
        decode = backend.decoder(kind, _start_time)

        def decode_or_name(payload: str) -> T:
            try:
                return decode(payload)
            except (msgspec.DecodeError, RecursionError) as error:
                raise _unreadable(payload, str(error)) from None

        return decode_or_name

    decode_sandbox = decoder(_Sandbox)
    return Decoders(
        container=decoder(Container),
        stored_container=decoder(StoredContainer),
        summary=decoder(ContainerSummary),
        sandbox=lambda payload: _sandbox(decode_sandbox(payload)),
        stored_sandbox=decoder(StoredSandbox),
    )


class _Sandbox(msgspec.Struct):
    host: str
    record: SandboxState
    own_revision: int
    created_at: datetime
    updated_at: datetime
    containers: list[Container]


def _sandbox(payload: _Sandbox) -> Sandbox:
    containers = payload.containers
    return Sandbox(
        host=payload.host,
        record=payload.record,
        containers={container.cid: container for container in containers},
        revision=revisions.of_sandbox(payload.own_revision, (container.revision for container in containers)),
        created_at=payload.created_at,
        updated_at=payload.updated_at,
    )


def _start_time(_kind: type, text: str) -> OffsetDateTime:
    """Put a start time together: ``2019-04-20T07:42:25.123456Z 789 -420``."""
    time, nanoseconds, offset = text.split(" ") if "T" in text else text.replace(" ", "T", 1).split(" ")
    instant = Instant.parse_iso(f"{time[:-1]}{int(nanoseconds):03}Z")
    return instant.to_fixed_offset(_minutes(offset))


@lru_cache
def _minutes(text: str) -> TimeDelta:
    return TimeDelta(minutes=int(text))


class _Name(msgspec.Struct):
    host: str | None = None
    sid: str = ""
    cid: str = ""
    record: msgspec.Raw = msgspec.Raw(b"null")


def _unreadable(payload: str, detail: str) -> Unreadable:
    if "`$.record.Rootfs`" in detail:
        detail = NO_ROOTFS
    try:
        whole = msgspec.json.decode(payload, type=_Name)
        sid = whole.sid or msgspec.json.decode(whole.record, type=_Name).sid
    except (msgspec.DecodeError, RecursionError):
        return Unreadable("", detail)
    return Unreadable(f"{sid}/{whole.cid}" if whole.cid else sid, detail, whole.host)
