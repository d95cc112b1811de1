"""MariaDB servers that know nothing of clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerRepository, Database
from persistdb.engines.mariadb import causality
from tests.store.in_step import database_for_tasks, repository_for_tasks
from tests.store.samples import put

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sqlalchemy import Engine

    from tests.servers import Statements


@pytest.mark.parametrize("tasks", [False, True], ids=["threads", "tasks"])
def test_a_server_without_the_setting(
    mariadb_url: str,
    tasks: bool,
    monkeypatch: pytest.MonkeyPatch,
    statements: Callable[[Engine], AbstractContextManager[Statements]],
) -> None:
    """A server that was built without Galera does not have the setting, and is used without it."""
    monkeypatch.setattr(causality, "_VARIABLE", "wsrep_unknown_wait")
    with Database(mariadb_url) as database:
        repository = ContainerRepository(database, host="node-1")
        put(repository, "pod-1", "a")
        with statements(database.engine) as sent:
            repository.delete("pod-1", "a")
        assert "DELETE FROM container" in str(sent.texts)
        assert "wsrep" not in str(sent.texts)
        if tasks:
            with database_for_tasks(mariadb_url) as opened:
                put(repository_for_tasks(opened, "node-1", database), "pod-2", "a")
