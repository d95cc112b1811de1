"""A Galera cluster for tests: nodes of MariaDB that hold the same data, each of which is written to."""

from __future__ import annotations

import contextlib
import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from tests.servers.daemon import free_port
from tests.servers.mariadb import MariaDB
from tests.servers.server import MissingServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.servers.daemon import Workspace

# Debian's package galera-4, which mariadb-server brings, and where others put it.
PLACES: Sequence[str] = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so")

_SETTINGS = {
    "wsrep-on": "ON",
    "binlog-format": "ROW",
    "innodb-autoinc-lock-mode": "2",
    "wsrep-cluster-name": "persistdb",
    # one change after the other, so that one that has to wait holds the others back
    "wsrep-slave-threads": "1",
    "wsrep-sst-method": "missed",
}

# A node that is gone is missed after two seconds, not after five to fifteen.
_PROVIDER = {
    "gcache.size": "32M",
    "gcs.fc_limit": "64",
    "evs.keepalive_period": "PT0.2S",
    "evs.inactive_check_period": "PT0.2S",
    "evs.suspect_timeout": "PT2S",
    "evs.inactive_timeout": "PT6S",
    "evs.install_timeout": "PT6S",
    "gmcast.peer_timeout": "PT2S",
    "pc.announce_timeout": "PT1S",
}


# A node that joins asks this script how it gets the data (mariadb.com/kb/en/manual-sst-of-galera-cluster-node-with-…):
# it has them, up to its position, and what it has missed since comes from the other node itself.
_TRANSFER = """\
#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in
    --role) role=$2 ;;
    --datadir) data=$2 ;;
    --gtid) position=$2 ;;
    --bypass) bypass=1 ;;
  esac
  shift
done
case $role in
  joiner) echo ready 127.0.0.1; cat "${data%/}/position"; echo ;;
  donor) [ "$bypass" ] && echo "done $position" || exit 125 ;;
esac
"""


class Galera:
    """Three nodes of one cluster.

    They begin as copies of a cluster of one, so that none has to be sent the whole, which takes seconds and tools; a
    node that comes back is sent what it has missed.
    """

    def __init__(self, workspace: Workspace, size: int = 3) -> None:
        provider = next((place for place in PLACES if Path(place).exists()), None)
        if provider is None:
            raise MissingServer("no Galera library on this machine (libgalera_smm.so): install the package galera-4")
        transfer = workspace.path / "wsrep_sst_missed"
        transfer.write_text(_TRANSFER)
        transfer.chmod(0o755)
        members = [free_port() for _ in range(size)]
        template = _template(workspace, provider)
        self.nodes = [
            Node.stopped(workspace, _settings(provider, f"node-{number}", port, members), template)
            for number, port in enumerate(members)
        ]
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            first, *others = self.nodes
            first.begin()
            for node in others:  # several at once would be in each other's way for seconds
                node.start()
            undo.pop_all()

    def url(self, database: str) -> str:
        """Return the URL of a database, with a list of all nodes."""
        url = make_url(self.nodes[0].url(database))
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return url.render_as_string(hide_password=False).replace(f"127.0.0.1:{url.port}", hosts)

    def close(self) -> None:
        """End all nodes for good."""
        for node in self.nodes:
            node.close()


class Node(MariaDB):
    """One node; it is ready when it has all that the others have."""

    def begin(self) -> None:
        """Start it as the first node of its cluster."""
        options = self.daemon.options
        addresses = options["wsrep-cluster-address"]
        self.start(**{"wsrep-cluster-address": "gcomm://"})
        options["wsrep-cluster-address"] = addresses

    def start(self, **options: object) -> None:
        """Start it from where it was."""
        if not self.daemon.running:
            position = self._position()
            (self.data / "position").write_text(position)
            if position:
                options = {"wsrep-start-position": position, **options}
        super().start(**options)

    def answers(self) -> bool:
        """Whether it takes part."""
        if not super().answers():
            return False
        try:
            rows = self.execute("SHOW STATUS LIKE 'wsrep_%'")
        except DBAPIError:
            return False
        state = dict(map(tuple, rows))  # type: ignore[arg-type]  # rows of two
        return (state["wsrep_ready"], state["wsrep_local_state_comment"]) == ("ON", "Synced")

    def sees(self) -> int:
        """Return how many nodes it takes for its cluster, itself among them; 0 if it is not ready to say."""
        try:
            ((_, number),) = self.execute("SHOW STATUS LIKE 'wsrep_cluster_size'")
        except DBAPIError:
            return 0
        return int(number)

    def _position(self) -> str:
        """Find its place in the cluster's history, after a crash as InnoDB knows it."""
        if (self.data / "gvwstate.dat").exists():
            log = self.daemon.account.run([*self.daemon.command(self.daemon.options), "--wsrep-recover"])
            return str(re.findall(r"Recovered position: (\S+)", log)[-1])
        path = self.data / "grastate.dat"
        state = dict(re.findall(r"(\w+): +(\S+)", path.read_text())) if path.exists() else {}
        return f"{state['uuid']}:{state['seqno']}" if state else ""


def _settings(provider: str, name: str, port: int, members: Sequence[int]) -> dict[str, str]:
    options = _PROVIDER | {"gmcast.listen_addr": f"tcp://127.0.0.1:{port}", "ist.recv_addr": f"127.0.0.1:{free_port()}"}
    return _SETTINGS | {
        "wsrep-provider": provider,
        "wsrep-cluster-address": "gcomm://" + ",".join(f"127.0.0.1:{member}" for member in members),
        "wsrep-node-address": "127.0.0.1",
        "wsrep-node-name": name,
        "wsrep-provider-options": ";".join(f"{name}={value}" for name, value in options.items()),
    }


@functools.cache
def _template(workspace: Workspace, provider: str) -> Path:
    """Make the data of a cluster that has the user of the URLs."""
    port = free_port()
    node = Node.stopped(workspace, _settings(provider, "template", port, [port]))
    with contextlib.ExitStack() as undo:
        undo.callback(node.close)
        node.begin()
        node.create_user()
        node.stop()
    for name in ("galera.cache", "gvwstate.dat"):
        (node.data / name).unlink(missing_ok=True)
    return node.data
