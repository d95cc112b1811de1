"""PostgreSQL for tests: ``initdb`` and ``postgres`` of the machine's package, or a server given by URL."""

from __future__ import annotations

import contextlib
import functools
import getpass
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, make_url

from tests.servers.daemon import Account, Daemon, Workspace, free_port
from tests.servers.server import PASSWORD, USER, MissingServer, Server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Debian keeps its versions side by side, off the PATH.
PLACES: Sequence[str] = ("/usr/lib/postgresql",)

_ADMIN = "admin"

# Administrator only through the socket and only for who runs the tests: the server's account may be the one of the
# machine's own PostgreSQL.
_HBA = f"""\
local all,replication {_ADMIN} peer map=run
local all             all      scram-sha-256
host  all,replication all      127.0.0.1/32 scram-sha-256
"""

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # The disk may forget, the process may not: a test that kills the server must find what was committed.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    # Not UTC, so that a time that was not converted shows.
    "timezone": "Asia/Kathmandu",
    "shared_buffers": "32MB",
    # In the data folder: those in /dev/shm are left behind when the server is killed.
    "dynamic_shared_memory_type": "mmap",
    "max_wal_size": "256MB",
    "unix_socket_permissions": "0777",
}


class PostgreSQL(Server):
    """A PostgreSQL server."""

    dialect = "postgresql"
    home = "postgres"

    @classmethod
    def given(cls, admin: str) -> PostgreSQL:
        """Use the server that an administrator's URL leads to."""
        url = make_url(admin).set(drivername="postgresql+psycopg")
        return cls(url, url.set(drivername="postgresql"))

    @classmethod
    def private(cls, workspace: Workspace) -> PostgreSQL:
        """Start a private server."""
        server = cls.stopped(workspace)
        server.start()
        with contextlib.ExitStack() as undo:
            undo.callback(server.close)
            server.create_user()
            undo.pop_all()
        return server

    @classmethod
    def stopped(cls, workspace: Workspace, options: Mapping[str, str] | None = None) -> PostgreSQL:
        """Make a private server with empty data and these settings, which is yet to be started.

        All of them begin with the same data, so that one can be another's standby.
        """
        account = Account.ordinary("postgres")
        template = _template(workspace, account)
        folder = workspace.folder("postgresql", account)
        account.run(["cp", "-a", template, folder / "data"])
        port = free_port()
        admin = URL.create(
            "postgresql+psycopg", _ADMIN, query={"host": str(folder), "port": str(port), "connect_timeout": "10"}
        )
        login = URL.create("postgresql", USER, PASSWORD, "127.0.0.1", port)
        postgres = str(_binaries() / "postgres")

        def command(options: Mapping[str, str]) -> list[str]:
            settings = {**_SETTINGS, "port": str(port), "unix_socket_directories": str(folder), **options}
            return [postgres, "-D", str(folder / "data"), *(f"--{name}={value}" for name, value in settings.items())]

        daemon = Daemon(
            command,
            account,
            workspace,
            folder,
            # "Fast": ends the connections. SIGTERM would wait for them.
            stop_signal=signal.SIGINT,
            # "Immediate": SIGKILL would leave the children to find out for themselves.
            crash_signal=signal.SIGQUIT,
            options=dict(options or {}),
        )
        return cls(admin, login, daemon)

    def create_user(self) -> None:
        """Create the user of the URLs."""
        self.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")

    def socket_url(self, database: str) -> str:
        """Return the URL of a database through the Unix socket."""
        query = {"host": str(self.daemon.folder), "port": str(self.port)}
        return URL.create("postgresql", USER, PASSWORD, database=database, query=query).render_as_string(
            hide_password=False
        )

    def close(self) -> None:
        """End it for good; what it stores is lost."""
        super().close()
        if self.ours and (pid_file := self.data / "postmaster.pid").exists():
            # It was killed: its System V segment, the seventh line's second number, waits for a restart.
            segment = pid_file.read_text().splitlines()[6].split()[1]
            self.daemon.account.run(["ipcrm", "-m", segment])

    def disconnect(self, database: str) -> None:
        """End all connections to a database."""
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")

    def databases(self) -> list[str]:
        """List all databases."""
        return sorted(name for (name,) in self.execute("SELECT datname FROM pg_database"))

    def _create(self, name: str) -> None:
        self.execute(f'CREATE DATABASE {name} OWNER "{self._login.username}"')

    def _drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@functools.cache
def _binaries() -> Path:
    on_path = shutil.which("initdb")
    elsewhere = [initdb for place in PLACES for initdb in Path(place).glob("*/bin/initdb")]
    # The newest: the folders are called 9.6, 15, 18.
    found = sorted(elsewhere, key=lambda path: float(path.parts[-3]), reverse=True)
    for initdb in (*([Path(on_path).resolve()] if on_path else []), *found):
        if initdb.with_name("postgres").exists():
            return initdb.parent
    raise MissingServer("no PostgreSQL server on this machine (initdb, postgres): install the package postgresql")


@functools.cache
def _template(workspace: Workspace, account: Account) -> Path:
    folder = workspace.folder("postgresql-template", account)
    data = folder / "data"
    version = subprocess.run([_binaries() / "postgres", "-V"], capture_output=True, text=True, check=True).stdout
    major = int(re.search(r"\d+", version).group())  # type: ignore[union-attr]
    # A natural language's order, as most servers have: code that takes the database's order for the bytes' shows.
    collation = ["--locale-provider=icu", "--icu-locale=en-US"] if major >= 15 else []
    account.run(
        [
            *(_binaries() / "initdb", "-D", data, "-U", _ADMIN, "-E", "UTF8", "--locale=C.UTF-8", *collation),
            *("--no-sync", "--auth=peer"),
        ]
    )
    (data / "pg_hba.conf").write_text(_HBA)
    (data / "pg_ident.conf").write_text(f"run {getpass.getuser()} {_ADMIN}\n")
    return data
