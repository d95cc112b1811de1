"""The lease of a change of the schema, in a cluster: the engine's own lock for it is a node's."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sqlalchemy import MetaData
from sqlalchemy.schema import CreateTable

from ...engines.locks import SCHEMA_CHANGE
from ...errors import Busy
from ..core import METADATA
from ..names import CHANGE_LEASES
from .queue import Leases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection

    from ...db.database import Database

_PREFIX = "persistdb_"
# Galera makes all nodes wait while it changes a table, those that renew a lease, too.
_SECONDS = 120.0


@contextlib.contextmanager
def change_of_schema(database: Database, connection: Connection, wait: float) -> Iterator[None]:
    """Hold the lease for a change of the schema, whose tables may not be there yet.

    Its rows have tables of their own, which no revision creates or drops: they are there before the first one, and
    after a downgrade to none. Raises :class:`~.owner.LockUnavailable`, :class:`~persistdb.errors.Busy` if the lease was
    lost meanwhile.
    """
    _create_tables(connection)
    with database.another(database.timeouts.call) as own:
        lease = Leases(own, prefix=_PREFIX, seconds=_SECONDS).take(SCHEMA_CHANGE, shared=False, timeout=wait)
        # what the last holder changed through another node must be here before the version is read
        database.backend.see_other_nodes(connection)
        try:
            yield
        except BaseException:
            with contextlib.suppress(Exception):  # then it ends by itself
                lease.release()
            raise
        if not lease.release():
            raise Busy(database.url, "the lease for the change of the schema was lost meanwhile; start it again")


def _create_tables(connection: Connection) -> None:
    """Create the tables unless they are there; a cluster does one DDL statement after the other."""
    metadata = MetaData()
    for name in sorted(CHANGE_LEASES):
        table = METADATA.tables[name.removeprefix(_PREFIX)].to_metadata(metadata, name=name)
        for index in list(table.indexes):
            table.indexes.discard(index)  # one owner or two have rows here
        connection.execute(CreateTable(table, if_not_exists=True))
    connection.commit()
