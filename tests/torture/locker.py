"""A process that takes one lock again and again: ``torture.locker PARENT URL FILE SEED``.

The file stands for what the lock protects, and has the greatest number of an exclusive holder that was there. Who
finds a greater one than its own has been overtaken: unless its lock was lost, two have held it at once, and a line that
begins with ``LOST`` says so. It prints the number of each lock that it got.
"""

from __future__ import annotations

import fcntl
import os
import random
import sys
import time

from persistdb import Database, LockLost, Timeouts
from persistdb.store.repository import ContainerRepository
from tests.store.stress import HOST
from tests.torture.processes import end_with, lost

# A lease that a stopped process outlasts soon, and patience for machines that are busy.
TIMEOUTS = Timeouts(connect=60, busy=60, statement=120, pool=60, call=60, lease=2)
_PAUSE = 0.005


def was_overtaken(protected: int, number: int, *, shared: bool) -> bool:
    """Use what the lock protects, and return whether a later exclusive holder has done so."""
    fcntl.flock(protected, fcntl.LOCK_EX)
    try:
        last = int(os.pread(protected, 32, 0) or b"0")
        if last <= number and not shared:
            os.pwrite(protected, b"%031d" % number, 0)
        return last > number
    finally:
        fcntl.flock(protected, fcntl.LOCK_UN)


def main(parent: str, url: str, path: str, seed: str) -> None:
    """Take the lock for ever."""
    end_with(int(parent))
    chance = random.Random(seed)
    protected = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with Database(url, timeouts=TIMEOUTS, retries=1000) as database:
        repository = ContainerRepository(database, host=HOST)
        while True:
            shared = chance.random() < 0.3
            lock = repository.lock("locked", shared=shared, timeout=120)
            overtaken = False
            for _ in range(chance.randint(1, 5)):
                overtaken = overtaken or was_overtaken(protected, lock.fencing_number, shared=shared)
                time.sleep(chance.uniform(0, _PAUSE))
            try:
                lock.release()
            except LockLost:
                overtaken = False
            if overtaken:
                lost(f"lock {lock.fencing_number} was held together with a later one")
            print(lock.fencing_number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
