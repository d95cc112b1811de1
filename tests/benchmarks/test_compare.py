"""The comparison with the last release: which ratios count as worse, and what is said where none can be compared."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import pytest

from benchmarks import compare
from benchmarks.results import Check, Report, Result
from benchmarks.timing import BLOCKS, Timed, ratio

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Written = Callable[..., Path]

_GET = "get one container"


def _row(
    found: float, lower: float, upper: float, *, title: str = _GET, engine: str = "sqlite", size: int = 1000
) -> Result:
    return Result(
        operation=title,
        title=title,
        engine=engine,
        size=size,
        ours=found,
        floor=1.0,
        ratio_to_floor=found,
        quartiles=(lower, upper),
        passed=True,
    )


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Write the file of a run with these rows and checks."""

    def write(*rows: Result | Check, quick: bool = False) -> Path:
        report = Report(
            machine="2 cores",
            version="1.0",
            quick=quick,
            begun=datetime(2026, 11, 1, tzinfo=UTC),
            load=0.25,
            engines={"sqlite": "SQLite 3.53.4"},
            results=[row for row in rows if isinstance(row, Result)],
            checks=[row for row in rows if isinstance(row, Check)],
            missing=[],
        )
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
        path.write_bytes(msgspec.json.encode(report))
        return path

    return write


def _compare(before: Path, now: Path) -> int:
    return compare.main(["--baseline", str(before), "--json", str(now)])


@pytest.mark.parametrize(
    ("now", "worse"),
    [
        pytest.param((2.2, 2.11, 2.3), True, id="above"),
        pytest.param((2.2, 2.1, 2.3), False, id="quartiles that touch"),
        pytest.param((2.08, 2.101, 2.2), False, id="4 % more"),
        pytest.param((2.0, 1.9, 2.1), False, id="the same"),
        pytest.param((1.0, 0.9, 1.1), False, id="less"),
    ],
)
def test_a_ratio_is_worse_beyond_noise(
    written: Written, capsys: pytest.CaptureFixture[str], now: tuple[float, float, float], worse: bool
) -> None:
    """All the middle half of a run must lie above that of the baseline, and the median by more than 5 %."""
    assert _compare(written(_row(2.0, 1.9, 2.1)), written(_row(*now))) == int(worse)
    printed = capsys.readouterr().out
    said = "worse: get one container ÷ driver by hand on sqlite: 2.20 instead of 2.00 (+10 %); the quartiles"
    assert (f"{said} 2.11 to 2.30 lie above 1.90 to 2.10\n" in printed) == worse
    assert ("None of 1 ratios is worse.\n" in printed) != worse


def test_what_became_better_is_shown(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    """The table marks it."""
    _compare(written(_row(2.0, 1.9, 2.1)), written(_row(1.0, 0.9, 1.1)))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| get one")]
    assert line.endswith("| -50 %  | better |")


def test_checks_are_compared_where_they_are_ratios(written: Written) -> None:
    """A growth of a fleet counts; megabytes have no quartiles, and are left out."""

    def checks(value: float) -> list[Check]:
        growth = Check(title="get among many", engine="sqlite", value=value, bound=9, unit="", quartiles=(value, value))
        return [growth, Check(title="memory", engine="sqlite", value=value, bound=900, unit="MB")]

    assert _compare(written(*checks(1.0)), written(*checks(1.0))) == 0
    assert _compare(written(*checks(1.0)), written(*checks(1.5))) == 1
    before, now = (msgspec.json.decode(written(*checks(1.0)).read_bytes(), type=Report) for _ in range(2))
    assert [row.title for row in compare.compare(before, now).rows] == ["get among many"]


def test_what_only_one_run_has_is_named(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    """Operations and engines that are missing, and such of another size, are named and do not fail."""
    before = written(_row(2, 1.9, 2.1), _row(1, 1, 1, engine="mariadb"), _row(1, 1, 1, title="save"))
    now = written(_row(2, 1.9, 2.1), _row(9, 9, 9, title="save", size=60), _row(9, 9, 9, title="list"))
    assert _compare(before, now) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("not compared")] == [
        "not compared: get one container ÷ driver by hand, mariadb: not in this run",
        "not compared: save ÷ driver by hand, sqlite: among 60 containers, 1,000 in the baseline",
        "not compared: list ÷ driver by hand, sqlite: not in the baseline",
    ]


def test_nothing_in_common_is_no_success(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    """A comparison of nothing says so."""
    assert _compare(written(_row(2, 2, 2)), written(_row(2, 2, 2, engine="mariadb"))) == 2
    assert capsys.readouterr().out.endswith("The two runs have no ratio in common.\n")


@pytest.mark.parametrize("quick", [(True, False), (False, True), (True, True)])
def test_a_quick_run_is_not_judged(
    written: Written, capsys: pytest.CaptureFixture[str], quick: tuple[bool, bool]
) -> None:
    """Beside a whole run or another quick one it is shown, and said to be no measure."""
    assert _compare(written(_row(2, 2, 2), quick=quick[0]), written(_row(9, 9, 9), quick=quick[1])) == 0
    printed = capsys.readouterr().out
    assert printed.count(", a quick run; ") == sum(quick)
    assert printed.endswith("A quick run is no measure: nothing is judged.\n")


def test_both_runs_are_described(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    """The versions, the machine and its load stand above the table."""
    _compare(written(_row(2, 2, 2)), written(_row(2, 2, 2)))
    first, second, *_ = capsys.readouterr().out.splitlines()
    described = "persistdb 1.0, 2026-11-01 00:00 UTC; 2 cores; SQLite 3.53.4; load 0.25 at its start"
    assert (first, second) == (f"baseline: {described}", f"this run: {described}")


def test_without_a_baseline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says how to get one, and measures nothing."""
    assert compare.main(["--baseline", str(tmp_path / "none.json")]) == 2
    assert "There is no baseline yet" in capsys.readouterr().out


def test_a_file_of_something_else(tmp_path: Path) -> None:
    """It is named with what is wrong."""
    path = tmp_path / "other.json"
    path.write_text('{"machine": 1}')
    with pytest.raises(SystemExit, match=r"other\.json: Expected `str`, got `int` - at `\$\.machine`"):
        compare.main(["--baseline", str(path), "--json", str(path)])


@pytest.mark.skipif(not compare.BASELINE.exists(), reason="no baseline has been measured yet")
def test_the_baseline_is_a_whole_run() -> None:
    """The file in the repository can be read, has quartiles, and is of a machine that did little else."""
    report = msgspec.json.decode(compare.BASELINE.read_bytes(), type=Report)
    assert not report.quick
    assert not report.missing
    assert all(row.quartiles for row in report.results)
    assert report.load < 1


def test_a_ratio_has_the_quartiles_of_its_parts() -> None:
    """Single calls that are slow move neither; a run that becomes slower in its second half moves the quartiles."""
    turns = 10 * BLOCKS
    steady = Timed([1.0] * turns)
    outliers = Timed([9.0 if turn % 10 == 3 else 2.0 for turn in range(turns)])
    assert ratio(outliers, steady) == (2.0, (2.0, 2.0))
    halves = Timed([2.0 if turn < turns // 2 else 3.0 for turn in range(turns)])
    assert ratio(halves, steady).quartiles == (2.0, 3.0)
    assert ratio(Timed([3.0]), Timed([2.0])) == (1.5, (1.5, 1.5))
