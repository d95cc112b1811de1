"""The units of work that write: a difference by :meth:`Writer.write`, a change of state, which needs none, directly."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

from ..db.failures import Stale
from ..db.work import Call
from ..errors import Conflict, StateMismatch
from ..records import Container, SandboxWrite
from . import diff, past, rows
from .annotated import NOTHING as NOT_ANNOTATED
from .clashes import TokenClash, clash_of
from .encoding import Row, encode, now_text, utc_text
from .rows import AnnotationRow, SandboxAnnotationRow
from .stored import SpoiltSandbox, StoredSandbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from ..db.work import Answer, Statement, Work
    from ..records import ContainerState, Origin
    from .acting import Acting
    from .compiled import Compiled
    from .diff import Destruction, Diff, NewContainer, Transition
    from .reader import Reader

# Rows of which each has a statement, with its values as parameters. No engine knows how many rows are in JSON, and
# servers plan the join of them each time: PostgreSQL took 363 µs to keep a version so, and takes 80.
_FEW = 2
_NO_VALUES: Final[Mapping[str, object]] = MappingProxyType({})


class Writer:
    """Reads what is stored, takes the difference to what is wanted, and writes it."""

    def __init__(self, compiled: Compiled, host: str, reader: Reader, acting: Acting) -> None:
        self._backend, self._driver_error = compiled.database.backend, compiled.database.driver_error
        self._host, self._reader, self._acting = host, reader, acting
        self._compiled, self._statements, self._recording = compiled, compiled.statements, compiled.recording

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
        present = _revisions(sandbox)
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
        return msgspec.structs.replace(wanted, revisions={f"{sid}/{cid}": number})

    def delete_container(self, sid: str, cid: str, revision: int | None) -> Work[bool]:
        """Remove one container, and return whether it was there."""
        sandbox = (yield from self._reader.stored([sid])).get(sid)
        present = _revisions(sandbox) if sandbox else {}
        if revision is not None and present.get(cid) != revision:
            raise Conflict(f"{sid}/{cid}", revision, present.get(cid))
        if sandbox is None or cid not in present:
            return False
        write = SandboxWrite(sid=sid, containers={}, keep=frozenset(present.keys() - {cid}))
        yield from self.write(diff.of_sandboxes(self._host, [write], {sid: sandbox}, now=now_text()))
        return True

    def transition(self, transition: Transition) -> Work[None]:
        """Move a container to another state, if it is in the expected one, which the statements compare."""
        host, sid, cid, expected, new, now = transition
        values = {
            "host": host,
            "sid": sid,
            "cid": cid,
            "old": expected,
            "new": new,
            "now": now,
            **self._acting.values("transition"),
        }
        answers = yield [Call(statement, values) for statement in self._compiled.transition]
        if answers[-1].number:
            return
        container = yield from self._reader.container(sid, cid)
        if container.record.state == expected:
            raise Stale  # another brought it there in the meantime
        raise StateMismatch(f"{sid}/{cid}", expected, container.record.state)

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
        new_ids = yield from self._insert_sandboxes(wanted)
        created = _in_sandboxes(wanted.created, new_ids)
        parents = self._parents(wanted, created)
        # Where all IDs are known, children need not wait for what the insert of their parents returns.
        ahead = all(container.row.id is not None for container in created)
        old = self._old(wanted)
        calls = [*old, *(call for call, _ in parents)]
        if ahead:
            calls += self._following(wanted, created, new_ids)
        answers: Sequence[Answer] = (yield calls) if calls else ()
        numbers = [answer.number for answer in answers[len(old) : len(old) + len(parents)]]
        if numbers != [expected for _, expected in parents]:
            raise Stale
        if not ahead:
            ids = {(sandbox_id, cid): id_ for id_, sandbox_id, cid in answers[-1].rows}
            created = [_with_id(container, ids) for container in created]
            yield self._following(wanted, created, new_ids)
        return len(wanted.new_sandboxes) + sum(numbers)

    def _destroy(self, sandboxes: Sequence[Destruction], now: str) -> Work[int]:
        """Remove sandboxes, and record that before; returns how many were there."""
        keys = encode([rows.SandboxKey(each.host, each.sid) for each in sandboxes])
        values = {"rows": keys, "now": now, **self._acting.values()}
        calls = [Call(statement, values) for statement in self._recording.removals]
        calls += [Call(self._statements.delete_sandbox, each._asdict()) for each in sandboxes]
        answers = yield calls
        number = sum(answer.number for answer in answers[-len(sandboxes) :])
        # the first statement locks what is recorded: one that another created since then is gone without a record
        if self._backend.locks_rows and number != len(answers[0].rows):
            raise Stale
        return number

    def _old(self, wanted: Diff) -> list[Call]:
        """Return the statements that keep what is about to be overwritten or removed."""
        recording, past_ = self._recording, wanted.past
        calls: list[Call] = []
        if any(past_.children):
            for many, one_child, given in zip(recording.old_children, recording.old_child, past_.children, strict=True):
                calls += self._calls(many, one_child, given)
        if past_.wholes:
            calls += [call for many in recording.all_children for call in self._calls(many, None, past_.wholes)]
        if past_.sandboxes:
            whole = any(old.whole for old in past_.sandboxes)
            one = recording.old_sandbox if whole else recording.old_number
            calls += self._calls(recording.old_sandboxes, one, past_.sandboxes)
        if past_.containers:
            whole = any(old.whole for old in past_.containers)
            one = recording.old_container if whole else recording.old_part
            calls += self._calls(recording.old_containers, one, past_.containers)
        return calls

    def _told(self, wanted: Diff, created: Sequence[NewContainer], new_ids: Mapping[str, int]) -> list[Call]:
        """Return the statements that write lifetimes and events, in the order in which things happened."""
        recording = self._recording
        begun, events, lives = [], [], list(wanted.past.ended)
        for new in wanted.new_sandboxes:
            id_, revision = new_ids[new.sid], wanted.revisions[new.sid]
            begun.append(past.SandboxLife(id_, new.host, new.sid, new.created_at, None))
            events.append(past.EventRow(id_, None, "created", revision, new.created_at, None, new.state))
        events += wanted.past.events
        for each in created:
            own, home = _ids(each)
            if each.old_state is None:
                lives.append(past.ContainerLife(own, home, each.row.cid, each.row.created_at, None))
            events.append(_event(each))
        calls = [Call(recording.end_container, spoilt._asdict()) for spoilt in wanted.past.spoilt]
        if begun:
            calls.append(self._call(recording.sandbox_lifetimes, begun))
        one_life = recording.container_lifetime if len(lives) == 1 else None
        calls += self._calls(recording.container_lifetimes, one_life, lives)
        calls += self._calls(recording.events, recording.event, events, self._acting.values())
        return calls

    def _insert_sandboxes(self, wanted: Diff) -> Work[Mapping[str, int]]:
        """Insert the new sandboxes, and return their IDs."""
        if not wanted.new_sandboxes:
            return {}
        (answer,) = yield (self._call(self._statements.insert_sandboxes, wanted.new_sandboxes),)
        return {sid: id_ for id_, sid in answer.rows}

    def _parents(self, wanted: Diff, created: Sequence[NewContainer]) -> list[tuple[Call, int]]:
        """Return the statements that write sandboxes and containers, each with the number of rows it must change."""
        statements = self._statements
        calls: list[tuple[Call, int]] = [
            (Call(self._reader.rows.delete_container, {"id": id_}), 1) for id_ in wanted.removed_by_id
        ]
        if wanted.renumbered is not None:
            calls.append((Call(statements.renumber_sandbox, wanted.renumbered._asdict()), 1))
        of_rows: Sequence[tuple[Statement, Statement | None, Sequence[Row]]] = (
            (statements.update_sandboxes, statements.update_sandbox, wanted.changed_sandboxes),
            (statements.delete_containers, statements.delete_container, wanted.removed),
            (statements.update_containers, statements.update_container, wanted.changed),
        )
        for many, one, given in of_rows:
            if given:
                new = self._calls(many, one, given, few=self._backend.few_changes)
                calls += [(call, 1 if len(new) > 1 else len(given)) for call in new]
        if len(created) == 1 and created[0].row.id is not None:
            calls.append((_call_of_one(statements.insert_container, created[0].row), 1))
        elif created:
            calls.append((self._call(statements.insert_containers, [one.row for one in created]), len(created)))
        return calls

    def _following(self, wanted: Diff, created: Sequence[NewContainer], new_ids: Mapping[str, int]) -> list[Call]:
        """Return the statements that need the IDs of the new rows."""
        return [
            *self._children(wanted, created),
            *self._derived(wanted, created, new_ids),
            *self._told(wanted, created, new_ids),
        ]

    def _children(self, wanted: Diff, created: Sequence[NewContainer]) -> list[Call]:
        """Return the statements that write children: where no container was changed, none of theirs can be there."""
        statements = self._statements.put_children if wanted.changed else self._statements.insert_children
        new = [
            rows.children(
                *_ids(container), container.record, since=0 if container.old_state is None else container.row.revision
            )
            for container in created
        ]
        each = new[0] if len(new) == 1 and not any(wanted.children) else rows.joined([wanted.children, *new])
        return [self._call(statement, given) for statement, given in zip(statements, each, strict=True) if given]

    def _derived(self, wanted: Diff, created: Sequence[NewContainer], new_ids: Mapping[str, int]) -> list[Call]:
        """Return the statements that replace what documents say: names, annotations, virtual machines, devices."""
        annotated, statements = wanted.annotated, self._statements
        if annotated is NOT_ANNOTATED and not any(one.annotations for one in created):
            return []
        of_containers: list[Row] = [*annotated.of_containers]
        for each in created:
            if each.annotations:
                of_containers += rows.annotation_rows(AnnotationRow, _ids(each)[0], each.annotations)
        of_sandboxes: list[Row] = [*annotated.of_sandboxes]
        devices: list[Row] = [*annotated.devices]
        vfio_devices: list[Row] = [*annotated.vfio_devices]
        for sid, described in annotated.new_sandboxes.items():
            of_sandboxes += rows.annotation_rows(SandboxAnnotationRow, new_ids[sid], described.annotations)
            of_sandbox, of_vfio = rows.device_rows(new_ids[sid], described.devices)
            devices += of_sandbox
            vfio_devices += of_vfio
        stale = (annotated.containers, annotated.sandboxes, annotated.equipped)
        new = (of_containers, of_sandboxes, devices, vfio_devices)
        calls = [_call_of_one(statements.name_container, row) for row in annotated.named]
        calls += [_call_of_one(statements.set_machine, row) for row in annotated.machines]
        for many, one, keys in zip(statements.delete_derived, statements.delete_derived_of, stale, strict=True):
            calls += self._calls(many, one, keys)
        calls += [self._call(each, given) for each, given in zip(statements.insert_derived, new, strict=True) if given]
        return calls

    def _calls(
        self,
        many: Statement | None,
        one: Statement | None,
        given: Sequence[Row],
        more: Mapping[str, object] = _NO_VALUES,
        few: int = _FEW,
    ) -> list[Call]:
        """Return the statements for rows: one for each of a few, or where there is none for many, else one for all."""
        if one is not None and (many is None or len(given) <= few):
            return [_call_of_one(one, row, more) for row in given]
        return [Call(many, {"rows": encode(given), **more})] if given and many is not None else []

    def _call(self, statement: Statement, given: Sequence[Row]) -> Call:
        return Call(statement, {"rows": encode(given)})

    # --- lost commits

    def took_effect(self, wanted: Diff) -> Work[bool | None]:
        """Return whether a diff whose commit was not acknowledged took effect, by one of its rows, or of its events.

        They are committed together. ``None`` stands for a row that another has changed in the meantime, where no event
        tells. To be run in a transaction that is rolled back.
        """
        if wanted.witness is None:
            return True
        sid, cid, before = wanted.witness
        yield from self._reader.wait_for_writers(sid)
        sandbox = None if cid else (yield from self._reader.stored([sid])).get(sid)
        container = (yield from self._reader.find_container(sid, cid)) if cid else None
        found = container or (sandbox if isinstance(sandbox, StoredSandbox) else None)
        if found is not None and utc_text(found.updated_at) == wanted.now:
            return True
        told = yield from self._was_told(wanted)
        if told is not None:
            return told
        if found is None:
            return None if sandbox else (yield from self._was_not_created(wanted))
        revision = found.revision if isinstance(found, Container) else found.own_revision
        # a younger one is not the one that was to be changed, though its revision may have come to the same
        return False if revision == before and utc_text(found.created_at) <= wanted.now else None

    def _was_told(self, wanted: Diff) -> Work[bool | None]:
        """Return whether one of a diff's events was written: others may have changed its rows since, but no event.

        One that has not the diff's time, because the clock is behind what is stored, may be another's.
        """
        sid, cid, _ = wanted.witness or ("", None, 1)
        if cid is None and any(new.sid == sid for new in wanted.new_sandboxes):
            key = {"host": self._host, "sid": sid, "at": wanted.now}
            answers = yield (Call(self._recording.find_sandbox_creation, key),)
            return True if answers[0].rows else None
        created = (_event(each) for each in wanted.created if None not in (each.row.id, each.row.sandbox_id))
        events = (*wanted.past.events, *created)
        told = next((each for each in events if each.at == wanted.now), next(iter(events), None))
        if told is None:  # of a new row, whose ID only the lost answer had
            new = next(iter(wanted.created), None)
            if new is None:
                return None
            key = {"host": self._host, "sid": new.sid, "cid": new.row.cid, "at": wanted.now}
            answers = yield (Call(self._recording.find_creation, key),)
            return True if answers[0].rows else None
        values = {name: getattr(told, name) for name in ("sandbox_id", "kind", "revision", "at")}
        answers = yield (Call(self._recording.find_event, {**values, "container_id": told.container_id or 0}),)
        is_there, is_kept = answers[0].rows[0] if answers[0].rows else (False, False)
        if is_there:
            return True if told.at == wanted.now else None
        return False if is_kept else None

    def _was_not_created(self, wanted: Diff) -> Work[bool | None]:
        """Look whether the row that is not there is one that was to be created: then it did not come about.

        (Unless another has removed it since, and no history is kept: then a save comes after that.)
        """
        sid, cid, before = wanted.witness or ("", None, 1)
        new = [row for row in wanted.new_sandboxes if row.sid == sid]
        if new:
            # nobody can wait for a row that is not committed yet, but for its key
            try:
                yield (self._call(self._statements.insert_sandboxes, new),)
            except self._driver_error as error:
                if self._backend.violated(error) is None:
                    raise
                raise Stale from error
            return False
        if cid and before == 0 and (yield from self._reader.stored([sid])):
            return False
        return None

    def removal_took_effect(self, sid: str, cid: str | None, began: datetime) -> Work[bool | None]:
        """Return the same for the removal of a container, or of a sandbox, that began at a time."""
        yield from self._reader.wait_for_writers(sid)
        sandbox = (yield from self._reader.stored([sid])).get(sid)
        if sandbox is None:
            return True
        if isinstance(sandbox, SpoiltSandbox):
            return None
        created_at: datetime | None = sandbox.created_at
        if cid is not None:
            if cid not in _revisions(sandbox):
                return True
            created_at = next((one.created_at for one in sandbox.containers if one.cid == cid), None)
        # one that is younger is not the one that was to be removed
        return None if created_at is None or created_at > began else False

    def transition_took_effect(self, transition: Transition) -> Work[bool | None]:
        """Return the same for a transition."""
        yield from self._reader.wait_for_writers(transition.sid)
        container = yield from self._reader.find_container(transition.sid, transition.cid)
        if container is None:
            return None
        if utc_text(container.updated_at) == transition.now:
            return True
        return False if container.record.state == transition.old else None


# of a value of these types, and of ASCII text without a NUL, nothing need be checked
_PLAIN = frozenset({int, bool, type(None)})


def _call_of_one(statement: Statement, row: Row, more: Mapping[str, object] = _NO_VALUES) -> Call:
    values = msgspec.structs.asdict(row)
    for value in values.values():
        kind = type(value)
        if (not value.isascii() or "\0" in value) if kind is str else kind not in _PLAIN:
            # through JSON, which checks the text, and makes plain values of a caller's subclasses
            (plain,) = msgspec.json.decode(encode([row]))
            values = dict(zip(values, plain, strict=True))
            break
    return Call(statement, {**values, **more} if more else values)


def _cids(sandbox: StoredSandbox, *, readable: bool) -> set[str]:
    """Return the IDs of the containers that can be read, or of the others."""
    return {one.cid for one in sandbox.containers} if readable else {one.cid for one in sandbox.spoilt}


def _revisions(sandbox: StoredSandbox | SpoiltSandbox) -> dict[str, int | None]:
    """Return the revisions of a sandbox's containers; raises :class:`~persistdb.errors.Unreadable`."""
    if isinstance(sandbox, SpoiltSandbox):
        raise sandbox.faults[0]
    readable = {one.cid: one.revision for one in sandbox.containers}
    return readable | {one.cid: one.revision for one in sandbox.spoilt}


def _in_sandboxes(created: Sequence[NewContainer], ids: Mapping[str, int]) -> Sequence[NewContainer]:
    """Return new containers with the IDs of their sandboxes, of which some are new."""
    return [
        container
        if container.row.sandbox_id is not None
        else container._replace(row=msgspec.structs.replace(container.row, sandbox_id=ids[container.sid]))
        for container in created
    ]


def _ids(container: NewContainer) -> tuple[int, int]:
    """Return the IDs that the rows of a container and of its sandbox have by now."""
    id_, sandbox_id = container.row.id, container.row.sandbox_id
    if id_ is None or sandbox_id is None:
        raise AssertionError
    return id_, sandbox_id


def _event(container: NewContainer) -> past.EventRow:
    """Return what happens to a container whose row has an ID by now."""
    (own, home), row = _ids(container), container.row
    kind, at = ("created", row.created_at) if container.old_state is None else ("changed", row.updated_at)
    return past.EventRow(home, own, kind, row.revision, at, container.old_state, row.state)


def _with_id(container: NewContainer, ids: Mapping[tuple[int | None, str], int]) -> NewContainer:
    row = container.row
    return container._replace(row=msgspec.structs.replace(row, id=ids[row.sandbox_id, row.cid]))
