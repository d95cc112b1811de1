"""The page's text: the answers, in the template, with its style and script inside."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ... import __version__
from ...errors import HistoryOff, InvalidValue, NotFound, QueryTimeout
from ...escaping import printable
from ...schema.prepare import prepare
from ...store import past_reader
from .. import catalog
from ..runner import check_time
from ..runner import run as run_report
from . import plots
from .queries import ORDER, POD_CONTAINERS, ROWS, Scope, Source, Table, known

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...db.database import Database
    from .queries import Row

PERIOD: Final = timedelta(days=7)
"""How far the page looks back, where there is history so far."""
TIMEOUT: Final = 30.0
"""Seconds for each statement."""
_LEAST: Final = timedelta(minutes=1)
_QUICK: Final = 1.0
"""Seconds for a report: the page says of one that takes longer to run it by itself."""
_SHOWN: Final = "findings"
"""The report whose rows the page has as a table of their own."""
_LONGEST, _BEGINNING = 500, 400
"""Characters of a text that is shown, and how many of its first ones where the middle is left out."""
_FOUND: Final = 100
"""Rows of a report that are counted; more are more."""
_HERE: Final = Path(__file__).parent


class Column(NamedTuple):
    """A column of a table: the key of its values, its heading, and how they are shown."""

    key: str
    heading: str
    kind: str = "text"


@dataclass(frozen=True)
class Options:
    """What the page is wanted for: one host or all, a time, how far to look back, and the pod that is shown."""

    host: str | None = None
    at: datetime | None = None
    since: datetime | None = None
    sandbox: str | None = None
    timeout: float = TIMEOUT


_HOSTS: Final = (
    Column("host", "Host", "name"),
    Column("containers", "Containers", "number"),
    *(Column(f"state_{state}", state.capitalize(), "number") for state in ORDER),
    Column("findings", "Findings", "number"),
    Column("last_seen", "Last seen", "time"),
    Column("kernel", "Kernel", "word"),
)
_CONTAINERS: Final = (
    Column("host", "Host", "name"),
    Column("sid", "Sandbox", "id"),
    Column("cid", "Container", "id"),
    Column("state", "State", "state"),
    Column("mounts", "Mounts", "number"),
    Column("devices", "Devices", "number"),
    Column("pod", "Pod", "name"),
    Column("container_name", "Name", "name"),
    Column("updated_at", "Changed", "time"),
)
_EVENTS: Final = (
    Column("at", "Time", "time"),
    Column("host", "Host", "name"),
    Column("sid", "Sandbox", "id"),
    Column("cid", "Container", "id"),
    Column("kind", "Event"),
    Column("old_state", "From", "state"),
    Column("new_state", "To", "state"),
    Column("cause", "Cause"),
    Column("actor", "Actor"),
    Column("reason", "Reason", "name"),
)
_MOUNTS: Final = (
    Column("cid", "Container", "id"),
    Column("source", "Source", "path"),
    Column("destination", "Destination", "path"),
    Column("type", "Type"),
    Column("read_only", "Read-only", "flag"),
    Column("host_path", "On the host", "path"),
    Column("block_device_id", "Block device", "id"),
)
_DEVICES: Final = (
    Column("cid", "Container", "id"),
    Column("device_id", "Device", "id"),
    Column("container_path", "In the container", "path"),
    Column("mode", "Mode", "path"),
    Column("uid", "Owner", "number"),
    Column("gid", "Group", "number"),
)
_FINDINGS: Final = (
    Column("host", "Host", "name"),
    Column("check_name", "Check", "word"),
    Column("subject", "What", "path"),
    Column("sid", "Sandbox", "id"),
    Column("cid", "Container", "id"),
    Column("recorded", "Recorded", "long"),
    Column("observed", "On the host", "long"),
    Column("first_seen", "First seen", "time"),
    Column("last_seen", "Last seen", "time"),
    Column("advice", "What to do", "long"),
)
_REPORTS: Final = (
    Column("rows", "Rows", "count"),
    Column("title", "Report", "long"),
    Column("advice", "What to do", "long"),
    Column("command", "Command", "path"),
)


def page(database: Database, options: Options) -> str:
    """Return the page; nothing is created, and a database with a replica has it read there.

    Raises :class:`~persistdb.errors.BeforeHorizon` and :class:`~persistdb.errors.HistoryOff` for a time of which
    nothing is known, :class:`~persistdb.errors.NotFound` for an unknown sandbox,
    :class:`~persistdb.errors.SchemaError`, :class:`~persistdb.errors.DatabaseError`.
    """
    database = database.replica or database
    now = datetime.now(UTC)
    if options.at is not None:
        check_time(database, options.at)
    end = options.at or now
    since, history = _beginning(database, options.since or end - PERIOD, end)
    scope = Scope(options.host, options.at, now, since)
    return _filled(database, Source(database, scope, timeout=options.timeout), options, history=history)


def _beginning(database: Database, wanted: datetime, end: datetime) -> tuple[datetime, bool]:
    """Return the time from which on the page tells what happened, and whether it can."""
    if wanted >= end:
        raise InvalidValue("since", wanted.isoformat(), "must be before the time that the page shows")
    prepare(database, create=False)
    try:
        horizon = database.read(lambda: past_reader.horizon(database))
    except HistoryOff:
        return wanted, False
    return max(wanted, min(horizon, end - _LEAST)), True


def _filled(database: Database, source: Source, options: Options, *, history: bool) -> str:
    scope = source.scope
    hosts = source.hosts()
    audited = source.findings()
    findings, found = audited or (None, Table([]))
    for host in hosts:
        host["findings"] = None if findings is None else findings.get(host["host"], 0)
        host |= {f"state_{state}": number for state, number in host["states"].items()}
    states = {state: sum(host["states"][state] for host in hosts) for state in ORDER}
    containers, spread = source.containers()
    for row in containers.rows:
        row["pod"] = "/".join(part for part in (row.get("pod_namespace"), row.get("pod_name")) if part)
    events = source.events() if history else Table([])
    points = source.points(states) if history else []
    values: dict[str, Any] = {
        "scope": scope,
        "database": database.url,
        "version": __version__,
        "history": history,
        "findings": None if findings is None else sum(findings.values()),
        "open_findings": found,
        "finding_columns": _FINDINGS,
        "states": [(state, number) for state, number in states.items() if number or state == "running"],
        "used": [state for state in ORDER if states[state] or any(point.states.get(state) for point in points)],
        "containers": sum(states.values()),
        "sandboxes": source.sandboxes(),
        "hosts": Table(hosts[:ROWS], max(len(hosts) - ROWS, 0)),
        "host_columns": _HOSTS,
        "by_host": plots.by_host(hosts, findings) if hosts else None,
        "largest": containers,
        "container_columns": _CONTAINERS,
        "spread": plots.spread(spread) if containers.rows else None,
        "events": events,
        "event_columns": _EVENTS,
        "over_time": plots.over_time(points, scope) if history else None,
        "reports": Table(_reports(database, options) if scope.at is None else []),
        "report_columns": _REPORTS,
        "pod": _pod(source, options, history=history),
        "mount_columns": _MOUNTS,
        "device_columns": _DEVICES,
    }
    return _environment().get_template("page.html").render(values)


def _reports(database: Database, options: Options) -> Sequence[Row]:
    """Run each bundled report that finds something to look into, and count its rows."""
    found = []
    for name in catalog.names():
        report = catalog.find(name, database.backend.name)
        if name == _SHOWN or not report.is_finding or any(parameter.default is None for parameter in report.parameters):
            continue
        try:
            rows = run_report(database, report, host=options.host, timeout=_QUICK, limit=_FOUND)
        except QueryTimeout:
            number = "not counted"
        else:
            if not rows.rows:
                continue
            number = f"{_FOUND}+" if rows.is_cut else str(len(rows.rows))
        command = f"persistdb report {name}"
        found.append({"rows": number, "title": report.title, "advice": report.advice, "command": command})
    return found


def _pod(source: Source, options: Options, *, history: bool) -> Mapping[str, Any] | None:
    """Return what the page shows of one pod: the one that is asked for, or the one to which most happened."""
    chosen = source.busiest() if options.sandbox is None else source.named(options.sandbox)
    if chosen is None:
        if options.sandbox is None:
            return None
        raise NotFound("sandbox", options.sandbox, options.host)
    host, sid = chosen
    periods = source.periods(host, sid) if history else []
    lines = {period["cid"] for period in periods}
    states = {known(period["state"]) for period in periods}
    return {
        "host": host,
        "sid": sid,
        "time_line": plots.time_line(periods, source.scope) if periods else None,
        "used": [state for state in ORDER if state in states],
        "hidden": max(len(lines) - POD_CONTAINERS, 0),
        "mounts": source.of_pod("mounts", host, sid),
        "devices": source.of_pod("devices", host, sid),
    }


def _environment() -> Environment:
    """Return the template engine, which escapes all that it is given, and refuses what it is not."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(shown=_shown, time=_time, iso=_iso, number=_number, known=known, svg=Markup)
    style, script = ((_HERE / name).read_text("utf-8") for name in ("page.css", "page.js"))
    environment.globals.update(
        style=Markup(style),  # noqa: S704  ours, and so is the script
        script=Markup(script),  # noqa: S704  the same
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    return environment


def _hash(text: str) -> str:
    """Return what a Content-Security-Policy knows an inline style or script by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _shown(value: object) -> str:
    """Return a value as text in which nothing acts on the page, neither by a control character nor by its length."""
    text = printable(str(value))
    return text if len(text) <= _LONGEST else f"{text[:_BEGINNING]} … {text[_BEGINNING - _LONGEST :]}"


def _time(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _iso(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _number(value: float) -> str:
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
