"""Hostile SQL: what is known to get around a read-only transaction, and what chance makes of it."""

from __future__ import annotations

import contextlib
import re
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from persistdb import Database, PersistDBError
from persistdb.reports import readonly
from tests.reports.readers import administrator, database_of, granted
from tests.reports.test_reader import ATTACKS, CHANGES, _victim
from tests.reports.test_readonly import WRITES, contents
from tests.store import samples

from .attacks import Tried

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.servers import Server

    from .targets import Target

_TOKEN = r"\w+|\s+|'[^']*'|."
_JUNK = (
    "'",
    '"',
    "`",
    "$$",
    "$a$",
    "\\",
    ";",
    "--",
    "-- ",
    "#",
    "/*",
    "*/",
    "/*!",
    "/*M!50000 ",
    "(",
    ")",
    "\u00a0",
    "\u2028",
)
_BLANKS = (" ", "\t", "\n", "\f", "\v", "/**/", "/* ' */", "-- '\n", "\u00a0", "\u3000", "/*!*/", "#\n")
_FRAMES = (
    "SELECT * FROM ({}) AS q",
    "WITH q AS ({}) SELECT * FROM q",
    "WITH q AS (SELECT 1) {}",
    "SELECT ({})",
    "SELECT 1 WHERE EXISTS ({})",
    "SELECT 1 UNION ALL {}",
    "SELECT 1; {}",
    "{}; COMMIT; {}",
    "ROLLBACK; {}",
    "EXPLAIN ANALYZE {}",
    "ANALYZE {}",
    "/*!50000 {} */",
    "/* ' */ {}",
    "VALUES (({}))",
    "CREATE TEMPORARY TABLE t AS {}",
    "DECLARE c CURSOR WITH HOLD FOR {}",
)
_QUOTED_FRAMES = (
    "SELECT query_to_xml('{}', true, true, '')",
    "SELECT cursor_to_xml('{}', 1, true, true, '')",
    "DO '{}'",
    "PREPARE p FROM '{}'",
    "EXECUTE IMMEDIATE '{}'",
    "SELECT set_config('role', '{}', false)",
    "SELECT ts_stat('{}')",
)
_READS = (
    "SELECT * FROM containers",
    "SELECT * FROM mounts WHERE sid IN (SELECT sid FROM sandboxes)",
    "SELECT version_num FROM persistdb_version",
)


