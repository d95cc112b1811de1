"""The numbers, read from the views: a few statements, however many containers, hosts and events there are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from ..db.work import Statement, rows
from ..records import STATES
from ..runtimes.known import NAMES as RUNTIMES
from ..schema.prepare import prepare
from ..schema.version import current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..db.database import Database

MAX_HOSTS: Final = 1000
"""Hosts that have series of their own, by default."""
MAX_CHECKS: Final = 50
"""Checks of audits that have series of their own."""
OTHER: Final = "other"
"""What stands for a state or runtime that is none of the known ones, for programs may write any text, and for the
checks beyond the limit."""
OTHER_HOSTS: Final = "(others)"
"""The host that stands for all beyond the limit."""

CONTAINERS: Final = "SELECT host, runtime, state, count(*) FROM containers{of_host} GROUP BY host, runtime, state"
"""One pass over the containers, each with its sandbox."""
_HOSTS: Final = "SELECT host, sandboxes, {last_seen} FROM hosts{of_host} ORDER BY host"
HISTORY: Final = "SELECT retention_seconds, {horizon}, last_event_id FROM history_bounds"
_FINDINGS: Final = "SELECT host, check_name, count(*) FROM findings WHERE is_open{of_host} GROUP BY host, check_name"
AUDITS: Final = (
    "SELECT host, {finished_at} FROM audit_runs"
    " WHERE id IN (SELECT max(id) FROM audit_runs{of_host} GROUP BY host) ORDER BY host"
)


@dataclass(frozen=True)
class Readings:
    """What a database has, at one time.

    ``containers`` are by host, runtime and state, open ``findings`` by host and check, ``sandboxes``, ``last_seen`` and
    ``last_audit`` by host. Hosts beyond the limit are together under :data:`OTHER_HOSTS`, with the earliest of their
    times. ``last_event`` is the greatest ID of an event, also of those that were removed since: it only grows.
    ``size`` is in bytes, ``None`` where the user may not know it.
    """

    containers: Mapping[tuple[str, str, str], int]
    sandboxes: Mapping[str, int]
    last_seen: Mapping[str, datetime]
    findings: Mapping[tuple[str, str], int]
    last_audit: Mapping[str, datetime]
    hosts: int
    last_event: int
    retention: int | None
    horizon: datetime
    size: int | None
    revision: str


def read(database: Database, *, host: str | None = None, max_hosts: int = MAX_HOSTS) -> Readings:
    """Read the numbers of all hosts, or of one; nothing is created.

    What is of the database as a whole is the same for each host. Raises :class:`~persistdb.errors.SchemaError`,
    :class:`~persistdb.errors.DatabaseError`.
    """
    prepare(database, create=False)
    backend = database.backend
    of_host, values = ("", {}) if host is None else (" WHERE host = :host", {"host": host})
    and_host = of_host.replace("WHERE", "AND")

    def ask(sql: str, values: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        statement = Statement(sql, backend.style)
        return database.read(lambda: rows(statement, values))

    hosts = ask(_HOSTS.format(of_host=of_host, last_seen=backend.utc_text("last_seen")), values)
    containers = ask(CONTAINERS.format(of_host=of_host), values)
    ((seconds, horizon, last_event),) = ask(HISTORY.format(horizon=backend.utc_text("horizon")), {})
    findings = ask(_FINDINGS.format(of_host=and_host), values)
    audits = ask(AUDITS.format(of_host=of_host, finished_at=backend.utc_text("finished_at")), values)
    ((size,),) = ask(backend.size, {})
    named = _named((name for name, *_ in (*hosts, *audits)), max_hosts, OTHER_HOSTS)
    check = _named((name for _, name, _ in findings), MAX_CHECKS, OTHER)
    return Readings(
        containers=_added(
            ((named(of), _known(runtime, RUNTIMES), _known(state, STATES)), number)
            for of, runtime, state, number in containers
        ),
        sandboxes=_added((named(of), number) for of, number, _ in hosts),
        last_seen=_earliest((named(of), datetime.fromisoformat(seen)) for of, _, seen in hosts if seen is not None),
        findings=_added(((named(of), check(name)), number) for of, name, number in findings),
        last_audit=_earliest((named(of), datetime.fromisoformat(finished)) for of, finished in audits),
        hosts=len(hosts),
        last_event=last_event,
        retention=seconds,
        horizon=datetime.fromisoformat(horizon),
        size=None if size is None else int(size),
        revision=current(database) or "",
    )


def _named(names: Iterable[str], limit: int, others: str) -> Callable[[str], str]:
    """Return what tells the name under which numbers go: the first ones have their own, the rest go under another."""
    own = frozenset(sorted(set(names))[:limit])
    return lambda name: name if name in own else others


def _known(word: str, known: Iterable[str]) -> str:
    return word if word in known else OTHER


def _added(numbers: Iterable[tuple[Any, int]]) -> Mapping[Any, int]:
    sums: Counter[Any] = Counter()
    for key, number in numbers:
        sums[key] += number
    return sums


def _earliest(times: Iterable[tuple[str, datetime]]) -> Mapping[str, datetime]:
    found: dict[str, datetime] = {}
    for host, time in times:
        found[host] = min(time, found.get(host, time))
    return found
