"""The statements on when and where imports found sandboxes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import func, literal_column, select

from ..schema.core import container, host, sandbox
from ..schema.core import sandbox_seen as seen
from .seen_rows import HostRow, SeenRow
from .statements import parameter

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy import Select

    from ..db.work import Statement
    from ..engines import Backend
    from .statements import Statements


class SeenStatements:
    """The statements, for one engine."""

    def __init__(self, backend: Backend, statements: Statements) -> None:
        self._backend, self._statements = backend, statements

    @cached_property
    def mark(self) -> Statement:
        """Set when and where sandboxes were seen, all at once, of those that are stored: ``rows``."""
        r = self._statements.rows(seen, SeenRow)
        same = (sandbox.c.host == r.c.host) & (sandbox.c.sid == r.c.sid)
        found = select(sandbox.c.id, r.c.seen_at, r.c.source).select_from(r.join(sandbox, same))
        return self._statements.compile(self._backend.upsert(seen, found.where(self._statements.may_write)))

    @cached_property
    def mark_host(self) -> Statement:
        """Set when a host was seen: ``rows``."""
        r = self._statements.rows(host, HostRow)
        old = host.alias("old")
        found = select(
            r.c.name,
            func.coalesce(old.c.first_seen, r.c.last_seen).label("first_seen"),
            r.c.last_seen,
            *(func.coalesce(r.c[name], old.c[name]).label(name) for name in ("boot_id", "kernel", "programs")),
        ).select_from(r.outerjoin(old, old.c.name == r.c.name))
        return self._statements.compile(self._backend.upsert(host, found.where(self._statements.may_write)))

    @cached_property
    def unseen(self) -> Statement:
        """Sandboxes of a folder that were not seen or changed since, with their layout: ``host, source, before``."""
        return self._statements.compile(self._unseen())

    @cached_property
    def lock_unseen(self) -> Statement:
        """The same, locked: who saves one of them, or sees it, waits, and finds it gone."""
        return self._statements.compile(self._unseen().with_for_update())

    @cached_property
    def lock_unseen_among(self) -> Statement:
        """The same, locked, of the sandboxes in ``rows`` only."""
        r = self._backend.rows("rows", [("sid", sandbox.c.sid.type)])
        return self._statements.compile(self._unseen().where(sandbox.c.sid.in_(select(r.c.sid))).with_for_update())

    def _unseen(self) -> Select[Any]:
        of_container = (
            select(func.max(container.c.layout)).where(container.c.sandbox_id == sandbox.c.id).scalar_subquery()
        )
        before = parameter("before")
        return (
            select(sandbox.c.sid, sandbox.c.layout, of_container)
            .select_from(sandbox.join(seen, seen.c.sandbox_id == sandbox.c.id))
            .where(
                sandbox.c.host == parameter("host"),
                seen.c.source == parameter("source"),
                seen.c.seen_at < before,
                sandbox.c.updated_at < before,
            )
            .order_by(sandbox.c.sid)
        )

    @cached_property
    def boot_id(self) -> Statement:
        """The boot of a host that imports last saw: ``host``."""
        return self._statements.compile(select(host.c.boot_id).where(host.c.name == parameter("host")))

    @cached_property
    def namespaces(self) -> Statement:
        """A host's sandboxes with containers in namespaces of containerd's, with each: ``host``."""
        return self._statements.compile(
            select(sandbox.c.sid, container.c.namespace)
            .distinct()
            .select_from(sandbox.join(container))
            .where(sandbox.c.host == parameter("host"), container.c.namespace != literal_column("''"))
        )

    @cached_property
    def sources(self) -> Statement:
        """The folders in which a host's sandboxes were found, with how many of them: ``host``."""
        return self._statements.compile(
            select(seen.c.source, func.count())
            .select_from(sandbox.join(seen, seen.c.sandbox_id == sandbox.c.id))
            .where(sandbox.c.host == parameter("host"))
            .group_by(seen.c.source)
            .order_by(seen.c.source)
        )
