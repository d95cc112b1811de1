"""Records as dictionaries and JSON: what is written is read again, by the attributes' names, and nothing gets lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import OffsetDateTime

from persistdb.errors import InvalidValue
from persistdb.records import (
    Container,
    ContainerState,
    ContainerSummary,
    DeviceMap,
    Mount,
    Origin,
    Process,
    Sandbox,
    SandboxState,
    SandboxWrite,
)
from tests.runtimes.kata.strategies import DEVICES, INT64, MOUNTS, PROCESSES, RECORDS, TEXT

if TYPE_CHECKING:
    import msgspec

    from persistdb.serialization import Record

TIMES = st.datetimes(timezones=st.just(UTC))
REVISIONS = st.integers(0, 2**63 - 1)
SANDBOX_STATES = st.builds(
    SandboxState,
    sid=TEXT,
    state=TEXT,
    persist_version=st.none() | st.integers(-(2**31), 2**31 - 1),
    cgroup_path=TEXT,
    document=st.none() | TEXT,
    layout=TEXT,
)
ORIGINS = st.builds(Origin, layout=TEXT, extra=st.none() | TEXT, document=st.none() | TEXT)
CONTAINERS = st.builds(
    Container,
    host=TEXT,
    sid=TEXT,
    cid=TEXT,
    record=RECORDS,
    revision=REVISIONS,
    origin=ORIGINS,
    created_at=TIMES,
    updated_at=TIMES,
)
SUMMARIES = st.builds(
    ContainerSummary,
    host=TEXT,
    sid=TEXT,
    cid=TEXT,
    state=TEXT,
    pid=st.none() | INT64,
    mounts=REVISIONS,
    devices=REVISIONS,
    bundle_path=TEXT,
    updated_at=TIMES,
)
SANDBOXES = st.builds(
    Sandbox,
    host=TEXT,
    record=SANDBOX_STATES,
    containers=st.dictionaries(TEXT, CONTAINERS, max_size=2),
    revision=REVISIONS,
    created_at=TIMES,
    updated_at=TIMES,
)
WRITES = st.builds(
    SandboxWrite,
    sid=TEXT,
    record=st.none() | SANDBOX_STATES,
    containers=st.dictionaries(TEXT, RECORDS, max_size=2),
    origins=st.dictionaries(TEXT, ORIGINS, max_size=2),
    keep=st.frozensets(TEXT, max_size=3),
    revision=st.none() | REVISIONS,
)
ALL = (MOUNTS, DEVICES, PROCESSES, RECORDS, SANDBOX_STATES, ORIGINS, CONTAINERS, SUMMARIES, SANDBOXES, WRITES)


@given(st.one_of(*ALL))
def test_any_record_comes_back(record: Record) -> None:
    """Any record comes back equal from its JSON and from its dictionary, which are the same."""
    kind = type(record)
    assert kind.from_json(record.to_json()) == record
    assert kind.from_json(record.to_json().encode()) == record
    assert kind.from_dict(record.to_dict()) == record
    assert json.loads(record.to_json()) == record.to_dict()
    assert kind.from_json(json.dumps(record.to_dict())) == record


def attributes(kind: type[msgspec.Struct], values: Any) -> None:
    assert list(values) == list(kind.__struct_fields__)


def test_names_are_those_of_the_attributes() -> None:
    """The keys are the attributes' names at every depth, all of them, also where the value is the default."""
    record = ContainerState(mounts=[Mount()], device_maps=[DeviceMap()], processes=[Process()])
    values = record.to_dict()
    attributes(ContainerState, values)
    for kind, one in ((Mount, values["rootfs"]), (Mount, values["mounts"][0]), (DeviceMap, values["device_maps"][0])):
        attributes(kind, one)
    attributes(Process, values["processes"][0])


def test_times_are_rfc_3339() -> None:
    """A start time keeps its nanoseconds and its offset; UTC is written as Z; no time is null."""
    for text in ("2026-01-31T12:00:00.123456789+05:30", "2026-01-31T12:00:00Z", "0001-01-01T00:00:00.000000001-23:59"):
        process = Process(start_time=OffsetDateTime.parse_iso(text))
        assert process.to_dict()["start_time"] == text
        assert Process.from_dict({"start_time": text}) == process
    assert Process().to_dict()["start_time"] is None
    now = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
    summary = ContainerSummary(
        host="h",
        sid="s",
        cid="c",
        state="",
        pid=None,
        mounts=0,
        devices=0,
        bundle_path="",
        cgroup_path="",
        revision=1,
        created_at=now,
        updated_at=now,
    )
    assert summary.to_dict()["updated_at"] == "2026-01-31T12:00:00.123456Z"


def test_an_offset_with_seconds_has_no_json() -> None:
    """An offset with seconds, which RFC 3339 cannot express, is refused as a save would."""
    process = Process(start_time=OffsetDateTime.parse_iso("2026-01-31T12:00:00+00:00:30"))
    for write in (process.to_json, process.to_dict, ContainerState(processes=[process]).to_json):
        with pytest.raises(InvalidValue, match="whole minutes"):
            write()


def test_equal_records_have_equal_json() -> None:
    """The order in which a set or a mapping was built is not in the JSON."""
    one = SandboxWrite(sid="s", keep=frozenset("abcdef"), containers={"a": ContainerState(), "b": ContainerState()})
    other = SandboxWrite(sid="s", keep=frozenset("fedcba"), containers={"b": ContainerState(), "a": ContainerState()})
    assert one.to_json() == other.to_json()


