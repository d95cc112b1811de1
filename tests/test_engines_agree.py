"""Imports, exports and lists are the same on every engine."""

from __future__ import annotations

import filecmp
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persistdb.cli import main

if TYPE_CHECKING:
    import pytest

SAMPLES = Path(__file__).parent / "data" / "kata"
ENGINES = ("sqlite", "postgresql", "mariadb")


def run(capsys: pytest.CaptureFixture[str], url: str, host: str, *words: str | Path) -> str:
    status = main(["--db", url, "--host", host, *map(str, words)])
    out, err = capsys.readouterr()
    assert (status, err) == (0, "")
    return out


def differences(one: filecmp.dircmp[str]) -> list[str]:
    unlike = [f"{one.left}: {name}" for name in one.left_only + one.right_only + one.funny_files]
    _, unequal, errors = filecmp.cmpfiles(one.left, one.right, one.common_files, shallow=False)
    unlike += [f"{one.left}: {name}" for name in unequal + errors]
    return unlike + [line for inner in one.subdirs.values() for line in differences(inner)]


def rows(capsys: pytest.CaptureFixture[str], url: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(run(capsys, url, "any", "ls", "--all-hosts", "--format", "json"))["rows"]
    for row in listed:
        for name in ("created", "updated"):
            assert row.pop(name).endswith("Z")
    return listed


def test_the_same_trees_and_rows(
    sqlite_url: str, postgresql_url: str, mariadb_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every sample is exported byte for byte from each engine, and all engines list the same rows."""
    samples = {tree.parts[-4]: tree for tree in sorted(SAMPLES.glob("*/run/vc/sbs"))}
    seen = {}
    for engine, url in zip(ENGINES, (sqlite_url, postgresql_url, mariadb_url), strict=True):
        # two samples have a sandbox of the same ID, so each has a separate host
        for name, tree in samples.items():
            out = tmp_path / "out" / engine / name
            run(capsys, url, name, "import", tree)
            run(capsys, url, name, "export", "--to", out)
            assert differences(filecmp.dircmp(tree, out)) == [], engine
        seen[engine] = rows(capsys, url)
    assert {row["host"] for row in seen["sqlite"]} == samples.keys()
    assert seen["postgresql"] == seen["sqlite"]
    assert seen["mariadb"] == seen["sqlite"]
