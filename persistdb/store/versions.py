"""The statements that read what was: those that read what is, over the rows as they were.

Each begins with parts (WITH) that take the names of tables: ``container``, for one, has the versions that held at a
time. What a statement asks of the tables it then asks of those. A container's lists are read from two tables: the live
rows that had come by a revision, and the past ones that were there in it.

Pure: nothing here touches a database.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import literal_column, select

from ..annotations import Names
from ..db.work import Statement
from ..engines.syntax import JSONRows
from ..schema.core import container, sandbox
from ..schema.decoding import runtime_of
from .statements import Statements

if TYPE_CHECKING:
    from sqlalchemy import ClauseElement, ColumnElement

    from ..engines import Backend

RECORDED = "EXISTS (SELECT 1 FROM retention AS r WHERE r.horizon <= :at AND (r.seconds IS NULL OR r.seconds > 0))"
"""The condition that ``:at`` is a time whose versions are kept."""


def _held(alias: str) -> str:
    return f"{alias}.created_at <= :at AND ({alias}.removed_at IS NULL OR {alias}.removed_at > :at)"


def _youngest(table: str, alias: str, *names: str) -> str:
    """Write the condition that a lifetime is its name's at ``:at``: of several (a clock was set back) the last."""
    same = " AND ".join(f"y.{name} = {alias}.{name}" for name in names)
    younger = f"SELECT 1 FROM {table}_lifetime AS y WHERE {same} AND y.id > {alias}.id AND {_held('y')}"
    return f"{_held(alias)} AND NOT EXISTS ({younger})"


SANDBOX_HELD = _youngest("sandbox", "s", "host", "sid")
CONTAINER_HELD = _youngest("container", "l", "sandbox_id", "cid")
LIFETIMES = "sandbox_lifetime AS s JOIN container_lifetime AS l ON l.sandbox_id = s.id"

_THEIRS = "s.host = :host AND s.sid = :sid"
_ONE = (
    f"(SELECT l.id FROM {LIFETIMES} WHERE {_THEIRS} AND l.cid = :cid AND {SANDBOX_HELD} AND {CONTAINER_HELD}"
    " ORDER BY l.id DESC LIMIT 1)"
)
_IDS = {"sandbox": ("s", "host", "sid"), "container": ("l", "sandbox_id", "cid")}
# what a version has only if it is whole
_WHOLE = {
    "sandbox": ("persist_version", "cgroup_path", "layout", "document"),
    "container": ("cgroup_path", "bundle_path", "layout", "extra", "document"),
}
# the number of a sandbox's own row is what takes the place of a revision
_NUMBERS = {"sandbox": "number", "container": "revision"}


