"""What is found: filters, sort orders, pages, look-ups by the beginning of an ID."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from persistdb import ContainerIDs, filters
from persistdb.errors import Ambiguous, InvalidValue, NotFound
from persistdb.filters import Filter, parse
from persistdb.records import ContainerState, ContainerSummary, DeviceMap, Mount, Process, SandboxState
from persistdb.store.repository import ContainerRepository
from persistdb.store.selection import SORTS

from .samples import container, put, sandbox

if TYPE_CHECKING:
    from persistdb.records import Container
    from tests.servers import Statements

COLORS = ("threads", "tasks")


def names(found: list[Container]) -> list[str]:
    return [f"{one.sid}/{one.cid}" for one in found]


def summary(one: Container) -> ContainerSummary:
    record = one.record
    return ContainerSummary(
        host=one.host,
        sid=one.sid,
        cid=one.cid,
        state=record.state,
        pid=record.processes[0].pid if record.processes else None,
        mounts=len(record.mounts),
        devices=len(record.device_maps),
        bundle_path=record.bundle_path,
        cgroup_path=record.cgroup_path,
        revision=one.revision,
        created_at=one.created_at,
        updated_at=one.updated_at,
    )


def find(repository: ContainerRepository, *texts: str, all_hosts: bool = False) -> list[str]:
    conditions = [parse(text) for text in texts]
    found = repository.find(*conditions, all_hosts=all_hosts)
    assert repository.count(*conditions, all_hosts=all_hosts) == len(found)
    assert repository.summaries(*conditions, all_hosts=all_hosts) == [summary(one) for one in found]
    return names(found)


@pytest.fixture
def pods(repository: ContainerRepository) -> ContainerRepository:
    """Fill a repository with two sandboxes whose containers differ in all that can be asked for."""
    repository.save_sandbox(
        sandbox("pod-1"),
        {
            "web": ContainerState(
                state="running",
                bundle_path="/run/bundle/web",
                cgroup_path="/kubepods/web",
                rootfs=Mount(source="/dev/vda", destination="/", type="ext4", block_device_id="drive-1"),
                mounts=[
                    Mount(source="proc", destination="/proc", type="proc", host_path="/srv/web"),
                    Mount(source="/dev/vdb", destination="/data", type="xfs", block_device_id="drive-2"),
                ],
                device_maps=[DeviceMap(id="drive-1"), DeviceMap(id="vfio-1")],
                processes=[Process(token="t-web", pid=100), Process(pid=-1)],
            ),
            "db": ContainerState(
                state="stopped",
                bundle_path="/run/bundle/db",
                cgroup_path="/kubepods/db",
                rootfs=Mount(type="virtiofs"),
                mounts=[Mount(source="/srv", destination="/data", type="bind", host_path="/srv/db")],
                processes=[Process(token="t-db", pid=-1)],
            ),
        },
    )
    repository.save_sandbox(sandbox("pod-2"), {"web": ContainerState(), "Web": ContainerState(state="running")})
    return repository


ALL = ["pod-1/db", "pod-1/web", "pod-2/Web", "pod-2/web"]
EMPTY = ["pod-2/Web", "pod-2/web"]

CASES = [
    ("host=node-1", ALL),
    ("host=node-2", []),
    ("sid=pod-1", ["pod-1/db", "pod-1/web"]),
    ("cid=web", ["pod-1/web", "pod-2/web"]),
    ("state=running", ["pod-1/web", "pod-2/Web"]),
    ("state=", ["pod-2/web"]),
    ("runtime=kata", ALL),
    ("namespace=k8s.io", []),
    ("pod=default/web-1", []),
    ("name=web", []),
    ("image=nginx", []),
    ("bundle=/run/bundle/db", ["pod-1/db"]),
    ("cgroup=/kubepods/web", ["pod-1/web"]),
    ("device=vfio-1", ["pod-1/web"]),
    ("block-device=drive-1", ["pod-1/web"]),
    ("block-device=drive-2", ["pod-1/web"]),
    ("rootfs-device=drive-1", ["pod-1/web"]),
    ("rootfs-device=drive-2", []),
    ("source=proc", ["pod-1/web"]),
    ("destination=/data", ["pod-1/db", "pod-1/web"]),
    ("host-path=/srv/db", ["pod-1/db"]),
    ("type=virtiofs", ["pod-1/db"]),
    ("type=bind", ["pod-1/db"]),
    ("token=t-db", ["pod-1/db"]),
    ("pid=100", ["pod-1/web"]),
    ("pid=-1", ["pod-1/db", "pod-1/web"]),
]


def test_every_key_has_a_case() -> None:
    """No key of the filters is left out of these tests."""
    assert {text.partition("=")[0] for text, _ in CASES} | {"since", "before"} == set(filters.KEYS)


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_filters(pods: ContainerRepository, text: str, expected: list[str]) -> None:
    """A filter finds the containers that have the value, and its negation all the others."""
    assert find(pods, text) == expected
    key, _, value = text.partition("=")
    assert find(pods, f"{key}!={value}") == [name for name in ALL if name not in expected]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], ALL),
        (["state=running", "state=stopped"], ["pod-1/db", "pod-1/web", "pod-2/Web"]),
        (["state=running", "sid=pod-1"], ["pod-1/web"]),
        (["state=running", "cid=db", "state=stopped"], ["pod-1/db"]),
        (["state=running", "cid=db"], []),
        (["state!=running", "state!=stopped"], ["pod-2/web"]),
        (["sid=pod-1", "cid!=web"], ["pod-1/db"]),
        (["type=bind", "type=xfs"], ["pod-1/db", "pod-1/web"]),
        (["type=proc", "type=xfs", "destination=/data"], ["pod-1/web"]),
        (["type!=proc", "type!=bind"], EMPTY),
        (["cid=web", "cid!=web"], []),
        (["pid=100", "pid=-1", "pid!=100"], ["pod-1/db"]),
    ],
)
def test_filters_together(pods: ContainerRepository, texts: list[str], expected: list[str]) -> None:
    """Filters of the same key are alternatives, those of different keys must all hold, negated ones all."""
    assert find(pods, *texts) == expected
    assert find(pods, *texts[::-1]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bundle=/run/*", ["pod-1/db", "pod-1/web"]),
        ("bundle=/run/bundle/w*", ["pod-1/web"]),
        ("bundle!=/run/*", EMPTY),
        ("bundle=*", ALL),
        ("token=t-*", ["pod-1/db", "pod-1/web"]),
        ("cid=w*", ["pod-1/web", "pod-2/web"]),
        ("host-path=/srv*", ["pod-1/db", "pod-1/web"]),
        ("rootfs-device=drive*", ["pod-1/web"]),
        ("bundle=/run*dle*", []),
        ("cid=%", []),
        ("cid=we_*", []),
        ("cid=W_b", []),
        ("cid=WEB", []),
        ("state=Running", []),
    ],
)
def test_prefixes(pods: ContainerRepository, text: str, expected: list[str]) -> None:
    """A star at the end makes a prefix; no other character is special, and A is not a."""
    assert find(pods, text) == expected


ODD = [
    "a%",
    "a_",
    "ab",
    "a*",
    "a\\",
    "a'; DROP TABLE container; --",
    'a"',
    "A",
    "a ",
    "a\n",
    "ä",
    "\uff41",
    "\U0010ffff",
]


@pytest.mark.parametrize("cid", ODD)
def test_odd_characters_are_ordinary(repository: ContainerRepository, cid: str) -> None:
    """Wildcards, quotes, backslashes, spaces and what people write in SQL are data in filters and look-ups."""
    put(repository, "pod-1", *ODD)
    assert names(repository.find(Filter("cid", cid))) == [f"pod-1/{cid}"]
    assert names(repository.find(Filter("cid", cid, prefix=True))) == [f"pod-1/{cid}"]
    assert names(repository.find(Filter("cid", cid, negated=True))) == [f"pod-1/{o}" for o in sorted(ODD) if o != cid]
    assert repository.look_up(cid).cid == cid
    assert repository.look_up(f"pod-1/{cid}").cid == cid


@pytest.mark.parametrize("prefix", ["\ud7ff", "\U0010ffff", "a\U0010ffff", "\ue000", "z"])
def test_prefixes_at_the_ends_of_unicode(repository: ContainerRepository, prefix: str) -> None:
    """A prefix that ends with the last character before a gap, or the last of all, finds what begins with it only."""
    put(repository, "pod-1", *(f"{p}{rest}" for p in (prefix, "a", "\ue001") for rest in ("", "x", "\U0010ffff")))
    expected = sorted({f"pod-1/{prefix}", f"pod-1/{prefix}x", f"pod-1/{prefix}\U0010ffff"})
    assert names(repository.find(Filter("cid", prefix, prefix=True))) == expected


def test_since_and_before(repository: ContainerRepository) -> None:
    """Since and before go by the last change, to the microsecond: since includes the moment, before does not."""
    put(repository, "pod-1", "a")
    put(repository, "pod-2", "b")
    repository.transition("pod-1", "a", "paused", expected="running")
    earlier, later = (repository.get(*ref).updated_at for ref in (("pod-2", "b"), ("pod-1", "a")))
    assert earlier < later
    assert names(repository.find(Filter("since", later))) == ["pod-1/a"]
    assert names(repository.find(Filter("before", later))) == ["pod-2/b"]
    assert names(repository.find(Filter("since", earlier), Filter("before", later))) == ["pod-2/b"]
    assert repository.find(Filter("since", later + timedelta(microseconds=1))) == []
    assert repository.find(Filter("before", earlier)) == []
    assert find(repository, f"since={later.isoformat()}") == ["pod-1/a"]
    assert find(repository, "since=1h") == ["pod-1/a", "pod-2/b"]
    assert find(repository, "before=1h") == []


def test_filters_of_other_hosts(repository: ContainerRepository) -> None:
    """A repository finds its own host's containers, and those of all hosts when asked for."""
    elsewhere = ContainerRepository(repository.database, host="node-2")
    put(repository, "pod-1", "web")
    put(elsewhere, "pod-1", "web", "db")
    assert find(repository, "cid=web") == ["pod-1/web"]
    assert [one.host for one in repository.find(all_hosts=True, sort="host")] == ["node-1", "node-2", "node-2"]
    assert find(repository, "host=node-2") == []
    assert find(repository, "host=node-2", all_hosts=True) == ["pod-1/db", "pod-1/web"]
    assert repository.count() == 1
    assert repository.count(all_hosts=True) == 3
    assert len(list(repository.iterate())) == 1
    assert len(list(repository.iterate(all_hosts=True, batch=2))) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        Filter("colour", "red"),
        Filter("pid", "7"),
        Filter("cid", 7),
        Filter("since", "yesterday"),
        Filter("before", datetime(2026, 1, 1)),  # noqa: DTZ001  that it has no time zone is the point
    ],
)
def test_filters_that_make_no_sense(repository: ContainerRepository, wrong: Filter) -> None:
    """A filter of an unknown key or with a value of the wrong kind is refused, on every engine alike."""
    with pytest.raises(InvalidValue) as caught:
        repository.find(wrong)
    assert caught.value.field == "filter"


