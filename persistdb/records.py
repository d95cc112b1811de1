"""The records that users hold: the state of containers and sandboxes, as plain typed values.

Fields follow Kata's Go structs one for one, in snake case; their JSON names are Go's (``virtcontainers/persist/api`` of
kata-containers/runtime at commit 196661bc, and of kata-containers/kata-containers for ``Shared``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec
from whenever import OffsetDateTime

from .serialization import Record, offset_time

KnownState: TypeAlias = Literal["ready", "running", "paused", "stopped"]
"""The states that Kata calls valid, for type checkers and editors."""

if TYPE_CHECKING:
    State: TypeAlias = KnownState | str
    """Any text; editors offer the states that Kata calls valid."""
else:
    State = str  # msgspec takes no union of both

STATES = frozenset({"ready", "running", "paused", "stopped"})
"""The states that Kata calls valid. Files hold others too (``""`` above all), so records accept any text."""

TRANSITIONS = frozenset(
    {
        ("ready", "running"),
        ("ready", "stopped"),
        ("running", "paused"),
        ("running", "stopped"),
        ("paused", "running"),
        ("paused", "stopped"),
        ("stopped", "running"),
    }
)
"""The transitions that Kata allows (``virtcontainers/types/sandbox.go``)."""

# Where a mode keeps the file's kind and the special permissions: bits 19 to 31 of Go's os.FileMode
# (go.dev/src/io/fs/fs.go), bits 9 to 15 of a POSIX mode (inode(7)). Counted from 0, because the views shift by them.
GO_KIND_BITS: Final = {
    31: "directory",
    27: "symlink",
    25: "fifo",
    24: "socket",
    21: "char",  # before 26: a character device has both bits
    26: "block",
    19: "irregular",
}
"""The kind that each bit of Go's ``os.FileMode`` stands for; the first one that is set decides."""
POSIX_KIND_SHIFT: Final = 12
POSIX_KINDS: Final = {1: "fifo", 2: "char", 4: "directory", 6: "block", 8: "regular", 10: "symlink", 12: "socket"}
"""The kind of a POSIX mode, by ``mode >> POSIX_KIND_SHIFT & 0xF``."""
SPECIAL_BITS: Final = {"setuid": (23, 11), "setgid": (22, 10), "sticky": (20, 9)}
"""The bit of each special permission in Go's mode and in POSIX's."""
GO_LOWEST_BIT: Final = 19
"""The lowest bit that Go uses above the nine of rwx; POSIX modes end below it."""
POSIX_ONLY: Final = 0o177000
"""Bits that Go never sets: a mode with any of them, and none from :data:`GO_LOWEST_BIT` on, is POSIX."""


class DeviceMap(Record, frozen=True, kw_only=True):
    """One host device made visible inside a container.

    ``file_mode`` is the raw uint32 of the file: Go's ``os.FileMode`` or plain POSIX bits, whichever the runtime was
    given (``oci/utils.go`` copies it untouched). ``shared`` exists in files from Kata 3.28 on.
    """

    id: str = msgspec.field(name="ID", default="")
    container_path: str = msgspec.field(name="ContainerPath", default="")
    file_mode: int = msgspec.field(name="FileMode", default=0)
    uid: int = msgspec.field(name="UID", default=0)
    gid: int = msgspec.field(name="GID", default=0)
    shared: bool = msgspec.field(name="Shared", default=False)

    @property
    def permissions(self) -> int:
        """The twelve permission bits (setuid, setgid, sticky, rwx), whichever way the mode was written."""
        if self._is_posix():
            return self.file_mode & 0o7777
        special = sum((self.file_mode >> go & 1) << posix for go, posix in SPECIAL_BITS.values())
        return self.file_mode & 0o777 | special

    @property
    def kind(self) -> str | None:
        """``block``, ``char``, ``fifo``, ``socket``, ``directory``, ``symlink``, ``regular``, ``irregular``.

        ``None`` when the mode has permission bits only, as most OCI configurations write it.
        """
        if self._is_posix():
            return POSIX_KINDS.get(self.file_mode >> POSIX_KIND_SHIFT & 0xF)
        return next((kind for bit, kind in GO_KIND_BITS.items() if self.file_mode >> bit & 1), None)

    def _is_posix(self) -> bool:
        return self.file_mode & POSIX_ONLY != 0 and self.file_mode >> GO_LOWEST_BIT == 0


class Mount(Record, frozen=True, kw_only=True):
    """One mount of a container; the rootfs is a mount too.

    ``options`` is ``None`` where Go had a nil slice (``null``) and ``[]`` where it had an empty one: files tell them
    apart. ``mounted`` is in the files of commit 196661bc only.
    """

    source: str = msgspec.field(name="Source", default="")
    destination: str = msgspec.field(name="Destination", default="")
    type: str = msgspec.field(name="Type", default="")
    options: list[str] | None = msgspec.field(name="Options", default=None)
    host_path: str = msgspec.field(name="HostPath", default="")
    block_device_id: str = msgspec.field(name="BlockDeviceID", default="")
    read_only: bool = msgspec.field(name="ReadOnly", default=False)
    mounted: bool = msgspec.field(name="Mounted", default=False)


