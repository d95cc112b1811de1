"""persistdb's repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from persistdb import Container, ContainerRepository, Database, Sandbox

from .contender import BATCH, Contender
from .samples import HOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from persistdb import ContainerState, Origin, SandboxState, SandboxWrite


class Ours(Contender):
    """The repository, as its documentation shows it."""

    name = "persistdb"

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.repository = ContainerRepository(self.database, host=HOST)

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    def save(self, sid: str, cid: str, record: ContainerState, origin: Origin | None = None) -> None:
        """Store one new container."""
        self.repository.save(sid, cid, record, origin=origin)

    def transition(self, sid: str, cid: str, old: str, new: str) -> None:
        """Change one container's state."""
        self.repository.transition(sid, cid, new, expected=old)

    def save_sandbox(self, record: SandboxState, containers: Mapping[str, ContainerState]) -> None:
        """Store a whole sandbox."""
        self.repository.save_sandbox(record, containers)

    def save_many(self, writes: Iterable[SandboxWrite]) -> None:
        """Store many sandboxes."""
        self.repository.save_many(writes, batch=BATCH)

    def get(self, sid: str, cid: str) -> Container:
        """Load one container."""
        return self.repository.get(sid, cid)

    def look_up(self, prefix: str) -> Container:
        """Find a container by the beginning of its ID."""
        return self.repository.look_up(prefix)

    def load_sandbox(self, sid: str) -> Sandbox:
        """Load a sandbox."""
        return self.repository.load_sandbox(sid)

    def iterate(self) -> Iterable[Container]:
        """Load all containers."""
        return self.repository.iterate()

    def ask(self, sql: str) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        """Run a query, and return the names of its columns and its rows."""
        with self.database.reader.connect() as connection:
            found = connection.exec_driver_sql(sql)
            return list(found.keys()), [tuple(row) for row in found]

    def container(self, found: object) -> Container:
        """It is one."""
        assert isinstance(found, Container)  # noqa: S101  a check for mypy
        return found

    def sandbox(self, found: object) -> Sandbox:
        """It is one."""
        assert isinstance(found, Sandbox)  # noqa: S101  a check for mypy
        return found
