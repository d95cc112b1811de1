"""HAProxy for tests: one address for a PostgreSQL server and its standby, from the machine's own package."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from tests.servers.daemon import Account, Daemon, Workspace, free_port
from tests.servers.pgbouncer import PLACES
from tests.servers.server import MissingServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.servers.standby import WithStandby

# As docs/fleet.md has it: the standby gets connections as soon as the primary takes none.
_SETTINGS = """\
defaults
    mode tcp
    timeout connect 2s
    timeout client 1h
    timeout server 1h
listen postgresql
    bind 127.0.0.1:{port}
    default-server check inter 100ms fall 2 rise 1 on-marked-down shutdown-sessions
    server one 127.0.0.1:{primary}
    server two 127.0.0.1:{standby} backup
"""


class HAProxy:
    """A proxy before a server and its standby."""

    def __init__(self, daemon: Daemon, port: int) -> None:
        self.daemon = daemon
        self.port = port

    @classmethod
    def private(cls, workspace: Workspace, pair: WithStandby) -> HAProxy:
        """Start one before a server and its standby."""
        binary = shutil.which("haproxy") or shutil.which("haproxy", path=os.pathsep.join(PLACES))
        if binary is None:
            raise MissingServer("no HAProxy on this machine: install the package haproxy")
        account = Account.ordinary("postgres")
        folder = workspace.folder("haproxy", account)
        port = free_port()
        settings = folder / "haproxy.cfg"
        settings.write_text(_SETTINGS.format(port=port, primary=pair.primary.port, standby=pair.standby.port))

        def command(_given: Mapping[str, str]) -> list[str]:
            return [binary, "-db", "-f", str(settings)]

        daemon = Daemon(command, account, workspace, folder, signal.SIGTERM, signal.SIGKILL, {})
        proxy = cls(daemon, port)
        daemon.start(proxy.answers)
        return proxy

    def url(self, url: str, **options: str) -> str:
        """Return a server's URL, through the proxy."""
        through = make_url(url).set(host="127.0.0.1", port=self.port).update_query_dict(options)
        return through.render_as_string(hide_password=False)

    def answers(self) -> bool:
        """Whether it takes connections."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self) -> None:
        """End it for good."""
        self.daemon.close()