class Process(Record, frozen=True, kw_only=True, eq=False):
    """One process that stands for a container.

    ``pid`` is an int64: -1 is what Kata 2.0 and later write, 0 means that there is none yet. ``start_time`` keeps
    nanoseconds and the UTC offset; ``None`` is Go's zero time. A ``datetime`` with its time zone is taken as well.

    Raises :class:`~persistdb.errors.InvalidValue` for a ``datetime`` without one.
    """

    token: str = msgspec.field(name="Token", default="")
    pid: int = msgspec.field(name="Pid", default=0)
    start_time: OffsetDateTime | None = msgspec.field(name="StartTime", default=None)

    if TYPE_CHECKING:

        def __init__(
            self, *, token: str = "", pid: int = 0, start_time: OffsetDateTime | datetime | None = None
        ) -> None: ...

    def __post_init__(self) -> None:
        if isinstance(self.start_time, datetime):
            msgspec.structs.force_setattr(self, "start_time", offset_time(self.start_time))

    # ``==`` of OffsetDateTime compares instants; two records are equal only if the offset that was written is, too.
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Process):
            return NotImplemented
        mine, theirs = self.start_time, other.start_time
        same_start = mine is theirs if mine is None or theirs is None else mine.strict_eq(theirs)
        return same_start and self.pid == other.pid and self.token == other.token

    # Without it msgspec's own would compare identities.
    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.token, self.pid, self.start_time))


class ContainerState(Record, frozen=True, kw_only=True):
    """The state that a runtime must remember of one container.

    ``state`` is any text: :data:`STATES` are the ones that Kata calls valid.
    """

    state: State = msgspec.field(name="State", default="")
    rootfs: Mount = msgspec.field(name="Rootfs", default_factory=Mount)
    cgroup_path: str = msgspec.field(name="CgroupPath", default="")
    device_maps: list[DeviceMap] = msgspec.field(name="DeviceMaps", default_factory=list)
    mounts: list[Mount] = msgspec.field(name="Mounts", default_factory=list)
    processes: list[Process] = msgspec.field(name="Process", default_factory=list)
    bundle_path: str = msgspec.field(name="BundlePath", default="")


class SandboxState(Record, frozen=True, kw_only=True):
    """The state that a runtime must remember of one sandbox, a pod's virtual machine.

    ``document`` is the sandbox's own JSON, verbatim: persist.json's text, or for the old four-file stores one object
    with a key for each file (``{"state.json": …, "devices.json": …}``). ``layout`` names the on-disk shape it came in.
    """

    sid: str
    state: State = ""
    persist_version: int | None = None
    cgroup_path: str = ""
    document: str | None = None
    layout: str = ""


class Origin(Record, frozen=True, kw_only=True):
    """The rest of a container's file, beside the record, so that it can be written back as it was.

    ``extra`` is a JSON object of the keys that persistdb does not know. ``document`` is the file's whole text, kept
    only where the record and ``extra`` do not give the same bytes. ``namespace`` is the one of containerd that the
    container is in, or empty.
    """

    layout: str = ""
    extra: str | None = None
    document: str | None = None
    namespace: str = ""


class Container(Record, frozen=True, kw_only=True):
    """A stored container: the record, its host and IDs, and its revision.

    ``revision`` grows by one with each change; a ``save`` with it raises Conflict after a change made in between.
    """

    host: str
    sid: str
    cid: str
    record: ContainerState
    revision: int
    origin: Origin
    created_at: datetime
    updated_at: datetime


class ContainerSummary(Record, frozen=True, kw_only=True):
    """A container as a list shows it.

    ``pid`` is the first process's, ``None`` without one; ``mounts`` and ``devices`` say how many there are, without the
    rootfs. ``pod`` is ``NAMESPACE/NAME``; it and the other names are empty where the runtime's files do not tell them.
    """

    host: str
    sid: str
    cid: str
    state: State
    pid: int | None
    mounts: int
    devices: int
    bundle_path: str
    cgroup_path: str
    runtime: str = "kata"
    namespace: str = ""
    pod: str = ""
    container_name: str = ""
    image: str = ""
    revision: int
    created_at: datetime
    updated_at: datetime


class Sandbox(Record, frozen=True, kw_only=True):
    """A stored sandbox, with its containers by ``cid``.

    ``revision`` grows with each change of the sandbox or of any of its containers.
    """

    host: str
    record: SandboxState
    containers: dict[str, Container]
    revision: int
    created_at: datetime
    updated_at: datetime


