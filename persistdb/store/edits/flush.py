"""A flush of changed objects: what it changes was not changed by others, and the revisions grow.

A change of a child counts for its container, and a container that comes or goes for its sandbox, as in a repository's
save (:mod:`..revisions`). The rows of parents are locked first, sandboxes before containers.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import inspect, select
from sqlalchemy.orm.attributes import set_committed_value

from ...errors import Conflict, InvalidValue
from ...schema.tables import Container, DeviceMap, Mount, Process, Sandbox
from ...validation import check_zoned
from .. import revisions
from ..encoding import utc_text
from ..past import ContainerLife, EventRow, OldChild, OldContainer, OldSandbox, SandboxLife
from ..statements import among
from . import locked
from .recorded import recorder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import InstanceState, Session

    from .locked import Locked, Parent

Child = Mount | DeviceMap | Process
_CHILDREN: Final = (Mount, DeviceMap, Process)
_OURS: Final = (Sandbox, Container, *_CHILDREN)
# Each relationship to a parent, and the column that has its ID
# What a change of a state alone writes
_OF_STATE: Final = ("state", "revision", "updated_at")
_TO_PARENT: Final = {"sandbox": "sandbox_id", "container": "container_id"}


def keep_revisions(session: Session) -> None:
    """Raise the revisions of what a session is about to write.

    Raises :class:`~persistdb.errors.Conflict` for objects whose rows were changed by others since they were loaded.
    """
    flush = _Flush(session)
    if flush.sandboxes or flush.containers:
        flush.keep()
    flush.number()


def tell_of_new_rows(session: Session) -> None:
    """Write the lifetimes and events of the rows that a flush has inserted."""
    new = [each for each in session.new if isinstance(each, Sandbox | Container)]
    if not new:
        return
    sandboxes = [each for each in new if isinstance(each, Sandbox)]
    containers = [each for each in new if isinstance(each, Container)]
    events = [
        # one that is new with its containers is at revision 1, whatever its own number
        EventRow(each.id, None, "created", 1, utc_text(each.created_at), None, each.state)
        for each in sandboxes
    ]
    events += [
        EventRow(each.sandbox_id, each.id, "created", each.revision, utc_text(each.created_at), None, each.state)
        for each in containers
    ]
    recorder(session).tell(
        session.connection(),
        events,
        [SandboxLife(each.id, each.host, each.sid, utc_text(each.created_at), None) for each in sandboxes],
        [ContainerLife(each.id, each.sandbox_id, each.cid, utc_text(each.created_at), None) for each in containers],
    )


class _Flush:
    """The sandboxes and containers that a flush changes, as objects or as IDs."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._now = locked.now()
        self.sandboxes: set[int] = set()
        self.containers: set[int] = set()
        self._children: list[Child] = []
        self._new_children: list[Child] = []
        self._with_children: set[int] = set()
        self._new_sandboxes = [each for each in session.new if isinstance(each, Sandbox)]
        self._new: defaultdict[int, list[Container]] = defaultdict(list)
        self._deleted = {each for each in session.deleted if isinstance(each, Sandbox | Container)}
        self._orphans: set[int] = set()
        self._changed_sandboxes: set[int] = set()
        for each in self._new_sandboxes:
            each.revision = 1
            self._stamp_new(each)
        for each in session.new:
            self._add(each)
        for each in [*session.dirty, *session.deleted]:
            if isinstance(each, _OURS) and (each in session.deleted or _is_changed(each)):
                self._change(each)

    def _stamp_new(self, row: Sandbox | Container) -> None:
        row.created_at = _zoned("created_at", row.created_at or self._now)
        row.updated_at = max(row.created_at, _zoned("updated_at", row.updated_at or self._now))

    def _add(self, new: Any) -> None:
        if isinstance(new, Container):
            self._stamp_new(new)
            sandbox = new.__dict__.get("sandbox")
            if sandbox is not None and not _identity(sandbox):  # a new one
                new.revision = 1
                sandbox.revision -= 1
            elif home := _identity(sandbox) if sandbox is not None else new.sandbox_id:
                self._new[home].append(new)
                self.sandboxes.add(home)
        elif isinstance(new, _CHILDREN):
            self._with_children |= _parents(new)
            self.containers |= _parents(new)
            self._new_children.append(new)

    def number(self) -> None:
        """Give the new rows their IDs, where the engine would take past ones."""
        containers = [each for each in self._session.new if isinstance(each, Container)]
        if self._new_sandboxes or containers:
            recorder(self._session).number(self._session.connection(), self._new_sandboxes, containers)

    def _change(self, changed: Any) -> None:
        if isinstance(changed, Sandbox):
            self.sandboxes.add(_identity(changed))
            if changed not in self._deleted and _is_changed(changed, "containers"):
                self._changed_sandboxes.add(_identity(changed))
        elif isinstance(changed, Container):
            self.containers.add(_identity(changed))
            if "sandbox" in changed.__dict__ and changed.sandbox is None:
                self._orphans.add(_identity(changed))
            elif changed not in self._deleted and _is_moved(changed):
                raise InvalidValue(
                    "sandbox", changed.cid, "a container stays in its sandbox: delete it, and add another"
                )
        elif isinstance(changed, _CHILDREN):
            self._with_children |= _parents(changed)
            self.containers |= _parents(changed)
            self._children.append(changed)

    def keep(self) -> None:
        """Lock what is changed, compare it with what was loaded, and raise the revisions."""
        connection = self._session.connection()
        gone = self._orphans | {_identity(each) for each in self._deleted if isinstance(each, Container)}
        homes: dict[int, int] = {}
        if gone:
            of_gone = select(Container.id, Container.sandbox_id).where(among(_id(Container.id), gone))
            homes = {id_: sandbox for id_, sandbox in connection.execute(of_gone)}  # noqa: C416  dict() takes no rows
        sandboxes = self._lock(connection, Sandbox, self.sandboxes | set(homes.values()))
        containers = self._lock(connection, Container, self.containers)
        self._compare_children(connection)
        self._record(connection, containers, gone)
        removed: defaultdict[int, int] = defaultdict(int)
        for container, sandbox in homes.items():
            removed[sandbox] += containers[container].revision
        self._keep_sandboxes(connection, sandboxes, removed)
        self._raise(Container, [row for row in containers.values() if row.id not in gone], {})

    def _lock(self, connection: Connection, parent: Parent, ids: set[int]) -> dict[int, Locked]:
        if not ids:
            return {}
        rows = locked.lock(connection, parent, among(_id(parent.id), ids))
        for id_ in ids:
            present = self._session.identity_map.get(self._session.identity_key(parent, id_))
            if id_ not in rows or (present is not None and not self._is_as_loaded(connection, present, rows[id_])):
                raise self._conflict(connection, parent, id_, present)
        return rows

    def _is_as_loaded(self, connection: Connection, present: Any, row: Locked) -> bool:
        """Return whether an object is what its locked row is, by its revision, or else by all that was loaded."""
        if "revision" in present.__dict__:
            # one that the program set, or merge(), is the one that the edit is based on
            return bool(present.revision == row.revision)
        table = _table(present)
        return _has_loaded_values(present, connection.execute(select(table).where(table.c.id == row.id)).one())

    def _compare_children(self, connection: Connection) -> None:
        """Compare changed children with their rows: they may have been loaded before their containers were."""
        for kind in _CHILDREN:
            table = kind.__table__
            changed = {_key(each): each for each in self._children if isinstance(each, kind)}
            if changed:
                query = select(table).where(among(table.c.container_id, {key[0] for key in changed}))
                rows = {(row.container_id, row.position): row for row in connection.execute(query)}
                for key, child in changed.items():
                    if key not in rows or not _has_loaded_values(child, rows[key]):
                        raise self._conflict(connection, Container, key[0], None)

    def _record(self, connection: Connection, containers: Mapping[int, Locked], gone: set[int]) -> None:
        """Record what happens to containers, and to the sandboxes that go with all that is in them."""
        keep, now = recorder(self._session), utc_text(self._now)
        going = {_identity(each) for each in self._deleted if isinstance(each, Sandbox)}
        keep.remove_sandboxes(connection, sorted(going), now)
        names = locked.names(connection, containers) if containers else {}
        staying = {id_: row for id_, row in containers.items() if names[id_].sandbox_id not in going}
        old, wholes, events, ended = [], [], [], []
        for id_, row in staying.items():
            home, at = names[id_].sandbox_id, utc_text(row.stamp(self._now))
            present: Any = self._session.identity_map.get(self._session.identity_key(Container, id_))
            if id_ in gone:
                wholes.append(OldContainer(id_, row.revision, whole=True, now=now))
                life = ContainerLife(id_, home, names[id_].cid, utc_text(row.created_at), at)
                ended.append(life)
                events.append(EventRow(home, id_, "removed", row.revision + 1, at, row.state, None))
                continue
            whole = id_ in self._with_children or present is None or _is_changed(present, *_OF_STATE)
            old.append(OldContainer(id_, row.revision, whole, now))
            state = row.state if present is None else present.__dict__.get("state", row.state)
            kind = "changed" if whole else "state"
            events.append(EventRow(home, id_, kind, row.revision + 1, at, row.state, state))
        keep.keep_all_children(connection, wholes, 0, 1, 2)
        for number, kind_ in enumerate(_CHILDREN):
            places = [_key(each) for each in self._children if isinstance(each, kind_)]
            rows = [
                OldChild(id_, staying[id_].revision, position, now)
                for id_, position in sorted(places)
                if id_ in staying and id_ not in gone
            ]
            keep.keep_children(connection, number, rows)
        keep.keep_containers(connection, [*wholes, *old])
        keep.tell(connection, events, containers=ended)
        for child in [*self._new_children, *self._children]:
            home_id = _home(child)
            if child not in self._session.deleted:
                child.since = containers[home_id].revision + 1 if home_id in containers else 0

    def _record_sandboxes(
        self, connection: Connection, changed: list[Locked], totals: Mapping[int, int], after: Mapping[int, int]
    ) -> None:
        keep, now = recorder(self._session), utc_text(self._now)
        old, events = [], []
        for row in changed:
            present: Any = self._session.identity_map.get(self._session.identity_key(Sandbox, row.id))
            revision = revisions.of_sandbox(row.revision, [totals[row.id]])
            whole = row.id in self._changed_sandboxes and _is_changed(present, "containers", *_OF_STATE)
            old.append(OldSandbox(row.id, row.revision, revision, whole, now))
            if row.id in self._changed_sandboxes:
                kind, at = "changed" if whole else "state", utc_text(row.stamp(self._now))
                state = present.__dict__.get("state", row.state)
                events.append(EventRow(row.id, None, kind, after[row.id], at, row.state, state))
        keep.keep_sandboxes(connection, old)
        keep.tell(connection, events)

    def _keep_sandboxes(
        self, connection: Connection, sandboxes: dict[int, Locked], removed: defaultdict[int, int]
    ) -> None:
        going = {_identity(each) for each in self._deleted if isinstance(each, Sandbox)}
        wanted = (self._changed_sandboxes | self._new.keys() | removed.keys()) - going
        changed = [row for row in sandboxes.values() if row.id in wanted]
        totals = locked.sums(connection, [row.id for row in changed]) if changed else {}
        by, after = {}, {}
        for row in changed:
            before = revisions.of_sandbox(row.revision, [totals[row.id]])
            by[row.id], after[row.id] = 1 + removed[row.id], before + 1
            for new in self._new.get(row.id, []):
                new.revision = revisions.of_new_container(before)
                if new.created_at == self._now:  # nobody said another time, and the clock may have been set back
                    new.created_at = row.stamp(self._now)
                    new.updated_at = max(new.created_at, new.updated_at)
                by[row.id] -= new.revision
            if not by[row.id]:  # containers were swapped: the number must be another one, as in a save
                by[row.id], after[row.id] = 1, before + 2
        self._record_sandboxes(connection, changed, totals, after)
        self._raise(Sandbox, changed, by)

    def _raise(self, parent: Parent, rows: list[Locked], by: dict[int, int]) -> None:
        """Raise revisions: of objects, with what else the flush writes of them, and of the rows without one."""
        absent = []
        for row in rows:
            present: Any = self._session.identity_map.get(self._session.identity_key(parent, row.id))
            if present is None:
                absent.append(row)
                continue
            created_at = _zoned("created_at", present.__dict__.get("created_at") or row.created_at)
            set_committed_value(present, "revision", row.revision)
            set_committed_value(present, "updated_at", row.updated_at)
            present.revision = row.revision + by.get(row.id, 1)
            present.updated_at = row.stamp(self._now, created_at)
        locked.raise_revisions(self._session, parent, absent, self._now, {row.id: by.get(row.id, 1) for row in absent})

    def _conflict(self, connection: Connection, parent: Parent, id_: int, present: Any) -> Conflict:
        if parent is Sandbox:
            own = connection.execute(select(Sandbox.sid, Sandbox.revision).where(Sandbox.id == id_)).one_or_none()
            if own is None:
                return Conflict(present.sid if present else f"sandbox row {id_}", None, None)
            return Conflict(own.sid, None, revisions.of_sandbox(own.revision, [locked.sums(connection, {id_})[id_]]))
        expected = present.__dict__.get("revision") if present else None
        of_container = select(Sandbox.sid, Container.cid, Container.revision).join(Container)
        row = connection.execute(of_container.where(Container.id == id_)).one_or_none()
        if row is not None:
            return Conflict(f"{row.sid}/{row.cid}", expected, row.revision)
        return Conflict(present.cid if present else f"container row {id_}", expected, None)


