"""A PostgreSQL server with a synchronous standby for tests: what is acknowledged is on both."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from tests.servers.daemon import ServerFailed
from tests.servers.postgresql import PostgreSQL
from tests.servers.server import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.daemon import Workspace

_REPLICATOR = "replicator"
_PATIENCE = 60.0


class WithStandby:
    """A primary and its standby, which begin as copies of the same data: to make a backup of one takes longer."""

    def __init__(self, workspace: Workspace) -> None:
        self.primary = PostgreSQL.stopped(workspace)
        with contextlib.ExitStack() as undo:
            undo.callback(self.primary.close)
            self.primary.start()
            self.primary.execute(f"CREATE ROLE {_REPLICATOR} LOGIN REPLICATION PASSWORD '{PASSWORD}'")
            self.primary.create_user()
            # its port is free now, and may not be later
            self.standby = _standby_of(self.primary, workspace)
            undo.callback(self.standby.close)
            self.standby.start()
            # not on the standby: when it is the primary, it has none
            self.primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            self.primary.execute("SELECT pg_reload_conf()")
            _wait(lambda: bool(self.primary.execute("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'")))
            undo.pop_all()

    def url(self, database: str, **options: str) -> str:
        """Return the URL of a database, with a list of both."""
        url = make_url(self.primary.url(database))
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in (self.primary, self.standby))
        text = url.update_query_dict(options).render_as_string(hide_password=False)
        return text.replace(f"127.0.0.1:{url.port}", hosts)

    def promote(self) -> None:
        """Make the standby the primary; the old one is not told."""
        self.standby.execute("SELECT pg_promote()")

    def close(self) -> None:
        """End both for good."""
        self.primary.close()
        self.standby.close()


def _standby_of(primary: PostgreSQL, workspace: Workspace) -> PostgreSQL:
    options = {
        "primary_conninfo": f"host=127.0.0.1 port={primary.port} user={_REPLICATOR} password={PASSWORD}",
        "wal_receiver_status_interval": "1",
        "wal_retrieve_retry_interval": "100ms",
    }
    standby = PostgreSQL.stopped(workspace, options)
    signal = standby.data / "standby.signal"
    signal.touch()
    account = standby.daemon.account
    if os.geteuid() == 0:
        os.chown(signal, account.uid, account.gid)
    return standby


def _wait(ready: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not ready():
        if time.monotonic() > end:
            raise ServerFailed("the standby does not follow")
        time.sleep(0.01)
