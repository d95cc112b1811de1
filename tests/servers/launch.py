"""Become a server that dies with the test run: ``launch.py RUN SIGNAL FOLDER UID GID COMMAND…``.

A run that is killed with SIGKILL tears no fixture down. So a watcher is forked off before the server begins: it waits
for the end of either, and when the run ends first, it stops the server and removes their folder. It waits on pidfds,
because a pipe would be kept open by whatever the run forks, and a process ID may be used again. RUN is the process
that starts the server, or ``WORKER,CONTROLLER`` with pytest-xdist: a worker outlives its controller by a test.

Run with ``python -I -S``: nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import select
import shutil
import signal
import sys
from typing import NoReturn

PATIENCE_MS = 5000


def main(arguments: list[str]) -> NoReturn:
    """Fork the watcher, give root's rights up and exec the server in this very process."""
    processes, stop, folder, uid, gid, *command = arguments
    pids = [int(pid) for pid in processes.split(",")]
    run = {os.pidfd_open(pid) for pid in pids}
    if os.getppid() != pids[0]:  # asked after the pidfd was opened: from here on it stands for the run
        sys.exit("the test run ended before its server began")
    server = os.pidfd_open(os.getpid())
    if os.fork() == 0:
        if os.fork() == 0:  # twice, so that the server has no child that it doesn't know
            os.setsid()
            watch(run, server, signal.Signals(int(stop)), folder)
        os._exit(0)
    os.wait()
    if os.geteuid() == 0:
        os.initgroups(pwd.getpwuid(int(uid)).pw_name, int(gid))
        os.setgid(int(gid))
        os.setuid(int(uid))
    os.execv(command[0], command)


def watch(run: set[int], server: int, stop: signal.Signals, folder: str) -> None:
    """Wait for the run or its server to end; after the run, stop the server and remove their folder."""
    if not run & _ended(*run, server):
        return  # the run goes on, and looks after its server's folder
    for number in (stop, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(server, number)
        if _ended(server, timeout=PATIENCE_MS):
            break
    shutil.rmtree(folder, ignore_errors=True)


def _ended(*pidfds: int, timeout: int | None = None) -> set[int]:
    poll = select.poll()
    for pidfd in pidfds:
        poll.register(pidfd, select.POLLIN)
    return {pidfd for pidfd, _ in poll.poll(timeout)}


if __name__ == "__main__":
    main(sys.argv[1:])
