"""``python -m benchmarks.fleet``: fill a fleet, let agents write, kill a node of its cluster, print Markdown tables."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers import MissingServer

from .. import places, results
from . import agents, growth, nodes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .agents import Account
    from .growth import Measured

_PARTS = ("growth", "agents", "nodes", "pooler")
_HEAD = """
| | agents | saves a second | p50, ms | p99, ms | stood still, s | errors | lost |
|---|--:|--:|--:|--:|--:|--:|--:|"""
_QUIET = 0.3  # of the time is over when a node is killed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 if nothing that was acknowledged is lost, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000], metavar="N", help="containers")
    parser.add_argument("--engine", choices=places.ENGINES, action="append", help="may be given more than once")
    parser.add_argument("--only", choices=_PARTS, action="append", help="this part; may be given more than once")
    parser.add_argument(
        "--repeat", type=int, default=growth.REPEAT, metavar="N", help="measure short operations N times"
    )
    parser.add_argument("--agents", type=int, default=8, metavar="N", help="programs that write at once")
    parser.add_argument("--pooled", type=int, default=200, metavar="N", help="agents that write through PgBouncer")
    parser.add_argument("--seconds", type=float, default=30.0, metavar="S", help="for which they write")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where SQLite's files are")
    options = parser.parse_args(arguments)
    wrong = [size for size in options.sizes if size % 1000]
    if wrong or sorted(options.sizes) != options.sizes:
        parser.error("--sizes are whole thousands, the smallest first")
    parts = options.only or _PARTS
    _say(f"{results.machine()}\n")
    lost = 0
    for engine in options.engine or places.ENGINES:
        try:
            place = places.open_place(engine, options.folder)
        except MissingServer as missing:
            _tell(f"{engine}: {missing}")
            continue
        try:
            if "growth" in parts:
                _say(f"\n{place.version}\n")
                _say(_grown(growth.measure(place.empty(), options.sizes, options.repeat, _tell), options.sizes))
            if "agents" in parts:
                url = place.empty()
                accounts = agents.run(url, options.agents, options.seconds)
                lost += _account(f"{place.version}, nothing killed", url, accounts)
        finally:
            place.close()
    for name, cluster in nodes.CLUSTERS.items() if "nodes" in parts else ():
        try:
            with cluster() as running:

                def lose(running: nodes.Cluster = running) -> None:
                    time.sleep(options.seconds * _QUIET)
                    running.lose()

                accounts = agents.run(running.url, options.agents, options.seconds, lose)
                lost += _account(name, running.url, accounts)
        except MissingServer as missing:
            _tell(f"{name}: {missing}")
    if "pooler" in parts:
        lost += _through_a_pooler(options.pooled, options.seconds)
    return 1 if lost else 0


def _through_a_pooler(number: int, seconds: float) -> int:
    name = f"PostgreSQL, {nodes.CONNECTIONS} connections of PgBouncer's"
    try:
        with nodes.pooler() as url:
            return _account(name, url, agents.run(url, number, seconds))
    except MissingServer as missing:
        _tell(f"{name}: {missing}")
        return 0


def _grown(found: dict[str, dict[int, Measured]], sizes: Sequence[int]) -> str:
    head = "".join(f" {size:,} p50 | p99 |" for size in sizes)
    lines = [f"| ms |{head} growth |", f"|---|{'--:|--:|' * len(sizes)}--:|"]
    for name, of_size in found.items():
        cells = "".join(f" {_cell(of_size[size].p50)} | {_cell(of_size[size].p99)} |" for size in sizes)
        first, last = of_size[sizes[0]].p50, of_size[sizes[-1]].p50
        grown = f"{last / first:.1f}x" if first and last else ""
        lines.append(f"| {name} |{cells} {grown} |")
    return "\n".join(lines) + "\n"


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _account(name: str, url: str, accounts: Sequence[Account]) -> int:
    """Print a table of what agents did, and return how much of it is lost."""
    durations = [each for account in accounts for each in account.durations]
    errors = [each for account in accounts for each in account.errors]
    lost = agents.lost(url, accounts)
    rate = len(durations) / agents.spent(accounts)
    _say(
        f"{_HEAD}\n| {name} | {len(accounts)} | {rate:,.0f} | {agents.quantile(durations, 0.5):.3g} |"
        f" {agents.quantile(durations, 0.99):.3g} | {agents.standstill(accounts):.2g} | {len(errors)} | {lost} |\n"
    )
    for error in sorted(set(errors))[:5]:
        _tell(error)
    return lost


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
