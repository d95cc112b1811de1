"""One statement that only reads."""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from persistdb import Database, Timeouts
from persistdb.engines.sqlite import library
from persistdb.errors import DatabaseError, InvalidValue, PersistDBError, QueryTimeout, Unavailable
from persistdb.reports import readonly

from . import fleet

if TYPE_CHECKING:
    from pathlib import Path

WRITES = {
    "all": [
        "",
        ";",
        "-- nothing",
        "DELETE FROM mount",
        "/* SELECT */ UPDATE mount SET source = ''",
        "INSERT INTO persistdb_version VALUES ('x')",
        "WITH a AS (SELECT 1) DELETE FROM mount",
        "WITH a AS (SELECT 1) INSERT INTO persistdb_version SELECT 'x'",
        "SELECT 1; DELETE FROM mount",
        "SELECT 1; SELECT 2",
        "DROP VIEW mounts",
        "CREATE TABLE x (a integer)",
        "CREATE TEMPORARY TABLE x (a integer)",
        "COMMIT",
        "ROLLBACK",
        "BEGIN",
        "SET x = 1",
        "EXPLAIN DELETE FROM mount",
        "SELECT * FROM nowhere",
        "SELECT FROM WHERE",
        "SELECT 'unterminated",
    ],
    "sqlite": [
        "PRAGMA query_only = OFF",
        "PRAGMA user_version = 7",
        "SELECT * FROM pragma_user_version",
        "ATTACH '{folder}/other.db' AS other",
        "VACUUM INTO '{folder}/copy.db'",
        "VACUUM",
        "REINDEX",
        "SELECT load_extension('{folder}/x')",
        "SELECT writefile('{folder}/x', 'x')",
        "WITH a AS (SELECT 1) UPDATE mount SET source = '' RETURNING 1",
    ],
    "postgresql": [
        "COPY mount TO '{folder}/x'",
        "COPY (SELECT 1) TO PROGRAM 'touch {folder}/x'",
        "WITH a AS (DELETE FROM mount RETURNING 1) SELECT * FROM a",
        "SELECT * INTO x FROM mount",
        "SELECT * FROM mount FOR UPDATE",
        "DO $$BEGIN DELETE FROM mount; END$$",
        "SELECT set_config('transaction_read_only', 'off', true)",
        "SELECT set_config('statement_timeout', '0', false)",
        "SELECT nextval('container_id_seq')",
        "SELECT setval('container_id_seq', 1)",
        "SELECT pg_terminate_backend(1)",
        'SELECT pg_catalog . "pg_terminate_backend" /* a /* b */ */ (1)',
        'SELECT U&"pg\\005fsleep"(1)',
        "SELECT * FROM pg_advisory_lock(1)",
        "SELECT query_to_xml('DELETE FROM mount', true, true, '')",
        "SELECT lo_import('/etc/hostname')",
        "SELECT pg_read_file('/etc/hostname')",
        "VALUES (pg_notify('a', 'b'))",
        "SELECT $…$'$…$, pg_advisory_lock(1), $…$'$…$",
        "SELECT $a$'$a$, pg_advisory_lock(1), $A$'$A$",
        "SELECT a FROM (SELECT 1 AS a) AS é$x$, pg_advisory_lock(1) AS $x$",
        "SELECT lo_export(1, '{folder}/x')",
        "SELECT lo_create(0)",
        "SELECT pg_create_restore_point('x')",
        "SELECT pg_logical_emit_message(false, 'x', 'x')",
        "SELECT pg_export_snapshot()",
    ],
    "mariadb": [
        "SELECT 1 INTO OUTFILE '{folder}/x'",
        "SELECT 1 INTO DUMPFILE '{folder}/x'",
        "SELECT /*! 1 INTO OUTFILE '{folder}/x' */",
        "SELECT /*M! 1 INTO OUTFILE '{folder}/x' */",
        "SELECT 1 --INTO OUTFILE '{folder}/x'",
        "SELECT 1 INTO @a",
        "SELECT 1.0into outfile '{folder}/x'",
        "SELECT 1.into outfile '{folder}/x'",
        "SELECT 0x41into outfile '{folder}/x'",
        "SELECT 1e1into dumpfile '{folder}/x'",
        r"SELECT \Ninto outfile '{folder}/x'",
        "SELECT 1 --\u00a01 into outfile '{folder}/x'",
        "SELECT 1\u00a0into outfile '{folder}/x'",
        "\u00a0SELECT 1 into @a",
        "SELECT `load_file`('/etc/hostname')",
        "SELECT `GET_LOCK` /* a */ ('a', 1)",
        "SELECT * FROM mount FOR UPDATE",
        "SELECT * FROM mount LOCK IN SHARE MODE",
        "SELECT get_lock('a', 1)",
        "SELECT LOAD_FILE ('/etc/hostname')",
        "SELECT NEXT VALUE FOR x",
        "LOCK TABLES mount WRITE",
        "HANDLER mount OPEN",
        "LOAD DATA INFILE '/etc/hostname' INTO TABLE mount",
        "WITH a AS (SELECT 1) UPDATE mount SET source = ''",
    ],
}