class Versions:
    """The parts with versions of sandboxes or containers, for one engine."""

    def __init__(self, backend: Backend) -> None:
        self._prefix, self._true, self._inlined = backend.view_prefix, backend.true, backend.inlined
        self._revision = str(backend.opaque_parameter("revision"))

    @property
    def names(self) -> str:
        """The part that says whose a container was, and no more."""
        return f"sandbox AS {self._inlined}(SELECT s.id, s.host, s.sid FROM sandbox_lifetime AS s)"

    def at(self, table: str, source: str, where: str, tail: str = "") -> str:
        """Write the part with the versions that held at ``:at``, of the lifetimes in a source: ``s`` or ``l``."""
        first = (
            f"FROM {table}_history AS x WHERE x.{table}_id = {_IDS[table][0]}.id AND x.valid_to > :at"
            " ORDER BY x.valid_to, x.revision LIMIT 1"
        )
        version = f"h.valid_to = (SELECT x.valid_to {first}) AND h.revision = (SELECT x.revision {first})"
        there = f"{where} AND (h.revision IS NOT NULL OR c.id IS NOT NULL){tail}"
        return self._part(table, source, self._joined(table, version), self._next(table), there)

    def one(self) -> str:
        """Write the part with one version of a container: ``id``, ``revision``, ``valid_to`` (NULL: the live one).

        All that it looks up by are constants: MariaDB reads all rows before those that a range begins with if what
        it begins with comes from another row.
        """
        first = (
            f"FROM container_history AS x WHERE x.container_id = :id AND x.whole = {self._true}"
            f" AND x.revision >= {self._revision} ORDER BY x.revision LIMIT 1"
        )
        following = f"n.valid_to = (SELECT x.valid_to {first}) AND n.revision = (SELECT x.revision {first})"
        version = self._joined("container", "h.valid_to = :valid_to AND h.revision = :revision")
        there = "l.id = :id AND (h.revision IS NOT NULL OR c.revision = :revision)"
        return self._part("container", "container_lifetime AS l", version, following, there)

    def page(self) -> str:
        """Write the part with a container's versions behind one: ``id``, ``valid_to``, ``revision``, ``limit``.

        The live one comes beside them; its ``valid_to`` is NULL.
        """
        past = (
            "SELECT x.revision, x.whole, x.state, x.valid_from, x.valid_to FROM container_history AS x"
            " WHERE x.container_id = :id AND x.valid_to >= :valid_to"
            " AND (x.valid_to > :valid_to OR x.revision > :revision) ORDER BY x.valid_to, x.revision LIMIT :limit"
        )
        live = (
            f"SELECT x.revision, NULL, x.state, x.updated_at, NULL FROM {self._prefix}container AS x WHERE x.id = :id"
        )
        version = f" JOIN (SELECT * FROM ({past}) AS p UNION ALL {live}) AS h ON 1 = 1"
        return self._part("container", "container_lifetime AS l", version, self._next("container"), "l.id = :id")

    def _joined(self, table: str, version: str) -> str:
        return f" LEFT JOIN {table}_history AS h ON h.{table}_id = {_IDS[table][0]}.id AND {version}"

    def _next(self, table: str) -> str:
        """Write the condition that ``n`` is the version, or, if that is not whole, the next that is."""
        later = (
            f"FROM {table}_history AS x WHERE x.{table}_id = {_IDS[table][0]}.id"
            f" AND x.whole = {self._true} AND x.revision > h.revision ORDER BY x.revision LIMIT 1"
        )
        return " AND ".join(
            f"n.{name} = CASE WHEN h.whole = {self._true} THEN h.{name} ELSE (SELECT x.{name} {later}) END"
            for name in ("valid_to", "revision")
        )

    def _part(self, table: str, source: str, version: str, following: str, where: str) -> str:
        lifetime, *names = _IDS[table]
        columns = {
            "id": f"{lifetime}.id",
            **{name: f"{lifetime}.{name}" for name in names},
            "state": _either("h.state", "c.state"),
            **{name: _either(f"n.{name}", f"c.{name}") for name in _WHOLE[table]},
            "revision": _either(f"h.{_NUMBERS[table]}", "c.revision"),
            "created_at": f"{lifetime}.created_at",
            "updated_at": _either("h.valid_from", "c.updated_at"),
            "valid_to": "h.valid_to",
        }
        if table == "container":
            columns["runtime"] = runtime_of(columns["layout"])
            # names have no history: they are those of the container that is there now
            columns |= {name: f"coalesce(c.{name}, '')" for name in ("namespace", *Names._fields)}
        selected = ", ".join(f"{value} AS {name}" for name, value in columns.items())
        return (
            f"{table} AS (SELECT {selected} FROM {source}{version}"
            f" LEFT JOIN {table}_history AS n ON n.{table}_id = {lifetime}.id"
            f" AND {following}"
            f" LEFT JOIN {self._prefix}{table} AS c ON c.id = {lifetime}.id WHERE {where})"
        )


def _either(past: str, live: str) -> str:
    return f"CASE WHEN {past[0]}.revision IS NULL THEN {live} ELSE {past} END"


