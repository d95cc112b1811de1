"""Abbreviated IDs: the query for the candidates, and the choice among them."""

from __future__ import annotations

import pytest

from persistdb.engines import resolve
from persistdb.errors import Ambiguous, InvalidValue, NotFound
from persistdb.filters import ALL_HOSTS, Filter, Scope
from persistdb.records import Container, ContainerState, Origin
from persistdb.store import lookup
from persistdb.store.selection import Selects
from persistdb.store.shapes import split
from persistdb.store.statements import Statements

from .stored import BEFORE, at

HERE = Scope("node-1")
BACKEND, URL = resolve("sqlite://")
SELECTS = Selects(Statements(BACKEND))
LAST = "\U0010ffff"


def container(ref: str, host: str = "node-1") -> Container:
    """Return the container ``SID/CID`` of a host."""
    sid, _, cid = ref.partition("/")
    return Container(
        host=host,
        sid=sid,
        cid=cid,
        record=ContainerState(),
        revision=1,
        origin=Origin(),
        created_at=at(BEFORE),
        updated_at=at(BEFORE),
    )


# --- one of several


@pytest.mark.parametrize(
    ("ref", "scope", "there", "says"),
    [
        ("web", HERE, ["a/web", "b/web"], "more than one container: a/web, b/web; give SANDBOX/CONTAINER"),
        ("web", HERE, ["a/web", "b/web", "c/web", "d/web"], "c/web, d/web, …; give SANDBOX/CONTAINER"),
        ("web", HERE, ["a/web", "b/web", "c/web-1", "d/web-1"], ": a/web, b/web, …; give SANDBOX/CONTAINER"),
        ("we", HERE, ["a/web", "b/web"], "a/web, b/web; give more of the ID"),
        ("p/web", HERE, ["pa/web", "pb/web"], "pa/web, pb/web; give more of SANDBOX"),
        ("p/we", HERE, ["p/web", "p/wet"], "p/web, p/wet; give more of the ID"),
        ("web", ALL_HOSTS, ["a/web", "b/web"], "a/web on host 'h0', b/web on host 'h1'; give SANDBOX/CONTAINER"),
        ("web", ALL_HOSTS, ["a/web", "a/web"], "a/web on host 'h0', a/web on host 'h1'; give the host: --host NAME"),
        ("a/web", ALL_HOSTS, ["a/web", "a/web"], "give the host: --host NAME"),
    ],
)
def test_several_say_how_to_choose(ref: str, scope: Scope, there: list[str], says: str) -> None:
    """An ID that fits several names them as SANDBOX/CONTAINER, and says what tells them apart."""
    with pytest.raises(Ambiguous) as caught:
        lookup.one_container(ref, [container(each, f"h{number}") for number, each in enumerate(there)], scope)
    assert str(caught.value).endswith(says)


# --- the query


@pytest.mark.parametrize("scope", [HERE, ALL_HOSTS])
@pytest.mark.parametrize("ref", ["web", "pod-1/web", "a/b/c"])
def test_the_query_for_containers(ref: str, scope: Scope) -> None:
    """The query for ``CID`` or ``SID/CID`` is that of its filters, a prefix for each, on one host or on all."""
    query, values = lookup.container_query(SELECTS, scope, ref)
    shape, expected = split(lookup.filters_of(ref, scope), scope)
    assert query is SELECTS.page(shape, "sid" if "/" in ref else "cid")
    assert values == {**expected, "limit": 4, "offset": 0}


@pytest.mark.parametrize(
    ("ref", "ends"),
    [
        (LAST, [LAST * 256]),
        (f"a/{LAST}", [LAST * 256, "b"]),
        (f"{LAST}/x{LAST}", ["y", LAST * 256]),
    ],
)
def test_a_prefix_that_nothing_follows(ref: str, ends: list[str]) -> None:
    """A prefix without a successor ends after every ID, so that the query is the same one."""
    query, values = lookup.container_query(SELECTS, HERE, ref)
    assert query is lookup.container_query(SELECTS, HERE, "a/b" if "/" in ref else "a")[0]
    assert [values[name] for name in ("end0", "end1") if name in values] == ends


@pytest.mark.parametrize(
    ("ref", "filters"),
    [
        ("web", [Filter("cid", "web", prefix=True)]),
        ("a/b/c", [Filter("cid", "c", prefix=True), Filter("sid", "a/b", prefix=True)]),
    ],
)
def test_the_query_as_filters(ref: str, filters: list[Filter]) -> None:
    """The same question as filters has a prefix for each ID; an empty ID is not found."""
    assert lookup.filters_of(ref, HERE) == filters
    with pytest.raises(NotFound):
        lookup.filters_of(f"{ref}/", HERE)


@pytest.mark.parametrize("ref", ["", "/", "pod-1/", "/web"])
@pytest.mark.parametrize("scope", [HERE, ALL_HOSTS])
def test_an_empty_id(ref: str, scope: Scope) -> None:
    """An ID with an empty part matches nothing."""
    with pytest.raises(NotFound) as caught:
        lookup.container_query(SELECTS, scope, ref)
    assert (caught.value.kind, caught.value.ref, caught.value.host) == ("container", ref, scope.host)


def test_the_query_for_sandboxes() -> None:
    """The query for a sandbox selects the range of IDs with the prefix."""
    assert lookup.sandbox_parameters("node-1", "pod") == {"host": "node-1", "sid": "pod", "sid_end": "poe"}
    assert lookup.sandbox_parameters("node-1", LAST)["sid_end"] == LAST * 256


