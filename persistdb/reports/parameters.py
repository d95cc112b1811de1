"""Parameters of reports: typed values, read from text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ..errors import InvalidValue
from ..filters import parse_time, time_ago
from ..validation import INT64, check_text

TYPES: Final = {
    "text": "a text",
    "number": "a whole number",
    "age": "an age such as 90s, 15m, 24h, 7d or 3w",
    "time": "a time such as 2026-01-31T12:00:00Z, a date, or an age such as 15m, 2h, 7d",
    "folder": "an absolute path",
    "device": "a device's ID, its numbers on the host as in c 10:229 or 10:229, or its path there",
}
"""The types of parameters, each with a description of its values."""

_DECLARATION: Final = re.compile(r"([a-z][a-z0-9_]*)\s+(\w+)(?:\s*=\s*(\S+?))?\s*:\s*(.+)")
_NUMBER: Final = re.compile(r"-?[0-9]{1,19}")
# as the kernel's devices.list and OCI runtimes write a device; u is an unbuffered character device (mknod(1))
_DEVICE: Final = re.compile(r"(?:([bcu]) )?([0-9]{1,9}):([0-9]{1,9})", re.ASCII)
_KINDS: Final = {"b": ("block",), "c": ("char",), "u": ("char",), None: ("char", "block")}
_LETTERS: Final = (("c", "char"), ("u", "char"), ("b", "block"))
_OF_DEVICE: Final = ("c", "u", "b", "major", "minor", "kind", "or_kind", "ids")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a report; without a default a value is required."""

    name: str
    type: str
    default: str | None
    text: str

    @classmethod
    def parse(cls, line: str) -> Parameter:
        """Read ``NAME TYPE [= DEFAULT]: DESCRIPTION``.

        Raises ValueError.
        """
        match = _DECLARATION.fullmatch(line)
        if match is None:
            raise ValueError("not NAME TYPE: DESCRIPTION or NAME TYPE = DEFAULT: DESCRIPTION")
        name, type_, default, text = match.groups()
        if type_ not in TYPES:
            raise ValueError(f"{type_!r} is not a type; use one of {', '.join(TYPES)}")
        parameter = cls(name, type_, default, text)
        if default is not None:
            try:
                parameter.values(default)
            except InvalidValue as bad:
                raise ValueError(f"default of {name}: {bad.reason}") from None
        return parameter

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which the report's SQL may use the parameter."""
        more = {"folder": ("from", "to"), "device": _OF_DEVICE}.get(self.type, ())
        return (self.name, *(f"{self.name}_{each}" for each in more))

    def values(self, given: str) -> dict[str, object]:
        """Return the values of the SQL's parameters.

        An age or a time becomes a timestamp. A folder also has ``NAME_from`` and ``NAME_to``: all paths below it are
        at or after the first and before the second. A device has the IDs that OCI runtimes give it, ``NAME_c``,
        ``NAME_u`` and ``NAME_b``, and ``NAME_major``, ``NAME_minor`` and the kinds ``NAME_kind`` and ``NAME_or_kind``,
        which are alike where it is of one. ``NAME_ids`` stands for Kata's IDs (:mod:`.devices`). Raises
        :class:`~persistdb.errors.InvalidValue`.
        """
        try:
            check_text(given)
        except InvalidValue as bad:
            raise InvalidValue("parameter", given, f"{self.name}: {bad.reason}") from None
        if self.type == "text":
            return {self.name: given}
        if self.type == "number":
            if not _NUMBER.fullmatch(given) or int(given) not in INT64:
                raise self._not(given)
            return {self.name: int(given)}
        if self.type == "age":
            past = time_ago(given, datetime.now(UTC))
            if past is None:
                raise self._not(given)
            return {self.name: past}
        if self.type == "time":
            try:
                return {self.name: parse_time(given)}
            except InvalidValue:
                raise self._not(given) from None
        if self.type == "device":
            return dict(zip(self.names, _device(given), strict=True))
        if not given.startswith("/"):
            raise self._not(given)
        path = given.rstrip("/")
        # "0" is the character after "/"
        return {self.name: path or "/", f"{self.name}_from": f"{path}/", f"{self.name}_to": f"{path}0"}

    def _not(self, given: str) -> InvalidValue:
        return InvalidValue("parameter", given, f"{self.name}: not {TYPES[self.type]}")


def _device(given: str) -> tuple[object, ...]:
    match = _DEVICE.fullmatch(given)
    if match is None:
        return (given, *(given,) * 3, *(None,) * 4, given)
    kinds, major, minor = _KINDS[match[1]], int(match[2]), int(match[3])
    ids = [f"{letter} {major}:{minor}" if kind in kinds else given for letter, kind in _LETTERS]
    return (given, *ids, major, minor, kinds[0], kinds[-1], given)
