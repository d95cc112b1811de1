"""What the page says, on each engine, now and at a time that is past."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text as sql_text

from persistdb import ContainerRepository, Database
from persistdb.errors import BeforeHorizon, InvalidValue, NotFound, SchemaError
from persistdb.records import ContainerState, DeviceMap, Mount, SandboxState
from persistdb.reports.page import queries
from persistdb.reports.page.html import Options, page
from persistdb.reports.page.queries import ORDER, Scope, Source
from tests.store.audits import audit

from . import fleet

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sqlalchemy import Engine

    from tests.servers import Statements


class _Tables(HTMLParser):
    """A reader of the tables of a page, by their IDs: rows of the texts of cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, list[list[str]]] = {}
        self._rows: list[list[str]] = []
        self._in_cell = False
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes |= {name for name, _ in attrs}
        if tag == "table":
            self._rows = self.found.setdefault(str(dict(attrs)["id"]), [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self._rows[-1][-1] += data


def tables(text: str) -> dict[str, list[dict[str, str]]]:
    """Return a page's tables: rows by their headings."""
    found = _Tables(text).found
    return {id_: [dict(zip(rows[0], row, strict=True)) for row in rows[1:]] for id_, rows in found.items()}


def numbers(text: str) -> dict[str, str]:
    """Return the numbers at the page's head."""
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text))


@pytest.fixture
def small(database_url: str) -> Any:
    """Store a pod of two containers, and one of another host, in which something happened; on each engine in turn."""
    with Database(database_url) as database:
        repository = ContainerRepository(database, host="node-1")
        web = ContainerState(
            state="running",
            mounts=[Mount(source="/srv", destination="/data", type="bind", options=["rbind"])],
            device_maps=[DeviceMap(id="d1", container_path="/dev/vda")],
        )
        repository.save_sandbox(
            SandboxState(sid="pod-1", state="running"), {"web": web, "db": ContainerState(state="ready")}
        )
        ContainerRepository(database, host="node-2").save_sandbox(
            SandboxState(sid="pod-2"), {"x": ContainerState(state="")}
        )
        repository.transition("pod-1", "web", "paused", expected="running")
        audit(database, "node-1", ("mount", "/leaked"), at=datetime.now(UTC))
        yield database


def test_now(small: Database) -> None:
    """The page has the numbers, the hosts, the findings, the pod to which most happened, and the events."""
    text = page(small, Options())
    found = numbers(text)
    assert [found[name] for name in ("Hosts", "Sandboxes", "Containers")] == ["2", "2", "3"]
    assert [found[name] for name in ("running", "paused", "ready", "other")] == ["0", "1", "1", "1"]
    assert (found["Findings"], found["Events"]) == ("1", "6")
    shown = tables(text)
    assert [(row["Host"], row["Containers"], row["Findings"]) for row in shown["hosts-table"]] == [
        ("node-1", "2", "1"),
        ("node-2", "1", "0"),
    ]
    assert [row["What"] for row in shown["findings-table"]] == ["/leaked"]
    assert [row["Container"] for row in shown["containers-table"]] == ["web", "db", "x"]
    assert {row["Source"] for row in shown["mounts-table"]} >= {"/srv"}
    assert [row["In the container"] for row in shown["devices-table"]] == ["/dev/vda"]
    first = shown["events-table"][0]
    assert (first["Event"], first["From"], first["To"]) == ("state", "running", "paused")
    assert text.count("<svg") == 8
    assert "persistdb report writable-binds" in {row["Command"] for row in shown["reports-table"]}


def test_one_host(small: Database) -> None:
    """With a host nothing of another one is on the page."""
    text = page(small, Options(host="node-2"))
    assert (numbers(text)["Sandboxes"], numbers(text)["Containers"]) == ("1", "1")
    assert "node-1" not in text
    assert "web" not in {cell for rows in tables(text).values() for row in rows for cell in row.values()}


def test_then(small: Database) -> None:
    """With a time the page shows what was, and what had happened by then."""
    with small.reader.connect() as connection:
        sql = f"SELECT {small.backend.utc_text('at')} FROM events WHERE kind = 'state'"
        at = datetime.fromisoformat(connection.execute(sql_text(sql)).scalar_one())
    text = page(small, Options(at=at - timedelta(microseconds=1)))
    assert (numbers(text)["running"], "paused" in numbers(text)) == ("1", False)
    shown = tables(text)
    assert "state" not in {row["Event"] for row in shown["events-table"]}
    first = shown["containers-table"][0]
    assert (first["Container"], first["Mounts"], first["Devices"]) == ("web", "2", "1")
    assert "reports-table" not in shown
    assert numbers(page(small, Options(at=at)))["paused"] == "1"


