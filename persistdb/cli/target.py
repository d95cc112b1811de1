"""The database and host that a command works on."""

from __future__ import annotations

import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ..errors import BadURL
from .messages import tell
from .status import reading_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from ..store.repository import ContainerRepository
    from ..store.session import Database


@dataclass(frozen=True)
class Target:
    """The values of ``--db``, ``--host`` and ``--reader-url``.

    ``None`` stands for the usual database, this machine's name, and the database's own URL.
    """

    url: str | None
    host: str | None
    reader_url: str | None = None

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Open the database, whatever its schema, and close it at the end."""
        with _opened(self.url) as database:
            yield database

    @contextmanager
    def reader(self) -> Iterator[Database]:
        """Open the database as the user who may only read, if there is one, for queries that others wrote."""
        with _opened(self.reader_url or self.url) as database:
            yield database

    @contextmanager
    def repository(self) -> Iterator[ContainerRepository]:
        """Open the repository of the host, on a database that has the program's schema."""
        from ..store.repository import ContainerRepository

        with self.database() as database:
            with reading_arguments():
                repository = ContainerRepository(database, host=self.host)
            yield repository


@contextmanager
def _opened(url: str | None) -> Iterator[Database]:
    from ..store.session import Database  # start-up cost: SQLAlchemy takes longer to import than --help to run
    from .logs import own_lines

    # Some URLs turn out to be unusable only in use: a database in memory has no file to copy.
    with own_lines(), reading_arguments(BadURL), Database(url) as database, _waits_told(database):
        yield database


def _waits_told(database: Database) -> AbstractContextManager[None]:
    """Tell a person who looks at a terminal why nothing happens."""
    from ..db import waits

    return waits.told(database, _tell_waiting) if sys.stderr.isatty() else nullcontext()


def _tell_waiting(names: Sequence[str]) -> None:
    tell(f"waiting for {', '.join(names)}")


pass_target = click.make_pass_decorator(Target)
