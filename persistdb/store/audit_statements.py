"""The statements of audits: what they found, and what they ask of the past."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import case, func, insert, literal_column, select, text, union_all, update

from ..db.work import Statement
from ..schema.core_audit import audit_finding as finding
from ..schema.core_audit import audit_run as run
from ..schema.core_history import container_lifetime as container
from ..schema.core_history import mount_history as mount
from ..schema.core_history import sandbox_lifetime as sandbox
from .audit_rows import FindingKey, FindingRow
from .statements import parameter

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select

    from ..engines import Backend
    from .statements import Statements

# ruff: noqa: S608  statements are put together from constants of ours


class AuditStatements:
    """The statements, for one engine."""

    def __init__(self, backend: Backend, statements: Statements) -> None:
        self._backend, self._statements = backend, statements

    @cached_property
    def begin(self) -> Statement:
        """Write a run: ``host, started_at, finished_at, checks, roots, findings, boot_id``."""
        names = [column.name for column in run.c if column.name != "id"]
        columns = {name: parameter(name) for name in names} | self._backend.new_ids(run, run)
        return self._statements.compile(
            insert(run).from_select(list(columns), select(*columns.values()).where(self._statements.may_write))
        )

    @cached_property
    def keep(self) -> Statement:
        """Write findings, or that they are still there: ``rows, host, now``."""
        r, old = self._statements.rows(finding, FindingRow), finding.alias("old")
        number = select(func.max(run.c.id)).where(run.c.host == parameter("host")).scalar_subquery()
        one: ColumnElement[int] = literal_column("1")
        values = {
            "id": self._backend.new_id(finding, finding, old.c.id),
            "host": parameter("host"),
            **{name: r.c[name] for name in FindingRow.__struct_fields__},
            "began_at": func.coalesce(old.c.began_at, r.c.began_at),
            "first_seen": func.coalesce(old.c.first_seen, parameter("now")),
            "last_seen": parameter("now"),
            "first_run_id": func.coalesce(old.c.first_run_id, number),
            "last_run_id": number,
            "times_seen": case(
                (old.c.id.is_(None), one), (old.c.gone_at.is_(None), old.c.times_seen), else_=old.c.times_seen + one
            ),
            "gone_at": literal_column("NULL"),
        }
        same = (
            (old.c.host == parameter("host"))
            & (old.c.check_name == r.c.check_name)
            & (old.c.subject_hash == r.c.subject_hash)
        )
        found = select(*(values[column.name].label(column.name) for column in finding.c)).select_from(
            r.outerjoin(old, same)
        )
        return self._statements.compile(self._backend.upsert(finding, found.where(self._statements.may_write)))

    @cached_property
    def end(self) -> Statement:
        """Say of the other findings of these checks that they are gone: ``names, unread, host, now``.

        Not of those of sandboxes that were not looked at.
        """
        r = self._backend.rows("names", [("value", finding.c.check_name.type)])
        unread = self._backend.rows("unread", [("value", finding.c.sid.type)])
        number = select(func.max(run.c.id)).where(run.c.host == parameter("host")).scalar_subquery()
        return self._statements.compile(
            update(finding)
            .values(gone_at=parameter("now"))
            .where(
                finding.c.host == parameter("host"),
                finding.c.gone_at.is_(None),
                finding.c.check_name.in_(select(r.c.value)),
                finding.c.last_run_id < number,
                finding.c.sid.is_(None) | finding.c.sid.not_in(select(unread.c.value)),
                self._statements.may_write,
            )
        )

    @cached_property
    def findings(self) -> Statement:
        """Ask for the host's findings: ``host``."""
        return self._findings("")

    @cached_property
    def open_findings(self) -> Statement:
        """Ask for the host's findings that are not gone: ``host``."""
        return self._findings(" AND gone_at IS NULL")

    def _findings(self, still: str) -> Statement:
        listed = ", ".join(self._columns)
        return self._compile(
            f"SELECT {listed} FROM audit_finding WHERE host = :host{still} ORDER BY check_name, subject, id"
        )

    @cached_property
    def _columns(self) -> list[str]:
        times = ("began_at", "first_seen", "last_seen", "gone_at")
        columns = ("check_name", "subject", "recorded", "observed", "advice", "sid", "cid", "times_seen")
        return [*columns, *(self._backend.utc_text(f"audit_finding.{name}") for name in times)]

    @cached_property
    def known(self) -> Statement:
        """Ask for the host's findings with these checks and subjects: ``rows, host``."""
        r = self._statements.rows(finding, FindingKey)
        columns: list[ColumnElement[object]] = [
            literal_column(name if "." in name or "(" in name else f"audit_finding.{name}") for name in self._columns
        ]
        same = (finding.c.check_name == r.c.check_name) & (finding.c.subject_hash == r.c.subject_hash)
        return self._statements.compile(
            select(*columns)
            .select_from(r.join(finding, same & (finding.c.host == parameter("host"))))
            .order_by(finding.c.check_name, finding.c.subject, finding.c.id)
        )

    @cached_property
    def seen(self) -> Statement:
        """Ask where and when imports last found the host's sandboxes: ``host``."""
        return self._compile(
            f"SELECT s.sid, x.source, {self._backend.utc_text('x.seen_at')} FROM sandbox AS s"
            " JOIN sandbox_seen AS x ON x.sandbox_id = s.id WHERE s.host = :host ORDER BY s.sid"
        )

    @cached_property
    def boot(self) -> Statement:
        """Ask for the boot in which the host's files were last read: ``host``."""
        return self._compile(f"SELECT boot_id, {self._backend.utc_text('last_seen')} FROM host WHERE name = :host")

    # Two statements of few tables, each of which begins with what is asked for: of one over all, engines have gone
    # through all that the host ever had, and through what is asked for each time.

    @cached_property
    def holders(self) -> Statement:
        """Ask which containers had these paths on a host, and until when: ``names``."""
        r = self._backend.rows("names", [("value", mount.c.host_path.type)])

        def by(column: str, *conditions: str) -> Select[tuple[object, ...]]:
            # a partial index is used only if the query says what its rows have
            until: ColumnElement[str] = literal_column(self._backend.utc_text("mount_history.valid_to"))
            return (
                select(r.c.value, mount.c.container_id, until)
                .select_from(r.join(mount, mount.c[column] == r.c.value))
                .where(*(text(condition) for condition in conditions))
            )

        by_path = by("host_path", "mount_history.host_path <> ''")
        by_rootfs = by(
            "source",
            "mount_history.source >= '/' AND mount_history.source < '0'",
            "mount_history.position = 0",
            # where engines mount it: elsewhere it may be the user's own
            "(mount_history.source < '/run0' AND mount_history.source >= '/run/'"
            " OR mount_history.source < '/var0' AND mount_history.source >= '/var/')",
        )
        return self._statements.compile(union_all(by_path, by_rootfs))

    @cached_property
    def ended(self) -> Statement:
        """Ask for the host and IDs of these containers if they were removed, and when that was: ``ids``."""
        r = self._backend.rows("ids", [("value", container.c.id.type)])
        at: ColumnElement[str] = literal_column(self._backend.utc_text("container_lifetime.removed_at"))
        return self._statements.compile(
            select(container.c.id, sandbox.c.host, sandbox.c.sid, container.c.cid, at)
            .select_from(
                r.join(container, container.c.id == r.c.value).join(sandbox, sandbox.c.id == container.c.sandbox_id)
            )
            .where(container.c.removed_at.is_not(None))
        )

    @cached_property
    def removed(self) -> Statement:
        """Ask when these sandboxes were removed: ``names, host``."""
        r = self._backend.rows("names", [("value", sandbox.c.sid.type)])
        return self._statements.compile(
            select(r.c.value, literal_column(self._backend.utc_text("sandbox_lifetime.removed_at")))
            .select_from(r.join(sandbox, sandbox.c.sid == r.c.value))
            .where(sandbox.c.host == parameter("host"), sandbox.c.removed_at.is_not(None))
        )

    def _compile(self, sql: str) -> Statement:
        return Statement(sql, self._backend.style)