# --- order and pages


def test_sort(repository: ContainerRepository) -> None:
    """Containers are sorted by any of the columns, by the bytes of text, forwards and backwards."""
    put(repository, "pod-b", "x", state="running")
    put(repository, "pod-B", "é", "z", "Z", state="stopped")
    put(repository, "pod-a", "y", "x ", state="paused")
    by_sid = ["pod-B/Z", "pod-B/z", "pod-B/é", "pod-a/x ", "pod-a/y", "pod-b/x"]
    assert names(repository.find()) == by_sid
    assert names(repository.find(sort="-sid")) == by_sid[::-1]
    by_cid = ["pod-B/Z", "pod-b/x", "pod-a/x ", "pod-a/y", "pod-B/z", "pod-B/é"]
    assert names(repository.find(sort="cid")) == by_cid
    by_state = ["pod-a/x ", "pod-a/y", "pod-b/x", "pod-B/Z", "pod-B/z", "pod-B/é"]
    assert names(repository.find(sort="state")) == by_state
    created = [one.created_at for one in repository.find(sort="-created")]
    assert created == sorted(created, reverse=True)
    repository.transition("pod-b", "x", "paused", expected="running")
    assert names(repository.find(sort="-updated", limit=1)) == ["pod-b/x"]


def test_sort_by_what_a_list_shows(repository: ContainerRepository) -> None:
    """Numbers are sorted as numbers, paths by all of their bytes, and a container without a process before any pid."""
    long = "/run/" + "x" * 3000
    made = {
        "none": ContainerState(bundle_path=f"{long}b", cgroup_path="/B"),
        "init": ContainerState(processes=[Process(token="i", pid=-1)], bundle_path=f"{long}a", cgroup_path="/a"),
        "two": ContainerState(
            state="ready",
            processes=[Process(token="2", pid=9), Process(token="3", pid=1)],
            mounts=[Mount(destination="/a"), Mount(destination="/b")],
            device_maps=[DeviceMap(id="d")],
            bundle_path="/é",
        ),
        "ten": ContainerState(
            rootfs=Mount(source="/root"),
            processes=[Process(token="t", pid=10)],
            mounts=[Mount(destination=f"/{i}") for i in range(10)],
            device_maps=[DeviceMap(id=f"d{i}") for i in range(10)],
            cgroup_path="/b",
        ),
    }
    for cid, record in made.items():
        repository.save_sandbox(SandboxState(sid=f"pod-{cid}"), {cid: record})
    repository.transition("pod-two", "two", "running", expected="ready")
    wanted = {
        "pid": ["none", "init", "two", "ten"],
        "mounts": ["none", "init", "two", "ten"],
        "devices": ["none", "init", "two", "ten"],
        "bundle": ["ten", "init", "none", "two"],
        "cgroup": ["two", "none", "init", "ten"],
        "revision": ["none", "init", "ten", "two"],
    }
    for sort, cids in wanted.items():
        assert [one.cid for one in repository.summaries(sort=sort)] == cids
        assert [one.cid for one in repository.summaries("sid=pod-t*", sort=sort)] == [c for c in cids if c[0] == "t"]
        reverse = [one.cid for one in repository.summaries(sort=f"-{sort}")]
        assert reverse == cids[::-1]


