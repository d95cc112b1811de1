"""The benchmark of reports and filters compares what answers the same question."""

from __future__ import annotations

import re

import pytest

from benchmarks import reporting
from persistdb import reports


@pytest.mark.slow
def test_the_statements_by_hand_answer_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """On a small fleet each statement by hand has the rows of its report, and each filter is measured."""
    reporting.main(["--containers", "100", "--repeat", "1"])
    out = capsys.readouterr().out
    compared, filters = out.split("\nA get takes ")
    names = re.findall(r"^\| ([a-z-]+) \| \d+ \|", compared, re.MULTILINE)
    assert {"summary", "leftover-mounts", "mount-options", "stale"} <= set(names) <= set(reports.names())
    assert "others by hand" not in compared
    assert filters.count(" --all-hosts | ") == 15
