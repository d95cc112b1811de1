"""Reads row by row, for when a statement over many rows meets one that no record can hold.

The statements for good rows know nothing of this: when one of them fails, the same rows are read one at a time, and the
ones that cannot be read are named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ..db import work
from ..errors import Unreadable
from .stored import SpoiltContainer, SpoiltSandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..db.database import Database
    from ..db.work import Statement, Work
    from ..records import Container, Sandbox
    from .payloads import Decoders
    from .row_statements import RowStatements
    from .stored import StoredContainer, StoredSandbox

T = TypeVar("T")


class Salvage:
    """Reads what can be read, and names the rest."""

    def __init__(
        self, database: Database, rows: RowStatements, decoders: Decoders, values: Mapping[str, object] | None = None
    ) -> None:
        self._backend, self._decode = database.backend, decoders
        self._values = values or {}  # of parameters that all statements have
        self.rows = rows
        self.errors: tuple[type[Exception], ...] = (Unreadable, database.driver_error)
        """The exceptions that may be about a row: pass them to :meth:`reason`."""

    def reason(self, error: Exception) -> str:
        """Return the fault of a row by an exception, which is raised again if it is about something else."""
        if isinstance(error, Unreadable):
            return error.detail
        if self._backend.is_about_values(error):
            return self._backend.detail(error)
        raise error

    # --- containers

    def page(
        self,
        statement: Statement,
        values: Mapping[str, object],
        decode: Callable[[str], T],
        one_by_one: Callable[[], tuple[Statement, Statement]],
    ) -> Work[tuple[Sequence[T], Sequence[Unreadable]]]:
        """Return the containers of a page that can be read, and an error for each other one.

        ``one_by_one`` returns the statement for the IDs of the page's rows, and the one for the payload of one row.
        """
        whole = yield from self.all_of(statement, values, decode)
        if whole is not None:
            return whole, ()
        ids, payload = one_by_one()
        readable, faults = [], []
        for (id_,) in (yield from work.rows(ids, values)):
            outcome = yield from self.container(id_, payload, decode)
            if isinstance(outcome, Unreadable):
                faults.append(outcome)
            elif outcome is not None:
                readable.append(outcome)
        return readable, faults

    def all_of(
        self, statement: Statement, values: Mapping[str, object], decode: Callable[[str], T]
    ) -> Work[Sequence[T] | None]:
        """Return all decoded payloads of a statement, ``None`` if one of its rows cannot be read."""
        try:
            (answer,) = yield (work.Call(statement, values, decode),)
        except self.errors as error:
            self.reason(error)
            return None
        return answer.rows

    def rows_of(self, statement: Statement, values: Mapping[str, object]) -> Work[Sequence[tuple[Any, ...]] | None]:
        """Return all rows of a statement, ``None`` if one of them cannot be read."""
        try:
            return (yield from work.rows(statement, values))
        except self.errors as error:
            self.reason(error)
        return None

    def payloads(
        self, statement: Statement, values: Mapping[str, object], ids: Callable[[], Statement]
    ) -> Work[Sequence[tuple[str, int]]]:
        """Return the payloads of a page of containers and the IDs of their rows.

        If not all of them can be read, each is empty: look at each row with :meth:`whole`. ``ids`` returns the
        statement for the IDs of the page's rows.
        """
        try:
            return (yield from work.rows(statement, values))
        except self.errors as error:
            self.reason(error)
        return [("", id_) for (id_,) in (yield from work.rows(ids(), values))]

    def whole(self, id_: int) -> Work[Container | Unreadable | None]:
        """Return one whole container by the ID of its row."""
        return self.container(id_, self.rows.container, self._decode.container)

    def container(self, id_: int, payload: Statement, decode: Callable[[str], T]) -> Work[T | Unreadable | None]:
        """Return one container by the ID of its row, or the error for it; ``None`` if it is not there."""
        return self._row("container", id_, payload, decode, self.rows.names)

    def _row(
        self, table: str, id_: int, payload: Statement, decode: Callable[[str], T], names: Statement
    ) -> Work[T | Unreadable | None]:
        try:
            found = yield from work.decoded(payload, {"id": id_, **self._values}, decode)
        except self.errors as error:
            reason = self.reason(error)
        else:
            return found[0] if found else None
        try:
            named = yield from work.rows(names, {"id": id_, **self._values})
        except self.errors as error:
            self.reason(error)
            return _nameless(table, id_, f"its IDs cannot be read either; {reason}")
        return _error(table, id_, *named[0], reason=reason) if named else None

    # --- sandboxes

    def sid_of(self, id_: int) -> Work[str | Unreadable | None]:
        """Return a sandbox's ID by its row's, or the error for one that is no text; ``None`` if it is not there."""
        try:
            named = yield from work.rows(self.rows.own_names, {"id": id_})
        except self.errors as error:
            return _nameless("sandbox", id_, f"its IDs cannot be read; {self.reason(error)}")
        if not named:
            return None
        host, sid = named[0]
        return sid if isinstance(sid, str) else _nameless("sandbox", id_, f"its host is {host!r}, its sid {sid!r}")

    def own_rows_after(self, after: int, limit: int) -> Work[tuple[int | None, Sequence[Sandbox | Unreadable]]]:
        """Read a page of sandboxes' own rows on all hosts, as sandboxes without containers, or the errors for them.

        Returns the ID of the last row, too, ``None`` if there is no further page.
        """
        values = {"after": after, "limit": limit}
        ids = [id_ for (id_,) in (yield from work.rows(self.rows.own_ids_after, values))]
        outcomes: Sequence[Sandbox | Unreadable] | None
        outcomes = yield from self.all_of(self.rows.own_after, values, self._decode.sandbox)
        if outcomes is None:
            outcomes = []
            for id_ in ids:
                outcome = yield from self.own_row(id_)
                if outcome is not None:
                    outcomes.append(outcome)
        return ids[-1] if len(ids) == limit else None, outcomes

    def own_row(self, id_: int) -> Work[Sandbox | Unreadable | None]:
        """Return a sandbox without its containers by the ID of its row, or the error for it; ``None`` without a row."""
        return self._row("sandbox", id_, self.rows.own_by_id, self._decode.sandbox, self.rows.own_names)

    def faults(self, host: str, sid: str) -> Work[list[Unreadable]]:
        """Return the faults of a sandbox: one error for each container, and one for its own row."""
        faults = []
        for id_, _ in (yield from work.rows(self.rows.containers, {"host": host, "sid": sid})):
            outcome = yield from self.whole(id_)
            if isinstance(outcome, Unreadable):
                faults.append(outcome)
        try:
            yield from work.decoded(self.rows.own, {"host": host, "sid": sid}, self._decode.sandbox)
        except self.errors as error:
            faults.append(Unreadable(sid, self.reason(error), host))
        return faults

    def stored(self, host: str, sid: str) -> Work[StoredSandbox | SpoiltSandbox | None]:
        """Return a sandbox as the store holds it, its unreadable containers apart; ``None`` if it is not there."""
        key = {"host": host, "sid": sid}
        try:
            found = yield from work.decoded(self.rows.own, key, self._decode.stored_sandbox)
        except self.errors as error:
            return SpoiltSandbox(sid=sid, faults=[Unreadable(sid, self.reason(error), host)])
        if not found:
            return None
        own: StoredSandbox = found[0]
        containers: list[StoredContainer] = []
        spoilt: list[SpoiltContainer] = []
        for id_, revision in (yield from work.rows(self.rows.containers, key)):
            outcome = yield from self.container(id_, self.rows.container, self._decode.stored_container)
            if isinstance(outcome, Unreadable):
                number = revision if isinstance(revision, int) else None
                cid = outcome.cid or f"\0{id_}"  # an ID that cannot be read is none that anybody asks for
                spoilt.append(SpoiltContainer(id=id_, cid=cid, revision=number))
            elif outcome is not None:
                containers.append(outcome)
        return msgspec.structs.replace(own, containers=containers, spoilt=tuple(spoilt))


def _error(table: str, id_: int, host: Any, sid: Any, cid: Any = "", *, reason: str) -> Unreadable:
    """Return the error for a row; where one of its IDs is no text, the row's number stands for it."""
    if not isinstance(host, str) or not isinstance(sid, str):
        return _nameless(table, id_, f"its host is {host!r}, its sid {sid!r}; {reason}")
    if not isinstance(cid, str):
        return Unreadable(sid, f"row {id_} of container: its cid is {cid!r}; {reason}", host)
    return Unreadable(f"{sid}/{cid}" if cid else sid, reason, host)


def _nameless(table: str, id_: int, detail: str) -> Unreadable:
    return Unreadable(f"row {id_} of {table}", detail, has_ids=False)
