"""The JSON documents that the statements give, decoded into records."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec
from whenever import Instant, OffsetDateTime, TimeDelta

from ..errors import Unreadable
from ..records import (
    Container,
    ContainerState,
    ContainerSummary,
    DeviceMap,
    Mount,
    Origin,
    Process,
    Sandbox,
    SandboxState,
)
from . import revisions
from .stored import StoredContainer, StoredSandbox

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
C = TypeVar("C", bound=Container)


class Decoders(NamedTuple):
    """How the documents of an engine become records."""

    container: Callable[[str], Container]
    stored_container: Callable[[str], StoredContainer]
    summary: Callable[[str], ContainerSummary]
    sandbox: Callable[[str], Sandbox]
    stored_sandbox: Callable[[str], StoredSandbox]


def decoders(*, numbered: bool) -> Decoders:
    """Decoders for documents in which lists are arrays, or objects whose keys are numbers."""
    return _NUMBERED if numbered else _PLAIN


def _start_time(_kind: type, text: str) -> OffsetDateTime:
    """Put a start time together: ``2019-04-20T07:42:25.123456Z 789 -420``."""
    moment, nanoseconds, offset = text.split(" ") if "T" in text else text.replace(" ", "T", 1).split(" ")
    instant = Instant.parse_iso(f"{moment[:-1]}{int(nanoseconds):03}Z")
    return instant.to_fixed_offset(TimeDelta(minutes=int(offset)))


def _decoder(kind: type[T]) -> Callable[[str], T]:
    # Not strict: MariaDB's and SQLite's booleans are 1 and 0.
    decode = msgspec.json.Decoder(kind, strict=False, dec_hook=_start_time).decode

    def decode_or_name(document: str) -> T:
        try:
            return decode(document)
        except msgspec.ValidationError as error:
            raise Unreadable(_name_of(document), str(error)) from None

    return decode_or_name


class _Name(msgspec.Struct):
    sid: str = ""
    cid: str = ""
    record: msgspec.Raw = msgspec.Raw(b"null")


def _name_of(document: str) -> str:
    whole = msgspec.json.decode(document, type=_Name)
    sid = whole.sid or msgspec.json.decode(whole.record, type=_Name).sid
    return f"{sid}/{whole.cid}" if whole.cid else sid


# --- lists as arrays


class _Sandbox(msgspec.Struct):
    host: str
    record: SandboxState
    own_revision: int
    created_at: datetime
    updated_at: datetime
    containers: list[Container]


_decode_sandbox = _decoder(_Sandbox)


def _sandbox(found: _Sandbox | _NumberedSandbox, containers: list[Container]) -> Sandbox:
    return Sandbox(
        host=found.host,
        record=found.record,
        containers={container.cid: container for container in containers},
        revision=revisions.of_sandbox(found.own_revision, (container.revision for container in containers)),
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


def _plain_sandbox(document: str) -> Sandbox:
    found = _decode_sandbox(document)
    return _sandbox(found, found.containers)


_decode_summary = _decoder(ContainerSummary)
_PLAIN = Decoders(
    _decoder(Container), _decoder(StoredContainer), _decode_summary, _plain_sandbox, _decoder(StoredSandbox)
)


# --- lists as objects: children by position, the rootfs among the mounts, and containers by the ids of their rows


class _Record(msgspec.Struct):
    state: str = msgspec.field(name="State")
    cgroup_path: str = msgspec.field(name="CgroupPath")
    bundle_path: str = msgspec.field(name="BundlePath")
    device_maps: dict[int, DeviceMap] | None = msgspec.field(name="DeviceMaps")
    mounts: dict[int, Mount] = msgspec.field(name="Mounts")
    processes: dict[int, Process] | None = msgspec.field(name="Process")


class _NumberedContainer(msgspec.Struct):
    id: int
    sandbox_id: int
    host: str
    sid: str
    cid: str
    record: _Record
    revision: int
    origin: Origin
    created_at: datetime
    updated_at: datetime

    def container(self) -> Container:
        return self._made(Container)

    def stored(self) -> StoredContainer:
        return self._made(StoredContainer, id=self.id, sandbox_id=self.sandbox_id)

    def _made(self, kind: Callable[..., C], **ids: int) -> C:
        found = self.record
        if 0 not in found.mounts:
            raise Unreadable(f"{self.sid}/{self.cid}", "no root file system")
        rootfs, *mounts = _in_order(found.mounts)
        return kind(
            **ids,
            host=self.host,
            sid=self.sid,
            cid=self.cid,
            record=ContainerState(
                state=found.state,
                rootfs=rootfs,
                cgroup_path=found.cgroup_path,
                bundle_path=found.bundle_path,
                device_maps=_in_order(found.device_maps),
                mounts=mounts,
                processes=_in_order(found.processes),
            ),
            revision=self.revision,
            origin=self.origin,
            created_at=self.created_at,
            updated_at=self.updated_at,
        )


class _NumberedSandbox(msgspec.Struct):
    id: int
    host: str
    record: SandboxState
    own_revision: int
    created_at: datetime
    updated_at: datetime
    containers: dict[int, _NumberedContainer] | None

    def by_cid(self) -> list[_NumberedContainer]:
        return sorted((self.containers or {}).values(), key=lambda container: container.cid)


def _in_order(children: dict[int, T] | None) -> list[T]:
    return [children[position] for position in sorted(children)] if children else []


_decode_container = _decoder(_NumberedContainer)
_decode_numbered = _decoder(_NumberedSandbox)


def _numbered_sandbox(document: str) -> Sandbox:
    found = _decode_numbered(document)
    return _sandbox(found, [one.container() for one in found.by_cid()])


def _numbered_stored(document: str) -> StoredSandbox:
    found = _decode_numbered(document)
    return StoredSandbox(
        id=found.id,
        record=found.record,
        own_revision=found.own_revision,
        updated_at=found.updated_at,
        containers=[one.stored() for one in found.by_cid()],
    )


_NUMBERED = Decoders(
    lambda document: _decode_container(document).container(),
    lambda document: _decode_container(document).stored(),
    _decode_summary,
    _numbered_sandbox,
    _numbered_stored,
)
