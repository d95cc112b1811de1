"""``python -m benchmarks.size``: the bytes that a container takes, table by table and index by index, as Markdown.

A fleet is filled with containers (:mod:`.fleet`) whose sandboxes have annotations and devices in their documents, and
each container changes its state some times. What equal mounts would save if each was stored once is measured on a copy
that has them so, with what it costs to read them: see docs/size.md.
"""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url

from persistdb import ContainerRepository, Database
from persistdb.engines.sqlite import driver
from tests.servers import MissingServer

from . import fleet, places
from .results import aligned
from .timing import interleave, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_STATES = ("running", "paused")
_LEAST = 10.0  # bytes of a container, below which a table or an index is one of the others

_POSTGRESQL = """SELECT coalesce(t.relname, c.relname) AS relation, c.relname AS part, pg_total_relation_size(c.oid)
    - CASE WHEN c.relkind = 'r' THEN pg_indexes_size(c.oid) ELSE 0 END AS bytes
    FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_class t ON t.oid = i.indrelid
    WHERE c.relkind IN ('r', 'i') AND c.relnamespace = 'public'::regnamespace"""
_MARIADB = """SELECT table_name, CASE index_name WHEN 'PRIMARY' THEN table_name ELSE index_name END,
    stat_value * @@innodb_page_size FROM mysql.innodb_index_stats WHERE stat_name = 'size' AND database_name = '{}'"""
_SQLITE = """SELECT coalesce(s.tbl_name, d.name), d.name, sum(d.pgsize)
    FROM dbstat d LEFT JOIN sqlite_schema s ON s.name = d.name GROUP BY d.name"""

# A mount with equal values is one row; what a container has is its number, and what differs in any case.
_SHARED = (
    """CREATE TABLE shared_mount (id INTEGER PRIMARY KEY, source TEXT, destination TEXT, type TEXT, options TEXT,
        host_path TEXT, block_device_id TEXT, read_only BOOLEAN, mounted BOOLEAN)""",
    """INSERT INTO shared_mount (source, destination, type, options, host_path, block_device_id, read_only, mounted)
        SELECT DISTINCT source, destination, type, options, host_path, block_device_id, read_only, mounted
        FROM mount""",
    """CREATE TABLE container_mount (container_id INTEGER, position INTEGER, mount_id INTEGER, since BIGINT,
        PRIMARY KEY (container_id, position)) WITHOUT ROWID""",
    "CREATE INDEX by_values ON shared_mount (source, destination, host_path)",
    """INSERT INTO container_mount SELECT m.container_id, m.position, s.id, m.since
        FROM mount m CROSS JOIN shared_mount s
        ON (s.source, s.destination, s.host_path) = (m.source, m.destination, m.host_path)
        AND (s.type, s.options, s.block_device_id) IS (m.type, m.options, m.block_device_id)
        AND (s.read_only, s.mounted) = (m.read_only, m.mounted)""",
    "DROP INDEX by_values",
    "CREATE INDEX shared_source ON shared_mount (source) WHERE source >= '/' AND source < '0'",
    "CREATE INDEX shared_host_path ON shared_mount (host_path) WHERE host_path <> ''",
    "CREATE INDEX shared_block_device_id ON shared_mount (block_device_id) WHERE block_device_id <> ''",
    # what finds the containers of a mount, which the rows themselves did
    "CREATE INDEX container_mount_mount_id ON container_mount (mount_id)",
)
_NOW = ("mount", "ix_mount_source", "ix_mount_host_path", "ix_mount_block_device_id")
_THEN = (
    *("shared_mount", "container_mount", "shared_source", "shared_host_path", "shared_block_device_id"),
    "container_mount_mount_id",
)
# in the table, and again in the index that has the column
_REPEATED = """SELECT sum(
    2 * ((length(host_path) - length(replace(host_path, cid, ''))) + CASE WHEN sid <> cid
        THEN length(host_path) - length(replace(host_path, sid, '')) ELSE 0 END)
    + 2 * (length(source) - length(replace(source, cid, ''))))
    FROM mount m JOIN container c ON c.id = m.container_id JOIN sandbox s ON s.id = c.sandbox_id"""
_OBJECT = """json_object('Source', m.source, 'Destination', m.destination, 'Type', m.type, 'Options', json(m.options),
    'HostPath', m.host_path, 'BlockDeviceID', m.block_device_id, 'ReadOnly', m.read_only, 'Mounted', m.mounted)"""
