"""The difference between what is stored and what is wanted, as the rows to write.

Pure: nothing here touches a database. Every change of the store is a :class:`Diff`, which :mod:`.writer` carries out,
but for a :class:`Transition`, which compares and sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ..documents import Annotations, SandboxDocument
from ..errors import AlreadyExists, Conflict
from ..records import ContainerState, Origin, SandboxState
from ..validation import check_id
from . import record_rows, revisions
from .annotated import NO_ANNOTATIONS, NO_DOCUMENT, Annotated, Annotating
from .annotated import NOTHING as NOT_ANNOTATED
from .encoding import Row, utc_text
from .past import NOTHING, Keeping, OldSandbox, Past, later
from .rows import NO_CHILDREN, ChildRows, ContainerChange, ContainerKey, ContainerRow, SandboxChange, SandboxRow
from .stored import SpoiltContainer, SpoiltSandbox, StoredContainer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from ..records import SandboxWrite
    from .stored import StoredSandbox

_NO_ORIGIN = Origin()


class NewContainer(msgspec.Struct, frozen=True):
    """A container to insert; the rows of its children and annotations follow when its row has an ID.

    ``old_state`` is that of the row that it takes the place of, under its ID.
    """

    sid: str
    row: ContainerRow
    record: ContainerState
    old_state: str | None = None
    annotations: Annotations = NO_ANNOTATIONS


class Renumbering(Row, frozen=True):
    """A sandbox's row that gets another number (:mod:`.revisions`), and no other change."""

    id: int
    revision: int
    new_revision: int
    now: str
    read_at: str | None


class Transition(msgspec.Struct, frozen=True):
    """A container that goes from one state to another, whatever else is stored of it."""

    host: str
    sid: str
    cid: str
    old: str
    new: str
    now: str


class Destruction(NamedTuple):
    """A sandbox that goes with all that is in it."""

    host: str
    sid: str


class Witness(NamedTuple):
    """One row that a diff writes, by which to find out later whether the diff took effect.

    ``cid`` is ``None`` for the sandbox's own row; ``revision`` is the one before the change, 0 for a new row.
    """

    sid: str
    cid: str | None
    revision: int


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """The rows to write, in the order in which their statements run."""

    now: str
    new_sandboxes: tuple[SandboxRow, ...] = ()
    changed_sandboxes: tuple[SandboxChange, ...] = ()
    renumbered: Renumbering | None = None
    replaced: tuple[Destruction, ...] = ()
    """Sandboxes that are removed first: those that cannot be read are inserted as new ones then."""
    removed: tuple[ContainerKey, ...] = ()
    removed_by_id: tuple[int, ...] = ()
    """Containers whose revision is not a number, so that it cannot be compared."""
    changed: tuple[ContainerChange, ...] = ()
    created: tuple[NewContainer, ...] = ()
    """Those whose rows have an ID come first."""
    children: ChildRows = NO_CHILDREN
    """The children of changed containers."""
    annotated: Annotated = NOT_ANNOTATED
    """What changes in annotations and names."""
    destroyed: Destruction | None = None
    past: Past = NOTHING
    """What is kept of what is overwritten and removed, and what is told of it."""
    revisions: Mapping[str, int] = {}
    """The revision of each sandbox, or of the one container, when all is written."""
    witness: Witness | None = None

    def __bool__(self) -> bool:
        parents = self.new_sandboxes or self.changed_sandboxes or self.removed or self.changed or self.created
        removed = self.removed_by_id or self.replaced or self.destroyed
        return bool(parents or removed)


def of_sandboxes(
    host: str, writes: Iterable[SandboxWrite], stored: Mapping[str, StoredSandbox | SpoiltSandbox], *, now: str
) -> Diff:
    """Return what it takes to store sandboxes: with containers, any that are neither given nor kept are removed.

    What cannot be read is replaced. Where some of it was to stay, it raises :class:`~persistdb.errors.Unreadable`.
    Raises :class:`~persistdb.errors.Conflict` for a sandbox that is not at the revision of its write,
    :class:`~persistdb.errors.AlreadyExists` for a token used twice, :class:`~persistdb.errors.InvalidValue`.
    """
    draft = _Draft(now)
    for write in writes:
        draft.put_sandbox(host, write, stored.get(write.sid))
    return draft.diff()


