"""What a host asks for itself does not grow with the fleet: the rows that an engine looks at are counted."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from persistdb import ContainerIDs, ContainerRepository, Database
from persistdb.records import ContainerState, DeviceMap, Mount, Process, SandboxState, SandboxWrite
from persistdb.reports import catalog, devices, page_hosts, readonly, scope
from persistdb.schema.metadata import METADATA
from tests.conftest import ENGINES, SERVERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SANDBOXES = 10
SMALL, LARGE = 30, 150
"""Hosts, with ten sandboxes of two containers each, and two that are removed."""


def _fill(database: Database, hosts: range) -> None:
    for host in hosts:
        repository = ContainerRepository(database, host=f"node-{host}")
        repository.save_many(
            SandboxWrite(
                sid=(sid := f"{i}-{host}"),
                record=SandboxState(sid=sid, document=_document(sid)),
                containers={"pause": ContainerState(), f"c{i}-{host}": _container(sid)},
            )
            for i in range(SANDBOXES)
        )
        repository.mark_seen([f"{i}-{host}" for i in range(SANDBOXES)], source="/run/vc/sbs")
        for cause in ("boot", "prune"):
            sid = f"{cause}-{host}"
            repository.save_sandbox(SandboxState(sid=sid), {f"c{sid}": _container(sid)})
            repository.acting(cause=cause).destroy_sandbox(sid)


def _document(sid: str) -> str:
    """Write a sandbox's own file, with devices and a plain file; Kata draws the IDs of devices."""
    number, _, host = sid.partition("-")
    block = {"DevType": "b", "Major": 8, "Minor": int(host) * SANDBOXES + int(number)}
    drive, image = {"File": f"/dev/disk/{sid}"}, {"File": f"/images/{sid}"}
    return json.dumps(
        {
            "Devices": [
                {"ID": f"b{sid}", "RefCount": 2, **block, "BlockDrive": drive},
                {"ID": f"v{sid}", "DevType": "c", "Major": 10, "Minor": 229},
                {"ID": f"f{sid}", "DevType": "b", "Major": -1, "Minor": 0, "BlockDrive": image},
            ]
        }
    )


def _container(sid: str) -> ContainerState:
    return ContainerState(
        state="running",
        cgroup_path=f"/cgroup/{sid}",
        bundle_path=f"/bundle/{sid}",
        rootfs=Mount(block_device_id=f"b{sid}"),
        mounts=[Mount(source=f"/source/{sid}", host_path="/etc/hosts"), Mount(block_device_id=f"f{sid}"), Mount()],
        device_maps=[DeviceMap(id="fuse"), DeviceMap(id=f"v{sid}")],
        processes=[Process(token=sid, pid=1000)],
    )


