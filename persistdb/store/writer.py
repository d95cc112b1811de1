"""The units of work that write: a difference by :meth:`Writer.write`, a change of state, which needs none, directly."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

from msgspec.structs import asdict, replace

from ..db.failures import Stale
from ..db.work import Call
from ..errors import Conflict, StateMismatch
from ..records import SandboxWrite
from . import diff, rows
from .clashes import TokenClash, clash_of
from .diff_statements import DiffStatements, call_of_all
from .encoding import encode, now_text
from .lost_commits import LostCommits, revisions_of
from .stored import StoredSandbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..db.work import Answer, Work
    from ..records import ContainerState, Origin
    from .acting import Acting
    from .compiled import Compiled
    from .diff import Destruction, Diff, NewContainer, Transition
    from .reader import Reader


class Writer(LostCommits):
    """Reads what is stored, takes the difference to what is wanted, and writes it."""

    def __init__(self, compiled: Compiled, host: str, reader: Reader, acting: Acting) -> None:
        super().__init__(compiled, host, reader)
        self._acting, self._acting_of_transition = acting.values(), acting.values("transition")
        self._diff_statements = DiffStatements(compiled, reader, acting)

    # --- units of work

    def save_sandboxes(self, writes: Sequence[SandboxWrite]) -> Work[Diff]:
        """Store sandboxes, each as a whole."""
        stored = yield from self._reader.stored([write.sid for write in writes])
        wanted = diff.of_sandboxes(self._host, writes, stored, now=now_text())
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
        if snapshot.container is not None and diff.needs_document(snapshot.container, record, origin):
            return (yield from self._replace_container(sid, cid, record, origin, revision, is_readable=True))
        wanted = diff.of_container(sid, cid, record, origin, snapshot, now=now_text())
        yield from self.write(wanted)
        return wanted

    def _replace_container(
        self,
        sid: str,
        cid: str,
        record: ContainerState,
        origin: Origin | None,
        revision: int | None,
        *,
        is_readable: bool = False,
    ) -> Work[Diff]:
        """Store a container in the place of one that cannot be read, or whose annotations change."""
        stored = yield from self._reader.stored([sid])
        sandbox = stored.get(sid)
        if sandbox is None or (isinstance(sandbox, StoredSandbox) and cid not in _cids(sandbox, readable=is_readable)):
            raise Stale  # another has removed or replaced it in the meantime
        present = revisions_of(sandbox)
        if revision is not None and revision != present.get(cid):
            raise Conflict(f"{sid}/{cid}", revision, present.get(cid))
        write = SandboxWrite(
            sid=sid,
            containers={cid: record},
            origins={} if origin is None else {cid: origin},
            keep=frozenset(present.keys() - {cid}),
        )
        wanted = diff.of_sandboxes(self._host, [write], stored, now=now_text())
        yield from self.write(wanted)
        numbers = [created.row.revision for created in wanted.created]
        numbers += [changed.revision + 1 for changed in wanted.changed]
        # none where another has stored the same in the meantime, so that nothing is written: it can be read then
        (number,) = numbers or [present[cid] or 0]
        return replace(wanted, revisions={f"{sid}/{cid}": number})

    def delete_container(self, sid: str, cid: str, revision: int | None) -> Work[bool]:
        """Remove one container, and return whether it was there."""
        sandbox = (yield from self._reader.stored([sid])).get(sid)
        present = revisions_of(sandbox) if sandbox else {}
        if revision is not None and present.get(cid) != revision:
            raise Conflict(f"{sid}/{cid}", revision, present.get(cid))
        if sandbox is None or cid not in present:
            return False
        write = SandboxWrite(sid=sid, containers={}, keep=frozenset(present.keys() - {cid}))
        yield from self.write(diff.of_sandboxes(self._host, [write], {sid: sandbox}, now=now_text()))
        return True

    def transition(self, transition: Transition) -> Work[None]:
        """Move a container to another state, if it is in the expected one, which the statements compare."""
        values = asdict(transition) | self._acting_of_transition
        answers = yield list(map(Call, self._compiled.transition, repeat(values)))
        if answers[-1].number:
            return
        sid, cid = transition.sid, transition.cid
        container = yield from self._reader.container(sid, cid)
        if container.record.state == transition.old:
            raise Stale  # another brought it there in the meantime
        raise StateMismatch(f"{sid}/{cid}", transition.old, container.record.state)

    def destroy_sandbox(self, sid: str) -> Work[bool]:
        """Remove a sandbox with all that is in it, and return whether it was there."""
        return (yield from self.write(diff.of_destruction(self._host, sid, now=now_text()))) > 0

    def destroy_sandboxes(self, sids: Iterable[str]) -> Work[None]:
        """Remove sandboxes that are there, and locked, all with one round trip where the driver can."""
        yield from self.write(
            diff.Diff(now=now_text(), replaced=tuple(diff.Destruction(self._host, sid) for sid in sids))
        )

    # --- the funnel

    def write(self, wanted: Diff) -> Work[int]:
        """Write a difference: the one way into the tables. Returns how many rows of parents it changed.

        A destruction needs no look at the rest. All else is a statement for each table that has rows.
        What is overwritten is copied before. Containers come before their children: whoever changes a child changes its
        container first, so the check of the container's revision guards all that belongs to it, and what was copied.
        Lifetimes and events come last.

        Raises :class:`~persistdb.db.failures.Stale` if others changed the same since it was read, :class:`TokenClash`.
        """
        if wanted.destroyed is not None:
            return (yield from self._destroy([wanted.destroyed], wanted.now))
        if not wanted:
            return 0
        try:
            return (yield from self._write_rows(wanted))
        except self._driver_error as error:
            clash = clash_of(self._backend.violated(error))
            if clash is None:
                raise
            raise clash from error

    def _write_rows(self, wanted: Diff) -> Work[int]:
        if wanted.replaced:
            yield from self._destroy(wanted.replaced, wanted.now)
        new_ids: Mapping[str, int] = {}
        created: Sequence[NewContainer] = wanted.created
        if wanted.new_sandboxes:
            (inserted,) = yield (call_of_all(self._statements.insert_sandboxes, wanted.new_sandboxes),)
            new_ids = {sid: id_ for id_, sid in inserted.rows}
            created = _in_sandboxes(created, new_ids)
        parents = self._diff_statements.parents(wanted, created)
        # Where all IDs are known, also the last one's, children need not wait for what the insert of parents returns.
        ahead = not created or created[-1].row.id is not None
        old = self._diff_statements.old(wanted)
        calls = [*old, *(call for call, _ in parents)]
        if ahead:
            calls += self._diff_statements.following(wanted, created, new_ids)
        answers: Sequence[Answer] = (yield calls) if calls else ()
        numbers = [answer.number for answer in answers[len(old) : len(old) + len(parents)]]
        if numbers != [expected for _, expected in parents]:
            raise Stale
        if not ahead:
            ids = {(sandbox_id, cid): id_ for id_, sandbox_id, cid in answers[-1].rows}
            created = [replace(one, row=replace(one.row, id=ids[one.row.sandbox_id, one.row.cid])) for one in created]
            yield self._diff_statements.following(wanted, created, new_ids)
        return len(wanted.new_sandboxes) + sum(numbers)

    def _destroy(self, sandboxes: Sequence[Destruction], now: str) -> Work[int]:
        """Remove sandboxes, and record that before; returns how many were there."""
        keys = encode([rows.SandboxKey(each.host, each.sid) for each in sandboxes])
        values = {"rows": keys, "now": now, **self._acting}
        calls = [Call(statement, values) for statement in self._recording.removals]
        calls += [Call(self._statements.delete_sandbox, each._asdict()) for each in sandboxes]
        answers = yield calls
        number = sum(answer.number for answer in answers[-len(sandboxes) :])
        # the first statement locks what is recorded: one that another created since then is gone without a record
        if self._backend.locks_rows and number != len(answers[0].rows):
            raise Stale
        return number


def _cids(sandbox: StoredSandbox, *, readable: bool) -> set[str]:
    """Return the IDs of the containers that can be read, or of the others."""
    return {one.cid for one in sandbox.containers} if readable else {one.cid for one in sandbox.spoilt}


def _in_sandboxes(created: Sequence[NewContainer], ids: Mapping[str, int]) -> Sequence[NewContainer]:
    """Return new containers with the IDs of their sandboxes, of which some are new."""
    return [
        container
        if container.row.sandbox_id is not None
        else replace(container, row=replace(container.row, sandbox_id=ids[container.sid]))
        for container in created
    ]
