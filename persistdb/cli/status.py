"""Exit statuses, and the one way by which a refused value of the command line becomes misuse."""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from ..errors import InvalidValue
from .messages import complain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..errors import PersistDBError

DONE, IN_PART, MISUSE, CANNOT = 0, 1, 2, 3
"""The exit statuses: done; done in part, or a finding; misuse of the command line; impossible."""


def status_of(done: int, failed: int) -> int:
    """Return the exit status of work on several things, of which each may fail alone."""
    if not failed:
        return DONE
    return IN_PART if done else CANNOT


class Misuse(click.ClickException):
    """A value of the command line that makes no sense."""

    exit_code = MISUSE

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002  click's signature
        """Say it in one line, as all other errors are said."""
        complain(self.message)


@contextmanager
def reading_arguments(refusal: type[PersistDBError] = InvalidValue) -> Iterator[None]:
    """Turn a refusal into misuse. Put only the reading of values from the command line into it.

    The same error means something else where a value comes from a file or from the database.
    """
    try:
        yield
    except refusal as error:
        raise Misuse(str(error)) from error
