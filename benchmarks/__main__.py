"""``python -m benchmarks``: measure, print the tables, write JSON."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import growth, history, memory, migrations, operations, results, startup, watching
from .fleet import hosts as fleet_hosts
from .places import ENGINES, open_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .places import Place


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 if every row is within its bounds, else 1. ``--quick`` shows that all works, and gives 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, parents=[options_of_a_run()])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    options = parser.parse_args(arguments)
    report = measured(options)
    show(report)
    if options.json is not None:
        options.json.write_bytes(results.written(report))
    good = all(result.passed for result in report.results) and all(check.passed for check in report.checks)
    return 0 if good or options.quick else 1


def measured(options: argparse.Namespace) -> results.Report:
    """Measure what the options name, on the engines that this machine has."""
    report = results.new(quick=options.quick)
    began = time.monotonic()
    for engine in ENGINES if options.engine == "all" else (options.engine,):
        from tests.servers import MissingServer

        try:
            place = open_place(engine, options.folder)
        except MissingServer as missing:
            report.missing.append(f"{engine}: {missing}")
            continue
        try:
            report.engines[engine] = place.version
            _measure(place, options, report)
        finally:
            place.close()
    report.seconds = round(time.monotonic() - began, 1)
    return report


def options_of_a_run() -> argparse.ArgumentParser:
    """Return the options that say what is measured, and where."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--quick", action="store_true", help="small numbers: shows that it works, in under a minute")
    parser.add_argument("--engine", choices=[*ENGINES, "all"], default="all")
    parser.add_argument(
        *("--folder", "-d"),
        type=Path,
        metavar="DIR",
        default=Path(tempfile.gettempdir()),
        help="where the databases are: a commit waits for this disk",
    )
    parser.add_argument("--only", choices=_PARTS, action="append", help="this part; may be given more than once")
    return parser


def _operations(place: Place, options: argparse.Namespace, report: results.Report) -> None:
    effort = operations.QUICK if options.quick else operations.FULL
    for result in operations.measure(place, options.folder, effort):
        report.results.append(result)
        _progress(place, f"{result.title}: {result.ours:.3f} ms, {result.ratio_to_floor:.2f} times the driver's")


def _growth(place: Place, options: argparse.Namespace, report: results.Report) -> None:
    sizes, rounds = ((60, 120), 10) if options.quick else ((1_000, 10_000, 100_000), 300)
    _note(growth.measure(place, sizes, rounds), place, report)


def _history(place: Place, options: argparse.Namespace, report: results.Report) -> None:
    size, events, rounds = (60, 5_000, 10) if options.quick else (100_000, 1_000_000, 300)
    _note(history.measure(place, size, events, rounds), place, report)


def _fleet(place: Place, options: argparse.Namespace, report: results.Report) -> None:
    hosts, rounds = (2, 4) if options.quick else (100, 300)
    _note(fleet_hosts.measure(place, hosts, rounds), place, report)


def _watching(place: Place, options: argparse.Namespace, report: results.Report) -> None:
    _note(watching.measure(place.empty(), watching.QUICK if options.quick else watching.FULL), place, report)
    place.forget()


def _memory(place: Place, options: argparse.Namespace, report: results.Report) -> None:
    _note(memory.measure(place, options.folder, 60 if options.quick else 100_000), place, report)


def _migrations(place: Place, options: argparse.Namespace, report: results.Report) -> None:
    _note(migrations.measure(place, 200 if options.quick else 100_000), place, report)


def _startup(place: Place, options: argparse.Namespace, report: results.Report) -> None:
    _note(startup.measure(place, 1 if options.quick else 20), place, report)


def _note(checks: Iterable[results.Check], place: Place, report: results.Report) -> None:
    for check in checks:
        report.checks.append(check)
        _progress(place, f"{check.title}: {check.value:.2f} {check.unit}")


_PARTS: dict[str, Callable[[Place, argparse.Namespace, results.Report], None]] = {
    "operations": _operations,
    "growth": _growth,
    "history": _history,
    "fleet": _fleet,
    "memory": _memory,
    "migrations": _migrations,
    "watching": _watching,
    "startup": _startup,
}


_ONCE = ("startup", "watching")


def _measure(place: Place, options: argparse.Namespace, report: results.Report) -> None:
    for part, measure in _PARTS.items():
        # commands start and follow files alike whatever the engine, and a quick run is to be quick
        everywhere = part == "operations" or (part not in _ONCE and not options.quick)
        if (everywhere or place.engine == "sqlite") and (options.only is None or part in options.only):
            measure(place, options, report)


def _progress(place: Place, what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {place.engine}: {what}", file=sys.stderr, flush=True)


def show(report: results.Report) -> None:
    """Print the tables."""
    print(f"{report.machine}; {', '.join(report.engines.values())}. Medians in milliseconds.\n")
    if report.results:
        print(results.table(report.results), end="\n\n")
    if report.checks:
        print(results.checks_table(report.checks), end="\n\n")
    for missing in report.missing:
        print(f"not measured: {missing}")
    if report.quick:
        print("A quick run: it shows that all works, its numbers say little.")


if __name__ == "__main__":
    sys.exit(main())
