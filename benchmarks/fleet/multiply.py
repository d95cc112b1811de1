"""Hosts that are copied inside the database: a fleet that the repository takes an hour to fill, in minutes."""

# ruff: noqa: S608  statements are put together from names of ours

from __future__ import annotations

import random
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text

from persistdb import Database, Timeouts
from persistdb.engines.types import UTCDateTime
from persistdb.schema.core import METADATA, host

from . import HEXADECIMAL, PER_HOST, fill_host, host_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Column, Connection, Index, Table, TextClause

TEMPLATE: Final = "template"
"""The host that is copied; it is removed afterwards."""
_DIGITS: Final = "αβγδεζηθικλμνξοπ"
"""The digits of the template's IDs, which nothing else is written with: on each host other ones stand for them."""
_NUMBERED: Final = ("sandbox", "container", "event")
"""The tables whose rows have numbers; those of a lifetime are its sandbox's and its container's."""
_LONG: Final = 7200.0
_WITH_IDS: Final = {
    *("host", "name", "boot_id", "sid", "cid", "token", "document", "value"),
    *("cgroup_path", "source", "host_path", "block_device_id", "device_id"),
}
"""The columns in which a host's IDs are, or its name."""

_EARLIER: Final = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S', {0}, '-' || :number || ' seconds') || substr({0}, 20)",
    "postgresql": "{0} - make_interval(secs => :number)",
    "mariadb": "{0} - INTERVAL :number SECOND",
}
"""A time that is earlier by the seconds of a host's number: hosts are not filled at once."""


def fill(
    url: str,
    hosts: Sequence[int],
    done: Callable[[int], object] = lambda _number: None,
    *,
    containers: int = PER_HOST,
) -> None:
    """Fill hosts with copies of one that the repository stores, a host in a transaction; ``done`` is told of each.

    A copy has other IDs and earlier times, and is else what :func:`.fill_host` makes. Indexes are made when all are
    there. Nobody else uses the database meanwhile.
    """
    with Database(url, timeouts=Timeouts(statement=_LONG)) as database:
        fill_host(database, TEMPLATE, containers, _DIGITS)
        backend = database.backend.name
        copied = [table for table in METADATA.sorted_tables if table is host or _kind(_key(table)) is not None]
        engine = database.engine.execution_options(persistdb_begin="write")
        with engine.begin() as connection:
            span = _span(connection)
            horizon = f"UPDATE retention SET horizon = {_EARLIER[backend].format('horizon')}"
            connection.execute(text(horizon), {"number": max(hosts)})
            for index in _indexes(copied):
                index.drop(connection)
        statements = [_copy(backend, table) for table in copied]
        for turn, number in enumerate(hosts, 1):
            values = _values(number, turn, span)
            with engine.begin() as connection:
                for statement in statements:
                    connection.execute(statement, values)
            done(number)
        with engine.begin() as connection:
            for table in reversed(copied):
                connection.execute(text(f"DELETE FROM {table.name} WHERE {_of_template(table)}"), values)
            for name in _NUMBERED if backend == "postgresql" else ():
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"))
            for index in _indexes(copied):
                index.create(connection)


def _values(number: int, turn: int, span: Mapping[str, tuple[int, int]]) -> dict[str, object]:
    """Return the parameters of the statements that make a host."""
    name = host_name(number)
    digits = random.Random(name).sample(HEXADECIMAL, len(HEXADECIMAL))  # noqa: S311  no secret
    values: dict[str, object] = {"number": number, "host": name, "template": TEMPLATE, "digits": "".join(digits)}
    values |= {f"digit_{i}": digit for i, digit in enumerate(digits)}
    for kind, (first, last) in span.items():
        values |= {f"first_{kind}": first, f"last_{kind}": last, f"shift_{kind}": turn * (last - first + 1)}
    return values


def _indexes(tables: Sequence[Table]) -> list[Index]:
    """Return the indexes that are not needed to find the template, nor by a constraint."""
    return [index for table in tables for index in sorted(table.indexes, key=lambda index: str(index.name))]


def _span(connection: Connection) -> dict[str, tuple[int, int]]:
    """Return the first and the last number of the template's rows, by the table that numbers them."""
    own = f"host = '{TEMPLATE}'"
    found = {}
    for name in _NUMBERED:
        condition = own if name == "sandbox" else f"sandbox_id IN (SELECT id FROM sandbox WHERE {own})"
        first, last = connection.execute(text(f"SELECT min(id), max(id) FROM {name} WHERE {condition}")).one()
        found[name] = int(first), int(last)
    return found


def _key(table: Table) -> Column[Any]:
    return next(iter(table.primary_key))


def _kind(column: Column[Any]) -> str | None:
    """Return the table that the numbers in a column are from."""
    kind = column.table.name.removesuffix("_lifetime") if column.name == "id" else column.name.removesuffix("_id")
    return kind if kind in _NUMBERED else None


def _copy(backend: str, table: Table) -> TextClause:
    names = ", ".join(column.name for column in table.c)
    values = ", ".join(_value(backend, column) for column in table.c)
    return text(f"INSERT INTO {table.name} ({names}) SELECT {values} FROM {table.name} WHERE {_of_template(table)}")


def _of_template(table: Table) -> str:
    if table is host:
        return "name = :template"
    key = _key(table)
    return f"{key.name} BETWEEN :first_{_kind(key)} AND :last_{_kind(key)}"


def _value(backend: str, column: Column[Any]) -> str:
    """Write what a copy has in a column."""
    kind = _kind(column)
    if kind is not None:
        return f"{column.name} + :shift_{kind}"
    if isinstance(column.type, UTCDateTime):
        return _EARLIER[backend].format(column.name)
    if column.name not in _WITH_IDS:
        return column.name
    if backend == "postgresql":
        digits = f"translate({column.name}, '{_DIGITS}', :digits)"
    else:
        digits = reduce(lambda of, i: f"replace({of}, '{_DIGITS[i]}', :digit_{i})", range(len(_DIGITS)), column.name)
    return f"replace({digits}, :template, :host)"
