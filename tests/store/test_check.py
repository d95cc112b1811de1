"""The check of all rows names every one that a read or a save would refuse."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from persistdb import Database
from persistdb.errors import Busy, Unavailable
from persistdb.schema import check
from persistdb.store.check import check_rows, find_faults
from persistdb.store.queries import PAGE
from persistdb.store.repository import ContainerRepository

from . import spoil
from .fixtures import HOST
from .samples import container, put, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from persistdb.errors import Finding
    from persistdb.store.repository import ContainerRepository as Repository


def _stored(request: pytest.FixtureRequest) -> tuple[Repository, str]:
    engine, kind = request.param
    repository = ContainerRepository(request.getfixturevalue(f"{engine}_store")[1], host=HOST)
    put(repository, "pod-1", "a", "b")
    put(repository, "pod-2", "a")
    return repository, kind


@pytest.fixture(params=spoil.params(spoil.CONTAINERS))
def with_container(request: pytest.FixtureRequest) -> Database:
    """Give a database in which the container pod-1/b is spoilt, in each way."""
    repository, kind = _stored(request)
    spoil.container(repository.database, "pod-1", "b", kind)
    return repository.database


@pytest.fixture(params=spoil.params(spoil.SANDBOXES))
def with_sandbox(request: pytest.FixtureRequest) -> Database:
    """Give a database in which the own row of pod-1 is spoilt, in each way."""
    repository, kind = _stored(request)
    spoil.sandbox(repository.database, "pod-1", kind)
    return repository.database


def test_sound(repository: Repository) -> None:
    """Good rows have no finding, whatever their values."""
    put(repository, "pod-1", "a", "b")
    repository.save_sandbox(sandbox("pod-2", state="\U0001f9ed", persist_version=-1), {"x": container()})
    assert check_rows(repository.database) == []
    assert check.check(repository.database) == []


@pytest.mark.parametrize("connections", [1, 5])
def test_all_at_once(store: tuple[str, Database], connections: int) -> None:
    """The check of all finds what the checks of the schema and of the rows do, also with a single connection."""
    repository = ContainerRepository(store[1], host=HOST)
    put(repository, "pod-1", "a", "b")
    spoil.container(store[1], "pod-1", "b", "no rootfs")
    with Database(store[0], pool_size=connections) as database:
        expected = check.check(database) + check_rows(database)
        assert len(expected) > 1
        assert find_faults(database) == expected


@pytest.mark.parametrize("error", [Busy("sqlite://", "locked"), MemoryError()], ids=["busy", "another"])
@pytest.mark.parametrize("connections", [1, 5])
def test_the_rows_cannot_be_read(
    store: tuple[str, Database], connections: int, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with the schema is told although the check of the rows fails, and that is raised then."""
    monkeypatch.setattr("persistdb.store.check.PAGE", 1)
    put(ContainerRepository(store[1], host=HOST), "pod-1", "a", "b")
    spoil.container(store[1], "pod-1", "b", "no rootfs")
    told: list[Finding] = []

    def fail(_done: int, _number: int) -> None:
        raise error

    with Database(store[0], pool_size=connections) as database:
        with pytest.raises(type(error)) as caught:
            find_faults(database, found=told.append, progress=fail)
        assert caught.value is error
        assert told == check.check(database) != []


