"""Databases to attack: a SQLite file, and private PostgreSQL and MariaDB servers behind a network that can be cut."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from persistdb import ContainerRepository, Database
from tests.servers import MariaDB, PostgreSQL, Proxy, Server, Workspace
from tests.store.stress import HOST, PATIENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Target:
    """One database; ``url`` leads through the proxy where there is a server."""

    engine: str
    url: str
    server: Server | None = None
    proxy: Proxy | None = None

    @contextlib.contextmanager
    def repository(self) -> Iterator[ContainerRepository]:
        """Open a repository with patience, for a look at what is stored."""
        with Database(self.url, timeouts=PATIENT, retries=1000) as database:
            yield ContainerRepository(database, host=HOST)


@contextlib.contextmanager
def targets(engines: list[str], folder: Path) -> Iterator[list[Target]]:
    """Start the servers, and end them in the end."""
    workspace = Workspace()
    with contextlib.ExitStack() as stack:
        stack.callback(workspace.remove)
        found = []
        for engine in engines:
            if engine == "sqlite":
                found.append(Target(engine, f"sqlite:///{folder}/torture.db"))
                continue
            server = (PostgreSQL if engine == "postgresql" else MariaDB).private(workspace)
            stack.callback(server.close)
            proxy = stack.enter_context(Proxy(server.host, server.port))
            url = server.url(server.create_database(), port=proxy.port)
            found.append(Target(engine, url, server, proxy))
        yield found
