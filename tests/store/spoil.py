"""Rows that another program has spoiled: plain SQL after which no record can hold a container or sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _pytest.mark import ParameterSet

    from persistdb import Database

_ALL = ("sqlite", "postgresql", "mariadb")
_NUMBERS = ("sqlite", "mariadb")  # flags are numbers there
_SQLITE = ("sqlite",)

CONTAINERS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "no rootfs": (_ALL, "DELETE FROM mount WHERE container_id = {id} AND position = 0"),
    "no mount": (_ALL, "DELETE FROM mount WHERE container_id = {id}"),
    "options of numbers": (_ALL, "UPDATE mount SET options = '[5]' WHERE container_id = {id} AND position = 1"),
    "options as an object": (_ALL, "UPDATE mount SET options = '{{}}' WHERE container_id = {id} AND position = 1"),
    "half of a surrogate pair": (
        ("sqlite", "postgresql"),
        """UPDATE mount SET options = '["\\ud800"]' WHERE container_id = {id} AND position = 1""",
    ),
    "a flag of 2": (_NUMBERS, "UPDATE mount SET read_only = 2 WHERE container_id = {id} AND position = 1"),
    "a timestamp of no time": (("postgresql",), "UPDATE container SET updated_at = 'infinity' WHERE id = {id}"),
    "text as a timestamp": (_SQLITE, "UPDATE container SET updated_at = 'yesterday' WHERE id = {id}"),
    "text as a revision": (_SQLITE, "UPDATE container SET revision = 'many' WHERE id = {id}"),
    "a BLOB as a revision": (_SQLITE, "UPDATE container SET revision = x'00' WHERE id = {id}"),
    "text as a PID": (_SQLITE, "UPDATE process SET pid = 'one' WHERE container_id = {id}"),
    "a BLOB as a state": (_SQLITE, "UPDATE container SET state = x'ff' WHERE id = {id}"),
    "options that are no JSON": (_SQLITE, "UPDATE mount SET options = 'no' WHERE container_id = {id} AND position = 1"),
    "a BLOB as options": (_SQLITE, "UPDATE mount SET options = x'ff' WHERE container_id = {id} AND position = 1"),
    "text that is not UTF-8": (_SQLITE, "UPDATE container SET state = CAST(x'61ff' AS TEXT) WHERE id = {id}"),
}
"""What may be wrong with a container: the engines that allow it, and the statement, with the ``id`` of its row."""

SANDBOXES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "a timestamp of no time": (("postgresql",), "UPDATE sandbox SET created_at = 'infinity' WHERE id = {id}"),
    "a zero timestamp": (("mariadb",), "UPDATE sandbox SET created_at = '0000-00-00' WHERE id = {id}"),
    "text as a revision": (_SQLITE, "UPDATE sandbox SET revision = 'many' WHERE id = {id}"),
    "text as a version": (_SQLITE, "UPDATE sandbox SET persist_version = 'two' WHERE id = {id}"),
    "a BLOB as a state": (_SQLITE, "UPDATE sandbox SET state = x'ff' WHERE id = {id}"),
    "text that is not UTF-8": (_SQLITE, "UPDATE sandbox SET layout = CAST(x'61ff' AS TEXT) WHERE id = {id}"),
}
"""The same of a sandbox's own row."""


def params(kinds: Mapping[str, tuple[tuple[str, ...], str]]) -> list[ParameterSet]:
    """Return the parameters of a fixture: each kind on each engine that allows it."""
    return [
        pytest.param((engine, kind), id=f"{kind}-{engine}", marks=[pytest.mark.servers] * (engine != "sqlite"))
        for kind, (engines, _) in kinds.items()
        for engine in engines
    ]


def container(database: Database, sid: str, cid: str, kind: str) -> None:
    """Spoil a container."""
    where = f"WHERE cid = '{cid}' AND sandbox_id IN (SELECT id FROM sandbox WHERE sid = '{sid}')"
    _spoil(database, CONTAINERS[kind], f"SELECT id FROM container {where}")


def sandbox(database: Database, sid: str, kind: str) -> None:
    """Spoil a sandbox's own row."""
    _spoil(database, SANDBOXES[kind], f"SELECT id FROM sandbox WHERE sid = '{sid}'")


def _spoil(database: Database, kind: tuple[tuple[str, ...], str], ids: str) -> None:
    _, statement = kind
    with database.writer.begin() as connection:
        if database.backend.name == "mariadb":
            connection.exec_driver_sql("SET sql_mode = ''")
        id_ = connection.exec_driver_sql(ids).scalar_one()
        assert connection.exec_driver_sql(statement.format(id=id_)).rowcount > 0
        if database.backend.name == "mariadb":
            connection.exec_driver_sql("SET sql_mode = DEFAULT")
