"""The check of a database: its file, tables and views, foreign keys, and rules that SQL can't state."""

from __future__ import annotations

import threading
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..engines import ViewsNotComparable
from ..errors import Finding, SchemaOutdated
from . import drift, preflight, rules, version
from .metadata import METADATA
from .screens import SCREENS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from sqlalchemy.engine import Connection

    from ..db.database import Database
    from ..engines import Backend
    from .screens import Screen

    Pages = Sequence[Mapping[str, object]]
    Rule = tuple[str, str]
    Run = Callable[[Connection], list[Finding]]

PAGE = 20_000
"""Containers that one statement goes through: on a server each must end within ``Timeouts.statement``."""


def check(database: Database, *, progress: Callable[[int, int], object] = lambda _done, _all: None) -> list[Finding]:
    """Return everything that is wrong with a database; an empty list is good news. Nothing is changed.

    ``progress`` is called after each rule, or after several that are asked at once, with how many are done and how many
    there are. The tables and views of a newer database that this program may read are not compared with its own.

    Raises :class:`~persistdb.errors.SchemaOutdated`, :class:`~persistdb.errors.SchemaTooNew`,
    :class:`~persistdb.errors.SchemaMissing`: the rules are for rows of this program's schema.
    """
    whole = Check(database, progress=progress)
    whole.run()
    return whole.findings()


class Check:
    """The check of a database, in steps that several threads may share: each runs what no other one has begun.

    ``but`` names rules that are left out, and that :func:`ask` may be asked for. Raises what :func:`check` does.
    """

    def __init__(
        self,
        database: Database,
        *,
        but: Collection[str] = (),
        progress: Callable[[int, int], object] = lambda _done, _all: None,
    ) -> None:
        self._database, self._backend = database, database.backend
        self._progress = progress
        self._but = but
        is_ours = check_support(database).revision == version.HEAD
        self._steps = self._in_order(is_ours=is_ours)
        self._taking, self._telling = threading.Lock(), threading.Lock()
        self._found: dict[int, list[Finding]] = {}
        """What each step found, by its place."""
        self._done = count(1)

    def run(self) -> None:
        """Do all steps that are left; those that another thread is at may still go on."""
        try:
            while (step := self._take()) is not None:
                with self._database.engine.connect() as connection:
                    self._found[step.place] = step.run(connection)
                if step.of:
                    with self._telling:  # else the one who counts last may tell first
                        self._progress(next(self._done), step.of)
        except (SQLAlchemyError, OSError) as error:
            self.stop()
            raise self._database.failure(error) from error

    def stop(self) -> None:
        """Let no further step begin, but for one that is being prepared, which nobody waits for here."""
        self._steps = iter(())

    def findings(self) -> list[Finding]:
        """Return what the steps that are done have found."""
        return [finding for place in sorted(self._found) for finding in self._found[place]]

    def _take(self) -> _Step | None:
        with self._taking:
            return next(self._steps, None)

    def _in_order(self, *, is_ours: bool) -> Iterator[_Step]:
        """Yield the steps; what is read for those of the rules is read when the others have begun."""
        first: list[Run] = [self._damage]
        if is_ours:
            # in separate transactions: a server may be asked to let the second write, which must be its first statement
            first += [_tables, lambda connection: _views(self._backend, connection)]
        for place, run in enumerate(first):
            yield _Step(place, 0, run)
        with self._database.engine.connect() as connection:
            asked = self._rules(connection)
        for place, run in enumerate(asked, len(first)):
            yield _Step(place, len(asked), run)

    def _damage(self, connection: Connection) -> list[Finding]:
        return [Finding(f"the file is damaged: {fault}") for fault in self._backend.damage(connection)]

    def _rules(self, connection: Connection) -> list[Run]:
        pages = _pages(self._backend, connection)
        queries = {what: rule for what, rule in _queries(self._backend, connection).items() if what not in self._but}
        asked: list[Run] = []
        for screen in SCREENS:
            of_screen = {what: queries.pop(what) for what in screen.rules if what in queries}
            asked.append(partial(self._screened, screen, of_screen, pages))
        return asked + [partial(_in_pages, self._backend, what, rule, pages) for what, rule in queries.items()]

    def _screened(
        self, screen: Screen, of_screen: Mapping[str, Rule], pages: Pages, connection: Connection
    ) -> list[Finding]:
        """Ask the rules of a screen where it has a row."""
        doubtful = _doubtful(self._backend, connection, screen, pages)
        return [
            finding
            for what, rule in of_screen.items()
            for finding in _in_pages(self._backend, what, rule, doubtful, connection)
        ]


class _Step(NamedTuple):
    """A step, its place among all, and how many steps are counted with it: 0 if it is not."""

    place: int
    of: int
    run: Run


