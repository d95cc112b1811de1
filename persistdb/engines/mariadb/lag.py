"""How far a replica is behind its primary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from sqlalchemy import Connection

# ER_SPECIFIC_ACCESS_DENIED_ERROR: it takes the right REPLICA MONITOR, or SLAVE MONITOR
_DENIED = 1227


def replica_lag(connection: Connection) -> float | None:
    """Return the greatest ``Seconds_Behind_Master`` of all that the server replicates.

    ``None`` if one of them is not running, if there is none, and for a user without the right to ask.
    """
    try:
        rows = connection.exec_driver_sql("SHOW ALL SLAVES STATUS").mappings().all()
    except DBAPIError as error:
        if error.orig is not None and error.orig.args[:1] == (_DENIED,):
            return None
        raise
    behind = [row["Seconds_Behind_Master"] for row in rows]
    return None if not behind or None in behind else float(max(behind))


def has_applied_all(connection: Connection) -> bool:
    """Return whether a node of a Galera cluster has nothing left to apply that it has received, and is in touch."""
    names = "'wsrep_ready', 'wsrep_local_recv_queue'"
    rows = connection.exec_driver_sql(f"SHOW GLOBAL STATUS WHERE Variable_name IN ({names})").all()
    status = {row[0]: row[1] for row in rows}
    return status.get("wsrep_ready") == "ON" and status.get("wsrep_local_recv_queue") == "0"
