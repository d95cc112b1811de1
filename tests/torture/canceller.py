"""A process whose tasks of asyncio save, and are cancelled: ``torture.canceller PARENT URL TASKS SEED SECONDS``.

Each task is the only writer of its sandbox. It prints ``SID GENERATION`` for each save that was acknowledged; after a
cancelled one the sandbox is at the generation before it or at its own, wholly.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time

from persistdb import AsyncContainerRepository, AsyncDatabase, AsyncTransaction, NotFound
from tests.store.stress import HOST, PATIENT, sandbox_of
from tests.torture.processes import end_with

# Seconds after which a save is cancelled, at the most: some are over by then
LONGEST = 0.02


async def main(url: str, number: int, seed: str, seconds: float) -> int:
    """Save and cancel, and return how many saves were cancelled."""
    until = time.monotonic() + seconds
    async with AsyncDatabase(url, timeouts=PATIENT, retries=1000, pool_size=3) as database:
        repository = AsyncContainerRepository(database, host=HOST)
        await repository.count()
        tasks = [save(repository, f"task-{n}", random.Random(f"{seed}/{n}"), until) for n in range(number)]
        return sum(await asyncio.gather(*tasks))


async def save(repository: AsyncContainerRepository, sid: str, chance: random.Random, until: float) -> int:
    """Save one generation after another, and return how many saves were cancelled."""
    cancelled, generation = 0, await generation_of(repository, sid)
    while time.monotonic() < until:
        task = asyncio.ensure_future(put(repository, sid, generation + 1, chance.choice(["save", "transaction"])))
        if chance.random() < 0.7:
            await asyncio.wait([task], timeout=chance.uniform(0, LONGEST))
            task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            cancelled += 1
            found = await generation_of(repository, sid)
            assert found in (generation, generation + 1), f"{sid} is at {found}, {generation} was acknowledged"
            generation = found
        else:
            generation += 1
            print(sid, generation, flush=True)
    return cancelled


async def put(repository: AsyncContainerRepository, sid: str, generation: int, how: str) -> None:
    """Save a generation of a sandbox: by itself, or in one transaction with the end of the one before it."""

    async def replace(work: AsyncTransaction) -> None:
        await work.destroy_sandbox(sid)
        await work.save_sandbox(*sandbox_of(sid, generation))

    if how == "save":
        await repository.save_sandbox(*sandbox_of(sid, generation))
    else:
        await repository.transact(replace)


async def generation_of(repository: AsyncContainerRepository, sid: str) -> int:
    """The generation that a sandbox is in, wholly; 0 if there is none."""
    try:
        found = await repository.load_sandbox(sid)
    except NotFound:
        return 0
    generation = int(found.record.state)
    record, containers = sandbox_of(sid, generation)
    assert found.record == record
    assert {cid: one.record for cid, one in found.containers.items()} == containers
    return generation


if __name__ == "__main__":
    parent, url, number, seed, seconds = sys.argv[1:]
    end_with(int(parent))
    print("cancelled", asyncio.run(main(url, int(number), seed, float(seconds))))
