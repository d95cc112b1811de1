"""Database servers for tests: private ones from the machine's own packages, or others by URL."""

from tests.servers.daemon import Account, Daemon, ServerFailed, Workspace
from tests.servers.disks import on_small_disk
from tests.servers.galera import Galera
from tests.servers.haproxy import HAProxy
from tests.servers.mariadb import MariaDB
from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgresql import PostgreSQL
from tests.servers.proxy import Proxy
from tests.servers.server import HUSH, PASSWORD, USER, MissingServer, NotOurs, Server
from tests.servers.standby import WithStandby
from tests.servers.statements import Statement, Statements

__all__ = [
    "HUSH",
    "PASSWORD",
    "USER",
    "Account",
    "Daemon",
    "Galera",
    "HAProxy",
    "MariaDB",
    "MissingServer",
    "NotOurs",
    "PgBouncer",
    "PostgreSQL",
    "Proxy",
    "Server",
    "ServerFailed",
    "Statement",
    "Statements",
    "WithStandby",
    "Workspace",
    "on_small_disk",
]
