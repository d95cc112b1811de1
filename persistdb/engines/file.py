"""Databases that are files, which persistdb can copy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path


class DatabaseFile(ABC):
    """A file that holds a whole database, or is to hold one; other programs may have it open."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def at(self, path: Path) -> Self:
        """Return another file of the same engine."""
        return type(self)(path)

    @abstractmethod
    def size(self) -> int:
        """Return the most bytes that a copy may take."""

    @abstractmethod
    def beside(self) -> list[Path]:
        """Return the paths of files that the engine takes for parts of this one if they exist."""

    @abstractmethod
    def copy_to(self, target: Self) -> None:
        """Replace what the target holds, if it exists, with the state that this file has at one point in time.

        Cut off in the middle, the target is as it was. Raises the driver's errors, and
        :class:`~persistdb.errors.Unavailable`.
        """

    @abstractmethod
    def copy_bytes_to(self, target: Self) -> None:
        """Copy a file that the engine cannot read to a new one, with the files beside it that belong to it."""

    @abstractmethod
    def clear(self) -> None:
        """Empty a file that the engine cannot read, and remove the files beside it that belong to it."""

    @abstractmethod
    def make_single(self) -> None:
        """Write all that belongs to the database into the one file, for good."""

    @abstractmethod
    def damage(self) -> list[str]:
        """Return a line for each fault in the file; an empty list for a sound one.

        Raises the driver's errors that say nothing of the file, such as a lock that was waited for in vain.
        """

    @abstractmethod
    def tables(self) -> set[str]:
        """Return the names of the tables. Raises the driver's errors."""

    @abstractmethod
    def value(self, statement: str) -> object | None:
        """Return the first value that a SELECT gives; ``None`` without a row, table or column. Raises other errors."""
