"""advanced-alchemy's repository on our mapped classes, as its documentation uses it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from advanced_alchemy.filters import LimitOffset
from advanced_alchemy.repository import SQLAlchemySyncRepository

from persistdb import Container, Database, Sandbox
from persistdb.schema import tables

from . import mapped
from .contender import BATCH, Contender, batches
from .samples import HOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from persistdb import ContainerState, SandboxState, SandboxWrite


class _Sandboxes(SQLAlchemySyncRepository[Any]):
    model_type = tables.Sandbox


class _Containers(SQLAlchemySyncRepository[Any]):
    model_type = tables.Container


class Advanced(Contender):
    """Its generic repository, a session for each call."""

    name = "advanced-alchemy"
    skips = frozenset({"save_sandbox"})

    def __init__(self, url: str) -> None:
        self.database = Database(url)

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    def save(self, sid: str, cid: str, record: ContainerState) -> None:
        """``add`` a container with its children."""
        with mapped.plain_session(self.database) as session:
            parent = _Sandboxes(session=session).get_one(host=HOST, sid=sid)
            _Containers(session=session).add(mapped.new_container(cid, record, parent.id), auto_refresh=False)

    def transition(self, sid: str, cid: str, old: str, new: str) -> None:
        """``get_one``, look at it, ``update``."""
        with mapped.plain_session(self.database) as session:
            parent = _Sandboxes(session=session).get_one(host=HOST, sid=sid)
            repository = _Containers(session=session)
            found = repository.get_one(sandbox_id=parent.id, cid=cid)
            if found.state != old:
                raise LookupError(cid)
            found.state = new
            found.revision += 1
            found.updated_at = datetime.now(UTC)
            repository.update(found, auto_refresh=False)

    def save_sandbox(self, record: SandboxState, containers: Mapping[str, ContainerState]) -> None:
        """Its ``update`` and ``upsert`` pass over relationships that are not loaded by themselves, as ours aren't."""
        raise NotImplementedError

    def save_many(self, writes: Iterable[SandboxWrite]) -> None:
        """``add_many``, in the batches that persistdb makes."""
        for batch in batches(writes):
            with mapped.plain_session(self.database) as session:
                rows = []
                for write in batch:
                    assert write.record is not None  # noqa: S101  a check for mypy
                    parent = mapped.new_sandbox(write.record)
                    parent.containers = [mapped.new_container(cid, one) for cid, one in write.containers.items()]
                    rows.append(parent)
                _Sandboxes(session=session).add_many(rows)

    def get(self, sid: str, cid: str) -> Any:
        """``get_one`` with its children."""
        with self.database.session() as session:
            where = (tables.Container.sandbox.has(host=HOST, sid=sid), tables.Container.cid == cid)
            return _Containers(session=session).get_one(*where, load=list(mapped.CHILDREN))

    def look_up(self, prefix: str) -> Any:
        """``get_one`` by a condition."""
        with self.database.session() as session:
            where = (tables.Container.sandbox.has(host=HOST), tables.Container.cid.startswith(prefix, autoescape=True))
            return _Containers(session=session).get_one(*where, load=list(mapped.CHILDREN))

    def load_sandbox(self, sid: str) -> Any:
        """``get_one`` with all that is in it."""
        with self.database.session() as session:
            return _Sandboxes(session=session).get_one(host=HOST, sid=sid, load=list(mapped.ALL))

    def iterate(self) -> Iterator[Any]:
        """``list``, a page at a time."""
        offset = 0
        while True:
            with self.database.session() as session:
                page = LimitOffset(BATCH, offset)
                found = _Containers(session=session).list(
                    page, tables.Container.sandbox.has(host=HOST), order_by=("id", False), load=list(mapped.CHILDREN)
                )
                yield from found
            if len(found) < BATCH:
                return
            offset += BATCH

    def container(self, found: object) -> Container:
        """Make a record of it."""
        assert isinstance(found, tables.Container)  # noqa: S101  a check for mypy
        return mapped.of_mapped(found)

    def sandbox(self, found: object) -> Sandbox:
        """Make a record of it."""
        assert isinstance(found, tables.Sandbox)  # noqa: S101  a check for mypy
        return mapped.sandbox(found, [mapped.of_mapped(row, found) for row in found.containers])
