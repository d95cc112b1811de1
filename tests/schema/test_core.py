"""The tables, and the mapped classes on top of them."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.orm import Mapped
from sqlalchemy.schema import CreateIndex, CreateTable

from persistdb.schema import (
    audit,  # noqa: F401  its classes
    core,
    history,  # noqa: F401  its classes
)
from persistdb.schema.metadata import METADATA
from persistdb.schema.tables import Base

CLASSES = sorted((mapper.class_ for mapper in Base.registry.mappers), key=lambda each: each.__name__)


def test_each_table_has_its_class() -> None:
    """Every table is mapped by one class, and there is no other table."""
    assert {each.__table__ for each in CLASSES} == set(METADATA.tables.values())
    assert len(CLASSES) == len(METADATA.tables)
    assert METADATA is core.METADATA


@pytest.mark.parametrize("kind", CLASSES, ids=lambda each: each.__name__)
def test_a_class_says_what_its_columns_are(kind: Any) -> None:
    """An attribute's annotation has the type of its column, and None where there may be no value."""
    hints = {name: get_args(hint)[0] for name, hint in get_type_hints(kind).items() if get_origin(hint) is Mapped}
    for column in kind.__table__.c:
        hint = hints[column.name]
        types = set(get_args(hint)) if isinstance(hint, UnionType) else {hint}
        assert (NoneType in types) == bool(column.nullable), column
        (own,) = types - {NoneType}
        known = {core.JSON: {dict, list}, core.TIME: {datetime}}.get(column.type) or {column.type.python_type}
        assert (get_origin(own) or own) in known


def test_options_of_dialects_are_given_when_they_are_asked_for() -> None:
    """Partial indexes, their methods, prefixes, and tables without row IDs are what each engine has of them."""
    by_name = {index.name: index for table in METADATA.tables.values() for index in table.indexes}
    source = by_name["ix_mount_source"]
    where = "WHERE source >= '/' AND source < '0'"
    assert str(CreateIndex(source).compile(dialect=sqlite.dialect())).endswith(where)
    on_postgresql = str(CreateIndex(source).compile(dialect=postgresql.dialect()))
    assert "USING spgist" in on_postgresql
    assert on_postgresql.endswith(where)
    assert str(CreateIndex(source).compile(dialect=mysql.dialect())).endswith("(source(255))")
    assert "WITHOUT ROWID" in str(CreateTable(core.mount).compile(dialect=sqlite.dialect()))
    assert "WITHOUT ROWID" not in str(CreateTable(core.container).compile(dialect=sqlite.dialect()))


def test_tables_import_neither_the_orm_nor_a_dialect() -> None:
    """Who builds statements on the tables needs no ORM, and no dialect before one is used."""
    script = """
import sys
import persistdb.store.building
print(sorted(name for name in sys.modules if name == "sqlalchemy.orm" or name.startswith("sqlalchemy.dialects.")))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
