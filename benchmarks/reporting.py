"""``python -m benchmarks.reporting``: what views and filters cost on 100,000 containers in SQLite.

The reports that read all of a fleet's state, each against the same question by hand on the tables, at most twice its time;
the first page of each filter on an identifier or a path against single gets, at most five times the time of one. What other
reports read, and that an index serves them, is ``tests/reports/test_indexes.py``.
"""

# ruff: noqa: E501, S608  the statements by hand are as long as they are, and made of constants

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from persistdb import ContainerRepository, Database, reports
from persistdb.filters import parse
from persistdb.reports import readonly

from . import fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from persistdb.records import Container

T = TypeVar("T")

MOST = 2.0
GETS = 5
PAGE = 20

_UP = "JOIN container c ON c.id = x.container_id JOIN sandbox s ON s.id = c.sandbox_id"
_WHOSE = "s.host, s.sid, c.cid, c.state"
_NOTHING = (
    "x.options IS NULL OR instr(x.options, '\"nosuid\"') = 0",
    "x.options IS NULL OR instr(x.options, '\"nodev\"') = 0",
    "x.options IS NULL OR instr(x.options, '\"noexec\"') = 0",
)
_BY_HAND = {
    "summary": "SELECT s.host, c.state, count(*) FROM container c JOIN sandbox s ON s.id = c.sandbox_id GROUP BY 1, 2",
    "leftover-mounts": f"SELECT {_WHOSE}, x.destination, x.host_path, x.source, x.is_rootfs FROM mount x {_UP}"
    " WHERE c.state NOT IN ('ready', 'running', 'paused') AND (x.host_path <> '' OR (x.is_rootfs AND x.mounted))"
    " ORDER BY 1, 2, 3, x.position",
    "shared-devices": "SELECT s.host, x.device_id, count(DISTINCT s.sid), count(DISTINCT c.cid), count(*), max(x.shared),"
    f" min(x.container_path), max(x.container_path) FROM device_map x {_UP} GROUP BY 1, 2 HAVING count(*) > 1",
    "block-rootfs": f"SELECT {_WHOSE}, x.block_device_id, x.type, x.mounted FROM mount x {_UP} WHERE x.position = 0"
    " AND x.block_device_id <> '' ORDER BY 1, 2, 3",
    "dangling-devices": "WITH k AS MATERIALIZED (SELECT s.id, s.host, s.sid, i.value ->> 'ID' AS device_id,"
    " i.value ->> '$.BlockDrive.File' AS file FROM sandbox s, json_each(s.document, '$.Devices') i),"
    " u AS MATERIALIZED (SELECT c.sandbox_id, c.cid, x.device_id, x.container_path AS path, 1 AS is_map"
    " FROM device_map x JOIN container c ON c.id = x.container_id UNION ALL"
    " SELECT c.sandbox_id, c.cid, x.block_device_id, x.destination, 0 FROM mount x"
    " JOIN container c ON c.id = x.container_id WHERE x.block_device_id <> '')"
    " SELECT u.is_map, s.host, s.sid, u.cid, u.device_id, u.path FROM u JOIN sandbox s ON s.id = u.sandbox_id"
    " LEFT JOIN k ON k.id = u.sandbox_id AND k.device_id = u.device_id"
    " WHERE s.document IS NOT NULL AND k.id IS NULL UNION ALL"
    " SELECT 2, k.host, k.sid, NULL, k.device_id, k.file FROM k LEFT JOIN u ON u.sandbox_id = k.id"
    " AND u.device_id = k.device_id WHERE u.cid IS NULL",
    "refcounts": "WITH k AS (SELECT s.id, s.host, s.sid, i.value ->> 'ID' AS device_id, i.value ->> 'Type' AS type,"
    " i.value ->> 'RefCount' AS refs, i.value ->> 'AttachCount' AS attached FROM sandbox s,"
    " json_each(s.document, '$.Devices') i), m AS (SELECT c.sandbox_id, x.device_id, count(*) AS n FROM device_map x"
    " JOIN container c ON c.id = x.container_id GROUP BY 1, 2), b AS (SELECT c.sandbox_id, x.block_device_id, count(*) AS n"
    " FROM mount x JOIN container c ON c.id = x.container_id WHERE x.block_device_id <> '' GROUP BY 1, 2)"
    " SELECT k.host, k.sid, k.device_id, k.type, k.refs, coalesce(m.n, 0) + coalesce(b.n, 0), k.attached, m.n, b.n FROM k"
    " LEFT JOIN m ON m.sandbox_id = k.id AND m.device_id = k.device_id"
    " LEFT JOIN b ON b.sandbox_id = k.id AND b.block_device_id = k.device_id"
    " WHERE k.refs <> coalesce(m.n, 0) + coalesce(b.n, 0) OR k.attached > k.refs",
    "writable-binds": f"SELECT {_WHOSE}, x.source, x.destination, x.host_path FROM mount x {_UP} WHERE"
    " (x.type = 'bind' OR x.host_path <> '' OR instr(x.options, '\"bind\"') OR instr(x.options, '\"rbind\"'))"
    " AND NOT x.read_only AND NOT coalesce(instr(x.options, '\"ro\"'), 0) AND x.source >= '/' AND x.source < '0'"
    " ORDER BY x.source, 1, 2, 3",
    "open-devices": f"SELECT {_WHOSE}, x.container_path, printf('%04o', x.file_mode & 511), x.uid, x.gid,"
    f" x.device_id FROM device_map x {_UP} WHERE x.file_mode & 63 ORDER BY x.container_path, 1, 2, 3",
    "mount-options": "SELECT x.destination, count(*), "
    + ", ".join(f"sum({missing})" for missing in _NOTHING)
    + " FROM mount x WHERE NOT x.is_rootfs GROUP BY 1 ORDER BY 2 DESC, 1",
    "unstarted": f"SELECT {_WHOSE}, c.created_at, (SELECT count(*) FROM mount x WHERE x.container_id = c.id),"
    " (SELECT count(*) FROM device_map x WHERE x.container_id = c.id) FROM container c"
    " JOIN sandbox s ON s.id = c.sandbox_id LEFT JOIN process p ON p.container_id = c.id AND p.position = 0"
    " WHERE p.token IS NULL AND p.start_time IS NULL ORDER BY c.created_at, 1, 2, 3",
    "stale": f"SELECT {_WHOSE}, c.updated_at, n.seen_at, p.pid, p.start_time AS started_at FROM container c"
    " JOIN sandbox s ON s.id = c.sandbox_id LEFT JOIN sandbox_seen n ON n.sandbox_id = s.id"
    " LEFT JOIN process p ON p.container_id = c.id AND p.position = 0"
    " WHERE c.state IN ('running', 'paused') AND c.updated_at < :age AND (n.seen_at IS NULL OR n.seen_at < :age)"
    " ORDER BY 1, c.updated_at, 2, 3",
    "largest": "WITH m AS (SELECT container_id, count(*) AS n FROM mount GROUP BY 1),"
    " d AS (SELECT container_id, count(*) AS n FROM device_map GROUP BY 1)"
    " SELECT s.host, s.sid, s.state, count(*), sum(m.n), sum(d.n) FROM sandbox s JOIN container c ON c.sandbox_id = s.id"
    " LEFT JOIN m ON m.container_id = c.id LEFT JOIN d ON d.container_id = c.id"
    " GROUP BY s.id ORDER BY 4 DESC, 5 DESC, 6 DESC, 1, 2 LIMIT :count",
    "paths": f"SELECT {_WHOSE}, x.source, x.destination, x.host_path, x.read_only FROM mount x {_UP} WHERE"
    " x.source >= :prefix AND x.source < :prefix_to AND x.source >= '/' AND x.source < '0' UNION"
    f" SELECT {_WHOSE}, x.source, x.destination, x.host_path, x.read_only FROM mount x {_UP} WHERE"
    " x.host_path >= :prefix AND x.host_path < :prefix_to AND x.host_path <> ''",
    "duplicates": "SELECT s.host, x.host_path, count(*), count(DISTINCT s.sid), count(DISTINCT c.cid), min(x.destination),"
    f" max(x.destination) FROM mount x {_UP} WHERE x.host_path <> '' GROUP BY 1, 2 HAVING count(*) > 1",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, measure, print; 0 if all is within the bounds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reporting", description=__doc__)
    parser.add_argument("--containers", type=int, default=100_000, metavar="N")
    parser.add_argument("--database", type=Path, metavar="FILE", help="build it there, or use what is there already")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="the fastest of N runs counts")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = options.database or Path(folder) / "fleet.db"
        existed = path.exists()
        with Database(f"sqlite:///{path}") as database:
            if not existed:
                fleet.build(database, options.containers)
            good = _reports(database, options.repeat)
            return 0 if _filters(database, options.repeat) and good else 1


