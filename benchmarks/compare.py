"""``python -m benchmarks.compare``: what became slower since the last release, by the ratios of ``baseline.json``.

Times belong to a machine, ratios to the code: that of persistdb to the driver by hand, of a large store to a small one,
of a command to the import of its libraries. A ratio is worse if all the middle half of its run lies above the middle
half of the baseline's, and its median is more than ``MARGIN`` times the baseline's.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from . import results

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BASELINE = Path(__file__).with_name("baseline.json")
MARGIN = 1.05
"""Two runs of the same code differ by up to this on one machine, however still each is (docs/performance.md)."""
_SAME, _WORSE, _CANNOT = 0, 1, 2


class Measured(NamedTuple):
    """A ratio, the quartiles of the ratios of its run's parts, and how many containers it was among."""

    ratio: float
    lower: float
    upper: float
    size: int | None


class Compared(NamedTuple):
    """A ratio in two runs."""

    title: str
    engine: str
    before: Measured
    now: Measured

    @property
    def is_worse(self) -> bool:
        """Whether it grew by more than noise."""
        return self.now.lower > self.before.upper and self.now.ratio > MARGIN * self.before.ratio

    @property
    def is_better(self) -> bool:
        """Whether it fell by as much."""
        return self.now.upper < self.before.lower and MARGIN * self.now.ratio < self.before.ratio


class Comparison(NamedTuple):
    """Two runs side by side: the ratios that both have, and why others cannot be compared."""

    rows: Sequence[Compared]
    left_out: Sequence[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; 0 if nothing is worse or a run was a quick one, 1 if something is, 2 if there is nothing to compare."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description=__doc__,
        epilog="All other options are for the run that is made: python -m benchmarks --help.",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="the results of a run; without it one is made")
    parser.add_argument("--baseline", type=Path, metavar="FILE", default=BASELINE, help="what they are compared with")
    options, others = parser.parse_known_args(arguments)
    if others and options.json is not None:
        parser.error(f"{others[0]} is for a run that is made now, and --json names one that was made")
    if not options.baseline.exists():
        print(f"There is no baseline yet: {options.baseline} is missing. `make bench-baseline` measures one.")
        return _CANNOT
    before = _read(options.baseline)
    if options.json is not None:
        now = _read(options.json)
    else:
        from . import __main__ as program  # which imports all that is compared with

        now = program.measured(program.options_of_a_run().parse_args(others))
        program.show(now)
    found = compare(before, now)
    for name, report in (("baseline", before), ("this run", now)):
        print(f"{name}: {_described(report)}")
    print(f"\n{table(found.rows)}\n")
    for reason in found.left_out:
        print(f"not compared: {reason}")
    if before.quick or now.quick:
        print("A quick run is no measure: nothing is judged.")
        return _SAME
    worse = [row for row in found.rows if row.is_worse]
    for row in worse:
        print(f"worse: {_said(row)}")
    if not found.rows:
        print("The two runs have no ratio in common.")
        return _CANNOT
    if not worse:
        print(f"None of {len(found.rows)} ratios is worse.")
    return _WORSE if worse else _SAME


def compare(before: results.Report, now: results.Report) -> Comparison:
    """Lay two runs side by side."""
    rows, left_out = [], []
    old, new = _ratios(before), _ratios(now)
    for key in [*old, *(key for key in new if key not in old)]:
        title, engine = key
        name = f"{title}, {engine}" if engine else title
        if key not in new:
            left_out.append(f"{name}: not in this run")
        elif key not in old:
            left_out.append(f"{name}: not in the baseline")
        elif old[key].size != new[key].size:
            left_out.append(f"{name}: among {new[key].size:,} containers, {old[key].size:,} in the baseline")
        else:
            rows.append(Compared(title, engine, old[key], new[key]))
    return Comparison(rows, left_out)


def table(rows: Sequence[Compared]) -> str:
    """The ratios, with the quartiles of each."""
    head = ["ratio", "engine", "baseline", "its quartiles", "this run", "its quartiles", "change", ""]
    lines = [
        [
            *(row.title, row.engine, f"{row.before.ratio:.2f}", _quartiles(row.before)),
            *(f"{row.now.ratio:.2f}", _quartiles(row.now), f"{100 * (row.now.ratio / row.before.ratio - 1):+.0f} %"),
            "WORSE" if row.is_worse else "better" if row.is_better else "",
        ]
        for row in rows
    ]
    return results.aligned(head, lines)


def _ratios(report: results.Report) -> Mapping[tuple[str, str], Measured]:
    return dict(_each(report))


def _each(report: results.Report) -> Iterator[tuple[tuple[str, str], Measured]]:
    for row in report.results:
        if row.ratio_to_floor is not None and row.quartiles is not None:
            yield (f"{row.title} ÷ driver by hand", row.engine), Measured(row.ratio_to_floor, *row.quartiles, row.size)
    for check in report.checks:
        if check.quartiles is not None:
            yield (check.title, check.engine), Measured(check.value, *check.quartiles, None)


def _read(path: Path) -> results.Report:
    try:
        return msgspec.json.decode(path.read_bytes(), type=results.Report)
    except (OSError, msgspec.DecodeError) as error:
        raise SystemExit(f"{path}: {error}") from error


def _described(report: results.Report) -> str:
    engines = ", ".join(report.engines.values())
    quick = ", a quick run" if report.quick else ""
    return (
        f"persistdb {report.version}, {report.begun:%Y-%m-%d %H:%M} UTC{quick}; {report.machine};"
        f" {engines}; load {report.load:.2f} at its start"
    )


def _quartiles(measured: Measured) -> str:
    return f"{measured.lower:.2f} to {measured.upper:.2f}"


def _said(row: Compared) -> str:
    engine = f" on {row.engine}" if row.engine else ""
    return (
        f"{row.title}{engine}: {row.now.ratio:.2f} instead of {row.before.ratio:.2f}"
        f" (+{100 * (row.now.ratio / row.before.ratio - 1):.0f} %); the quartiles {_quartiles(row.now)}"
        f" lie above {_quartiles(row.before)}"
    )


if __name__ == "__main__":
    sys.exit(main())
