"""MariaDB's lock of a table while a statement takes new numbers for its rows."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import create_engine, text

from persistdb import Busy, Database, Timeouts
from persistdb.store.repository import ContainerRepository
from tests.store.samples import put

# the second row is not selected before the lock is free, and the first one has a number by then
_TAKES_NUMBERS = text("""
    INSERT INTO sandbox (host, sid, state, persist_version, cgroup_path, layout, document, revision, created_at,
                         updated_at)
    SELECT 'other', concat('s', seq, IF(seq = 2, GET_LOCK('hold', 60), '')), '', 2, '', 'kata-3.2', NULL, 1, now(6),
           now(6)
    FROM seq_1_to_2
""")


def test_a_save_while_others_take_numbers(mariadb_url: str) -> None:
    """A save that waits in vain for new rows' numbers is Busy and wrote nothing; the same save works later."""
    engine = create_engine(mariadb_url.replace("mariadb://", "mariadb+pymysql://"))
    with Database(mariadb_url, timeouts=Timeouts(busy=1), retries=1) as database, engine.connect() as holder:
        repository = ContainerRepository(database, host="node-1")
        holder.execute(text("SELECT GET_LOCK('hold', 0)"))

        def insert() -> None:
            with engine.begin() as connection:
                connection.execute(_TAKES_NUMBERS)

        other = threading.Thread(target=insert)
        other.start()
        waiting = text("SELECT count(*) FROM information_schema.processlist WHERE state = 'User lock'")
        while other.is_alive() and not holder.execute(waiting).scalar_one():
            pass
        try:
            with pytest.raises(Busy):
                put(repository, "pod-1", "a")
            assert repository.sandbox_ids() == []
        finally:
            holder.execute(text("SELECT RELEASE_LOCK('hold')"))
            other.join()
        put(repository, "pod-1", "a")
        assert repository.get("pod-1", "a").cid == "a"
    engine.dispose()