def of_container(
    sid: str, cid: str, record: ContainerState, origin: Origin | None, snapshot: Snapshot, *, now: str
) -> Diff:
    """Return what it takes to store one container of a sandbox that exists."""
    if snapshot.container is None:
        return _of_new_container(sid, cid, record, origin, snapshot, now)
    draft = _Draft(now)
    revision = draft.change_container(snapshot.container, record, origin)
    draft.revisions[f"{sid}/{cid}"] = revision
    return draft.diff()


def _of_new_container(
    sid: str, cid: str, record: ContainerState, origin: Origin | None, snapshot: Snapshot, now: str
) -> Diff:
    id_, number = snapshot.sandbox_id, snapshot.own_revision
    before = revisions.of_sandbox(number, [snapshot.of_containers])
    revision = revisions.of_new_container(before)
    document = SandboxDocument(snapshot.document) if snapshot.document else NO_DOCUMENT
    at = now if snapshot.changed_at is None else later(snapshot.changed_at, now)
    return Diff(
        now=now,
        renumbered=Renumbering(
            id_, number, revisions.own_number(revision, [snapshot.of_containers, revision]), now, snapshot.read_at
        ),
        created=(new_container(sid, cid, record, origin, revision, at, document, id_, snapshot.new_id),),
        past=Past(sandboxes=(OldSandbox(id_, number, before, whole=False, now=now),)),
        revisions={f"{sid}/{cid}": revision},
        witness=Witness(sid, cid, 0),
    )


# one parameter for each part of the row
def new_container(
    sid: str,
    cid: str,
    record: ContainerState,
    origin: Origin | None,
    revision: int,
    now: str,
    document: SandboxDocument,
    sandbox_id: int | None,
    id_: int | None,
) -> NewContainer:
    """Return a container to insert, with the ID that is given or one that the database chooses."""
    check_id("cid", cid)
    origin = origin or _NO_ORIGIN
    annotations = document.of_container(cid, origin)
    names = document.names(annotations)
    row = record_rows.container_row(id_, sandbox_id, cid, record, origin, revision, now, now, names)
    return NewContainer(sid, row, record, annotations=annotations)


class Snapshot(NamedTuple):
    """What is stored of a sandbox and of one container that is to be saved in it.

    ``of_containers`` is the sum of its containers' revisions. If the container is not there, ``new_id`` is the ID for
    its row, where the engine can tell, and ``document`` the sandbox's, if that speaks of it.
    """

    sandbox_id: int
    own_revision: int
    of_containers: int
    new_id: int | None
    container: StoredContainer | None
    document: str | None = None
    read_at: str | None = None
    """When the sandbox's row was changed last, in the engine's words."""
    changed_at: datetime | None = None
    """The same as a time, where it can be read; asked for if the container is not there."""


def needs_document(stored: StoredContainer, record: ContainerState, origin: Origin | None) -> bool:
    """Return whether a stored container's annotations are written again, for which the sandbox's document is needed.

    That is so if its own files are others now, or if its row goes and comes back.
    """
    if origin is not None and (origin.layout, origin.document) != (stored.origin.layout, stored.origin.document):
        return True
    return _must_replace(stored.record, record)


def of_destruction(host: str, sid: str, *, now: str) -> Diff:
    """Return the removal of a whole sandbox, which needs no look at what is stored."""
    return Diff(now=now, destroyed=Destruction(host, sid))