ASKED: Mapping[str, Callable[[ContainerRepository], object]] = {
    "look up an ID": lambda r: r.look_up("c3-29"),
    "look up a short prefix": lambda r: r.look_up_ids("c3"),
    "look up what each host has": lambda r: r.look_up("3-29/pause"),
    "look up with a short sandbox": lambda r: r.look_up("3/pause"),
    "iterate": lambda r: list(r.iterate(batch=7)),
    "iterate with a filter": lambda r: list(r.iterate("state=running", batch=7)),
    "iterate over a prefix": lambda r: list(r.iterate("bundle=/bundle/*", batch=7)),
    "list": lambda r: r.find(limit=5),
    "an ID": lambda r: r.find("cid=pause"),
    "a prefix of IDs": lambda r: r.find("cid=c*"),
    "a prefix of sandboxes": lambda r: r.find("sid=3*", "cid=pause"),
    "a prefix of bundles": lambda r: r.find("bundle=/bundle/*"),
    "a prefix of cgroups": lambda r: r.find("cgroup=/cgroup/*"),
    "a path": lambda r: r.find("host-path=/etc/hosts"),
    "a prefix of paths": lambda r: r.find("source=/source/*", "host-path=/etc/*"),
    "a device": lambda r: r.find("device=fuse"),
    "a process": lambda r: r.find("pid=1000", "state=running"),
    "two keys": lambda r: r.find("device=fuse", "cid=c*"),
    "not a path": lambda r: r.find("host-path!=/etc/hosts"),
    "count": lambda r: r.count("host-path=/etc/*"),
    "what is gone": lambda r: r.unseen("/run/vc/sbs", before=datetime.now(UTC) + timedelta(hours=1)),
    "folders": lambda r: r.sources(),
}
THERE = ContainerIDs("node-29", "5-29", "c5-29")
OF_ALL: Mapping[str, Callable[[ContainerRepository], object]] = {
    "list all hosts": lambda r: r.find(limit=5, all_hosts=True),
    "list all hosts, reversed": lambda r: r.summaries("state=running", sort="-sid", limit=5, all_hosts=True),
    "list all hosts by host": lambda r: r.summaries("state=running", sort="host", limit=5, all_hosts=True),
    "a later page": lambda r: r.summaries(limit=5, after=THERE, all_hosts=True),
    "a later page, reversed": lambda r: r.summaries("state=running", sort="-sid", limit=5, after=THERE, all_hosts=True),
    "a later page by host": lambda r: r.summaries("state=running", sort="host", limit=5, after=THERE, all_hosts=True),
    "a later page by container": lambda r: r.summaries(sort="-cid", limit=5, after=THERE, all_hosts=True),
}


# of one host: a device, and whether the question is about the host
HOLDERS = (
    *(("b3-29", False), ("v3-29", False), ("b 8:293", False), ("8:293", False), ("/dev/disk/3-29", False)),
    *(("f3-29", False), ("/images/3-29", False), ("f3-29", True), ("/images/3-29", True)),
    *(("v3-29", True), ("8:293", True)),
)
ON_EACH_HOST = ("c 10:229", True)
HELD_ONCE = ("b3-29", "8:293", "/dev/disk/3-29", "f3-29", "/images/3-29")
REPORTS = [
    name
    for name in catalog.names()
    if (found := catalog.find(name, "sqlite")).is_by_host or found.totals or found.ranked_by
]
VALUES = {"paths": ["/"], "stale": ["0s"]}
OTHERS = [("hosts without sandboxes", name) for name in ("before-boot", "outlived-mounts", "restarts")]


