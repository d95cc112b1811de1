"""The feed of events: read in pages, in an order in which none is missed (:mod:`persistdb.engines.events`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import msgspec

from ..db import work
from ..db.work import Call, Statement
from ..errors import EventsPruned, FeedUnavailable, HistoryOff, InvalidValue, Unreadable
from ..records import EVENT_KINDS, Event
from ..validation import INT64, check_host, check_kind, check_several, check_text, check_zoned
from .encoding import utc_text
from .keys import beyond

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..db.database import Database
    from ..db.work import Work

# ruff: noqa: S608  statements are put together from constants of ours

PAGE: Final = 1000
"""Events that a page looks at; up to :data:`MOST` where few of them are the ones that are asked for."""
MOST: Final = 16 * PAGE

_CURSOR = re.compile(r"1\.(\d{1,19})\.(\d{1,19})\.(\d{1,19})\.(\d{1,19})", re.ASCII)


class Place(NamedTuple):
    """A place in the order of events: behind the one with these numbers. The first is 0 where there is none."""

    transaction: int = 0
    id: int = 0


class Cursor(NamedTuple):
    """A place, and the last one from which an event had been removed when the feed began."""

    known: Place
    place: Place

    def text(self) -> str:
        """Return it as the text that a consumer keeps."""
        return ".".join(map(str, (1, *self.known, *self.place)))


def read_cursor(after: object) -> Cursor:
    """Read a consumer's cursor; raises :class:`~persistdb.errors.InvalidValue`."""
    match = _CURSOR.fullmatch(after) if isinstance(after, str) else None
    numbers = [int(number) for number in match.groups()] if match else []
    if not numbers or not all(number in INT64 for number in numbers):
        raise InvalidValue("after", after, "is no cursor of a feed: use one as an event or a feed has it")
    return Cursor(Place(*numbers[:2]), Place(*numbers[2:]))


class Wanted(NamedTuple):
    """Which events are asked for; ``None``: all."""

    host: str | None = None
    sid: str | None = None
    kinds: tuple[str, ...] | None = None
    since: str | None = None

    @classmethod
    def checked(cls, host: str | None, sid: str | None, kinds: Collection[str] | None, since: datetime | None) -> Self:
        """Return it for a caller's arguments; raises :class:`~persistdb.errors.InvalidValue`."""
        if host is not None:
            check_kind("host", host, str)
            check_host(host)
        if sid is not None:
            check_kind("sid", sid, str)
            check_text(sid)
        if kinds is not None:
            check_several("kinds", kinds)
            for kind in kinds:
                if kind not in EVENT_KINDS:
                    raise InvalidValue("kinds", kind, f"is none of {', '.join(EVENT_KINDS)}")
        if since is not None:
            check_zoned("since", since)
        names = None if kinds is None else tuple(sorted(set(kinds)))
        return cls(host, sid, names, None if since is None else utc_text(since))

    def conditions(self) -> str:
        """Write the condition, over the rows of an event ``e`` and of its sandbox's lifetime ``s``, if it has one."""
        parts = []
        if self.host is not None:
            parts.append("(s.host = :host OR e.host = :host)")
        if self.sid is not None:
            parts.append("s.sid = :sid")
        if self.kinds is not None:
            names = ", ".join(f":kind{i}" for i in range(len(self.kinds)))
            parts.append(f"e.kind IN ({names})" if names else "1 = 0")
        if self.since is not None:
            parts.append("e.at >= :since")
        return "".join(f" AND {part}" for part in parts)

    def values(self) -> dict[str, object]:
        """Return the parameters of that."""
        given = {"host": self.host, "sid": self.sid, "since": self.since}
        values: dict[str, object] = {name: value for name, value in given.items() if value is not None}
        return values | {f"kind{i}": kind for i, kind in enumerate(self.kinds or ())}


class Page(NamedTuple):
    """The events of a page, and where the next one begins; the last has all that is settled."""

    events: Sequence[Event]
    cursor: Cursor
    is_last: bool