def test_what_is_left_out_has_its_default() -> None:
    """An attribute that is left out has its default; one that has none must be given."""
    assert ContainerState.from_json("{}") == ContainerState()
    assert ContainerState.from_dict({"rootfs": {"type": "xfs"}}).rootfs == Mount(type="xfs")
    with pytest.raises(InvalidValue, match="required field `sid`"):
        SandboxState.from_json("{}")


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (ContainerState, '{"devices": []}', "did you mean device_maps?"),
        (ContainerState, '{"bundle": ""}', "did you mean bundle_path?"),
        (ContainerState, '{"BundlePath": ""}', "did you mean bundle_path?"),
        (ContainerState, '{"Process": []}', "did you mean processes?"),
        (ContainerState, '{"mounts": [{}, {"HostPath": ""}]}', "at `$.mounts[1]`; did you mean host_path?"),
        (ContainerState, '{"rootfs": {"sources": ""}}', "did you mean source?"),
        (SandboxWrite, '{"sid": "s", "containers": {"c": {"device_map": []}}}', "did you mean device_maps?"),
        (ContainerState, '{"zzz": 1}', "unknown field `zzz`"),
        (ContainerState, '{"state": 5}', "Expected `str`, got `int` - at `$.state`"),
        (ContainerState, '{"processes": [{"start_time": "x"}]}', "$.processes[0].start_time"),
        (ContainerState, '{"processes": [{"start_time": "2026-01-31T12:00:00"}]}', "$.processes[0].start_time"),
        (ContainerState, "[]", "Expected `object`, got `array`"),
        (ContainerState, "{", "truncated"),
        (ContainerState, '{"state": "\ud800"}', "surrogates"),
        (ContainerState, b'{"state": "\xff"}', "utf-8"),
        (ContainerState, '{"x": ' + "[" * 100_000, "unknown field"),
        (ContainerState, 5, "int"),
    ],
)
def test_json_that_is_no_record(kind: type[Record], text: Any, reason: str) -> None:
    """JSON that is no record is refused with the place and, for a name that is nearly right, the right one."""
    with pytest.raises(InvalidValue) as caught:
        kind.from_json(text)
    assert reason in caught.value.reason
    assert (caught.value.field, caught.value.value) == (kind.__name__, text)


@pytest.mark.parametrize("values", [5, None, [], {"state": None}, {"devices": []}, {1: 2}])
def test_a_dictionary_that_is_no_record(values: Any) -> None:
    """A dictionary with a value of a wrong type or an unknown name is refused."""
    with pytest.raises(InvalidValue):
        ContainerState.from_dict(values)


@pytest.mark.parametrize("record", [ContainerState(state=5), ContainerState(mounts=[DeviceMap()]), Process(pid="1")])  # type: ignore[arg-type,list-item]  # refused
def test_a_record_with_values_of_wrong_types_has_no_json(record: Record) -> None:
    """A record whose values are not of their types is refused, rather than written as what cannot be read."""
    for write in (record.to_json, record.to_dict):
        with pytest.raises(InvalidValue):
            write()


def test_half_of_a_surrogate_pair_has_no_json() -> None:
    """Text that is not Unicode cannot be JSON."""
    with pytest.raises(InvalidValue, match="surrogates"):
        ContainerState(state="\ud800").to_json()


# --- replace


def test_replace() -> None:
    """A copy with other values leaves the record as it is, and takes a datetime as the record itself does."""
    record = ContainerState(state="ready", bundle_path="/b")
    assert record.replace(state="running") == ContainerState(state="running", bundle_path="/b")
    assert record.state == "ready"
    assert record.replace() == record
    time = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert Process(pid=1).replace(start_time=time) == Process(pid=1, start_time=time)


def test_replace_of_an_unknown_attribute() -> None:
    """A name that is no attribute is a TypeError, as in any call, with the name that was meant."""
    with pytest.raises(TypeError, match=r"ContainerState has no attribute 'devices'; did you mean device_maps\?"):
        ContainerState().replace(devices=[])
    with pytest.raises(TypeError, match=r"Mount has no attribute 'zzz'$"):
        Mount().replace(zzz=1)


# --- Python's own times


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (datetime(2026, 1, 31, 12, 0, 0, 123456, UTC), "2026-01-31T12:00:00.123456Z"),
        (datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=5, minutes=30))), "2026-01-31T12:00:00+05:30"),
        (datetime(2026, 7, 31, 12, tzinfo=ZoneInfo("Europe/Berlin")), "2026-07-31T12:00:00+02:00"),
    ],
)
def test_a_datetime_is_a_start_time(time: datetime, text: str) -> None:
    """A datetime with its time zone becomes a start time with the same offset, wherever it is given."""
    wanted = OffsetDateTime.parse_iso(text)
    for process in (Process(start_time=time), Process.from_dict({"start_time": time})):
        assert process.start_time is not None
        assert process.start_time.strict_eq(wanted)
        assert process == Process(start_time=wanted)
        assert hash(process) == hash(Process(start_time=wanted))


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        (datetime(2026, 1, 31, 12), "time zone"),  # noqa: DTZ001  refused
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=3))), "range"),
        (datetime(2026, 1, 1, tzinfo=timezone(timedelta(microseconds=1))), "whole number of seconds"),
    ],
)
def test_a_datetime_that_is_no_start_time(time: datetime, reason: str) -> None:
    """A datetime without its time zone is refused, and what no offset or year can hold."""
    for make in (lambda: Process(start_time=time), lambda: Process().replace(start_time=time)):
        with pytest.raises(InvalidValue, match=reason) as caught:
            make()
        assert caught.value.field == "start_time"