def _is_changed(row: Any, *without: str) -> bool:
    """Return whether a flush would write something of an object, or of its lists other than those named."""
    state: InstanceState[Any] = inspect(row)
    for attribute in state.attrs:
        if attribute.key in without or not attribute.history.has_changes():
            continue
        column = _TO_PARENT.get(attribute.key)
        if column is None or attribute.value is None or _identity(attribute.value) != row.__dict__.get(column):
            return True
    return False


def _is_moved(container: Container) -> bool:
    attributes = inspect(container).attrs
    moved = bool(attributes.sandbox_id.history.deleted and attributes.sandbox_id.history.added)
    sandbox = container.__dict__.get("sandbox")
    return moved or (
        sandbox is not None and "sandbox_id" in container.__dict__ and _identity(sandbox) != container.sandbox_id
    )


def _zoned(column: str, time: datetime) -> datetime:
    check_zoned(column, time)
    return time


def _parents(child: Child) -> set[int]:
    """Return the containers that a child is in, was in, or will be in; those without a row yet have no revision."""
    state: InstanceState[Any] = inspect(child)
    attributes = state.attrs
    ids = {id_ for id_ in attributes.container_id.history.sum() if id_ is not None}
    return ids | {_identity(each) for each in attributes.container.history.sum() if each and inspect(each).identity}


