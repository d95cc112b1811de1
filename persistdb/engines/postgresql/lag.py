"""How far a standby is behind its primary."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

# A standby that has replayed all that it received is behind only if it receives nothing: the age of what it replayed
# last would grow while the primary has nothing to do. Of the receiver other users see no more than that it is there.
# (postgresql.org/docs/current/functions-admin.html, "Recovery Information Functions")
_LAG = """
SELECT CASE
  WHEN NOT pg_is_in_recovery() THEN NULL
  WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT 1 FROM pg_stat_wal_receiver) THEN 0.0
  ELSE greatest(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0.0)
END
"""


def replica_lag(connection: Connection) -> float | None:
    """Return the age of the commit that was replayed last, 0 if all was; ``None`` for a server that is no standby."""
    (seconds,) = connection.exec_driver_sql(_LAG).one()
    return None if seconds is None else float(seconds)
