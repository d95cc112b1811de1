"""The units of work that read: one call each, and the result of each answer."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from persistdb.db.work import Call
from persistdb.errors import AlreadyExists, NotFound, Unreadable
from persistdb.records import ContainerState, Process
from persistdb.store.diff import Snapshot
from persistdb.store.payloads import decoders
from persistdb.store.reader import Reader
from persistdb.store.row_statements import RowStatements
from persistdb.store.salvage import Salvage
from persistdb.store.stored import SpoiltSandbox

from .by_hand import DATABASE, NOTHING, STATEMENTS, Run, answer
from .samples import container
from .stored import HOST, stored_container, stored_sandbox

DECODE = decoders(DATABASE.backend)
READER = Reader(HOST, STATEMENTS, DECODE, Salvage(DATABASE, RowStatements(STATEMENTS), DECODE))

WEB_STORED = stored_container("web", container("web"))
POD = stored_sandbox(WEB_STORED)
KEY = {"host": HOST, "sid": "pod-1", "cid": "web"}


def test_get() -> None:
    """A container is one call that decodes; without a row it is None or NotFound."""
    for unit in (READER.find_container("pod-1", "web"), READER.container("pod-1", "web")):
        run = Run(unit)
        assert list(run.calls) == [Call(STATEMENTS.get, KEY, DECODE.container)]
        assert run.ends(answer(WEB_STORED)) is WEB_STORED
    assert Run(READER.find_container("pod-1", "web")).ends(NOTHING) is None
    with pytest.raises(NotFound) as caught:
        Run(READER.container("pod-1", "web")).goes_on(NOTHING)
    assert (caught.value.kind, caught.value.ref, caught.value.host) == ("container", "pod-1/web", HOST)


def test_a_revision() -> None:
    """A container's revision is one call."""
    run = Run(READER.revision("pod-1", "web"))
    assert (run.names, run.calls[0].parameters) == (["revision"], KEY)
    assert run.ends(answer((7,))) == 7
    assert Run(READER.revision("pod-1", "web")).ends(NOTHING) is None


def test_a_sandbox() -> None:
    """A sandbox is one call that decodes; without a row it is NotFound."""
    run = Run(READER.sandbox("pod-1"))
    assert list(run.calls) == [Call(STATEMENTS.load, {"host": HOST, "sid": "pod-1"}, DECODE.sandbox)]
    assert run.ends(answer("the sandbox")) == "the sandbox"
    with pytest.raises(NotFound) as caught:
        Run(READER.sandbox("pod-1")).goes_on(NOTHING)
    assert (caught.value.kind, caught.value.ref, caught.value.host) == ("sandbox", "pod-1", HOST)


def test_pages_of_sandboxes() -> None:
    """A page of sandboxes is one call, with the last ID of the page before."""
    run = Run(READER.sandboxes_after("pod-1", 10))
    assert run.names == ["load_after"]
    assert run.calls[0].parameters == {"host": HOST, "sid": "pod-1", "limit": 10}
    assert run.ends(answer("a", "b")) == ("a", "b")


def test_ids_of_sandboxes() -> None:
    """The IDs of sandboxes are one call."""
    run = Run(READER.sandbox_ids())
    assert run.names == ["sandbox_ids"]
    assert run.calls[0].parameters == {"host": HOST}
    assert run.ends(answer(("a",), ("b",))) == ["a", "b"]


def test_what_is_stored() -> None:
    """One stored sandbox is queried by its key, several by an array of keys; the result is by sid."""
    run = Run(READER.stored(["pod-1"]))
    assert list(run.calls) == [Call(STATEMENTS.load, {"host": HOST, "sid": "pod-1"}, DECODE.stored_sandbox)]
    assert run.ends(answer(POD)) == {"pod-1": POD}
    run = Run(READER.stored(["pod-1", "pod-2"]))
    assert run.names == ["load_many"]
    assert run.rows() == [[HOST, "pod-1"], [HOST, "pod-2"]]
    assert run.ends(answer(POD)) == {"pod-1": POD}


def test_a_snapshot() -> None:
    """A snapshot is one call that decodes the container, if there is one; without the sandbox it is NotFound."""
    run = Run(READER.snapshot("pod-1", "web"))
    assert (run.names, run.calls[0].parameters) == (["snapshot"], KEY)
    at = datetime(2026, 8, 1, 12, 30, tzinfo=UTC)
    # servers give the sum of integers as a decimal
    found = run.ends(answer((1, -3, Decimal(9), 77, None, None, "now", "2026-08-01 12:30:00.000000Z")))
    assert found == Snapshot(1, -3, 9, 77, None, None, "now", at)
    for spoilt in ("infinity", 7):
        found = Run(READER.snapshot("pod-1", "web")).ends(answer((1, -3, 9, 77, None, None, "now", spoilt)))
        assert found == Snapshot(1, -3, 9, 77, None, None, "now")
    plain = stored_container("web", container())  # without a start time, which statements write in their own way
    payload = msgspec.json.encode(plain).decode()
    for document, told in (('{"ID": "web"}', '{"ID": "web"}'), ("{}", None)):  # only one that is about the container
        found = Run(READER.snapshot("pod-1", "web")).ends(answer((1, 1, 2, None, payload, document, None, None)))
        assert found == Snapshot(1, 1, 2, None, plain, told)
    with pytest.raises(NotFound) as caught:
        Run(READER.snapshot("pod-1", "web")).goes_on(NOTHING)
    assert (caught.value.kind, caught.value.ref, caught.value.host) == ("sandbox", "pod-1", HOST)


