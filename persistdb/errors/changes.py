"""Errors of a change of the schema that rows prevent, and what they name: faults in rows, and losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .schema import SchemaError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Finding:
    """A fault in ``count`` rows, of which the first are in ``rows``."""

    what: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()
    count: int = 0

    def __str__(self) -> str:
        examples = "; ".join(
            ", ".join(f"{name}={value!r}" for name, value in zip(self.columns, row, strict=True)) for row in self.rows
        )
        more = f"; and {self.count - len(self.rows)} more" if self.count > len(self.rows) else ""
        return self.what + (f": {examples}{more}" if examples else "")


@dataclass(frozen=True)
class Loss:
    """A column or table that a downgrade would lose for good, in how many rows, and the revision that added it."""

    place: str
    rows: int
    revision: str

    def __str__(self) -> str:
        return f"{self.place} of {self.rows} row{'s' if self.rows != 1 else ''}"


class ChangeBlocked(SchemaError):
    """A schema change that rows prevent; nothing was changed."""

    findings: Sequence[Finding] = ()

    def __str__(self) -> str:
        return (
            f"{self.url}: the schema cannot change from {self.found} to {self.expected}; nothing was changed: "
            + "\n".join(map(str, self.findings))
        )


class WouldLose(SchemaError):
    """A downgrade that would lose data for which the older schema has no place; nothing was changed."""

    losses: Sequence[Loss] = ()

    def __str__(self) -> str:
        return self._refusal("allow_loss=True")

    def on_command_line(self) -> str:
        """Name the option."""
        return self._refusal("--allow-loss")

    def _refusal(self, remedy: str) -> str:
        return (
            f"{self.url}: going from schema {self.found} to {self.expected} would lose "
            f"{', '.join(map(str, self.losses))}; allow it with {remedy}"
        )
