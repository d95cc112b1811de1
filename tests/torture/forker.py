"""A process that uses a database, then forks: ``torture.forker PARENT URL NUMBER``.

Each child saves and reads a sandbox of its own, and prints ``SID GENERATION`` for each save that was acknowledged.
"""

from __future__ import annotations

import os
import sys

from persistdb import Database
from persistdb.store.repository import ContainerRepository
from tests.store.stress import HOST, PATIENT, generation_of, sandbox_of
from tests.torture.processes import end_with

SAVES = 5


def main(parent: str, url: str, number: str) -> int:
    """Fork, and return the exit status."""
    end_with(int(parent))
    with Database(url, timeouts=PATIENT, retries=1000) as database:
        repository = ContainerRepository(database, host=HOST)
        repository.sandbox_ids()
        own = os.getpid()
        children = []
        for n in range(int(number)):
            child = os.fork()
            if child == 0:
                end_with(own)
                os._exit(save(repository, f"forked-{n}"))
            children.append(child)
            repository.sandbox_ids()
        statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        return int(any(statuses))


def save(repository: ContainerRepository, sid: str) -> int:
    """Save a sandbox, read it after each save, and return the exit status."""
    generation = generation_of(repository, sid)
    for _ in range(SAVES):
        generation += 1
        repository.save_sandbox(*sandbox_of(sid, generation))
        os.write(1, f"{sid} {generation}\n".encode())  # whole, whatever the others write
        if generation_of(repository, sid) != generation:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
