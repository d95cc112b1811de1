"""What was measured, as rows of a table and as JSON."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


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
    bound: float | None = None
    aim: float | None = None
    orm_ratio: float | None = None
    orm_bound: float | None = None
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

    @property
    def passed(self) -> bool:
        """Whether it is within its bound."""
        return self.value <= self.bound


class Report(msgspec.Struct, kw_only=True):
    """A whole run."""

    machine: str
    engines: dict[str, str]
    results: list[Result]
    checks: list[Check]
    missing: list[str]


def machine() -> str:
    """The machine, in words that tell no more than what matters."""
    import os

    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, {python}"


PEERS = ("ORM unit of work", "advanced-alchemy", "peewee", "files as Kata's", "files, synced")


def table(results: Iterable[Result]) -> str:
    """The operations, times in milliseconds."""
    head = [
        *("operation", "engine", "containers", "persistdb", "by hand", "ratio", "at most"),
        *(PEERS[0], "times ours", "at least", *PEERS[1:], "statements", "rows", ""),
    ]
    lines = [
        [
            *(result.title, result.engine, f"{result.size:,}", _time(result.ours), _time(result.floor)),
            *(_number(result.ratio_to_floor), _number(result.bound)),
            *(_time(result.peers.get(PEERS[0])), _number(result.orm_ratio, 1), _number(result.orm_bound, 0)),
            *(_time(result.peers.get(peer)) for peer in PEERS[1:]),
            *(_number(result.statements, 0), _number(result.rows, 0), "pass" if result.passed else "FAIL"),
        ]
        for result in results
    ]
    return _aligned(head, lines)


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
    return _aligned(["check", "engine", "found", "at most", "", ""], lines)


def _aligned(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
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
