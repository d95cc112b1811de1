"""Exit statuses, and errors as the command line has them: a refused value is misuse, a failed import a lack."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from ..errors import InvalidValue, ModuleMissing
from .messages import complain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..errors import PersistDBError

DONE, IN_PART, MISUSE, CANNOT = 0, 1, 2, 3
"""The exit statuses: done; done in part, or findings; misuse of the command line; failed."""


def status_of(done: int, failed: int) -> int:
    """Return the exit status of work on several things, each of which may fail alone."""
    if not failed:
        return DONE
    return IN_PART if done else CANNOT


class Faults:
    """A count of problems, each of which is printed on stderr as it comes."""

    def __init__(self, print_one: Callable[[object], None] = complain) -> None:
        self.number = 0
        self._print = print_one

    def __call__(self, problem: object) -> None:
        """Print and count one."""
        self.number += 1
        self._print(problem)


class Terminated(BaseException):
    """The system told the program to end (SIGTERM)."""


@contextmanager
def terminable() -> Iterator[None]:
    """End as on Ctrl-C where the system tells the program to end: what was printed is whole, the database closed."""

    def end(_signal: int, _frame: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Misuse(click.ClickException):
    """A value of the command line that makes no sense."""

    exit_code = MISUSE

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it in one line, like all other errors, without click's usage text."""
        click.echo(f"persistdb: {self.message}", file, err=True)


@contextmanager
def reading_arguments(refusal: type[PersistDBError] = InvalidValue) -> Iterator[None]:
    """Turn a refusal of a value into misuse, in code that reads values from the command line and does nothing else.

    Where a value comes from a file or the database, the same error is no misuse.
    """
    try:
        yield
    except refusal as error:
        raise Misuse(error.on_command_line()) from error


@contextmanager
def importing(purpose: str, *, extra: str) -> Iterator[None]:
    """Turn a failed import of what an extra installs into :class:`~persistdb.errors.ModuleMissing`."""
    try:
        yield
    except ModuleNotFoundError as missing:
        raise ModuleMissing(purpose, str(missing.name), extra) from None