@pytest.fixture(scope="module", params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Create an empty database on each engine in turn, for all tests."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('fleet') / 'persistdb.db'}"
        return
    server = request.getfixturevalue(f"{request.param}_server")
    server.start()
    name = server.create_database()
    yield server.url(name)
    server.start()
    server.drop_database(name)


@pytest.fixture(scope="module")
def read(url: str) -> dict[object, list[int]]:
    """Ask one host of thirty, and of five times as many, for everything, and count rows."""
    counts: dict[object, list[int]] = {
        what: [] for what in (*ASKED, *OF_ALL, *REPORTS, *OTHERS, *HOLDERS, ON_EACH_HOST, *HELD_ONCE)
    }
    with Database(url) as database:
        repository = ContainerRepository(database, host="node-29")
        for hosts in (range(SMALL), range(SMALL, LARGE)):
            _fill(database, hosts)
            _analyze(database)
            for what, ask in {**ASKED, **OF_ALL}.items():
                with _sent(database) as sent:
                    assert ask(repository)
                counts[what].append(sum(rows_read(database, sql, values) for sql, values in sent))
            for given, of_host in (*HOLDERS, ON_EACH_HOST):
                counts[given, of_host].append(rows_read(database, *_holders(database, given, of_host=of_host)))
            for given in HELD_ONCE:
                counts[given].append(sum(rows_read(database, *each) for each in _past_holders(database, given)))
            for name in REPORTS:
                counts[name].append(rows_read(database, *_of_hosts(database, name, ["node-7", "node-28", "node-29"])))
            for what in OTHERS:
                query = page_hosts.others(catalog.find(what[1], database.backend.name), "node-28", "node-29", 5)
                assert query is not None
                counts[what].append(rows_read(database, *_bound(database, *query)))
    return counts


def _holders(database: Database, given: str, *, of_host: bool) -> tuple[str, Any]:
    report = catalog.find("device-holders", database.backend.name)
    sql, parameters = scope.of_hosts(database, report, ["node-29"]) if of_host else (report.sql, {})
    return _bound(database, sql, {**report.values([given]), **parameters})


def _past_holders(database: Database, given: str) -> Iterator[tuple[str, Any]]:
    report = catalog.find("device-holders", database.backend.name, past=True)
    values: Mapping[str, object] = {**report.values([given]), "at": datetime.now(UTC)}
    yield _bound(database, devices.query("device"), values)
    report, values = devices.resolved(database, report, values, host=None, timeout=60)
    assert "device_ids0" in values
    yield _bound(database, report.sql, values)


def _of_hosts(database: Database, name: str, hosts: list[str]) -> tuple[str, Any]:
    report = catalog.find(name, database.backend.name)
    sql, parameters = scope.of_hosts(database, report, hosts)
    return _bound(database, sql, {**report.values(VALUES.get(name, ())), **parameters})


def _bound(database: Database, sql: str, given: Mapping[str, object]) -> tuple[str, Any]:
    sql, values = readonly.bound(database, sql, given)
    return sql, tuple(values) if isinstance(values, list) else values


def _analyze(database: Database) -> None:
    """Let the servers collect statistics, as they do by themselves."""
    with database.writer.begin() as connection:
        if database.backend.name == "postgresql":
            connection.exec_driver_sql("ANALYZE")
        elif database.backend.name == "mariadb":
            connection.exec_driver_sql(f"ANALYZE TABLE {', '.join(METADATA.tables)}").all()


@contextmanager
def _sent(database: Database) -> Iterator[list[tuple[str, Any]]]:
    sent: list[tuple[str, Any]] = []

    def listen(_connection: object, _cursor: object, sql: str, values: object, _context: object, _many: bool) -> None:
        if sql.startswith(("SELECT", "WITH")):
            sent.append((sql, values))

    event.listen(database.engine, "before_cursor_execute", listen)
    yield sent
    event.remove(database.engine, "before_cursor_execute", listen)


def rows_read(database: Database, sql: str, values: Any) -> int:
    """Return how many rows an engine looks at; of SQLite the steps of its program, which counts no rows."""
    with database.engine.connect() as connection:
        if database.backend.name == "postgresql":
            # small tables are read whole because that is quicker; the question is whether they must be
            for way in ("seqscan", "hashjoin", "mergejoin"):
                connection.exec_driver_sql(f"SET enable_{way} = off")
            explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}"
            (plan,) = connection.exec_driver_sql(explain, values).scalar_one()
            return _rows_of_plan(plan["Plan"])
        if database.backend.name == "mariadb":
            before = _handled(connection)
            connection.exec_driver_sql(sql, values).all()
            return _handled(connection) - before
        steps = 0

        def step() -> int:
            nonlocal steps
            steps += 1
            return 0

        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(step, 1)
        connection.exec_driver_sql(sql, values).all()
        driver.set_progress_handler(None, 1)
        return steps


def _rows_of_plan(plan: Mapping[str, Any]) -> int:
    own = sum(number for name, number in plan.items() if name == "Actual Rows" or name.startswith("Rows Removed"))
    return int(own * plan["Actual Loops"]) + sum(map(_rows_of_plan, plan.get("Plans", ())))


