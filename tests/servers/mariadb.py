"""MariaDB for tests: ``mariadb-install-db`` and ``mariadbd`` of the machine's package, or a server given by URL."""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import shutil
import signal
import socket
from typing import TYPE_CHECKING, Self

from sqlalchemy import URL, make_url
from sqlalchemy.exc import OperationalError

from tests.servers.daemon import Account, Daemon, Workspace, free_port
from tests.servers.server import PASSWORD, PREFIX, USER, MissingServer, Server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# Debian puts the server where only root's PATH leads.
PLACES: Sequence[str] = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec")

_LOG_SIZE = "16M"

_SETTINGS = {
    "bind-address": "127.0.0.1",
    "skip-name-resolve": "ON",
    # The disk may forget, the process may not: the system gets each commit, and keeps it when the server is killed.
    "innodb-flush-log-at-trx-commit": "2",
    "innodb-flush-method": "nosync",
    "innodb-doublewrite": "OFF",
    "innodb-buffer-pool-size": "32M",
    "innodb-log-file-size": _LOG_SIZE,
    # Not UTC, so that a time that was not converted shows.
    "default-time-zone": "+05:45",
}


class MariaDB(Server):
    """A MariaDB server."""

    dialect = "mariadb"
    home = "mysql"

    @classmethod
    def given(cls, admin: str) -> MariaDB:
        """Use the server that an administrator's URL leads to."""
        url = make_url(admin).set(drivername="mariadb+pymysql")
        return cls(url, url.set(drivername="mariadb"))

    @classmethod
    def private(cls, workspace: Workspace) -> Self:
        """Start a private server."""
        server = cls.stopped(workspace)
        server.start()
        with contextlib.ExitStack() as undo:
            undo.callback(server.close)
            server.create_user()
            undo.pop_all()
        return server

    @classmethod
    def stopped(
        cls, workspace: Workspace, options: Mapping[str, str] | None = None, template: Path | None = None
    ) -> Self:
        """Make a private server with these settings and a copy of some data, else of none; it is yet to be started."""
        account = Account.ordinary("mysql")
        template = template or _template(workspace, account)
        folder = workspace.folder("mariadb", account)
        account.run(["cp", "-a", template, folder / "data"])
        port = free_port()
        listens = str(folder / "socket")
        # PyMySQL reads all the system's certificates for each connection (35 ms), unless TLS is out of the question.
        query = {"unix_socket": listens, "ssl_disabled": "1"}
        admin = URL.create("mariadb+pymysql", "root", host="localhost", query=query)
        login = URL.create("mariadb", USER, PASSWORD, "127.0.0.1", port)
        mariadbd = _binary("mariadbd")

        def command(options: Mapping[str, str]) -> list[str]:
            places = {"datadir": folder / "data", "socket": listens, "pid-file": folder / "pid", "tmpdir": folder}
            settings = {**_SETTINGS, **places, "port": port, **options}
            # scripts for the server are looked for there, too
            server = ["/usr/bin/env", f"PATH={workspace.path}:{os.environ['PATH']}", mariadbd, "--no-defaults"]
            return [*server, *(f"--{name}={value}" for name, value in settings.items())]

        crash = signal.SIGKILL
        daemon = Daemon(command, account, workspace, folder, signal.SIGTERM, crash, dict(options or {}))
        return cls(admin, login, daemon)

    def create_user(self) -> None:
        """Create the user of the URLs."""
        self.execute(f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'")
        databases = PREFIX.replace("_", r"\_") + "%"
        self.execute(f"GRANT ALL ON `{databases}`.* TO '{USER}'@'%'")

    def socket_url(self, database: str) -> str:
        """Return the URL of a database through the Unix socket."""
        query = {"unix_socket": str(self.daemon.folder / "socket")}
        return URL.create("mariadb", USER, PASSWORD, "localhost", database=database, query=query).render_as_string(
            hide_password=False
        )

    def disconnect(self, database: str) -> None:
        """End all connections to a database."""
        for (thread,) in self.execute(f"SELECT id FROM information_schema.processlist WHERE db = '{database}'"):
            with contextlib.suppress(OperationalError):  # it went by itself
                self.execute(f"KILL {thread}")

    def databases(self) -> list[str]:
        """List all databases."""
        return sorted(name for (name,) in self.execute("SHOW DATABASES"))

    def answers(self) -> bool:
        """Whether an administrator can connect."""
        # Asked first, because PyMySQL leaves the socket open where nobody listens.
        path = self._admin.query["unix_socket"] if self.ours else None
        if path is not None:
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(path)) != 0:
                    return False
        return super().answers()

    def _create(self, name: str) -> None:
        self.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")

    def _drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {name}")


def _binary(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(PLACES))
    if found is None:
        raise MissingServer(f"no MariaDB server on this machine ({name}): install the package mariadb-server")
    return found


@functools.cache
def _template(workspace: Workspace, account: Account) -> Path:
    _binary("mariadbd")
    folder = workspace.folder("mariadb-template", account)
    data = folder / "data"
    account.run(
        [
            *(_binary("mariadb-install-db"), "--no-defaults", f"--datadir={data}", "--skip-test-db"),
            # a server that starts removes the temporary tables of all others that have the same folder for them
            f"--tmpdir={folder}",
            # Administrator only through the socket and only for who runs the tests: the server's account may be the one
            # of the machine's own MariaDB.
            "--auth-root-authentication-method=socket",
            f"--auth-root-socket-user={pwd.getpwuid(os.geteuid()).pw_name}",
            *("--innodb-flush-method=nosync", f"--innodb-log-file-size={_LOG_SIZE}"),
        ]
    )
    return data
