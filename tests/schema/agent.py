"""A node's agent, run by a program of any version: it saves, reads and moves its containers until its input ends.

``python agent.py URL HOST``. At the end it prints as JSON how often it went round, and what stopped it before.
"""

from __future__ import annotations

import json
import sys
import threading

from persistdb import ContainerRepository, ContainerState, Database, Mount, PersistDBError, SandboxState

CONTAINERS = 4


def main(url: str, host: str) -> None:
    """Run until the input ends, or a call fails."""
    stop = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        stop.set()

    rounds, error = 0, None
    with Database(url) as database:
        repository = ContainerRepository(database, host=host)
        repository.save_sandbox(SandboxState(sid="pod", state="running"), _containers(0))
        sys.stdout.write("running\n")
        sys.stdout.flush()
        threading.Thread(target=wait, daemon=True).start()
        try:
            while not stop.is_set():
                rounds += _round(repository, rounds)
        except PersistDBError as failure:
            error = [type(failure).__name__, str(failure), len(repository.load_sandbox("pod").containers)]
    sys.stdout.write(json.dumps({"rounds": rounds, "error": error}) + "\n")


def _containers(number: int) -> dict[str, ContainerState]:
    rootfs = Mount(type="ext4", mounted=True)
    return {
        f"c{i}": ContainerState(state="running", rootfs=rootfs, bundle_path=f"/run/{number}") for i in range(CONTAINERS)
    }


def _round(repository: ContainerRepository, number: int) -> int:
    cid = f"c{number % CONTAINERS}"
    with repository.lock("pod"):
        repository.transition("pod", cid, "paused", expected="running")
    stored = repository.get("pod", cid)
    if stored.record.state != "paused" or len(repository.find("state=paused")) != 1:
        raise AssertionError(stored)
    repository.transition("pod", cid, "running", expected="paused")
    repository.save("pod", cid, _containers(number + 1)[cid])
    repository.save("pod", "short-lived", _containers(number)["c0"])
    repository.delete("pod", "short-lived")
    if repository.look_up(f"pod/{cid}").record.bundle_path != f"/run/{number + 1}":
        raise AssertionError(cid)
    return 1


if __name__ == "__main__":
    main(*sys.argv[1:])