@pytest.mark.parametrize(
    ("tokens", "holders", "token", "who"),
    [
        (["a", "", "b"], [("web", "a"), ("db", "b")], "b", ("db", "web")),
        (["a", "b", "b"], [("web", "b")], "b", ("web", "web")),
        (["a"], [], "a", ("web", "web")),  # its holder was removed in the meantime
    ],
)
def test_who_has_a_token(tokens: list[str], holders: list[tuple[str, str]], token: str, who: tuple[str, str]) -> None:
    """The error of a token clash names the other holder, or the container itself if it has the token twice."""
    record = ContainerState(processes=[Process(token=each) for each in tokens])
    run = Run(READER.token_taken("pod-1", "web", record))
    assert run.names == ["token_holders"]
    assert run.calls[0].parameters.keys() == {"host", "sid", "rows"}
    assert (run.calls[0].parameters["host"], run.calls[0].parameters["sid"]) == (HOST, "pod-1")
    assert run.rows() == [[each] for each in tokens if each]
    error = run.ends(answer(*holders))
    assert isinstance(error, AlreadyExists)
    assert (error.kind, error.ref, error.holders) == ("process token", token, who)


def test_waiting_for_writers() -> None:
    """Who asks about a commit in flight waits for the locks of the sandbox's row and of its containers'."""
    run = Run(READER.wait_for_writers("pod-1"))
    assert run.names == ["lock_sandbox"]
    assert run.calls[0].parameters == {"host": HOST, "sid": "pod-1"}
    run.goes_on(NOTHING)
    assert run.names == ["lock_containers"]
    assert run.calls[0].parameters == {"host": HOST, "sid": "pod-1"}
    run.ends(NOTHING)


# --- rows that cannot be read

FAULT = Unreadable("pod-1", "state: not text", HOST)


def test_an_unreadable_container() -> None:
    """A container that cannot be read is named with its IDs, whatever the error knew of them."""
    with pytest.raises(Unreadable) as caught:
        Run(READER.container("pod-1", "web")).fails_on(Unreadable("", "not JSON"))
    assert (caught.value.ref, caught.value.detail, caught.value.host) == ("pod-1/web", "not JSON", HOST)


def test_errors_about_something_else() -> None:
    """An error of the driver that is not about values passes through every read."""
    for unit in (
        READER.container("pod-1", "web"),
        READER.sandbox("pod-1"),
        READER.sandboxes_after("", 2),
        READER.stored(["pod-1"]),
        READER.snapshot("pod-1", "web"),
    ):
        error = DATABASE.driver_error("disk I/O error")
        with pytest.raises(DATABASE.driver_error) as caught:
            Run(unit).fails_on(error)
        assert caught.value is error
    run = Run(READER.sandboxes_after("", 2))
    run.goes_on_after(FAULT)
    with pytest.raises(DATABASE.driver_error):
        run.fails_on(DATABASE.driver_error("disk I/O error"))


def test_a_page_with_an_unreadable_sandbox() -> None:
    """The sandboxes of a page that cannot be read as a whole are read one by one; one that went is left out."""
    run = Run(READER.sandboxes_after("a", 3))
    run.goes_on_after(FAULT)
    assert list(run.calls) == [Call(READER.rows.sids_after, {"host": HOST, "sid": "a", "limit": 3})]
    run.goes_on(answer(("pod-1",), ("pod-2",), ("pod-3",)))
    read = []
    for found in (NOTHING, answer("the second")):
        read.append((run.names, run.calls[0].parameters))
        run.goes_on(found)
    assert read == [(["load"], {"host": HOST, "sid": sid}) for sid in ("pod-1", "pod-2")]
    assert run.ends(answer("the third")) == ["the second", "the third"]


@pytest.mark.parametrize("sids", [((b"\xff",),), (("pod-1",), (7,))])
def test_a_page_with_an_id_that_is_no_text(sids: tuple[tuple[object], ...]) -> None:
    """A page with an ID that is no text is None: its rows must be read one by one."""
    run = Run(READER.sandboxes_after("a", 3))
    run.goes_on_after(FAULT)
    assert run.ends(answer(*sids)) is None


def test_a_page_whose_ids_cannot_be_read() -> None:
    """A page whose IDs the driver cannot decode is None, too."""
    run = Run(READER.sandboxes_after("a", 3))
    run.goes_on_after(FAULT)
    with pytest.raises(StopIteration) as end:
        run.fails_on(FAULT)
    assert end.value.value is None


def test_rows_one_by_one() -> None:
    """Sandboxes are read by their rows: one may be gone, and one whose ID is no text is named by its row."""
    run = Run(READER.rows_after("a"))
    assert list(run.calls) == [Call(READER.rows.rows_after, {"host": HOST, "sid": "a"})]
    assert run.ends(answer((7,), (8,))) == [7, 8]
    run = Run(READER.sandbox_of_row(7))
    assert list(run.calls) == [Call(READER.rows.own_names, {"id": 7})]
    run.goes_on(answer((HOST, "pod-1")))
    assert list(run.calls) == [Call(STATEMENTS.load, {"host": HOST, "sid": "pod-1"}, DECODE.sandbox)]
    assert run.ends(answer("the sandbox")) == "the sandbox"
    assert Run(READER.sandbox_of_row(7)).ends(NOTHING) is None
    spoilt = Run(READER.sandbox_of_row(7)).ends(answer((HOST, b"\xff")))
    assert isinstance(spoilt, SpoiltSandbox)
    assert (spoilt.sid, [fault.ref for fault in spoilt.faults]) == ("", ["row 7 of sandbox"])
