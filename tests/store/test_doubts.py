"""What a server tells of rows without their being decoded is what decoding them tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from persistdb.store import doubtful
from persistdb.store.check import check_rows
from persistdb.store.doubts import Doubts
from persistdb.store.repository import ContainerRepository

from .fixtures import HOST
from .samples import container, put, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from persistdb import Database
    from persistdb.store.repository import ContainerRepository as Repository
    from tests.servers import Statements

pytestmark = pytest.mark.servers

_OPTIONS = "UPDATE mount SET options = '{}' WHERE container_id = :id AND position = 1"
_BOTH = (
    *(
        _OPTIONS.format(options)
        for options in (
            "{}",
            "[5]",
            "[null]",
            "null",
            "7",
            "[[]]",
            r'["\\u0000"]',
            '["a", "b"]',
            "[]",
            '["é"]',
            " [ ] ",
        )
    ),
    "UPDATE container SET extra = '[1]' WHERE id = :id",
    "UPDATE container SET extra = '{\"a\": 1}' WHERE id = :id",
    "UPDATE container SET cid = '.b' WHERE id = :id",
    "UPDATE container SET cid = 'a/b' WHERE id = :id",
    "UPDATE container SET cid = '' WHERE id = :id",
    "UPDATE container SET cid = 'persist.json' WHERE id = :id",
    "UPDATE container SET cid = concat(repeat('é', 127), 'ab') WHERE id = :id",
    "UPDATE container SET cgroup_path = repeat('x', 600000) WHERE id = :id",
    "UPDATE container SET document = repeat('x', 600000) WHERE id = :id",
    "UPDATE mount SET source = repeat('x', 20000) WHERE container_id = :id AND position = 1",
    "DELETE FROM mount WHERE container_id = :id AND position = 0",
    "DELETE FROM mount WHERE container_id = :id",
    "UPDATE sandbox SET sid = '.c' WHERE id = :sandbox",
    "UPDATE sandbox SET sid = 'lock' WHERE id = :sandbox",
    "UPDATE sandbox SET document = repeat('x', 600000) WHERE id = :sandbox",
    "UPDATE process SET token = NULL WHERE container_id = :id",
    "UPDATE process SET start_time = '0001-01-01 00:00:01' WHERE container_id = :id",
    "UPDATE process SET start_time = '9999-12-31 23:59:59' WHERE container_id = :id",
)
_ALONE = {
    "postgresql": (
        *(
            f"UPDATE {table} SET {column} = '{time}' WHERE {key}"
            for table, column, key in (
                ("container", "created_at", "id = :id"),
                ("container", "updated_at", "id = :id"),
                ("sandbox", "created_at", "id = :sandbox"),
                ("process", "start_time", "container_id = :id"),
            )
            for time in ("infinity", "-infinity", "0044-03-15 BC", "12000-01-01")
        ),
        _OPTIONS.format(r'["\\ud800"]'),
    ),
    "mariadb": (
        *(
            f"UPDATE {table} SET {column} = '{time}' WHERE {key}"
            for table, column, key in (
                ("container", "created_at", "id = :id"),
                ("container", "updated_at", "id = :id"),
                ("sandbox", "updated_at", "id = :sandbox"),
                ("process", "start_time", "container_id = :id"),
            )
            for time in ("0000-00-00", "2026-00-10", "2026-03-00", "2026-02-31")
        ),
        *(
            f"UPDATE {table} SET {column} = concat('a', char(0), 'b') WHERE {key} = :id"
            for table, key, columns in (
                ("container", "id", ("state", "cid", "cgroup_path", "bundle_path", "layout", "document", "namespace")),
                ("mount", "container_id", ("source", "destination", "type", "host_path", "block_device_id")),
                ("device_map", "container_id", ("device_id", "container_path")),
                ("process", "container_id", ("token",)),
            )
            for column in columns
        ),
        *(
            f"UPDATE sandbox SET {column} = concat('a', char(0), 'b') WHERE id = :sandbox"
            for column in ("sid", "state", "cgroup_path", "layout", "document")
        ),
        *(
            f"UPDATE {table} SET {column} = {value} WHERE container_id = :id"
            for table, column, value in (
                ("mount", "read_only", "2"),
                ("mount", "mounted", "-1"),
                ("device_map", "shared", "2"),
                ("device_map", "file_mode", "-1"),
                ("device_map", "uid", "4294967296"),
                ("device_map", "gid", "-5"),
                ("process", "start_time_ns", "1000"),
                ("process", "start_time_ns", "-1"),
                ("process", "start_time_offset", "2000"),
                ("process", "start_time_offset", "-32000"),
                ("process", "start_time", "NULL"),
            )
        ),
        "UPDATE mount SET position = -1, is_rootfs = 0 WHERE container_id = :id AND position = 0",
        _OPTIONS.format("no JSON"),
        "DELETE FROM sandbox WHERE id = :sandbox",
    ),
}


@pytest.fixture
def spoilt(store: tuple[str, Database]) -> Iterator[Database]:
    """Give a database with a container for each thing that can be wrong with one, and three good ones."""
    database = store[1]
    name = database.backend.name
    if name == "sqlite":
        pytest.skip("its columns tell nothing")
    repository = ContainerRepository(database, host=HOST)
    statements = [*_BOTH, *_ALONE[name]]
    for number in range(len(statements) + 3):
        put(repository, f"pod-{number:03}", "b")
    with database.engine.execution_options(persistdb_begin="write").begin() as connection:
        if name == "mariadb":
            connection.exec_driver_sql(
                "SET sql_mode = 'ALLOW_INVALID_DATES', foreign_key_checks = 0, check_constraint_checks = 0"
            )
        for number, statement in enumerate(statements):
            row = connection.exec_driver_sql(
                "SELECT container.id, sandbox_id FROM container JOIN sandbox ON sandbox.id = sandbox_id"
                f" WHERE sid = 'pod-{number:03}'"
            ).one()
            given = statement.replace(":id", str(row[0])).replace(":sandbox", str(row[1]))
            assert connection.exec_driver_sql(given.replace("%", "%%")).rowcount > 0, given
        if name == "mariadb":
            connection.exec_driver_sql(
                "SET sql_mode = DEFAULT, foreign_key_checks = DEFAULT, check_constraint_checks = DEFAULT"
            )
    yield database
    with database.engine.execution_options(persistdb_begin="write").begin() as connection:
        for table in ("process", "device_map", "mount", "container"):  # those without a sandbox, too
            connection.exec_driver_sql(f"DELETE FROM {table}")


def _all_found(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, tuple[object, ...]]]:
    monkeypatch.setattr("persistdb.store.check.SHOWN", 1000)
    # a page has no order
    return [(each.what, each.count, tuple(sorted(each.rows, key=repr))) for each in check_rows(database)]


@pytest.mark.parametrize(("page", "few"), [(2000, 100), (3, 100), (10, 1)])
def test_nothing_is_missed(spoilt: Database, page: int, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found is the same as where all rows are decoded, also page by page, and where a page is decoded."""
    with monkeypatch.context() as patched:
        patched.setattr(doubtful, "_has_own_columns", lambda _database: False)
        expected = _all_found(spoilt, monkeypatch)
    assert sum(count for _, count, _ in expected) > 20
    monkeypatch.setattr("persistdb.store.doubts.PAGE", page)
    monkeypatch.setattr("persistdb.store.doubts.FEW", few)
    assert _all_found(spoilt, monkeypatch) == expected


