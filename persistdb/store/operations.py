"""What the store does: each operation is one unit of work, done as a whole or not at all."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Self

from ..db.work import changed, repeat, value
from ..errors import Conflict, InvalidTransition, InvalidValue, NotFound
from ..records import TRANSITIONS, AuditFinding, AuditRun, Machine, Origin, SandboxState, SandboxWrite
from ..validation import (
    check_count,
    check_ids,
    check_kind,
    check_length,
    check_several,
    check_shape,
    check_text,
    check_unseen,
    check_write,
    check_zoned,
)
from .acting import checked
from .batches import BATCH, batches
from .clashes import TokenClash
from .creating import Creator
from .diff import Transition
from .encoding import encode, now_text, utc_text
from .past import GAP, GapRow
from .queries import Queries
from .writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..db.work import Runner, Work
    from ..records import Container, ContainerState, State
    from .acting import Acting
    from .compiled import Compiled
    from .creating import Creation


class Operations(Queries):
    """The questions and the changes, whoever runs them."""

    def __init__(self, runner: Runner, host: str, compiled: Compiled, acting: Acting) -> None:
        super().__init__(runner, host, compiled)
        self._act(acting)

    def _act(self, acting: Acting) -> None:
        self._acting = acting
        self._writer = Writer(self._compiled, self.host, self._reader, acting)
        self._creator = Creator(self._compiled, self.host, self._reader, acting)

    def acting(self, *, cause: str | None = None, actor: str | None = None, reason: str | None = None) -> Self:
        """Return the same with a cause, an actor and a reason for the events of its changes; ``None`` changes nothing.

        The cause is of 16 characters at the most, ``api`` if nobody says another; the actor of 255. Raises
        :class:`~persistdb.errors.InvalidValue`.
        """
        other = copy.copy(self)
        other._act(checked(cause, actor, reason, before=self._acting))  # noqa: SLF001  one of ours
        return other

    # --- sandboxes

    def save_sandbox(
        self,
        record: SandboxState,
        containers: Mapping[str, ContainerState] | None = None,
        *,
        revision: int | None = None,
        origins: Mapping[str, Origin] | None = None,
    ) -> int:
        """Store a whole sandbox, as Kata's ``ToDisk`` does: containers absent from the map are removed.

        Without a map only the sandbox's own values are stored, and its containers stay. Only rows that changed are
        written; what cannot be read is replaced. Returns the sandbox's revision. With ``revision`` it must still be at
        the one that was read (0: it must not exist yet), else :class:`~persistdb.errors.Conflict` is raised. Raises
        :class:`~persistdb.errors.AlreadyExists` for a token that two processes have,
        :class:`~persistdb.errors.InvalidValue`; without a map :class:`~persistdb.errors.Unreadable` for a sandbox that
        cannot be read.
        """
        check_kind("record", record, SandboxState)
        write = SandboxWrite(
            sid=record.sid, record=record, containers=containers, origins=origins or {}, revision=revision
        )
        check_write(write)
        return self._save([write])[record.sid]

    def save_many(self, sandboxes: Iterable[SandboxWrite], *, batch: int = BATCH) -> int:
        """Store many sandboxes, a few statements for up to ``batch`` sandboxes and containers; returns how many it was.

        Each sandbox is stored as a whole or not at all; batches are committed one by one, so an error leaves the ones
        before it stored.
        """
        check_count("batch", batch, 1)
        check_kind("sandboxes", sandboxes, Iterable)
        return sum(len(self._save(each)) for each in batches(map(_checked, sandboxes), size=batch))

    def _save(self, writes: Sequence[SandboxWrite]) -> Mapping[str, int]:
        sids = [write.sid for write in writes]
        written = self._runner.write(
            lambda: self._writer.save_sandboxes(writes), verify=self._writer.took_effect, refs=sids
        )
        return written.revisions

    def destroy_sandbox(self, sid: str) -> bool:
        """Remove a sandbox and all that is in it; returns false, and raises no error, if it wasn't there."""
        check_ids(sid)
        began = datetime.now(UTC)
        return self._runner.write(
            lambda: self._writer.destroy_sandbox(sid),
            verify=lambda _: self._writer.removal_took_effect(sid, None, began),
            refs=[sid],
        )

    def mark_seen(
        self, sids: Iterable[str], *, source: str, at: datetime | None = None, machine: Machine | None = None
    ) -> None:
        """Record that sandboxes were found in the folder ``source`` of this host, in one statement for all of them.

        They get no new revision; the ones that are not stored are passed over. ``at`` is when the folder was read,
        by default now. ``machine`` is recorded if this is the host itself. Raises
        :class:`~persistdb.errors.InvalidValue`.
        """
        check_several("sids", sids)
        check_text(source)
        time = datetime.now(UTC) if at is None else at
        check_zoned("at", time)
        if machine is not None:
            check_kind("machine", machine, Machine)
        names = sorted(set(sids))
        self._runner.write(lambda: self._sightings.mark(names, source, time, machine), verify=repeat, refs=[self.host])

    def record_audit(self, run: AuditRun, findings: Sequence[AuditFinding], *, unread: Collection[str] = ()) -> None:
        """Store an audit of this host, in one transaction: the run, what it found, and what its checks no longer find.

        A finding that is stored already keeps its ``first_seen``; one that was gone counts as seen once more. Findings
        of the sandboxes ``unread``, whose records could not be read, stay as they are. A few statements for up to 2,000
        findings each. Raises :class:`~persistdb.errors.InvalidValue`.
        """
        check_several("unread", unread)
        check_kind("run", run, AuditRun)
        check_zoned("started_at", run.started_at)
        check_zoned("finished_at", run.finished_at)
        check_several("findings", findings)
        for one in findings:
            check_kind("findings", one, AuditFinding)
            if one.began_at is not None:
                check_zoned("began_at", one.began_at)
        self._runner.write(lambda: self._audits().record(run, findings, unread), verify=repeat, refs=[self.host])

    def prune(
        self,
        source: str,
        *,
        before: datetime,
        layouts: Collection[str] | None = None,
        keep: Collection[str] = (),
        sids: Collection[str] | None = None,
    ) -> list[str]:
        """Remove the sandboxes that imports found in a folder, but not since ``before``; returns their IDs.

        They are the ones that :meth:`unseen` returns, with ``sids`` those of them that have these IDs. All go in one
        transaction.
        """
        check_unseen(source, before, layouts, keep)
        if sids is not None:
            check_several("sids", sids)
        began = datetime.now(UTC)

        def work() -> Work[list[str]]:
            gone = list((yield from self._sightings.unseen(source, before, layouts, keep, sids, lock=True)))
            yield from self._writer.destroy_sandboxes(gone)
            return gone

        return self._runner.write(
            work,
            verify=lambda gone: self._writer.removal_took_effect(gone[0], None, began) if gone else repeat(gone),
            refs=[self.host],
        )

    # --- the host

    def record_gap(self, began: datetime, ended: datetime, reason: str) -> None:
        """Record that states of the host's sandboxes between two times may be missing, as an event of kind ``gap``.

        Raises :class:`~persistdb.errors.InvalidValue`.
        """
        check_zoned("began", began)
        check_zoned("ended", ended)
        if ended < began:
            raise InvalidValue("ended", ended, "is before the beginning")
        check_text(reason)
        row = GapRow(self.host, GAP, 0, utc_text(ended), utc_text(began))
        values = {**self._acting.values(), "reason": reason, "rows": encode([row])}
        recording = self._compiled.recording

        def is_written(_: int) -> Work[bool | None]:
            return (yield from value(recording.find_gap, {"host": row.host, "at": row.at})) is not None

        self._runner.write(lambda: changed(recording.gap, values), verify=is_written, refs=[self.host])

    # --- containers

    def save(
        self,
        sid: str,
        cid: str,
        record: ContainerState,
        *,
        revision: int | None = None,
        origin: Origin | None = None,
    ) -> int:
        """Store one container of a sandbox that exists; returns its revision.

        Only rows that changed are written: saving what is stored already writes nothing. A container that cannot be
        read is replaced. With ``revision`` the container must still be at the one that was read (0: it must not exist
        yet), else :class:`~persistdb.errors.Conflict` is raised. Raises :class:`~persistdb.errors.NotFound` without the
        sandbox, :class:`~persistdb.errors.AlreadyExists` for a token that another process of the sandbox has,
        :class:`~persistdb.errors.InvalidValue`.
        """
        check_ids(sid, cid, revision)
        check_shape(record)
        if origin is not None:
            check_kind("origin", origin, Origin)
        ref = f"{sid}/{cid}"
        creation = None if revision else self._creator.creation(sid, cid, record, origin)
        try:
            if creation is not None and (created := self._create(creation, ref)) is not None:
                return created
            written = self._runner.write(
                lambda: self._writer.save_container(sid, cid, record, origin, revision),
                verify=self._writer.took_effect,
                refs=[ref],
            )
        except TokenClash as clash:
            raise self._runner.read(lambda: self._reader.token_taken(sid, cid, record)) from clash
        self._creator.expected = bool(written.created) and written.created[0].old_state is None
        return written.revisions[ref]

    def _create(self, creation: Creation, ref: str) -> int | None:
        """Create a container if it is not there, and return its revision then."""
        self._runner.change(
            lambda: self._creator.create(creation), verify=lambda _: self._creator.took_effect(creation), refs=[ref]
        )
        return creation.revision

    def update(self, sid: str, cid: str, function: Callable[[ContainerState], ContainerState]) -> int:
        """Store what a function makes of a container's record; returns the revision.

        If another changes the container meanwhile, it is read again and the function called again, as often as
        ``Database(retries=…)`` says and within ``Timeouts.call``: so it should do nothing but return a record. It is
        called outside of any transaction, and what it raises ends the update with nothing written. The origin stays.

        Raises :class:`~persistdb.errors.NotFound`, :class:`~persistdb.errors.Unreadable`,
        :class:`~persistdb.errors.Busy` when others were faster each time, and what ``save`` raises.
        """
        if not callable(function):
            raise InvalidValue("function", function, "must be a function that takes a record and returns one")
        for _ in self._runner.attempts():
            container = self._latest(sid, cid)
            record = function(container.record)
            with contextlib.suppress(Conflict):
                return self.save(sid, cid, record, revision=container.revision)
        raise AssertionError

    def _latest(self, sid: str, cid: str) -> Container:
        """Load a container that is to be changed; where it is not there yet, wait for what other nodes have committed.

        A container that this node has in an older revision needs no wait: the save finds the conflict.
        """
        try:
            return self.get(sid, cid)
        except NotFound:
            if not self._compiled.database.backend.may_be_behind:
                raise
        return self._runner.write(lambda: self._reader.container(sid, cid), verify=repeat)

    def delete(self, sid: str, cid: str, *, revision: int | None = None) -> bool:
        """Remove one container; returns false, and raises no error, if it wasn't there.

        With ``revision`` it must still be at the one that was read, else :class:`~persistdb.errors.Conflict` is raised.
        """
        check_ids(sid, cid, revision)
        began = datetime.now(UTC)
        return self._runner.write(
            lambda: self._writer.delete_container(sid, cid, revision),
            verify=lambda _: self._writer.removal_took_effect(sid, cid, began),
            refs=[f"{sid}/{cid}"],
        )

    def transition(self, sid: str, cid: str, new: State, *, expected: State, force: bool = False) -> None:
        """Move a container from the expected state to another, which is compared and set in one transaction.

        Raises :class:`~persistdb.errors.InvalidTransition` for a move that Kata doesn't allow, unless ``force``;
        :class:`~persistdb.errors.StateMismatch` if it is in another state, :class:`~persistdb.errors.NotFound`.
        """
        check_ids(sid, cid)
        if not isinstance(expected, str):
            check_kind("expected", expected, str)
        check_length("state", new)
        ref = f"{sid}/{cid}"
        if not force and (expected, new) not in TRANSITIONS:
            raise InvalidTransition(ref, expected, new)
        move = Transition(self.host, sid, cid, expected, new, now_text())
        self._runner.change(
            partial(self._writer.transition, move),
            verify=lambda _: self._writer.transition_took_effect(move),
            refs=[ref],
        )


def _checked(write: SandboxWrite) -> SandboxWrite:
    check_write(write)
    return write