def _reports(database: Database, repeat: int) -> bool:
    one = ContainerRepository(database, host="node-000").find(limit=1)[0]
    given = {"paths": [one.record.mounts[8].source]}
    good = True
    sys.stdout.write("| report | rows | by hand, ms | report, ms | ratio |\n|---|--:|--:|--:|--:|\n")
    for name, by_hand in _BY_HAND.items():
        report = reports.find(name, "sqlite")
        values = report.values(given.get(name, []))
        if name == "stale":
            values = {"age": datetime.now(UTC) + timedelta(days=1)}  # all of them
        theirs, hand = _fastest(lambda v=values, h=by_hand: readonly.read(database, h, v, timeout=600), repeat)
        ours, found = _fastest(lambda v=values, r=report: readonly.read(database, r.sql, v, timeout=600), repeat)
        same = sorted(map(repr, hand.rows)) == sorted(map(repr, found.rows))
        good = good and same and ours <= MOST * theirs
        note = "" if same else " others by hand!"
        sys.stdout.write(
            f"| {name} | {len(found.rows)}{note} | {theirs * 1e3:.1f} | {ours * 1e3:.1f} | {ours / theirs:.2f} |\n"
        )
        sys.stdout.flush()
    return good


def _keyed(one: Container) -> list[str]:
    record = one.record
    block = next(mount for mount in record.mounts if mount.block_device_id)
    bind = next(mount for mount in record.mounts if mount.destination == "/data")
    return [
        f"sid={one.sid}",
        f"cid={one.cid}",
        f"cid={one.cid[:12]}*",
        f"device={record.device_maps[0].id}",
        f"block-device={block.block_device_id}",
        "rootfs-device=none",
        f"source={bind.source}",
        f"source={bind.source[:-5]}*",
        f"host-path={bind.host_path}",
        f"host-path={bind.host_path[:-10]}*",
        f"token={one.cid}",
        "pid=4711",
        "bundle=/none",
        f"cgroup={record.cgroup_path}",
    ]


