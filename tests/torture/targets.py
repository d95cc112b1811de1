"""Databases to attack: a SQLite file, and private PostgreSQL and MariaDB servers behind a network that can be cut."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from persistdb import ContainerRepository, Database
from tests.servers import MariaDB, PostgreSQL, Proxy, Server, Workspace
from tests.store import stress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Target:
    """One database, and what was acknowledged of it; ``url`` leads through the proxy where there is a server."""

    engine: str
    folder: Path
    server: Server | None = None
    proxy: Proxy | None = None
    url: str = ""
    direct_url: str = ""
    acknowledged: dict[str, int] = field(default_factory=dict)
    """The newest generation of each sandbox whose save was acknowledged."""

    def __post_init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Put an empty database in the place of this one, so that looking everything up stays cheap."""
        self.acknowledged.clear()
        if self.server is None or self.proxy is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(mode=0o700)
            self.url = self.direct_url = f"sqlite:///{self.folder}/torture.db"
            return
        if self.url:
            self.server.drop_database(str(make_url(self.url).database))
            self.server.daemon.forget_log()
        name = self.server.create_database()
        self.url, self.direct_url = self.server.url(name, port=self.proxy.port), self.server.url(name)

    @contextlib.contextmanager
    def database(self) -> Iterator[Database]:
        """Open the database with patience, and not through the proxy."""
        with Database(self.direct_url, timeouts=stress.PATIENT, retries=1000) as database:
            yield database

    @contextlib.contextmanager
    def repository(self) -> Iterator[ContainerRepository]:
        """Open a repository, in the same way."""
        with self.database() as database:
            yield ContainerRepository(database, host=stress.HOST)

    def look_up(self) -> int:
        """Look up all acknowledged saves with all their rows, and return how many sandboxes they are of."""
        with self.repository() as repository:
            for sid, generation in self.acknowledged.items():
                found = stress.generation_of(repository, sid)
                assert found >= generation, f"{sid} is at generation {found}, {generation} was acknowledged"
        return len(self.acknowledged)


@contextlib.contextmanager
def targets(engines: list[str], folder: Path) -> Iterator[list[Target]]:
    """Start the servers, and end them in the end."""
    with contextlib.ExitStack() as stack:
        workspace = Workspace()
        stack.callback(workspace.remove)
        found = []
        for engine in engines:
            if engine == "sqlite":
                found.append(Target(engine, folder / engine))
                continue
            server = (PostgreSQL if engine == "postgresql" else MariaDB).private(workspace)
            stack.callback(server.close)
            proxy = stack.enter_context(Proxy(server.host, server.port))
            found.append(Target(engine, folder / engine, server, proxy))
        yield found
