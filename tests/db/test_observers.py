"""Who listens to SQLAlchemy's events hears of the repository's own statements as of all others."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from sqlalchemy import event

from persistdb import Database, DatabaseError, Unreadable
from persistdb.db.work import Call, Statement, value
from tests.store.samples import container, put, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from persistdb import ContainerRepository
    from persistdb.db.work import Work

COLORS = ("threads", "tasks")


Heard = list[tuple[str, str, object]]


@contextlib.contextmanager
def listening(engine: Engine) -> Iterator[Heard]:
    """Note each event: what it is, the statement, and the context, in which a listener keeps what it has begun."""
    events: Heard = []

    def before(_connection: Any, _cursor: Any, sql: str, _values: Any, context: Any, _many: bool) -> None:
        context.begun = sql
        events.append(("before", sql, context))

    def after(_connection: Any, _cursor: Any, sql: str, _values: Any, context: Any, _many: bool) -> None:
        events.append(("after", context.begun, context))

    def fail(context: Any) -> None:
        events.append(("error", context.statement, context.execution_context))

    listeners = [("before_cursor_execute", before), ("after_cursor_execute", after), ("handle_error", fail)]
    for name, listener in listeners:
        event.listen(engine, name, listener)
    yield events
    for name, listener in listeners:
        event.remove(engine, name, listener)


@pytest.fixture
def heard(used: Engine) -> Iterator[Heard]:
    """Listen to the repository's engine."""
    with listening(used) as events:
        yield events


def test_each_begins_and_ends(repository: ContainerRepository, heard: Heard) -> None:
    """Each statement is told of before and after it, with the same context, one after the other."""
    put(repository, "pod-1", "a", "b")
    repository.get("pod-1", "a")
    repository.transition("pod-1", "a", "paused", expected="running")
    repository.save_sandbox(sandbox("pod-1"), {"a": container("a", mounts=[])})
    repository.find("state=running")
    assert len(heard) > 20
    for (first, sql, context), (second, same, again) in zip(heard[::2], heard[1::2], strict=True):
        assert (first, second) == ("before", "after")
        assert same == sql
        assert again is context


def test_one_that_fails(database: Database) -> None:
    """A statement that fails is told of with the context in which it began.

    After it the database is asked whether the program may still use it.
    """
    wrong = Statement("SELECT nonsense FROM nowhere", database.backend.style)
    with listening(database.engine) as heard, pytest.raises(DatabaseError):
        database.read(lambda: value(wrong, {}))
    assert [what for what, sql, _ in heard if sql == wrong.sql] == ["before", "error"]
    assert heard[0][2] is heard[1][2]


def test_only_errors(database: Database) -> None:
    """Who listens to errors alone hears of them, too, as SQLAlchemy would tell it."""
    contexts: list[Any] = []

    def fail(context: Any) -> None:
        contexts.append(context)

    event.listen(database.engine, "handle_error", fail)
    wrong = Statement("SELECT nonsense FROM nowhere", database.backend.style)
    try:
        with pytest.raises(DatabaseError):
            database.read(lambda: value(wrong, {}))
    finally:
        event.remove(database.engine, "handle_error", fail)
    (context,) = contexts
    assert context.statement == "SELECT nonsense FROM nowhere"
    assert context.original_exception is context.sqlalchemy_exception.orig
    assert not context.is_disconnect


@pytest.mark.parametrize("number", [1, 2])
def test_a_row_that_cannot_be_decoded(database: Database, number: int) -> None:
    """Who listens to errors hears nothing of what is no error of a statement, whether one was sent or several."""
    contexts: list[Any] = []

    def fail(context: Any) -> None:
        contexts.append(context)

    def refuse(payload: str) -> None:
        raise Unreadable(payload, "not as it was written", "node-1")

    def work() -> Work[object]:
        call = Call(Statement("SELECT 'a row'", database.backend.style), {}, refuse)
        yield [call] * number

    event.listen(database.engine, "handle_error", fail)
    try:
        with pytest.raises(Unreadable):
            database.read(work)
    finally:
        event.remove(database.engine, "handle_error", fail)
    assert contexts == []


def test_a_statement_that_is_changed(repository: ContainerRepository, used: Engine) -> None:
    """A listener may change a statement, to add a comment for instance."""
    put(repository, "pod-1", "a")
    sent: list[str] = []

    def comment(_c: Any, _cursor: Any, sql: str, values: Any, _context: Any, _many: bool) -> tuple[str, Any]:
        return f"{sql} /* traced */", values

    def note(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        sent.append(sql)

    event.listen(used, "before_cursor_execute", comment, retval=True)
    event.listen(used, "after_cursor_execute", note)
    try:
        assert repository.get("pod-1", "a").cid == "a"
    finally:
        event.remove(used, "before_cursor_execute", comment)
        event.remove(used, "after_cursor_execute", note)
    assert len(sent) == 1
    assert sent[0].endswith("/* traced */")


def test_echo(repository: ContainerRepository, used: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """The logger of SQLAlchemy's echo shows the statements, the beginning of their parameters, and the commit."""
    with caplog.at_level(logging.INFO, logger=used.logger.name):
        put(repository, "pod-1", "a", bundle_path="/a" * 500)
    lines = [record.getMessage() for record in caplog.records]
    assert any(line.startswith("INSERT INTO container") for line in lines)
    assert any(line.startswith("[fixed statement] ") and line.endswith(" characters)") for line in lines)
    assert lines[-1] == "COMMIT"
    caplog.clear()
    repository.get("pod-1", "a")
    assert caplog.records == []


def test_opentelemetry(repository: ContainerRepository, database: Database, used: Engine) -> None:
    """OpenTelemetry has a span for each statement, all of them ended, and one that failed says so."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    put(repository, "pod-1", "a")
    instrumentor = SQLAlchemyInstrumentor()
    # its check knows no SQLAlchemy 2.1 yet
    instrumentor.instrument(engine=used, tracer_provider=provider, skip_dep_check=True)
    try:
        repository.save("pod-1", "a", container("new", mounts=[]))
        repository.get("pod-1", "a")
        ended = exporter.get_finished_spans()
        assert len(ended) >= 4
        assert all(span.end_time is not None and span.status.status_code is not StatusCode.ERROR for span in ended)
        exporter.clear()
        if used is database.engine:
            with pytest.raises(DatabaseError):
                database.read(lambda: value(Statement("SELECT nonsense", database.backend.style), {}))
            failed, *_ = exporter.get_finished_spans()  # then the database is asked whether the program may use it
            assert failed.status.status_code is StatusCode.ERROR
    finally:
        instrumentor.uninstrument()
        provider.shutdown()
