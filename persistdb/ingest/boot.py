"""What a boot of the machine took away: the state of runtimes that was below /run is lost with it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from .. import __version__
from ..records import Machine
from ..runtimes.oci.processes import boot_time
from ..runtimes.trees import is_live_path

if TYPE_CHECKING:
    from ..store.repository import ContainerRepository
    from .observer import Observer

CAUSE: Final = "boot"
"""The cause of a removal: the sandbox was there until its node was booted."""
_VOLATILE: Final = frozenset({"tmpfs", "ramfs"})


class Boot:
    """The present boot of this machine, beside the one in which an import last read its files.

    ``is_new``: they differ. Then what imports found below /run until then is lost, as far as it was in memory
    (tmpfs(5)), also if a sandbox of the same ID is there again. Elsewhere, where /run is on a disk, it is lost if it is
    not there any more. ``removes``: what is lost is to be removed.
    """

    def __init__(self, repository: ContainerRepository, *, removes: bool) -> None:
        self._repository = repository.acting(cause=CAUSE)
        self._removes = removes
        self._is_known = False
        self._left = 0
        self.is_new = False
        self.machine = this_machine()

    def begin(self, observer: Observer) -> None:
        """Find out whether it is new, and remove what is lost, before anything of this boot is stored."""
        if self._is_known:
            return
        self._is_known = True
        last = self._repository.boot_id()
        self.is_new = None not in (last, self.machine.boot_id) and last != self.machine.boot_id
        booted = boot_time()
        if not self.is_new or booted is None:
            return
        before = datetime.fromtimestamp(booted, UTC)
        lost: list[str] = []
        for source in self._repository.sources():
            if is_live_path(source) and _is_volatile(source):
                if self._removes:
                    lost += self._repository.prune(source, before=before)
                else:
                    self._left += len(self._repository.unseen(source, before=before))
        for sid in lost:
            observer.lost(sid)

    def end(self, source: str, at: datetime) -> None:
        """Record that this boot was seen, unless there is something left that is lost, and may yet be removed."""
        if self.is_new and not self._left:
            self._repository.mark_seen((), source=source, at=at, machine=self.machine)


def this_machine() -> Machine:
    """Return what runs on this machine."""
    boot_id = None
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot_id = file.read().strip()
    except (OSError, UnicodeError):
        pass  # no Linux, or no /proc
    return Machine(boot_id=boot_id, kernel=os.uname().release, programs=f"persistdb {__version__}")


def _is_volatile(path: str) -> bool:
    """Return whether a folder is in memory, or missing."""
    try:
        device = os.stat(path).st_dev
    except FileNotFoundError:
        return True
    except OSError:
        return False
    number = f"{os.major(device)}:{os.minor(device)}".encode()
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            # the third field, and the first one behind the dash (proc_pid_mountinfo(5)); blanks in names are escaped
            kinds = (line.partition(b" - ")[2].split()[0] for line in file if line.split()[2] == number)
            return any(kind.decode() in _VOLATILE for kind in kinds)
    except OSError:
        return False
