"""MariaDB prepares frequent statements, and nothing else changes."""

from __future__ import annotations

from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from persistdb import Database, Filter
from persistdb.db import work
from persistdb.db.work import Statement
from persistdb.engines.mariadb.prepared import MOST, OFTEN
from persistdb.records import Mount
from persistdb.store.compiled import Compiled
from persistdb.store.repository import ContainerRepository
from persistdb.store.shapes import QueryShape
from tests.store.samples import container, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Server


@pytest.fixture
def one(mariadb_store: tuple[str, Database]) -> Iterator[ContainerRepository]:
    """Return a repository with a sandbox, on a database of one connection."""
    with Database(mariadb_store[0], pool_size=1, retries=0) as database:
        repository = ContainerRepository(database, host="node-1")
        repository.save_sandbox(sandbox("pod"), {"c": container("t")})
        yield repository


def asked(repository: ContainerRepository, sql: str) -> list[tuple[str, str]]:
    """Run a statement on the database's one connection, not as the repository does."""
    with repository.database.engine.connect() as connection:
        result = connection.exec_driver_sql(sql)
        return [(str(name), str(value)) for name, value in result] if result.returns_rows else []


def counted(repository: ContainerRepository) -> dict[str, int]:
    """Count the statements that the connection prepared, and executed prepared."""
    sql = "SHOW SESSION STATUS WHERE variable_name IN ('Com_prepare_sql', 'Com_execute_sql')"
    return {name: int(value) for name, value in asked(repository, sql)}


def test_a_frequent_statement_is_prepared_once(one: ContainerRepository) -> None:
    """A frequent statement is prepared, once for its connection."""
    before = counted(one)
    for _ in range(OFTEN):
        one.get("pod", "c")
    assert counted(one) == before
    for _ in range(10):
        one.get("pod", "c")
    after = counted(one)
    assert after["Com_prepare_sql"] - before["Com_prepare_sql"] == 1
    assert after["Com_execute_sql"] - before["Com_execute_sql"] == 10


def test_prepared_statements_keep_every_value(one: ContainerRepository) -> None:
    """Prepared statements store and return values unchanged, whatever characters are in them, and NULL, too."""
    for i in range(2 * OFTEN):
        name = f"%s %(cid)s ? '\"\\\n`😀{i}"
        record = container(
            "", mounts=[Mount(source=name, options=None), Mount(source="?", options=[name])], processes=[]
        )
        one.save("pod", name, record)
        assert one.get("pod", name).record == record
        assert [named.cid for named in one.find(Filter("source", name))] == [name]
        assert one.look_up(name).cid == name
        one.transition("pod", name, "stopped", expected="running")
        assert one.load_sandbox("pod").containers[name].record.state == "stopped"
        assert one.delete("pod", name)


def test_statements_without_parameters(one: ContainerRepository) -> None:
    """A statement without parameters is prepared, too, and runs as often as others do."""
    compiled = Compiled(one.database)
    fixed = [
        getattr(kept, name)
        for kept in (compiled.built.statements, compiled.built.rows)
        for name, kind in vars(type(kept)).items()
        if isinstance(kind, cached_property)
    ]
    everything = QueryShape((), all_hosts=True)
    all_of = [*fixed, compiled.selects.count(everything), compiled.selects.page(everything, "sid")]
    bare = [each for each in all_of if isinstance(each, Statement) and "%(" not in each.sql]
    assert len(bare) == 1
    for statement in bare:
        before = counted(one)
        for _ in range(10):
            assert one.database.read(lambda: work.rows(statement, {"host": None})) == ((1,),)  # noqa: B023  run at once
        assert counted(one)["Com_execute_sql"] - before["Com_execute_sql"] == 10 - OFTEN


def test_a_change_by_others_is_seen(one: ContainerRepository, mariadb_store: tuple[str, Database]) -> None:
    """Prepared statements see commits by others, and others see theirs."""
    other = ContainerRepository(mariadb_store[1], host="node-1")
    for i in range(3 * OFTEN):
        state = ("stopped", "running")[i % 2]
        other.save("pod", "c", container("t", state=state))
        assert one.get("pod", "c").record.state == state
        one.save("pod", "c", container("t", state=state, bundle_path=str(i)))
        assert other.get("pod", "c").record.bundle_path == str(i)


def test_a_server_that_prepares_no_more(one: ContainerRepository, mariadb_server: Server) -> None:
    """A server whose max_prepared_stmt_count is reached gets unprepared statements."""
    mariadb_server.execute("SET GLOBAL max_prepared_stmt_count = 0")
    try:
        for state in ("stopped", "running") * OFTEN:
            one.save("pod", "c", container("t", state=state))
            assert one.get("pod", "c").record == container("t", state=state)
    finally:
        mariadb_server.execute("SET GLOBAL max_prepared_stmt_count = DEFAULT")
    assert counted(one)["Com_execute_sql"] == 0


def test_a_prepared_statement_that_is_gone(one: ContainerRepository) -> None:
    """A prepared statement that the server has lost, as after a switch of a proxy to another server, still runs."""
    for _ in range(OFTEN + 1):
        one.get("pod", "c")
    asked(one, "DEALLOCATE PREPARE persistdb_0")
    before = counted(one)
    for _ in range(OFTEN + 2):
        assert one.get("pod", "c").cid == "c"
    assert counted(one)["Com_prepare_sql"] == before["Com_prepare_sql"] + 1


def test_so_many_are_prepared_and_no_more(one: ContainerRepository) -> None:
    """A connection prepares a bounded number of statements, however many are frequent."""
    keys = ("state", "sid", "cid", "bundle", "cgroup", "type", "token")
    kinds = [chosen for size in range(1, len(keys) + 1) for chosen in combinations(keys, size)]
    assert len(kinds) > MOST
    for chosen in kinds:
        for _ in range(OFTEN + 1):
            assert one.count(*(Filter(key, "x") for key in chosen)) == 0
    assert counted(one)["Com_prepare_sql"] == MOST