def test_an_interrupt(sqlite_store: tuple[str, Database], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the check of the schema when the program is told to end."""
    monkeypatch.setattr("persistdb.store.check.PAGE", 1)
    put(ContainerRepository(sqlite_store[1], host=HOST), "pod-1", "a", "b")
    is_over = threading.Event()
    monkeypatch.setattr(check.Check, "run", lambda _check: is_over.wait())

    def interrupt(_done: int, _number: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_faults(sqlite_store[1], progress=interrupt)
    is_over.set()


def test_nothing_begins_after_an_interrupt(sqlite_store: tuple[str, Database], monkeypatch: pytest.MonkeyPatch) -> None:
    """The other thread ends with the step that it is at: whoever goes on after an interrupt has the database alone."""
    repository = ContainerRepository(sqlite_store[1], host=HOST)
    repository.save_sandbox(sandbox("pod-1", document="{}"), {"a": container()})
    is_over = threading.Event()
    begun: list[str] = []

    def begin(*_arguments: object) -> list[Finding]:
        begun.append("a step")
        return []

    def wait(_check: check.Check, _connection: object) -> list[Finding]:
        is_over.wait(60)
        return []

    def interrupt(_done: int, _number: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(check.Check, "_damage", wait)
    monkeypatch.setattr(check, "_tables", begin)
    monkeypatch.setattr("persistdb.store.check_derived._suspects", begin)
    with pytest.raises(KeyboardInterrupt):
        find_faults(sqlite_store[1], progress=interrupt)
    is_over.set()
    for thread in threading.enumerate():
        if thread.name == "persistdb beside":
            thread.join()
    assert begun == []


def test_the_schema_cannot_be_read(store: tuple[str, Database], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with rows is told although the check beside them fails; if both fail, its error has the other."""
    put(ContainerRepository(store[1], host=HOST), "pod-1", "a", "b")
    spoil.container(store[1], "pod-1", "b", "no rootfs")
    told: list[Finding] = []

    def fail(_check: check.Check) -> None:
        raise Unavailable(store[0], "gone")

    monkeypatch.setattr(check.Check, "run", fail)
    with pytest.raises(Unavailable, match="gone"):
        find_faults(store[1], found=told.append)
    assert told == check_rows(store[1]) != []
    monkeypatch.setattr("persistdb.store.check_decoded.Doubtful.containers", lambda *_: [][0])
    with pytest.raises(Unavailable, match="gone") as caught:
        find_faults(store[1], found=told.append)
    error: BaseException | None = caught.value
    while not isinstance(error, IndexError):
        assert error is not None
        error = error.__context__


def test_progress_of_all(sqlite_store: tuple[str, Database], monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of all tells how many containers it has looked at, and how many there are."""
    monkeypatch.setattr("persistdb.store.check_columns.PAGE", 2)
    put(ContainerRepository(sqlite_store[1], host=HOST), "pod-1", *"abcde")
    told: list[tuple[int, int]] = []
    assert find_faults(sqlite_store[1], progress=lambda done, number: told.append((done, number))) == []
    assert told == [(2, 5), (4, 5), (5, 5)]


@pytest.mark.parametrize("connections", [1, 5])
def test_progress_in_turn(store: tuple[str, Database], connections: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told of the containers, then of the sandboxes whose files are compared, then of the rules."""
    monkeypatch.setattr("persistdb.store.check_derived.PAGE", 1)
    repository = ContainerRepository(store[1], host=HOST)
    for number in range(3):
        repository.save_sandbox(sandbox(f"pod-{number}", document="{}"), {"a": container()})
    told: list[tuple[str, int, int]] = []

    def tell(what: str) -> Callable[[int, int], object]:
        return lambda done, number: told.append((what, done, number))

    with Database(store[0], pool_size=connections) as database:
        assert find_faults(database, progress=tell("containers"), files=tell("files"), rules=tell("rules")) == []
    order = [what for what, _, _ in told]
    assert order == sorted(order, key=("containers", "files", "rules").index)
    assert [each for each in told if each[0] == "containers"] == [("containers", 3, 3)]
    if connections == 1:  # else the other thread may have done all of one kind before it is told of
        assert [each for each in told if each[0] == "files"] == [("files", 1, 3), ("files", 2, 3), ("files", 3, 3)]
        assert told[-1][1] == told[-1][2]


def test_progress_where_all_is_decoded(sqlite_store: tuple[str, Database], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tables are not this program's, all rows are decoded, and progress is told, too."""
    monkeypatch.setattr("persistdb.store.check.PAGE", 2)
    put(ContainerRepository(sqlite_store[1], host=HOST), "pod-1", *"abcde")
    with sqlite_store[1].writer.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE container ADD COLUMN strange INTEGER")
    told: list[tuple[int, int]] = []
    findings = find_faults(sqlite_store[1], progress=lambda done, number: told.append((done, number)))
    assert ["strange" in str(each) for each in findings] == [True]
    assert told == [(2, 5), (4, 5)]


def test_a_container(with_container: Database) -> None:
    """A container that cannot be read is named with host, sid and cid, and nothing else is."""
    (finding,) = check_rows(with_container)
    assert finding.what == "containers or sandboxes that cannot be read"
    assert finding.columns == ("host", "sid", "cid", "reason")
    assert [row[:3] for row in finding.rows] == [(HOST, "pod-1", "b")]
    assert finding.count == 1
    check.check(with_container)  # and the other checks go through


def test_a_sandbox(with_sandbox: Database) -> None:
    """A sandbox whose own row cannot be read is named with host and sid."""
    (finding,) = check_rows(with_sandbox)
    assert [row[:3] for row in finding.rows] == [(HOST, "pod-1", None)]
    check.check(with_sandbox)


def test_many(repository: Repository) -> None:
    """Only the first ones are kept, and all are counted."""
    for i in range(30):
        put(repository, f"pod-{i}", "a")
    with repository.database.writer.begin() as connection:
        connection.execute(sa.text("UPDATE mount SET options = '[5]' WHERE position = 1"))
    (finding,) = check_rows(repository.database)
    assert (finding.count, len(finding.rows)) == (30, 20)


LOOSE = {
    "mount": ("UPDATE mount SET position = 'x' WHERE position = 3", "position"),
    "device_map": ("UPDATE device_map SET device_id = x'00'", "device_id"),
    "process": ("UPDATE process SET pid = 1.5", "pid"),
    "container": ("UPDATE container SET cid = x'ff'", "cid"),
    "sandbox": ("UPDATE sandbox SET persist_version = 4294967296", "persist_version"),
}


@pytest.mark.parametrize("table", LOOSE)
def test_types_that_only_sqlite_allows(sqlite_store: tuple[str, Database], table: str) -> None:
    """A value that is not of its column's type is named with table, row and column, even if it can be read."""
    database = sqlite_store[1]
    put(ContainerRepository(database, host=HOST), "pod-1", "a")
    statement, column = LOOSE[table]
    with database.writer.begin() as connection:
        connection.exec_driver_sql(statement)
    findings = [one for one in check.check(database) if one.what.startswith(f"rows of {table} with a value")]
    assert findings
    assert all(row[-1] == column for one in findings for row in one.rows)
    check_rows(database)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE container SET cid = x'ff'",
        "UPDATE container SET cid = CAST(x'61ff' AS TEXT)",
        "UPDATE sandbox SET sid = x'ff'",
        "UPDATE sandbox SET sid = CAST(x'61ff' AS TEXT)",
        "UPDATE sandbox SET host = x'ff'",
    ],
)
def test_ids_that_cannot_be_read(sqlite_store: tuple[str, Database], statement: str) -> None:
    """Where the ID itself is not text, the row is named by its number."""
    database = sqlite_store[1]
    put(ContainerRepository(database, host=HOST), "pod-1", "a")
    with database.writer.begin() as connection:
        connection.exec_driver_sql(statement)
    (finding,) = check_rows(database)
    assert "row 1" in str(finding)


def test_text_that_no_save_accepts(sqlite_store: tuple[str, Database]) -> None:
    """What can be read, but not be saved, is named."""
    database = sqlite_store[1]
    put(ContainerRepository(database, host=HOST), "pod-1", "a")
    with database.writer.begin() as connection:
        connection.exec_driver_sql("UPDATE container SET extra = '[1]'")
    (finding,) = check_rows(database)
    assert finding.what == "containers with values that no save accepts"
    assert "extra" in str(finding)


@pytest.mark.parametrize("id_", ["", ".hidden", "a/b", "lock", "é" * 128])
def test_ids_that_no_save_accepts(repository: Repository, id_: str) -> None:
    """A sandbox and a container under an ID that a save refuses, an empty one for example, are each named."""
    put(repository, "pod-1", "a", "b")
    put(repository, "pod-2", "a")
    assert check_rows(repository.database) == []
    with repository.database.writer.begin() as connection:
        connection.execute(sa.text("UPDATE container SET cid = :id WHERE cid = 'b'"), {"id": id_})
        connection.execute(sa.text("UPDATE sandbox SET sid = :id WHERE sid = 'pod-2'"), {"id": id_})
    of_container, of_sandbox = check_rows(repository.database)
    assert of_container.what == "containers with values that no save accepts"
    assert (of_container.count, of_container.rows[0][:3]) == (1, (HOST, "pod-1", id_))
    assert of_sandbox.what == "sandboxes with values that no save accepts"
    assert (of_sandbox.count, of_sandbox.rows[0][:3]) == (1, (HOST, id_, None))
    assert all("an ID cannot" in finding.rows[0][3] for finding in (of_container, of_sandbox))


def test_a_sandbox_and_its_container_without_ids(repository: Repository) -> None:
    """Where both have an empty ID, which sorts before all others, both are named."""
    put(repository, "pod", "a")
    with repository.database.writer.begin() as connection:
        connection.exec_driver_sql("UPDATE container SET cid = ''")
        connection.exec_driver_sql("UPDATE sandbox SET sid = ''")
    of_container, of_sandbox = check_rows(repository.database)
    assert (of_container.count, of_sandbox.count) == (1, 1)


def test_many_sandboxes(repository: Repository) -> None:
    """All pages of sandboxes are looked at, also those with one that cannot be read."""
    for number in range(PAGE + 5):
        put(repository, f"pod-{number}")
    with repository.database.writer.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE sandbox SET sid = 'lock' WHERE id = (SELECT max(id) FROM (SELECT id FROM sandbox) s)"
        )
        connection.exec_driver_sql(
            "UPDATE sandbox SET sid = '.' WHERE id = (SELECT min(id) FROM (SELECT id FROM sandbox) s)"
        )
    (finding,) = check_rows(repository.database)
    assert [row[1] for row in finding.rows] == [".", "lock"]


