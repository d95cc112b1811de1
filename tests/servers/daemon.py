"""A server process of the test run's own: started, stopped, killed, and gone when the run is."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import pwd
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_LAUNCH = Path(__file__).with_name("launch.py")
# Linux hands out 32768 and up to outgoing connections: a port from below is still ours after a restart.
_PORTS = range(20000, 32000)
# A Unix socket's whole path has 107 bytes.
_LONGEST_ROOT = 60
# A server's files are copied and removed many times in a run: in memory that takes a fifth of the time. A container's
# default of 64 MB is too small.
_MEMORY = Path("/dev/shm")
_MEMORY_WANTED = 2 << 30


class ServerFailed(Exception):
    """A server did not start; the message ends with its log."""


@dataclass(frozen=True)
class Account:
    """The ordinary user that servers run as: they refuse to be root."""

    name: str
    uid: int
    gid: int

    @classmethod
    def ordinary(cls, *names: str) -> Account:
        """Return this process's user, or when that is root the first of these that exists, or ``nobody``."""
        if os.geteuid() != 0:
            return cls._of(pwd.getpwuid(os.geteuid()))
        for name in names:
            with contextlib.suppress(KeyError):
                return cls._of(pwd.getpwnam(name))
        return cls._of(pwd.getpwnam("nobody"))

    @classmethod
    def _of(cls, entry: pwd.struct_passwd) -> Account:
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)

    def run(self, command: Sequence[str | Path]) -> str:
        """Run a command as this user and return its output, or fail with it."""
        rights = {"user": self.uid, "group": self.gid, "extra_groups": []} if os.geteuid() == 0 else {}
        done = subprocess.run(  # type: ignore[call-overload]
            command, **rights, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        output: str = done.stdout.decode(errors="replace")
        if done.returncode != 0:
            raise ServerFailed(f"{command[0]}: exit status {done.returncode}\n{output}")
        return output


class Workspace:
    """The folder of one test run's servers, which every account may enter."""

    def __init__(self) -> None:
        fits = (root for root in _roots() if len(str(root)) <= _LONGEST_ROOT and _all_may_enter(root))
        self.path = Path(tempfile.mkdtemp(prefix="persistdb-", dir=next(fits)))
        self.path.chmod(0o711)
        self._folders = 0

    def folder(self, name: str, account: Account) -> Path:
        """Make a new folder that belongs to an account."""
        self._folders += 1
        path = self.path / f"{name}-{self._folders}"
        path.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(path, account.uid, account.gid)
        return path

    def remove(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.path, ignore_errors=True)


def _roots() -> Iterator[Path]:
    if "TMPDIR" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _MEMORY_WANTED:
        yield _MEMORY
    yield Path(tempfile.gettempdir())
    yield Path("/tmp")


def _all_may_enter(path: Path) -> bool:
    return all(p.stat().st_mode & 0o001 for p in (path, *path.parents))


def _ports() -> Sequence[int]:
    """Return the ports of this process of a run with pytest-xdist: another one may choose at the same time."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return _PORTS[int(worker) :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))]


@functools.cache
def _in_turn() -> Iterator[int]:
    """Yield each of these ports once before one is given again: its server may be yet to start."""
    ports = _ports()
    return itertools.cycle(random.sample(ports, len(ports)))


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on, nor any other caller was just given."""
    while True:
        port = next(_in_turn())
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port


@dataclass
class Daemon:
    """One server process, over any number of starts."""

    command: Callable[[Mapping[str, str]], Sequence[str]]
    account: Account
    workspace: Workspace
    folder: Path
    stop_signal: signal.Signals
    # What the watcher sends when the run was killed: the fastest way to end without leaving children.
    crash_signal: signal.Signals
    options: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The server's process ID."""
        if self._process is None:
            raise ServerFailed("not started")
        return self._process.pid

    def start(self, ready: Callable[[], bool], timeout: float = 60) -> None:
        """Start the server, if it doesn't run, and wait until it is ready."""
        if self.running:
            return
        with self._log.open("ab") as log:
            begin = log.tell()
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", str(_LAUNCH)),
                    *(_run(), str(int(self.crash_signal)), str(self.workspace.path)),
                    *(str(self.account.uid), str(self.account.gid)),
                    *self.command(self.options),
                ],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the test run, which stops its servers in order.
                start_new_session=True,
            )
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.running or time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"{self.folder.name} did not start:\n{self.log()[begin:]}")
            time.sleep(0.01)

    def stop(self, timeout: float = 60) -> None:
        """Shut the server down in order, which ends every connection."""
        self._end(self.stop_signal, timeout)

    def close(self, timeout: float = 10) -> None:
        """End the server fast, with its data left as it is."""
        # one that was frozen while it began a connection may wait for that for longer
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._end(self.crash_signal, timeout)

    def _end(self, number: signal.Signals, timeout: float) -> None:
        if self._process is None or not self.running:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End the server and its children at once, as a crash does, and wait until they are gone."""
        if self._process is None or not self.running:
            return
        children = _children(self._process.pid)
        self._process.kill()
        self._process.wait()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(child, signal.SIGKILL)
            select.select([child], [], [], 5)
            os.close(child)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the server and its children where they are (SIGSTOP), as a stalled disk does, and let them go on."""
        processes = [os.pidfd_open(self.pid)]
        # the server first: it makes no more children then
        signal.pidfd_send_signal(processes[0], signal.SIGSTOP)
        for child in _children(self.pid):
            processes.append(child)
            signal.pidfd_send_signal(child, signal.SIGSTOP)
        for process in processes:
            _wait_until_stopped(process)
        try:
            yield
        finally:
            for process in processes:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(process, signal.SIGCONT)
                os.close(process)

    def log(self) -> str:
        """Return what the server wrote about itself."""
        return self._log.read_text(errors="replace")

    def forget_log(self) -> None:
        """Empty the log: it may lie in memory, and a long run would fill that."""
        os.truncate(self._log, 0)

    @property
    def _log(self) -> Path:
        # Beside the folder, not in it: an account's folder may be a copy, or a small disk that is full.
        return self.folder.with_suffix(".log")


def _run() -> str:
    worker = "PYTEST_XDIST_WORKER" in os.environ
    return f"{os.getpid()},{os.getppid()}" if worker else str(os.getpid())


def _children(pid: int) -> list[int]:
    pidfds = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            pidfds.append(os.pidfd_open(int(child)))
    return pidfds


def _wait_until_stopped(process: int) -> None:
    """Wait for a stop signal to reach all threads: one that runs on another core may still answer after it was sent.

    A thread that waits for a disk stops when that is over, so it is not waited for.
    """
    fields = dict(line.split(":", 1) for line in Path(f"/proc/self/fdinfo/{process}").read_text().splitlines())
    tasks = Path(f"/proc/{fields['Pid'].strip()}/task")
    while _states(tasks) & {"R", "S"}:
        os.sched_yield()


def _states(tasks: Path) -> set[str]:
    states = set()
    for stat in tasks.glob("*/stat"):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            # "1234 (name) S …"; a name may have any character in it
            states.add(stat.read_text().rpartition(")")[2].split()[0])
    return states
