"""What columns tell of rows without their being decoded is what decoding them tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from persistdb.engines.sqlite import driver
from persistdb.engines.types import UTCDateTime
from persistdb.schema import check, core
from persistdb.schema.rules import TYPED
from persistdb.store import check_decoded
from persistdb.store.check import check_rows, find_faults
from persistdb.store.check_columns import IMPLIED, Doubts
from persistdb.store.repository import ContainerRepository

from .fixtures import HOST
from .samples import container, put, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from persistdb import Database
    from persistdb.store.repository import ContainerRepository as Repository
    from tests.servers import Statements

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


def _with_times(of_sandbox: str, *times: str) -> Iterator[str]:
    """Return what writes each of these times into columns of a container, and into one of its sandbox."""
    for table, column, key in (
        ("container", "created_at", "id = :id"),
        ("container", "updated_at", "id = :id"),
        ("sandbox", of_sandbox, "id = :sandbox"),
        ("process", "start_time", "container_id = :id"),
    ):
        yield from (f"UPDATE {table} SET {column} = '{time}' WHERE {key}" for time in times)


_ALONE = {
    "postgresql": (
        *_with_times("created_at", "infinity", "-infinity", "0044-03-15 BC", "12000-01-01"),
        _OPTIONS.format(r'["\\ud800"]'),
    ),
    "mariadb": (
        *_with_times("updated_at", "0000-00-00", "2026-00-10", "2026-03-00", "2026-02-31"),
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


_TYPES: dict[type, tuple[str, ...]] = {
    sa.Boolean: ("2", "-1", "'x'", "0.5", "x'00'"),
    sa.SmallInteger: ("'x'", "1.5", "40000", "x'00'"),
    sa.BigInteger: ("'x'", "1.5", "x'00'"),
    sa.Integer: ("'x'", "1.5", "3000000000", "x'00'"),
    UTCDateTime: (
        *("'yesterday'", "'2026-02-31 00:00:00.000000'", "'2026-01-01'", "'12:00'", "x'00'", "2460000.5", "''"),
        *("'0001-01-01 00:00:00.000000'", "'2026-01-01 00:00:00.00000x'", "'now'", "'2026-01-01 00:00:00.0000000'"),
        *("'2026-01-01 00:00:00.000000' || char(0) || 'x'", "'2026-01-01 24:00:00.000000'"),
    ),
    sa.JSON: ("x'ff'", "'no'", "'[5]'"),
}
_TEXT = ("x'ff'", "CAST(x'61ff' AS TEXT)", "CAST(x'c3' AS TEXT)", "CAST(x'eda080' AS TEXT)", "'a' || char(0) || 'b'")


def _of_no_type() -> Iterator[str]:
    """Return what SQLite lets anybody write into each column that is not a key."""
    for table in (core.sandbox, core.container, core.mount, core.device_map, core.process):
        owner = {"sandbox": "id = :sandbox", "container": "id = :id"}.get(table.name, "container_id = :id")
        owner += " AND position = 1" if table.name == "mount" else ""
        for column in table.c:
            if column.primary_key or column.foreign_keys or column.name in {"host", "sandbox_id"}:
                continue
            values = next((_TYPES[kind] for kind in _TYPES if isinstance(column.type, kind)), _TEXT)
            yield from (f"UPDATE {table.name} SET {column.name} = {value} WHERE {owner}" for value in values)
    yield "UPDATE container SET cid = CAST(x'61ff' AS TEXT) WHERE id = :id"
    # the halves of a character, which are one where nothing is between them
    first, second = "CAST(x'61c3' AS TEXT)", "CAST(x'a962' AS TEXT)"
    yield f"UPDATE container SET cgroup_path = {first}, bundle_path = {second} WHERE id = :id"
    yield f"UPDATE sandbox SET state = {first}, cgroup_path = {second} WHERE id = :sandbox"
    yield (
        f"UPDATE mount SET block_device_id = CASE position WHEN 1 THEN {first} ELSE block_device_id END,"
        f" source = CASE position WHEN 2 THEN {second} ELSE source END WHERE container_id = :id"
    )
    yield "UPDATE container SET state = printf('%.256c', 'x') WHERE id = :id"
    yield "UPDATE process SET token = printf('%.300c', 'x') WHERE container_id = :id"
    yield "UPDATE mount SET position = 'x', is_rootfs = 0 WHERE container_id = :id AND position = 1"
    yield _OPTIONS.format(r'["\ud800"]')


@pytest.fixture
def spoilt(store: tuple[str, Database]) -> Iterator[Database]:
    """Give a database with a container for each thing that can be wrong with one, and three good ones."""
    database = store[1]
    name = database.backend.name
    repository = ContainerRepository(database, host=HOST)
    statements = _statements(name)
    for number in range(len(statements) + 3):
        put(repository, f"pod-{number:03}", "b")
    with database.engine.execution_options(persistdb_begin="write").begin() as connection:
        if name == "sqlite":
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
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
            given = given if name == "sqlite" else given.replace("%", "%%")
            assert connection.exec_driver_sql(given).rowcount > 0, given
        if name == "mariadb":
            connection.exec_driver_sql(
                "SET sql_mode = DEFAULT, foreign_key_checks = DEFAULT, check_constraint_checks = DEFAULT"
            )
    yield database
    if name == "sqlite":
        return
    with database.engine.execution_options(persistdb_begin="write").begin() as connection:
        for table in ("process", "device_map", "mount", "container"):  # those without a sandbox, too
            connection.exec_driver_sql(f"DELETE FROM {table}")


def _statements(name: str) -> list[str]:
    if name != "sqlite":
        return [*_BOTH, *_ALONE[name]]
    of_sqlite = {"concat(repeat('é', 127), 'ab')": "printf('%.127c', 'é') || 'ab'"}
    of_sqlite |= {f"repeat('x', {n})": f"printf('%.{n}c', 'x')" for n in (600000, 20000)}
    both = list(_BOTH)
    for those, these in of_sqlite.items():
        both = [each.replace(those, these) for each in both]
    return [*both, *_of_no_type()]


def _all_found(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, tuple[object, ...]]]:
    monkeypatch.setattr("persistdb.store.check.SHOWN", 1000)
    # a page has no order
    return [(each.what, each.count, tuple(sorted(each.rows, key=repr))) for each in check_rows(database)]


@pytest.mark.parametrize(("page", "few"), [(2000, 100), (3, 100), (10, 1), (1, 100)])
def test_nothing_is_missed(spoilt: Database, page: int, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found is the same as where all rows are decoded, also page by page, and where a page is decoded."""
    with monkeypatch.context() as patched:
        patched.setattr(check_decoded, "_has_own_columns", lambda _database: False)
        expected = _all_found(spoilt, monkeypatch)
    assert sum(count for _, count, _ in expected) > 20
    monkeypatch.setattr("persistdb.store.check_columns.PAGE", page)
    monkeypatch.setattr("persistdb.store.check_columns.FEW", few)
    assert _all_found(spoilt, monkeypatch) == expected