class _Draft:
    """A diff in the making."""

    def __init__(self, now: str) -> None:
        self.revisions: dict[str, int] = {}
        self._now = now
        self._new_sandboxes: list[SandboxRow] = []
        self._changed_sandboxes: list[SandboxChange] = []
        self._replaced: list[Destruction] = []
        self._removed: list[ContainerKey] = []
        self._removed_by_id: list[int] = []
        self._changed: list[ContainerChange] = []
        self._replacing: list[NewContainer] = []
        self._created: list[NewContainer] = []
        self._children: list[ChildRows] = []
        self._past = Keeping(now)
        self._annotating = Annotating()
        self._witness: Witness | None = None

    def diff(self) -> Diff:
        return Diff(
            now=self._now,
            new_sandboxes=tuple(self._new_sandboxes),
            changed_sandboxes=tuple(self._changed_sandboxes),
            replaced=tuple(self._replaced),
            removed=tuple(self._removed),
            removed_by_id=tuple(self._removed_by_id),
            changed=tuple(self._changed),
            # rows that keep their ID come first: SQLite would give it to a new row if it was the greatest
            created=(*self._replacing, *self._created),
            children=record_rows.joined(self._children),
            past=self._past.past(),
            annotated=self._annotating.annotated(),
            revisions=self.revisions,
            witness=self._witness,
        )

    def put_sandbox(self, host: str, write: SandboxWrite, stored: StoredSandbox | SpoiltSandbox | None) -> None:
        """Make a sandbox what is wanted; its own values or its containers stay where the write has none."""
        if isinstance(stored, SpoiltSandbox):
            if write.record is None or write.containers is None or write.keep or write.revision is not None:
                raise stored.faults[0]
            self._replaced.append(Destruction(host, write.sid))
            stored = None
        before = stored.revision if stored else 0
        if write.revision is not None and write.revision != before:
            raise Conflict(write.sid, write.revision, before if stored else None)
        known: dict[str, StoredContainer | SpoiltContainer] = {}
        if stored is not None:
            known |= {container.cid: container for container in stored.containers}
            known |= {container.cid: container for container in stored.spoilt}
        wanted: Mapping[str, ContainerState] = {} if write.containers is None else write.containers
        keep = known.keys() if write.containers is None else write.keep
        kept = {cid: known[cid] for cid in keep if cid in known and cid not in wanted}
        readable = {cid: one.record for cid, one in kept.items() if not isinstance(one, SpoiltContainer)}
        _check_tokens(wanted, readable)
        gone = [known[cid] for cid in known.keys() - wanted.keys() - kept.keys()]
        self._remove(stored, gone)
        now = {cid: container.revision or 0 for cid, container in kept.items()}
        own = _own_record(write.sid, write.record, stored)
        document = SandboxDocument(own.document)
        # what is in a sandbox is not older than it, also where the clock was set back
        at = later(stored.updated_at, self._now) if stored else self._now
        if stored is None:
            self._annotating.new_sandbox(write.sid, document)
        elif write.origins or own.document != stored.record.document:
            staying: dict[str, Origin | None] = dict.fromkeys(kept)
            staying |= {cid: write.origins.get(cid) for cid, new in wanted.items() if _stays(known.get(cid), new)}
            self._annotating.sandbox(stored, document, staying)
        for cid, record in wanted.items():
            origin, old = write.origins.get(cid), known.get(cid)
            if isinstance(old, StoredContainer):
                now[cid] = self.change_container(old, record, origin, document)
            else:
                above = before
                if old is not None:
                    # the sandbox's revision lacks one that is not a number
                    above = max(before, *(one.revision or 0 for one in known.values()))
                    self._remove(stored, [known.pop(cid)])
                now[cid] = revisions.of_new_container(above)
                sandbox_id = stored.id if stored else None
                self._created.append(
                    new_container(write.sid, cid, record, origin, now[cid], at, document, sandbox_id, None)
                )
                self._witness = Witness(write.sid, cid, 0)
        revision = before + sum(now[cid] != (known[cid].revision or 0) for cid in now.keys() & known.keys())
        if stored is None or gone or now.keys() - known.keys() or own != stored.record:
            revision += 1
            number = revisions.own_number(revision, now.values())
            if stored is not None and number == stored.own_revision:
                # containers were swapped: whoever read the row's number must see that it is another row now
                revision, number = revision + 1, number + 1
            self._put_own_row(host, own, document, stored, revision, number)
        self.revisions[write.sid] = revision

    def _put_own_row(
        self,
        host: str,
        record: SandboxState,
        document: SandboxDocument,
        stored: StoredSandbox | None,
        revision: int,
        number: int,
    ) -> None:
        self._witness = Witness(record.sid, None, stored.own_revision if stored else 0)
        if stored is None:
            self._new_sandboxes.append(
                record_rows.sandbox_row(host, record, number, self._now, document.virtual_machine)
            )
        else:
            self._changed_sandboxes.append(
                record_rows.sandbox_change(
                    stored.id,
                    stored.own_revision,
                    record,
                    self._now,
                    new_revision=number,
                    read_at=utc_text(stored.updated_at),
                )
            )
            self._past.sandbox(stored, record, revision)

    def _remove(self, sandbox: StoredSandbox | None, containers: Iterable[StoredContainer | SpoiltContainer]) -> None:
        for container in containers:
            if container.revision is None:
                self._removed_by_id.append(container.id)
            else:
                self._removed.append(ContainerKey(container.id, container.revision))
            if isinstance(container, StoredContainer):
                self._past.removed(container)
            elif sandbox is not None:
                self._past.spoilt(sandbox.id, container)

    def change_container(
        self,
        stored: StoredContainer,
        record: ContainerState,
        origin: Origin | None,
        document: SandboxDocument | None = None,
    ) -> int:
        """Make a stored container what is wanted, and return its revision after that.

        The sandbox's document is needed where :func:`needs_document` says so.
        """
        origin = origin or stored.origin
        old = stored.record
        if record == old and origin == stored.origin:
            return stored.revision
        revision = stored.revision + 1
        self._witness = Witness(stored.sid, stored.cid, stored.revision)
        if _must_replace(old, record):
            # The row goes, and its children with it; it comes back under its ID. So no list has a tail to cut off,
            # and a token may pass from one process to another whatever the order of the rows.
            document = document or NO_DOCUMENT
            annotations = document.of_container(stored.cid, origin)
            self._removed.append(ContainerKey(stored.id, stored.revision))
            self._past.replaced(stored)
            row = record_rows.container_row(
                stored.id,
                stored.sandbox_id,
                stored.cid,
                record,
                origin,
                revision,
                utc_text(stored.created_at),
                later(stored.updated_at, self._now),
                document.names(annotations),
            )
            self._replacing.append(NewContainer(stored.sid, row, record, old.state, annotations))
        else:
            self._changed.append(record_rows.container_change(stored.id, stored.revision, record, origin, self._now))
            children = record_rows.children(stored.id, stored.sandbox_id, record, old, since=revision)
            self._children.append(children)
            self._past.changed(stored, record, origin, children)
        return revision


