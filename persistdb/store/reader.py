"""The units of work that read one host's sandboxes and containers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..db import work
from ..db.work import Call
from ..errors import AlreadyExists, NotFound, Unreadable
from .diff import Snapshot
from .encoding import encode
from .rows import SandboxKey, TokenRow
from .stored import SpoiltSandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..db.work import Work
    from ..records import Container, ContainerState, Sandbox
    from .payloads import Decoders
    from .row_statements import RowStatements
    from .salvage import Salvage
    from .statements import Statements
    from .stored import StoredSandbox


class Reader:
    """Reads by exact IDs; questions with filters are :mod:`.selection`'s, abbreviated IDs :mod:`.lookup`'s."""

    def __init__(self, host: str, statements: Statements, decoders: Decoders, salvage: Salvage) -> None:
        self._host, self._statements, self._decode, self._salvage = host, statements, decoders, salvage

    @property
    def rows(self) -> RowStatements:
        """The statements for one row each."""
        return self._salvage.rows

    def find_container(self, sid: str, cid: str) -> Work[Container | None]:
        """Return a container, ``None`` if it is not there; raises :class:`~persistdb.errors.Unreadable`."""
        try:
            return (yield from self.container(sid, cid))
        except NotFound:
            return None

    def container(self, sid: str, cid: str) -> Work[Container]:
        """Return a container; raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Unreadable`."""
        values = {"host": self._host, "sid": sid, "cid": cid}
        try:
            (answer,) = yield (Call(self._statements.get, values, self._decode.container),)
        except self._salvage.errors as error:
            raise Unreadable(f"{sid}/{cid}", self._salvage.reason(error), self._host) from error
        if not answer.rows:
            raise NotFound("container", f"{sid}/{cid}", self._host)
        container: Container = answer.rows[0]
        return container

    def revision(self, sid: str, cid: str) -> Work[int | None]:
        """Return a container's revision, ``None`` if it is not there."""
        return work.value(self._statements.revision, {"host": self._host, "sid": sid, "cid": cid})

    def sandbox(self, sid: str) -> Work[Sandbox]:
        """Return a sandbox with all its containers.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Unreadable`.
        """
        outcome = yield from self._sandbox_or_faults(sid)
        if outcome is None:
            raise NotFound("sandbox", sid, self._host)
        if isinstance(outcome, SpoiltSandbox):
            raise outcome.faults[0]
        return outcome

    def _sandbox_or_faults(self, sid: str) -> Work[Sandbox | SpoiltSandbox | None]:
        values = {"host": self._host, "sid": sid}
        try:
            (answer,) = yield (Call(self._statements.load, values, self._decode.sandbox),)
        except self._salvage.errors as error:
            reason = self._salvage.reason(error)
        else:
            return answer.rows[0] if answer.rows else None
        faults = yield from self._salvage.faults(self._host, sid)
        return SpoiltSandbox(sid=sid, faults=faults or [Unreadable(sid, reason, self._host)])

    def sandboxes_after(self, sid: str, limit: int) -> Work[Sequence[Sandbox | SpoiltSandbox] | None]:
        """Return the next sandboxes by ID, with its faults in the place of each that cannot be read.

        ``None`` if one of the IDs is no text: look at each row (:meth:`rows_after`, :meth:`sandbox_of_row`).
        """
        values = {"host": self._host, "sid": sid, "limit": limit}
        try:
            return (yield from work.decoded(self._statements.load_after, values, self._decode.sandbox))
        except self._salvage.errors as error:
            self._salvage.reason(error)
        try:
            sids = yield from work.rows(self._salvage.rows.sids_after, values)
        except self._salvage.errors as error:
            self._salvage.reason(error)
            return None
        if not all(isinstance(each, str) for (each,) in sids):
            return None
        outcomes = []
        for (each,) in sids:
            outcome = yield from self._sandbox_or_faults(each)
            if outcome is not None:
                outcomes.append(outcome)
        return outcomes

    def rows_after(self, sid: str) -> Work[list[int]]:
        """Return the rows of all further sandboxes, by ID."""
        rows = yield from work.rows(self._salvage.rows.rows_after, {"host": self._host, "sid": sid})
        return [id_ for (id_,) in rows]

    def sandbox_of_row(self, id_: int) -> Work[Sandbox | SpoiltSandbox | None]:
        """Return a sandbox by its row, or its faults; ``None`` if it is not there."""
        sid = yield from self._salvage.sid_of(id_)
        if isinstance(sid, Unreadable):
            return SpoiltSandbox(sid="", faults=[sid])
        return None if sid is None else (yield from self._sandbox_or_faults(sid))

    def sandbox_ids(self) -> Work[list[str]]:
        """Return the IDs of all sandboxes, sorted."""
        rows = yield from work.rows(self._statements.sandbox_ids, {"host": self._host})
        return [sid for (sid,) in rows]

    def stored(self, sids: Sequence[str]) -> Work[dict[str, StoredSandbox | SpoiltSandbox]]:
        """Return the sandboxes that are there of these, by ID, as the store holds them."""
        values: dict[str, object]
        if len(sids) == 1:
            statement, values = self._statements.load, {"host": self._host, "sid": sids[0]}
        else:
            statement = self._statements.load_many
            values = {"rows": encode([SandboxKey(self._host, sid) for sid in sids])}
        try:
            found = yield from work.decoded(statement, values, self._decode.stored_sandbox)
        except self._salvage.errors as error:
            self._salvage.reason(error)
        else:
            return {sandbox.record.sid: sandbox for sandbox in found}
        outcomes: dict[str, StoredSandbox | SpoiltSandbox] = {}
        for sid in sids:
            outcome = yield from self._salvage.stored(self._host, sid)
            if outcome is not None:
                outcomes[sid] = outcome
        return outcomes

    def snapshot(self, sid: str, cid: str) -> Work[Snapshot | None]:
        """Return what a save of one container must know, ``None`` if the stored one cannot be read.

        Raises :class:`~persistdb.errors.NotFound`.
        """
        try:
            (answer,) = yield (Call(self._statements.snapshot, {"host": self._host, "sid": sid, "cid": cid}),)
            if not answer.rows:
                raise NotFound("sandbox", sid, self._host)
            sandbox_id, own_revision, of_containers, new_id, payload, document, read_at, changed_at = answer.rows[0]
            container = None if payload is None else self._decode.stored_container(payload)
        except self._salvage.errors as error:
            self._salvage.reason(error)
            return None
        if not isinstance(own_revision, int):
            return None
        return Snapshot(
            sandbox_id,
            own_revision,
            int(of_containers),
            new_id,
            container,
            document if document and cid in document else None,
            read_at,
            _time(changed_at),
        )

    def token_taken(self, sid: str, cid: str, record: ContainerState) -> Work[AlreadyExists]:
        """Return the error for a container whose token another process of the sandbox has, with its holder."""
        tokens = [process.token for process in record.processes if process.token]
        values = {"host": self._host, "sid": sid, "rows": encode([TokenRow(token) for token in tokens])}
        for holder, token in (yield from work.rows(self._statements.token_holders, values)):
            if holder != cid:
                return AlreadyExists("process token", token, (holder, cid))
        twice = next((token for token in tokens if tokens.count(token) > 1), tokens[0])
        return AlreadyExists("process token", twice, (cid, cid))

    def wait_for_writers(self, sid: str) -> Work[None]:
        """Wait until nobody changes a sandbox: one of them may be a commit of ours that is in flight still."""
        for statement in (self._statements.lock_sandbox, self._statements.lock_containers):
            _: Any = yield from work.rows(statement, {"host": self._host, "sid": sid})


def _time(text: object) -> datetime | None:
    """Read a timestamp of a row that others may have spoilt."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
