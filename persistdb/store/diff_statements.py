"""The statements that write a difference: what goes into each, and in which order.

Pure: nothing here touches a database.
"""

from __future__ import annotations

from itertools import repeat
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ..db.work import Call
from . import past, record_rows
from .annotated import NOTHING as NOT_ANNOTATED
from .encoding import Row, encode, values_of
from .rows import AnnotationRow, SandboxAnnotationRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..db.work import Statement
    from .acting import Acting
    from .compiled import Compiled
    from .diff import Diff, NewContainer
    from .reader import Reader

# Rows of which each has a statement, with its values as parameters. No engine knows how many rows are in JSON, and
# servers plan the join of them each time: PostgreSQL took 363 µs to keep a version so, and takes 80.
_FEW = 2
_IS_WHOLE, _ANNOTATIONS = attrgetter("whole"), attrgetter("annotations")
_NO_VALUES: Final[Mapping[str, object]] = MappingProxyType({})


class DiffStatements:
    """Makes statements of the rows of a difference."""

    def __init__(self, compiled: Compiled, reader: Reader, acting: Acting) -> None:
        self._backend, self._reader, self._acting = compiled.database.backend, reader, acting.values()
        self._statements, self._recording = compiled.statements, compiled.recording

    def old(self, wanted: Diff) -> list[Call]:
        """Return the statements that keep what is about to be overwritten or removed."""
        recording, past_ = self._recording, wanted.past
        calls: list[Call] = []
        if any(past_.children):
            for many, one_child, given in zip(recording.old_children, recording.old_child, past_.children, strict=True):
                calls += self._calls(many, one_child, given)
        if past_.wholes:
            calls += [call for many in recording.all_children for call in self._calls(many, None, past_.wholes)]
        if past_.sandboxes:
            whole = any(map(_IS_WHOLE, past_.sandboxes))
            one = recording.old_sandbox if whole else recording.old_number
            calls += self._calls(recording.old_sandboxes, one, past_.sandboxes)
        if past_.containers:
            whole = any(map(_IS_WHOLE, past_.containers))
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
            own, home = ids_of(each)
            if each.old_state is None:
                lives.append(past.ContainerLife(own, home, each.row.cid, each.row.created_at, None))
            events.append(event_of(each, own, home))
        calls = [Call(recording.end_container, spoilt._asdict()) for spoilt in wanted.past.spoilt]
        if begun:
            calls.append(call_of_all(recording.sandbox_lifetimes, begun))
        one_life = recording.container_lifetime if len(lives) == 1 else None
        calls += self._calls(recording.container_lifetimes, one_life, lives)
        calls += self._calls(recording.events, recording.event, events, self._acting)
        return calls

    def parents(self, wanted: Diff, created: Sequence[NewContainer]) -> list[tuple[Call, int]]:
        """Return the statements that write sandboxes and containers, each with the number of rows it must change."""
        statements = self._statements
        calls: list[tuple[Call, int]] = [
            (Call(self._reader.rows.delete_container, {"id": id_}), 1) for id_ in wanted.removed_by_id
        ]
        if wanted.renumbered is not None:
            calls.append((_call_of_one(statements.renumber_sandbox, wanted.renumbered), 1))
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
            calls.append((call_of_all(statements.insert_containers, [one.row for one in created]), len(created)))
        return calls

    def following(self, wanted: Diff, created: Sequence[NewContainer], new_ids: Mapping[str, int]) -> list[Call]:
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
            record_rows.children(
                *ids_of(container), container.record, since=0 if container.old_state is None else container.row.revision
            )
            for container in created
        ]
        each = new[0] if len(new) == 1 and not any(wanted.children) else record_rows.joined([wanted.children, *new])
        return [call_of_all(statement, given) for statement, given in zip(statements, each, strict=True) if given]

    def _derived(self, wanted: Diff, created: Sequence[NewContainer], new_ids: Mapping[str, int]) -> list[Call]:
        """Return the statements that replace what documents say: names, annotations, virtual machines, devices."""
        annotated, statements = wanted.annotated, self._statements
        if annotated is NOT_ANNOTATED and not any(map(_ANNOTATIONS, created)):
            return []
        of_containers: list[Row] = [*annotated.of_containers]
        for each in created:
            if each.annotations:
                of_containers += record_rows.annotation_rows(AnnotationRow, ids_of(each)[0], each.annotations)
        of_sandboxes: list[Row] = [*annotated.of_sandboxes]
        devices: list[Row] = [*annotated.devices]
        vfio_devices: list[Row] = [*annotated.vfio_devices]
        for sid, described in annotated.new_sandboxes.items():
            of_sandboxes += record_rows.annotation_rows(SandboxAnnotationRow, new_ids[sid], described.annotations)
            of_sandbox, of_vfio = record_rows.device_rows(new_ids[sid], described.devices)
            devices += of_sandbox
            vfio_devices += of_vfio
        stale = (annotated.containers, annotated.sandboxes, annotated.equipped)
        new = (of_containers, of_sandboxes, devices, vfio_devices)
        calls = [_call_of_one(statements.name_container, row) for row in annotated.named]
        calls += [_call_of_one(statements.set_machine, row) for row in annotated.machines]
        for many, one, keys in zip(statements.delete_derived, statements.delete_derived_of, stale, strict=True):
            calls += self._calls(many, one, keys)
        calls += [call_of_all(each, given) for each, given in zip(statements.insert_derived, new, strict=True) if given]
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
            return list(map(_call_of_one, repeat(one), given, repeat(more)))
        return [Call(many, {"rows": encode(given), **more}, is_checked=not more)] if given and many is not None else []


def call_of_all(statement: Statement, given: Sequence[Row]) -> Call:
    """Return a statement for rows, which it takes as JSON."""
    return Call(statement, {"rows": encode(given)}, is_checked=True)


def _call_of_one(statement: Statement, row: Row, more: Mapping[str, object] = _NO_VALUES) -> Call:
    values = values_of(row)
    return Call(statement, {**values, **more} if more else values, is_checked=not more)


def ids_of(container: NewContainer) -> tuple[int, int]:
    """Return the IDs that the rows of a container and of its sandbox have by now."""
    id_, sandbox_id = container.row.id, container.row.sandbox_id
    if id_ is None or sandbox_id is None:
        raise AssertionError
    return id_, sandbox_id


def event_of(container: NewContainer, own: int, home: int) -> past.EventRow:
    """Return what happens to a container, whose row and its sandbox's have these IDs."""
    row = container.row
    kind, at = ("created", row.created_at) if container.old_state is None else ("changed", row.updated_at)
    return past.EventRow(home, own, kind, row.revision, at, container.old_state, row.state)
