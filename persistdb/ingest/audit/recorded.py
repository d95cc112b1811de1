"""What the records say of a host, read once for an audit."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

import msgspec

from ...documents import SandboxDocument
from ...runtimes.known import runtime_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from ...errors import Unreadable
    from ...records import Container, PastHolder, Sandbox
    from ...store.audits import SeenSandbox
    from ...store.repository import ContainerRepository
    from ...virtual_machines import SandboxDevice

IN_USE = frozenset({"running", "paused"})
"""The states in which a container has processes."""
STOPPED = "stopped"
KATA: Final[Sequence[str]] = ("kata",)

_SLACK: Final = timedelta(seconds=60)
"""What an import took, and a follower waits, between the look at a folder and the time that is noted."""
_SHORT: Final = 32
"""Characters of an ID that Firecracker gets (``truncateID`` of virtcontainers/fc.go of kata-containers)."""


def vm_names(sid: str) -> set[str]:
    """Return the names that a sandbox's hypervisor may have in its arguments."""
    return {sid, sid[:_SHORT]}


@dataclass(frozen=True)
class Pod:
    """A sandbox, with what its own document says of its VM and devices, and where its files were last found."""

    sandbox: Sandbox
    runtime: str
    hypervisor: int | None
    devices: Sequence[SandboxDevice]
    seen: SeenSandbox | None

    @property
    def sid(self) -> str:
        """The sandbox's ID."""
        return self.sandbox.record.sid

    @property
    def is_running(self) -> bool:
        """Whether the sandbox or one of its containers is recorded as running."""
        states = {one.record.state for one in self.sandbox.containers.values()}
        return self.sandbox.record.state in IN_USE or not states.isdisjoint(IN_USE)

    def folders(self) -> dict[str, str | None]:
        """Return the folders that hold the files, below where they were last found, each with its container.

        Kata has one for each sandbox, without a container here; the others have one for each container.
        """
        if self.seen is None:
            return {}
        if self.runtime in KATA:
            return {posixpath.join(self.seen.source, self.sid): None}
        cids = sorted(self.sandbox.containers)
        return {posixpath.join(self.seen.source, cid.rpartition(":")[2]): cid for cid in cids}


@dataclass
class Recorded:
    """The records of one host."""

    repository: ContainerRepository
    pods: dict[str, Pod] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)
    read_at: datetime | None = None

    @classmethod
    def read(cls, repository: ContainerRepository) -> Recorded:
        """Read them: a statement for each hundred sandboxes, and two more."""
        boot, seen = repository.seen()
        of = {one.sid: one for one in seen}
        found = cls(repository)
        if boot is not None:
            found.read_at = boot.last_seen
        for sandbox in repository.load_sandboxes(on_unreadable=found.unreadable.append):
            document, sid = SandboxDocument(sandbox.record.document), sandbox.record.sid
            pid, devices = document.virtual_machine.hypervisor_pid, document.devices
            found.pods[sid] = Pod(sandbox, runtime_of(sandbox).name, pid, devices, of.get(sid))
        return found

    @cached_property
    def _seen(self) -> Mapping[str, datetime]:
        """When the files of each runtime, and those in each folder, were last read."""
        found: dict[str, datetime] = {}
        for pod in self.pods.values():
            if pod.seen is not None:
                for name in (pod.runtime, pod.seen.source):
                    found[name] = max(pod.seen.seen_at, found.get(name, pod.seen.seen_at))
        return found

    def is_complete(self, runtimes: Sequence[str]) -> bool:
        """Return whether what runs under these runtimes would have a record: imports read their files, or made none.

        Records that no import made are those of a program that writes them itself.
        """
        return self.read_at is None or not self._seen.keys().isdisjoint(runtimes)

    def is_young(self, seconds: float | None, of: Sequence[str]) -> bool:
        """Return whether what came at a time, in seconds since 1970, has yet to be imported.

        ``of`` are runtimes, or the folder that it is in. When files were last read is told by their sandboxes: the
        host's own time is that of any of its folders.
        """
        read_at = max((self._seen[name] for name in of if name in self._seen), default=self.read_at)
        return seconds is not None and read_at is not None and seconds >= (read_at - _SLACK).timestamp()

    def containers(self) -> Iterator[tuple[Pod, Container]]:
        """Yield each container with its sandbox."""
        for pod in self.pods.values():
            for container in pod.sandbox.containers.values():
                yield pod, container

    def ids(self) -> set[str]:
        """Return all IDs of sandboxes and containers; one that is qualified by a namespace is there without it, too."""
        found = {container.cid for _, container in self.containers()} | self.pods.keys()
        return found | {name.rpartition(":")[2] for name in found}

    def is_readable(self, sid: str) -> bool:
        """Return whether the records of a sandbox could be read."""
        return all(one.sid != sid for one in self.unreadable)

    def holders(self, paths: Mapping[str, object] | set[str]) -> dict[str, PastHolder]:
        """Return the removed container that had each path last."""
        found: dict[str, PastHolder] = {}
        for one in self.repository.past_holders(paths=list(paths)):
            if one.what not in found or found[one.what].removed_at < one.removed_at:
                found[one.what] = one
        return found

    def removed(self, sids: set[str]) -> dict[str, datetime]:
        """Return when sandboxes were last removed."""
        found: dict[str, datetime] = {}
        for one in self.repository.past_holders(sids=sids):
            found[one.sid] = max(one.removed_at, found.get(one.sid, one.removed_at))
        return found


class _RuncState(msgspec.Struct):
    init_process_start: int | str | None = None


class _CrunStatus(msgspec.Struct, rename={"start": "process-start-time"}):
    start: int | None = None


class _Joined(msgspec.Struct, rename={"runc": "state.json", "crun": "status"}):
    runc: _RuncState | None = None
    crun: _CrunStatus | None = None


_decoder = msgspec.json.Decoder(_Joined)


def ticks_of(container: Container) -> int | None:
    """Return when a container's process started, in clock ticks since the boot, where its runtime's file says so."""
    try:
        files = _decoder.decode(container.origin.document or "{}")
        start = files.runc.init_process_start if files.runc else files.crun.start if files.crun else None
        return int(start) if start else None
    except (msgspec.DecodeError, ValueError):
        return None
