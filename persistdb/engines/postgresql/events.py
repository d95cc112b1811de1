"""The order of events on PostgreSQL: by transactions, each of which writes its number into its events.

Numbers are given when a transaction first writes. All below the least that is still running are over (``xmin`` of a
snapshot), so what they wrote is there, and nothing more can come with such a number. A transaction of another database
of the server that runs for long holds the order up, and nothing is lost.
"""

from __future__ import annotations

from ..events import EventOrder

_XMIN = "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)"
_XMAX = "CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)"

ORDER = EventOrder(
    columns=("transaction_id", "id"),
    settled=f"transaction_id < {_XMIN}",
    # A dump that was restored on another server: its events, and cursors from before, would come after all that this
    # one has yet to write.
    unfit="SELECT 'events have transaction numbers of another server: persistdb db prune gives them others'"
    f" FROM (SELECT max(transaction_id) AS newest FROM event) AS e WHERE newest >= {_XMAX}"
    f" UNION ALL SELECT 'the cursor is another server''s: begin without one' WHERE :transaction_id >= {_XMAX}",
    repairs=(
        f"UPDATE event SET transaction_id = 0 WHERE transaction_id >= {_XMAX}",
        f"UPDATE retention SET pruned_transaction_id = 0 WHERE pruned_transaction_id >= {_XMAX}",
    ),
)
