"""Agents: programs that change the containers of a host of their own, and know what was acknowledged.

Each has a database of its own, with one connection; a process has several of them where they are more than
:data:`PROCESSES`.
"""

from __future__ import annotations

import faulthandler
import itertools
import multiprocessing
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from threading import BrokenBarrierError
from typing import TYPE_CHECKING

import msgspec

from persistdb import ContainerRepository, ContainerState, Database, PersistDBError, SandboxState

from .. import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Barrier

SID = "agent"
CONTAINERS = 4
PROCESSES = 8
_START = 240.0
"""Seconds after which an agent that has not begun is given up."""
_SHOWN = 60.0
"""Seconds after which one that has not begun shows where it stands."""


class Account(msgspec.Struct):
    """What one agent did: the durations of its writes and when they were acknowledged, in seconds of one clock.

    It ``began`` to write, and ``ended``, at these times of the same clock.

    ``acknowledged`` is the last change of each container that was, ``tried`` the last that was begun.
    """

    host: str
    durations: list[float]
    ends: list[float]
    errors: list[str]
    acknowledged: dict[str, int]
    tried: dict[str, int]
    began: float = 0.0
    ended: float = 0.0


def run(url: str, agents: int, seconds: float, meanwhile: Callable[[], None] | None = None) -> list[Account]:
    """Let so many agents write for so long, and do something else meanwhile, from when all of them have begun.

    The error of an agent that cannot begin is raised.
    """
    hosts = [f"agent-{number:03}" for number in range(agents)]
    shares = [share for number in range(PROCESSES) if (share := hosts[number::PROCESSES])]
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(len(shares), mp_context=context) as pool:
        all_ready = manager.Barrier(len(shares) + 1)
        running = [pool.submit(write, url, share, seconds, all_ready) for share in shares]
        try:
            all_ready.wait(_START)
        except BrokenBarrierError as broken:
            errors = [each.exception(_START) for each in running]
            causes = (error for error in errors if not isinstance(error, BrokenBarrierError | None))
            raise next(causes, broken) from None
        if meanwhile is not None:
            meanwhile()
        return [account for each in running for account in each.result()]


def write(url: str, hosts: Sequence[str], seconds: float, all_ready: Barrier) -> list[Account]:
    """Save one container after the other, until the time is over, an agent for each host."""
    # the process waits for the others when all of its own agents are ready
    begin = threading.Barrier(len(hosts), action=lambda: _wait(all_ready))
    faulthandler.dump_traceback_later(_SHOWN, repeat=True)
    with ThreadPoolExecutor(len(hosts)) as pool:
        running = [pool.submit(_write, url, host, seconds, begin) for host in hosts]
    errors = [error for each in running if (error := each.exception()) is not None]
    errors.sort(key=lambda error: isinstance(error, BrokenBarrierError))  # those who waited for others come last
    if errors:
        faulthandler.cancel_dump_traceback_later()
        all_ready.abort()  # nobody waits for one that could not begin
        raise errors[0]
    return [each.result() for each in running]


def _wait(all_ready: Barrier) -> None:
    all_ready.wait(_START)
    faulthandler.cancel_dump_traceback_later()


def _write(url: str, host: str, seconds: float, all_ready: Barrier) -> Account:
    account = Account(host, [], [], [], {}, {})
    with Database(url, pool_size=1) as database:
        repository = ContainerRepository(database, host=host)
        cids = [f"c{number}" for number in range(CONTAINERS)]
        try:
            repository.save_sandbox(SandboxState(sid=SID, state="running"), {cid: _container(0) for cid in cids})
        except BaseException:
            all_ready.abort()
            raise
        all_ready.wait(_START)
        account.began = time.monotonic()
        number, end = 0, account.began + seconds
        while time.monotonic() < end:
            number += 1
            cid = cids[number % CONTAINERS]
            account.tried[cid] = number
            begin = time.monotonic()
            try:
                repository.save(SID, cid, _container(number))
            except PersistDBError as error:
                account.errors.append(f"{type(error).__name__}: {error}"[:200])
                continue
            now = time.monotonic()
            account.acknowledged[cid] = number
            account.durations.append(now - begin)
            account.ends.append(now)
        account.ended = time.monotonic()
    return account


def _container(number: int) -> ContainerState:
    return msgspec.structs.replace(samples.container(0, 1), bundle_path=f"/run/{number}", processes=[])


def lost(url: str, accounts: Sequence[Account]) -> int:
    """Count the containers whose last acknowledged change is not in the database."""
    missing = 0
    with Database(url) as database:
        for account in accounts:
            repository = ContainerRepository(database, host=account.host)
            for cid, acknowledged in account.acknowledged.items():
                stored = int(repository.get(SID, cid).record.bundle_path.rpartition("/")[2])
                missing += not acknowledged <= stored <= account.tried[cid]
    return missing


def standstill(accounts: Sequence[Account]) -> float:
    """Return the longest time in which an agent had no acknowledgement, from its beginning to its end."""
    each = ([account.began, *account.ends, account.ended] for account in accounts)
    return max(after - before for times in each for before, after in itertools.pairwise(times))


def spent(accounts: Sequence[Account]) -> float:
    """Return the seconds in which agents wrote."""
    return max(account.ended for account in accounts) - min(account.began for account in accounts)


def quantile(values: Sequence[float], part: float) -> float:
    """Return a quantile of the values, in milliseconds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000 if ordered else float("nan")
