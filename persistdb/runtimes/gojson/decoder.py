"""Decode JSON text by the rules of Go's encoding/json, and keep unknown keys.

Keys match exactly, or else without regard to case. The last of several wins, and an object that is given twice is
merged. ``null`` changes nothing, except that it empties a list. Unknown keys are no error. Whatever Go refuses is
refused, with its place in the text.
"""

from __future__ import annotations

import base64
from typing import Any, Literal, NamedTuple

import msgspec

from ...errors import DamagedFile
from . import scan
from .scan import JSONPath, Malformed
from .times import read_time

Kind = Literal[
    "string", "bool", "strings", "time", "ip", "base64", "float32", "int32", "int64", "uint16", "uint32", "uint64"
]
"""The Go type of a value that is no object and no list of objects. ``ip`` is ``net.IP``, ``base64`` is ``[]byte``."""

_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint8": (0, 2**8 - 1),
    "uint16": (0, 2**16 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
_FLOAT32_MAX = 3.4028235677973366e38  # half a step above the greatest one: what Go rounds down to it


class Spec:
    """The keys of one Go struct, each with the attribute that takes its value and the kind of the value."""

    def __init__(self, keys: dict[str, tuple[str, Kind | Spec | ListOf]]) -> None:
        self.keys = keys
        self._folded = {scan.fold(key): key for key in keys}

    def known(self, key: str) -> str | None:
        """Return the struct's own spelling of a key, ``None`` if Go would not take it for any of the struct's keys."""
        return key if key in self.keys else self._folded.get(scan.fold(key))


class ListOf(NamedTuple):
    """A Go slice of structs."""

    spec: Spec


def decode_text(data: bytes, path: str) -> str:
    """Decode a file's bytes to text; raises :class:`~persistdb.errors.DamagedFile` for bytes that cannot be JSON."""
    if not data.strip():
        raise DamagedFile(path, "is empty")
    if b"\0" in data:
        raise DamagedFile(path, f"holds NUL bytes, the first at {data.index(0)}: its content was lost in a crash")
    check_size(data, path)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DamagedFile(path, f"is not UTF-8 at byte {error.start}") from None


def check_size(data: bytes, path: str) -> None:
    """Refuse a file of more than :data:`~persistdb.runtimes.gojson.scan.MAX_VALUES` values: each takes memory and time.

    Raises :class:`~persistdb.errors.DamagedFile`.
    """
    number = scan.count_values(data)
    if number > scan.MAX_VALUES:
        raise DamagedFile(path, f"holds {number} values, more than {scan.MAX_VALUES}: too many for a runtime's state")


def decode_object(text: str, pos: int, spec: Spec, where: JSONPath = ()) -> tuple[dict[str, Any], dict[str, Any]]:
    """Decode the object at ``pos``, and return the attributes that it sets and its unknown keys, nested as in the text.

    Values of unknown keys are :class:`msgspec.Raw`; the unknown keys of a list's item are under its position, as text.
    Raises :class:`~persistdb.runtimes.gojson.scan.Malformed`.
    """
    values: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    _object(text, pos, spec, where, values, extra)
    return values, extra


def decode_list(
    text: str, pos: int, spec: Spec, where: JSONPath = ()
) -> tuple[list[dict[str, Any]] | None, dict[str, Any]]:
    """Decode the list of objects at ``pos``, each as :func:`decode_object` does; ``null`` is ``None``."""
    extra: dict[str, Any] = {}
    return _list(text, pos, spec, where, extra), extra


def encode_unknown(unknown: dict[str, Any]) -> str | None:
    """Encode unknown keys, nested as :func:`decode_object` returns them, to one JSON object; ``None`` for none.

    Half a surrogate pair becomes U+FFFD, as Go reads it: no engine can store one.
    """
    return scan.replace_lone_surrogates(msgspec.json.encode(unknown).decode()) if unknown else None


def _object(text: str, pos: int, spec: Spec, where: JSONPath, values: dict[str, Any], extra: dict[str, Any]) -> None:
    if text.startswith("null", pos):
        return
    if not text.startswith("{", pos):
        raise Malformed(f"must be an object, not {scan.describe(text, pos)}", where)
    for member in scan.members(text, pos, where)[0]:
        key = spec.known(member.key)
        if key is None:
            extra[member.key] = msgspec.Raw(text[member.start : member.end].encode())
            continue
        attribute, kind = spec.keys[key]
        inside = (*where, key)
        if isinstance(kind, Spec):
            nested = extra.get(key, {})
            _object(text, member.start, kind, inside, values.setdefault(attribute, {}), nested)
        elif isinstance(kind, ListOf):
            nested = {}
            values[attribute] = _list(text, member.start, kind.spec, inside, nested)
            extra.pop(key, None)
        else:
            if not text.startswith("null", member.start):
                values[attribute] = decode_value(text, member.start, member.end, kind, inside)
            elif kind == "strings":
                values[attribute] = None
            continue
        if nested:
            extra[key] = nested


def _list(text: str, pos: int, spec: Spec, where: JSONPath, extra: dict[str, Any]) -> list[dict[str, Any]] | None:
    if text.startswith("null", pos):
        return None
    if not text.startswith("[", pos):
        raise Malformed(f"must be a list, not {scan.describe(text, pos)}", where)
    out = []
    for index, (start, _) in enumerate(scan.items(text, pos, where)):
        values: dict[str, Any] = {}
        unknown: dict[str, Any] = {}
        _object(text, start, spec, (*where, index), values, unknown)
        if unknown:
            extra[str(index)] = unknown
        out.append(values)
    return out


def decode_value(text: str, start: int, end: int, kind: Kind, where: JSONPath = ()) -> object:
    """Decode the value ``text[start:end]``, which is not ``null``, as Go decodes it to a field of that kind.

    Raises :class:`~persistdb.runtimes.gojson.scan.Malformed`.
    """
    if kind == "string":
        return _string(text, start, end, where)
    if kind == "bool":
        if text[start] not in "tf":
            raise Malformed(f"must be true or false, not {scan.describe(text, start)}", where)
        return text[start] == "t"
    if kind == "strings":
        if text[start] != "[":
            raise Malformed(f"must be a list of strings, not {scan.describe(text, start)}", where)
        return [
            "" if text.startswith("null", at) else _string(text, at, stop, (*where, index))
            for index, (at, stop) in enumerate(scan.items(text, start, where))
        ]
    if kind == "time":
        try:
            return read_time(_string(text, start, end, where))
        except ValueError as error:
            raise Malformed(str(error), where) from None
    if kind == "ip":
        return _ip(_string(text, start, end, where), where)
    if kind == "base64":
        return _bytes(text, start, end, where)
    return _number(text, start, end, kind, where)


def _ip(address: str, where: JSONPath) -> str:
    import ipaddress  # start-up cost: only sandboxes that are converted to another layout need it

    try:
        if address:
            ipaddress.ip_address(address.replace("%", " "))  # Go takes no zone
    except ValueError:
        raise Malformed("must be an IP address", where) from None
    return address


def _bytes(text: str, start: int, end: int, where: JSONPath) -> bytes:
    if text[start] == "[":
        octets = [_number(text, at, stop, "uint8", (*where, i)) for i, (at, stop) in enumerate(scan.items(text, start))]
        return bytes(int(octet) for octet in octets)
    try:
        return base64.b64decode(_string(text, start, end, where).replace("\r", "").replace("\n", ""), validate=True)
    except ValueError:
        raise Malformed("must be base64", where) from None


def _string(text: str, start: int, end: int, where: JSONPath) -> str:
    if text[start] != '"':
        raise Malformed(f"must be a string, not {scan.describe(text, start)}", where)
    return scan.unquote(text[start:end])


def _number(text: str, start: int, end: int, kind: str, where: JSONPath) -> int | float:
    digits = text[start:end]
    if digits[0] not in "-0123456789":
        wanted = "a number" if kind == "float32" else "a whole number"
        raise Malformed(f"must be {wanted}, not {scan.describe(text, start)}", where)
    excerpt = digits if len(digits) <= 30 else digits[:29] + "…"
    if kind == "float32":
        if abs(number := float(digits)) >= _FLOAT32_MAX:
            raise Malformed(f"{excerpt} is out of range for float32", where)
        return number
    low, high = _RANGES[kind]
    if not digits.lstrip("-").isdecimal() or (low == 0 and digits == "-0"):
        raise Malformed(f"must be a whole number as Go writes it, not {excerpt}", where)
    # Python refuses to convert thousands of digits; a number that long is out of range anyhow.
    if len(digits) > 20 or not low <= int(digits) <= high:
        raise Malformed(f"{excerpt} is out of range for {kind}: {low} to {high}", where)
    return int(digits)
