"""Convert a sandbox's persist.json to the keys and types of another version of Kata.

The text is edited where the version's struct differs, and stays as it is elsewhere: an empty list does not become
``null``. A key that the version has under another name is renamed. Whatever it cannot read is left out, as one wrong
value makes Kata refuse the whole file; it is named as lost, unless it is a zero value, which a missing key stands for.
Keys that no version has stay: Kata ignores them.
"""

from __future__ import annotations

import math
import re
import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from .. import gojson
from ..gojson import Malformed, decode_value, scan
from .sandbox_keys import GoStruct, Key, sandbox_struct

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..gojson.scan import JSONPath, Member
    from .sandbox_keys import Form
    from .versions import Version

_ZERO: Final = re.compile(r'""|false|null|\{[ \t\n\r]*\}|\[[ \t\n\r]*\]|-?0(?:\.0+)?(?:[eE][+-]?[0-9]+)?')
_SIGNED: Final = re.compile(r"(?P<sign>[+-]?)0*(?P<digits>[0-9]+)", re.ASCII)
_UNSIGNED: Final = re.compile(r"(?P<sign>)0*(?P<digits>[0-9]+)", re.ASCII)
_BLOCK_INDEX_MAX: Final = 65_536  # a sandbox has some dozens of block devices; the map has an entry for each
_EXPERIMENTAL: Final = "Config.Experimental"
# The loader of a version that does not know a feature's name crashes. No other feature was ever registered.
_NEWSTORE: Final = "newstore"
_NO_NEWSTORE: Final = (2, 3, 0)


class Converted(NamedTuple):
    """A converted file, and what it leaves out, in words."""

    text: str
    losses: list[str]


def convert_sandbox(text: str, version: Version) -> Converted:
    """Convert a sandbox's file to a version of Kata; raises :class:`~persistdb.runtimes.gojson.Malformed`."""
    conversion = _Conversion(text, version)
    start = scan.start_of_object(text)
    end = scan.end_of_value(text, start)
    root = sandbox_struct()
    converted = conversion.object(start, end, root, root, ())
    return Converted(text[:start] + converted + text[end:], conversion.losses)


class _Member(NamedTuple):
    """A key in the text with its value, and what it is in the source's structs and in the target's.

    ``key`` is ``None`` for a key that no version has, ``target`` for one that the target's version does not have.
    """

    member: Member
    quoted: str
    key: Key | None
    target: Key | None

    @property
    def is_renamed(self) -> bool:
        """Whether the target has the value under another name."""
        return self.key is not None and self.target is not None and self.key.name != self.target.name