def test_good_rows(repository: Repository, sent: Statements) -> None:
    """Good rows are not decoded, and however many there are in a page, they take the same statements."""
    if repository.database.backend.stores_any_type:
        pytest.skip("its columns tell nothing")
    check_rows(repository.database)  # the first time SQLAlchemy asks a server more
    numbers = []
    for first in (0, 40):
        for number in range(first, first + 40):
            record = sandbox(f"pod-{number}", document="{}")
            repository.save_sandbox(record, {"b": container(f"{number}"), "é": container(f"{number} é")})
        sent.clear()
        assert check_rows(repository.database) == []
        # options are asked for until all of them are known to be good: which come first is the server's choice
        of_options = [text for text in sent.texts if "AS listed FROM mount" in text]
        assert len(of_options) <= 3
        numbers.append(len(sent.texts) - len(of_options))
        assert not [text for text in sent.texts if "DeviceMaps" in text]
    assert numbers[0] == numbers[1]


def test_many_different_options(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """More different options than are told to the server are looked at, too; if they are too many, with their page."""
    database = repository.database
    if database.backend.stores_any_type:
        pytest.skip("its columns tell nothing")
    monkeypatch.setattr("persistdb.store.doubts._KNOWN", 3)
    monkeypatch.setattr("persistdb.store.doubts.FEW", 2)
    for number in range(8):
        put(repository, f"pod-{number}", "a")
    with database.engine.execution_options(persistdb_begin="write").begin() as connection:
        for number, id_ in enumerate(connection.exec_driver_sql("SELECT id FROM container").scalars().all()):
            connection.exec_driver_sql(f"""UPDATE mount SET options = '["{number}"]' WHERE container_id = {id_}""")
    assert [page.doubtful for page in Doubts(database).containers()] == [[]]
    assert check_rows(database) == []
    monkeypatch.setattr("persistdb.store.doubts._MOST", 2)
    assert [page.doubtful for page in Doubts(database).containers()] == [None]
    assert check_rows(database) == []
