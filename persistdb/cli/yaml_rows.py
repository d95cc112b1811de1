"""Rows as YAML: the document that JSON has, with its values.

Unquoted, ``1e5``, ``0o17``, ``no`` and ``2026-01-31`` are no text in YAML, and its versions 1.1 and 1.2 differ in what
is. Text that either of them would take for another type is quoted.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import yaml

from .messages import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TAG: Final = "tag:yaml.org,2002:"
# Beside PyYAML's own rules, which are those of YAML 1.1 (yaml.org/spec/1.2.2/#1032-tag-resolution; yaml.org/type/bool).
_ALSO_NOT_TEXT: Final = (
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("int", r"0o[0-7]+$", "0"),
    ("bool", r"[yYnN]$", "yYnN"),
)
# YAML 1.1 wants a point before an exponent, and a sign in it.
_EXPONENT: Final = re.compile(r"(.+)[eE]([-+]?)([0-9]+)")
_NO_FOLDING: Final = 1 << 30


class _Number(str):
    """A number as JSON writes it: it may have more digits than Python's numbers keep."""

    __slots__ = ()


def documents(head: dict[str, object], name: str, rows: Iterable[bytes]) -> Iterator[str]:
    """Yield the parts of one document: the entries of ``head``, and under ``name`` the rows, which are JSON."""
    yield text(head)
    begins = f"{name}:\n"
    for row in rows:
        yield begins + text([json.loads(row, parse_int=_Number, parse_float=_Number)])
        begins = ""
    if begins:
        yield f"{name}: []\n"


def escaped(text: str) -> str:
    """Return a part of a document without the characters that a terminal acts on; it means the same."""
    # such text is always in double quotes, where YAML has the escapes that Python has
    return "\n".join(map(printable, text.split("\n")))


def text(value: object) -> str:
    """Return a value as YAML, in lines of its own."""
    written: str = yaml.dump(
        value, Dumper=_dumper(), sort_keys=False, allow_unicode=True, default_flow_style=False, width=_NO_FOLDING
    )
    return written


@cache
def _dumper() -> type[yaml.SafeDumper]:
    # libyaml's is ten times as fast; wheels have it, a build without libyaml does not
    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

    class Dumper(base):  # type: ignore[misc]  # known only when the program runs
        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  equal values are written twice, as in JSON
            return True

    for kind, pattern, begins in _ALSO_NOT_TEXT:
        Dumper.add_implicit_resolver(_TAG + kind, re.compile(pattern), list(begins))
    Dumper.add_representer(str, _represent_text)
    Dumper.add_representer(_Number, _represent_number)
    return Dumper


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if not text.isprintable():
        # JSON may escape half of a surrogate pair, which no UTF-8 has: Go, too, reads U+FFFD
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return dumper.represent_scalar(f"{_TAG}str", whole, style='"')
    return dumper.represent_scalar(f"{_TAG}str", text)


def _represent_number(dumper: yaml.SafeDumper, number: _Number) -> yaml.ScalarNode:
    kind = "int" if number.removeprefix("-").isdecimal() else "float"
    return dumper.represent_scalar(_TAG + kind, _EXPONENT.sub(_full, number))


def _full(match: re.Match[str]) -> str:
    whole, sign, exponent = match.groups()
    return f"{whole}{'' if '.' in whole else '.0'}e{sign or '+'}{exponent}"
