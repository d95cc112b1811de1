"""The public API as people use it: checked by mypy --strict in ``make lint``, never run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, assert_type

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, selectinload
from whenever import OffsetDateTime

from persistdb import (
    STATES,
    TRANSITIONS,
    Ambiguous,
    AsyncContainerRepository,
    AsyncDatabase,
    AsyncLock,
    AsyncTransaction,
    Conflict,
    Container,
    ContainerIDs,
    ContainerRepository,
    ContainerState,
    ContainerSummary,
    Database,
    DeviceMap,
    Event,
    Feed,
    Filter,
    KnownState,
    Lock,
    LockTimeout,
    Mount,
    Origin,
    Page,
    PersistDBError,
    Process,
    Sandbox,
    SandboxState,
    SandboxWrite,
    State,
    Timeouts,
    Transaction,
    Unavailable,
    Unreadable,
    parse,
)
from persistdb.schema import tables


def records() -> ContainerState:
    mount = Mount(source="/srv", destination="/data", options=["ro"], read_only=True)
    assert_type(mount.options, list[str] | None)
    device = DeviceMap(id="vda", file_mode=0o60660, uid=0, gid=6)
    assert_type(device.permissions, int)
    assert_type(device.kind, str | None)
    process = Process(token="web", pid=-1, start_time=OffsetDateTime.parse_iso("2026-01-31T12:00:00+01:00"))
    assert_type(process.start_time, OffsetDateTime | None)
    assert_type(Process(start_time=datetime.now(UTC)).start_time, OffsetDateTime | None)
    known: KnownState = "ready"
    any_text: State = "created"
    assert_type(ContainerState(state=known).replace(state=any_text), ContainerState)
    assert_type(mount.to_json(), str)
    assert_type(mount.to_dict(), dict[str, Any])
    assert_type(Mount.from_json(mount.to_json()), Mount)
    assert_type(Mount.from_dict(mount.to_dict()), Mount)
    assert_type("running" in STATES, bool)
    assert_type(("ready", "running") in TRANSITIONS, bool)
    return ContainerState(state="ready", rootfs=mount, mounts=[mount], device_maps=[device], processes=[process])


def sandboxes(repository: ContainerRepository) -> None:
    record = SandboxState(sid="pod-1", state="running")
    containers: Mapping[str, ContainerState] = {"web": records()}
    revision = repository.save_sandbox(record, containers, origins={"web": Origin(layout="2.2")})
    assert_type(revision, int)
    assert_type(repository.save_sandbox(record, {}, revision=revision), int)
    assert_type(repository.save_sandbox(record), int)
    assert_type(SandboxWrite(sid="pod-1", record=record).containers, Mapping[str, ContainerState] | None)
    sandbox = repository.load_sandbox("pod-1")
    assert_type(sandbox, Sandbox)
    assert_type(sandbox.containers["web"], Container)
    assert_type(sandbox.record.persist_version, int | None)
    assert_type(repository.destroy_sandbox("pod-1"), bool)
    assert_type(repository.sandbox_ids(), list[str])
    assert_type(repository.load_sandboxes(batch=10), Iterator[Sandbox])
    writes = (SandboxWrite(sid=sid, containers=containers, keep=frozenset({"db"})) for sid in ("pod-1", "pod-2"))
    assert_type(repository.save_many(writes), int)


def containers(repository: ContainerRepository) -> None:
    one = repository.get("pod-1", "web")
    assert_type(one, Container)
    assert_type(one.record, ContainerState)
    assert_type(one.created_at, datetime)
    assert_type(repository.save("pod-1", "web", one.record, revision=one.revision), int)
    assert_type(repository.update("pod-1", "web", lambda record: record.replace(state="stopped")), int)
    repository.transition("pod-1", "web", "running", expected="ready")
    assert_type(repository.delete("pod-1", "web", revision=one.revision), bool)
    assert_type(repository.exists("pod-1", "web"), bool)
    assert_type(repository.look_up("we"), Container)
    assert_type(repository.look_up_sandbox("pod"), str)
    assert_type(repository.look_up_ids("we"), ContainerIDs)
    assert_type(repository.summaries(sort="updated"), Page[ContainerSummary])
    assert_type(repository.find(parse("state=running"), Filter("pid", 7), sort="-updated", limit=10), Page[Container])
    assert_type(repository.find("state=running", Filter("pid", 7)).cursor, str | None)
    unreadable: list[Unreadable] = []
    assert_type(repository.iterate(all_hosts=True, on_unreadable=unreadable.append), Iterator[Container])
    assert_type(repository.count(Filter("host-path", "/srv/", prefix=True)), int)
    feed = repository.events(after=None, host="node-1", sid="pod-1", kinds=["removed"], since=datetime.now(UTC))
    assert_type(feed, Feed)
    assert_type(feed.cursor, str | None)
    assert_type(list(feed), list[Event])


def locks(repository: ContainerRepository) -> None:
    with repository.lock("pod-1", timeout=2.5) as lock:
        assert_type(lock, Lock)
        assert_type(lock.fencing_number, int)
        assert_type(lock.lost, bool)
        lock.check()
    shared = repository.lock("pod-1", shared=True)
    shared.release()


def transactions(repository: ContainerRepository) -> int:
    with repository.transaction() as work:
        assert_type(work, Transaction)
        assert_type(work.get("pod-1", "web"), Container)
        assert_type(work.session, Session)
        work.transition("pod-1", "web", "paused", expected="running")
    return assert_type(repository.transact(lambda work: work.count()), int)


def queries(database: Database) -> list[str]:
    query = select(tables.Container).options(selectinload(tables.Container.mounts))
    with database.session() as session:
        assert_type(session, Session)
        found = session.scalars(query).all()
        for one in found:
            assert_type(one.mounts[0].options, list[str] | None)
            assert_type(one.sandbox.sid, str)
    with database.session(write=True) as session:
        session.delete(found[0])
    return [one.cid for one in found]


async def tasks() -> int:
    async with AsyncDatabase("sqlite:///:memory:", timeouts=Timeouts(call=5)) as database:
        repository = AsyncContainerRepository(database, host="node-1")
        assert_type(await repository.get("pod-1", "web"), Container)
        assert_type(await repository.save("pod-1", "web", ContainerState(state="ready"), revision=1), int)
        async for event in repository.events(after="1.0.0.0.0"):
            assert_type(event, Event)
        async for one in repository.iterate("state=running", batch=10):
            assert_type(one, Container)
        async with repository.lock("pod-1") as lock:
            assert_type(lock, AsyncLock)
            assert_type((lock.fencing_number, lock.lost), tuple[int, bool])
        assert_type(await repository.lock("pod-1", shared=True), AsyncLock)
        async with repository.transaction() as work:
            assert_type(work, AsyncTransaction)
            await work.transition("pod-1", "web", "paused", expected="running")
        async with database.session() as session:
            assert_type(session, AsyncSession)
        return assert_type(await repository.transact(_count), int)


async def _count(work: AsyncTransaction) -> int:
    return await work.count()


def main() -> int:
    with Database(
        "postgresql://u@h/d", replica="postgresql://u@r/d", timeouts=Timeouts(busy=1.0), pool_size=2, retries=5
    ) as database:
        assert_type(database.replica_lag(), float | None)
        assert_type(database, Database)
        assert_type(database.url, str)
        repository = ContainerRepository(database, host="node-1")
        try:
            sandboxes(repository)
            containers(repository)
        except Conflict as conflict:
            assert_type(conflict.actual, int | None)
            assert_type(conflict.expected, int | None)
            return 1
        except Ambiguous as ambiguous:
            return len(ambiguous.candidates)
        except LockTimeout as late:
            return len(late.holders)
        except Unavailable as error:
            raise SystemExit(error.detail) from error
        except PersistDBError as error:
            raise SystemExit(str(error)) from error
    return 0