def hostile_sql(chance: random.Random, target: Target, _: Path) -> Tried:
    """Send hostile SQL as a reader: nothing is written, no file is read, no lock stays, no session ends."""
    with target.repository() as repository:
        samples.put(repository, "asked", "a", "b")
    with tempfile.TemporaryDirectory(prefix="persistdb-torture-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o777)
        secret = folder / "secret"
        secret.write_text(secrets.token_hex(16))
        secret.chmod(0o444)
        sent = (_on_sqlite if target.server is None else _on_server)(chance, target, secret)
        assert list(folder.iterdir()) == [secret], f"files were written: {_names(folder)}"
    with target.repository() as repository:
        repository.destroy_sandbox("asked")
    return Tried(sent)


def _names(folder: Path) -> list[str]:
    """Return the names in a folder."""
    return sorted(path.name for path in folder.iterdir())


def _on_sqlite(chance: random.Random, target: Target, secret: Path) -> int:
    corpus = [*WRITES["all"], *WRITES["sqlite"], *_READS]
    files = _names(target.folder)
    with target.database() as owner, Database(target.url) as reading:
        before = contents(owner)
        ways = [lambda sql: _asked(reading, sql), lambda sql: _unlexed(reading, sql)]
        sent = _send(chance, corpus, ways, secret, victim=0)
        assert contents(owner) == before, "the database was written"
    assert set(_names(target.folder)) <= {*files, "torture.db-wal", "torture.db-shm", "torture.db-queue"}, _names(
        target.folder
    )
    return sent


def _on_server(chance: random.Random, target: Target, secret: Path) -> int:
    server = target.server
    assert server is not None
    engine = target.engine
    corpus = [*ATTACKS[engine], *CHANGES["all"], *CHANGES[engine], *WRITES["all"], *WRITES[engine], *_READS]
    with target.database() as owner, granted(server, target.direct_url) as reading:
        before = [*contents(owner), *_state(server, target.direct_url)]
        ways = [
            lambda sql: _asked(reading, sql),
            lambda sql: _unlexed(reading, sql),
            lambda sql: _unguarded(reading, sql),
        ]
        with _victim(server, target.direct_url) as victim:
            sent = _send(chance, corpus, ways, secret, victim=victim)
        reading.close()
        after = [*contents(owner), *_state(server, target.direct_url)]
        changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
        assert not changed, f"a reader has changed {changed}"
    return sent


def _send(
    chance: random.Random, corpus: list[str], ways: list[Callable[[str], Any]], secret: Path, *, victim: int
) -> int:
    """Send statements in any of these ways; what comes back must not be in the secret file."""
    sent = chance.randint(30, 80)
    for _ in range(sent):
        sql = _statement(chance, corpus)
        sql = sql.replace("/etc/hostname", str(secret)).replace("{folder}", str(secret.parent))
        sql = sql.replace("{victim}", str(victim))
        rows = chance.choice(ways)(sql)
        assert secret.read_text() not in repr(rows), f"a file was read by {sql!r}"
    return sent


def _asked(reading: Database, sql: str) -> Any:
    """Ask as the command ``sql`` does."""
    with contextlib.suppress(PersistDBError):
        return readonly.read(reading, sql, timeout=1, limit=100).rows


def _unlexed(reading: Database, sql: str) -> Any:
    """Ask in the same transaction, with nobody looking at the text."""
    with (
        contextlib.suppress(PersistDBError, SQLAlchemyError, reading.driver_error),
        reading.backend.read_only(lambda: reading.engine, 1, 100) as cursor,
    ):
        cursor.execute(sql)
        return cursor.fetchmany(100)


def _unguarded(reading: Database, sql: str) -> Any:
    """Run it as any other program does that has the reader's password."""
    engine = create_engine(reading.engine.url, isolation_level="AUTOCOMMIT", execution_options={"no_parameters": True})
    limit = "SET statement_timeout = '1s'" if reading.backend.name == "postgresql" else "SET max_statement_time = 1"
    try:
        with contextlib.suppress(SQLAlchemyError, reading.driver_error), engine.connect() as connection:
            connection.exec_driver_sql(limit)
            result = connection.exec_driver_sql(sql)
            return result.fetchmany(100) if result.returns_rows else None
    finally:
        engine.dispose()


def _state(server: Server, url: str) -> list[object]:
    """Return what an administrator sees that a reader must not change, and what must not stay after it."""
    if server.dialect == "postgresql":
        asked = (
            "SELECT relnamespace, relname, relkind, CAST(relacl AS text) FROM pg_class ORDER BY oid",
            "SELECT proname FROM pg_proc ORDER BY oid",
            "SELECT rolname, rolsuper, rolcanlogin, rolpassword FROM pg_authid ORDER BY oid",
            "SELECT setdatabase, setrole, setconfig FROM pg_db_role_setting ORDER BY 1, 2",
            "SELECT name, setting FROM pg_settings ORDER BY name",
            "SELECT datname FROM pg_database ORDER BY oid",
            "SELECT extname FROM pg_extension ORDER BY oid",
            "SELECT slot_name FROM pg_replication_slots",
            "SELECT oid FROM pg_largeobject_metadata",
            "SELECT objid FROM pg_locks WHERE locktype = 'advisory'",
        )
    else:
        asked = (
            "SELECT table_schema, table_name, table_type FROM information_schema.tables ORDER BY 1, 2",
            "SELECT routine_schema, routine_name FROM information_schema.routines ORDER BY 1, 2",
            "SELECT host, user, priv FROM mysql.global_priv ORDER BY 1, 2",
            "SELECT * FROM information_schema.global_variables WHERE variable_name NOT LIKE 'gtid%' ORDER BY 1",
            "SHOW DATABASES",
        )
    database = database_of(administrator(server, url))
    return [list(server.execute(sql, database=database)) for sql in asked]


# --- chance


def _statement(chance: random.Random, corpus: list[str]) -> str:
    sql = chance.choice(corpus)
    for _ in range(chance.choice([0, 0, 1, 1, 2, 4])):
        sql = chance.choice(_MUTATIONS)(chance, sql, corpus)
    return sql[:20_000]


def _tokens(sql: str) -> list[str]:
    return re.findall(_TOKEN, sql, re.DOTALL)


def _splice(chance: random.Random, sql: str, corpus: list[str]) -> str:
    one, other = _tokens(sql), _tokens(chance.choice(corpus))
    return "".join(one[: chance.randint(0, len(one))] + other[chance.randint(0, len(other)) :])


def _framed(chance: random.Random, sql: str, _: list[str]) -> str:
    return chance.choice(_FRAMES).replace("{}", sql)


def _quoted(chance: random.Random, sql: str, _: list[str]) -> str:
    return chance.choice(_QUOTED_FRAMES).replace("{}", sql.replace("'", "''"))


def _strange_blanks(chance: random.Random, sql: str, _: list[str]) -> str:
    return "".join(chance.choice(_BLANKS) if token.isspace() else token for token in _tokens(sql))


def _other_case(chance: random.Random, sql: str, _: list[str]) -> str:
    return "".join(chance.choice([letter.lower(), letter.upper()]) for letter in sql)


def _junk(chance: random.Random, sql: str, _: list[str]) -> str:
    tokens = _tokens(sql)
    tokens.insert(chance.randint(0, len(tokens)), chance.choice(_JUNK))
    return "".join(tokens)


def _without(chance: random.Random, sql: str, _: list[str]) -> str:
    tokens = _tokens(sql)
    at = chance.randint(0, len(tokens))
    return "".join(tokens[:at] + tokens[at + chance.randint(1, 3) :])


def _other_words(chance: random.Random, sql: str, corpus: list[str]) -> str:
    words = [token for token in _tokens(chance.choice(corpus)) if len(token) > 3 and not token.isspace()] or ["mount"]
    tokens = _tokens(sql)
    places = [at for at, token in enumerate(tokens) if token.isidentifier()]
    for at in chance.sample(places, min(len(places), chance.randint(1, 2))):
        tokens[at] = chance.choice(words)
    return "".join(tokens)


_MUTATIONS = (_splice, _framed, _quoted, _strange_blanks, _other_case, _junk, _without, _other_words)