def _handled(connection: Any) -> int:
    return sum(int(value) for _, value in connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_read%%'"))


@pytest.mark.parametrize("what", ASKED)
def test_a_host_s_own_questions(read: dict[object, list[int]], what: str) -> None:
    """With five times as many hosts an engine looks at hardly more rows."""
    small, large = read[what]
    assert large <= 1.5 * small


@pytest.mark.parametrize("what", HOLDERS)
def test_the_holders_of_a_device(read: dict[object, list[int]], what: tuple[str, bool]) -> None:
    """Who holds one host's device is found by its names, or among the host's own, whatever other hosts have."""
    small, large = read[what]
    assert 0 < large <= 1.5 * small


@pytest.mark.parametrize("what", HELD_ONCE)
def test_who_held_a_device(read: dict[object, list[int]], what: str) -> None:
    """Who held one host's device is found by its names, whatever other hosts have and had."""
    small, large = read[what]
    assert 0 < large <= 1.5 * small


@pytest.mark.parametrize("url", SERVERS, indirect=True, scope="module")
def test_the_holders_of_what_each_host_has(read: dict[object, list[int]]) -> None:
    """A host's holders of numbers that each host has are found among its own; SQLite has no statistics to see that."""
    small, large = read[ON_EACH_HOST]
    assert 0 < large <= 1.5 * small


@pytest.mark.parametrize("what", REPORTS)
def test_a_page_of_a_report(read: dict[object, list[int]], what: str) -> None:
    """A report of some hosts begins with these hosts, whatever else the database holds."""
    small, large = read[what]
    assert 0 < large <= 1.5 * small


@pytest.mark.parametrize("what", OTHERS)
def test_the_hosts_of_a_page(read: dict[object, list[int]], what: tuple[str, str]) -> None:
    """The next hosts of what was are found among their own rows, whatever other hosts had."""
    small, large = read[what]
    assert 0 < large <= 1.5 * small


@pytest.mark.parametrize("what", OF_ALL)
def test_a_page_of_all_hosts(read: dict[object, list[int]], what: str) -> None:
    """A page of all hosts, by sandbox or host, is found in an index, wherever it begins."""
    small, large = read[what]
    assert large <= 1.5 * small


def test_an_iteration_of_a_large_host(url: str) -> None:
    """An iteration looks at each row as often on a host with many sandboxes as on one with a few."""
    with Database(url) as database:
        counts = []
        for host, number in (("few", 20), ("many", 200)):
            repository = ContainerRepository(database, host=host)
            repository.save_many(
                SandboxWrite(sid=(sid := f"{i}"), record=SandboxState(sid=sid), containers={sid: ContainerState()})
                for i in range(number)
            )
            _analyze(database)
            with _sent(database) as sent:
                assert len(list(repository.iterate(batch=5))) == number
            counts.append(sum(rows_read(database, sql, values) for sql, values in sent) / number)
    few, many = counts
    assert many <= 1.5 * few


def test_what_one_of_very_many_versions_was(database: Database) -> None:
    """The rows of a container as it was, at a time or in a revision, are sought however many versions it had.

    In a database of their own: among containers with few versions MariaDB expects few, and reads the keys of all.
    """
    repository, counts = ContainerRepository(database, host="node-1"), []
    record, made = _container("v"), datetime.now(UTC)
    repository.save_sandbox(SandboxState(sid="v"), {"v": record})
    for number in (20, 180):
        for i in range(number):
            mounts = [mount.replace(options=[str(number), str(i)]) for mount in record.mounts]
            repository.save("v", "v", record.replace(mounts=mounts))
        _analyze(database)
        for at, revision in ((made, 2), (made + (datetime.now(UTC) - made) / 2, number // 2)):
            with _sent(database) as sent:
                repository.get("v", "v", at=max(at, repository.get("v", "v").created_at))
                repository.get("v", "v", revision=revision)
            # the version is found, then read
            counts.append(sum(rows_read(database, sql, values) for sql, values in (sent[-3], sent[-1])))
    assert max(counts) <= 1.5 * min(counts)
