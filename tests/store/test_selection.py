"""Filters as statements: a question's shape determines the SQL, compiled once, and its values are parameters."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from persistdb.engines import resolve
from persistdb.errors import InvalidValue
from persistdb.filters import ALL_HOSTS, KEYS, Filter, Scope
from persistdb.store import conditions, selection, shapes
from persistdb.store.selection import SORTS, Selects
from persistdb.store.shapes import FilterShape, QueryShape, split, successor
from persistdb.store.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from persistdb.db.work import Statement

HERE = Scope("node-1")
LAST = "\U0010ffff"
SINCE = datetime(2026, 3, 14, 15, 9, tzinfo=timezone(timedelta(hours=2)))
VALUES: dict[str, Any] = {"text": "/x", "number": 7, "since": SINCE, "before": SINCE}


def shape(key: str, *, negated: bool = False, prefix: bool = False, indexed: bool = True, bounded: bool = False) -> Any:
    """Return the shape of a filter."""
    return FilterShape(key, negated, prefix, indexed, bounded)


# --- a question's shape and values


def test_no_filter() -> None:
    """Without filters the host is the only parameter."""
    assert split([], HERE) == (QueryShape((), all_hosts=False), {"host": "node-1"})
    assert split([], ALL_HOSTS) == (QueryShape((), all_hosts=True), {"host": None})


def test_values_are_no_part_of_the_shape() -> None:
    """The same question with other values has the same shape."""
    one, values = split([Filter("state", "running"), Filter("pid", 7), Filter("cid", "a", prefix=True)], HERE)
    other, others = split([Filter("cid", "b", prefix=True), Filter("state", ""), Filter("pid", 8)], Scope("node-2"))
    assert one == other
    assert hash(one) == hash(other)
    assert values == {
        "host": "node-1",
        "value0": "a",
        "end0": "b",
        "value1": 7,
        "end1": None,
        "value2": "running",
        "end2": None,
    }
    assert others == {**values, "host": "node-2", "value0": "b", "end0": "c", "value1": 8, "value2": ""}


def test_filters_are_in_the_order_of_their_keys() -> None:
    """Filters are sorted by key, negated ones last, so that their order does not matter."""
    filters = [
        Filter("type", "b"),
        Filter("cid", "x", negated=True),
        Filter("type", "a"),
        Filter("cid", "y"),
    ]
    one, values = split(filters, HERE)
    assert [(each.key, each.negated) for each in one.filters] == [
        ("cid", False),
        ("cid", True),
        ("type", False),
        ("type", False),
    ]
    assert [values[f"value{i}"] for i in range(4)] == ["y", "x", "b", "a"]
    assert split(reversed(filters), HERE)[0] == one


def test_the_scope_is_part_of_the_shape() -> None:
    """One host and all hosts are two shapes."""
    assert split([Filter("cid", "x")], HERE)[0] != split([Filter("cid", "x")], ALL_HOSTS)[0]


@pytest.mark.parametrize(
    ("key", "value", "indexed"),
    [
        *((key, value, bool(value)) for key in ("bundle", "cgroup", "block-device", "rootfs-device") for value in "x "),
        *((key, "", False) for key in ("bundle", "cgroup", "block-device", "rootfs-device", "host-path", "source")),
        ("host-path", "x", True),
        ("source", "/x", True),
        ("source", "tmpfs", False),
        ("pid", 1, True),
        ("pid", 0, False),
        ("pid", -1, False),
        ("destination", "/x", False),
        ("type", "x", False),
        *((key, value, True) for key in ("host", "sid", "cid", "state", "device", "token") for value in ("", "x")),
        ("since", SINCE, True),
        ("before", SINCE, True),
    ],
)
def test_which_values_are_indexed(key: str, value: Any, indexed: bool) -> None:
    """The shape says whether an index holds the value: a partial index holds only some values."""
    for negated in (False, True):
        one, _ = split([Filter(key, value, negated)], HERE)
        assert one.filters == (shape(key, negated=negated, indexed=indexed),)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (key, value)
        for key in sorted(shapes._PARTIAL_INDEXES.keys() | conditions._PARTIAL_INDEXES.keys())
        for value in ((-1, 0, 1) if KEYS[key] == "number" else ("", " ", "x", "/x"))
    ],
)
def test_an_index_has_what_is_said_to_be_indexed(key: str, value: str | int) -> None:
    """A value is said to be indexed where the words of the partial index hold of it."""
    words = conditions._PARTIAL_INDEXES[key].format(":value")
    with closing(sqlite3.connect(":memory:")) as connection:
        ((holds,),) = connection.execute(f"SELECT {words}", {"value": value})
    assert shapes.is_indexed(key, value) == bool(holds)


@pytest.mark.parametrize(
    ("value", "end", "bounded"), [("a", "b", True), (f"a{LAST}", "b", True), (LAST, None, False), ("", None, False)]
)
def test_which_prefixes_end(value: str, end: str | None, bounded: bool) -> None:
    """The shape says whether the range of a prefix has an end, and the end is a parameter."""
    one, values = split([Filter("state", value, prefix=True)], HERE)
    assert one.filters == (shape("state", prefix=True, bounded=bounded),)
    assert values["end0"] == end
    one, values = split([Filter("state", value)], HERE)
    assert one.filters == (shape("state"),)
    assert values["end0"] is None


def test_timestamps_are_utc() -> None:
    """A timestamp becomes the text of its time in UTC."""
    _, values = split([Filter("since", SINCE)], HERE)
    assert values["value0"] == "2026-03-14 13:09:00.000000"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, value) for key in ("cid", "state", "type") for value in (7, None, b"x", SINCE)),
        *(("pid", value) for value in ("7", None, 7.0, SINCE)),
        *((key, value) for key in ("since", "before") for value in ("1h", 7, None, SINCE.date())),
        *((key, SINCE.replace(tzinfo=None)) for key in ("since", "before")),
    ],
)
def test_values_of_another_type(key: str, value: Any) -> None:
    """A value of another type than its key's is refused, and so is a naive datetime."""
    wanted = {"text": "text", "number": "a whole number"}.get(KEYS[key], "a datetime with its time zone")
    with pytest.raises(InvalidValue) as caught:
        split([Filter(key, value)], HERE)
    assert (caught.value.field, caught.value.value) == ("filter", value)
    assert caught.value.reason == f"not a value for {key}: {wanted}"


