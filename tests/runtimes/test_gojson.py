"""JSON by Go's rules: each kind of value at the edges of its range, and where and why a text is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from whenever import OffsetDateTime, TimeDelta

from persistdb.errors import DamagedFile, InvalidValue
from persistdb.runtimes import gojson
from persistdb.runtimes.gojson import Malformed, scan

if TYPE_CHECKING:
    from persistdb.runtimes.gojson import Kind


def decoded(kind: Kind, text: str) -> object:
    """Decode a text that is one value."""
    return gojson.decode_value(text, 0, len(text), kind, ("Key",))


def refused(kind: Kind, text: str) -> str:
    """Return the reason for which a value is refused."""
    with pytest.raises(Malformed) as caught:
        decoded(kind, text)
    assert caught.value.where[0] == "Key"
    return caught.value.reason


WHOLE: list[tuple[Kind, int, int]] = [
    ("int32", -(1 << 31), (1 << 31) - 1),
    ("int64", -(1 << 63), (1 << 63) - 1),
    ("uint16", 0, (1 << 16) - 1),
    ("uint32", 0, (1 << 32) - 1),
    ("uint64", 0, (1 << 64) - 1),
]


@pytest.mark.parametrize(("kind", "low", "high"), WHOLE)
def test_ranges(kind: Kind, low: int, high: int) -> None:
    """A whole number is taken within the range of its Go type, and refused beyond it with the range."""
    assert (decoded(kind, str(low)), decoded(kind, str(high))) == (low, high)
    assert refused(kind, str(high + 1)) == f"{high + 1} is out of range for {kind}: {low} to {high}"
    below = refused(kind, str(low - 1))
    assert below == f"{low - 1} is out of range for {kind}: {low} to {high}"


@pytest.mark.parametrize("text", ["1.0", "1e3", "-1.5"])
def test_fractions(text: str) -> None:
    """A number with a fraction or an exponent is no whole number, as in Go."""
    assert refused("int64", text) == f"must be a whole number as Go writes it, not {text}"


def test_minus_zero() -> None:
    """Minus zero is zero for a signed type, and refused for an unsigned one."""
    assert decoded("int32", "-0") == 0
    assert "must be a whole number" in refused("uint32", "-0")


def test_long_numbers() -> None:
    """A number of thousands of digits is out of range, and is cut in the message after 29 characters."""
    assert refused("uint64", "9" * 5000).startswith("9" * 29 + "… is out of range")
    assert refused("uint64", "9" * 30).startswith("9" * 30 + " is out of range")
    assert refused("uint64", "9" * 31).startswith("9" * 29 + "… is out of range")


def test_floats() -> None:
    """A float32 is any number that Go rounds down to the greatest one."""
    assert decoded("float32", "-1.5e3") == -1500.0
    assert decoded("float32", "3.4028235677973362e38") == 3.4028235677973362e38
    assert refused("float32", "3.4028235677973366e38") == "3.4028235677973366e38 is out of range for float32"
    assert refused("float32", "-1e39") == "-1e39 is out of range for float32"
    assert refused("float32", "true") == "must be a number, not true"


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", '"a\\u00e9"', "aé"),
        ("string", '"\\ud800"', "\ufffd"),
        ("bool", "true", True),
        ("bool", "false", False),
        ("strings", '["a", null ,"b"]', ["a", "", "b"]),
        ("strings", "[ ]", []),
        ("time", '"0001-01-01T00:00:00Z"', None),
        ("ip", '""', ""),
        ("ip", '"fe80::1"', "fe80::1"),
        ("base64", '"YW\\nJj\\r"', b"abc"),
        ("base64", "[0, 255]", b"\x00\xff"),
    ],
)
def test_other_kinds(kind: Kind, text: str, value: object) -> None:
    """A value is decoded as Go decodes it to a field of its kind."""
    assert decoded(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("string", "7", "must be a string, not a number"),
        ("string", "{}", "must be a string, not an object"),
        ("bool", '"true"', "must be true or false, not a string"),
        ("bool", "null", "must be true or false, not null"),
        ("strings", '"a"', "must be a list of strings, not a string"),
        ("strings", "[7]", "must be a string, not a number"),
        ("time", '"yesterday"', "is no RFC 3339 time: 'yesterday'"),
        ("time", "[]", "must be a string, not a list"),
        ("ip", '"fe80::1%eth0"', "must be an IP address"),
        ("ip", '"host"', "must be an IP address"),
        ("base64", '"YQ"', "must be base64"),
        ("base64", '"Y Q="', "must be base64"),
        ("base64", "[256]", "256 is out of range for uint8: 0 to 255"),
        ("base64", "false", "must be a string, not false"),
        ("int32", "[]", "must be a whole number, not a list"),
    ],
)
def test_values_of_another_kind(kind: Kind, text: str, reason: str) -> None:
    """A value of another kind is refused; the error says what it must be and what it is."""
    assert refused(kind, text) == reason


@pytest.mark.parametrize(
    ("text", "where", "reason"),
    [
        ('{"a":{"b":{1:2}}}', "a.b", "is not JSON: '1' at character 11, where a key should be"),
        ('{"a":[0,{"b":{1:2}}]}', "a[1].b", "is not JSON: '1' at character 14, where a key should be"),
        ('{"a":{"b" 1}}', "a", "is not JSON: '1' at character 10, where a colon should be"),
        ('{"a":{"b":1 2}}', "a.b", "is not JSON: '2' at character 12, where a comma or } should be"),
        ('{"a":[1 2]}', "a[0]", "is not JSON: '2' at character 8, where a comma or ] should be"),
        ('{"a":[1,]}', "a[1]", "is not JSON: ']' at character 8, where a value should be"),
        ('{"a":"x\\n\x01"}', "a", "is not JSON: control character '\\x01' in a string at character 9"),
        ('{"a":"x\\u12\\q"}', "a", "is not JSON: unknown escape '\\\\q' at character 11"),
        ('{"a":{"b\x01":1}}', "a", "is not JSON: control character '\\x01' in a string at character 8"),
        ('{"a":"x', "a", "is cut short: it ends inside a string"),
        ('{"a":"x\\', "a", "is cut short: it ends inside a string"),
        ('{"a":"x\\"', "a", "is cut short: it ends inside a string"),
        ('{"a":tru', "a", "is cut short: it ends where a value should follow"),
        ('{"a":fals', "a", "is cut short: it ends where a value should follow"),
        ('{"a":\n"x y', "a", "is cut short: it ends inside a string"),
        ('{"a":"\\q', "a", "is not JSON: unknown escape '\\\\q' at character 6"),
        ('{"a":-', "a", "is cut short: it ends where a value should follow"),
        ('{"a":truth}', "a", "is not JSON: 't' at character 5, where a value should be"),
        ('{"a"', "", "is cut short: it ends where a colon should follow"),
        ('{"a":1', "a", "is cut short: it ends where a comma or } should follow"),
        ('{"a":{"\\u0000":1}}', "a", "has a NUL character in a key, which no database server stores"),
        ('{"a":["\\\\\\u0000"]}', "a[0]", "has a NUL character in a string, which no database server stores"),
    ],
)
def test_what_is_no_json(text: str, where: str, reason: str) -> None:
    """Text that is not JSON is refused with the place, the character and what should be there."""
    with pytest.raises(Malformed) as caught:
        scan.end_of_value(text, 0)
    assert (scan.format_path(caught.value.where), caught.value.reason) == (where, reason)


@pytest.mark.parametrize("text", ['"\\\\u0000"', '{"\\\\u0000":[1,{"a":[]},{}]} ', "-0.5E+10", "[ ]", '{"":""}'])
def test_where_a_value_ends(text: str) -> None:
    """A whole value is checked, and ends before the space after it; two backslashes are no escape of what follows."""
    assert scan.end_of_value(text, 0) == len(text.rstrip())


def test_replaced_values() -> None:
    """The values of keys are replaced in any spelling that Go takes, each time; a missing key is appended."""
    text = ' { "A" : [1] , "b":{}, "a":2,"\u017f":3 } '
    assert scan.replace_values(text, {"a": "7", "S": "8"}) == ' { "A" : 7 , "b":{}, "a":7,"\u017f":8 } '
    assert scan.replace_values(text, {"c": "7", "d": "8"}) == text[:-3] + ' ,"c":7,"d":8} '
    assert scan.replace_values("{}", {"c": "7", "d": "8"}) == '{"c":7,"d":8}'


def test_files_of_too_many_values() -> None:
    """Values are counted where a file may hold too many: lists, objects and duplicates, but nothing in strings."""
    ones = ",".join("1" * scan.MAX_VALUES).encode()
    assert scan.count_values(b"[" + ones + b"]") == scan.MAX_VALUES + 1
    assert scan.count_values(b'["' + ones + b'"]') == 2
    assert scan.count_values(b"[[],{}," + ones + b"]") == scan.MAX_VALUES + 3
    gojson.check_size(b"[ " + ones[2:] + b" ]", "/x")
    with pytest.raises(DamagedFile, match=f"holds {scan.MAX_VALUES + 1} values, more than {scan.MAX_VALUES}"):
        gojson.check_size(b"[" + ones + b"]", "/x")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2023-10-01T00:42:25.500000000Z", "2023-10-01T00:42:25.5Z"),
        ("2023-10-01T00:42:25.123456789123Z", "2023-10-01T00:42:25.123456789Z"),
        ("2023-10-01T00:42:25+05:45", "2023-10-01T00:42:25+05:45"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_times(text: str, written: str) -> None:
    """A time is read to the nanosecond and written as Go's RFC3339Nano; Go's zero time is None."""
    assert gojson.write_time(gojson.read_time(text)) == written
    assert (gojson.read_time(text) is None) == (written == gojson.ZERO_TIME)


def test_an_offset_with_seconds() -> None:
    """A time whose UTC offset has seconds, which RFC 3339 has no place for, is not written."""
    time = OffsetDateTime(2023, 10, 1, offset=TimeDelta(hours=1, seconds=30))
    with pytest.raises(InvalidValue, match="its UTC offset has seconds, which RFC 3339 cannot write") as caught:
        gojson.write_time(time)
    assert caught.value.field == "start_time"


@pytest.mark.parametrize(
    ("text", "excerpt"), [("x" * 60, "x" * 60), ("x" * 61, "x" * 59 + "…"), ("0001-01-01T00:00:00+01:00", None)]
)
def test_what_is_no_time(text: str, excerpt: str | None) -> None:
    """Text that is no time is quoted in the message, which has at most 60 characters of it."""
    reason = "is no RFC 3339 time" if excerpt else "is no time in the years 1 to 9999 of UTC"
    with pytest.raises(ValueError, match=reason) as caught:
        gojson.read_time(text)
    assert str(caught.value) == f"{reason}: {excerpt or text!r}"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("\b", '"\\u0008"'),
        ("\f", '"\\u000c"'),
        ("\\b \\f \\", '"\\\\b \\\\f \\\\"'),
        ("\\\b", '"\\\\\\u0008"'),
        ("<a&b>\u2028\u2029", '"\\u003ca\\u0026b\\u003e\\u2028\\u2029"'),
        ({"a": [1, None, "é\n"]}, '{"a":[1,null,"é\\n"]}'),
    ],
)
def test_encoded(value: object, written: str) -> None:
    """Text is written without spaces, and escaped as Go escapes it for HTML and JavaScript."""
    assert gojson.encode(value).decode() == written
