"""Clusters that lose a node while agents write to them, and a pooler with few connections for many agents."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers import PostgreSQL, Workspace
from tests.servers.galera import Galera
from tests.servers.pgbouncer import PgBouncer
from tests.servers.standby import WithStandby

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONNECTIONS = 20
"""What the pooler has to its server."""
FAILOVER = 6.0
"""Seconds after which the standby is promoted: what a Patroni with short times takes to be sure."""


@dataclass(frozen=True)
class Cluster:
    """A cluster: a URL with all its nodes, and what takes the one away that is written to."""

    url: str
    lose: Callable[[], None]


@contextmanager
def postgresql() -> Iterator[Cluster]:
    """Run a PostgreSQL primary with a synchronous standby, which takes over after a while."""
    workspace = Workspace()
    pair = WithStandby(workspace)
    try:

        def lose() -> None:
            pair.primary.kill()
            time.sleep(FAILOVER)
            pair.promote()

        yield Cluster(pair.url(pair.primary.create_database()), lose)
    finally:
        pair.close()
        workspace.remove()


@contextmanager
def galera() -> Iterator[Cluster]:
    """Run a Galera cluster of three; the first node is killed, to which all write."""
    workspace = Workspace()
    cluster = Galera(workspace)
    try:
        yield Cluster(cluster.url(cluster.nodes[0].create_database()), cluster.nodes[0].kill)
    finally:
        cluster.close()
        workspace.remove()


@contextmanager
def pooler() -> Iterator[str]:
    """Run a PostgreSQL server behind a PgBouncer that has :data:`CONNECTIONS` to it, and give the pooler's URL."""
    workspace = Workspace()
    server = PostgreSQL.private(workspace)
    try:
        bouncer = PgBouncer.private(workspace, server, default_pool_size=str(CONNECTIONS))
        try:
            yield bouncer.url(server.create_database(), pooler="transaction")
        finally:
            bouncer.close()
    finally:
        server.close()
        workspace.remove()


CLUSTERS = {"PostgreSQL, primary killed": postgresql, "Galera of three, a node killed": galera}
