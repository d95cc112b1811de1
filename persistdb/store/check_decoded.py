"""The stored rows that must be decoded to tell whether they are good: all, or the few that are doubtful."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..errors import Unreadable
from ..schema import drift, version
from ..schema.metadata import METADATA
from .check_columns import Doubts
from .lists import Lists
from .queries import PAGE, Queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..records import Container, Sandbox
    from .check_columns import Page
    from .lists import OnUnreadable
    from .session import Database

    Progress = Callable[[int, int], object]


class Doubtful:
    """Reads containers and sandboxes of all hosts: those that are left out are good for certain.

    What columns should hold is known only if they are those of this program's schema.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queries = Queries(database, "any", database.compiled)  # of this database, whatever replica it has
        self._salvage = database.compiled.salvage
        self._is_told = _has_own_columns(database)
        self.any = not self._is_told
        """Whether any of what was looked at is doubtful."""

    def containers(self, report: OnUnreadable, progress: Progress, step: int) -> Iterator[Container]:
        """Yield containers; ``progress`` is told how many were looked at after each ``step``, or after more at once.

        ``report`` is given the error for each that cannot be read.
        """
        total = self._queries.count(all_hosts=True)
        if not self._is_told:
            for number, each in enumerate(self._queries.iterate(all_hosts=True, on_unreadable=report), 1):
                if number % step == 0:
                    progress(number, max(number, total))
                yield each
            return
        lists, done = Lists(self._database, self._database.compiled), 0
        for page in self._looked_at(Doubts(self._database).containers()):
            if page.doubtful is None:
                yield from lists.between(page.behind, page.last, PAGE, report)
            for id_ in page.doubtful or ():
                one = self._database.read(lambda: self._salvage.whole(id_))  # noqa: B023  run at once
                if isinstance(one, Unreadable):
                    report(one)
                elif one is not None:
                    yield one
            done += page.number
            progress(done, max(done, total))

    def sandboxes(self) -> Iterator[Sandbox | Unreadable]:
        """Yield sandboxes without their containers, or the error for one whose own row cannot be read."""
        if not self._is_told:
            yield from self._queries.own_rows(batch=PAGE)
            return
        for page in self._looked_at(Doubts(self._database).sandboxes()):
            if page.doubtful is None:
                yield from self._own_rows(page.behind, page.number)
            for id_ in page.doubtful or ():
                one = self._database.read(lambda: self._salvage.own_row(id_))  # noqa: B023  run at once
                if one is not None:
                    yield one

    def _looked_at(self, pages: Iterator[Page]) -> Iterator[Page]:
        """Yield pages, and note whether they have doubtful rows; raise a driver's error as ours."""
        try:
            for page in pages:
                self.any = self.any or page.doubtful != []
                yield page
        except (SQLAlchemyError, OSError) as error:
            raise self._database.failure(error) from error

    def _own_rows(self, behind: int, number: int) -> Iterator[Sandbox | Unreadable]:
        after: int | None = behind
        while number and after is not None:
            page = partial(self._salvage.own_rows_after, after, min(number, PAGE))
            number -= min(number, PAGE)
            after, rows = self._database.read(page)
            yield from rows


def _has_own_columns(database: Database) -> bool:
    """Return whether tables and columns are those of this program."""
    support = version.support(database)
    if support is None or support.revision != version.HEAD:
        return False
    try:
        with database.engine.connect() as connection:
            return not drift.table_differences(connection, METADATA)
    except DBAPIError as error:
        if error.connection_invalidated or database.backend.rule(error.orig or error) is not None:
            raise database.failure(error) from error
        return False
    except (SQLAlchemyError, OSError) as error:
        raise database.failure(error) from error
