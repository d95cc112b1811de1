"""The border to programs: a value of any type, in any place, is accepted or refused by an error of ours."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from persistdb import Database, Timeouts
from persistdb.errors import InvalidValue, PersistDBError
from persistdb.filters import Filter, parse
from persistdb.records import ContainerState, SandboxWrite
from persistdb.reports import readonly
from persistdb.store.repository import ContainerRepository

from .samples import put, sandbox

COLORS = ("threads", "tasks")

Ask = Callable[[ContainerRepository, Any], object]

RECORD = ContainerState()
# where an ID or a text is asked for: everything else is refused
TEXTS: dict[str, Ask] = {
    "load_sandbox": lambda r, v: r.load_sandbox(v),
    "destroy_sandbox": lambda r, v: r.destroy_sandbox(v),
    "get, sid": lambda r, v: r.get(v, "a"),
    "get, cid": lambda r, v: r.get("pod-1", v),
    "exists, sid": lambda r, v: r.exists(v, "a"),
    "exists, cid": lambda r, v: r.exists("pod-1", v),
    "save, sid": lambda r, v: r.save(v, "a", RECORD),
    "save, cid": lambda r, v: r.save("pod-1", v, RECORD),
    "delete, sid": lambda r, v: r.delete(v, "a"),
    "delete, cid": lambda r, v: r.delete("pod-1", v),
    "transition, sid": lambda r, v: r.transition(v, "a", "paused", expected="running"),
    "transition, cid": lambda r, v: r.transition("pod-1", v, "paused", expected="running"),
    "transition, new": lambda r, v: r.transition("pod-1", "a", v, expected="running"),
    "transition, expected": lambda r, v: r.transition("pod-1", "a", "paused", expected=v),
    "look_up": lambda r, v: r.look_up(v),
    "look_up_ids": lambda r, v: r.look_up_ids(v),
    "look_up_sandbox": lambda r, v: r.look_up_sandbox(v),
    "lock": lambda r, v: r.lock(v),
    "sort": lambda r, v: r.find(sort=v),
    "filter's key": lambda r, v: r.find(Filter(v, "x")),
    "filter's value": lambda r, v: r.find(Filter("sid", v)),
    "parse": lambda _, v: parse(v),
}
# where other values are asked for: these may be among the odd ones
OTHERS: dict[str, Ask] = {
    "save_sandbox, record": lambda r, v: r.save_sandbox(v, {}),
    "save_sandbox, containers": lambda r, v: r.save_sandbox(sandbox("new"), v),
    "save_sandbox, a container": lambda r, v: r.save_sandbox(sandbox("new"), {"a": v}),
    "save_sandbox, origins": lambda r, v: r.save_sandbox(sandbox("new"), {}, origins=v),
    "save_sandbox, revision": lambda r, v: r.save_sandbox(sandbox("pod-1"), {}, revision=v),
    "save_many": lambda r, v: r.save_many(v),
    "save_many, one": lambda r, v: r.save_many([v]),
    "save_many, keep": lambda r, v: r.save_many([SandboxWrite(sid="new", keep=v)]),
    "save_many, sid": lambda r, v: r.save_many([SandboxWrite(sid=v)]),
    "save, record": lambda r, v: r.save("pod-1", "a", v),
    "save, revision": lambda r, v: r.save("pod-1", "a", RECORD, revision=v),
    "save, origin": lambda r, v: r.save("pod-1", "a", RECORD, origin=v),
    "delete, revision": lambda r, v: r.delete("pod-1", "a", revision=v),
    "filter": lambda r, v: r.find(v),
    "limit": lambda r, v: r.find(limit=v),
    "offset": lambda r, v: r.summaries(offset=v),
    "batch": lambda r, v: list(r.iterate(batch=v)),
    "lock, timeout": lambda r, v: r.lock("pod-1", timeout=v).release(),
    "host": lambda r, v: ContainerRepository(r.database, host=v),
    "repository": lambda _, v: ContainerRepository(v),
    "retries": lambda _, v: Database("sqlite:///x.db", retries=v),
    "pool_size": lambda _, v: Database("sqlite:///x.db", pool_size=v),
    "timeouts": lambda _, v: Database("sqlite:///x.db", timeouts=v),
    "busy": lambda _, v: Database("sqlite:///x.db", timeouts=Timeouts(busy=v)),
    "statement": lambda _, v: Database("postgresql://h/d", timeouts=Timeouts(statement=v)),
    "connect": lambda _, v: Database("mariadb://h/d", timeouts=Timeouts(connect=v)),
    "timeout of a query": lambda r, v: readonly.read(r.database, "SELECT 1", timeout=v),
}

_NO_TEXT = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.binary(max_size=4)
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=2), st.none(), max_size=2)
    | st.builds(object)
    | st.just(RECORD)
)
# few examples: each runs on three engines
_few = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.mark.parametrize("ask", TEXTS.values(), ids=TEXTS)
@_few
@given(value=_NO_TEXT)
def test_no_text(
    repository: ContainerRepository, ask: Callable[[ContainerRepository, Any], object], value: Any
) -> None:
    """Where text is asked for, everything else is InvalidValue, and nothing is changed."""
    put(repository, "pod-1", "a")
    with pytest.raises(InvalidValue):
        ask(repository, value)
    assert repository.exists("pod-1", "a")


@pytest.mark.parametrize("ask", OTHERS.values(), ids=OTHERS)
@_few
@given(value=_NO_TEXT | st.text(max_size=3))
def test_any_value(
    repository: ContainerRepository, ask: Callable[[ContainerRepository, Any], object], value: Any
) -> None:
    """Whatever is given elsewhere, the call succeeds, or raises an error of ours."""
    put(repository, "pod-1", "a")
    with contextlib.suppress(PersistDBError):
        ask(repository, value)