def test_a_pod_by_its_id(small: Database) -> None:
    """The pod that is asked for is shown; one that nobody knows is an error."""
    text = page(small, Options(sandbox="pod-2"))
    assert '<bdi class="id">pod-2</bdi>' in text
    with pytest.raises(NotFound, match="pod-3"):
        page(small, Options(sandbox="pod-3"))
    with pytest.raises(NotFound, match="pod-2"):
        page(small, Options(sandbox="pod-2", host="node-1"))


def test_times_that_make_no_sense(small: Database) -> None:
    """A time before there is history is refused, and a beginning behind the end."""
    with pytest.raises(BeforeHorizon):
        page(small, Options(at=datetime(2020, 1, 1, tzinfo=UTC)))
    with pytest.raises(InvalidValue, match="before the time"):
        page(small, Options(since=datetime.now(UTC) + timedelta(hours=1)))


def test_without_history(small: Database) -> None:
    """Where nothing is recorded the page says so, and shows what is."""
    with small.engine.begin() as connection:
        connection.execute(sql_text("UPDATE retention SET seconds = 0"))
    text = page(small, Options())
    assert "keeps no history" in text
    assert (numbers(text)["Containers"], "Events" in numbers(text)) == ("3", False)


def test_statements_do_not_grow(
    postgresql_store: tuple[str, Database], statements: Callable[[Engine], AbstractContextManager[Statements]]
) -> None:
    """More hosts, pods and events take no more statements."""
    _, database = postgresql_store
    counts = []
    for hosts in (1, 10):
        for host in range(hosts):
            repository = ContainerRepository(database, host=f"host-{host}")
            repository.save_sandbox(SandboxState(sid="s"), {"c": ContainerState()})
        with statements(database.engine) as sent:
            page(database, Options())
            counts.append(len(sent.texts))
    assert counts[0] == counts[1]


def test_empty(sqlite_store: tuple[str, Database]) -> None:
    """A database in which nothing is has a page."""
    text = page(sqlite_store[1], Options())
    assert "There is no host in the database." in text
    assert numbers(text)["Containers"] == "0"


def test_no_database(sqlite_url: str) -> None:
    """A database that does not exist is an error, and stays so."""
    with Database(sqlite_url) as database, pytest.raises(SchemaError):
        page(database, Options())


def test_what_is_too_long_is_cut(sqlite_store: tuple[str, Database], monkeypatch: pytest.MonkeyPatch) -> None:
    """A table has so many rows, says how many more there are, and names the command that lists them."""
    monkeypatch.setattr(queries, "ROWS", 3)
    _, database = sqlite_store
    containers = {f"c{i}": ContainerState() for i in range(10)}
    ContainerRepository(database, host="node-1").save_sandbox(SandboxState(sid="s"), containers)
    text = page(database, Options())
    assert len(tables(text)["containers-table"]) == len(tables(text)["events-table"]) == 3
    assert "7 more are not on this page. All of them: <code>persistdb ls --all-hosts</code>" in text
    assert "8 more are not on this page. All of them: <code>persistdb events --all-hosts</code>" in text


def test_long_texts_are_short(sqlite_store: tuple[str, Database]) -> None:
    """A text of thousands of characters is shown without its middle, so that no page is too large."""
    _, database = sqlite_store
    mounts = [Mount(source=f"/{'a' * 4000}{i:04}", destination="/" + "<" * 4000) for i in range(500)]
    containers = {"c": ContainerState(mounts=mounts)}
    ContainerRepository(database).save_sandbox(SandboxState(sid="s"), containers)
    text = page(database, Options())
    assert tables(text)["mounts-table"][1]["Source"] == f"/{'a' * 399} … {'a' * 96}0000"
    assert len(text) < 5_000_000


def test_states_over_time_are_what_they_were(database: Database) -> None:
    """The points of the plot are the numbers that the history itself has of that time."""
    scope = Scope(None, None, fleet.END, fleet.END - timedelta(days=fleet.DAYS))
    source = Source(database, scope, timeout=30)
    now: Counter[str] = Counter()
    for host in source.hosts():
        now.update(host["states"])
    points = source.points(now)
    assert points[0].at == scope.since
    assert [point.at for point in points] == sorted(point.at for point in points)
    assert points[0].states == dict.fromkeys(ORDER, 0)
    # at the end of each step, when all that happened within it has
    for point in points[2:-1:26]:
        past = Source(database, Scope(None, point.at, fleet.END, scope.since), timeout=30)
        then: Counter[str] = Counter()
        for host in past.hosts():
            then.update(host["states"])
        assert {state: point.states[state] for state in ORDER} == {state: then[state] for state in ORDER}


def test_policy(text: str) -> None:
    """The page's policy knows its one style and its one script by their hashes, and allows nothing else."""
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)">', text)
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in unescape(policy)
    assert policy.startswith("default-src 'none'; ")
    assert not {name for name in _Tables(text).attributes if name == "style" or name.startswith("on")}
