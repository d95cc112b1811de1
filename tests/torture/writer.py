"""A process that saves a sandbox in one generation after another, whatever happens: ``python -m tests.torture.writer``.

It prints each generation that was acknowledged. Errors of the database are what the attacks are for: it goes on.
"""

from __future__ import annotations

import select
import sys

from persistdb import Database, DatabaseError, Timeouts
from persistdb.store.repository import ContainerRepository
from tests.store.stress import HOST, generation_of, sandbox_of

# A server that is down is not waited for long, so that attacks come often.
TIMEOUTS = Timeouts(connect=2, busy=5, call=5)


def main(url: str, sid: str) -> None:
    """Save for ever."""
    with Database(url, timeouts=TIMEOUTS) as database:
        generation = -1
        while True:
            try:
                repository = ContainerRepository(database, host=HOST)
                if generation < 0:
                    generation = generation_of(repository, sid)
                    print(generation, flush=True)
                # the next number also after an error: what became of that save need not be known
                generation += 1
                repository.save_sandbox(*sandbox_of(sid, generation))
                print(generation, flush=True)
            except DatabaseError:
                # no busy loop, and no writer that outlives the run
                if select.select([sys.stdin], [], [], 0.02)[0]:
                    return


if __name__ == "__main__":
    main(*sys.argv[1:])
