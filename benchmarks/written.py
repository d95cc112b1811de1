"""What contenders have written, row for row: one that records less than the other does another job."""
# ruff: noqa: S608  statements are put together from our tables' names

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from persistdb.schema import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Ask = Callable[[str], tuple[Sequence[str], Iterable[Sequence[Any]]]]
    """Run a query, and return the names of its columns and its rows."""

# What no two writers have in common: when they wrote, and the numbers that the server gave out. IDs of containers and
# sandboxes become the names that their lifetimes have.
_OWN = frozenset({"at", "valid_from", "valid_to", "transaction_id"})


def rows(ask: Ask) -> Counter[tuple[object, ...]]:
    """Return the rows of all tables of the store, each as often as it is there, without times and IDs."""
    sandboxes = {id_: f"{host}/{sid}" for id_, host, sid in ask("SELECT id, host, sid FROM sandbox_lifetime")[1]}
    containers = {id_: f"{sandboxes[of]}/{cid}" for id_, of, cid in _lives(ask)}
    of_id = {"sandbox_id": sandboxes, "container_id": containers}
    found: Counter[tuple[object, ...]] = Counter()
    for table in (*names.TABLES, *names.HISTORY):
        columns, answer = ask(f"SELECT * FROM {table}")
        for row in answer:
            values = dict(zip(columns, row, strict=True))
            found[table, *_plain(values, of_id)] += 1
    return found


def _lives(ask: Ask) -> Iterable[Sequence[Any]]:
    return ask("SELECT id, sandbox_id, cid FROM container_lifetime")[1]


def _plain(values: Mapping[str, Any], of_id: Mapping[str, Mapping[int, str]]) -> Iterable[tuple[str, object]]:
    for name, value in values.items():
        if name == "id" or name in _OWN or name.endswith("_at"):
            continue
        yield name, of_id[name].get(value) if name in of_id else str(value)