def contents(database: Database) -> list[object]:
    """Return the rows of all tables."""
    with database.engine.connect() as connection:
        tables = ("sandbox", "container", "mount", "device_map", "process", "persistdb_version")
        return [connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")).all() for table in tables[:-1]] + [
            connection.execute(text("SELECT * FROM persistdb_version")).all()
        ]


def test_what_is_refused(database: Database, tmp_path: Path) -> None:
    """Anything but one statement that only reads is an error, and changes nothing."""
    before = contents(database)
    folder = tmp_path / "written"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    for sql in WRITES["all"] + WRITES[database.backend.name]:
        with pytest.raises(PersistDBError) as caught:
            readonly.read(database, sql.replace("{folder}", str(folder)), timeout=60)
        assert isinstance(caught.value, (InvalidValue, DatabaseError)), sql
        assert not isinstance(caught.value, QueryTimeout), sql
    assert contents(database) == before
    assert list(folder.iterdir()) == []


EXPLAINS = {
    "sqlite": ["EXPLAIN {}", "EXPLAIN QUERY PLAN {}", "explain query  plan {}"],
    "postgresql": ["EXPLAIN {}", "EXPLAIN ANALYZE VERBOSE {}", "EXPLAIN(ANALYZE, BUFFERS ON, FORMAT JSON){}"],
    "mariadb": ["EXPLAIN {}", "EXPLAIN EXTENDED {}", "EXPLAIN FORMAT=JSON {}"],
}


def test_explain(database: Database) -> None:
    """EXPLAIN of a query is one that reads; on PostgreSQL ANALYZE runs it."""
    for prefix in EXPLAINS[database.backend.name]:
        for query in (
            "SELECT * FROM containers WHERE host = 'node-1'",
            "(SELECT 1)",
            "WITH a AS (SELECT 1) SELECT * FROM a",
        ):
            if not (database.backend.name == "sqlite" and query.startswith("(")):
                answer = readonly.read(database, "/* ( */ " + prefix.format(f" {query}"), limit=50)
                assert answer.columns
                assert answer.rows, prefix
    assert readonly.read(database, EXPLAINS[database.backend.name][0].format("SELECT 1 UNION SELECT 2"), limit=1).is_cut


def test_explain_writes_nothing(database: Database, tmp_path: Path) -> None:
    """EXPLAIN, ANALYZE too, of what is refused is refused, or has no effect; nothing comes after it."""
    before = contents(database)
    folder = tmp_path / "written"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    for prefix in EXPLAINS[database.backend.name]:
        for sql in WRITES["all"] + WRITES[database.backend.name]:
            with contextlib.suppress(InvalidValue, DatabaseError):
                readonly.read(database, prefix.format(f" {sql}").replace("{folder}", str(folder)), timeout=5)
        for more in ("; DELETE FROM mount", "; COMMIT; DELETE FROM mount", "; SELECT 1"):
            with pytest.raises(DatabaseError):
                readonly.read(database, prefix.format(f" SELECT 1{more}"))
        for sql in ("DELETE FROM mount", "WITH a AS (SELECT 1) DELETE FROM mount"):
            with pytest.raises((InvalidValue, DatabaseError)):
                readonly.read(database, prefix.replace("EXPLAIN ", "EXPLAIN ANALYZE ").format(f" {sql}"))
    assert contents(database) == before
    assert list(folder.iterdir()) == []


def test_what_is_not_refused(database: Database) -> None:
    """Words for an effect are allowed in texts, quoted names and comments."""
    quote = "`" if database.backend.name == "mariadb" else '"'
    sql = (
        "/* FOR UPDATE */ WITH a AS (SELECT 'INTO; pg_sleep(1) get_lock(1) :x %s %' AS "
        f"{quote}into{quote}) -- nextval(\nSELECT * FROM a;"
    )
    assert readonly.read(database, sql).rows == [["INTO; pg_sleep(1) get_lock(1) :x %s %"]]
    assert readonly.read(database, "VALUES (1), (2)").rows == [[1], [2]]


def test_words_that_only_look_like_an_effect(mariadb_url: str) -> None:
    """On MariaDB names that end in a word for an effect are not refused."""
    with Database(mariadb_url) as database:
        fleet.build(database)
        sql = "SELECT 1 AS pinto, 2 AS $into, 3 AS `get_lock`"
        assert readonly.read(database, sql).rows == [[1, 2, 3]]


