"""A fleet that lived for days: hosts, pods that came and went, containers that changed their states; hostile names."""

from __future__ import annotations

import random
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

from persistdb import ContainerRepository
from persistdb.records import ContainerState, DeviceMap, Machine, Mount, SandboxState, SandboxWrite
from persistdb.store import writer
from persistdb.store.encoding import utc_text
from tests.store.audits import audit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pytest

    from persistdb import Database

END = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
DAYS = 7
STEPS = 20
HOSTILE = (
    "<script>document.title='owned'",
    "<img src=x onerror=document.title='owned'>",
    "\"'><a href=javascript:alert(1)>x",
    "{{ 7 * 7 }}{% raw %}",
    "]]>&amp;&lt;$x^2$\\n",
    "\u202egpj.exe\u2066\x1b[31m\x01\u200b",
    "漢字-שלום-🦊",
)
"""What a page, a plot in it, its engine or a terminal would act on if it were not escaped."""

CLOSING = "</svg></title></style></script></td></table><script>document.title='owned'</script>"
"""The same for what may hold a slash, as an ID may not."""


@contextmanager
def clock(monkeypatch: pytest.MonkeyPatch, at: datetime) -> Iterator[None]:
    """Let changes be stamped with a time: what the page shows is days of history."""
    with monkeypatch.context() as patch:
        patch.setattr(writer, "now_text", lambda: utc_text(at))
        yield


def build(database: Database, monkeypatch: pytest.MonkeyPatch, *, hosts: int = 4, pods: int = 4) -> None:
    """Store the fleet: so many hosts with about so many pods, each of up to five containers."""
    chance = random.Random(16)  # the same fleet each time
    start = END - timedelta(days=DAYS)
    ContainerRepository(database).count()  # the schema
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE retention SET horizon = :at"), {"at": utc_text(start)})
    names = [*HOSTILE[:2], *(f"node-{number}" for number in range(1, hosts + 1))][:hosts]
    for number, name in enumerate(names):
        repository = ContainerRepository(database, host=name)
        for day in range(DAYS):
            at = start + timedelta(days=day, hours=chance.randrange(20), seconds=number + 1)
            alive = [_pod(chance, f"{number:02x}{pod:02x}", at) for pod in range(pods * (day + 3) // (DAYS + 2))]
            with clock(monkeypatch, at):
                repository.save_many(alive)
        with clock(monkeypatch, END - timedelta(hours=number + 1)):
            sids = [write.sid for write in alive[:: max(pods // 2, 1)]]
            for sid in sids:
                repository.destroy_sandbox(sid)
        machine = Machine(boot_id=f"boot-{number}", kernel="6.1.0-18-amd64", programs="persistdb 1")
        repository.mark_seen(
            [alive[-1].sid], source="/run/vc/sbs", at=END - timedelta(minutes=7 * number), machine=machine
        )
    hostile(database, monkeypatch, names[-1])
    _audit(database, names)


def _audit(database: Database, hosts: Sequence[str]) -> None:
    """Let audits find things on some of the hosts."""
    texts = {"recorded": "the container was removed", "observed": "still mounted, read-write", "advice": "Unmount it."}
    for number, host in enumerate(hosts[1:]):
        paths = [f"/run/kata-containers/shared/sandboxes/{number}{i}/mounts" for i in range(4 * number % 7)]
        audit(database, host, *(("mount", path) for path in paths), at=END - timedelta(hours=3 + number), **texts)
    audit(database, hosts[-1], ("process", CLOSING), at=END, sid=HOSTILE[0], cid=HOSTILE[1], observed=HOSTILE[5])


def _pod(chance: random.Random, number: str, at: datetime) -> SandboxWrite:
    sid = (number * 16)[:64]
    containers = {sid: _container(chance, "running", 0)}
    for place in range(chance.randrange(1, 5)):
        state = chance.choice(["running"] * 8 + ["ready", "paused", "stopped", "stopped"])
        containers[f"{sid[:8]}{place:056x}"] = _container(chance, state, place)
    return SandboxWrite(sid=sid, record=SandboxState(sid=sid, state="running"), containers=containers)


def _container(chance: random.Random, state: str, place: int) -> ContainerState:
    mounts = [
        Mount(
            source=f"/var/lib/kubelet/pods/{place}/volumes/{i}",
            destination=f"/data/{i}",
            type="bind",
            options=["rbind"],
        )
        for i in range(chance.randrange(12))
    ]
    devices = [
        DeviceMap(id=f"{place:04x}{i:012x}", container_path=f"/dev/vd{'abcdef'[i]}", file_mode=0o60640)
        for i in range(chance.choice((0, 0, 0, 1, 1, 2, 5)))
    ]
    return ContainerState(state=state, mounts=mounts, device_maps=devices, bundle_path=f"/run/bundle/{place}")


def hostile(database: Database, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Store a pod to which most happens, with a hostile text wherever one fits."""
    repository = ContainerRepository(database, host=host).acting(cause="test", reason=HOSTILE[0])
    sid = HOSTILE[1]
    for step in range(STEPS):
        containers = {
            name: ContainerState(
                state=("running", "paused", "stopped", HOSTILE[2])[(step + place) % 4],
                mounts=[
                    Mount(source=f"/{name}", destination=name, type=name, host_path=f"/{CLOSING}", block_device_id=name)
                ],
                device_maps=[DeviceMap(id=name, container_path=name, file_mode=0o20666)],
            )
            for place, name in enumerate(HOSTILE)
            if step > place
        }
        with clock(monkeypatch, END - timedelta(hours=2 * (STEPS - step))):
            repository.save_sandbox(SandboxState(sid=sid, state=HOSTILE[3]), containers)