@pytest.mark.parametrize("value", ["a\0", "\ud800"])
def test_values_that_no_engine_holds(value: str) -> None:
    """Text that no engine can hold is refused."""
    with pytest.raises(InvalidValue):
        split([Filter("cid", value)], HERE)


@pytest.mark.parametrize("key", ["nickname", "", "CID", "cid ", "host_path"])
def test_unknown_keys(key: str) -> None:
    """An unknown key is refused, and the error lists the known keys."""
    with pytest.raises(InvalidValue) as caught:
        split([Filter(key, "x")], HERE)
    assert (caught.value.field, caught.value.value) == ("filter", key)
    assert caught.value.reason == f"unknown key; use one of {', '.join(KEYS)}"


@pytest.mark.parametrize("key", [None, 7, b"cid"])
def test_a_key_that_is_no_text(key: Any) -> None:
    """A key that is not text is refused with its type, alone and beside others."""
    for filters in ([Filter(key, "x")], [Filter("cid", "x"), Filter(key, "x")]):
        with pytest.raises(InvalidValue, match="must be of type str") as caught:
            split(filters, HERE)
        assert caught.value.field == "filter"


def test_filters_as_text() -> None:
    """A filter may be given as the text that people write, beside others."""
    wanted = [Filter("state", "running"), Filter("cid", "a", prefix=True), Filter("pid", 7, negated=True)]
    assert split(["state=running", "cid=a*", wanted[2]], HERE) == split(wanted, HERE)
    with pytest.raises(InvalidValue, match="unknown key"):
        split(["status=running"], HERE)


@pytest.mark.parametrize("other", [("state", "running"), None])
def test_an_object_that_is_no_filter(other: Any) -> None:
    """An object that is no filter is refused, and the error says what one is."""
    with pytest.raises(InvalidValue, match=re.escape("text such as state=running, or a Filter")) as caught:
        split([Filter("cid", "x"), other], HERE)
    assert (caught.value.field, caught.value.value) == ("filter", other)


