"""A PostgreSQL server and its standby behind HAProxy: one address, whichever of them is the primary."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository, Database
from tests.store.samples import put

if TYPE_CHECKING:
    from tests.servers import HAProxy, WithStandby

pytestmark = pytest.mark.slow


def test_a_standby_takes_over(with_standby: WithStandby, haproxy: HAProxy) -> None:
    """A save waits until the standby is promoted, and nothing that was acknowledged before is lost."""
    name = with_standby.primary.create_database()
    url = haproxy.url(with_standby.primary.url(name), target_session_attrs="read-write")
    with Database(url) as database:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a")
        with_standby.primary.kill()
        later = threading.Thread(target=put, args=(repository, "pod-2", "b"))
        later.start()
        with_standby.promote()
        later.join()
        assert repository.sandbox_ids() == ["pod-1", "pod-2"]
        assert with_standby.standby.execute("SELECT pg_is_in_recovery()") == [(False,)]
