"""Long texts on MariaDB: they come back equal, whatever is in them, and go to the server as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pymysql
import pytest
from pymysql.constants import COMMAND
from sqlalchemy import make_url

from persistdb import ContainerRepository, ContainerState, Database, Mount
from persistdb.engines.mariadb import literals
from persistdb.records import SandboxWrite
from tests.store.in_step import database_for_tasks, repository_for_tasks
from tests.store.samples import put

if TYPE_CHECKING:
    from collections.abc import Iterator

# all that the drivers escape, what LIKE takes for more, what Python formats, four bytes of UTF-8
_NASTY = "\b\t\n\r\x1a\"'\\%_%s%(sid)s%%;--#é€😀\u2028'\\"
_LONG = _NASTY * (2 * literals.LONG // len(_NASTY)) + "'"


@pytest.fixture(params=["threads", "tasks"])
def repository(request: pytest.FixtureRequest, mariadb_url: str) -> Iterator[ContainerRepository]:
    with Database(mariadb_url) as database:
        repository = ContainerRepository(database, host="node-1")
        repository.count()
        if request.param == "threads":
            yield repository
        else:
            with database_for_tasks(mariadb_url) as opened:
                yield repository_for_tasks(opened, "node-1", database)


@pytest.mark.parametrize("text", [_NASTY, _LONG, _LONG[:-1], "'" * literals.LONG, "\\" * literals.LONG])
def test_any_text_comes_back(repository: ContainerRepository, text: str) -> None:
    """Short and long ones, alone and in rows as JSON, in a save and in a change, alone and with others."""
    put(repository, "pod-1", "c")
    for turn in range(5):  # prepared from the fourth on
        record = ContainerState(bundle_path=f"{text[:2000]}{turn}", mounts=[Mount(source=text[:4000])] * 2)
        repository.save("pod-1", "c", record)
        assert repository.get("pod-1", "c").record == record
        repository.save_many(
            SandboxWrite(sid=f"pod-{number}", containers={"c": record, "d": record}) for number in (2, 3)
        )
        assert repository.get("pod-3", "d").record == record


@pytest.mark.parametrize("mode", ["", "NO_BACKSLASH_ESCAPES"])
def test_a_literal_ends_where_its_text_does(mariadb_url: str, mode: str) -> None:
    """With NO_BACKSLASH_ESCAPES, which no session of persistdb has, it has more backslashes, and ends nothing."""
    where = make_url(mariadb_url)
    with pymysql.connect(
        host=where.host,
        port=where.port or 0,
        user=where.username,
        password=str(where.password),
        init_command=f"SET SESSION sql_mode = '{mode}'",
        conv=pymysql.converters.conversions | {literals.LongText: literals.literal},
    ) as connection:
        cursor = connection.cursor()
        for text in ("'", "\\'", "\\", "''", "x' OR 1 -- \\", "a\0b", _NASTY):
            cursor.execute("SELECT %s, 7", (literals.LongText(text),))
            assert cursor.fetchall() == ((text.replace("\\", "\\\\") if mode else text, 7),)


def test_rows_are_sent_as_they_are(mariadb_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bulk save sends its JSON without an escape before each quotation mark."""
    sent = []
    execute = pymysql.connections.Connection._execute_command

    def noted(self: pymysql.connections.Connection, command: int, sql: str | bytes) -> None:
        if command == COMMAND.COM_QUERY:
            sent.append(sql if isinstance(sql, str) else bytes(sql).decode())
        execute(self, command, sql)

    with Database(mariadb_url) as database:
        repository = ContainerRepository(database, host="node-1")
        repository.count()
        monkeypatch.setattr(pymysql.connections.Connection, "_execute_command", noted)
        record = ContainerState(mounts=[Mount(source=f"/s/{i}", options=["a", "b"]) for i in range(10)])
        repository.save_many([SandboxWrite(sid="pod-1", containers={f"c{i}": record for i in range(50)})])
    (rows,) = [sql for sql in sent if "INTO mount" in sql and "/s/9" in sql]
    assert '"/s/9"' in rows
    assert len(rows) > literals.LONG
