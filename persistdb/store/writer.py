"""The units of work that write; all of them pass through one function, :meth:`Writer.write`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from ..db.database import Stale
from ..db.work import Call
from ..errors import Conflict, StateMismatch
from ..records import SandboxWrite
from . import diff, rows
from .encoding import Row, encode, utc_text
from .stored import SpoiltSandbox, StoredSandbox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..db.database import Database
    from ..db.work import Answer, Statement, Work
    from ..records import ContainerState, Origin
    from .diff import Diff, NewContainer, Transition
    from .reader import Reader
    from .statements import Statements

TOKEN_KEY = "uq_process_sandbox_id_token"  # noqa: S105  the name of a key, no password


class TokenClash(Exception):
    """The database found a token that another process of the sandbox has."""


class Writer:
    """Reads what is stored, takes the difference to what is wanted, and writes it."""

    def __init__(self, database: Database, host: str, statements: Statements, reader: Reader) -> None:
        self._backend, self._driver_error = database.backend, database.driver_error
        self._host, self._statements, self._reader = host, statements, reader

    # --- units of work

    def save_sandboxes(self, writes: Sequence[SandboxWrite]) -> Work[Diff]:
        """Store sandboxes, each as a whole."""
        stored = yield from self._reader.stored([write.sid for write in writes])
        wanted = diff.of_sandboxes(self._host, writes, stored, now=_now())
        try:
            yield from self.write(wanted)
        except TokenClash:
            # All tokens of the sandboxes were looked at: this one came in between.
            raise Stale from None
        return wanted

    def save_container(
        self, sid: str, cid: str, record: ContainerState, origin: Origin | None, revision: int | None
    ) -> Work[Diff]:
        """Store one container of a sandbox that exists.

        Raises :class:`~persistdb.errors.NotFound` without the sandbox, :class:`~persistdb.errors.Conflict` for a
        container that is not at ``revision``, :class:`TokenClash`.
        """
        snapshot = yield from self._reader.snapshot(sid, cid)
        if snapshot is None:
            return (yield from self._replace_container(sid, cid, record, origin, revision))
        actual = snapshot.container.revision if snapshot.container else None
        if revision is not None and revision != (actual or 0):
            raise Conflict(f"{sid}/{cid}", revision, actual)
        wanted = diff.of_container(sid, cid, record, origin, snapshot, now=_now())
        yield from self.write(wanted)
        return wanted

    def _replace_container(
        self, sid: str, cid: str, record: ContainerState, origin: Origin | None, revision: int | None
    ) -> Work[Diff]:
        """Store a container in the place of one that cannot be read."""
        stored = yield from self._reader.stored([sid])
        sandbox = stored.get(sid)
        if sandbox is None or (isinstance(sandbox, StoredSandbox) and cid not in {one.cid for one in sandbox.spoilt}):
            raise Stale  # another has removed or replaced it in the meantime
        present = _revisions(sandbox)
        if revision is not None and revision != present.get(cid):
            raise Conflict(f"{sid}/{cid}", revision, present.get(cid))
        write = SandboxWrite(
            sid=sid,
            containers={cid: record},
            origins={} if origin is None else {cid: origin},
            keep=frozenset(present.keys() - {cid}),
        )
        wanted = diff.of_sandboxes(self._host, [write], stored, now=_now())
        yield from self.write(wanted)
        numbers = {f"{sid}/{cid}": created.row.revision for created in wanted.created}
        return msgspec.structs.replace(wanted, revisions=numbers)

    def delete_container(self, sid: str, cid: str, revision: int | None) -> Work[bool]:
        """Remove one container, and return whether it was there."""
        sandbox = (yield from self._reader.stored([sid])).get(sid)
        present = _revisions(sandbox) if sandbox else {}
        if revision is not None and present.get(cid) != revision:
            raise Conflict(f"{sid}/{cid}", revision, present.get(cid))
        if sandbox is None or cid not in present:
            return False
        write = SandboxWrite(sid=sid, containers={}, keep=frozenset(present.keys() - {cid}))
        yield from self.write(diff.of_sandboxes(self._host, [write], {sid: sandbox}, now=_now()))
        return True

    def transition(self, transition: Transition) -> Work[None]:
        """Move a container to another state, if it is in the expected one."""
        if (yield from self.write(diff.of_transition(transition))):
            return
        _, sid, cid, expected, _, _ = transition
        container = yield from self._reader.container(sid, cid)
        if container.record.state == expected:
            raise Stale  # another brought it there in the meantime
        raise StateMismatch(f"{sid}/{cid}", expected, container.record.state)

    def destroy_sandbox(self, sid: str) -> Work[bool]:
        """Remove a sandbox with all that is in it, and return whether it was there."""
        return (yield from self.write(diff.of_destruction(self._host, sid, now=_now()))) > 0

    # --- the funnel

    def write(self, wanted: Diff) -> Work[int]:
        """Write a difference: the one way into the tables. Returns how many rows of parents it changed.

        What needs no look at the rest is one statement: a transition, a destruction. All else is a statement for each
        table that has rows. Containers come before their children: whoever changes a child changes its container first,
        so the check of the container's revision guards all that belongs to it.

        Raises :class:`~persistdb.db.database.Stale` if others changed the same since it was read, :class:`TokenClash`.
        """
        if wanted.transition is not None:
            (answer,) = yield (Call(self._statements.transition, wanted.transition._asdict()),)
            return answer.number
        if wanted.destroyed is not None:
            (answer,) = yield (Call(self._statements.delete_sandbox, wanted.destroyed._asdict()),)
            return answer.number
        if not wanted:
            return 0
        try:
            return (yield from self._write_rows(wanted))
        except self._driver_error as error:
            key = self._backend.violated(error)
            if key is None:
                raise
            if key == TOKEN_KEY:
                raise TokenClash from error
            # Another made the same sandbox or container, or removed what this one belongs to, after we looked.
            raise Stale from error

    def _write_rows(self, wanted: Diff) -> Work[int]:
        if wanted.replaced:
            yield [Call(self._statements.delete_sandbox, replaced._asdict()) for replaced in wanted.replaced]
        created = yield from self._insert_sandboxes(wanted)
        parents = self._parents(wanted, created)
        # Where all IDs are known, children need not wait for what the insert of their parents returns.
        ahead = all(container.row.id is not None for container in created)
        calls = [call for call, _ in parents]
        if ahead:
            calls += self._children(wanted, created)
        answers: Sequence[Answer] = (yield calls) if calls else ()
        numbers = [answer.number for answer in answers[: len(parents)]]
        if numbers != [expected for _, expected in parents]:
            raise Stale
        if not ahead:
            ids = {(sandbox_id, cid): id_ for id_, sandbox_id, cid in answers[-1].rows}
            yield self._children(wanted, [_with_id(container, ids) for container in created])
        return len(wanted.new_sandboxes) + sum(numbers)

    def _insert_sandboxes(self, wanted: Diff) -> Work[Sequence[NewContainer]]:
        """Insert the new sandboxes, and return the new containers with the IDs of these."""
        if not wanted.new_sandboxes:
            return wanted.created
        (answer,) = yield (self._call(self._statements.insert_sandboxes, wanted.new_sandboxes),)
        ids = {sid: id_ for id_, sid in answer.rows}
        return [
            container
            if container.row.sandbox_id is not None
            else container._replace(row=msgspec.structs.replace(container.row, sandbox_id=ids[container.sid]))
            for container in wanted.created
        ]

    def _parents(self, wanted: Diff, created: Sequence[NewContainer]) -> list[tuple[Call, int]]:
        """Return the statements that write sandboxes and containers, each with the number of rows it must change."""
        statements = self._statements
        calls: list[tuple[Call, int]] = [
            (Call(self._reader.rows.delete_container, {"id": id_}), 1) for id_ in wanted.removed_by_id
        ]
        if wanted.renumbered is not None:
            calls.append((Call(statements.renumber_sandbox, wanted.renumbered._asdict()), 1))
        of_rows: Sequence[tuple[Statement, Sequence[Row]]] = (
            (statements.update_sandboxes, wanted.changed_sandboxes),
            (statements.delete_containers, wanted.removed),
            (statements.update_containers, wanted.changed),
            (statements.insert_containers, [container.row for container in created]),
        )
        return calls + [(self._call(statement, given), len(given)) for statement, given in of_rows if given]

    def _children(self, wanted: Diff, created: Sequence[NewContainer]) -> list[Call]:
        """Return the statements that write children: where no container was changed, none of theirs can be there."""
        statements = self._statements.put_children if wanted.changed else self._statements.insert_children
        new = [
            rows.children(container.row.id, container.row.sandbox_id, container.record)
            for container in created
            if container.row.id is not None and container.row.sandbox_id is not None
        ]
        each = rows.joined([wanted.children, *new])
        return [self._call(statement, given) for statement, given in zip(statements, each, strict=True) if given]

    def _call(self, statement: Statement, given: Sequence[Row]) -> Call:
        return Call(statement, {"rows": encode(given)})

    # --- lost commits

    def took_effect(self, wanted: Diff) -> Work[bool | None]:
        """Return whether a diff whose commit was not acknowledged took effect, by one of its rows.

        They are committed together. ``None`` stands for a row that another has changed in the meantime.
        """
        if wanted.witness is None:
            return True
        sid, cid, before = wanted.witness
        yield from self._reader.wait_for_writers(sid)
        if cid is None:
            sandbox = (yield from self._reader.stored([sid])).get(sid)
            if not isinstance(sandbox, StoredSandbox):
                return None
            revision, updated_at = sandbox.own_revision, sandbox.updated_at
        else:
            container = yield from self._reader.find_container(sid, cid)
            if container is None:
                return None
            revision, updated_at = container.revision, container.updated_at
        if utc_text(updated_at) == wanted.now:
            return True
        return False if revision == before else None

    def transition_took_effect(self, transition: Transition) -> Work[bool | None]:
        """Return the same for a transition."""
        yield from self._reader.wait_for_writers(transition.sid)
        container = yield from self._reader.find_container(transition.sid, transition.cid)
        if container is None:
            return None
        if utc_text(container.updated_at) == transition.now:
            return True
        return False if container.record.state == transition.old else None


def _revisions(sandbox: StoredSandbox | SpoiltSandbox) -> dict[str, int | None]:
    """Return the revisions of a sandbox's containers; raises :class:`~persistdb.errors.Unreadable`."""
    if isinstance(sandbox, SpoiltSandbox):
        raise sandbox.faults[0]
    readable = {one.cid: one.revision for one in sandbox.containers}
    return readable | {one.cid: one.revision for one in sandbox.spoilt}


def _with_id(container: NewContainer, ids: Mapping[tuple[int | None, str], int]) -> NewContainer:
    row = container.row
    return container._replace(row=msgspec.structs.replace(row, id=ids[row.sandbox_id, row.cid]))


def _now() -> str:
    return utc_text(datetime.now(UTC))