@pytest.mark.parametrize("sort", [f"{sign}{name}" for name in SORTS for sign in ("", "-")])
def test_pages_of_any_order(repository: ContainerRepository, sort: str) -> None:
    """Pages of any sort order make up the whole, also where rows of several hosts are alike."""
    for host in ("node-1", "node-2", "node-3"):
        one = ContainerRepository(repository.database, host=host)
        put(one, "pod-1", "a", "b")
        put(one, "pod-2", "a")
    whole = repository.find(sort=sort, all_hosts=True)
    assert len({(one.host, one.sid, one.cid) for one in whole}) == 9
    pages = [repository.find(sort=sort, limit=2, offset=at, all_hosts=True) for at in range(0, 10, 2)]
    assert [len(page) for page in pages] == [2, 2, 2, 2, 1]
    assert [one for page in pages for one in page] == whole
    assert repository.find(sort=sort, limit=0) == []
    assert repository.find(sort=sort, offset=2, limit=None) == repository.find(sort=sort)[2:]


@pytest.mark.parametrize("sort", SORTS)
def test_no_two_containers_are_alike_in_a_sort_order(repository: ContainerRepository, sort: str) -> None:
    """Each sort order turned round is its exact reverse, hosts included: no order is left to the engine."""
    for host in ("node-2", "node-1", "node-3"):
        put(ContainerRepository(repository.database, host=host), "pod-1", "a", "b")
    there = repository.find(sort=sort, all_hosts=True)
    assert there[::-1] == repository.find(sort=f"-{sort}", all_hosts=True)


