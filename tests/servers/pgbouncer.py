"""PgBouncer for tests: a pooler in transaction mode before a PostgreSQL server, from the machine's own package."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from tests.servers.daemon import Account, Daemon, Workspace, free_port
from tests.servers.server import MissingServer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.servers.postgresql import PostgreSQL

# Debian puts it where only root's PATH leads.
PLACES: Sequence[str] = ("/usr/sbin", "/usr/local/sbin")


class PgBouncer:
    """A pooler whose clients share few connections to the server, each for a transaction."""

    def __init__(self, server: PostgreSQL, daemon: Daemon, port: int) -> None:
        self._server = server
        self.daemon = daemon
        self.port = port

    @classmethod
    def private(cls, workspace: Workspace, server: PostgreSQL, **options: str) -> PgBouncer:
        """Start one before a server; ``options`` are settings of its own file."""
        binary = shutil.which("pgbouncer") or shutil.which("pgbouncer", path=os.pathsep.join(PLACES))
        if binary is None:
            raise MissingServer("no PgBouncer on this machine: install the package pgbouncer")
        account = Account.ordinary("postgres")
        folder = workspace.folder("pgbouncer", account)
        port = free_port()
        login = make_url(server.url("any"))
        users, settings = folder / "users", folder / "pgbouncer.ini"
        # as they are: to log in to the server it needs what clients need
        users.write_text(f'"{login.username}" "{login.password}"\n')

        def command(given: Mapping[str, str]) -> list[str]:
            values = {
                "listen_addr": "127.0.0.1",
                "listen_port": str(port),
                "unix_socket_dir": "",
                "auth_type": "scram-sha-256",
                "auth_file": str(users),
                "pool_mode": "transaction",
                "default_pool_size": "20",
                "max_client_conn": "1000",
                # a server that is back is found soon
                "server_login_retry": "0.1",
                **given,
            }
            lines = [f"{name} = {value}" for name, value in values.items()]
            databases = f"[databases]\n* = host={login.host} port={login.port}\n[pgbouncer]\n"
            settings.write_text(databases + "\n".join(lines) + "\n")
            return [binary, str(settings)]

        # SIGTERM ends it at once
        daemon = Daemon(command, account, workspace, folder, signal.SIGTERM, signal.SIGKILL, dict(options))
        pooler = cls(server, daemon, port)
        daemon.start(pooler.answers)
        return pooler

    def url(self, database: str, **options: str) -> str:
        """Return the URL of a database through the pooler."""
        url = make_url(self._server.url(database, port=self.port)).update_query_dict(options)
        return url.render_as_string(hide_password=False)

    def answers(self) -> bool:
        """Whether it takes connections."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self) -> None:
        """End it for good."""
        self.daemon.close()
