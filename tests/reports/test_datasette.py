"""The reports in a real Datasette: each is a query there, and answers as the command does."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from datasette.app import Datasette

from persistdb import Database
from persistdb.errors import InvalidValue
from persistdb.reports import catalog, datasette, find, run

from . import fleet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

GIVEN = {"device": "fuse", "prefix": "/srv", "node": "node-1"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Datasette, dict[str, Any]]]:
    """Store the fleet, and open a copy of its file in Datasette with the metadata of the reports."""
    folder = tmp_path_factory.mktemp("datasette")
    with Database(f"sqlite:///{folder}/fleet.db") as database:
        fleet.build(database)
        metadata = json.loads(datasette.metadata(database))
    copy = folder / "copy" / "fleet.db"
    copy.parent.mkdir()
    shutil.copy(folder / "fleet.db", copy)
    with Database(f"sqlite:///{folder}/fleet.db") as database:
        yield database, Datasette([], immutables=[str(copy)], metadata=metadata), metadata["databases"]["fleet"]


def get(app: Datasette, path: str, **values: str) -> Any:
    """Ask for a page as a browser does, in JSON."""
    answer = asyncio.run(app.client.get(f"{path}?{urlencode(values)}"))
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("name", catalog.names())
def test_answers(served: tuple[Database, Datasette, dict[str, Any]], name: str) -> None:
    """A query gives the rows of its report, with defaults for the parameters that are left empty."""
    database, app, of_file = served
    report = find(name, "sqlite")
    assert of_file["queries"][name]["title"] == report.title
    given = {p.name: GIVEN.get(p.name, "none") if p.default is None else "" for p in report.parameters}
    wanted = run(database, report, report.values([f"{key}={value}" for key, value in given.items() if value]))
    answer = get(app, f"/fleet/{name}.json", _shape="arrays", _size="max", **given)
    assert answer["ok"], answer
    assert answer["columns"] == list(wanted.columns)
    assert [_words(row) for row in answer["rows"]] == [_words(row) for row in wanted.rows]


def _words(row: Sequence[Any]) -> list[Any]:
    """Return a row without times and flags, which Datasette shows as they are stored."""
    return [value for value in row if isinstance(value, str) and not value.startswith("2")]


def test_finds_something(served: tuple[Database, Datasette, dict[str, Any]]) -> None:
    """Parameters of each type are taken as the command takes them: paths, numbers, ages, times."""
    _, app, of_file = served

    def rows(name: str, **values: str) -> int:
        return len(get(app, f"/fleet/{name}.json", _shape="arrays", **values)["rows"])

    assert rows("device-holders", device="fuse") == rows("device-holders", device="10:229") == 2
    assert rows("device-holders", device="b 253:7") == rows("device-holders", device="blk") > 0
    assert rows("device-holders", device="b 10:229") == 0
    assert rows("paths", prefix="/srv/") == rows("paths", prefix="/srv") > 0
    assert rows("paths", prefix="/") >= rows("paths", prefix="/srv")
    assert rows("largest", count="1") == 1
    assert rows("changes", node="node-1", since="2h") > 0
    assert rows("changes", node="node-1", since="2999-01-01T00:00:00Z") == 0
    assert rows("changes", node="node-1", since="2020-01-01") > 0
    assert rows("summary-at", at="") == rows("summary") > 0
    assert rows("summary-at", at="2020-01-01T00:00:00Z") == 0
    assert of_file["queries"]["changes"]["params"] == ["node", "since"]


def test_shows_the_views(served: tuple[Database, Datasette, dict[str, Any]]) -> None:
    """The views say what they have rows of; tables that are ours alone are hidden."""
    _, app, _ = served
    page = get(app, "/fleet.json")
    assert {table["name"] for table in page["tables"] if not table["hidden"]} == set()
    assert {"containers", "events"} <= {view["name"] for view in page["views"]}
    assert len(page["queries"]) >= len(catalog.names())


def test_own_reports(sqlite_url: str, tmp_path: Path) -> None:
    """A report of the user's is a query, too, and hostile words in it stay words."""
    (tmp_path / "mine.sql").write_text(
        "-- title: It's \"mine\"\n-- parameter: name text = it's: who\n"
        "SELECT ':name', :name AS name, '12:30' AS time FROM containers WHERE cid = :name"
    )
    with Database(sqlite_url) as database:
        queries = json.loads(datasette.metadata(database, tmp_path))["databases"]["persistdb"]["queries"]
    assert queries["mine"]["title"] == 'It\'s "mine"'
    assert "(coalesce(nullif(:name, ''), 'it''s')) AS name" in queries["mine"]["sql"]
    assert "'12:30' AS time" in queries["mine"]["sql"]


@pytest.mark.parametrize(
    "given", ["c 10:229", "u 1:2", "b 08:016", "8:16", "c 10", "x 1:2", "1:2:3", "d6a2:", "/dev/x"]
)
def test_devices(sqlite_url: str, tmp_path: Path, given: str) -> None:
    """What a device's text is taken for is the same in a query as in a report."""
    names = [f"device_{name}" for name in ("c", "u", "b", "major", "minor", "kind", "or_kind")]
    own = f"-- title: Mine\n-- parameter: device device: which\nSELECT {', '.join(f':{name}' for name in names)}"
    (tmp_path / "mine.sql").write_text(own)
    with Database(sqlite_url) as database:
        queries = json.loads(datasette.metadata(database, tmp_path))["databases"]["persistdb"]["queries"]
        with sqlite3.connect(":memory:") as connection:
            (found,) = connection.execute(queries["mine"]["sql"], {"device": given})
        wanted = find("mine", "sqlite", tmp_path).values([given])
    assert dict(zip(names, found, strict=True)) == {name: wanted[name] for name in names}


@pytest.mark.parametrize("url", ["postgresql://u@h/x", "mariadb://u@h/x", "sqlite://"])
def test_files_only(url: str) -> None:
    """Datasette reads SQLite files: another database is refused."""
    with Database(url) as database, pytest.raises(InvalidValue, match="SQLite files only"):
        datasette.metadata(database)