@pytest.mark.parametrize("sort", ["", "-", "size", "--sid", "sid desc", "SID", "sid; after"])
def test_unknown_sort_orders(repository: ContainerRepository, sort: str) -> None:
    """An unknown sort order is refused, and the error lists those there are."""
    with pytest.raises(InvalidValue, match="use one of sid, cid, state, host, created, updated"):
        repository.find(sort=sort)


@pytest.mark.parametrize("sort", ["sid", "-sid", "cid", "-cid", "host", "-host"])
@pytest.mark.parametrize("filters", [(), ("cid=a*", "state!=stopped")])
def test_pages_after_a_container(repository: ContainerRepository, sort: str, filters: tuple[str, ...]) -> None:
    """The pages after their last containers make up the list, on one host and on all."""
    other = ContainerRepository(repository.database, host="node-2")
    for one in (repository, other):
        put(one, "pod-1", "a", "a-1", "b")
        put(one, "pod-2", "a", "c")
    for all_hosts in (False, True):
        whole = repository.summaries(*filters, sort=sort, all_hosts=all_hosts)
        assert len(whole) == (3 if filters else 5) * (1 + all_hosts)
        paged = repository.summaries(*filters, sort=sort, limit=2, all_hosts=all_hosts)
        while page := repository.summaries(*filters, sort=sort, limit=2, after=paged[-1], all_hosts=all_hosts):
            paged += page
        assert paged == whole
        third = ContainerIDs(whole[2].host, whole[2].sid, whole[2].cid)
        found = repository.find(*filters, sort=sort, after=third, all_hosts=all_hosts)
        assert [(one.host, one.sid, one.cid) for one in found] == [(one.host, one.sid, one.cid) for one in whole[3:]]


