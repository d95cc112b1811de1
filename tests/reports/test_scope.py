"""Reports of one host, and the hosts that a database has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository, InvalidValue, SandboxState
from persistdb.reports import catalog, hosts, run

from .test_reports import FINDINGS, OTHERS

if TYPE_CHECKING:
    from pathlib import Path

    from persistdb import Database

VALUES = {
    "changes": ["node-1"],
    "device-history": ["blk"],
    "device-holders": ["blk"],
    "paths": ["/"],
    "stale": ["0s"],
    "vfio-holders": ["0000:3b:00.0"],
}


@pytest.mark.parametrize("name", sorted({*FINDINGS, *OTHERS}))
def test_each_report_of_one_host(database: Database, name: str) -> None:
    """A report of one host has the rows of this host, in the same order, and no others."""
    report = catalog.find(name, database.backend.name)
    values = report.values(VALUES.get(name, ()))
    everywhere = run(database, report, values)
    for host in ("node-1", "node-2", "node-3"):
        rows = run(database, report, values, host=host).rows
        if "host" in everywhere.columns:
            at = everywhere.columns.index("host")
            assert rows == [row for row in everywhere.rows if row[at] == host]
        elif host == "node-3":
            assert rows == []


def _own(folder: Path, sql: str, engine: str) -> catalog.Report:
    (folder / "own.sql").write_text(f"-- title: Own\n{sql}")
    return catalog.find("own", engine, folder)


def test_own_reports_of_one_host(database: Database, tmp_path: Path) -> None:
    """A user's report need not know of hosts, also where its SQL has parts of its own, comments, and a limit."""
    for sql in (
        "SELECT count(*) FROM containers",
        "WITH n AS (SELECT count(*) AS n FROM containers) SELECT n FROM n",
        "/* of ( all */ with n AS (SELECT count(*) AS n FROM containers) SELECT n FROM n LIMIT 1",
        "SELECT count(*) FROM containers AS c JOIN sandboxes AS s ON s.host = c.host AND s.sid = c.sid",
    ):
        report = _own(tmp_path, sql, database.backend.name)
        of_each = [run(database, report, host=host).rows[0][0] for host in ("node-1", "node-2", None)]
        assert of_each == [5, 1, 6], sql


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT count(*) FROM container",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n, containers",
        "(WITH n AS (SELECT 1 AS i) SELECT i FROM n, containers)",
    ],
)
def test_reports_of_all_hosts_only(database: Database, tmp_path: Path, sql: str) -> None:
    """A report that cannot be limited to a host is refused, rather than answered for all."""
    with pytest.raises(InvalidValue, match="cannot be limited to one host; add --all-hosts"):
        run(database, _own(tmp_path, sql, database.backend.name), host="node-1")


def test_hosts(database: Database) -> None:
    """The hosts are those that have sandboxes, in their order."""
    ContainerRepository(database, host="a'%_ü").save_sandbox(SandboxState(sid="s"), {})
    assert hosts(database, 9) == ["a'%_ü", "node-1", "node-2"]
    assert hosts(database, 2) == ["a'%_ü", "node-1"]
