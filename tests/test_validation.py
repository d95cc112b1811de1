"""Checks of IDs, text, counts, JSON and records: what passes, and the reason why another value is refused."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistdb import validation
from persistdb.errors import InvalidValue
from persistdb.records import ContainerState, Origin, Process, SandboxState, SandboxWrite

if TYPE_CHECKING:
    from collections.abc import Callable


class Name(StrEnum):
    WEB = "web"


class Number(IntEnum):
    SEVEN = 7


def refused(check: Callable[[], object]) -> InvalidValue:
    """Return the InvalidValue that a check raises."""
    with pytest.raises(InvalidValue) as caught:
        check()
    assert caught.value.reason
    return caught.value


# --- IDs


@pytest.mark.parametrize(
    "value",
    [
        "a",
        "web-1",
        "A.b",
        "x.",
        "a..",
        " ",
        "a b",
        "\t",
        "\\",
        "é",
        "\ud7ff",
        "\U0010ffff",
        "x" * 255,
        "é" * 127,
        Name.WEB,
    ],
)
def test_ids(value: str) -> None:
    """An ID is any text of 1 to 255 bytes that can name a folder and does not begin with a dot."""
    assert validation.invalid_id(value) is None
    validation.check_id("cid", value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "empty"),
        (".", "dot"),
        ("..", "dot"),
        (".x", "dot"),
        ("/", "separator"),
        ("a/b", "separator"),
        ("a/", "separator"),
        ("a\0", "NUL"),
        ("x" * 256, "255"),
        ("é" * 128, "255 bytes"),
        ("𝄞" * 64, "255 bytes"),
        ("persist.json", "file"),
        ("state.json", "file"),
        *(
            (name, "file")
            for name in ("lock", "config.json", "devices.json", "network.json", "hypervisor.json", "agent.json")
        ),
        ("\ud800", "UTF-8"),
        ("a\udfff", "UTF-8"),
    ],
)
def test_invalid_ids(value: str, reason: str) -> None:
    """An invalid ID is refused with the reason that invalid_id returns."""
    assert reason in (validation.invalid_id(value) or "")
    error = refused(lambda: validation.check_id("sid", value))
    assert (error.field, error.value, error.reason) == ("sid", value, validation.invalid_id(value))


@pytest.mark.parametrize("value", [None, 7, b"web", ["web"]])
def test_an_id_is_text(value: Any) -> None:
    """An ID that is not text is refused with its type."""
    error = refused(lambda: validation.check_id("cid", value))
    assert (error.field, error.value) == ("cid", value)
    assert "str" in error.reason


# --- text


@pytest.mark.parametrize("value", ["", "a", "é", "\x01", "\x7f", "\ud7ff\ue000", "\U0010ffff", "\\u0000", Name.WEB])
def test_text(value: str) -> None:
    """Text may have any characters but NUL."""
    validation.check_text(value)


@pytest.mark.parametrize("value", ["\0", "a\0b", "é\0", "\ud800", "a\udc00b", None, 7, b"a", ["a"]])
def test_invalid_text(value: Any) -> None:
    """A NUL, a lone surrogate, and a value that is not text are refused."""
    error = refused(lambda: validation.check_text(value))
    assert (error.field, error.value) == ("text", value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"a", "must be of type str, not bytes"),
        ("\0", "a NUL character cannot be stored"),
        ("\ud800", "half of a surrogate pair is no character"),
    ],
)
def test_why_text_is_invalid(value: Any, reason: str) -> None:
    """The error says what no engine can store."""
    assert refused(lambda: validation.check_text(value)).reason == reason


@given(st.text(st.characters()))
def test_text_is_utf8_without_nul(value: str) -> None:
    """Text is accepted exactly if it can be UTF-8 and has no NUL."""
    try:
        value.encode()
        stored = "\0" not in value
    except UnicodeEncodeError:
        stored = False
    if stored:
        validation.check_text(value)
    else:
        refused(lambda: validation.check_text(value))


@pytest.mark.parametrize(("value", "most"), [("", 0), ("x" * 255, 255), ("é" * 512, 512)])
def test_lengths(value: str, most: int) -> None:
    """A length is counted in characters."""
    validation.check_length("token", value, most)
    assert refused(lambda: validation.check_length("token", value + "x", most)).field == "token"
    reason = refused(lambda: validation.check_length("token", value + "x", most)).reason
    assert reason == f"longer than {most} characters"


@pytest.mark.parametrize("value", ["", "x" * 256, None, 0, 7])
def test_invalid_keys(value: Any) -> None:
    """A key that is empty, too long or not text is refused."""
    assert refused(lambda: validation.check_key("host", value)).field == "host"


def test_a_key() -> None:
    """A key is any text of 1 to 255 characters."""
    for value in ("n", ".", "a/b", "x" * 255):
        validation.check_key("host", value)


# --- numbers


@pytest.mark.parametrize(("value", "least"), [(0, 0), (1, 1), ((1 << 63) - 1, 0), (Number.SEVEN, 7)])
def test_counts(value: int, least: int) -> None:
    """A count is a whole number from the least one on, within 64 bits."""
    validation.check_count("batch", value, least)


@pytest.mark.parametrize(("value", "least"), [(-1, 0), (0, 1), (1 << 63, 0), (True, 0), (1.5, 0), ("1", 0), (None, 0)])
def test_invalid_counts(value: Any, least: int) -> None:
    """A count that is too small, too great or not a whole number is refused with its name."""
    error = refused(lambda: validation.check_count("batch", value, least))
    assert (error.field, error.value) == ("batch", value)
    assert error.reason == f"not a whole number from {least} on"


@pytest.mark.parametrize(("value", "kind"), [(1, int), (Number.SEVEN, int), (Name.WEB, str), (True, bool), ([], list)])
def test_kinds(value: object, kind: type) -> None:
    """A value of a type or a subclass passes."""
    validation.check_kind("x", value, kind)


@pytest.mark.parametrize(("value", "kind"), [(True, int), (1, bool), (1, str), ((), list), (None, str), (1.0, int)])
def test_other_kinds(value: object, kind: type) -> None:
    """A value of another type is refused with both types named; a bool is not an int."""
    error = refused(lambda: validation.check_kind("x", value, kind))
    assert (error.field, error.value) == ("x", value)
    assert error.reason == f"must be of type {kind.__name__}, not {type(value).__name__}"


@pytest.mark.parametrize("value", [0, 0.5, 30, 1_000_000, 1e6])
def test_seconds(value: float) -> None:
    """A time is a number of seconds from 0 to a million: engines take milliseconds as 32 bits."""
    validation.check_seconds("busy", value)


@pytest.mark.parametrize("value", [-1, -0.001, 1_000_001, float("inf"), float("nan"), "1", None])
def test_invalid_seconds(value: Any) -> None:
    """A time that is negative, too long or no number is refused with its name and the bounds."""
    error = refused(lambda: validation.check_seconds("busy", value))
    assert (error.field, error.reason) == ("busy", "must be a number of seconds from 0 to 1000000")


# --- paths


@pytest.mark.parametrize("value", ["/run/vc", "", "a b", Path("x"), "\udcff"])
def test_paths(value: Any) -> None:
    """A path is any text or path that a file's name can be, also one that is not UTF-8."""
    validation.check_path("path", value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (7, "must be a path, not int"),
        (None, "must be a path, not NoneType"),
        (b"/run/vc", "must be a path, not bytes"),
        ("/run/\0", "a NUL character is in no path"),
        (Path("/run/\0"), "a NUL character is in no path"),
        ("/run/\ud800", "half of a surrogate pair is in no path"),
    ],
)
def test_invalid_paths(value: Any, reason: str) -> None:
    """A value that is no path is refused with its name and the reason."""
    error = refused(lambda: validation.check_path("path", value))
    assert (error.field, error.value, error.reason) == ("path", value, reason)