@pytest.mark.parametrize("sort", [sign + sort for sort in SORTS for sign in ("", "-")])
def test_pages_after_a_cursor(repository: ContainerRepository, sort: str) -> None:
    """In every order, the pages behind their cursors make up the list; the last has none."""
    other = ContainerRepository(repository.database, host="node-2")
    for one in (repository, other):
        put(one, "pod-1", "a", "a-1", "b")
        put(one, "pod-2", "a", "c")
    devices = ContainerState(state="running", device_maps=[DeviceMap(id="d")], processes=[Process(pid=7)])
    repository.save("pod-1", "a", devices)
    for ask in (repository.find, repository.summaries):
        for all_hosts in (False, True):
            whole = ask(sort=sort, all_hosts=all_hosts)
            assert whole.cursor is None
            page = ask(sort=sort, limit=2, all_hosts=all_hosts)
            paged = list(page)
            while page.cursor is not None:
                page = ask(sort=sort, limit=2, all_hosts=all_hosts, after=page.cursor)
                paged += page
            assert paged == whole
    assert list(repository.iterate(sort=sort, batch=2, all_hosts=True)) == repository.find(sort=sort, all_hosts=True)


def test_a_cursor_outlives_its_container(repository: ContainerRepository) -> None:
    """A cursor says where a container was, not where it is now: it may have changed, or be gone."""
    put(repository, "pod-1", "a", "b", "c", "d")
    expected = [one.cid for one in repository.find(sort="-updated")]
    page = repository.find(sort="-updated", limit=2)
    first, second = page
    repository.save("pod-1", first.cid, ContainerState(state="running"))
    repository.delete("pod-1", second.cid)
    assert [one.cid for one in repository.find(sort="-updated", after=page.cursor)] == expected[2:]
    assert [one.cid for one in repository.iterate(sort="-updated", after=page.cursor, batch=1)] == expected[2:]