class _Conversion:
    """One file on its way to a version."""

    def __init__(self, text: str, version: Version) -> None:
        self.text = text
        self.version = version
        self.losses: list[str] = []

    # --- objects ---------------------------------------------------------------------------------------------------

    def object(self, start: int, end: int, source: GoStruct, target: GoStruct, at: JSONPath) -> str:
        """Convert the object at ``start``, which the source's struct describes, to the target's struct."""
        members = self._members(start, source, target, at)
        out = self._values(members, at)
        if not any(each.is_renamed for each in members) and out == [self._text(each) for each in members]:
            return self.text[start:end]
        kept = [
            (f'"{each.target.name}":' if each.is_renamed and each.target is not None else each.quoted) + value
            for each, value in zip(members, out, strict=True)
            if value is not None
        ]
        return "{" + ",".join(kept) + "}"

    def _values(self, members: list[_Member], at: JSONPath) -> list[str | None]:
        """Convert the values of an object's keys; ``None`` is one that is left out.

        Where the text has both names of a key, the target's own wins, unless it has a zero value.
        """
        out = [None if each.is_renamed else self._member(each, at) for each in members]
        own: dict[str, set[str]] = {}
        for each, value in zip(members, out, strict=True):
            if value is not None and each.target is not None and not self._is_zero(each.target, each.member):
                own.setdefault(each.target.name, set()).add(self._text(each))
        renamed = set()
        for i, each in enumerate(members):
            if each.is_renamed and each.target is not None:
                if each.target.name not in own:
                    out[i] = self._member(each, at)
                    renamed.add(each.target.name)
                elif self._text(each) not in own[each.target.name]:
                    self._lose(each.key, each.member, (*at, each.member.key))
        for i, each in enumerate(members):
            if not each.is_renamed and each.target is not None and each.target.name in renamed:
                out[i] = None
        return out

    def _text(self, each: _Member) -> str:
        return self.text[each.member.start : each.member.end]

    def _members(self, start: int, source: GoStruct, target: GoStruct, at: JSONPath) -> list[_Member]:
        members = []
        pos = start
        for member in scan.members(self.text, start, at)[0]:
            begin = self.text.index('"', pos)
            key, to = source.find(member.key), target.find(member.key)
            if to is not None and to.form_in(self.version) is None:
                key, to = key or to, None
            if to is None and key is not None and key.other_name is not None:
                other = target.find(key.other_name.rpartition(".")[2])
                if other is not None and other.path == key.other_name and other.form_in(self.version) is not None:
                    to = other
            members.append(_Member(member, self.text[begin : member.start], key or to, to))
            pos = member.end
        return members

    def _member(self, each: _Member, at: JSONPath) -> str | None:
        """Convert the value of a key; return ``None`` for one that is left out."""
        member, key, target = each.member, each.key, each.target
        if key is None:
            return self._text(each)
        inside = (*at, key.name)
        form = target.form_in(self.version) if target is not None else None
        if target is None or form is None:
            self._lose(key, member, inside)
            return None
        try:
            if each.is_renamed and (key.name, target.name) in _CONVERSIONS:
                return self._renamed(member, key, target, inside)
            return self._value(member.start, member.end, form, key, target, inside)
        except Malformed as error:
            if not self._is_zero(key, member):
                spot = "" if error.where == inside else f"{scan.format_path(error.where)} "
                self.losses.append(f"{scan.format_path(inside)} ({spot}{error.reason})")
            return None

    def _lose(self, key: Key | None, member: Member, at: JSONPath) -> None:
        """Name the values of a key that is left out, each of an object's on its own."""
        if key is None or self._is_zero(key, member):
            return
        if _is_struct(key) and self.text.startswith("{", member.start):
            for inner in scan.members(self.text, member.start)[0]:
                known = key.members.find(inner.key)
                if known is not None:
                    self._lose(known, inner, (*at, inner.key))
                elif not _ZERO.fullmatch(self.text, inner.start, inner.end):
                    self.losses.append(scan.format_path((*at, inner.key)))
        else:
            self.losses.append(scan.format_path(at))

    def _is_zero(self, key: Key, value: Member) -> bool:
        """Return whether a value is Go's zero value, for which a missing key stands, too."""
        if self.text.startswith("null", value.start):
            return True
        if any(form.is_pointer for form in key.forms):
            return False
        if _ZERO.fullmatch(self.text, value.start, value.end):
            return True
        if not _is_struct(key) or not self.text.startswith("{", value.start):
            return False
        for inner in scan.members(self.text, value.start)[0]:
            known = key.members.find(inner.key)
            if known is None and not _ZERO.fullmatch(self.text, inner.start, inner.end):
                return False
            if known is not None and not self._is_zero(known, inner):
                return False
        return True

    # --- values ----------------------------------------------------------------------------------------------------

    def _value(self, start: int, end: int, form: Form, key: Key, target: Key, at: JSONPath) -> str:
        """Convert a value to a form; raises :class:`Malformed` for one that the version cannot read."""
        if self.text.startswith("null", start):
            return self.text[start:end]
        if form.kind == "object":
            self._check_opener("{", "an object", start, at)
            return self.object(start, end, key.members, target.members, at)
        if form.kind == "list":
            return self._list(start, end, key, target, at)
        if form.kind.startswith("map:"):
            return self._map(start, end, form.kind.removeprefix("map:"), key, target, at)
        decoded = decode_value(self.text, start, end, cast("gojson.Kind", form.kind), at)
        if target.path == _EXPERIMENTAL and self.version >= _NO_NEWSTORE and _NEWSTORE in cast("list[str]", decoded):
            self.losses.append(f"{scan.format_path(at)} {_NEWSTORE!r} (a feature that this version does not know)")
            return _json([name for name in cast("list[str]", decoded) if name != _NEWSTORE])
        return self.text[start:end]

    def _list(self, start: int, end: int, key: Key, target: Key, at: JSONPath) -> str:
        self._check_opener("[", "a list", start, at)
        positions = scan.items(self.text, start, at)
        for index, (begin, _) in enumerate(positions):
            if not self.text.startswith("null", begin):
                self._check_opener("{", "an object", begin, (*at, index))
        return self._edited(
            start,
            end,
            [
                (begin, stop, self._nested(begin, stop, key, target, (*at, index)))
                for index, (begin, stop) in enumerate(positions)
            ],
        )

    def _map(self, start: int, end: int, kinds: str, key: Key, target: Key, at: JSONPath) -> str:
        self._check_opener("{", "an object", start, at)
        key_kind, _, value_kind = kinds.rpartition(":")
        members = scan.members(self.text, start, at)[0]
        for member in members:
            inside = (*at, member.key)
            if key_kind:
                _number_key(member.key, key_kind, inside)
            if self.text.startswith("null", member.start):
                continue
            if value_kind == "object":
                self._check_opener("{", "an object", member.start, inside)
            else:
                decode_value(self.text, member.start, member.end, cast("gojson.Kind", value_kind), inside)
        if value_kind != "object":
            return self.text[start:end]
        return self._edited(
            start,
            end,
            [
                (value.start, value.end, self._nested(value.start, value.end, key, target, (*at, value.key)))
                for value in members
            ],
        )

    def _nested(self, start: int, end: int, key: Key, target: Key, at: JSONPath) -> str:
        if self.text.startswith("null", start):
            return self.text[start:end]
        return self.object(start, end, key.members, target.members, at)

    def _edited(self, start: int, end: int, edits: list[tuple[int, int, str]]) -> str:
        out = []
        for begin, stop, new in edits:
            out += [self.text[start:begin], new]
            start = stop
        return "".join(out) + self.text[start:end]

    def _check_opener(self, opener: str, wanted: str, start: int, at: JSONPath) -> None:
        if not self.text.startswith(opener, start):
            raise Malformed(f"must be {wanted}, not {scan.describe(self.text, start)}", at)

    # --- renamed keys whose values differ, too ------------------------------------------------------------------------

    def _renamed(self, member: Member, key: Key, target: Key, at: JSONPath) -> str:
        kind, convert = _CONVERSIONS[key.name, target.name]
        if self.text.startswith("null", member.start):
            return "null"
        if kind == "map":
            self._map(member.start, member.end, "int64:object", key, target, at)
            value: Any = [_number_key(each.key, "int64", at) for each in scan.members(self.text, member.start)[0]]
        else:
            value = decode_value(self.text, member.start, member.end, cast("gojson.Kind", kind), at)
        try:
            converted, loss = convert(value)
        except ValueError as error:
            raise Malformed(str(error), at) from None
        if loss:
            self.losses.append(f"{scan.format_path(at)} ({loss})")
        return _json(converted)