class FeedStatements:
    """The statements, for one engine."""

    def __init__(self, database: Database) -> None:
        self._backend = database.backend
        self.order = order = database.backend.event_order
        columns = ", ".join(order.columns)
        self.next = self._compile(
            f"SELECT {columns} FROM event WHERE {self._behind()} AND {order.settled} ORDER BY {columns} LIMIT :limit"
        )
        """The places of the next events, whoever's they are."""
        self.see_all = None if order.see_all is None else self._compile(order.see_all)
        self.seen = self._compile(f"SELECT id FROM event WHERE {self._between()}")
        """The IDs of all rows up to a place."""
        self.unfit = None if order.unfit is None else self._compile(order.unfit)
        self.retention = self._compile(
            f"SELECT seconds, {self._backend.utc_text('horizon')}, pruned_transaction_id, pruned_id FROM retention"
        )
        """How long events are kept, and the last place from which one was removed."""
        self._selects: dict[str, Statement] = {}
        self.decode = database.backend.decoder(Event, _no_hook)

    def _compile(self, sql: str) -> Statement:
        return Statement(sql, self._backend.style)

    def _behind(self, alias: str = "") -> str:
        return beyond(self.order.columns, ">", "", alias)

    def _between(self, alias: str = "") -> str:
        return f"{self._behind(alias)} AND {beyond(self.order.columns, '<=', 'last_', alias)}"

    def events(self, wanted: Wanted) -> Statement:
        """Build the query for the events that are wanted between two places."""
        conditions = wanted.conditions()
        if conditions not in self._selects:
            engine = self._backend
            transaction = "e.transaction_id" if "transaction_id" in self.order.columns else "'0'"
            payload = engine.json_object(
                {
                    "cursor": engine.concat(":known", "'.'", transaction, "'.'", "e.id"),
                    "id": "e.id",
                    "host": "coalesce(s.host, e.host)",
                    "sid": "s.sid",
                    "cid": "c.cid",
                    "kind": "e.kind",
                    "revision": "e.revision",
                    "at": engine.utc_text("e.at"),
                    **{name: f"e.{name}" for name in ("old_state", "new_state", "cause", "actor", "reason")},
                    "began_at": engine.utc_text("e.began_at"),
                }
            )
            order = ", ".join(f"e.{name}" for name in self.order.columns)
            self._selects[conditions] = self._compile(
                f"SELECT {engine.json_text(payload)} AS payload FROM event AS e"
                " LEFT JOIN sandbox_lifetime AS s ON s.id = e.sandbox_id"
                " LEFT JOIN container_lifetime AS c ON c.id = e.container_id"
                f" WHERE {self._between('e.')}"
                f" AND coalesce(s.host, e.host) IS NOT NULL{conditions} ORDER BY {order}"
            )
        return self._selects[conditions]


def _no_hook(kind: type, value: object) -> object:
    raise NotImplementedError(f"{kind} of {value!r}")