def test_a_cursor_and_an_offset(repository: ContainerRepository) -> None:
    """An offset is counted from the cursor on, also where both are more than there can be."""
    assert repository.find(after=_cursor("sid", (1 << 63) - 1), offset=(1 << 63) - 1) == []


def _cursor(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("after", "sort"),
    [
        ("pod-1/a", "sid"),
        ("", "sid"),
        ("\N{SNOWMAN}", "sid"),
        (("node-1", "pod-1", "a"), "sid"),
        (None, "-updated"),
        (_cursor("-sid", 0, "pod-1", "a", "node-1"), "sid"),
        (_cursor("sid", 0, "pod-1", "a"), "sid"),
        (_cursor("sid", 0, "pod-1", "a", 7), "sid"),
        (_cursor("sid", 0, "pod-1\0", "a", "node-1"), "sid"),
        (_cursor("sid", -1), "sid"),
        (_cursor("sid", True), "sid"),
        (_cursor("size", 0), "size"),
        (_cursor("updated", 0, "yesterday", 1), "updated"),
        (_cursor("updated", 0, "2026-01-31", 1), "updated"),
        (_cursor("pid", 0, 1 << 63, 1), "pid"),
        (_cursor({}), "sid"),
        (_cursor(), "sid"),
    ],
)
def test_no_page_after_it(repository: ContainerRepository, after: Any, sort: str) -> None:
    """What has no IDs, says nothing of the place in an order, or was changed is refused as the start of a page."""
    put(repository, "pod-1", "a")
    with pytest.raises(InvalidValue, match="after"):
        repository.find(after=repository.get("pod-1", "a") if after is None else after, sort=sort)


def test_no_iteration_after_it_without_an_order(repository: ContainerRepository) -> None:
    """An iteration in no order has no place to begin at."""
    with pytest.raises(InvalidValue, match="after"):
        next(repository.iterate(after=ContainerIDs("node-1", "pod-1", "a")))


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 1000])
def test_iterate(repository: ContainerRepository, batch: int) -> None:
    """An iteration gives each container once, whatever the size of its pages."""
    for sid in ("pod-1", "pod-2"):
        put(repository, sid, "a", "b", "c")
    found = list(repository.iterate(batch=batch))
    assert sorted(names(found)) == names(repository.find())
    assert found == [repository.get(one.sid, one.cid) for one in found]
    assert sorted(names(list(repository.iterate(parse("cid!=b"), batch=batch)))) == find(repository, "cid!=b")


def test_iterate_over_what_changes(repository: ContainerRepository) -> None:
    """What stays is given once, though containers come and go between the pages."""
    put(repository, "pod-1", "a", "b", "c", "d")
    seen = []
    for one in repository.iterate(batch=1):
        seen.append(one.cid)
        repository.delete("pod-1", one.cid)
        if len(seen) < 4:
            repository.save("pod-1", "new", container(state=str(len(seen))))
    assert sorted(set(seen) - {"new"}) == ["a", "b", "c", "d"]
    assert seen.count("new") <= 1


def test_sandbox_ids(repository: ContainerRepository) -> None:
    """Sandbox IDs are sorted by their bytes."""
    sids = ["b", "B", "a", "é", "a!", "a "]
    for sid in sids:
        put(repository, sid)
    assert repository.sandbox_ids() == sorted(sids)


# --- look-ups


