"""Where the databases are: a folder of SQLite files, a private PostgreSQL server, a private MariaDB server.

All are durable: a commit is on the disk when it returns. ``PERSISTDB_TEST_POSTGRESQL_URL`` and
``PERSISTDB_TEST_MARIADB_URL``, an administrator's URLs, put servers of yours in the place of the private ones.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from persistdb import ContainerRepository, Database
from persistdb.engines.sqlite import driver
from persistdb.schema import names, views

from . import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.servers import Server, Workspace

ENGINES = ("sqlite", "postgresql", "mariadb")
TABLES = (names.VERSION, names.SUPPORT, names.BACKFILL, *names.TABLES, *names.HISTORY, names.RETENTION)


class Place(ABC):
    """Databases on one engine."""

    engine: ClassVar[str]

    def __init__(self) -> None:
        self._filled: dict[int, str] = {}
        self._copies: list[str] = []

    def database(self, size: int) -> str:
        """Give the URL of a new database that the product made, with this many containers in sandboxes of three.

        One that is not empty has the large sandbox, too. Databases of one size are copies of one another.
        """
        if size not in self._filled:
            self._filled[size] = self._create()
            with Database(self._filled[size]) as database:
                repository = ContainerRepository(database, host=samples.HOST)
                if size:
                    repository.save_many(samples.writes(size))
                    repository.save_many([samples.write(samples.LARGE_SANDBOX, samples.LARGE)])
        url = self._copy(self._filled[size])
        self._copies.append(url)
        return url

    def empty(self) -> str:
        """Give the URL of a database without any schema."""
        url = self._create()
        self._copies.append(url)
        return url

    def forget(self, size: int | None = None) -> None:
        """Drop the copies; with ``size`` the database that they were copied from, too."""
        for url in self._copies:
            self._drop(url)
        self._copies.clear()
        if size is not None and size in self._filled:
            self._drop(self._filled.pop(size))

    def close(self) -> None:
        """Drop everything and stop what was started."""
        for url in (*self._copies, *self._filled.values()):
            self._drop(url)

    @property
    @abstractmethod
    def version(self) -> str:
        """The engine and its version, for people."""

    def settle(self, url: str) -> None:  # noqa: B027  files need nothing
        """Let an engine count again what was written into a database, as it would do by itself in time."""

    @abstractmethod
    def _create(self) -> str: ...

    @abstractmethod
    def _copy(self, url: str) -> str: ...

    @abstractmethod
    def _drop(self, url: str) -> None: ...


class Files(Place):
    """SQLite files in a folder."""

    engine = "sqlite"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = Path(tempfile.mkdtemp(prefix="persistdb-bench-", dir=folder))
        self._count = 0

    @property
    def version(self) -> str:
        """The library that the product chose."""
        return f"SQLite {driver().sqlite_version}"

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _create(self) -> str:
        self._count += 1
        return f"sqlite:///{self._folder}/{self._count}/persistdb.db"

    def _copy(self, url: str) -> str:
        new = self._create()
        source, target = _path(url), _path(new)
        target.parent.mkdir()
        # closed by its last connection, so that all of it is in the one file
        assert not source.with_name(source.name + "-wal").exists()  # noqa: S101  else the copy would lack commits
        shutil.copyfile(source, target)
        # what is still on its way to the disk would be synced by whoever commits first
        os.sync()
        return new

    def _drop(self, url: str) -> None:
        shutil.rmtree(_path(url).parent, ignore_errors=True)


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


class Servers(Place):
    """Databases on a server of ours, or on one that a URL leads to."""

    def __init__(self, server: Server, workspace: Workspace | None = None) -> None:
        super().__init__()
        self._server = server
        self._workspace = workspace

    def close(self) -> None:
        """Drop the databases and stop the server."""
        if not self._server.ours:
            super().close()
        self._server.close()
        if self._workspace is not None:
            self._workspace.remove()

    def ask(self, sql: str, url: str) -> Sequence[Sequence[Any]]:
        """Run a query as the administrator, in a database."""
        return self._server.execute(sql, database=_name(url))

    def _create(self) -> str:
        return self._server.url(self._server.create_database())

    def _drop(self, url: str) -> None:
        self._server.drop_database(_name(url))


class PostgreSQLPlace(Servers):
    """A PostgreSQL server."""

    engine = "postgresql"

    @property
    def version(self) -> str:
        """What the server says."""
        return f"PostgreSQL {self._server.execute('SHOW server_version')[0][0].split()[0]}"

    def _copy(self, url: str) -> str:
        name = self._server.create_database()
        self._server.execute(f"DROP DATABASE {name}")
        self._server.disconnect(_name(url))
        self._server.execute(f"CREATE DATABASE {name} TEMPLATE {_name(url)}")
        url = self._server.url(name)
        self.settle(url)
        return url

    def settle(self, url: str) -> None:
        """Do what autovacuum would have done by the time that a database is in use."""
        self._server.execute("VACUUM (ANALYZE)", database=_name(url))
        self._server.execute("CHECKPOINT")


class MariaDBPlace(Servers):
    """A MariaDB server."""

    engine = "mariadb"

    @property
    def version(self) -> str:
        """What the server says."""
        return f"MariaDB {self._server.execute('SELECT version()')[0][0].split('-')[0]}"

    def _copy(self, url: str) -> str:
        new = self._create()
        for table in TABLES:
            ((_, made),) = self._server.execute(f"SHOW CREATE TABLE {_name(url)}.{table}")
            self._server.execute(made, database=_name(new))
            self._server.execute(f"INSERT INTO {_name(new)}.{table} SELECT * FROM {_name(url)}.{table}")  # noqa: S608  our names
        with Database(new) as database, database.engine.connect() as connection:
            cursor = connection.connection.cursor()
            for view in views.creation(database.backend):
                cursor.execute(view)
            cursor.close()
        self.settle(new)
        return new

    def settle(self, url: str) -> None:
        """Let it count the rows."""
        self._server.execute(f"ANALYZE TABLE {', '.join(f'{_name(url)}.{table}' for table in TABLES)}")


def _name(url: str) -> str:
    return url.rpartition("/")[2]


def open_place(engine: str, folder: Path) -> Place:
    """Open a place for databases on an engine.

    Raises ``tests.servers.MissingServer`` on a machine without such a server.
    """
    return _OPENERS[engine](folder)


def _open_postgresql(folder: Path) -> Place:
    from tests.servers import PostgreSQL

    given = os.environ.get("PERSISTDB_TEST_POSTGRESQL_URL")
    if given:
        return PostgreSQLPlace(PostgreSQL.given(given))
    workspace = _workspace(folder)
    server = PostgreSQL.private(workspace)
    # the tests' servers may forget what a crash of the machine takes
    server.restart(fsync="on", full_page_writes="on", shared_buffers="256MB", max_wal_size="2GB")
    return PostgreSQLPlace(server, workspace)


def _open_mariadb(folder: Path) -> Place:
    from tests.servers import MariaDB

    given = os.environ.get("PERSISTDB_TEST_MARIADB_URL")
    if given:
        return MariaDBPlace(MariaDB.given(given))
    workspace = _workspace(folder)
    server = MariaDB.private(workspace)
    durable = {
        "innodb-flush-log-at-trx-commit": "1",
        "innodb-flush-method": "O_DIRECT",
        "innodb-doublewrite": "ON",
        # the other engines keep what they have read in the system's page cache, too
        "innodb-buffer-pool-size": "2G",
        "innodb-log-file-size": "256M",
    }
    server.restart(**durable)
    return MariaDBPlace(server, workspace)


def _workspace(folder: Path) -> Workspace:
    from tests.servers import Workspace

    # by its rule: servers' files are in memory unless TMPDIR says where
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None
    return Workspace()


_OPENERS: dict[str, Callable[[Path], Place]] = {
    "sqlite": Files,
    "postgresql": _open_postgresql,
    "mariadb": _open_mariadb,
}
