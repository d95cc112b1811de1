"""Find keys and values in JSON text, by Go's rules and by their position, so the text itself is not lost.

``json`` and msgspec return values without their text, the order of duplicate keys and the exact digits of a number.
Files must come back byte for byte, so a file that is not exactly as Go writes it is read by these functions.
Nothing here recurses: a file that is nested 100,000 deep is refused at encoding/json's own limit.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ...errors import DamagedFile

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DEPTH = 10_000
"""How deep values may nest: the limit of Go's encoding/json ("exceeded max depth")."""

MAX_VALUES = 100_000
"""How many values a file may hold, lists and objects included, and keys that are given more than once.

A mount of Kata's has 9, and ten thousand of them fill the largest file that is read.
"""

_SPACE = re.compile(r"[ \t\n\r]*+")
# Possessive, so that a file cut inside a long string fails at once instead of trying every shorter match.
_QUOTED = r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
_STRING = re.compile(_QUOTED)
_KEY = re.compile(rf"({_QUOTED})[ \t\n\r]*+:[ \t\n\r]*+")
_AFTER = re.compile(r"[ \t\n\r]*+([,\]}])[ \t\n\r]*+")
# a string, or what precedes a value: a comma, or the beginning of a list or object that is not empty
_BEFORE_VALUE = re.compile(rf"{_QUOTED}|(,|[\[{{](?=[ \t\n\r]*+[^ \t\n\r\]}}]))".encode())
_SCALAR = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# Whole pairs and other escapes match first, so the group matches only half of a pair.
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|u([dD][89a-fA-F]..)|.)")

JSONPath = tuple[str | int, ...]
"""A place in JSON text: keys and list positions from the outside in."""


