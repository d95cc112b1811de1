"""Statements that psycopg sends together, on a connection that is lost meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from persistdb import Database
from persistdb.engines.postgresql import pipeline

if TYPE_CHECKING:
    from tests.servers import Server


def test_a_lost_connection_is_told_once(
    postgresql_server: Server, postgresql_store: tuple[str, Database], caplog: pytest.LogCaptureFixture
) -> None:
    """The error of a connection that is lost in the middle is raised; psycopg logs, and so prints, no second one."""
    with Database(postgresql_store[0]) as database:
        pooled = database.engine.raw_connection()
        driver = pooled.driver_connection
        assert driver is not None
        with pytest.raises(database.driver_error):
            _lose(driver, postgresql_server)
        assert driver.closed
        pooled.invalidate()
        with database.engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    assert [record.getMessage() for record in caplog.records if record.name == "psycopg"] == []


def _lose(driver: Any, server: Server) -> None:
    """Send statements together, until the connection's loss is noticed."""
    with pipeline.begin(driver):
        driver.cursor().execute("SELECT 1")
        server.execute(f"SELECT pg_terminate_backend({driver.info.backend_pid})")
        while True:
            driver.cursor().execute("SELECT 1")
