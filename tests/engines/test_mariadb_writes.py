"""The statements that change and delete rows on MariaDB: they seek these, and those of few rows join no table."""

from __future__ import annotations

import json

from sqlalchemy import event, text

from persistdb import ContainerRepository, Database
from persistdb.db.work import parameters_of
from persistdb.records import ContainerState, SandboxState, SandboxWrite
from persistdb.store import fixed

# these have one row each, and "item" is a statement's parameter
_SMALL = {"schema_support", "retention", "item", "<derived2>", None}
_LISTS = {"rows": [[1, 1, 1]], "names": [["x"]], "unread": [["x"]]}


def _document(cid: str) -> str:
    config = {"ID": cid, "Annotations": {"a": cid, "b": cid}}
    return json.dumps({"Devices": [{"ID": f"d{i}"} for i in range(5)], "Config": {"ContainerConfigs": [config]}})


def test_a_change_seeks_its_rows(mariadb_url: str) -> None:
    """No statement that changes or deletes rows reads a whole table, however many hosts there are."""
    with Database(mariadb_url) as database:
        for number in range(20):
            ContainerRepository(database, host=f"node-{number}").save_many(
                SandboxWrite(
                    sid=f"s{i}",
                    record=SandboxState(sid=f"s{i}", document=_document("c")),
                    containers={"c": ContainerState()},
                )
                for i in range(20)
            )
        changes = {
            name: sql
            for name, each in fixed.texts("mariadb").items()
            if (sql := fixed.one_line(each)).startswith(("UPDATE", "DELETE"))
        }
        assert len(changes) > 10
        whole = []
        with database.engine.connect() as connection:
            tables = "annotation, sandbox_annotation, sandbox_device, container, sandbox"
            connection.exec_driver_sql(f"ANALYZE TABLE {tables}").all()
            for name, sql in changes.items():
                values = {each: json.dumps(_LISTS[each]) if each in _LISTS else "1" for each in parameters_of(sql)}
                plan = connection.execute(text(f"EXPLAIN {sql}"), values).mappings()
                read_whole = {row["table"] for row in plan if row["type"] == "ALL"} - _SMALL
                whole += [(name, table) for table in read_whole]
        assert not whole


def test_a_save_of_few_containers_changes_one_table_at_a_time(mariadb_url: str) -> None:
    """A save that changes and removes up to eight containers sends no UPDATE or DELETE of several tables."""
    sent: list[str] = []
    with Database(mariadb_url) as database:
        repository = ContainerRepository(database, host="node-1")
        containers = {f"c{i}": ContainerState() for i in range(16)}
        repository.save_sandbox(SandboxState(sid="s"), containers)
        event.listen(database.engine, "before_cursor_execute", lambda _c, _cursor, sql, *_: sent.append(sql))
        changed = {f"c{i}": ContainerState(state="running") for i in range(8)}
        repository.save_sandbox(SandboxState(sid="s"), changed)
    changes = [sql for sql in sent if sql.startswith(("UPDATE", "DELETE"))]
    assert len(changes) >= 16
    assert not [sql for sql in changes if ", (SELECT" in sql]
