"""What a node shows of itself: its processes, mounts, devices and folders. Everything here only reads.

Processes are read without psutil: it tells a start in seconds since 1970, which moves when the clock is set, and not in
the clock ticks that runtimes keep, and its ``PROCFS_PATH`` is one for the whole program.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ...errors import FileError
from ...runtimes.folders import printable_path
from .mountinfo import BadMountInfo, Mounts, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

_GONE = "ZX"  # zombie, dead (proc_pid_stat(5))
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}


@dataclass(frozen=True)
class Roots:
    """Where the node's file systems are mounted: ``/``, ``/proc`` and ``/sys`` for the machine's own."""

    root: str = "/"
    proc: str = "/proc"
    sys: str = "/sys"

    def others(self) -> dict[str, str] | None:
        """Return the ones that are not the machine's own; ``None`` if all are."""
        own = Roots()
        given = {"root": self.root, "proc": self.proc, "sys": self.sys}
        return {name: path for name, path in given.items() if path != getattr(own, name)} or None


class Process(NamedTuple):
    """A process: its start in clock ticks since the boot, and its name, of which the kernel keeps 15 bytes."""

    pid: int
    state: str
    ticks: int
    name: str

    @property
    def is_alive(self) -> bool:
        """Whether it runs, and only its parent has not noticed that it ended otherwise."""
        return self.state not in _GONE