_READ = f"SELECT json_group_array({_OBJECT}) FROM mount m WHERE m.container_id = ?"  # noqa: S608  a constant
_READ_SHARED = (
    f"SELECT json_group_array({_OBJECT}) FROM container_mount c CROSS JOIN shared_mount m ON m.id = c.mount_id"  # noqa: S608  a constant
    " WHERE c.container_id = ?"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.size", description=__doc__)
    parser.add_argument("--containers", type=int, default=10_000, help="whole thousands")
    parser.add_argument("--changes", type=int, default=4, help="changes of each container's state")
    parser.add_argument("--engine", choices=places.ENGINES, action="append", help="may be given more than once")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the databases are")
    options = parser.parse_args(arguments)
    new: dict[str, Mapping[str, float]] = {}
    changed: dict[str, Mapping[str, float]] = {}
    for engine in options.engine or places.ENGINES:
        try:
            place = places.open_place(engine, options.folder)
        except MissingServer as missing:
            print(f"{engine}: {missing}", file=sys.stderr)
            continue
        try:
            url = place.empty()
            with Database(url) as database:
                fleet.build(database, options.containers)
            new[engine] = _sizes(place, url, options.containers)
            with Database(url) as database:
                _change(database, options.containers, options.changes)
            changed[engine] = _sizes(place, url, options.containers)
            if engine == "sqlite":
                shared = _shared(url, options.containers)
        finally:
            place.close()
    print(f"\nBytes of a container, {options.containers:,} of them, as created:\n\n{_table(new)}")
    title = f"With {options.changes} changes of state each, what there is more:"
    more = {
        engine: {name: size - new[engine].get(name, 0) for name, size in of.items()} for engine, of in changed.items()
    }
    print(f"\n{title}\n\n{_table(more)}")
    if "sqlite" in new:
        print(f"\nEqual mounts stored once (SQLite):\n\n{shared}")
    return 0


def _change(database: Database, containers: int, changes: int) -> None:
    for number in range(containers // fleet.PER_HOST):
        repository = ContainerRepository(database, host=f"node-{number:03}")
        running = [(one.sid, one.cid) for one in repository.iterate() if one.record.state == _STATES[0]]
        for turn in range(changes):
            old, new = _STATES[turn % 2], _STATES[1 - turn % 2]
            for sid, cid in running:
                repository.transition(sid, cid, new, expected=old)


def _sizes(place: places.Place, url: str, containers: int) -> Mapping[str, float]:
    """Return the bytes of a container in each table, and in each index as ``table: index``."""
    place.settle(url)
    if isinstance(place, places.Servers):
        rows = place.ask(_POSTGRESQL if place.engine == "postgresql" else _MARIADB.format(make_url(url).database), url)
    else:
        rows = _ask_sqlite(str(make_url(url).database), _SQLITE)
    sizes: dict[str, float] = {}
    for table, part, size in rows:
        name = table if part == table else f"{table}: {_index(table, part)}"
        sizes[name] = sizes.get(name, 0) + int(size) / containers
    return sizes


def _ask_sqlite(path: str, sql: str) -> Sequence[Sequence[Any]]:
    """Ask Python's own library, which may have the table dbstat; the one that persistdb brings has not."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            return connection.execute(sql).fetchall()
        except sqlite3.OperationalError as error:
            raise SystemExit(f"Python's SQLite {sqlite3.sqlite_version} cannot tell: {error}") from error


def _index(table: str, name: str) -> str:
    """Return an index's name as all engines have it, where they do."""
    if name.startswith(("sqlite_autoindex", "uq_", "pk_")):
        return "keys"
    return name.removeprefix("ix_").removeprefix(f"{table}_")


def _table(found: Mapping[str, Mapping[str, float]]) -> str:
    most = {name: max(of.get(name, 0) for of in found.values()) for of in found.values() for name in of}
    names = sorted((name for name, size in most.items() if size >= _LEAST), key=lambda name: -most[name])
    lines = [[name, *(_bytes(of.get(name)) for of in found.values())] for name in names]
    rest = [sum(size for name, size in of.items() if name not in names) for of in found.values()]
    lines.append(["all others", *map(_bytes, rest)])
    lines.append(["together", *(_bytes(sum(of.values())) for of in found.values())])
    return aligned(["table, or table: index", *found], lines)


def _bytes(size: float | None) -> str:
    return "" if size is None else f"{size:,.0f}"


def _shared(url: str, containers: int) -> str:
    """Store equal mounts once beside the others, compare the room and how long a container's take to read."""
    path = make_url(url).database
    connection = driver().connect(path, isolation_level=None)
    try:
        connection.execute("BEGIN")
        for statement in _SHARED:
            connection.execute(statement)
        ((mounts, of),) = connection.execute(
            "SELECT (SELECT count(*) FROM shared_mount), count(*) FROM container_mount"
        )
        if of != connection.execute("SELECT count(*) FROM mount").fetchone()[0]:
            raise AssertionError("a mount was lost, or found twice")
        connection.execute("COMMIT")
        sizes = dict(_ask_sqlite(str(path), "SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
        ids = [id_ for (id_,) in connection.execute("SELECT id FROM container ORDER BY id")]

        def read(sql: str, turn: int) -> object:
            return connection.execute(sql, (ids[turn * 7919 % len(ids)],)).fetchall()

        assert read(_READ, 3) == read(_READ_SHARED, 3)  # noqa: S101  else times say nothing
        calls = {"now": lambda turn: read(_READ, turn), "shared": lambda turn: read(_READ_SHARED, turn)}
        times = interleave(calls, 2000)
        ((repeated,),) = connection.execute(_REPEATED)
    finally:
        connection.close()
    now, then = (sum(sizes[name] for name in names) / containers for names in (_NOW, _THEN))
    slower = ratio(times["shared"], times["now"]).value
    return (
        f"{of / containers:.1f} mounts a container; without equal ones {mounts / containers:.1f}. Their tables and"
        f" indexes: {now:,.0f} bytes now, {then:,.0f} then. To read a container's: {1000 * times['now'].median:.1f} µs"
        f" now, {slower:.2f} times that then.\n\nIDs of their sandbox and container in mounts' paths, in the table and"
        f" in the indexes: {repeated / containers:,.0f} bytes."
    )


if __name__ == "__main__":
    sys.exit(main())
