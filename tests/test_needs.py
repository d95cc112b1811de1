"""What tests need of a machine: it is written down, a run on a new machine installs it, and it is asked for by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import needs

ROOT = Path(__file__).parents[1]
INSTALLED = re.findall(r"missing\+=\(([\w-]+)\)", (ROOT / ".ci" / "run").read_text("utf-8"))
_ASKED = re.compile(r'(?:install the package |\(Debian: |package=")([a-z][\w-]*)')


def test_what_tests_ask_for() -> None:
    """A package that a test asks for by name is one that ``.ci/run`` installs."""
    sources = [path.read_text("utf-8") for path in ROOT.joinpath("tests").rglob("*.py") if path != Path(__file__)]
    asked = {package for text in sources for package in _ASKED.findall(text)}
    assert {"haproxy", "openssl", "prometheus", "man-db", "mandoc", "systemd"} <= asked
    assert asked <= set(INSTALLED)


@pytest.mark.parametrize("package", sorted(set(INSTALLED) - {"make", "python3-venv"}))
def test_what_is_installed(package: str) -> None:
    """CONTRIBUTING.md names each package that ``.ci/run`` installs for tests."""
    assert re.search(rf"`(?:[\w-]+ )*{package}(?: [\w-]+)*`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))


@pytest.mark.parametrize(("required", "outcome"), [("", pytest.skip.Exception), ("1", pytest.fail.Exception)])
def test_a_missing_program(monkeypatch: pytest.MonkeyPatch, required: str, outcome: type[BaseException]) -> None:
    """Without a program a test is skipped, or fails where servers are required; its package is named."""
    monkeypatch.setenv("PERSISTDB_REQUIRE_SERVERS", required)
    assert needs.program("no-such-program", "sh", package="dash").endswith("/sh")
    with pytest.raises(outcome, match=re.escape("no-such-program is not installed (Debian: no-such-package)")):
        needs.program("no-such-program", package="no-such-package")