def _is_struct(key: Key) -> bool:
    return any(form.kind == "object" for form in key.forms)


def _number_key(name: str, kind: str, at: JSONPath) -> int:
    """Return the number that a map's key is, as Go's ``strconv`` reads it; raises :class:`Malformed`."""
    match = (_UNSIGNED if kind.startswith("u") else _SIGNED).fullmatch(name)
    if match is None:
        raise Malformed("its key must be a whole number", at)
    digits = match["digits"] if match["digits"] == "0" else match["sign"].replace("+", "") + match["digits"]
    return cast("int", decode_value(digits, 0, len(digits), cast("gojson.Kind", kind), at))


def _json(value: object) -> str:
    return gojson.encode(value).decode()


def _indexes_of_count(count: int) -> tuple[dict[str, dict[str, str]], str]:
    """Turn the number of used block indexes into the set of them."""
    if not 0 <= count <= _BLOCK_INDEX_MAX:
        raise ValueError(f"{count} is no number of block devices: 0 to {_BLOCK_INDEX_MAX}")
    return {str(index): {} for index in sorted(range(count), key=str)}, ""


def _count_of_indexes(indexes: list[int]) -> tuple[int, str]:
    """Turn the set of used block indexes into the first number above them."""
    used = set(indexes)
    count = max(used, default=-1) + 1
    if min(used, default=0) < 0 or count >= 2**63:
        raise ValueError("holds an index that no count covers")
    loss = f"which of the first {count} are free: BlockIndex counts all of them as used" if count > len(used) else ""
    return count, loss


def _float_of_count(count: int) -> tuple[int, str]:
    rounded = struct.unpack("f", struct.pack("f", count))[0]
    return count, "" if rounded == count else f"read as {rounded:.0f}, the nearest float32"


def _count_of_float(number: float) -> tuple[int, str]:
    count = math.ceil(number)
    if not 0 <= count < 2**32:
        raise ValueError(f"{number:g} is out of range for uint32: 0 to {2**32 - 1}")
    return count, "" if count == number else f"{number:g} is rounded up to {count}: NumVCPUs is a whole number"


_CONVERSIONS: Final[dict[tuple[str, str], tuple[str, Callable[[Any], tuple[object, str]]]]] = {
    ("BlockIndex", "BlockIndexMap"): ("int64", _indexes_of_count),
    ("BlockIndexMap", "BlockIndex"): ("map", _count_of_indexes),
    ("NumVCPUs", "NumVCPUsF"): ("uint32", _float_of_count),
    ("NumVCPUsF", "NumVCPUs"): ("float32", _count_of_float),
}
"""Renamed keys whose values change: the kind of the old value, and what gives the new value and what that loses."""