class TextChange(Record, frozen=True, kw_only=True):
    """A text of a container, before a change and after it.

    ``field`` is ``state``, ``bundle_path``, ``cgroup_path``, or of the origin ``layout``, ``extra`` or ``document``.
    """

    field: str
    old: str | None
    new: str | None


class Changes(Record, frozen=True, kw_only=True):
    """What differs in a version of a container from the one before.

    The root file system is among the mounts. What was changed within a list was removed, and added.
    """

    texts: list[TextChange] = msgspec.field(default_factory=list)
    mounts_removed: list[Mount] = msgspec.field(default_factory=list)
    mounts_added: list[Mount] = msgspec.field(default_factory=list)
    devices_removed: list[DeviceMap] = msgspec.field(default_factory=list)
    devices_added: list[DeviceMap] = msgspec.field(default_factory=list)
    processes_removed: list[Process] = msgspec.field(default_factory=list)
    processes_added: list[Process] = msgspec.field(default_factory=list)


class Version(Record, frozen=True, kw_only=True):
    """A container as it was from ``valid_from`` on, and before ``valid_to``, which is ``None`` while it is so.

    ``changes`` says what differs from the version before, which a container's first one has not, nor the first that is
    kept. ``removed``: the container was removed at ``valid_to``.
    """

    container: Container
    valid_to: datetime | None
    removed: bool
    changes: Changes

    @property
    def valid_from(self) -> datetime:
        """When the version began."""
        return self.container.updated_at


EVENT_KINDS: Final = ("created", "changed", "state", "removed", "gap")
"""What happens to a sandbox or container; ``state``: nothing but its state was changed."""


class Event(Record, frozen=True, kw_only=True):
    """Something that happened to a container, or, where ``cid`` is ``None``, to the sandbox itself.

    Without a ``sid`` it is about the host: a ``gap``, in which changes from ``began_at`` until ``at`` may be missing.

    ``kind`` is one of :data:`EVENT_KINDS`, ``revision`` the one after it, ``cause`` what changed it: ``api``,
    ``import``, ``watch``, ``boot``, ``transition``, ``rm``, ``upgrade``. ``actor`` and ``reason`` are what the caller
    gave. ``cursor`` is the event's place in the feed.
    """

    cursor: str
    id: int
    host: str
    sid: str | None
    cid: str | None
    kind: str
    revision: int
    at: datetime
    old_state: State | None
    new_state: State | None
    cause: str
    actor: str | None
    reason: str | None
    began_at: datetime | None = None


class Machine(Record, frozen=True, kw_only=True):
    """What runs on a host: the kernel's boot ID and release, and the programs that read its files, as text."""

    boot_id: str | None = None
    kernel: str | None = None
    programs: str | None = None


class SandboxWrite(Record, frozen=True, kw_only=True):
    """A sandbox to store.

    Without a ``record`` the sandbox's own values stay as they are, and without ``containers`` its containers do. With
    ``containers``, also with an empty mapping, all others are removed but the ones in ``keep``. ``origins`` belong to
    the containers that were read from files. With a ``revision`` the sandbox must still be at it (0: it must not exist
    yet).
    """

    sid: str
    record: SandboxState | None = None
    containers: Mapping[str, ContainerState] | None = None
    origins: Mapping[str, Origin] = msgspec.field(default_factory=dict)
    keep: frozenset[str] = frozenset()
    revision: int | None = None


class AuditFinding(Record, frozen=True, kw_only=True):
    """A thing in which a host differs from its records.

    ``subject`` tells it from the other findings of its ``check`` on the host: a path, a process, a device. ``recorded``
    is what the record says, ``observed`` what is on the node, ``advice`` what an operator does about it. ``began_at``
    is since when it is so by the record, ``None`` where that does not say.
    """

    check: str
    subject: str
    recorded: str
    observed: str
    advice: str
    sid: str | None = None
    cid: str | None = None
    began_at: datetime | None = None


class AuditRun(Record, frozen=True, kw_only=True):
    """A comparison of a host with its records: the ``checks`` that were made, and when.

    ``roots`` says where the host's file systems were mounted (``root``, ``proc``, ``sys``), ``None`` for the machine's
    own.
    """

    started_at: datetime
    finished_at: datetime
    checks: list[str]
    roots: dict[str, str] | None = None
    boot_id: str | None = None


class StoredFinding(Record, frozen=True, kw_only=True):
    """A finding as it is stored: when audits first and last found it, and how often it appeared.

    ``gone_at`` is when a run with its check first missed it; ``None`` while it is found.
    """

    finding: AuditFinding
    first_seen: datetime
    last_seen: datetime
    times_seen: int
    gone_at: datetime | None


class PastHolder(Record, frozen=True, kw_only=True):
    """A removed container, or where ``cid`` is ``None`` a removed sandbox, that had ``what``: a path, or its own ID."""

    what: str
    sid: str
    cid: str | None
    removed_at: datetime