# --- the end of a prefix


@pytest.mark.parametrize(
    ("prefix", "end"),
    [
        ("a", "b"),
        ("az", "a{"),
        ("\x7f", "\x80"),
        ("\ud7ff", "\ue000"),  # surrogates lie between
        ("a\ud7ff", "a\ue000"),
        ("\uffff", "\U00010000"),
        (f"a{LAST}{LAST}", "b"),
        (LAST, None),
        (LAST * 3, None),
        ("", None),
    ],
)
def test_successor(prefix: str, end: str | None) -> None:
    """The end of a prefix has the successor of its last character that is not the greatest; surrogates are skipped."""
    assert successor(prefix) == end


EDGES = st.sampled_from(["\ud7ff", "\ue000", "\uffff", "\U00010000", LAST, "\U0010fffe", "\x01", "a", "b"])
TEXT = st.text(EDGES | st.characters(exclude_categories=["Cs"]))


@given(prefix=TEXT, rest=TEXT)
@example(prefix=LAST, rest=LAST)
def test_texts_with_a_prefix_are_below_its_end(prefix: str, rest: str) -> None:
    """Every text with a prefix is less than the prefix's end, by code points and by UTF-8's bytes."""
    end = successor(prefix)
    assert prefix <= prefix + rest
    if end is None:
        assert prefix == LAST * len(prefix)
    else:
        assert prefix + rest < end
        assert (prefix + rest).encode() < end.encode()


@given(prefix=TEXT, other=TEXT)
def test_no_other_text_is_below_its_end(prefix: str, other: str) -> None:
    """No text without the prefix lies between the prefix and its end."""
    end = successor(prefix)
    between = prefix <= other and (end is None or other < end)
    assert between == (other.startswith(prefix) or (end is None and prefix <= other))


# --- statements


def statements(url: str) -> Statements:
    """Return the statements of an engine, without a connection."""
    backend, _ = resolve(url)
    return Statements(backend)


ENGINES = ["sqlite://", "postgresql://h/d", "mariadb://h/d"]
BUILD: dict[str, Callable[[Selects, QueryShape], Statement]] = {
    "ids": lambda selects, shape: selects.ids(shape, "cid"),
    "names": lambda selects, shape: selects.names(shape, "-host"),
    "ids_after": lambda selects, shape: selects.ids_after(shape, named=False),
    "rest": lambda selects, shape: selects.page_after(shape, named=True),
    "rest of ids": lambda selects, shape: selects.ids_after(shape, named=True),
    "first page by name": lambda selects, shape: selects.page_after_name(shape, first=True),
    "page by name": lambda selects, shape: selects.page_after_name(shape, first=False),
    "page": lambda selects, shape: selects.page(shape, "sid"),
    "page after": lambda selects, shape: selects.page(shape, "-cid", after=True),
    "summaries": lambda selects, shape: selects.summaries(shape, "-updated"),
    "page_after": lambda selects, shape: selects.page_after(shape, named=False),
    "count": lambda selects, shape: selects.count(shape),
}


AFTER = dict.fromkeys(("after0", "after1", "after2"))
OF_ONE_HOST = {"rest", "rest of ids", "first page by name", "page by name"}


@pytest.mark.parametrize("build", BUILD.values(), ids=BUILD)
def test_a_shape_is_built_once(build: Callable[[Selects, QueryShape], Statement]) -> None:
    """One shape is compiled once, whatever its values; another shape is another statement."""
    selects = Selects(statements("sqlite://"))
    first = build(selects, split([Filter("state", "a"), Filter("pid", 7)], HERE)[0])
    assert build(selects, split([Filter("pid", 8), Filter("state", "b")], Scope("node-2"))[0]) is first
    for filters, scope in (
        ([Filter("state", "a"), Filter("pid", 7)], ALL_HOSTS),
        ([Filter("state", "a"), Filter("pid", 0)], HERE),
        ([Filter("state", "a", prefix=True), Filter("pid", 7)], HERE),
        ([Filter("state", "a", negated=True), Filter("pid", 7)], HERE),
        ([Filter("state", "a")], HERE),
    ):
        other = build(selects, split(filters, scope)[0])
        assert other is not first
        assert other.sql != first.sql


