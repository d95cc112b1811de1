"""The files with the fixed statements: that they are what SQLAlchemy builds, and what is taken from them."""

from __future__ import annotations

import pytest

from persistdb.db.work import Statement
from persistdb.engines import resolve
from persistdb.store import fixed, write_sql
from persistdb.store.building import Built
from persistdb.store.building import fixed as statements
from persistdb.store.shapes import FilterShape, QueryShape

ENGINES = list(write_sql.URLS)


class Of:
    """The backend of an engine, and the statements that are built for it."""

    def __init__(self, url: str) -> None:
        self.backend, _ = resolve(url)
        self.built = Built(self.backend)


def loaded(group: str) -> fixed.Fixed:
    """Return a group of SQLite's statements."""
    of = Of("sqlite://")
    return fixed.Fixed(of.backend, group, of)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_file_is_what_is_built(engine: str) -> None:
    """The file of each engine is what `make sql` would write."""
    text = (fixed.FOLDER / f"{engine}.sql").read_text("utf-8")
    assert text == write_sql.written(engine), "run: make sql"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_loaded_statement_is_the_one_that_is_built(engine: str) -> None:
    """What a program loads is, to the character, what SQLAlchemy built, with its parameters in their order."""
    backend, _ = resolve(write_sql.URLS[engine])
    known = dict(fixed.texts(engine))
    for name, _, built in statements(Built(backend)):
        loaded = fixed.statement(backend, known.pop(name))
        assert (loaded and (loaded.sql, loaded.names)) == (built and (built.sql, built.names)), name
    assert not known


def test_an_old_library_reads_rows_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite before 3.51 has no jsonb_each: what is loaded and what is built have json_each instead."""
    backend, _ = resolve("sqlite://")
    new = loaded("statements").load_many
    monkeypatch.setattr("persistdb.engines.sqlite.syntax._JSONB_EACH", (999,))
    old = loaded("statements").load_many
    assert "jsonb_each(" in new.sql
    assert old.sql == new.sql.replace("jsonb_each(", "json_each(") == Built(backend).statements.load_many.sql


def test_a_line_is_broken_at_spaces_outside_of_quotes() -> None:
    """Quoted spaces, parentheses and words of SQL are no places to break a statement at."""
    where = "WHERE a IN (SELECT b FROM u WHERE c BETWEEN 1 AND 2)"
    sql = f"SELECT 'a  FROM (b' || ' ' || \"x (SELECT\" FROM t {where} LIMIT 1"
    assert list(write_sql.formatted(sql)) == [
        "SELECT 'a  FROM (b' || ' ' || \"x (SELECT\"",
        "FROM t",
        "WHERE a IN",
        "  (SELECT b",
        "  FROM u",
        "  WHERE c BETWEEN 1 AND 2)",
        "LIMIT 1",
    ]


@pytest.mark.parametrize(
    ("style", "sql", "names"),
    [
        ("qmark", "SELECT ?, '%', 1::text, ?, ':x'", ("a", "a")),
        ("format", "SELECT %s, '%%', 1::text, %s, ':x'", ("a", "a")),
        ("pyformat", "SELECT %(a)s, '%%', 1::text, %(a)s, ':x'", None),
    ],
)
def test_a_driver_gets_its_own_parameters(style: str, sql: str, names: tuple[str, ...] | None) -> None:
    r"""Parameters are written as the driver reads them; a percent sign, a cast and `\:` are no parameters."""
    statement = Statement(r"SELECT :a, '%', 1::text, :a, '\:x'", style)  # type: ignore[arg-type]  # of the table
    assert (statement.sql, statement.names) == (sql, names)


def test_what_is_not_in_the_file_is_built() -> None:
    """A statement that no file has, such as the payload that others are made of, comes from SQLAlchemy."""
    of = Of("sqlite://")
    assert fixed.Fixed(of.backend, "statements", of).container_json is of.built.statements.container_json
    assert fixed.Fixed(of.backend, "past", of).one.container_json is of.built.past.one.container_json
    shape = QueryShape((), all_hosts=True)
    assert fixed.FixedSelects(of.backend, of).count(shape).sql == of.built.selects.count(shape).sql
    assert fixed.FixedSelects(of.backend, of).ids(shape, "cid") is of.built.selects.ids(shape, "cid")


def test_a_filter_by_host_is_no_question_about_one_host() -> None:
    """The names of statements tell a filter by the host, over all hosts, from the repository's own host."""
    by_host = FilterShape("host", negated=False, prefix=False, indexed=True, bounded=False)
    own, filtered = QueryShape((), all_hosts=False), QueryShape((by_host,), all_hosts=True)
    assert fixed.question("count", own) != fixed.question("count", filtered)
