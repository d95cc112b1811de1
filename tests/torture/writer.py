"""A process that saves one sandbox in one generation after another, whatever happens: ``writer PARENT URL SID``.

It prints each generation that was acknowledged, and is the only writer of its sandbox. So it knows what must be there:
each save gives the revision that the one before returned, and after an error what is stored is compared with what was
acknowledged and tried. What must not be is a line that begins with ``LOST``. Errors of a database that cannot be
reached are what the attacks are for: it goes on.

With ``--meddle`` it also tries to open the file with Python's own SQLite library, which must be refused. With
``--jump=SEED`` its clock jumps.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import time

from sqlalchemy import make_url

from persistdb import Busy, CommitUnknown, Conflict, Database, OtherLibrary, PersistDBError, Timeouts, Unavailable
from persistdb.store.repository import ContainerRepository
from tests.store.stress import HOST, sandbox_of, state_of
from tests.torture import clock
from tests.torture.processes import end_with, lost

# A server that is down is not waited for long, so that attacks come often.
TIMEOUTS = Timeouts(connect=2, busy=5, call=5)
# A call that is this far beyond its deadline was not slowed down by the machine alone.
LATE = 60.0
# What a database that is attacked may answer.
EXPECTED = (Busy, CommitUnknown, Unavailable)


class Writer:
    """The writer of one sandbox, and what it knows of it."""

    def __init__(self, repository: ContainerRepository, sid: str) -> None:
        self._repository = repository
        self._sid = sid
        self._acknowledged = self._tried = -1
        self._revision: int | None = None
        # whether the save before this one was acknowledged: nothing of an earlier one can be on its way then
        self._sure = False

    def step(self) -> None:
        """Save the next generation, or find out what is stored."""
        if self._revision is None:
            self._look()
            return
        self._tried += 1
        try:
            self._revision = self._repository.save_sandbox(*sandbox_of(self._sid, self._tried), revision=self._revision)
        except Conflict as error:
            if self._sure:
                lost(f"generation {self._tried} of {self._sid}: {error}, but nobody else writes it")
            raise
        self._acknowledged, self._sure = self._tried, True
        print(self._acknowledged, flush=True)

    def forget(self) -> None:
        """Doubt what is stored: a save has failed."""
        self._revision, self._sure = None, False

    def _look(self) -> None:
        generation, revision = state_of(self._repository, self._sid)
        if self._tried < 0:
            self._acknowledged = self._tried = generation
            print(generation, flush=True)
        if not self._acknowledged <= generation <= self._tried:
            known = f"{self._acknowledged} was acknowledged, {self._tried} tried"
            lost(f"{self._sid} is at generation {generation}; {known}")
        self._revision = revision


def meddle(url: str) -> None:
    """Try to open the file with the other library."""
    path = make_url(url).database
    assert path is not None
    try:
        connection = sqlite3.connect(path)
    except OtherLibrary:
        return
    connection.close()
    lost("Python's own SQLite library has opened a file that this process has open")


def main(parent: str, url: str, sid: str, *options: str) -> None:
    """Save for ever."""
    end_with(int(parent))
    jumping = [random.Random(option) for option in options if option.startswith("--jump=")]
    if jumping:
        clock.install()
    with Database(url, timeouts=TIMEOUTS) as database:
        writer = Writer(ContainerRepository(database, host=HOST), sid)
        while True:
            start = time.monotonic()
            for chance in jumping:
                clock.jump(chance)
            try:
                writer.step()
                if "--meddle" in options:
                    meddle(url)
            except (*EXPECTED, Conflict):
                writer.forget()
                time.sleep(0.02)  # no busy loop where nobody answers
            except (AssertionError, PersistDBError) as error:
                lost(f"{sid}: {type(error).__name__}: {error}")
            if time.monotonic() - start > LATE:
                lost(f"{sid}: a call took {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
