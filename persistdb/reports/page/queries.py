"""The questions of the page: each a statement over the views whose rows have a limit, now or at a time."""

# ruff: noqa: S608  statements are put together from constants of ours, values are parameters

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ...records import STATES
from ...schema.prepare import prepare
from .. import readonly

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...db.database import Database

Row = dict[str, Any]

OTHER: Final = "other"
"""The state of containers in a state that is none of the known ones."""
ORDER: Final = ("running", "ready", "paused", "stopped", OTHER)
"""The states in the order in which they are shown."""
ROWS: Final = 400
"""Rows of a table: whoever wants more than that asks the command that lists them."""
POD_CONTAINERS: Final = 24
"""Containers of the pod whose time line is drawn."""


class _Step(NamedTuple):
    """A step between two points in time: how much of a timestamp's text tells it, and what completes that."""

    width: int
    rest: str
    length: timedelta


_STEPS: Final = (
    (timedelta(hours=4), _Step(16, ":00", timedelta(minutes=1))),
    (timedelta(hours=36), _Step(15, "0:00", timedelta(minutes=10))),
    (timedelta(days=21), _Step(13, ":00:00", timedelta(hours=1))),
)
_DAY: Final = _Step(10, " 00:00:00", timedelta(days=1))


class Table(NamedTuple):
    """Rows as they are shown, and how many more there are."""

    rows: Sequence[Row]
    more: int = 0

    def has(self, column: str) -> bool:
        """Return whether any row has a value in a column: one without any is left out."""
        return any(row.get(column) not in (None, "") for row in self.rows)


class Point(NamedTuple):
    """How many containers were in each state from a time on."""

    at: datetime
    states: Mapping[str, int]


@dataclass(frozen=True)
class Scope:
    """What the page is about: all hosts or one, at a time, and what happened since another time before it."""

    host: str | None
    at: datetime | None
    now: datetime
    since: datetime

    @property
    def end(self) -> datetime:
        """The time that it shows."""
        return self.at or self.now


def known(state: str) -> str:
    """Return a state as the page tells them apart."""
    return state if state in STATES else OTHER