def test_options_that_are_no_json(mariadb_store: tuple[str, Database]) -> None:
    """On MariaDB, options that are no JSON are named, though they are read as none."""
    database = mariadb_store[1]
    put(ContainerRepository(database, host=HOST), "pod-1", "a")
    with database.writer.begin() as connection:
        connection.exec_driver_sql("SET check_constraint_checks = 0")
        connection.exec_driver_sql("UPDATE mount SET options = 'no' WHERE position = 1")
        connection.exec_driver_sql("SET check_constraint_checks = 1")
    (finding,) = check.check(database)
    assert "mount" in finding.what
    assert finding.rows[0][-1] == "options"


DOCUMENT = json.dumps(
    {
        "Devices": [{"ID": "a", "RefCount": 2**64}, {"ID": "v", "VFIODevs": [{"BDF": "3b:00.0"}]}],
        "HypervisorState": {"Pid": 4711},
        "Config": {
            "Annotations": {"own": "1"},
            "ContainerConfigs": [{"ID": "b", "Annotations": {"io.kubernetes.pod.name": "p"}}],
        },
    }
)


@pytest.mark.parametrize(
    ("change", "cid", "what"),
    [
        ("DELETE FROM sandbox_device WHERE position = 1", None, "devices"),
        ("UPDATE sandbox_device SET ref_count = 1 WHERE position = 0", None, "devices"),
        ("UPDATE vfio_device SET bdf = '0000:3b:00.1'", None, "devices"),
        ("UPDATE sandbox SET hypervisor_pid = NULL", None, "virtual machine"),
        ("UPDATE sandbox_annotation SET value = '2'", None, "annotations"),
        ("DELETE FROM annotation", "b", "annotations"),
        ("UPDATE container SET pod = '' WHERE cid = 'b'", "b", "names"),
        ("UPDATE container SET runtime = 'runc' WHERE cid = 'a'", "a", "runtime"),
    ],
)
def test_what_documents_say(repository: Repository, change: str, cid: str | None, what: str) -> None:
    """Rows that are not what the stored files say are named, with their sandbox; the others are not."""
    record = sandbox("pod-2", document=DOCUMENT)
    repository.save_sandbox(record, {"a": container(), "b": container("b")})
    assert check_rows(repository.database) == []
    with repository.database.writer.begin() as connection:
        connection.exec_driver_sql(change)
    (finding,) = check_rows(repository.database)
    ((host, sid, of, reason),) = finding.rows
    assert (host, sid, of) == (HOST, "pod-2", cid)
    assert what in reason


def test_what_was_found_before_a_table_was_missed(sqlite_store: tuple[str, Database]) -> None:
    """Rows that were found to be bad are named also where the comparison with stored files then lacks a table."""
    database = sqlite_store[1]
    put(ContainerRepository(database, host=HOST), "pod-1", "a", "b")
    spoil.container(database, "pod-1", "b", "no rootfs")
    with database.writer.begin() as connection:
        connection.exec_driver_sql("DROP TABLE sandbox_annotation")
    bad, missing = check_rows(database)
    assert [row[1:3] for row in bad.rows] == [("pod-1", "b")]
    assert "sandbox_annotation" in str(missing)
