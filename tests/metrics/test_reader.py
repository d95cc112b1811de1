"""A user who may only read the views: what monitoring connects as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from persistdb import Database
from persistdb.metrics.readings import read
from persistdb.reports.page.html import Options, page
from tests.reports import fleet
from tests.reports.readers import granted

if TYPE_CHECKING:
    from tests.servers import Server


def test_a_reader_is_enough(server: Server) -> None:
    """A user with the role of a reader reads all numbers, but on MariaDB the size, and makes the page."""
    name = server.create_database()
    with Database(server.url(name)) as database:
        fleet.build(database)
        wanted = read(database)
    with granted(server, server.url(name)) as reader:
        found = read(reader)
        assert "</html>" in page(reader, Options())
    assert (found.containers, found.sandboxes, found.last_event) == (
        wanted.containers,
        wanted.sandboxes,
        wanted.last_event,
    )
    assert (found.size is None) == (server.dialect == "mariadb")
    server.drop_database(name)
