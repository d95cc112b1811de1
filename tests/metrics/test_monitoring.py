"""The dashboard and the alert rules: they name metrics and labels that are exported, and Prometheus takes them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from persistdb.metrics.families import FAMILIES
from tests import needs

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
RULES = ROOT / "packaging" / "prometheus" / "persistdb.rules.yml"
DASHBOARD = ROOT / "packaging" / "grafana" / "persistdb.json"

EXPORTED = {family.sample(name): set(family.labels) for name, family in FAMILIES.items()}
"""The samples that are exported, and their labels."""
OTHERS = {"node_textfile_mtime_seconds": {"file"}}
"""What others export: node_exporter."""
TARGET = {"instance", "job"}
"""What Prometheus itself adds to each sample."""

_METRIC = re.compile(r"\b((?:persistdb|node)_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r"(\w+)\s*[=!]~?\s*\"")
_BY = re.compile(r"\b(?:by|without)\s*\(([^)]*)\)")
_ON = re.compile(r"\b(?:on|ignoring)\s*\(([^)]*)\)")
_SHOWN = re.compile(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}")


def rules() -> list[dict[str, Any]]:
    """Return the alert rules, and the one that records what they leave out."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Return the dashboard's panels."""
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return found


def expressions() -> Iterator[tuple[str, str]]:
    """Yield each expression, and what is shown of the labels of its samples."""
    for rule in rules():
        yield rule["expr"], " ".join(rule.get("annotations", {}).values())
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]


@pytest.mark.parametrize(("expression", "shown"), list(expressions()))
def test_only_what_is_exported(expression: str, shown: str) -> None:
    """An expression names exported metrics, and selects, groups and shows labels that they have."""
    known = EXPORTED | OTHERS
    metrics = _METRIC.findall(expression)
    assert metrics
    labels = TARGET.union(*(known[name] for name, _ in metrics))
    for name, selector in metrics:
        assert set(_MATCHER.findall(selector)) <= known[name] | TARGET
    for names in _BY.findall(expression) + _ON.findall(expression):
        assert {name.strip() for name in names.split(",")} <= labels
    groups = [{name.strip() for name in names.split(",")} for names in _BY.findall(expression)]
    assert set(_SHOWN.findall(shown)) <= (set.union(*groups) if groups else labels)


def test_all_is_on_the_dashboard() -> None:
    """The dashboard shows each metric."""
    text = DASHBOARD.read_text("utf-8")
    assert [name for name in EXPORTED if not re.search(rf"\b{name}\b", text)] == []


def test_dashboard() -> None:
    """Panels have titles and numbers of their own, do not overlap, and ask the data source that is chosen."""
    found = panels()
    assert len({panel["id"] for panel in found}) == len({panel["title"] for panel in found}) == len(found)
    taken: set[tuple[int, int]] = set()
    for panel in found:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken
        assert all(x < 24 for x, _ in cells)
        taken |= cells
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


def test_rules_say_what_to_do() -> None:
    """Each alert has a severity, says what it is about in one line, and what to do."""
    found = [rule for rule in rules() if "record" not in rule]
    assert len({rule["alert"] for rule in found}) == len(found)
    for rule in found:
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["annotations"]["description"].endswith(".")


def test_prometheus_takes_the_rules(tmp_path: Path) -> None:
    """Prometheus's own checker takes the rules, and they fire when they should and not before."""
    promtool = needs.program("promtool", package="prometheus")
    for path in (RULES, Path(__file__).with_name("rules.test.yml")):
        shutil.copy(path, tmp_path)
    for words in (["check", "rules", RULES.name], ["test", "rules", "rules.test.yml"]):
        done = subprocess.run([promtool, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