class Node:
    """A node, as it is while an audit runs: what was read once is kept."""

    def __init__(self, roots: Roots = Roots()) -> None:
        self.roots = roots
        self._sees_processes = False

    # --- processes

    def process(self, pid: int) -> Process | None:
        """Return a process; ``None`` if there is none with this ID.

        Raises :class:`~persistdb.errors.FileError` where processes cannot be seen, not even the first one.
        """
        self._see_processes()
        data = _read(os.path.join(self.roots.proc, str(pid), "stat")) if pid > 0 else None
        # the name in parentheses may hold anything, so fields are counted behind the last one
        before, _, rest = (data or b"").rpartition(b")")
        try:
            state, *fields = rest.split()
            name = os.fsdecode(before.partition(b"(")[2])
            return Process(pid, state.decode("ascii"), int(fields[18]), printable_path(name))
        except (ValueError, IndexError):
            return None

    def _see_processes(self) -> None:
        if not self._sees_processes:
            path = os.path.join(self.roots.proc, "1", "stat")
            if _read(path) is None:
                raise FileError(path, "the node's processes cannot be seen: /proc is elsewhere, or hides them")
            self._sees_processes = True

    def processes(self) -> Iterator[Process]:
        """Yield all processes; raises :class:`~persistdb.errors.FileError` if they cannot be seen."""
        self._see_processes()
        for name in sorted(filter(str.isdigit, self._list(self.roots.proc)), key=int):
            process = self.process(int(name))
            if process is not None:
                yield process

    def arguments(self, pid: int) -> list[str]:
        """Return the command line of a process; empty if it has none, or has ended."""
        data = _read(os.path.join(self.roots.proc, str(pid), "cmdline")) or b""
        return [printable_path(os.fsdecode(word)) for word in data.split(b"\0")]

    def open_files(self, pid: int) -> list[str]:
        """Return the paths of the files that a process has open; empty if it has ended.

        Raises :class:`~persistdb.errors.FileError` if they cannot be seen.
        """
        folder = os.path.join(self.roots.proc, str(pid), "fd")
        found = []
        try:
            for name in os.listdir(folder):
                try:
                    found.append(os.readlink(os.path.join(folder, name)))
                except FileNotFoundError:
                    continue  # closed meanwhile
        except (FileNotFoundError, ProcessLookupError):
            pass
        except OSError as error:
            raise FileError(folder, _reason(error)) from None
        return found

    def is_nested(self, pid: int) -> bool:
        """Return whether a process is in a PID namespace of its own, as those of a node within a container are."""
        lines = (_read(os.path.join(self.roots.proc, str(pid), "status")) or b"").splitlines()
        pids = next((line.split()[1:] for line in lines if line.startswith(b"NSpid:")), [])
        return len(pids) > 1

    @cached_property
    def booted_at(self) -> int | None:
        """The time of the boot, in seconds since 1970."""
        lines = (_read(os.path.join(self.roots.proc, "stat")) or b"").splitlines()
        try:
            return next((int(line.split()[1]) for line in lines if line.startswith(b"btime ")), None)
        except (ValueError, IndexError):
            return None

    @cached_property
    def boot_id(self) -> str | None:
        """The kernel's ID of the boot; ``None`` if it cannot be read."""
        try:
            data = _read(os.path.join(self.roots.proc, "sys/kernel/random/boot_id"))
        except FileError:
            return None
        return data.decode("ascii", "replace").strip() if data else None

    def started_at(self, process: Process) -> float | None:
        """Return when a process started, in seconds since 1970."""
        return None if self.booted_at is None else self.booted_at + process.ticks / os.sysconf("SC_CLK_TCK")

    # --- mounts

    @cached_property
    def mounts(self) -> Mounts:
        """The mounts: of this process's namespace, and of the node's first process where ``proc`` is elsewhere.

        Raises :class:`~persistdb.errors.FileError`.
        """
        path = os.path.join(self.roots.proc, "self" if self.roots.proc == "/proc" else "1", "mountinfo")
        try:
            with open(path, "rb") as file:
                found = parse(file.read())
        except OSError as error:
            raise FileError(path, _reason(error)) from None
        except BadMountInfo as error:
            raise FileError(path, str(error)) from None
        if self.roots.proc == "/proc" and self.roots.root != "/":
            prefix = self.roots.root.rstrip("/")
            found = [
                mount._replace(path=mount.path.removeprefix(prefix) or "/")
                for mount in found
                if f"{mount.path}/".startswith(f"{prefix}/")
            ]
        return Mounts(found)

    # --- files

    def path(self, path: str) -> str:
        """Return where a path of the node is to be found."""
        return os.path.join(self.roots.root, path.lstrip("/"))

    def exists(self, path: str) -> bool:
        """Return whether a path of the node exists; a symlink that leads nowhere does.

        Raises :class:`~persistdb.errors.FileError` if that cannot be seen.
        """
        return _stat(self.path(path)) is not None

    def device(self, path: str) -> tuple[str, str] | None:
        """Return the kind of a device file, ``block`` or ``char``, and its number; ``None`` if it is none.

        Raises :class:`~persistdb.errors.FileError` if that cannot be seen.
        """
        found = _stat(self.path(path))
        if found is None or not (stat.S_ISBLK(found.st_mode) or stat.S_ISCHR(found.st_mode)):
            return None
        kind = "block" if stat.S_ISBLK(found.st_mode) else "char"
        return kind, f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"

    def folders(self, path: str) -> dict[str, float] | None:
        """Return the folders in a folder of the node, with the time of their last change; ``None`` without it.

        Raises :class:`~persistdb.errors.FileError` if it cannot be read.
        """
        found = {}
        try:
            with os.scandir(self.path(path)) as entries:
                for entry in entries:
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            found[printable_path(entry.name)] = entry.stat(follow_symlinks=False).st_mtime
                    except FileNotFoundError:
                        continue  # removed meanwhile
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FileError(printable_path(path), _reason(error)) from None
        return found

    # --- what the kernel tells of devices and cgroups

    def sys(self, *steps: str) -> str:
        """Return a path below ``/sys``."""
        return os.path.join(self.roots.sys, *steps)

    def see_sys(self, *steps: str) -> None:
        """Raise :class:`~persistdb.errors.FileError` for a folder below ``/sys`` that cannot be seen.

        Where nothing can be seen, nothing is missing.
        """
        self._list(self.sys(*steps))

    def sys_exists(self, *steps: str) -> bool:
        """Return whether a path below ``/sys`` exists; raises :class:`~persistdb.errors.FileError`."""
        return _stat(self.sys(*steps)) is not None

    def sys_read(self, *steps: str) -> str | None:
        """Return the text of a file below ``/sys``, without white space around it; ``None`` without it."""
        data = _read(self.sys(*steps))
        return None if data is None else printable_path(os.fsdecode(data.strip()))

    def sys_list(self, *steps: str) -> list[str]:
        """Return the names in a folder below ``/sys``, sorted; raises :class:`~persistdb.errors.FileError`."""
        return sorted(self._list(self.sys(*steps)))

    def sys_folders(self, *steps: str) -> list[str]:
        """Return the names of the folders in a folder below ``/sys``, sorted; empty without it."""
        try:
            with os.scandir(self.sys(*steps)) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise FileError(self.sys(*steps), _reason(error)) from None

    def sys_link(self, *steps: str) -> str | None:
        """Return the last step of what a symlink below ``/sys`` leads to; ``None`` without it."""
        try:
            return posixpath.basename(os.readlink(self.sys(*steps)))
        except OSError:
            return None

    @staticmethod
    def _list(folder: str) -> list[str]:
        try:
            return os.listdir(folder)
        except OSError as error:
            raise FileError(folder, _reason(error)) from None


def _read(path: str) -> bytes | None:
    """Read a file of the kernel's; ``None`` if there is none. Raises :class:`FileError` if that may not be known."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except PermissionError as error:
        raise FileError(path, _reason(error)) from None
    except OSError:  # also of a process that ended meanwhile, and of a device that was removed
        return None


def _stat(path: str) -> os.stat_result | None:
    """Look at a path; ``None`` if there is nothing. Raises :class:`FileError` if that cannot be seen."""
    try:
        return os.lstat(path)
    except OSError as error:
        if error.errno in _NOT_THERE:
            return None
        raise FileError(printable_path(path), _reason(error)) from None


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
