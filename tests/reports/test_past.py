"""Reports about what was, and what happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from persistdb import ContainerRepository, Database, reports
from persistdb.errors import BeforeHorizon, HistoryOff, InvalidValue
from persistdb.records import ContainerState, DeviceMap, Mount, SandboxState

from .asking import ask, values

if TYPE_CHECKING:
    from pathlib import Path

MOMENT = timedelta(microseconds=1)


@pytest.fixture
def repository(store: tuple[str, Database]) -> ContainerRepository:
    """Give a repository on an empty database, on each engine in turn."""
    return ContainerRepository(store[1], host="node-1")


def _container(state: str, device: str, **values: Any) -> ContainerState:
    return ContainerState(
        state=state,
        rootfs=Mount(block_device_id=device),
        device_maps=[DeviceMap(id=device, container_path="/dev/x")],
        mounts=[Mount(source="/srv/a", destination="/a", host_path="/run/a")],
        **values,
    )


def test_who_held_a_device(repository: ContainerRepository) -> None:
    """A device's holders at a time are those that had it then, and between two times all that had it in between."""
    database = repository.database
    repository.save_sandbox(SandboxState(sid="pod-1"), {"a": _container("ready", "d1")})
    first = repository.get("pod-1", "a")
    repository.transition("pod-1", "a", "running", expected="ready")
    repository.save("pod-1", "a", _container("running", "d2"))
    second = repository.get("pod-1", "a")
    repository.save("pod-1", "b", _container("running", "d1"))
    third = repository.get("pod-1", "b")
    repository.destroy_sandbox("pod-1")
    held = ask(database, "device-holders", "d1", at=first.updated_at)
    assert values(held, "cid", "held_as", "path") == [("a", "device", "/dev/x"), ("a", "rootfs", "")]
    assert values(held, "valid_from", "valid_to") == [(first.created_at, second.updated_at)] * 2
    assert values(ask(database, "device-holders", "d1", at=second.updated_at - MOMENT), "cid") == [("a",)] * 2
    assert ask(database, "device-holders", "d1", at=second.updated_at) == []
    assert values(ask(database, "device-holders", "d1", at=third.updated_at), "cid") == [("b",)] * 2
    assert values(ask(database, "device-holders", "d2", at=third.updated_at), "cid") == [("a",)] * 2
    assert values(ask(database, "device-history", "d1"), "cid") == [("a",)] * 2 + [("b",)] * 2
    until = second.updated_at.isoformat()
    assert values(ask(database, "device-history", "d1", "1h", until), "cid") == [("a",)] * 2
    assert ask(database, "device-holders", "d1") == []


def test_states_and_paths_at_a_time(repository: ContainerRepository) -> None:
    """How many containers were in each state, and what was mounted from a path."""
    database = repository.database
    repository.save_sandbox(SandboxState(sid="pod-1"), {"a": _container("ready", "d"), "b": _container("ready", "")})
    then = repository.get("pod-1", "b").updated_at
    repository.transition("pod-1", "a", "running", expected="ready")
    repository.delete("pod-1", "b")
    assert values(ask(database, "summary", at=then), "host", "state", "containers") == [("node-1", "ready", 2)]
    assert values(ask(database, "summary"), "host", "state", "containers") == [("node-1", "running", 1)]
    for folder in ("/srv", "/run/a"):
        assert values(ask(database, "paths", folder, at=then), "cid") == [("a",), ("b",)]
        assert values(ask(database, "paths", folder), "cid") == [("a",)]