@pytest.fixture
def cids(repository: ContainerRepository) -> ContainerRepository:
    """Fill a repository with containers whose IDs begin alike."""
    put(repository, "pod-1", "abc", "abcd", "abcde", "abd", "xyz")
    put(repository, "pod-2", "abc", "unique")
    return repository


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("unique", "pod-2/unique"),
        ("u", "pod-2/unique"),
        ("abd", "pod-1/abd"),
        ("abcd", "pod-1/abcd"),
        ("abcde", "pod-1/abcde"),
        ("xy", "pod-1/xyz"),
        ("pod-1/abc", "pod-1/abc"),
        ("pod-2/a", "pod-2/abc"),
        ("pod-2/abc", "pod-2/abc"),
    ],
)
def test_look_up(cids: ContainerRepository, ref: str, expected: str) -> None:
    """A whole ID comes before the beginning of another, and a beginning that only one ID has is enough."""
    assert names([cids.look_up(ref)]) == [expected]


def test_look_ups_beside_another_host(cids: ContainerRepository) -> None:
    """What other hosts have makes no beginning ambiguous, and is found on all hosts only."""
    other = ContainerRepository(cids.database, host="another")
    put(other, "pod-9", "unusual", "xyzz", "else")
    assert names([cids.look_up("un")]) == ["pod-2/unique"]
    assert names([cids.look_up("xyz")]) == ["pod-1/xyz"]
    assert names([other.look_up("un")]) == ["pod-9/unusual"]
    with pytest.raises(NotFound):
        cids.look_up("el")
    assert names([cids.look_up("el", all_hosts=True)]) == ["pod-9/else"]
    with pytest.raises(Ambiguous):
        cids.look_up("un", all_hosts=True)


@pytest.mark.parametrize("ref", ["unique", "xy", "pod-1/abcd"])
def test_a_look_up_is_one_statement(cids: ContainerRepository, sent: Statements, ref: str) -> None:
    """What one container has, an ID or its beginning, is found by one statement."""
    before = sent.round_trips
    cids.look_up(ref)
    assert sent.round_trips == before + 1


@pytest.mark.parametrize(
    ("ref", "candidates"),
    [
        ("abc", {"pod-1/abc", "pod-2/abc"}),
        ("ab", {"pod-1/abc", "pod-2/abc", "pod-1/abcd", "pod-1/abcde"}),
        ("pod-1/abc", None),
        ("pod-1/ab", {"pod-1/abc", "pod-1/abcd", "pod-1/abcde", "pod-1/abd"}),
    ],
)
def test_ambiguous_look_ups(cids: ContainerRepository, ref: str, candidates: set[str] | None) -> None:
    """What fits several containers is ambiguous, and the error names some of them."""
    if candidates is None:
        assert cids.look_up(ref).cid == "abc"
        return
    with pytest.raises(Ambiguous) as caught:
        cids.look_up(ref)
    assert (caught.value.kind, caught.value.ref) == ("container", ref)
    assert set(caught.value.candidates) == candidates


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "/",
        "pod-1/",
        "/abc",
        "pod-1",
        "b",
        "abcdef",
        "ABC",
        "%",
        "_bc",
        "abc%",
        "pod-3/abc",
        "od-1/abc",
        "pod-%/abc",
    ],
)
def test_look_ups_of_nothing(cids: ContainerRepository, ref: str) -> None:
    """What is no container's ID or its beginning is not found; nothing is a wildcard, nor the empty text."""
    with pytest.raises(NotFound) as caught:
        cids.look_up(ref)
    assert (caught.value.kind, caught.value.ref) == ("container", ref)


