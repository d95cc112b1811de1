"""The glossary's table of names is that of the records, of Kata's files, of JSON, of the views and of the filters."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from sqlalchemy import text

from persistdb import Database
from persistdb.cli.details import as_row
from persistdb.filters import KEYS
from persistdb.records import Container, ContainerState, DeviceMap, Mount, Origin, Process, SandboxState
from persistdb.schema import views
from persistdb.schema.prepare import prepare

PAGE = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text("utf-8")
TABLE = [
    [re.findall(r"`(.+?)`", cell) for cell in line.strip("|").split("|")]
    for line in PAGE.partition("\n## Names\n")[2].splitlines()
    if line.startswith("| `")
]


def names(column: int) -> list[str]:
    return [name for row in TABLE for name in row[column]]


def test_python_and_kata() -> None:
    """Each attribute of each record is in the table once, with its name in Kata's files where it is in them."""
    wanted = {}
    for kind in (Container, ContainerState, Mount, DeviceMap, Process, Origin, SandboxState):
        for field in msgspec.structs.fields(kind):
            if field.type not in (ContainerState, Origin):
                wanted[f"{kind.__name__}.{field.name}"] = [field.encode_name] if field.encode_name != field.name else []
    assert {row[0][0]: row[1] for row in TABLE} == wanted
    assert len(TABLE) == len(wanted)


def test_json() -> None:
    """Each key of the row that ``show`` prints is in the table, but for those computed from others."""
    now = datetime.now(UTC)
    record = ContainerState(mounts=[Mount()], device_maps=[DeviceMap()], processes=[Process()])
    one = Container(
        host="h", sid="s", cid="c", record=record, revision=1, origin=Origin(), created_at=now, updated_at=now
    )
    row = as_row(one, ("", "", ""))
    keys = set(row)
    for name, value in row.items():
        if isinstance(value, list):
            keys |= {f"{name}.{key}" for key in value[0]}
    assert set(names(2)) == keys - {"devices.kind", "devices.permissions"}


def test_views(tmp_path: Path) -> None:
    """Each column is one of a view's."""
    with Database(f"sqlite:///{tmp_path}/names.db") as database:
        prepare(database)
        with database.session() as session:
            columns = {
                f"{view}.{column}"
                for view in views.NAMES
                for column in session.execute(text(f"SELECT * FROM {view}")).keys()  # noqa: SIM118  a result is no dict
            }
    assert set(names(3)) <= columns


def test_filters() -> None:
    """Each filter is in the table once."""
    assert sorted(names(4)) == sorted(KEYS)