class PastStatements(Statements):
    """The statements that read, over the parts that they begin with."""

    def __init__(self, backend: Backend, *parts: str) -> None:
        super().__init__(backend)
        self._parts = ", ".join(parts)

    def compile(self, statement: ClauseElement) -> Statement:
        """Compile a statement with its parts before it."""
        return Statement(
            self._spelled(f"WITH {self._parts} {statement.compile(dialect=self._dialect)}"), self._backend.style
        )

    def listed(self, table: str, alias: str, c: str = "container") -> JSONRows:
        """Return the rows of one of a version's lists."""
        there = f"{alias}.container_id = {c}.id AND {alias}.since <= {c}.revision"
        past = f"{table}_history", f"{there} AND {alias}.until > {c}.revision"
        return JSONRows(table, alias, there, "position", "position", past)

    @cached_property
    def version(self) -> Statement:
        """The container whose version the parts have."""
        return self.compile(select(self.container_json).select_from(sandbox.join(container)))

    @cached_property
    def versions(self) -> Statement:
        """The versions that the parts have, and the end of each, the live one last: ``limit``."""
        end: ColumnElement[Any] = literal_column("container.valid_to")
        end_text: ColumnElement[Any] = literal_column(self._backend.utc_text("container.valid_to"))
        page = select(self.container_json, end_text).select_from(sandbox.join(container))
        return self.compile(self.limited(page.order_by(end.is_(None), end, container.c.revision)))


class VersionStatements(PastStatements):
    """The statements over versions of one container, ``:id``, which may have very many.

    Of the past rows of a list only those are read that the version had: for each position the first one that ended
    later. The positions are found one behind the other.
    """

    number: ClassVar[str] = ""
    """The revision, where the statements are over one version."""

    def listed(self, table: str, alias: str, c: str = "container") -> JSONRows:
        """Return the rows of one of a version's lists."""
        rows = super().listed(table, alias, c)
        revision = self.number or f"{c}.revision"
        past = f"{table}_history AS x WHERE x.container_id = :id"
        following = f"SELECT (SELECT min(x.position) FROM {past} AND x.position > p.position) FROM places AS p"
        places = (
            f"WITH RECURSIVE places (position) AS (SELECT min(x.position) FROM {past}"
            f" UNION ALL {following} WHERE p.position IS NOT NULL) SELECT position FROM places"
        )
        first = f"FROM {past} AND x.position = o.position AND x.until > {revision} ORDER BY x.until LIMIT 1"
        since = f"{alias}.since <= {revision}"
        if self._backend.lateral:
            return rows._replace(other=(f"({places}) AS o CROSS JOIN LATERAL (SELECT x.* {first})", since))
        until = f"(SELECT x.until {first})"
        if self.number and self._backend.groups_by_seeking:
            grouped = f"AND x.until > {revision} GROUP BY x.container_id, x.position"
            places, until = f"SELECT x.position, min(x.until) AS until FROM {past} {grouped}", "o.until"
        there = f"{alias}.container_id = :id AND {alias}.position = o.position AND {alias}.until = {until} AND {since}"
        return rows._replace(other=(f"({places}) AS o CROSS JOIN {table}_history", there))


class VersionStatement(VersionStatements):
    """The statement over one version: ``:id``, ``:revision``."""

    number = ":revision"