def test_no_rule_is_missed(spoilt: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of all finds what all rules and the check of rows find, also the rules that it may not ask."""
    monkeypatch.setattr("persistdb.store.check.SHOWN", 1000)
    monkeypatch.setattr("persistdb.schema.preflight.SHOWN", 1000)
    expected = [*check.check(spoilt), *check_rows(spoilt)]
    found = find_faults(spoilt)
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
    assert {each.what for each in found} & IMPLIED


def test_what_rules_find_is_doubtful(spoilt: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each container and sandbox in which one of the rules finds something that are then not asked is doubtful."""
    monkeypatch.setattr("persistdb.store.check_columns.PAGE", 1)
    monkeypatch.setattr("persistdb.schema.preflight.SHOWN", 1000)
    doubts = Doubts(spoilt)
    containers = {page.last for page in doubts.containers() if page.doubtful != []}
    sandboxes = {page.last for page in doubts.sandboxes() if page.doubtful != []}
    for finding in check.ask(spoilt, IMPLIED):
        for row in finding.rows:
            values = dict(zip(finding.columns, row, strict=True))
            if finding.what == TYPED.format("sandbox"):
                assert values["id"] in sandboxes, finding
            elif "id" in values or "container_id" in values:
                assert values.get("container_id", values.get("id")) in containers, finding
    assert len(containers) > 20


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE container SET updated_at = '2001-01-01 00:00:00' WHERE cid = 'b'",
        "UPDATE sandbox SET updated_at = '2001-01-01 00:00:00' WHERE sid = 'pod-1'",
        "DELETE FROM mount WHERE position = 0 AND container_id = (SELECT max(id) FROM container)",
    ],
)
def test_a_rule_alone(store: tuple[str, Database], statement: str) -> None:
    """What is against one of these rules only is found, though no value is bad."""
    database = store[1]
    repository = ContainerRepository(database, host=HOST)
    put(repository, "pod-1", "a", "b")
    put(repository, "pod-2", "a")
    with database.engine.execution_options(persistdb_begin="write").begin() as connection:
        assert connection.exec_driver_sql(statement).rowcount == 1
    expected = [*check.check(database), *check_rows(database)]
    assert find_faults(database) == expected != []
    assert {each.what for each in expected} & IMPLIED


def _write(database: Database, *statements: str) -> None:
    """Run statements on a SQLite file as another program does: without foreign keys, on a connection of its own."""
    connection = driver().connect(database.url.removeprefix("sqlite:///"))
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_container_of_nobody(sqlite_store: tuple[str, Database]) -> None:
    """A container whose sandbox is gone is found by the rule that is only asked where a row is doubtful."""
    database = sqlite_store[1]
    put(ContainerRepository(database, host=HOST), "pod-1", "a")
    _write(database, "DELETE FROM sandbox", "DELETE FROM sandbox_lifetime")
    found = find_faults(database)
    assert found == [*check.check(database), *check_rows(database)]
    assert "rows of container without their sandbox" in {each.what for each in found} & IMPLIED


