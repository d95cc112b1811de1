"""The statements for one row each, of which no other one is in the way."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from ..schema.core import container, sandbox
from .statements import parameter

if TYPE_CHECKING:
    from sqlalchemy import Label

    from ..db.work import Statement
    from .statements import Statements


class RowStatements:
    """The statements for one row each, which salvage uses; each built when it is first needed."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    @cached_property
    def container(self) -> Statement:
        """The payload of one container: ``id``."""
        return self._by_id(self._statements.container_json)

    @cached_property
    def summary(self) -> Statement:
        """The payload of one container's summary: ``id``."""
        return self._by_id(self._statements.summary_json)

    def _by_id(self, payload: Label[str]) -> Statement:
        query = select(payload).select_from(sandbox.join(container))
        return self._statements.compile(query.where(container.c.id == parameter("id")))

    @cached_property
    def names(self) -> Statement:
        """A container's host, sid and cid: ``id``."""
        query = select(sandbox.c.host, sandbox.c.sid, container.c.cid).select_from(sandbox.join(container))
        return self._statements.compile(query.where(container.c.id == parameter("id")))

    @cached_property
    def containers(self) -> Statement:
        """The ID and revision of each container of a sandbox: ``host``, ``sid``."""
        query = select(container.c.id, container.c.revision).select_from(sandbox.join(container))
        return self._statements.compile(
            query.where(sandbox.c.host == parameter("host"), sandbox.c.sid == parameter("sid")).order_by(container.c.id)
        )

    @cached_property
    def own(self) -> Statement:
        """The payload of a sandbox's own row: ``host``, ``sid``."""
        query = select(self._statements.own_json)
        return self._statements.compile(
            query.where(sandbox.c.host == parameter("host"), sandbox.c.sid == parameter("sid"))
        )

    @cached_property
    def own_after(self) -> Statement:
        """A page of sandboxes' own rows on all hosts, by their IDs: ``after``, ``limit``."""
        query = select(self._statements.own_json).where(sandbox.c.id > parameter("after"))
        return self._statements.compile(self._statements.limited(query.order_by(sandbox.c.id)))

    @cached_property
    def own_ids_after(self) -> Statement:
        """The same page, with only the IDs of the rows."""
        query = select(sandbox.c.id).where(sandbox.c.id > parameter("after"))
        return self._statements.compile(self._statements.limited(query.order_by(sandbox.c.id)))

    @cached_property
    def own_by_id(self) -> Statement:
        """The payload of a sandbox's own row: ``id``."""
        return self._statements.compile(select(self._statements.own_json).where(sandbox.c.id == parameter("id")))

    @cached_property
    def own_names(self) -> Statement:
        """A sandbox's host and sid: ``id``."""
        query = select(sandbox.c.host, sandbox.c.sid).where(sandbox.c.id == parameter("id"))
        return self._statements.compile(query)

    @cached_property
    def sids_after(self) -> Statement:
        """The next sandboxes of a host, by ID: ``host``, ``sid``, ``limit``."""
        query = select(sandbox.c.sid).where(sandbox.c.host == parameter("host"), sandbox.c.sid > parameter("sid"))
        return self._statements.compile(self._statements.limited(query.order_by(sandbox.c.sid)))

    @cached_property
    def rows_after(self) -> Statement:
        """The rows of all further sandboxes of a host, by ID: ``host``, ``sid``."""
        query = select(sandbox.c.id).where(sandbox.c.host == parameter("host"), sandbox.c.sid > parameter("sid"))
        return self._statements.compile(query.order_by(sandbox.c.sid))

    @cached_property
    def delete_container(self) -> Statement:
        """Delete a container whatever its revision: ``id``."""
        of_row = container.c.id == parameter("id")
        return self._statements.compile(delete(container).where(of_row, self._statements.may_write))