class Malformed(Exception):
    """Text that is not JSON, or a value that does not fit its key; ``where`` is the place in the text."""

    def __init__(self, reason: str, where: JSONPath = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.where = where

    def in_file(self, path: str) -> DamagedFile:
        """Return the error for people, which names the file."""
        return DamagedFile(path, self.reason, format_path(self.where))


class Member(NamedTuple):
    """One key of an object and the position of its value: ``text[start:end]``."""

    key: str
    start: int
    end: int


def format_path(where: JSONPath) -> str:
    """Return a place as people write it: ``Mounts[2].Options``."""
    out = ""
    for step in where:
        if isinstance(step, int):
            out += f"[{step}]"
        else:
            out += f".{step}" if out else step
    return out


def count_values(data: bytes) -> int:
    """Count the values in JSON text, lists and objects included, at least up to :data:`MAX_VALUES`."""
    # what these find in strings counts, too; a value in a list takes two bytes
    if len(data) < 2 * MAX_VALUES or data.count(b",") + data.count(b"[") + data.count(b"{") < MAX_VALUES:
        return 0
    return 1 + sum(match[1] is not None for match in _BEFORE_VALUE.finditer(data))


def skip_space(text: str, pos: int) -> int:
    """Return the position of the next character that is not JSON white space."""
    match = _SPACE.match(text, pos)
    return match.end() if match else pos


def unquote(quoted: str) -> str:
    """Decode a JSON string as Go does: half a surrogate pair becomes U+FFFD."""
    if "\\" not in quoted:
        return quoted[1:-1]
    value: str = json.loads(quoted)
    return _LONE_SURROGATE.sub("\ufffd", value)


def replace_lone_surrogates(text: str) -> str:
    """Replace each half of a surrogate pair in JSON text with U+FFFD, as Go reads it: no engine can store one."""
    return _ESCAPE.sub(lambda escape: "\\ufffd" if escape[1] else escape[0], text) if "\\u" in text else text


def start_of_object(text: str) -> int:
    """Return the position of the object that the text is; raise :class:`Malformed` if it is something else."""
    start = skip_space(text, 0)
    if not text.startswith("{", start):
        end_of_value(text, start)  # raises for text that is not JSON at all
        raise Malformed(f"must be an object, not {describe(text, start)}")
    return start


def members(text: str, start: int, where: JSONPath = ()) -> tuple[list[Member], int]:
    """List the members of the object at ``start``, including duplicates, and return where the object ends."""
    listed: list[Member] = []
    pos = skip_space(text, start + 1)
    if text.startswith("}", pos):
        return listed, pos + 1
    while True:
        key, pos = _key(text, pos, where)
        end = end_of_value(text, pos, (*where, key))
        listed.append(Member(key, pos, end))
        pos, more = _after(text, end, "}", where)
        if not more:
            return listed, pos


def items(text: str, start: int, where: JSONPath = ()) -> list[tuple[int, int]]:
    """List the positions of the values in the list at ``start``: where each begins and ends."""
    positions: list[tuple[int, int]] = []
    pos = skip_space(text, start + 1)
    if text.startswith("]", pos):
        return positions
    while True:
        end = end_of_value(text, pos, (*where, len(positions)))
        positions.append((pos, end))
        pos, more = _after(text, end, "]", where)
        if not more:
            return positions


def end_of_value(text: str, pos: int, where: JSONPath = ()) -> int:
    """Check the whole value at ``pos`` and return where it ends.

    Raises :class:`Malformed` for text that is not JSON, for nesting beyond :data:`MAX_DEPTH` and for an escaped NUL in
    a string, which no engine but SQLite can store.
    """
    open_at: list[str | int] = []  # the key or position that each open object or array is at
    while True:
        opener = text[pos : pos + 1]
        if opener == "{" or opener == "[":
            if len(where) + len(open_at) >= MAX_DEPTH:
                raise Malformed(f"is nested more than {MAX_DEPTH} deep", where)
            pos = skip_space(text, pos + 1)
            if not text.startswith("}" if opener == "{" else "]", pos):
                if opener == "{":
                    key, pos = _key(text, pos, where, [*open_at, 0] if open_at else ())
                    open_at.append(key)
                else:
                    open_at.append(0)
                continue
            pos += 1
        else:
            pos = _scalar(text, pos, where, open_at)
        while open_at:
            at = open_at[-1]
            is_list = isinstance(at, int)
            pos, more = _after(text, pos, "]" if is_list else "}", where, open_at)
            if not more:
                open_at.pop()
            elif isinstance(at, int):
                open_at[-1] = at + 1
                break
            else:
                open_at[-1], pos = _key(text, pos, where, open_at)
                break
        else:
            return pos


def end_of_first(text: str) -> int | None:
    """Return where the first value of a text ends if more than white space follows, ``None`` if it is all."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)  # a twentieth of the time for the usual text
    except (msgspec.MsgspecError, ValueError, RecursionError):
        end = end_of_value(text, skip_space(text, 0))
        return end if skip_space(text, end) < len(text) else None
    return None


def replace_values(text: str, values: dict[str, str]) -> str:
    """Replace the values of top-level keys with new JSON texts, and leave every other character as it is.

    The value of each key that Go takes for a named one is replaced, in any spelling and if it is repeated; a key that
    is missing is appended.
    """
    start = skip_space(text, 0)
    existing, end = members(text, start)
    wanted = {fold(key): value for key, value in values.items()}
    missing = {fold(key): key for key in values}
    out, done = [], 0
    for member in existing:
        if (name := fold(member.key)) in wanted:
            out += [text[done : member.start], wanted[name]]
            done = member.end
            missing.pop(name, None)
    out.append(text[done : end - 1])
    is_empty = not existing
    for name, key in missing.items():
        out.append(("" if is_empty else ",") + f'"{key}":{wanted[name]}')
        is_empty = False
    return "".join(out) + text[end - 1 :]


# The two characters beyond ASCII that Go folds to ASCII letters: the long s and the Kelvin sign.
_FOLD = str.maketrans({"\u017f": "s", "\u212a": "k"})


def fold(key: str) -> str:
    """Return a key in the spelling in which Go compares keys when none matches exactly."""
    return key.translate(_FOLD).lower()


def describe(text: str, pos: int) -> str:
    """Describe the kind of value at ``pos``."""
    kinds = {"{": "an object", "[": "a list", '"': "a string", "t": "true", "f": "false", "n": "null"}
    return kinds.get(text[pos : pos + 1], "a number")


def _after(text: str, pos: int, closer: str, where: JSONPath, open_at: Sequence[str | int] = ()) -> tuple[int, bool]:
    """Step over a comma, or the end of the object or list; return the next position, and whether there is more."""
    match = _AFTER.match(text, pos)
    if match is not None:
        if match[1] == ",":
            return match.end(), True
        if match[1] == closer:
            return match.end(1), False
    raise _unexpected(text, skip_space(text, pos), f"a comma or {closer}", (*where, *open_at))


def _key(text: str, pos: int, where: JSONPath, open_at: Sequence[str | int] = ()) -> tuple[str, int]:
    match = _KEY.match(text, pos)
    if match is None:
        where = (*where, *open_at[:-1])
        quoted = _STRING.match(text, pos)
        if quoted is not None:
            raise _unexpected(text, skip_space(text, quoted.end()), "a colon", where)
        raise _bad_string(text, pos, where) if text.startswith('"', pos) else _unexpected(text, pos, "a key", where)
    quote = match[1]
    if "\\" not in quote:
        return quote[1:-1], match.end()
    if "\\u0000" in quote and _NUL.search(quote):
        raise Malformed("has a NUL character in a key, which no database server stores", (*where, *open_at[:-1]))
    return unquote(quote), match.end()


def _scalar(text: str, pos: int, where: JSONPath, open_at: list[str | int]) -> int:
    if text.startswith('"', pos):
        match = _STRING.match(text, pos)
        if match is None:
            raise _bad_string(text, pos, (*where, *open_at))
        if "\\u0000" in match[0] and _NUL.search(match[0]):
            raise Malformed("has a NUL character in a string, which no database server stores", (*where, *open_at))
        return match.end()
    match = _SCALAR.match(text, pos)
    if match is None:
        raise _unexpected(text, pos, "a value", (*where, *open_at))
    return match.end()


def _unexpected(text: str, pos: int, wanted: str, where: JSONPath) -> Malformed:
    rest = text[pos : pos + 5]
    if not rest or any(word.startswith(rest) for word in ("true", "false", "null", "-")):
        return Malformed(f"is cut short: it ends where {wanted} should follow", where)
    return Malformed(f"is not JSON: {text[pos]!r} at character {pos}, where {wanted} should be", where)


def _bad_string(text: str, pos: int, where: JSONPath) -> Malformed:
    at = pos + 1
    while at < len(text):
        char = text[at]
        if char < " ":
            return Malformed(f"is not JSON: control character {char!r} in a string at character {at}", where)
        if char == "\\":
            if at + 1 < len(text) and not re.match(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{0,4})', text[at : at + 6]):
                return Malformed(f"is not JSON: unknown escape {text[at : at + 2]!r} at character {at}", where)
            at += 1
        at += 1
    return Malformed("is cut short: it ends inside a string", where)