@pytest.mark.parametrize("table", ["mount", "device_map", "process"])
def test_a_row_of_nobody(sqlite_store: tuple[str, Database], table: str) -> None:
    """A row whose container is gone, behind all others, is found, and so is a value in it that is not of its type."""
    database = sqlite_store[1]
    put(ContainerRepository(database, host=HOST), "pod-1", "a", "b")
    _write(database, f"UPDATE {table} SET since = 'x', container_id = 'lost' WHERE container_id = 1")
    found = find_faults(database)
    assert found == [*check.check(database), *check_rows(database)]
    assert {each.what for each in found} >= {f"rows of {table} without their container", TYPED.format(table)}


@pytest.mark.parametrize(
    ("table", "one", "other", "place"),
    [
        ("mount", "source", "destination", "position = 1"),
        ("container", "bundle_path", "cgroup_path", "cid = 'b'"),
        ("sandbox", "cgroup_path", "state", "sid = 'pod-1'"),
    ],
)
def test_halves_of_a_character(
    sqlite_store: tuple[str, Database], table: str, one: str, other: str, place: str
) -> None:
    """Two columns that have the halves of a character are no text, in whichever order they are read."""
    database = sqlite_store[1]
    put(ContainerRepository(database, host=HOST), "pod-1", "a", "b")
    for first, second in ((one, other), (other, one)):
        with database.writer.begin() as connection:
            assert connection.exec_driver_sql(
                f"UPDATE {table} SET {first} = CAST(x'61c3' AS TEXT), {second} = CAST(x'a961' AS TEXT) WHERE {place}"
            ).rowcount
        assert "cannot be read" in str(find_faults(database))


def test_halves_of_a_character_in_two_rows(sqlite_store: tuple[str, Database]) -> None:
    """Neither are they in the last column of a row and the first of the next."""
    database = sqlite_store[1]
    put(ContainerRepository(database, host=HOST), "pod-1", "a")
    columns = [each.name for each in core.mount.c if isinstance(each.type, sa.Text)]
    with database.writer.begin() as connection:
        for position, column, half in ((0, columns[-1], "c3"), (1, columns[0], "a9")):
            connection.exec_driver_sql(
                f"UPDATE mount SET {column} = CAST(x'{half}' AS TEXT) WHERE position = {position}"
            )
    assert "cannot be read" in str(find_faults(database))


@pytest.mark.parametrize("column", ["host", "sid"])
def test_a_sandbox_of_no_name(sqlite_store: tuple[str, Database], column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers whose sandbox has NULL for a name, which was written while the schema was another, are found, too."""
    database = sqlite_store[1]
    put(ContainerRepository(database, host=HOST), "pod-1", "a", "b")
    schema = "UPDATE sqlite_master SET sql = replace(sql, '{}', '{}') WHERE name = 'sandbox'"
    _write(database, "PRAGMA writable_schema = ON", schema.format(" NOT NULL", " /*    */"))
    _write(
        database,
        f"UPDATE sandbox SET {column} = NULL",
        "PRAGMA writable_schema = ON",
        schema.format(" /*    */", " NOT NULL"),
    )
    with monkeypatch.context() as patched:
        patched.setattr(check_decoded, "_has_own_columns", lambda _database: False)
        expected = check_rows(database)
    assert check_rows(database) == expected
    assert [each.count for each in expected] == [3]


def test_a_row_of_no_number(sqlite_store: tuple[str, Database]) -> None:
    """A container whose ID is 0, where all others are below it, is in the page that is decoded as a whole."""
    database = sqlite_store[1]
    put(ContainerRepository(database, host=HOST), "pod-1", "a")
    _write(
        database,
        "UPDATE container SET id = 0, cgroup_path = CAST(x'ff' AS TEXT)",
        *(f"UPDATE {table} SET container_id = 0" for table in ("mount", "device_map", "process")),
    )
    assert [(page.last, page.doubtful) for page in Doubts(database).containers()] == [(0, None)]
    assert [each.count for each in check_rows(database)] == [1]


def test_good_rows(repository: Repository, sent: Statements) -> None:
    """Good rows are not decoded, and however many there are in a page, they take the same statements."""
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
    monkeypatch.setattr("persistdb.store.check_columns._KNOWN", 3)
    monkeypatch.setattr("persistdb.store.check_columns.FEW", 2)
    for number in range(8):
        put(repository, f"pod-{number}", "a")
    with database.engine.execution_options(persistdb_begin="write").begin() as connection:
        for number, id_ in enumerate(connection.exec_driver_sql("SELECT id FROM container").scalars().all()):
            connection.exec_driver_sql(f"""UPDATE mount SET options = '["{number}"]' WHERE container_id = {id_}""")
    assert [page.doubtful for page in Doubts(database).containers()] == [[]]
    assert check_rows(database) == []
    monkeypatch.setattr("persistdb.store.check_columns._MOST", 2)
    assert [page.doubtful for page in Doubts(database).containers()] == [None]
    assert check_rows(database) == []
