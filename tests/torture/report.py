"""What a run tells: the table of what was tried and lost, and what the run itself takes of the machine."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .attacks import Tried


@dataclass
class Row:
    """The sums of one attack on one engine."""

    attacks: int = 0
    acts: int = 0
    saves: int = 0
    looked_up: int = 0
    lost: int = 0
    skipped: str = ""

    def add(self, tried: Tried, looked_up: int) -> None:
        """Count one attack."""
        self.attacks += 1
        self.acts += tried.acts
        self.saves += tried.saves
        self.looked_up += tried.looked_up + looked_up


def table(rows: dict[tuple[str, str], Row]) -> str:
    """Return the table, with a line for all."""
    head = f"{'attack':<19} {'engine':<11} {'attacks':>8} {'acts':>8} {'saves':>9} {'look-ups':>9} {'lost':>5}"
    lines = [head]
    total = Row()
    for (attack, engine), row in sorted(rows.items()):
        lines.append(_line(attack, engine, row))
        for name in ("attacks", "acts", "saves", "looked_up", "lost"):
            setattr(total, name, getattr(total, name) + getattr(row, name))
    lines.append(_line("all", "", total))
    lines.append("acts: kills, cuts, freezes, damaged files and rows, statements. saves: acknowledged by the database.")
    lines.append("look-ups: sandboxes found whole after an attack, each at its newest acknowledged save or later.")
    return "\n".join(lines)


def _line(attack: str, engine: str, row: Row) -> str:
    if row.skipped:
        return f"{attack:<19} {engine:<11} skipped: {row.skipped}"
    if not row.attacks + row.lost:
        return f"{attack:<19} {engine:<11} not reached"
    numbers = f"{row.attacks:>8} {row.acts:>8} {row.saves:>9} {row.looked_up:>9} {row.lost:>5}"
    return f"{attack:<19} {engine:<11} {numbers}"


@dataclass
class Usage:
    """What this process and its folders hold."""

    memory: int
    descriptors: int
    threads: int
    processes: int
    files: int

    @classmethod
    def now(cls, folders: Iterable[Path]) -> Usage:
        """Measure: memory and files in MB."""
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        files = sum(path.lstat().st_size for folder in folders for path in _files(folder))
        return cls(
            resident >> 20, len(os.listdir("/proc/self/fd")), threading.active_count(), len(children()), files >> 20
        )

    def to(self, other: Usage) -> str:
        """Say how it has grown."""
        return (
            f"memory {self.memory} to {other.memory} MB, open files {self.descriptors} to {other.descriptors},"
            f" threads {self.threads} to {other.threads}, child processes {self.processes} to {other.processes},"
            f" files in temporary folders {self.files} to {other.files} MB"
        )


def children() -> set[int]:
    """Return the processes that this one has started and that are not gone."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {int(pid) for task in tasks for pid in task.read_text().split()}


def _files(folder: Path) -> Iterable[Path]:
    for parent, _, names in os.walk(folder):
        yield from (path for name in names if (path := Path(parent, name)).exists())