class FeedReader:
    """The units of work."""

    def __init__(self, database: Database, statements: FeedStatements) -> None:
        self._url, self._statements = database.url, statements

    def start(self) -> Work[Cursor]:
        """Return the place before all events that are there.

        Raises :class:`~persistdb.errors.HistoryOff`.
        """
        _, known = yield from self._retention()
        return Cursor(known, Place())

    def refuse_unfit(self, cursor: Cursor) -> Work[None]:
        """Raise :class:`~persistdb.errors.FeedUnavailable` where the server gives events no order behind a cursor."""
        if self._statements.unfit is not None:
            reasons = yield from work.rows(self._statements.unfit, self._at(cursor.place))
            if reasons:
                raise FeedUnavailable(self._url, ", ".join(str(reason) for (reason,) in reasons))

    def page(self, cursor: Cursor, wanted: Wanted, limit: int) -> Work[Page]:
        """Return the events that are wanted of the next ``limit``.

        Raises :class:`~persistdb.errors.EventsPruned`, :class:`~persistdb.errors.HistoryOff`,
        :class:`~persistdb.errors.Unreadable`.
        """
        places = yield from self._settled(cursor.place, limit)
        if not places:
            yield from self._refuse_pruned(cursor)
            return Page((), cursor, is_last=True)
        end = places[-1]
        values = self._between(cursor.place, end) | wanted.values()
        values["known"] = ".".join(map(str, (1, *cursor.known)))
        statements = self._statements
        try:
            answer, retention = yield (
                Call(statements.events(wanted), values, statements.decode),
                Call(statements.retention, {}),
            )
        except (msgspec.DecodeError, RecursionError) as error:
            raise Unreadable(f"event behind {cursor.place.id}", str(error)) from error
        # asked for last: an event that was removed before this page was read is known of now
        yield from self._refuse_pruned(cursor, retention.rows)
        return Page(answer.rows, cursor._replace(place=end), is_last=len(places) < limit)

    def _settled(self, place: Place, limit: int) -> Work[Sequence[Place]]:
        """Return the places of the next events, before which none can appear any more."""
        statements = self._statements
        rows = yield from work.rows(statements.next, self._at(place) | {"limit": limit})
        places = [Place(*row) if len(row) > 1 else Place(0, *row) for row in rows]
        if statements.see_all is None or not places:
            return places
        _, answer = yield (
            Call(statements.see_all, {}),
            Call(statements.seen, self._between(place, places[-1])),
        )
        uncommitted = {id_ for (id_,) in answer.rows}.difference(one.id for one in places)
        first = min(uncommitted, default=None)
        return places if first is None else [one for one in places if one.id < first]

    def _at(self, place: Place, prefix: str = "") -> dict[str, object]:
        values = {"transaction_id": place.transaction, "id": place.id}
        return {f"{prefix}{name}": values[name] for name in self._statements.order.columns}

    def _between(self, after: Place, last: Place) -> dict[str, object]:
        return self._at(after) | self._at(last, "last_")

    def _retention(self, rows: Sequence[Sequence[object]] | None = None) -> Work[tuple[datetime, Place]]:
        """Return the horizon, and the last place from which an event was removed."""
        if rows is None:
            rows = yield from work.rows(self._statements.retention, {})
        seconds, horizon, transaction, id_ = rows[0]
        if seconds == 0:
            raise HistoryOff(self._url)
        return datetime.fromisoformat(str(horizon)), Place(int(str(transaction)), int(str(id_)))

    def _refuse_pruned(self, cursor: Cursor, rows: Sequence[Sequence[object]] | None = None) -> Work[None]:
        horizon, pruned = yield from self._retention(rows)
        if pruned > max(cursor.known, cursor.place):
            raise EventsPruned(cursor.text(), horizon)


class Feed(Iterator[Event]):
    """The events behind a place, up to the last that is settled: one that is not is the next feed's.

    ``cursor`` is the place behind all events that were returned, and, at the end, behind all that were looked at: a
    consumer that keeps it, and gives it as ``after`` to the next feed, gets each event once.
    """

    def __init__(self, database: Database, statements: FeedStatements, wanted: Wanted, after: str | None) -> None:
        self._database, self._wanted = database, wanted
        self._reader = FeedReader(database, statements)
        self._after = None if after is None else read_cursor(after)
        self._cursor = after
        self._events = self._each()

    @property
    def cursor(self) -> str | None:
        """The place; ``None`` before anything was read."""
        return self._cursor

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        """Return the next event.

        Raises :class:`~persistdb.errors.EventsPruned`, :class:`~persistdb.errors.HistoryOff`,
        :class:`~persistdb.errors.FeedUnavailable`, :class:`~persistdb.errors.Unreadable`.
        """
        return next(self._events)

    def _each(self) -> Iterator[Event]:
        read, reader = self._database.read, self._reader
        cursor = read(reader.start) if self._after is None else self._after
        read(lambda: reader.refuse_unfit(cursor))
        limit, is_last = PAGE, False
        while not is_last:
            page = read(lambda: reader.page(cursor, self._wanted, limit))  # noqa: B023  run at once
            for event in page.events:
                self._cursor = event.cursor
                yield event
            cursor, is_last = page.cursor, page.is_last
            self._cursor = cursor.text()
            limit = min(2 * limit, MOST) if 10 * len(page.events) < limit else PAGE
