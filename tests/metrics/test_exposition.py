"""The metrics as text, as a file, and over HTTP."""

from __future__ import annotations

import re
import subprocess
import urllib.request
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics_families
from prometheus_client.parser import text_string_to_metric_families

from persistdb import ContainerRepository, Database
from persistdb.errors import InvalidValue
from persistdb.metrics import address, exposition
from persistdb.metrics.address import Address
from persistdb.metrics.families import ALWAYS, FAMILIES, OF_DATABASE, OF_WATCH, Numbers
from persistdb.records import ContainerState, SandboxState
from tests import needs
from tests.store.audits import audit

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = 'n"o\\d\ne}'


class Counts:
    """What a watcher that has just begun counts."""

    imports, errors, rescans, gaps, queued = 3, 1, 2, 0, 4
    lag, last_success = 0.125, None


@pytest.fixture
def small(sqlite_store: tuple[str, Database]) -> Database:
    """Store a container on a host with a hostile name."""
    _, database = sqlite_store
    repository = ContainerRepository(database, host=HOSTILE)
    repository.save_sandbox(SandboxState(sid="s"), {"c": ContainerState(state="running")})
    audit(database, HOSTILE, ("mount", HOSTILE))
    return database


def test_open_metrics(small: Database) -> None:
    """All metrics of the tables are there, with their labels and no others; hostile names come back as they are."""
    text = exposition.open_metrics(Numbers(small, watch=Counts))
    found = {family.name: family for family in open_metrics_families(text)}
    optional = {"persistdb_host_last_seen_timestamp_seconds", "persistdb_watch_last_success_timestamp_seconds"}
    assert {name for name, family in found.items() if family.samples} == set(FAMILIES) - optional
    for name, family in found.items():
        assert family.type == ("counter" if FAMILIES[name].is_counter else "gauge")
        assert family.documentation == FAMILIES[name].help
        assert all(sample.labels.keys() == set(FAMILIES[name].labels) for sample in family.samples)
        assert {sample.name for sample in family.samples} <= {FAMILIES[name].sample(name)}
    (sample,) = found["persistdb_containers"].samples
    assert (sample.labels, sample.value) == ({"host": HOSTILE, "runtime": "kata", "state": "running"}, 1)


def test_a_watcher_has_its_own(small: Database) -> None:
    """The watcher's counts are there with a watcher only."""
    assert "persistdb_watch" not in exposition.open_metrics(Numbers(small))
    text = exposition.open_metrics(Numbers(small, watch=Counts))
    assert "\npersistdb_watch_imports_total 3.0\n" in text
    assert "\npersistdb_watch_lag_seconds 0.125\n" in text


def test_a_database_that_cannot_be_read(tmp_path: Path) -> None:
    """A database that is away is persistdb_up 0, and says so once, also when it is back."""
    told: list[str] = []
    with Database(f"sqlite:///{tmp_path}/x.db") as database:
        numbers = Numbers(database, told=lambda error: told.append(str(error)))
        for _ in range(2):
            families = list(open_metrics_families(exposition.open_metrics(numbers)))
            assert {family.name for family in families} == set(ALWAYS)
            assert next(family for family in families if family.name == "persistdb_up").samples[0].value == 0
        ContainerRepository(database).save_sandbox(SandboxState(sid="s"), {"c": ContainerState()})
        assert "\npersistdb_up 1.0\n" in exposition.open_metrics(numbers)
    assert len(told) == 2
    assert "there is no such database" in told[0]
    assert told[1] == "None"


def test_textfile(small: Database, tmp_path: Path) -> None:
    """The file is in the format that node_exporter knows, everybody may read it, and no other file is left."""
    path = tmp_path / "own" / "persistdb.prom"
    path.parent.mkdir()
    path.write_text("old")
    path.chmod(0o600)
    exposition.write_textfile(Numbers(small), path)
    text = path.read_text()
    assert {family.name for family in text_string_to_metric_families(text)} >= {
        "persistdb_containers",
        "persistdb_events",
    }
    assert not re.search(r"# TYPE \S+ (?!gauge|counter)", text)
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_promtool_finds_no_fault(small: Database, tmp_path: Path) -> None:
    """Prometheus's own checker likes the names, the help and the types."""
    promtool = needs.program("promtool", package="prometheus")
    exposition.write_textfile(Numbers(small, watch=Counts), tmp_path / "x.prom")
    with (tmp_path / "x.prom").open() as text:
        done = subprocess.run([promtool, "check", "metrics"], stdin=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_served(small: Database) -> None:
    """Over HTTP a client gets the format that it asks for; the port is closed at the end."""
    with exposition.served(Numbers(small), Address("127.0.0.1", 0)) as served:
        url = f"http://127.0.0.1:{served.port}/metrics"
        with urllib.request.urlopen(url) as answer:
            assert "text/plain" in answer.headers["Content-Type"]
            assert "persistdb_up 1.0" in answer.read().decode()
        wanted = urllib.request.Request(url, headers={"Accept": "application/openmetrics-text"})
        with urllib.request.urlopen(wanted) as answer:
            assert answer.read().decode().endswith("# EOF\n")
        with pytest.raises(OSError, match=f"127.0.0.1:{served.port}"), exposition.served(Numbers(small), served):
            pass
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (":9960", ("127.0.0.1", 9960)),
        ("localhost:0", ("127.0.0.1", 0)),
        ("127.1.2.3:65535", ("127.1.2.3", 65535)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_address(text: str, found: tuple[str, int]) -> None:
    """An address of this machine alone is taken as it is."""
    assert address.parse(text) == found


@pytest.mark.parametrize(
    "text", ["", "9960", "127.0.0.1", "127.0.0.1:", "::1:80", "1.2.3:80", "node-1:80", ":65536", ":-1", ":٣"]
)
def test_no_address(text: str) -> None:
    """What is no address with a port is refused, and so is a name."""
    with pytest.raises(InvalidValue, match="address"):
        address.parse(text, allow_remote=True)


@pytest.mark.parametrize("text", ["0.0.0.0:80", "[::]:80", "192.0.2.1:80", "8.8.8.8:80"])
def test_others_are_let_in_on_purpose_only(text: str) -> None:
    """An address that other machines reach is taken with allow_remote only."""
    with pytest.raises(InvalidValue, match="--allow-remote"):
        address.parse(text)
    assert address.parse(text, allow_remote=True).port == 80


def test_names_follow_the_rules() -> None:
    """Counters are no gauges by name, units come last, and no table has another's metric."""
    assert len(FAMILIES) == len(ALWAYS) + len(OF_DATABASE) + len(OF_WATCH)
    for name, family in FAMILIES.items():
        assert re.fullmatch("persistdb_[a-z_]+", name)
        assert not name.endswith("_total")
        assert not family.help.endswith(".")
