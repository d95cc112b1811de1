"""What a test may do with a database server, whichever it is and whoever runs it."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import URL, Engine, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.servers.daemon import Daemon

# Tests look for HUSH in what persistdb prints: it is in the password as it is and as a URL writes it ("hush%2541%40").
# The "%41" would turn into "A" where a URL is decoded twice, and breaks a configparser's interpolation.
USER = "persistdb"
PASSWORD = "hush%41@"
HUSH = "hush"

PREFIX = "persistdb_test_"


class MissingServer(Exception):
    """This machine has not what it takes to run such a server."""


class NotOurs(Exception):
    """A server that was given by URL: tests may not stop it."""


class Server(ABC):
    """A database server: a private one, or one that an administrator's URL leads to."""

    #: The scheme of its URLs.
    dialect: ClassVar[str]
    #: The database that an administrator connects to when no other is meant.
    home: ClassVar[str]

    def __init__(self, admin: URL, login: URL, daemon: Daemon | None = None) -> None:
        self._admin = admin
        self._login = login
        self._daemon = daemon
        self._engines: dict[str, Engine] = {}

    # --- databases

    def url(self, database: str, *, port: int | None = None, user: str = USER, password: str = PASSWORD) -> str:
        """Return the URL, with password, of a database over TCP, perhaps through a proxy's port or for another user."""
        login = self._login.set(database=database, port=port or self._login.port)
        if user != USER:
            login = login.set(username=user, password=password)
        return login.render_as_string(hide_password=False)

    @property
    def admin_url(self) -> str:
        """The administrator's URL."""
        return self._admin.set(database=self.home).render_as_string(hide_password=False)

    def create_database(self, name: str | None = None) -> str:
        """Create an empty database for the user of ``url()`` and return its name."""
        name = name or PREFIX + secrets.token_hex(4)
        self._create(name)
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.disconnect(name)
        self._drop(name)
        if name in self._engines:
            self._engines.pop(name).dispose()

    def execute(self, statement: str, *, database: str | None = None) -> Sequence[Sequence[Any]]:
        """Run one statement as administrator, outside of a transaction, and return its rows if it has any."""
        with self._engine(database or self.home).connect() as connection:
            result = connection.exec_driver_sql(statement)
            return result.fetchall() if result.returns_rows else []

    def _engine(self, database: str) -> Engine:
        if database not in self._engines:
            # No pool: an administrator's idle connection would be in the way of dropping and stopping.
            self._engines[database] = create_engine(
                self._admin.set(database=database),
                poolclass=NullPool,
                isolation_level="AUTOCOMMIT",
                execution_options={"no_parameters": True},
            )
        return self._engines[database]

    @abstractmethod
    def disconnect(self, database: str) -> None:
        """End all connections to a database, as an administrator or a failover does."""

    @abstractmethod
    def databases(self) -> list[str]:
        """List all databases."""

    @abstractmethod
    def _create(self, name: str) -> None: ...

    @abstractmethod
    def _drop(self, name: str) -> None: ...

    # --- the process

    @property
    def ours(self) -> bool:
        """Whether tests may stop it."""
        return self._daemon is not None

    @property
    def daemon(self) -> Daemon:
        """The process, with its ``pid``, ``log()``, ``folder`` and ``account``."""
        if self._daemon is None:
            raise NotOurs(f"{self._admin!r} is not the test run's own")
        return self._daemon

    @property
    def host(self) -> str:
        """Where it listens."""
        return self._login.host or ""

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        return self._login.port or 0

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.daemon.folder / "data"

    def start(self, **options: object) -> None:
        """Start it, if it doesn't run; ``options`` are settings that hold from now on."""
        if self._daemon is not None:
            self._daemon.options |= {name: str(value) for name, value in options.items()}
            self._daemon.start(self.answers)

    def stop(self) -> None:
        """Shut it down in order."""
        self.daemon.stop()

    def restart(self, **options: object) -> None:
        """Stop it and start it on the same data and port, perhaps with other settings."""
        self.stop()
        self.start(**options)

    def kill(self) -> None:
        """Crash it: SIGKILL, also to its children."""
        self.daemon.kill()

    def close(self) -> None:
        """End it for good; what it stores is lost."""
        if self._daemon is not None:
            self._daemon.close()

    def answers(self) -> bool:
        """Whether an administrator can connect."""
        try:
            self.execute("SELECT 1")
        except DBAPIError:
            return False
        return True
