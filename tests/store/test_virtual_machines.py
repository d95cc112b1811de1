"""A sandbox's virtual machine and devices: taken out of its document at the save, in its transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from persistdb import ContainerRepository, ContainerState, SandboxState, SandboxWrite
from persistdb.reports import readonly

if TYPE_CHECKING:
    from collections import Counter

    from persistdb import Database

    from .fixtures import Statements

TABLES = ("sandbox", "sandbox_device", "vfio_device")
VFIO = {"ID": "v", "VFIODevs": [{"BDF": "3b:00.0"}, {"BDF": "3b:00.1"}]}
BLOCK = {"ID": "b", "Type": "block"}


def kata(*devices: dict[str, Any], pid: int = 1, state: str = "running") -> SandboxState:
    document = json.dumps({"Devices": devices, "HypervisorState": {"Pid": pid}})
    return SandboxState(sid="s", state=state, document=document)


def held(database: Database) -> list[tuple[Any, ...]]:
    sql = (
        "SELECT d.device_id, v.bdf FROM sandbox_devices AS d"
        " LEFT JOIN vfio_devices AS v ON v.sid = d.sid AND v.position = d.position ORDER BY d.position, v.number"
    )
    return list(map(tuple, readonly.read(database, sql).rows))


def pids(database: Database) -> list[Any]:
    return [pid for (pid,) in readonly.read(database, "SELECT hypervisor_pid FROM sandboxes").rows]


def written(writes: Counter[str]) -> dict[str, int]:
    """Return the rows of these tables that were written since the last call."""
    found = {what: number for what, number in writes.items() if what.split()[1] in TABLES}
    writes.clear()
    return found


def test_a_sandbox(repository: ContainerRepository, database: Database, writes: Counter[str]) -> None:
    """Devices follow the document; a save that changes nothing of them writes none."""
    repository.save_sandbox(kata(BLOCK, VFIO), {"a": ContainerState()})
    assert written(writes) == {"INSERT sandbox": 1, "INSERT sandbox_device": 2, "INSERT vfio_device": 2}
    assert held(database) == [("b", None), ("v", "0000:3b:00.0"), ("v", "0000:3b:00.1")]
    assert pids(database) == [1]
    repository.save_sandbox(kata(BLOCK, VFIO), {"a": ContainerState()})
    repository.save_sandbox(kata(BLOCK, VFIO), {"a": ContainerState(state="running")})
    assert written(writes) == {}
    repository.save_sandbox(kata(BLOCK, VFIO, state="stopped"), {"a": ContainerState(state="running")})
    assert list(written(writes)) == ["UPDATE sandbox"]
    repository.save_sandbox(kata(BLOCK, VFIO, pid=2), {"a": ContainerState()})
    assert list(written(writes)) == ["UPDATE sandbox"]
    assert pids(database) == [2]
    repository.save_sandbox(kata(VFIO, pid=2), {"a": ContainerState()})
    assert {name: rows for name, rows in written(writes).items() if name != "UPDATE sandbox"} == {
        "DELETE sandbox_device": 1,
        "INSERT sandbox_device": 1,
        "INSERT vfio_device": 2,
    }
    assert held(database) == [("v", "0000:3b:00.0"), ("v", "0000:3b:00.1")]
    repository.save_sandbox(kata(pid=2), {})
    assert held(database) == []
    repository.save_sandbox(kata(VFIO), {})
    repository.destroy_sandbox("s")
    assert held(database) == pids(database) == []


def test_many(repository: ContainerRepository, database: Database, sent: Statements) -> None:
    """The devices of many sandboxes are one statement for each table."""
    records = [SandboxState(sid=f"s{n}", document=kata(VFIO, BLOCK, pid=n + 1).document) for n in range(50)]
    repository.save_many(SandboxWrite(sid=record.sid, record=record, containers={}) for record in records)
    assert len([text for text in sent.texts if "sandbox_device" in text or "vfio_device" in text]) == 2
    assert len(held(database)) == 150
    assert sorted(pids(database)) == list(range(1, 51))