def test_an_order_is_part_of_a_statement() -> None:
    """Each sort order is a statement, compiled once."""
    selects = Selects(statements("sqlite://"))
    one, _ = split([], HERE)
    sorts = [sign + name for name in SORTS for sign in ("", "-")]
    assert len({selects.page(one, sort).sql for sort in sorts}) == len(sorts)
    assert all(selects.page(one, sort) is selects.page(one, sort) for sort in sorts)


def names(statement: Statement) -> set[str]:
    """Return the names of a statement's parameters."""
    return set(re.findall(r"%\((\w+)\)s", statement.sql) if statement.names is None else statement.names)


@pytest.mark.parametrize("url", ENGINES)
@pytest.mark.parametrize("key", KEYS)
def test_each_key_is_a_parameter(url: str, key: str) -> None:
    """On each engine, each key compiles to a statement whose parameters are the shape's and whose SQL has no value."""
    selects = Selects(statements(url))
    value = VALUES[KEYS[key]]
    filters = [Filter(key, value), Filter(key, value, negated=True)]
    if isinstance(value, str):
        filters += [Filter(key, value, prefix=True), Filter(key, LAST, prefix=True), Filter(key, "")]
    for each in filters:
        for scope in (HERE, ALL_HOSTS):
            one, values = split([each], scope)
            window = {"limit": 1, "offset": 0, "until": 1, "after": 0, "sid": "", "cid": "", **AFTER}
            for name, build in BUILD.items():
                if scope == ALL_HOSTS and name in OF_ONE_HOST:
                    continue
                statement = build(selects, one)
                assert "value0" in names(statement), name
                assert ("host" in names(statement)) == (scope == HERE), name
                assert ("end0" in names(statement)) == one.filters[0].bounded, name
                assert names(statement) <= values.keys() | window.keys(), name
                assert "node-1" not in statement.sql


@pytest.mark.parametrize("url", ENGINES)
@pytest.mark.parametrize("scope", [HERE, ALL_HOSTS])
def test_no_filter_is_no_parameter(url: str, scope: Scope) -> None:
    """Without filters only the host, and the page, are parameters of a statement."""
    selects = Selects(statements(url))
    host = {"host"} if scope == HERE else set()
    # MariaDB finds first among which rows a page of all hosts by name is
    by_name = {"limit", "offset", "until"} if url.startswith("mariadb") and scope == ALL_HOSTS else {"limit", "offset"}
    window = {"summaries": {"limit", "offset"}, **dict.fromkeys(("page", "ids", "names"), by_name)}
    window["page after"] = {*by_name, *AFTER}
    window |= {key: {"limit", "after"} for key in ("page_after", "ids_after")}
    window |= {key: {"limit", "after", "sid", "cid"} for key in ("rest", "rest of ids")}
    window |= {"first page by name": {"limit"}, "page by name": {"limit", "sid", "cid"}}
    for name, build in BUILD.items():
        if scope == ALL_HOSTS and name in OF_ONE_HOST:
            continue
        assert names(build(selects, split([], scope)[0])) == host | window.get(name, set()), name


@pytest.mark.parametrize("sort", ["", "-", "names", "--sid", "SID", "sid,cid"])
def test_unknown_orders(sort: str) -> None:
    """An unknown sort order is refused, and the error lists the known ones."""
    with pytest.raises(InvalidValue) as caught:
        selection.order(sort)
    assert (caught.value.field, caught.value.value) == ("sort", sort)
    assert caught.value.reason == f"unknown; use one of {', '.join(SORTS)}, with - before it for the reverse"


@pytest.mark.parametrize("sort", SORTS)
def test_a_reversed_order(sort: str) -> None:
    """A ``-`` before a sort order reverses each of its columns."""
    down = [f"{column} DESC" for column in selection.order(sort)]
    assert [str(column) for column in selection.order(f"-{sort}")] == down
