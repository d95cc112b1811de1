"""Rules that are screened find what they find alone, and are not asked where nothing is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository
from persistdb.records import ContainerState, DeviceMap, Mount, Process, SandboxState
from persistdb.schema import check, migrate
from persistdb.schema.screens import SCREENS
from persistdb.store.check import find_faults
from persistdb.store.check_columns import IMPLIED

from . import dumps

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import sqlalchemy as sa

    from persistdb import Database
    from tests.servers import Statements

_RULES = {rule for screen in SCREENS for rule in screen.rules}
_UNENFORCED = {
    "sqlite": "PRAGMA foreign_keys = OFF",
    "postgresql": "SET session_replication_role = replica",
    "mariadb": "SET foreign_key_checks = 0",
}
_FAULTS = (
    "DELETE FROM mount WHERE container_id = {0} AND position = 0",
    "DELETE FROM device_map WHERE container_id = {0} AND position = 0",
    "UPDATE process SET position = 5 WHERE container_id = {0}",
    "UPDATE mount SET since = 1000 WHERE container_id = {1}",
    "UPDATE device_map SET since = 1000 WHERE container_id = {1}",
    "UPDATE process SET since = 1000 WHERE container_id = {1}",
    "DELETE FROM container WHERE id = {2}",
)


def _filled(database: Database) -> list[int]:
    """Store four sandboxes with a container each, and return the IDs of the containers' rows."""
    migrate.upgrade(database)
    repository = ContainerRepository(database, host="node")
    for number in range(4):
        record = ContainerState(
            mounts=[Mount(destination="/a"), Mount(destination="/b")],
            device_maps=[DeviceMap(id="a"), DeviceMap(id="b")],
            processes=[Process(token=str(number), pid=number + 1)],
        )
        repository.save_sandbox(SandboxState(sid=f"pod-{number}"), {"c": record})
    ((ids),) = dumps.select(database, "SELECT id FROM container ORDER BY id")
    return [id_ for (id_,) in ids]


@pytest.fixture
def break_(database: Database, request: pytest.FixtureRequest) -> Callable[..., None]:
    """Give a function that runs statements without the enforcement of foreign keys."""
    name = database.backend.name
    if name == "postgresql":  # takes an administrator
        server = request.getfixturevalue("postgresql_server")
        of = database.engine.url.database
        return lambda *faults: server.execute("; ".join((_UNENFORCED[name], *faults)), database=of)

    def execute(*faults: str) -> None:
        connection = database.engine.raw_connection()
        cursor = connection.cursor()
        for statement in (_UNENFORCED[name], *faults):
            cursor.execute(statement)
        cursor.close()
        connection.commit()
        connection.invalidate()

    return execute


def _told(database: Database) -> list[tuple[str, tuple[str, ...], list[tuple[object, ...]], int]]:
    """Return what rules find, in an order: a rule's rows have none, and those of screens are asked first."""
    found = (each for each in check.check(database) if each.columns)
    return sorted((each.what, each.columns, sorted(each.rows, key=repr), each.count) for each in found)


@pytest.mark.parametrize("fault", _FAULTS)
def test_nothing_is_hidden(
    database: Database, break_: Callable[..., None], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong, also a row without its parent, the findings are those of the rules, in pages, too."""
    break_(fault.format(*_filled(database)))
    with monkeypatch.context() as patched:
        patched.setattr(check, "SCREENS", ())
        expected = _told(database)
    assert {what for what, *_ in expected} & _RULES
    for page in (1, 3, 20_000):
        monkeypatch.setattr(check, "PAGE", page)
        assert _told(database) == expected


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        (
            "UPDATE container SET updated_at = '2001-01-01 00:00:00' WHERE id = {1}",
            "containers whose updated_at precedes created_at",
        ),
        ("DELETE FROM container_lifetime WHERE id = {1}", "containers whose lifetime is not recorded, or is over"),
        ("DELETE FROM sandbox WHERE sid = 'pod-3'", "rows of container without their sandbox"),
    ],
)
def test_rules_without_a_screen(database: Database, break_: Callable[..., None], fault: str, what: str) -> None:
    """What no screen tells is found by the rule, in pages, too, and by the check of all."""
    break_(fault.format(*_filled(database)))
    expected = _told(database)
    assert what in {each for each, *_ in expected}
    assert what in {each.what for each in find_faults(database)}
    for page in (1, 3):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(check, "PAGE", page)
            assert _told(database) == expected


def test_each_rule_finds_something(database: Database, break_: Callable[..., None]) -> None:
    """Each screened rule is one of the check's, and finds what is wrong where all that may be is."""
    ids = _filled(database)
    break_(*(fault.format(*ids) for fault in _FAULTS))
    assert {finding.what for finding in check.check(database)} >= _RULES


def test_sound(database: Database, statements: Callable[[sa.Engine], AbstractContextManager[Statements]]) -> None:
    """Where nothing is wrong, each list of containers is gone through once: by its screen."""
    _filled(database)
    with statements(database.engine) as sent:
        of_lists = check.Check(database, but=IMPLIED)
        of_lists.run()
        assert of_lists.findings() == []
    for table in ("mount", "device_map", "process"):
        passes = (f"FROM {table} WHERE", f"FROM {table} child", f"FROM {table} AS now")
        assert sum(any(each in text for each in passes) for text in sent.texts) == 1