def _stays(old: StoredContainer | SpoiltContainer | None, new: ContainerState) -> bool:
    return isinstance(old, StoredContainer) and not _must_replace(old.record, new)


def _must_replace(old: ContainerState, new: ContainerState) -> bool:
    """Return whether a list gets shorter, or a process gives up or changes its token."""
    for before, after in zip(old.processes, new.processes, strict=False):
        if before.token and before.token != after.token:
            return True
    return (
        len(new.mounts) < len(old.mounts)
        or len(new.device_maps) < len(old.device_maps)
        or len(new.processes) < len(old.processes)
    )


def _own_record(sid: str, wanted: SandboxState | None, stored: StoredSandbox | None) -> SandboxState:
    """Return the sandbox's own values after the write: a document or layout that is not given stays as stored."""
    if stored is None:
        return wanted or SandboxState(sid=sid)
    record = wanted or stored.record
    if record.document is None:
        record = msgspec.structs.replace(record, document=stored.record.document)
    if not record.layout:
        record = msgspec.structs.replace(record, layout=stored.record.layout)
    return record


def _check_tokens(containers: Mapping[str, ContainerState], kept: Mapping[str, ContainerState]) -> None:
    """Refuse a token that two processes of a sandbox have."""
    holders: dict[str, str] = {}
    for cid, record in (*kept.items(), *containers.items()):
        for process in record.processes:
            if process.token in holders:
                raise AlreadyExists("process token", process.token, (holders[process.token], cid))
            if process.token:
                holders[process.token] = cid
