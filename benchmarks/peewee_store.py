"""peewee on the same tables, as its documentation uses it: insert_many, prefetch, saving what was changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import peewee as pw

from . import mapped
from . import peewee_models as models
from .contender import BATCH, Contender, batches
from .samples import HOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from persistdb import Container, ContainerState, Sandbox, SandboxState, SandboxWrite

_CHILDREN = (models.Mount, models.DeviceMap, models.Process)
# many values in one INSERT: below the bound on parameters that each engine has
_ROWS = 1000


class Peewee(Contender):
    """Models, and one connection."""

    name = "peewee"

    def __init__(self, engine: str, url: str) -> None:
        self.database = models.connect(engine, url)
        self.database.connect()

    def close(self) -> None:
        """Close the connection."""
        self.database.close()

    def _bind(self) -> Any:
        # models belong to one database at a time
        models.database.initialize(self.database)
        return self.database

    def save(self, sid: str, cid: str, record: ContainerState) -> None:
        """Create the container, insert its children."""
        with self._bind().atomic():
            parent = models.Sandbox.get(models.Sandbox.host == HOST, models.Sandbox.sid == sid)
            row = models.Container.create(sandbox=parent, cid=cid, **_own(record))
            for model, rows in zip(_CHILDREN, _rows(row.id, parent.id, record), strict=True):
                model.insert_many(rows).execute()

    def transition(self, sid: str, cid: str, old: str, new: str) -> None:
        """One UPDATE with a condition."""
        self._bind()
        parent = models.Sandbox.select(models.Sandbox.id).where(models.Sandbox.host == HOST, models.Sandbox.sid == sid)
        one = models.Container
        query = one.update(state=new, revision=one.revision + 1, updated_at=datetime.now(UTC))
        if query.where(one.sandbox == parent, one.cid == cid, one.state == old).execute() != 1:
            raise LookupError(cid)

    def save_sandbox(self, record: SandboxState, containers: Mapping[str, ContainerState]) -> None:
        """Load it, set what differs, save what was changed."""
        with self._bind().atomic():
            found = self.load_sandbox(record.sid)
            for row in found.containers:
                wanted = containers[row.cid]
                if mapped.container(row, HOST, record.sid, row.mounts, row.device_maps, row.processes).record != wanted:
                    row.state = wanted.state
                    row.revision += 1
                    row.updated_at = datetime.now(UTC)
                    row.save()

    def save_many(self, writes: Iterable[SandboxWrite]) -> None:
        """``insert_many``, with the ids given out by hand: only PostgreSQL and MariaDB could tell them."""
        self._bind()
        top = models.Sandbox.select(pw.fn.max(models.Sandbox.id)).scalar() or 0
        id_ = models.Container.select(pw.fn.max(models.Container.id)).scalar() or 0
        for batch in batches(writes):
            now = datetime.now(UTC)
            sandboxes: list[dict[str, Any]] = []
            containers: list[dict[str, Any]] = []
            children: list[list[dict[str, Any]]] = [[], [], []]
            for write in batch:
                assert write.record is not None  # noqa: S101  a check for mypy
                top += 1
                own = {name: getattr(write.record, name) for name in write.record.__struct_fields__}
                sandboxes.append({"id": top, "host": HOST, **own, "revision": 1, "created_at": now, "updated_at": now})
                for cid, record in write.containers.items():
                    id_ += 1
                    containers.append({"id": id_, "sandbox": top, "cid": cid, **_own(record)})
                    for rows, more in zip(children, _rows(id_, top, record), strict=True):
                        rows += more
            with self.database.atomic():
                for model, rows in zip(
                    (models.Sandbox, models.Container, *_CHILDREN), (sandboxes, containers, *children), strict=True
                ):
                    for start in range(0, len(rows), _ROWS):
                        model.insert_many(rows[start : start + _ROWS]).execute()

    def get(self, sid: str, cid: str) -> Any:
        """``prefetch`` the children."""
        self._bind()
        query = _joined().where(models.Sandbox.host == HOST, models.Sandbox.sid == sid, models.Container.cid == cid)
        (found,) = pw.prefetch(query, *_CHILDREN)
        return found

    def look_up(self, prefix: str) -> Any:
        """``startswith``, which doesn't tell upper case from lower on SQLite."""
        self._bind()
        query = _joined().where(models.Sandbox.host == HOST, models.Container.cid.startswith(prefix))
        (found,) = pw.prefetch(query, *_CHILDREN)
        return found

    def load_sandbox(self, sid: str) -> Any:
        """``prefetch`` all that is in it."""
        self._bind()
        query = models.Sandbox.select().where(models.Sandbox.host == HOST, models.Sandbox.sid == sid)
        (found,) = pw.prefetch(query, models.Container, *_CHILDREN)
        return found

    def iterate(self) -> Iterator[Any]:
        """A page at a time, by key, as its documentation's recipe for large results has it."""
        self._bind()
        last = 0
        while True:
            query = _joined().where(models.Sandbox.host == HOST, models.Container.id > last)
            found = pw.prefetch(query.order_by(models.Container.id).limit(BATCH), *_CHILDREN)
            yield from found
            if len(found) < BATCH:
                return
            last = found[-1].id

    def container(self, found: Any) -> Container:
        """Make a record of it."""
        return mapped.container(
            found,
            found.sandbox.host,
            found.sandbox.sid,
            *(sorted(rows, key=_position) for rows in (found.mounts, found.device_maps, found.processes)),
        )

    def sandbox(self, found: Any) -> Sandbox:
        """Make a record of it."""
        return mapped.sandbox(found, [self.container(row) for row in found.containers])


def _position(row: Any) -> int:
    position: int = row.position
    return position


def _joined() -> Any:
    return models.Container.select(models.Container, models.Sandbox).join(models.Sandbox)


def _own(record: ContainerState) -> dict[str, Any]:
    now = datetime.now(UTC)
    own = {"state": record.state, "cgroup_path": record.cgroup_path, "bundle_path": record.bundle_path, "layout": ""}
    return {**own, "extra": None, "document": None, "revision": 1, "created_at": now, "updated_at": now}


def _rows(id_: int, sandbox_id: int, record: ContainerState) -> list[list[dict[str, Any]]]:
    return [
        [
            {"container": id_, "position": i, "is_rootfs": i == 0, **_fields(mount)}
            for i, mount in enumerate((record.rootfs, *record.mounts))
        ],
        [
            {"container": id_, "position": i, "device_id": device.id, **_fields(device)}
            for i, device in enumerate(record.device_maps)
        ],
        [
            {
                "container": id_,
                "position": i,
                "sandbox_id": sandbox_id,
                "token": process.token or None,
                "pid": process.pid,
                **mapped.started(process.start_time),
            }
            for i, process in enumerate(record.processes)
        ],
    ]


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__ if name != "id"}
