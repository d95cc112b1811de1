"""What was measured, as rows of a table and as JSON."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

import persistdb

from .bounds import BOUNDS
from .floor.base import Floor
from .ours import Ours
from .timing import ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .timing import Timed


class Result(msgspec.Struct, kw_only=True):
    """One row: an operation on an engine at a size; times in milliseconds."""

    operation: str
    title: str
    engine: str
    size: int
    ours: float
    floor: float | None = None
    peers: dict[str, float] = msgspec.field(default_factory=dict)
    ratio_to_floor: float | None = None
    quartiles: tuple[float, float] | None = None
    """Of the ratios of the run's parts (:func:`.timing.ratio`)."""
    bound: float | None = None
    aim: float | None = None
    orm_ratio: float | None = None
    statements: int | None = None
    rows: int | None = None
    passed: bool


class Check(msgspec.Struct, kw_only=True):
    """Something else that has a bound: growth, memory, start-up."""

    title: str
    engine: str
    value: float
    bound: float
    unit: str
    detail: str = ""
    quartiles: tuple[float, float] | None = None
    """Where it is a ratio of times: of the ratios of the run's parts."""

    @property
    def passed(self) -> bool:
        """Whether it is within its bound."""
        return self.value <= self.bound


class Report(msgspec.Struct, kw_only=True):
    """A run."""

    machine: str
    version: str
    """Of persistdb, with the revision of the checkout where git knows it."""
    quick: bool
    begun: datetime
    load: float
    """How many processes wanted to run in the minute before it, on all cores."""
    seconds: float = 0.0
    engines: dict[str, str]
    results: list[Result]
    checks: list[Check]
    missing: list[str]


def machine() -> str:
    """The machine, in words that tell no more than what matters."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, {python}"


def new(*, quick: bool) -> Report:
    """Begin a run: what it is a run of, and where."""
    return Report(
        machine=machine(),
        version=_version(),
        quick=quick,
        begun=datetime.now(UTC).replace(microsecond=0),
        load=round(os.getloadavg()[0], 2),
        engines={},
        results=[],
        checks=[],
        missing=[],
    )


def written(report: Report) -> bytes:
    """Write a run as JSON that people can read."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def compared(
    engine: str, operation: str, size: int, times: Mapping[str, Timed], statements: int | None, rows: int
) -> Result:
    """Make a row of the times of all that took part."""
    bound = BOUNDS[operation]
    ours, floor, orm = times[Ours.name], times[Floor.name], times.get(PEERS[0])
    found = ratio(ours, floor)
    orm_ratio = None if orm is None else orm.median / ours.median
    return Result(
        operation=operation,
        title=bound.title,
        engine=engine,
        size=size,
        ours=ours.median,
        floor=floor.median,
        peers={name: time.median for name, time in times.items() if name not in (Ours.name, Floor.name)},
        ratio_to_floor=found.value,
        quartiles=found.quartiles,
        bound=bound.most,
        aim=bound.aim_on(server=engine != "sqlite"),
        orm_ratio=orm_ratio,
        statements=statements,
        rows=rows,
        passed=found.value <= bound.most,
    )


def expect(found: object, wanted: object, who: str) -> None:
    """Raise AssertionError if what somebody gave is not what persistdb gives."""
    if found != wanted:
        raise AssertionError(f"{who} gives {str(found)[:2000]}, and persistdb {str(wanted)[:2000]}")


def _version() -> str:
    git = ["git", "-C", str(Path(__file__).parents[1]), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        revision = subprocess.run(git, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603  constants
    except (OSError, subprocess.CalledProcessError):
        return persistdb.__version__
    return f"{persistdb.__version__} ({revision})"


PEERS = ("ORM unit of work", "advanced-alchemy", "peewee", "files as Kata's", "files, synced")


def table(results: Iterable[Result]) -> str:
    """The operations, times in milliseconds."""
    head = [
        *("operation", "engine", "containers", "persistdb", "by hand", "ratio", "aim", "at most"),
        *(PEERS[0], "times ours", *PEERS[1:], "statements", "rows", ""),
    ]
    lines = [
        [
            *(result.title, result.engine, f"{result.size:,}", _time(result.ours), _time(result.floor)),
            *(_number(result.ratio_to_floor), _number(result.aim), _number(result.bound)),
            *(_time(result.peers.get(PEERS[0])), _number(result.orm_ratio, 1)),
            *(_time(result.peers.get(peer)) for peer in PEERS[1:]),
            *(_number(result.statements, 0), _number(result.rows, 0), "pass" if result.passed else "FAIL"),
        ]
        for result in results
    ]
    return aligned(head, lines)


def checks_table(checks: Iterable[Check]) -> str:
    """All else that has a bound."""
    lines = [
        [
            check.title,
            check.engine,
            f"{check.value:.2f} {check.unit}".strip(),
            f"{check.bound:.2f} {check.unit}".strip(),
            check.detail,
            "pass" if check.passed else "FAIL",
        ]
        for check in checks
    ]
    return aligned(["check", "engine", "found", "at most", "", ""], lines)


def aligned(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Lay out a table as Markdown has it, so that it can go into a page as it is."""
    widths = [max(len(line[i]) for line in (head, *lines)) for i in range(len(head))]
    rows = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in (head, *lines)]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _time(milliseconds: float | None) -> str:
    if milliseconds is None:
        return ""
    return f"{milliseconds:.3f}" if milliseconds < 10 else f"{milliseconds:.1f}"


def _number(value: Any, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}"
