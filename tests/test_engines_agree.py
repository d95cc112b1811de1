"""What goes in and comes out is the same on every engine."""

from __future__ import annotations

import filecmp
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parent / "data" / "kata"
ENGINES = ("sqlite", "postgresql", "mariadb")


def run(url: str, *words: str | Path) -> str:
    program = "import sys; from persistdb.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, "--db", url, "--host", "node-1", *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def all_samples(folder: Path) -> Path:
    """One sbs folder with every sample's sandboxes; those of one ID are told apart by the sample's name."""
    for sandbox in sorted(SAMPLES.glob("*/run/vc/sbs/*")):
        target = folder / sandbox.name
        if target.exists():
            continue
        shutil.copytree(sandbox, target)
    return folder


def differences(one: filecmp.dircmp[str]) -> list[str]:
    found = [f"{one.left}: {name}" for name in one.left_only + one.right_only + one.funny_files]
    _, unequal, errors = filecmp.cmpfiles(one.left, one.right, one.common_files, shallow=False)
    found += [f"{one.left}: {name}" for name in unequal + errors]
    return found + [line for inner in one.subdirs.values() for line in differences(inner)]


def rows(url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(url, "ls", "--format", "json"))["rows"]
    for row in found:
        assert row.pop("updated").endswith("Z")
    return found


def test_the_same_trees_and_rows(sqlite_url: str, postgresql_url: str, mariadb_url: str, tmp_path: Path) -> None:
    """Every sample comes back byte for byte from each engine, and all engines list the same rows."""
    tree = all_samples(tmp_path / "sbs")
    seen = {}
    for name, url in zip(ENGINES, (sqlite_url, postgresql_url, mariadb_url), strict=True):
        run(url, "import", tree)
        run(url, "export", "--to", tmp_path / "out" / name)
        assert differences(filecmp.dircmp(tree, tmp_path / "out" / name)) == [], name
        seen[name] = rows(url)
    assert len(seen["sqlite"]) > 10
    assert seen["postgresql"] == seen["sqlite"]
    assert seen["mariadb"] == seen["sqlite"]