def test_what_happened(repository: ContainerRepository) -> None:
    """What changed on a host, which containers were started most often, and which mounts outlived their container."""
    database = repository.database
    repository.save_sandbox(SandboxState(sid="pod-1"), {"a": _container("ready", "d"), "b": _container("ready", "d")})
    for _ in range(3):
        repository.transition("pod-1", "a", "running", expected="ready", force=True)
        repository.transition("pod-1", "a", "paused", expected="running")
        repository.transition("pod-1", "a", "running", expected="paused")
        repository.transition("pod-1", "a", "ready", expected="running", force=True)
    repository.acting(actor="agent", reason="drain").transition("pod-1", "b", "running", expected="ready")
    other = ContainerRepository(database, host="node-2")
    other.save_sandbox(SandboxState(sid="pod-2"), {"c": _container("running", "d")})
    assert values(ask(database, "restarts"), "cid", "starts") == [("a", 3)]
    changes = ask(database, "changes", "node-1")
    assert [row["kind"] for row in changes] == ["created"] * 3 + ["state"] * 13
    assert values(changes[-1:], "cid", "new_state", "actor", "reason") == [("b", "running", "agent", "drain")]
    assert ask(database, "changes", "node-1", "0s") == []
    assert ask(database, "outlived-mounts") == []
    repository.delete("pod-1", "b")
    assert ask(database, "outlived-mounts") == []  # another container has the path
    repository.transition("pod-1", "a", "stopped", expected="ready")
    repository.delete("pod-1", "a")
    outlived = ask(database, "outlived-mounts")
    assert values(outlived, "cid", "old_state", "host_path") == [("b", "running", "/run/a")]
    assert outlived[0]["removed"].tzinfo is not None


def test_one_host(repository: ContainerRepository) -> None:
    """A report about what was is limited to a host as any other is."""
    database = repository.database
    for host in ("node-1", "node-2"):
        one = ContainerRepository(database, host=host)
        one.save_sandbox(SandboxState(sid="pod-1"), {"a": _container("running", "d1")})
        then = one.get("pod-1", "a").updated_at
    for name, given in (("device-holders", ["d1"]), ("paths", ["/srv"]), ("summary", [])):
        report = reports.find(name, database.backend.name, past=True)
        asked = report.values(given) | {reports.AT: then}
        answer = reports.run(database, report, asked, host="node-2")
        assert {row[answer.columns.index("host")] for row in answer.rows} == {"node-2"}


def test_times_of_which_nothing_is_known(repository: ContainerRepository) -> None:
    """A time before the horizon is an error, and so is any where nothing is recorded."""
    database = repository.database
    now = datetime.now(UTC)
    reports.check_time(database, now)
    with pytest.raises(BeforeHorizon):
        reports.check_time(database, datetime(2020, 1, 1, tzinfo=UTC))
    with database.engine.begin() as connection:
        (seconds,) = connection.execute(text("SELECT seconds FROM retention")).one()
        connection.execute(text("UPDATE retention SET seconds = 0"))
    try:
        with pytest.raises(HistoryOff):
            reports.check_time(database, now)
    finally:
        with database.engine.begin() as connection:
            connection.execute(text("UPDATE retention SET seconds = :seconds"), {"seconds": seconds})


def test_reports_of_now_only(tmp_path: Path) -> None:
    """A report that is about what is now only says so, with those that know what was; the user's file may add one."""
    with pytest.raises(InvalidValue, match="now only; these are about a time, too: device-holders, paths, summary"):
        reports.find("stale", "sqlite", past=True)
    with pytest.raises(InvalidValue, match="unknown"):
        reports.find("nonsense", "sqlite", past=True)
    file = tmp_path / "stale.at.sql"
    file.write_text("-- title: Mine\nSELECT host FROM containers_over_time WHERE valid_from <= :at")
    assert reports.find("stale", "sqlite", tmp_path, past=True).path == file
    assert reports.find("stale", "sqlite", tmp_path).title != "Mine"


def test_before_boot(repository: ContainerRepository) -> None:
    """What was lost with a boot is listed as it was last, and its mounts are gone, not left behind."""
    database = repository.database
    for sid in ("pod-1", "pod-2"):
        repository.save_sandbox(SandboxState(sid=sid), {"a": _container("running", "d1", bundle_path="/b")})
    last = repository.get("pod-1", "a")
    repository.acting(cause="boot").destroy_sandbox("pod-1")
    repository.acting(cause="watch").destroy_sandbox("pod-2")
    (found,) = ask(database, "before-boot")
    assert found["removed"] >= found["valid_from"] == last.updated_at
    names = ("host", "sid", "cid", "state", "created_at", "bundle_path")
    assert values([found], *names) == [("node-1", "pod-1", "a", "running", last.created_at, "/b")]
    assert ask(database, "before-boot", (datetime.now(UTC) + MOMENT).isoformat()) == []
    assert values(ask(database, "outlived-mounts"), "sid") == [("pod-2",)]
