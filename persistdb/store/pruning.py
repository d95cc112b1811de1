"""The removal of history that is older than the database keeps it: in batches, beside programs that write."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from ..db import work
from ..db.work import Call, Statement, repeat
from ..engines import waiting
from ..schema.version import may_write
from .encoding import utc_text
from .keys import beyond

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..db.database import Database
    from ..db.work import Work
    from ..engines import Backend

# ruff: noqa: S608  statements are put together from constants of ours

FIRST, LEAST, MOST = 500, 100, 2000
"""Rows that a batch looks at: the first one, and at the least and the most."""
SHORT, LONG = 0.005, 0.015
"""Seconds for a batch: after a shorter one the next has more rows, after a longer one as many as take so long."""
TIDIED: Final = 4
"""Batches after which the engine tidies up what they leave, where it has something to tidy."""
_LONGEST_PAUSE: Final = 0.1

_LIVE: Final = ("mount", "device_map", "process")
# somebody may have it kept for longer meanwhile
_STILL: Final = "(SELECT count(*) FROM retention WHERE seconds = :seconds) = 1"


class _Table(NamedTuple):
    """A table that is walked through in the order of its key, and which of its rows go."""

    name: str
    key: tuple[str, ...]
    goes: str


def _tables(backend: Backend) -> tuple[_Table, ...]:
    """Return the tables in the order in which they are walked.

    A lifetime stays as long as an event refers to it, and with it the last state of what was removed. A version of a
    container that is there stays where something that belongs to it begins with its end. A run of an audit stays as
    long as a finding is of it.
    """

    def ended(name: str, lifetime: str, owner: str) -> str:
        last = f"SELECT 1 FROM {lifetime} AS l WHERE l.id = {name}.{owner} AND l.removed_at = {name}.valid_to"
        return f"{name}.valid_to <= :cutoff AND NOT EXISTS ({last})"

    def of_container(name: str) -> str:
        return ended(name, "container_lifetime", "container_id")

    begins = " OR ".join(
        f"EXISTS (SELECT 1 FROM {live} AS c"
        " WHERE c.container_id = container_history.container_id AND c.since = container_history.revision + 1)"
        for live in _LIVE
    )
    return (
        _Table("event", ("id",), "at < :cutoff AND id < :newest"),
        _Table(
            "container_lifetime",
            ("id",),
            "removed_at <= :cutoff AND NOT EXISTS (SELECT 1 FROM event AS e"
            " WHERE e.sandbox_id = container_lifetime.sandbox_id AND e.container_id = container_lifetime.id)",
        ),
        _Table(
            "sandbox_lifetime",
            ("id",),
            "removed_at <= :cutoff AND NOT EXISTS (SELECT 1 FROM event AS e WHERE e.sandbox_id = sandbox_lifetime.id)"
            " AND NOT EXISTS (SELECT 1 FROM container_lifetime AS l WHERE l.sandbox_id = sandbox_lifetime.id)",
        ),
        *(
            _Table(f"{live}_history", ("container_id", "position", "until"), of_container(f"{live}_history"))
            for live in _LIVE
        ),
        _Table(
            "container_history",
            ("container_id", "valid_to", "revision"),
            f"{of_container('container_history')} AND NOT (whole = {backend.true} AND ({begins}))",
        ),
        _Table(
            "sandbox_history",
            ("sandbox_id", "valid_to", "revision"),
            ended("sandbox_history", "sandbox_lifetime", "sandbox_id"),
        ),
        _Table("audit_finding", ("id",), "gone_at <= :cutoff"),
        _Table(
            "audit_run",
            ("id",),
            "finished_at <= :cutoff AND NOT EXISTS (SELECT 1 FROM audit_finding AS f WHERE f.host = audit_run.host"
            " AND (f.first_run_id = audit_run.id OR f.last_run_id = audit_run.id))",
        ),
    )


class Pruned(NamedTuple):
    """What was removed: rows by table, older than ``before``, which is ``None`` where history is kept for ever."""

    before: datetime | None
    rows: Mapping[str, int]


class _Statements:
    """The statements for one table."""

    def __init__(self, database: Database, table: _Table) -> None:
        self._style = database.backend.style
        key = ", ".join(table.key)
        self.key = table.key
        self.first, self.newest = (
            self._compile(
                f"SELECT {key} FROM {table.name} ORDER BY {', '.join(f'{name} {way}' for name in table.key)} LIMIT 1"
            )
            for way in ("ASC", "DESC")
        )
        """The key of the first row, and of the last."""
        onwards = beyond(table.key, ">=", "from_")
        self.end = self._compile(f"SELECT {key} FROM {table.name} WHERE {onwards} ORDER BY {key} LIMIT 1 OFFSET :rows")
        """The key behind so many rows: none if there are fewer."""
        goes = f"{onwards} AND {{0}}{table.goes}"
        till = f"{beyond(table.key, '<', 'to_')} AND "
        allowed = f"({may_write(database.backend)}) AND {_STILL}"
        self.delete = {
            is_last: self._compile(
                f"DELETE FROM {table.name} WHERE {goes.format('' if is_last else till)} AND {allowed}"
            )
            for is_last in (False, True)
        }
        """Delete what goes between two keys, or, in the last batch, from a key on."""
        self.note: Mapping[bool, Statement] | None = None
        if table.name == "event":
            order = database.backend.event_order.columns
            self.note = {
                is_last: self._compile(_note(order, f"{goes.format('' if is_last else till)} AND {_STILL}"))
                for is_last in (False, True)
            }
            """Remember the last event that goes: who has not read it has missed some."""

    def _compile(self, sql: str) -> Statement:
        return Statement(sql, self._style)

    def at(self, key: Sequence[object], prefix: str) -> dict[str, object]:
        """Return the parameters that are a key."""
        return {f"{prefix}_{name}": value for name, value in zip(self.key, key, strict=True)}


def _note(order: Sequence[str], goes: str) -> str:
    names = ", ".join(order)
    last = f"(SELECT {names} FROM event WHERE {goes} ORDER BY {', '.join(f'{name} DESC' for name in order)} LIMIT 1)"
    noted = ", ".join(f"pruned_{name}" for name in order)
    if len(order) > 1:
        noted = f"({noted})"
    return f"UPDATE retention SET {noted} = {last} WHERE {noted} < {last}"


class Pruning:
    """The units of work."""

    def __init__(self, database: Database) -> None:
        self._database, self._style = database, database.backend.style
        self._tables = {table.name: _Statements(database, table) for table in _tables(database.backend)}

    def run(self, *, now: datetime | None = None, progress: Callable[[str, int], object] = lambda *_: None) -> Pruned:
        """Remove what is older than the database keeps it.

        ``progress`` is told how many rows of a table are gone, after each batch. What was removed before an error stays
        so, and the next run goes on.
        """
        rows = dict.fromkeys(self._tables, 0)
        seconds = self._database.read(lambda: work.value(self._compile("SELECT seconds FROM retention"), {}))
        if seconds is None:
            return Pruned(None, rows)
        before = self._before(int(seconds), now or datetime.now(UTC))
        values: dict[str, object] = {"seconds": seconds, "cutoff": utc_text(before)}
        self._begin(values)
        newest = self._database.read(lambda: work.value(self._compile("SELECT max(id) FROM event"), {}))
        values["newest"] = 0 if newest is None else newest  # the newest event stays, so that no ID comes again
        for name, statements in self._tables.items():
            for number in self._walk(statements, values):
                rows[name] += number
                progress(name, rows[name])
        return Pruned(before, rows)

    @staticmethod
    def _before(seconds: int, now: datetime) -> datetime:
        try:
            return now - timedelta(seconds=seconds)
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)

    def _begin(self, values: Mapping[str, object]) -> None:
        """Say what cannot be asked for any more, before anything is gone."""
        horizon = "UPDATE retention SET horizon = :cutoff WHERE horizon < :cutoff AND seconds = :seconds AND ({0})"
        sql = [horizon.format(may_write(self._database.backend)), *self._database.backend.event_order.repairs]
        for statement in map(self._compile, sql):
            self._write(lambda: work.changed(statement, values))  # noqa: B023  run at once

    def _walk(self, statements: _Statements, values: Mapping[str, object]) -> Iterator[int]:
        """Yield how many rows each batch has removed."""
        read, size, number = self._database.read, FIRST, 0
        tidying = self._database.backend.tidying
        found, last = (read(partial(work.rows, each, {})) for each in (statements.first, statements.newest))
        while found and found[0] <= last[0]:  # what others write meanwhile is younger
            start = statements.at(found[0], "from")
            found = read(lambda: work.rows(statements.end, start | {"rows": size}))  # noqa: B023  run at once
            end = statements.at(found[0], "to") if found else {}
            began = time.monotonic()
            given = {**values, **start, **end}
            yield self._write(partial(self._batch, statements, given, is_last=not end))
            took = time.monotonic() - began
            number += 1
            if tidying is not None and number % TIDIED == 0:
                read(partial(work.rows, self._compile(tidying), {}))
            if took > LONG:
                size = max(LEAST, int(size * LONG / took))
            elif took < SHORT:
                size = min(MOST, size * 2)
            waiting.pause(min(took, _LONGEST_PAUSE))

    def _batch(self, statements: _Statements, given: Mapping[str, object], *, is_last: bool) -> Work[int]:
        calls = [Call(statements.delete[is_last], given)]
        if statements.note is not None:
            calls.insert(0, Call(statements.note[is_last], given))
        answers = yield calls
        return answers[-1].number

    def _write(self, unit: Callable[[], Work[int]]) -> int:
        return self._database.write(unit, verify=repeat, refs=["history"])

    def _compile(self, sql: str) -> Statement:
        return Statement(sql, self._style)