@pytest.fixture
def sids(repository: ContainerRepository) -> ContainerRepository:
    """Fill a repository with sandboxes whose IDs begin alike."""
    put(repository, "ab", "web", "web-2")
    put(repository, "abc", "web", "db")
    put(repository, "a%c", "web")
    put(repository, "xyz", "only")
    put(ContainerRepository(repository.database, host="node-2"), "abcd", "web", "far")
    return repository


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("ab/web", "ab/web"),  # both are whole
        ("ab/w", None),
        ("ab/d", "abc/db"),  # that of the whole sid has none
        ("abc/w", "abc/web"),
        ("x/o", "xyz/only"),
        ("a%/w", "a%c/web"),
        ("a/db", "abc/db"),
        ("a/w", None),
        ("x/web", ""),
        ("abcd/web", ""),  # of another host
        ("A/db", ""),
    ],
)
def test_look_up_in_a_sandbox_by_its_beginning(
    sids: ContainerRepository, sent: Statements, ref: str, expected: str | None
) -> None:
    """The beginning of a sandbox's ID will do if only one container is meant; whole IDs come first."""
    if expected:
        found = sids.look_up(ref)
        assert f"{found.sid}/{found.cid}" == expected
    else:
        with pytest.raises(Ambiguous if expected is None else NotFound):
            sids.look_up(ref)
    # what is no ID may be a name
    assert sent.round_trips == (1 if expected or expected is None else 2)


def test_look_up_in_a_sandbox_of_any_host(sids: ContainerRepository) -> None:
    """The beginning of a sandbox's ID will do on all hosts, too."""
    assert sids.look_up("abcd/f", all_hosts=True).host == "node-2"
    assert sids.look_up("abc/d", all_hosts=True).sid == "abc"
    with pytest.raises(Ambiguous) as caught:
        sids.look_up("a/w", all_hosts=True)
    assert " on host 'node-" in str(caught.value)


@pytest.mark.parametrize(
    ("ref", "expected"),
    [("ab", "ab"), ("abc", "abc"), ("x", "xyz"), ("a%", "a%c"), ("a", None), ("abcd", ""), ("", "")],
)
def test_look_up_of_sandboxes(sids: ContainerRepository, sent: Statements, ref: str, expected: str | None) -> None:
    """A sandbox is found by its whole ID, or by a beginning that no other one of the host has, with one statement."""
    if expected:
        assert sids.look_up_sandbox(ref) == expected
    else:
        with pytest.raises(Ambiguous if expected is None else NotFound) as caught:
            sids.look_up_sandbox(ref)
        assert "sandbox" in str(caught.value)
    assert sent.round_trips == (1 if ref else 0)


def test_look_up_on_other_hosts(repository: ContainerRepository) -> None:
    """A look-up stays on its host, or goes over all of them, with or without the sandbox's ID."""
    elsewhere = ContainerRepository(repository.database, host="node-2")
    put(repository, "pod-1", "abc")
    put(elsewhere, "pod-1", "abcd")
    put(elsewhere, "pod-2", "xyz")
    assert repository.look_up("ab").cid == "abc"
    for ref in ("xyz", "x", "pod-2/xyz", "pod-2/x"):
        assert repository.look_up(ref, all_hosts=True).host == "node-2"
        with pytest.raises(NotFound) as caught:
            repository.look_up(ref)
        assert caught.value.host == "node-1"
    for ref in ("ab", "pod-1/ab"):
        with pytest.raises(Ambiguous):
            repository.look_up(ref, all_hosts=True)
    with pytest.raises(NotFound) as caught:
        repository.look_up("nothing", all_hosts=True)
    assert caught.value.host is None


def test_the_same_container_on_two_hosts(repository: ContainerRepository) -> None:
    """Over all hosts the same IDs on two of them are ambiguous, and the candidates can be told apart."""
    put(repository, "pod-1", "abc")
    put(ContainerRepository(repository.database, host="node-2"), "pod-1", "abc")
    with pytest.raises(Ambiguous) as caught:
        repository.look_up("abc", all_hosts=True)
    assert len(set(caught.value.candidates)) == 2


def test_the_moment_of_a_filter() -> None:
    """An age counts back from the moment that is given as now."""
    now = datetime(2026, 3, 14, 15, tzinfo=UTC)
    assert parse("since=2h", now=now).value == datetime(2026, 3, 14, 13, tzinfo=UTC)