def _home(child: Child) -> int:
    """Return the ID of the container in which a child will be, 0 for one that has no row yet."""
    container = child.__dict__.get("container")
    return _identity(container) if container is not None else child.container_id or 0


def _identity(row: Any) -> int:
    """Return the ID of an object's row, 0 for one that has no row yet."""
    state: InstanceState[Any] = inspect(row)
    return cast("int", state.identity[0]) if state.identity else 0


def _key(child: Child) -> tuple[int, int]:
    state: InstanceState[Any] = inspect(child)
    return cast("tuple[int, int]", state.identity)


def _has_loaded_values(row: Any, stored: Any) -> bool:
    """Return whether a stored row still has what an object was loaded with."""
    state: InstanceState[Any] = inspect(row)
    for column in _columns(row):
        history = state.attrs[column].history
        loaded = history.deleted or history.unchanged
        if loaded and loaded[0] != getattr(stored, column):
            return False
    return True


def _columns(row: Any) -> Iterator[str]:
    # ``since`` is the session's to set, with the revision of the container
    return (column.key for column in _table(row).c if column.key != "since")


def _table(row: Any) -> Table:
    return cast("Table", type(row).__table__)


def _id(column: Any) -> ColumnElement[int]:
    return cast("ColumnElement[int]", column)