def test_volatile_functions_without_effects(postgresql_url: str) -> None:
    """On PostgreSQL functions that are volatile and have no effects are not refused."""
    with Database(postgresql_url) as database:
        fleet.build(database)
        sql = (
            "SELECT pg_total_relation_size('mount') > 0, pg_relation_size('mount') >= 0, pg_is_in_recovery(),"
            " pg_database_size(current_database()) > 0, pg_current_wal_lsn() IS NOT NULL, random() < 1,"
            " pg_stat_get_xact_numscans(CAST('mount' AS regclass)) >= 0, clock_timestamp() IS NULL"
        )
        assert readonly.read(database, sql).rows == [[True, True, False, True, True, True, True, False]]
        assert readonly.read(database, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").rows == [[0]]


def test_benchmark_beyond_the_timeout(mariadb_url: str) -> None:
    """A benchmark() that MariaDB stops at the timeout, with a row as if it had ended, is a timeout."""
    with Database(mariadb_url) as database:
        fleet.build(database)
        with pytest.raises(QueryTimeout):
            readonly.read(database, "SELECT benchmark(100000000000, 1 + 1)", timeout=0.2)


def test_never_ends(database: Database) -> None:
    """A statement that never ends is stopped at its timeout."""
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    if database.backend.name == "mariadb":
        # MariaDB ends a recursion on its own
        numbers = f"SELECT count(*) FROM {', '.join(f'information_schema.collations AS c{i}' for i in range(8))}"
    start = time.monotonic()
    with pytest.raises(QueryTimeout):
        readonly.read(database, numbers, timeout=0.2)
    assert time.monotonic() - start < 10


def test_one_step_that_never_ends(sqlite_url: str) -> None:
    """On SQLite one step of a statement, which nothing can stop, is left alone at the timeout."""
    with Database(sqlite_url) as database:
        fleet.build(database)
        # 600,000 comparisons of 600,000 bytes: seconds, in one step
        long = "printf('%.*c', {}, 'x')".format
        step = f"SELECT replace({long(1_200_000)}, {long(600_000)} || 'y', '')"
        start = time.monotonic()
        with pytest.raises(QueryTimeout):
            readonly.read(database, step, timeout=0.1)
        assert time.monotonic() - start < 5
        assert readonly.read(database, "SELECT 1").rows == [[1]]


def test_timeouts_of_the_database(store: tuple[str, Database]) -> None:
    """Without a timeout of its own a statement may take Timeouts.statement."""
    # a join of 10^16 rows
    ten = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
    joined = ", ".join(f"({ten}) AS v{i}" for i in range(16))
    with Database(store[0], timeouts=Timeouts(statement=0.2)) as database, pytest.raises(QueryTimeout):
        readonly.read(database, f"SELECT count(*) FROM {joined}")


@pytest.mark.parametrize("timeout", [0, -1, math.nan, math.inf, 1e300, "1"])
def test_bad_timeout(sqlite_store: tuple[str, Database], timeout: float) -> None:
    """A timeout that is no number of seconds is refused: a server would take 0 for none."""
    with pytest.raises(InvalidValue):
        readonly.read(sqlite_store[1], "SELECT 1", timeout=timeout)


@pytest.mark.parametrize(
    ("sql", "limit"),
    [
        ("SELECT zeroblob(1000000001)", "LENGTH"),
        ("SELECT 'x' LIKE printf('%.*c', 50001, 'x')", "LIKE_PATTERN_LENGTH"),
        ("SELECT 1" + " + 1" * 1001, "EXPR_DEPTH"),
        ("SELECT 1" + " UNION SELECT 1" * 501, "COMPOUND_SELECT"),
    ],
)
def test_limits_of_sqlite(sqlite_store: tuple[str, Database], sql: str, limit: str) -> None:
    """A query beyond one of SQLite's limits is an error that names the limit and says what to do."""
    with pytest.raises(DatabaseError, match=rf"SQLite's limit {limit}; (select|write) "):
        readonly.read(sqlite_store[1], sql)


def test_limit_of_the_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Python's own module, which can set limits, a value is at most 64 MiB long."""
    monkeypatch.setattr(library, "is_safe", lambda _: True)  # so that it is chosen
    with Database(f"sqlite:///{tmp_path}/x.db") as database:
        fleet.build(database)
        assert readonly.read(database, f"SELECT length(zeroblob({64 << 20}))").rows == [[64 << 20]]
        with pytest.raises(DatabaseError, match="SQLite's limit LENGTH"):
            readonly.read(database, f"SELECT zeroblob({(64 << 20) + 1})")


def test_cut(database: Database) -> None:
    """An answer is cut at the limit and says so; one with exactly so many rows is whole."""
    sql = "SELECT destination FROM mounts ORDER BY sid, cid, position"
    everything = readonly.read(database, sql)
    assert not everything.is_cut
    count = len(everything.rows)
    cut = readonly.read(database, sql, limit=count - 1)
    assert (cut.rows, cut.is_cut) == (everything.rows[:-1], True)
    whole = readonly.read(database, sql, limit=count)
    assert (whole.rows, whole.is_cut) == (everything.rows, False)


def test_nothing_is_left_behind(database: Database) -> None:
    """After a failed statement, writing to the database works as before."""
    with pytest.raises(DatabaseError):
        readonly.read(database, "SELECT * FROM nowhere")
    with database.session(write=True) as session:
        session.execute(text("UPDATE container SET state = 'x'"))
    assert {row[0] for row in readonly.read(database, "SELECT state FROM containers").rows} == {"x"}


def test_no_file(tmp_path: Path) -> None:
    """A missing file is an error, and is not created."""
    path = tmp_path / "none.db"
    with Database(f"sqlite:///{path}") as database, pytest.raises(Unavailable):
        readonly.read(database, "SELECT 1")
    assert not path.exists()
