"""SQLAlchemy's ORM as its documentation shows it, on our mapped classes: add, merge, selectinload."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from persistdb import Container, Database, Sandbox
from persistdb.schema import tables

from . import mapped
from .contender import BATCH, Contender, batches
from .samples import HOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy import Select

    from persistdb import ContainerState, SandboxState, SandboxWrite


class UnitOfWork(Contender):
    """Sessions of the product's own :meth:`persistdb.Database.session`, one for each call."""

    name = "ORM unit of work"

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self._held: dict[str, tables.Sandbox] = {}

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    def save(self, sid: str, cid: str, record: ContainerState) -> None:
        """Add a container with its children."""
        with mapped.plain_session(self.database) as session:
            parent = session.scalars(_sandbox(sid)).one()
            session.add(mapped.new_container(cid, record, parent.id))

    def transition(self, sid: str, cid: str, old: str, new: str) -> None:
        """Load the container, look at it, change it."""
        with mapped.plain_session(self.database) as session:
            found = session.scalars(_container(sid, cid)).one()
            if found.state != old:
                raise LookupError(cid)
            found.state = new
            found.revision += 1
            found.updated_at = datetime.now(UTC)

    def prepare_sandbox(self, sid: str) -> None:
        """Load the whole sandbox into objects that outlive their session."""
        with self.database.session() as session:
            self._held[sid] = session.scalars(_sandbox(sid).options(*mapped.ALL)).one()
            session.expunge_all()

    def save_sandbox(self, record: SandboxState, containers: Mapping[str, ContainerState]) -> None:
        """Change the objects that are held, and merge them."""
        held = self._held[record.sid]
        for row in held.containers:
            wanted = containers[row.cid]
            if row.state != wanted.state:
                row.state = wanted.state
                row.revision += 1
                row.updated_at = datetime.now(UTC)
        with mapped.plain_session(self.database) as session:
            session.merge(held, options=mapped.ALL)

    def save_many(self, writes: Iterable[SandboxWrite]) -> None:
        """Add everything, in the batches that persistdb makes."""
        for batch in batches(writes):
            with mapped.plain_session(self.database) as session:
                for write in batch:
                    assert write.record is not None  # noqa: S101  a check for mypy
                    parent = mapped.new_sandbox(write.record)
                    parent.containers = [mapped.new_container(cid, one) for cid, one in write.containers.items()]
                    session.add(parent)

    def get(self, sid: str, cid: str) -> tables.Container:
        """Load a container with its children."""
        with self.database.session() as session:
            return session.scalars(_container(sid, cid).options(*mapped.CHILDREN)).one()

    def look_up(self, prefix: str) -> tables.Container:
        """Load the container whose ID begins so."""
        query = select(tables.Container).join(tables.Container.sandbox)
        found = query.where(tables.Sandbox.host == HOST, tables.Container.cid.startswith(prefix, autoescape=True))
        with self.database.session() as session:
            return session.scalars(found.limit(2).options(*mapped.CHILDREN)).one()

    def load_sandbox(self, sid: str) -> tables.Sandbox:
        """Load a sandbox with all that is in it."""
        with self.database.session() as session:
            return session.scalars(_sandbox(sid).options(*mapped.ALL)).one()

    def iterate(self) -> Iterator[tables.Container]:
        """Load a page at a time, by key: ``yield_per`` with selectinload loses rows on PyMySQL."""
        query = select(tables.Container).join(tables.Container.sandbox).where(tables.Sandbox.host == HOST)
        query = query.options(*mapped.CHILDREN).order_by(tables.Container.id).limit(BATCH)
        last = 0
        while True:
            with self.database.session() as session:
                found = session.scalars(query.where(tables.Container.id > last)).all()
            yield from found
            if len(found) < BATCH:
                return
            last = found[-1].id

    def container(self, found: object) -> Container:
        """Make a record of it."""
        assert isinstance(found, tables.Container)  # noqa: S101  a check for mypy
        return mapped.of_mapped(found)

    def sandbox(self, found: object) -> Sandbox:
        """Make a record of it."""
        assert isinstance(found, tables.Sandbox)  # noqa: S101  a check for mypy
        return mapped.sandbox(found, [mapped.of_mapped(row, found) for row in found.containers])


def _sandbox(sid: str) -> Select[tables.Sandbox]:
    return select(tables.Sandbox).where(tables.Sandbox.host == HOST, tables.Sandbox.sid == sid)


def _container(sid: str, cid: str) -> Select[tables.Container]:
    query = select(tables.Container).join(tables.Container.sandbox)
    return query.where(tables.Sandbox.host == HOST, tables.Sandbox.sid == sid, tables.Container.cid == cid)