def test_an_empty_id_of_a_sandbox() -> None:
    """An empty ID matches no sandbox."""
    with pytest.raises(NotFound) as caught:
        lookup.sandbox_parameters("node-1", "")
    assert (caught.value.kind, caught.value.ref, caught.value.host) == ("sandbox", "", "node-1")


@pytest.mark.parametrize("ref", [7, None, b"web", "a\0", "\ud800"])
def test_an_id_that_is_no_text(ref: str) -> None:
    """An ID that is not text, or text that no engine can hold, is refused."""
    with pytest.raises(InvalidValue):
        lookup.container_query(SELECTS, HERE, ref)
    with pytest.raises(InvalidValue):
        lookup.sandbox_parameters("node-1", ref)


# --- the choice


@pytest.mark.parametrize(
    ("ref", "candidates", "chosen"),
    [
        ("web", ["p/web"], "p/web"),
        ("w", ["p/web"], "p/web"),
        ("web", ["p/web", "p/web-1", "q/web-2"], "p/web"),
        ("p/w", ["p/web"], "p/web"),
        ("p/web", ["p-1/web", "p/web"], "p/web"),
        ("p/web", ["p/web", "p/web-1", "p-1/web"], "p/web"),
        ("p/w", ["p/web", "p-1/web"], "p/web"),  # an exact sid wins over a prefix
        ("p/web", ["p-1/web", "p-1/web-2"], "p-1/web"),
        ("p/web", ["p/web-1", "p-1/web"], "p/web-1"),
    ],
)
def test_the_choice_of_a_container(ref: str, candidates: list[str], chosen: str) -> None:
    """An exact match wins, of the sandbox before the container; otherwise a unique prefix is enough."""
    one = lookup.one_container(ref, [container(each) for each in candidates], HERE)
    assert f"{one.sid}/{one.cid}" == chosen


@pytest.mark.parametrize(
    ("ref", "candidates", "named"),
    [
        ("w", ["p/web", "q/www"], ["p/web", "q/www"]),
        ("web", ["p/web", "q/web", "q/web-1"], ["p/web", "q/web"]),
        ("p/w", ["p/web", "p/www", "p-1/web"], ["p/web", "p/www"]),
        ("p/web", ["p-1/web", "p-2/web", "p-3/web-1"], ["p-1/web", "p-2/web"]),
    ],
)
def test_several_containers(ref: str, candidates: list[str], named: list[str]) -> None:
    """Several equal matches are an Ambiguous error that names them, without the host on one host."""
    with pytest.raises(Ambiguous) as caught:
        lookup.one_container(ref, [container(each) for each in candidates], HERE)
    assert (caught.value.kind, caught.value.ref, caught.value.candidates) == ("container", ref, named)


def test_several_containers_on_several_hosts() -> None:
    """Over all hosts an Ambiguous error names each candidate's host."""
    candidates = [container("p/web", "node-1"), container("p/web", "node-2")]
    with pytest.raises(Ambiguous) as caught:
        lookup.one_container("web", candidates, ALL_HOSTS)
    assert caught.value.candidates == ["p/web on host 'node-1'", "p/web on host 'node-2'"]


@pytest.mark.parametrize("scope", [HERE, ALL_HOSTS])
def test_no_container(scope: Scope) -> None:
    """No match is a NotFound error with the ID, and with the host on one host."""
    with pytest.raises(NotFound) as caught:
        lookup.one_container("p/web", [], scope)
    assert (caught.value.kind, caught.value.ref, caught.value.host) == ("container", "p/web", scope.host)


@pytest.mark.parametrize(
    ("ref", "candidates", "chosen"), [("pod", ["pod"], "pod"), ("p", ["pod"], "pod"), ("pod", ["pod", "pod-1"], "pod")]
)
def test_the_choice_of_a_sandbox(ref: str, candidates: list[str], chosen: str) -> None:
    """An exact match wins; otherwise a unique prefix is enough."""
    assert lookup.one_sandbox(ref, candidates, host="node-1") == chosen


def test_several_sandboxes() -> None:
    """Several matching sandboxes are an Ambiguous error that names them."""
    with pytest.raises(Ambiguous) as caught:
        lookup.one_sandbox("pod", ["pod-1", "pod-2"], host="node-1")
    assert (caught.value.kind, caught.value.ref, caught.value.candidates) == ("sandbox", "pod", ["pod-1", "pod-2"])


def test_no_sandbox() -> None:
    """No matching sandbox is a NotFound error with the ID and the host."""
    with pytest.raises(NotFound) as caught:
        lookup.one_sandbox("pod", [], host="node-1")
    assert (caught.value.kind, caught.value.ref, caught.value.host) == ("sandbox", "pod", "node-1")


@pytest.mark.parametrize("number", [3, 4])
def test_as_many_candidates_as_are_asked_for(number: int) -> None:
    """Where a query for candidates is at its limit of four, the error says that there may be more."""
    with pytest.raises(Ambiguous) as several:
        lookup.one_sandbox("pod", [f"pod-{at}" for at in range(number)], host="node-1")
    with pytest.raises(Ambiguous) as containers:
        lookup.one_container("web", [container(f"pod/web-{at}") for at in range(number)], HERE)
    assert several.value.has_more is containers.value.has_more is (number == 4)
