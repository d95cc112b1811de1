"""Reports over all hosts in pages."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository, ContainerState, InvalidValue, Mount, QueryTimeout, SandboxState
from persistdb.records import Machine
from persistdb.reports import catalog, run, stream, whole
from persistdb.reports.page_hosts import OF_OTHERS
from persistdb.reports.readonly import Rows
from persistdb.schema.names import VIEWS

from . import fleet
from .readers import granted
from .test_reports import FINDINGS, OTHERS, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from persistdb import Database
    from persistdb.reports import Page

VALUES = {
    "device-holders": ["fuse"],
    "device-history": ["fuse"],
    "changes": ["node-1"],
    "paths": ["/"],
    "stale": ["0s"],
    "vfio-holders": ["0000:3b:00.1"],
}
AT_ONCE = (
    "changes",
    "device-history",
    "device-holders",
    "findings",
    "leaking-hosts",
    "vfio-holders",
)
PAST = ("before-boot", "outlived-mounts")
"""Their rows are of containers that are removed: the fleet has none."""
RANKED = ("largest", "restarts")
BY_HOST = sorted({*FINDINGS, *OTHERS} - {*AT_ONCE, *PAST, *RANKED, "mount-options"})


def pages(database: Database, name: str, sandboxes: int, limit: int | None = None) -> list[Page]:
    """Read a report in pages of so many sandboxes."""
    report = catalog.find(name, database.backend.name)
    values = report.values(VALUES.get(name, ()))
    return list(stream(database, report, values, whole=0, sandboxes=sandboxes, limit=limit))


@pytest.mark.parametrize("name", BY_HOST)
def test_each_report_in_pages(database: Database, name: str) -> None:
    """The pages of a report are the report, in its order, whatever their size."""
    report = catalog.find(name, database.backend.name)
    at_once = list(stream(database, report, report.values(VALUES.get(name, ()))))
    assert len(at_once) == 1
    assert at_once[0].rows.rows
    for sandboxes, number in ((1, 2), (2, 2), (3, 2), (100, 1)):
        found = pages(database, name, sandboxes)
        assert len(found) == number
        assert whole(found) == at_once[0].rows
        assert found[-1].sandboxes == found[-1].all_sandboxes == 3


def test_totals(store: tuple[str, Database]) -> None:
    """Numbers of all hosts are added up over the pages, also where a page has none of what a row is there for."""
    database = store[1]
    safe = ["nosuid", "nodev", "noexec"]
    for host, data in (("node-1", ["nosuid"]), ("node-2", safe), ("node-3", safe)):
        mounts = [
            Mount(destination="/data", options=data),
            Mount(destination="/\N{SNOWMAN}", options=[]),
            Mount(destination="/b"),
            Mount(destination="/safe", options=safe),
        ]
        state = ContainerState(mounts=mounts if host != "node-3" else mounts[:1])
        ContainerRepository(database, host=host).save_sandbox(SandboxState(sid="pod"), {"a": state})
    report = catalog.find("mount-options", database.backend.name)
    expected = [["/data", 3, 0, 1, 1], ["/b", 2, 2, 2, 2], ["/\N{SNOWMAN}", 2, 2, 2, 2]]
    assert run(database, report).rows == expected
    assert run(database, report, limit=1) == Rows(list(run(database, report).columns), expected[:1], is_cut=True)
    assert [row[:2] for row in run(database, report, host="node-1").rows] == [
        ["/b", 1],
        ["/data", 1],
        ["/\N{SNOWMAN}", 1],
    ]
    assert run(database, report, host="node-2").rows == [["/b", 1, 1, 1, 1], ["/\N{SNOWMAN}", 1, 1, 1, 1]]
    *before, last = pages(database, "mount-options", 1)
    assert [page.rows.rows for page in before] == [[], [], []]
    assert last.rows.rows == expected
    assert (last.sandboxes, last.all_sandboxes) == (3, 3)


@pytest.mark.parametrize("count", [1, 2, 10])
@pytest.mark.parametrize("sandboxes", [1, 2, 100])
def test_ranks(store: tuple[str, Database], sandboxes: int, count: int) -> None:
    """A report of the largest, read in pages, is the report; the pages before the last are without rows."""
    database = store[1]
    for host, numbers in (("node-1", (2, 1)), ("node-2", (3, 2)), ("node-3", (2,))):
        repository = ContainerRepository(database, host=host)
        for i, number in enumerate(numbers):
            containers = {f"c{j}": ContainerState(state="ready") for j in range(number)}
            repository.save_sandbox(SandboxState(sid=f"pod-{i}"), containers)
            for cid, _ in itertools.product(containers, range(number)):
                repository.transition(f"pod-{i}", cid, "running", expected="ready", force=True)
                repository.transition(f"pod-{i}", cid, "ready", expected="running", force=True)
    for name in RANKED:
        report = catalog.find(name, database.backend.name)
        values = report.values([f"count={count}"])
        at_once = run(database, report, values)
        assert len(at_once.rows) == min(count, 5 if name == "largest" else 9)
        found = list(stream(database, report, values, whole=0, sandboxes=sandboxes))
        assert found[-1].rows == at_once
        assert [page.rows.rows for page in found[:-1]] == [[]] * (len(found) - 1)
        assert found[-1].sandboxes == found[-1].all_sandboxes == 5


OWN = {
    "changes": "SELECT host, count(*) AS n FROM events GROUP BY host ORDER BY host",
    "versions": "SELECT host, count(*) AS n FROM containers_over_time GROUP BY host ORDER BY host",
    "mounted": "SELECT host, count(*) AS n FROM mounts_over_time GROUP BY host ORDER BY host",
    "both": (
        "SELECT c.host, count(*) AS n FROM containers AS c JOIN hosts AS h ON h.host = c.host"
        " GROUP BY c.host UNION ALL SELECT host, sandboxes FROM hosts ORDER BY 1, 2"
    ),
    "found": "SELECT host, count(*) AS n FROM findings GROUP BY host ORDER BY host",
    "audited": "SELECT host, count(*) AS n FROM audit_runs GROUP BY host ORDER BY host",
}


@pytest.fixture
def reader(request: pytest.FixtureRequest, store: tuple[str, Database]) -> Iterator[Database]:
    """Open the store as a user who may only read the views, where an engine has users."""
    url, database = store
    if database.backend.name == "sqlite":
        yield database
        return
    with granted(request.getfixturevalue(f"{database.backend.name}_server"), url) as reader:
        yield reader


def _emptied(database: Database) -> None:
    """Let hosts have sandboxes that are removed with a boot, or by hand, beside one that has some, and idle ones."""
    for host in ("a", "m", "\N{SNOWMAN}", "\N{PILE OF POO}", "z"):
        repository = ContainerRepository(database, host=host)
        for sid in ("pod-1", "pod-2"):
            mount = Mount(source="/srv", destination="/srv", host_path=f"/run/{sid}")
            repository.save_sandbox(SandboxState(sid=sid), {"c": ContainerState(state="ready", mounts=[mount])})
            for state, old in (("running", "ready"), ("ready", "running"), ("running", "ready")):
                repository.transition(sid, "c", state, expected=old, force=True)
        if host != "m":
            repository.acting(cause="boot").destroy_sandbox("pod-1")
            repository.destroy_sandbox("pod-2")
    fleet.audit(database, "b")
    began = datetime(2026, 1, 31, tzinfo=UTC)
    ContainerRepository(database, host="g").record_gap(began, began + timedelta(hours=1), "stopped")
    idle = Machine(boot_id="2f1c5f0e", kernel="6.1.0", programs="persistdb 1")
    ContainerRepository(database, host="i").mark_seen([], source="/run/vc/sbs", machine=idle)


@pytest.mark.parametrize("sandboxes", [1, 2, 3, 100])
def test_hosts_without_sandboxes(store: tuple[str, Database], reader: Database, tmp_path: Path, sandboxes: int) -> None:
    """Hosts whose sandboxes are all removed are in the pages of what was, of audits and of hosts, also for a reader."""
    _emptied(store[1])
    for name, sql in OWN.items():
        write(tmp_path, f"{name}.sql", sql, "-- title: Own\n-- by host: yes\n")
    for name in ("restarts", *PAST, *OWN):
        report = catalog.find(name, reader.backend.name, tmp_path)
        at_once = run(reader, report)
        assert at_once.rows
        found = list(stream(reader, report, whole=0, sandboxes=sandboxes))
        assert whole(found) == at_once, name
        assert found[-1].sandboxes == found[-1].all_sandboxes
        assert len(found) > 1 or sandboxes == 100


def test_each_view_has_hosts() -> None:
    """Of each view with hosts it is known where they are: with sandboxes that are there, or elsewhere."""
    of_sandboxes = {"sandboxes", "containers", "mounts", "devices", "processes"}
    of_sandboxes |= {"sandbox_devices", "vfio_devices", "annotations"}
    assert {*of_sandboxes, *OF_OTHERS} == {*VIEWS} - {"history_bounds"}


def test_ranks_by_what_is_no_column(store: tuple[str, Database], tmp_path: Path) -> None:
    """A report that is ranked by another column than one of its own is refused."""
    write(tmp_path, "own.sql", "SELECT count(*) AS n FROM mounts", "-- title: Own\n-- ranked by: m\n")
    with pytest.raises(InvalidValue, match="is ranked by m, which is no column"):
        run(store[1], catalog.find("own", "sqlite", tmp_path))


def test_totals_of_what_is_no_column(store: tuple[str, Database], tmp_path: Path) -> None:
    """A report that adds up what it does not select is refused, with its file."""
    write(tmp_path, "own.sql", "SELECT count(*) AS n FROM mounts", "-- title: Own\n-- totals: n, m\n")
    database = store[1]
    with pytest.raises(InvalidValue, match="adds up m, which is none of its columns"):
        run(database, catalog.find("own", database.backend.name, tmp_path))


def test_one_total(database: Database, tmp_path: Path) -> None:
    """A report with one total keeps all its rows, added up."""
    write(tmp_path, "own.sql", "SELECT count(*) AS n FROM containers", "-- title: Own\n-- totals: n\n")
    report = catalog.find("own", database.backend.name, tmp_path)
    *_, last = stream(database, report, whole=0, sandboxes=1)
    assert last.rows.rows == run(database, report).rows == [[6]]


def test_limit(database: Database) -> None:
    """A limit is for all pages together, and no page is read after it is known that there are more rows."""
    rows = whole(pages(database, "summary", 1)).rows
    assert len({row[0] for row in rows}) == 2
    for limit in range(1, len(rows) + 2):
        found = whole(pages(database, "summary", 1, limit))
        assert found.rows == rows[:limit]
        assert found.is_cut == (limit < len(rows))
    assert len(pages(database, "summary", 1, 1)) == 1


def test_other_reports_are_one_page(database: Database) -> None:
    """A report whose rows are not about one host each is read at once."""
    for name in AT_ONCE:
        assert len(pages(database, name, 1)) == 1


def test_no_hosts(store: tuple[str, Database]) -> None:
    """Without a sandbox there is one page without rows, which has the columns."""
    (page,) = pages(store[1], "summary", 1)
    assert (page.rows.columns, page.rows.rows) == (["host", "state", "containers"], [])


def test_a_slow_report_is_read_in_pages(sqlite_store: tuple[str, Database], tmp_path: Path) -> None:
    """What is not done at once in a short time is read in pages, each of which may take the time for a statement."""
    database = sqlite_store[1]
    for host in ("node-1", "node-2"):
        repository = ContainerRepository(database, host=host)
        repository.save_sandbox(SandboxState(sid="pod"), {f"c{i}": ContainerState() for i in range(4)})
    joined = ", ".join(f"containers AS c{i}" for i in range(1, 9))
    query = f"SELECT c1.host, count(*) AS n FROM {joined} GROUP BY c1.host ORDER BY c1.host"
    write(tmp_path, "slow.sql", query, "-- title: Slow\n-- by host: yes\n")
    report = catalog.find("slow", "sqlite", tmp_path)
    found = list(stream(database, report, whole=0.001, sandboxes=1))
    assert [page.rows.rows for page in found] == [[["node-1", 4**8]], [["node-2", 4**8]]]
    assert [(page.sandboxes, page.all_sandboxes) for page in found] == [(1, 2), (2, 2)]
    with pytest.raises(QueryTimeout):
        list(stream(database, report, timeout=0.001))
