"""The program that measures a fleet: its account of what agents wrote, and its tables."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.fleet import __main__ as program
from benchmarks.fleet import agents
from persistdb import ContainerRepository, Database, PersistDBError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_what_is_lost_is_counted(tmp_path: Path) -> None:
    """Of what agents had acknowledged nothing is lost; where the database has an older value, one is."""
    url = f"sqlite:///{tmp_path}/fleet/persistdb.db"
    accounts = agents.run(url, 2, 0.5)
    assert [account.errors for account in accounts] == [[], []]
    assert agents.lost(url, accounts) == 0
    with Database(url) as database:
        repository = ContainerRepository(database, host=accounts[0].host)
        for cid, number in accounts[0].acknowledged.items():
            repository.update(agents.SID, cid, lambda record: record.replace(bundle_path=f"/run/{number - 1}"))  # noqa: B023  run at once
            break
    assert agents.lost(url, accounts) == 1


def test_an_agent_that_cannot_begin(tmp_path: Path) -> None:
    """The error of an agent that cannot begin is told, at once."""
    (tmp_path / "persistdb.db").write_bytes(b"no database, but long enough for one" * 100)
    with pytest.raises(PersistDBError, match=r"persistdb\.db"):
        agents.run(f"sqlite:///{tmp_path}/persistdb.db", 2, 0.5)


def test_an_agent_that_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for an agent that ends before it begins with an error that is not persistdb's."""
    all_ready = threading.Barrier(2)
    save = ContainerRepository.save_sandbox

    def save_or_break(repository: ContainerRepository, *arguments: Any) -> object:
        if repository.host == "agent-001":
            raise RuntimeError("broken")
        return save(repository, *arguments)

    monkeypatch.setattr(ContainerRepository, "save_sandbox", save_or_break)
    monkeypatch.setattr(agents, "_START", 15.0)
    begin = time.monotonic()
    with pytest.raises(RuntimeError, match="broken"):
        agents.write(f"sqlite:///{tmp_path}/persistdb.db", ["agent-000", "agent-001"], 0.5, all_ready)
    assert time.monotonic() - begin < 15
    assert all_ready.broken


def test_a_standstill() -> None:
    """An agent stands still from its beginning to its first acknowledgement, and from the last to its end, too."""
    accounts = [agents.Account("a", [0.1], [ends], [], {}, {}, 10.0, 20.0) for ends in (12.0, 19.0)]
    assert agents.standstill(accounts) == 9.0
    assert agents.standstill([agents.Account("a", [], [], ["Unavailable"], {}, {}, 10.0, 20.0)]) == 10.0
    assert agents.spent(accounts) == 10.0


def test_agents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The program prints what agents did, and ends with success if nothing is lost."""
    given = ["--engine", "sqlite", "--folder", str(tmp_path), "--only", "agents", "--agents", "2", "--seconds", "0.5"]
    assert program.main(given) == 0
    row = capsys.readouterr().out.splitlines()[-1]
    assert row.startswith("| SQLite")
    assert row.endswith("| 0 | 0 |")


def test_the_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The program prints a table of how operations grow with the fleet."""
    given = ["--engine", "sqlite", "--folder", str(tmp_path), "--sizes", "1000", "--only", "growth", "--repeat", "1"]
    assert program.main(given) == 0
    printed = capsys.readouterr().out
    assert "| get | " in printed
    assert "| report summary, first page | " in printed
    assert "| B a container | " in printed