# --- extra: the JSON of unknown keys


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    """Return a JSON object whose one key holds values nested to a depth."""
    return '{"New":' + opening * depth + closing * depth + "}"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        ' { "a" : [ 1 , null , {"b": -1e300} ] } ',
        '{"a":123456789012345678901234567890}',
        nested(30),
        nested(15, '{"k":[', "]}"),
        '{"a":[],"b":' + "[" * 30 + "]" * 30 + "}",
        '{"New":"' + "[" * 100 + '"}',
        r'{"New":"\"' + "[" * 100 + r'\\"}',
    ],
)
def test_extra(text: str) -> None:
    """A JSON object up to MariaDB's depth passes; brackets within strings don't count."""
    validation.check_extra(text)


@pytest.mark.parametrize("text", ["", "[]", "null", "7", '"{}"', "{", "{]", '{"a":}', "{'a':1}", "{} {}", "{a:1}"])
def test_other_json(text: str) -> None:
    """JSON that is not an object, and text that is not JSON, are refused."""
    error = refused(lambda: validation.check_extra(text))
    assert (error.field, error.value) == ("extra", text)
    assert error.reason.startswith("not a JSON object, or one with half of a surrogate pair: ")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (nested(31), "New"),
        (nested(100), "New"),
        (nested(16, '{"k":[', "]}"), "New"),
        ('{"a":' + "[" * 30 + "]" * 30 + ',"b":' + "[" * 31 + "]" * 31 + "}", "b"),
        ('{"a":"[","b":{"c":' + "[" * 30 + "]" * 30 + "}}", "b"),
        ('{"a":[[],' + "[" * 30 + "]" * 30 + "]}", "a"),
    ],
)
def test_json_that_is_too_deep(text: str, key: str) -> None:
    """JSON beyond MariaDB's depth is refused; the error names the key."""
    error = refused(lambda: validation.check_extra(text))
    assert (error.field, error.value) == (f'extra: "{key}"', text)
    assert error.reason == "nested more than 31 deep"