class Past:
    """The statements for one container, for one sandbox, and for a host's sandboxes."""

    def __init__(self, backend: Backend) -> None:
        self._backend, self._prefix = backend, backend.view_prefix
        versions = Versions(backend)
        held = f"{SANDBOX_HELD} AND {RECORDED}"
        of_sandboxes = versions.at(
            "container", "sandbox AS s JOIN container_lifetime AS l ON l.sandbox_id = s.id", CONTAINER_HELD
        )
        self.one = VersionStatement(backend, versions.names, versions.one())
        """Statements over one version: ``id``, ``revision``, ``valid_to``."""
        self.sandbox = PastStatements(
            backend, versions.at("sandbox", "sandbox_lifetime AS s", f"{_THEIRS} AND {held}"), of_sandboxes
        )
        """Statements over one sandbox and its containers: ``host``, ``sid``, ``at``."""
        after = f"s.host = :host AND s.sid > :sid AND {held}"
        self.sandboxes = PastStatements(
            backend,
            versions.at("sandbox", "sandbox_lifetime AS s", after, " ORDER BY s.sid LIMIT :limit"),
            of_sandboxes,
        )
        """Statements over a host's next sandboxes: ``host``, ``sid``, ``at``, ``limit``."""
        self.versions = VersionStatements(backend, versions.names, versions.page())
        """Statements over the versions of a container: ``id``, ``valid_to``, ``revision``, ``limit``."""
        self._live = f"{self._prefix}container"

    def _compile(self, sql: str) -> Statement:
        return Statement(sql, self._backend.style)

    @cached_property
    def version_at(self) -> Statement:
        """Which version a container had: its ID, revision, and end, NULL if it is live: ``host, sid, cid, at``."""
        first = (
            f"(SELECT x.container_id, x.revision, x.valid_to FROM container_history AS x WHERE x.container_id = {_ONE}"
            " AND x.valid_to > :at ORDER BY x.valid_to, x.revision LIMIT 1)"
        )
        return self._compile(
            "SELECT l.id, coalesce(h.revision, c.revision), h.valid_to FROM container_lifetime AS l"
            f" LEFT JOIN {first} AS h ON h.container_id = l.id LEFT JOIN {self._live} AS c ON c.id = l.id"
            f" WHERE l.id = {_ONE} AND {RECORDED} AND (h.revision IS NOT NULL OR c.id IS NOT NULL)"
        )

    @cached_property
    def version_of(self) -> Statement:
        """The same of a revision: ``host, sid, cid, revision``. No two lifetimes in a sandbox have it."""
        kept = "x.valid_to > r.horizon AND (r.seconds IS NULL OR r.seconds > 0)"
        return self._compile(
            f"SELECT l.id, x.revision, x.valid_to FROM {LIFETIMES} JOIN container_history AS x ON x.container_id = l.id"
            f" JOIN retention AS r ON {kept} WHERE {_THEIRS} AND l.cid = :cid AND x.revision = :revision"
            f" UNION ALL SELECT c.id, c.revision, NULL FROM {self._live} AS c"
            f" JOIN {self._prefix}sandbox AS s ON s.id = c.sandbox_id"
            f" WHERE {_THEIRS} AND c.cid = :cid AND c.revision = :revision"
            " ORDER BY 1 DESC LIMIT 1"
        )

    @cached_property
    def sids_after(self) -> Statement:
        """The IDs of a host's next sandboxes that were there at a time: ``host``, ``sid``, ``at``, ``limit``."""
        return self._sids("s.sid > :sid", ":limit")

    @cached_property
    def look_up_sandbox(self) -> Statement:
        """Up to four that were there, whose ID begins with ``sid``: ``host``, ``sid``, ``sid_end``, ``at``."""
        return self._sids("s.sid >= :sid AND s.sid < :sid_end", "4")

    @cached_property
    def look_up_sandbox_ever(self) -> Statement:
        """Up to four sandboxes that are or were there, whose ID begins with ``sid``: ``host``, ``sid``, ``sid_end``."""
        return self._compile(
            "SELECT DISTINCT s.sid FROM sandbox_lifetime AS s WHERE s.host = :host AND s.sid >= :sid"
            " AND s.sid < :sid_end ORDER BY s.sid LIMIT 4"
        )

    @cached_property
    def look_up_ever(self) -> tuple[Statement, Statement, Statement, Statement]:
        """Up to four containers that are or were there, whose ID begins with ``cid``: ``host``, ``cid``, ``cid_end``.

        The second one is for the sandbox's, too, which begins with ``sid``: ``sid``, ``sid_end``. The others are the
        same over all hosts.
        """
        own, own_pair, every, every_pair = (
            self._ever(all_hosts=all_hosts, with_sid=with_sid)
            for all_hosts in (False, True)
            for with_sid in (False, True)
        )
        return own, own_pair, every, every_pair

    def _ever(self, *, all_hosts: bool, with_sid: bool) -> Statement:
        where = ["l.cid >= :cid AND l.cid < :cid_end"]
        where += [] if all_hosts else ["s.host = :host"]
        where += ["s.sid >= :sid AND s.sid < :sid_end"] if with_sid else []
        order = "s.sid, l.cid, s.host" if with_sid else "l.cid, s.sid, s.host"
        names = f"SELECT DISTINCT s.host, s.sid, l.cid FROM {LIFETIMES} WHERE {' AND '.join(where)}"
        return self._compile(f"{names} ORDER BY {order} LIMIT 4")

    def _sids(self, which: str, limit: str) -> Statement:
        return self._compile(
            f"SELECT s.sid FROM sandbox_lifetime AS s WHERE s.host = :host AND {which}"
            f" AND {SANDBOX_HELD} AND {RECORDED} ORDER BY s.sid LIMIT {limit}"
        )

    @cached_property
    def lifetimes(self) -> Statement:
        """The containers with one name, the first one first: ``host``, ``sid``, ``cid``."""
        return self._compile(f"SELECT l.id FROM {LIFETIMES} WHERE {_THEIRS} AND l.cid = :cid ORDER BY s.id, l.id")

    @cached_property
    def sandbox_revision(self) -> Statement:
        """When a sandbox came to be at a revision, which is a sum, the latest time first: ``host, sid, revision``.

        Each version adds its number when it begins, and takes it away when it ends. Where the clock was set back times
        are not the order of the changes, and a sum may come to a number at which the sandbox was another: so all that
        happened up to the time must come before the rest, by the events' IDs and by the revisions of its own row.
        """
        ours = f"FROM sandbox_lifetime AS s JOIN {{}} WHERE {_THEIRS}"
        own = ours.format("sandbox_history AS h ON h.sandbox_id = s.id")
        theirs = ours.format(
            "container_lifetime AS l ON l.sandbox_id = s.id JOIN container_history AS h ON h.container_id = l.id"
        )
        changes = [
            f"SELECT s.id, h.valid_from AS time, h.number AS number {own}",
            f"SELECT s.id, h.valid_to, -h.number {own}",
            f"SELECT s.id, x.updated_at, x.revision {ours.format(f'{self._prefix}sandbox AS x ON x.id = s.id')}",
            f"SELECT s.id, h.valid_from, h.revision {theirs}",
            f"SELECT s.id, h.valid_to, -h.revision {theirs}",
            f"SELECT s.id, x.updated_at, x.revision {ours.format(f'{self._live} AS x ON x.sandbox_id = s.id')}",
        ]
        sums = (
            f"SELECT id, time, sum(number) AS number FROM ({' UNION ALL '.join(changes)}) AS changes GROUP BY id, time"
        )
        running = (
            "SELECT id, time, sum(number) OVER (PARTITION BY id ORDER BY time) AS revision,"
            f" lead(time) OVER (PARTITION BY id ORDER BY time) AS next FROM ({sums}) AS sums"
        )
        time = self._backend.utc_text("t.time")
        later = "SELECT min(n.id) FROM event AS n WHERE n.sandbox_id = t.id AND n.at > t.time"
        of_own = "SELECT 1 FROM sandbox_history AS h WHERE h.sandbox_id = t.id"
        mixed = (
            f"SELECT 1 FROM event AS e WHERE e.sandbox_id = t.id AND e.at <= t.time AND e.id > ({later})",
            f"{of_own} AND h.revision < :revision AND h.valid_to > t.time",
            f"{of_own} AND h.revision >= :revision AND h.valid_to <= t.time",
        )
        in_order = "".join(f" AND NOT EXISTS ({each})" for each in mixed)
        return self._compile(
            f"SELECT {time} FROM ({running}) AS t JOIN retention AS r ON t.next IS NULL OR t.next > r.horizon"
            f" WHERE t.revision = :revision{in_order} ORDER BY t.id DESC, t.time DESC"
        )
