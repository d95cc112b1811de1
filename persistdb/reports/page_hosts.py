"""The hosts of a report's pages: those that have sandboxes, and those that its views have other rows of."""

# ruff: noqa: S608  the queries are constants of ours

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from ..db import work
from . import readonly, scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..db.database import Database
    from .catalog import Report

# of a sandbox that is removed the last version stays as long as its events
_PAST: Final = "SELECT host FROM sandboxes_over_time WHERE valid_to IS NOT NULL AND {range}"
OF_OTHERS: Final[Mapping[str, tuple[str, ...]]] = {
    "hosts": ("SELECT host FROM hosts WHERE {range}",),
    "events": (_PAST, "SELECT host FROM events WHERE sid IS NULL AND {range}"),
    **dict.fromkeys(
        (f"{name}_over_time" for name in ("sandboxes", "containers", "mounts", "devices", "processes")), (_PAST,)
    ),
    "findings": ("SELECT host FROM findings WHERE {range}",),
    "audit_runs": ("SELECT host FROM audit_runs WHERE {range}",),
}
"""The views that have rows of hosts without sandboxes, each with the queries for such hosts."""

_COUNT: Final = "SELECT count(*) FROM sandboxes"
_COUNT_OWN: Final = "SELECT count(*) FROM sandboxes WHERE host = :host"
_NEXT: Final = "SELECT host FROM sandboxes WHERE host > :last ORDER BY host, sid LIMIT :number"


class HostGroup(NamedTuple):
    """Some hosts, how many sandboxes they have, and how many there are in all."""

    hosts: list[str]
    sandboxes: int
    all_sandboxes: int


def host_groups(database: Database, report: Report, sandboxes: int, timeout: float) -> Iterator[HostGroup]:
    """Yield the hosts that a report may have rows of, in groups of about so many sandboxes, and of few enough hosts.

    Where there are none, it is one empty group. They come in their order, and a host is never divided. One without
    sandboxes takes the place of one sandbox.
    """
    count, own, following = (work.Statement(each, database.backend.style) for each in (_COUNT, _COUNT_OWN, _NEXT))
    total = database.read(lambda: work.value(count, {}))
    last = ""
    while True:
        values = {"last": last, "number": sandboxes}
        there = [name for (name,) in database.read(lambda: work.rows(following, values))]  # noqa: B023  run at once
        # after it: what loses its sandboxes meanwhile is found here
        up_to = there[-1] if len(there) == sandboxes else None
        query = others(report, last, up_to, sandboxes)
        answer = [] if query is None else readonly.read(database, *query, timeout=timeout, trusted=True).rows
        gone = {name for (name,) in answer}.difference(there)
        names = sorted([*there, *gone])[:sandboxes]
        found = Counter(names)
        is_last = len(names) < sandboxes
        if len(found) > database.backend.most_hosts:
            is_last, found = False, Counter(dict(islice(found.items(), database.backend.most_hosts)))
        elif not is_last and len(found) > 1:
            found.pop(names[-1])  # it may have more
        elif not is_last:
            found = Counter({name: database.read(lambda: work.value(own, {"host": name})) for name in found})  # noqa: B023  the same
        if found or not last:
            yield HostGroup(list(found), sum(number for name, number in found.items() if name not in gone), total)
        if is_last:
            return
        last = list(found)[-1]


def others(report: Report, last: str, up_to: str | None, number: int) -> tuple[str, Mapping[str, object]] | None:
    """Return the query for the next hosts that a report's views have other rows of, at the most so many, if any do."""
    queries = sorted({query for name in scope.views_of(report) for query in OF_OTHERS.get(name, ())})
    if not queries:
        return None
    # in each query, and only of the next hosts: on MariaDB no limit gets into a union, and history may be long
    range_ = "host > :last" if up_to is None else "host > :last AND host <= :up_to"
    union = " UNION ".join(query.format(range=range_) for query in queries)
    sql = f"SELECT DISTINCT o.host FROM ({union}) AS o ORDER BY o.host LIMIT :number"
    return sql, {"last": last, "number": number} | ({} if up_to is None else {"up_to": up_to})