def ask(database: Database, names: Collection[str]) -> list[Finding]:
    """Return what rules find, by their names."""
    try:
        with database.engine.connect() as connection:
            pages = _pages(database.backend, connection)
            return [
                finding
                for what, rule in _queries(database.backend, connection).items()
                if what in names
                for finding in _in_pages(database.backend, what, rule, pages, connection)
            ]
    except (SQLAlchemyError, OSError) as error:
        raise database.failure(error) from error


def _queries(backend: Backend, connection: Connection) -> dict[str, Rule]:
    """Return all rules by their names: a statement each, and the column by which it is asked in pages, if it is."""
    misfits = {what: ("", statement) for what, statement in rules.misfits(backend).items()}
    return preflight.orphan_queries(connection) | rules.RULES | misfits


def check_support(database: Database) -> version.Support:
    """Return which programs may use a database's schema; raises what :func:`check` does where this one may not."""
    found = version.support(database)
    if found is None:
        version.refuse_foreign(database)
        raise SchemaOutdated(database.url, None, version.HEAD)
    if refusal := found.refusal(database.url, write=False):
        raise refusal
    return found


def _pages(backend: Backend, connection: Connection) -> list[dict[str, object]]:
    """Return the pages in which all rows are: each is behind one container's ID and up to another's, or endless.

    They are for all tables: whatever their IDs are, each row is in one of them.
    """
    following = text("SELECT id FROM container WHERE id > :behind ORDER BY id LIMIT 1 OFFSET :number")
    pages: list[dict[str, object]] = [{}]
    behind = -1
    try:
        while (last := connection.scalar(following, {"behind": behind, "number": PAGE - 1})) is not None:
            pages[-1]["last"], behind = last, last
            pages.append({"behind": last})
    except DBAPIError as error:
        _refuse_unless_missing(backend, error)
        connection.rollback()
        return [{}]  # the table's rules will say what it lacks
    return pages


def _refuse_unless_missing(backend: Backend, error: DBAPIError) -> None:
    """Raise an error again, unless it is about what a query reads."""
    if error.connection_invalidated or backend.rule(error.orig or error) is not None:
        raise error


def _condition(column: str, page: Mapping[str, object]) -> str:
    bounds = {"behind": f"{column} > :behind", "last": f"{column} <= :last"}
    return " AND ".join(bounds[name] for name in page) or "1 = 1"


def _doubtful(backend: Backend, connection: Connection, screen: Screen, pages: Pages) -> Pages:
    """Return the pages in which the rules of a screen may find something: all, if it reads what is missing."""
    statement = screen.statement
    try:
        return [
            page
            for page in pages
            if connection.execute(text(statement.format(_condition(screen.column, page))), page).first()
        ]
    except DBAPIError as error:
        _refuse_unless_missing(backend, error)
        connection.rollback()
        return pages


def _in_pages(backend: Backend, what: str, rule: Rule, pages: Pages, connection: Connection) -> list[Finding]:
    """Return the rows of all pages of a rule as one finding."""
    column, statement = rule
    if not column:
        return _rows(backend, what, statement, {}, connection)
    found: list[Finding] = []
    for page in pages:
        found += _rows(backend, what, statement.format(_condition(column, page)), page, connection)
        if found and not found[-1].columns:
            return found[-1:]  # it cannot be asked
    if not found:
        return []
    rows = tuple(row for each in found for row in each.rows)
    return [Finding(what, found[0].columns, rows[: preflight.SHOWN], sum(each.count for each in found))]


def _rows(
    backend: Backend, what: str, statement: str, values: Mapping[str, object], connection: Connection
) -> list[Finding]:
    """Return the rows of a rule's query; a query that reads what is missing is a finding, too."""
    try:
        return preflight.find_rows(connection, what, statement, values)
    except DBAPIError as error:
        _refuse_unless_missing(backend, error)
        connection.rollback()  # on PostgreSQL the transaction takes no other statement
        return [Finding(f"{what}: could not be looked for ({backend.detail(error.orig or error)})")]


def _tables(connection: Connection) -> list[Finding]:
    """Return a finding for each difference between the tables and the mapped classes."""
    remedies = {
        drift.FOREIGN: "drop it, for an upgrade may fail on it",
        drift.MISSING: "create it as its revision does (migrations/versions), or restore a backup",
    }
    return [
        Finding(f"{difference}; {remedies.get(difference.how, 'change it back, or restore a backup')}")
        for difference in drift.table_differences(connection, METADATA)
    ]


def _views(backend: Backend, connection: Connection) -> list[Finding]:
    """Return a finding for each view that is missing or was changed."""
    try:
        differences = drift.view_differences(backend, connection)
    except ViewsNotComparable as error:
        return [Finding(f"the views could not be compared with their definitions: {error.remedy}")]
    return [Finding(f"{difference}; persistdb db upgrade creates it again") for difference in differences]