# --- records and writes


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (None, "record"),
        ({}, "record"),
        (SandboxState(sid="a"), "record"),
        (ContainerState(mounts=()), "mounts"),  # type: ignore[arg-type]  # refused
        (ContainerState(device_maps=None), "device_maps"),  # type: ignore[arg-type]  # refused
        (ContainerState(processes={}), "processes"),  # type: ignore[arg-type]  # refused
        (ContainerState(processes=[Process(), None]), "process"),  # type: ignore[list-item]  # refused
    ],
)
def test_shapes(record: Any, field: str) -> None:
    """An object that is no record, or whose lists are not lists, is refused, alone and in a write."""
    assert refused(lambda: validation.check_shape(record)).field == field
    write = SandboxWrite(sid="a", containers={"good": ContainerState(), "bad": record})
    assert refused(lambda: validation.check_write(write)).field == field


@pytest.mark.parametrize(
    ("write", "field"),
    [
        (None, "sandbox"),
        (SandboxState(sid="a"), "sandbox"),
        (SandboxWrite(sid=7), "sid"),  # type: ignore[arg-type]  # refused
        (SandboxWrite(sid="a", revision=True), "revision"),
        (SandboxWrite(sid="a", record=ContainerState()), "record"),  # type: ignore[arg-type]  # refused
        (SandboxWrite(sid="a", record=SandboxState(sid="a", document=b"{}")), "document"),  # type: ignore[arg-type]  # refused
        (SandboxWrite(sid="a", containers=()), "containers"),  # type: ignore[arg-type]  # refused
        (SandboxWrite(sid="a", keep=frozenset("b")), "keep"),
        (SandboxWrite(sid="a", origins={"c": None}), "origin"),  # type: ignore[dict-item]  # refused
        (SandboxWrite(sid="a", origins={"c": Origin(document=7)}), "document"),  # type: ignore[arg-type]  # refused
    ],
)
def test_writes(write: Any, field: str) -> None:
    """A write with parts of another type is refused; the error names the part."""
    assert refused(lambda: validation.check_write(write)).field == field


def test_writes_that_pass() -> None:
    """A write of records passes, with and without documents."""
    record = ContainerState(processes=[Process()])
    validation.check_shape(record)
    validation.check_write(SandboxWrite(sid="a"))
    validation.check_write(SandboxWrite(sid="a", containers={}, keep=frozenset("a")))
    write = SandboxWrite(
        sid="a",
        record=SandboxState(sid="a", document="{}"),
        containers={"c": record},
        origins={"c": Origin(document="{}"), "d": Origin()},
    )
    validation.check_write(write)
    validation.check_write(msgspec.structs.replace(write, record=SandboxState(sid="a")))