def _filters(database: Database, repeat: int) -> bool:
    repository = ContainerRepository(database, host="node-000")
    one = repository.find(limit=500)[-1]
    get, _ = _fastest(lambda: repository.get(one.sid, one.cid), 50 * repeat)
    sys.stdout.write(f"\nA get takes {get * 1e3:.3f} ms.\n\n")
    sys.stdout.write("| first page of ls | rows | ms | gets | find, ms |\n|---|--:|--:|--:|--:|\n")
    good = True
    for condition in ["host=node-000", *_keyed(one)]:
        for everywhere in (False, True):
            took, found = _fastest(
                lambda c=condition, e=everywhere: repository.summaries(parse(c), limit=PAGE, all_hosts=e), 20 * repeat
            )
            whole, _ = _fastest(
                lambda c=condition, e=everywhere: repository.find(parse(c), limit=PAGE, all_hosts=e), 20 * repeat
            )
            good = good and took <= GETS * get
            where = " --all-hosts" if everywhere else ""
            sys.stdout.write(
                f"| {condition[:30]}{where} | {len(found)} | {took * 1e3:.3f} | {took / get:.1f} | {whole * 1e3:.3f} |\n"
            )
    return good


def _fastest(work: Callable[[], T], repeat: int) -> tuple[float, T]:
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return best, result


if __name__ == "__main__":
    sys.exit(main())