class Source:
    """A database's answers about one scope."""

    def __init__(self, database: Database, scope: Scope, *, timeout: float) -> None:
        self._database, self.scope, self._timeout = database, scope, timeout
        prepare(database, create=False)

    # --- the fleet

    def hosts(self) -> Sequence[Row]:
        """Return the hosts: their containers by state, and when an import last read their files."""
        found: dict[str, Row] = {}
        for row in self._ask(f"SELECT host, last_seen, kernel FROM hosts {self._of_host('WHERE')} ORDER BY host"):
            found[row["host"]] = row | {"states": dict.fromkeys(ORDER, 0), "containers": 0}
        sql = f"SELECT host, state, count(*) AS number FROM {self._containers()} GROUP BY host, state"
        for row in self._ask(sql):
            host = found.setdefault(
                row["host"],
                {"host": row["host"], "last_seen": None, "kernel": None}
                | {"states": dict.fromkeys(ORDER, 0), "containers": 0},
            )
            host["states"][known(row["state"])] += row["number"]
            host["containers"] += row["number"]
        return sorted(found.values(), key=lambda row: (-row["containers"], row["host"]))

    def sandboxes(self) -> int:
        """Return how many sandboxes there are."""
        view = "sandboxes" if self.scope.at is None else "sandboxes_over_time"
        (row,) = self._ask(f"SELECT count(*) AS number FROM {view} WHERE {self._held()}{self._of_host('AND')}")
        number: int = row["number"]
        return number

    def containers(self) -> tuple[Table, Mapping[str, Mapping[int, int]]]:
        """Return the containers with the most mounts and devices, and how many have so many mounts, and devices."""
        of = self._containers()
        if self.scope.at is None:
            sql = (
                "SELECT host, sid, cid, state, runtime, pod_namespace, pod_name, container_name, mounts, devices,"
                f" processes, updated_at FROM {of} ORDER BY mounts + devices DESC, host, sid, cid"
            )
            spread = self._ask(f"SELECT mounts, devices, count(*) AS number FROM {of} GROUP BY mounts, devices")
            total = sum(row["number"] for row in spread)
            table = self._some(sql, total)
        else:
            table, spread = self._past_containers(of)
        numbers: dict[str, dict[int, int]] = {"mounts": {}, "devices": {}}
        for row in spread:
            for name, counts in numbers.items():
                counts[row[name]] = counts.get(row[name], 0) + row["number"]
        return table, numbers

    def _past_containers(self, of: str) -> tuple[Table, Sequence[Row]]:
        """Count what belonged to each container in two passes: a subquery each would read its whole past."""
        rows = self._ask(f"SELECT host, sid, cid, state, valid_from AS updated_at FROM {of}")
        by_key = {(row["host"], row["sid"], row["cid"]): row | {"mounts": 0, "devices": 0} for row in rows}
        for name in ("mounts", "devices"):
            where = f"WHERE {self._held()}{self._of_host('AND')}"
            sql = f"SELECT host, sid, cid, count(*) AS number FROM {name}_over_time {where} GROUP BY host, sid, cid"
            for row in self._ask(sql):
                key = (row["host"], row["sid"], row["cid"])
                if key in by_key:
                    by_key[key][name] = row["number"]
        ranked = sorted(by_key.items(), key=lambda item: (-item[1]["mounts"] - item[1]["devices"], item[0]))
        spread = [row | {"number": 1} for _, row in ranked]
        return Table([row for _, row in ranked[:ROWS]], max(len(ranked) - ROWS, 0)), spread

    def findings(self) -> tuple[Mapping[str, int], Table] | None:
        """Return the open findings of audits, how many each host has and the oldest ones; ``None`` without an audit."""
        is_open = (
            "is_open" if self.scope.at is None else "first_seen <= :until AND (gone_at IS NULL OR gone_at > :until)"
        )
        where = f"WHERE {is_open}{self._of_host('AND')}"
        if not self._ask(f"SELECT id FROM audit_runs {self._of_host('WHERE')} ORDER BY id DESC", limit=1):
            return None
        by_host = self._ask(f"SELECT host, count(*) AS number FROM findings {where} GROUP BY host")
        numbers = {row["host"]: row["number"] for row in by_host}
        columns = "host, check_name, subject, sid, cid, recorded, observed, advice, first_seen, last_seen"
        sql = f"SELECT {columns} FROM findings {where} ORDER BY first_seen, host, check_name, subject"
        return numbers, self._some(sql, sum(numbers.values()))

    # --- what happened

    def points(self, now: Mapping[str, int]) -> Sequence[Point]:
        """Return the containers by state over time, back from the numbers at the end.

        A step is a minute to a day, so that a few hundred points are enough for any time.
        """
        scope = self.scope
        step = next((found for limit, found in _STEPS if scope.end - scope.since <= limit), _DAY)
        at = self._database.backend.utc_text("at")
        sql = (
            f"SELECT step, old_state, new_state, count(*) AS number FROM (SELECT substr({at}, 1, {step.width}) AS step,"
            " old_state, new_state FROM events WHERE cid IS NOT NULL AND at >= :since AND at <= :until"
            f"{self._of_host('AND')}) AS e GROUP BY step, old_state, new_state ORDER BY step DESC"
        )
        counts = dict(now)
        points = [Point(scope.end, dict(counts))]
        steps: dict[str, list[Row]] = {}
        for row in self._ask(sql):
            steps.setdefault(row["step"], []).append(row)
        for text, rows in steps.items():
            start = datetime.fromisoformat(text + step.rest).replace(tzinfo=UTC)
            points.append(Point(min(start + step.length, scope.end), dict(counts)))
            for row in rows:
                for state, sign in ((row["new_state"], -1), (row["old_state"], 1)):
                    if state is not None:
                        counts[known(state)] = max(counts.get(known(state), 0) + sign * row["number"], 0)
            points.append(Point(max(start, scope.since), dict(counts)))
        points.append(Point(scope.since, dict(counts)))
        return points[::-1]

    def events(self) -> Table:
        """Return the last events, the latest first."""
        where = f"WHERE at >= :since AND at <= :until{self._of_host('AND')}"
        (row,) = self._ask(f"SELECT count(*) AS number FROM events {where}")
        columns = "at, host, sid, cid, kind, old_state, new_state, cause, actor, reason"
        return self._some(f"SELECT {columns} FROM events {where} ORDER BY id DESC", row["number"])

    # --- a pod

    def busiest(self) -> tuple[str, str] | None:
        """Return the sandbox to which most happened, by host and ID; else one that is there; ``None`` without any."""
        where = f"WHERE at >= :since AND at <= :until AND sid IS NOT NULL{self._of_host('AND')}"
        sql = f"SELECT host, sid, count(*) AS number FROM events {where} GROUP BY host, sid ORDER BY 3 DESC, 1, 2"
        rows = self._ask(sql, limit=1) or self._ask(
            f"SELECT host, sid FROM {self._containers()} ORDER BY 1, 2", limit=1
        )
        return (rows[0]["host"], rows[0]["sid"]) if rows else None

    def named(self, sid: str) -> tuple[str, str] | None:
        """Return the host and ID of a sandbox by its whole ID, if it is or was there."""
        for view in ("sandboxes", "sandboxes_over_time"):
            rows = self._ask(
                f"SELECT host, sid FROM {view} WHERE sid = :sid{self._of_host('AND')}", {"sid": sid}, limit=1
            )
            if rows:
                return rows[0]["host"], rows[0]["sid"]
        return None

    def periods(self, host: str, sid: str) -> Sequence[Row]:
        """Return the periods of a sandbox's containers in which their states were the same, the oldest first."""
        sql = (
            "SELECT cid, state, valid_from, valid_to FROM containers_over_time WHERE host = :of AND sid = :sid"
            " AND valid_from <= :until AND (valid_to IS NULL OR valid_to > :since) ORDER BY cid, valid_from"
        )
        return self._ask(sql, {"of": host, "sid": sid}, limit=50 * ROWS)

    def of_pod(self, name: str, host: str, sid: str) -> Table:
        """Return a sandbox's mounts or devices."""
        view = name if self.scope.at is None else f"{name}_over_time"
        columns = {
            "mounts": "cid, source, destination, type, read_only, host_path, block_device_id",
            "devices": "cid, device_id, container_path, mode, uid, gid",
        }[name]
        where = f"WHERE {self._held()} AND host = :of AND sid = :sid"
        values = {"of": host, "sid": sid}
        (row,) = self._ask(f"SELECT count(*) AS number FROM {view} {where}", values)
        return self._some(f"SELECT {columns} FROM {view} {where} ORDER BY cid, position", row["number"], values)

    # --- statements

    def _containers(self) -> str:
        view = "containers" if self.scope.at is None else "containers_over_time"
        return f"(SELECT * FROM {view} WHERE {self._held()}{self._of_host('AND')}) AS c"

    def _held(self) -> str:
        return "1 = 1" if self.scope.at is None else "valid_from <= :until AND (valid_to IS NULL OR valid_to > :until)"

    def _of_host(self, word: str) -> str:
        return "" if self.scope.host is None else f" {word} host = :host"

    def _some(self, sql: str, number: int, values: Mapping[str, object] | None = None) -> Table:
        rows = self._ask(sql, values, limit=ROWS)
        return Table(rows, max(number - len(rows), 0))

    def _ask(self, sql: str, values: Mapping[str, object] | None = None, *, limit: int | None = None) -> Sequence[Row]:
        scope = self.scope
        given = {"host": scope.host, "since": scope.since, "until": scope.end, **(values or {})}
        used = {name: value for name, value in given.items() if f":{name}" in sql}
        found = readonly.read(self._database, sql, used, timeout=self._timeout, limit=limit, trusted=True)
        return [dict(zip(found.columns, row, strict=True)) for row in found.rows]
