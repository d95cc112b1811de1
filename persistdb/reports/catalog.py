"""The available reports: the bundled ones, and those in the user's folder.

A file begins with comments that describe the report::

    -- title: Who holds a device
    -- advice: Stop these containers before the device is detached.
    -- parameter: device text: the ID that Kata gave to the device
    -- finding: yes

``finding`` says that each row is something to look into. One SELECT over the views follows, with ``:device`` for the
parameter's value. On MariaDB ``NAME.mariadb.sql`` replaces ``NAME.sql``, and so on for the other engines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from ..errors import InvalidValue
from .parameters import Parameter

if TYPE_CHECKING:
    from collections.abc import Sequence

BUNDLED: Final = Path(__file__).parent / "sql"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")
_HEADER: Final = re.compile(r"--\s*(title|advice|parameter|finding):\s*(.*?)\s*")


@dataclass(frozen=True)
class Report:
    """One report: its title, advice on what to do about its rows, and its SQL with named parameters."""

    name: str
    title: str
    advice: str
    parameters: Sequence[Parameter]
    is_finding: bool
    sql: str
    path: Path

    def values(self, given: Sequence[str]) -> dict[str, object]:
        """Return the values of the SQL's parameters, from ``VALUE`` in the order of the file and ``NAME=VALUE``.

        Raises :class:`~persistdb.errors.InvalidValue`.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        texts: dict[str, str] = {}
        for value in given:
            name, equals, rest = value.partition("=")
            if equals and name in known:
                texts[name] = rest
                continue
            place = next((name for name in known if name not in texts), None)
            if place is None:
                wanted = ", ".join(known) or "none"
                raise InvalidValue("parameter", value, f"one value too many; {self.name} takes {wanted}")
            texts[place] = value
        values: dict[str, object] = {}
        for parameter in self.parameters:
            value_ = texts.get(parameter.name, parameter.default)
            if value_ is None:
                raise InvalidValue("parameter", self.name, f"{parameter.name} is missing ({parameter.text})")
            values |= parameter.values(value_)
        return values


def names(own: Path | None = None) -> list[str]:
    """Return the names of all reports, sorted; ``own`` is the user's folder."""
    stems = {path.name.partition(".")[0] for place in _places(own) for path in place.glob("*.sql")}
    return sorted(stem for stem in stems if _NAME.fullmatch(stem))


def find(name: str, engine: str, own: Path | None = None) -> Report:
    """Find and read the report of this name for an engine (:func:`locate`, :func:`read`)."""
    return read(name, locate(name, engine, own))


def locate(name: str, engine: str, own: Path | None = None) -> Path:
    """Return the file of the report of this name for an engine; the user's file wins over a bundled one.

    Raises :class:`~persistdb.errors.InvalidValue` for an unknown name.
    """
    if _NAME.fullmatch(name):
        for place in _places(own):
            for path in (place / f"{name}.{engine}.sql", place / f"{name}.sql"):
                if path.is_file():
                    return path
    raise InvalidValue("report", name, f"unknown; use one of {', '.join(names(own))}")


def _places(own: Path | None) -> Sequence[Path]:
    return (BUNDLED,) if own is None else (own, BUNDLED)


def read(name: str, path: Path) -> Report:
    """Read a report's file.

    Raises :class:`~persistdb.errors.InvalidValue` for a file that is no report.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise _bad(path, f"not UTF-8: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise _bad(path, str(error.strerror)) from None
    headers: dict[str, str] = {}
    parameters: list[Parameter] = []
    body = 0
    for body, line in enumerate(lines):
        if line.strip() and not line.startswith("--"):
            break
        header = _HEADER.fullmatch(line)
        if header is None:
            continue
        key, value = header.groups()
        if key == "parameter":
            try:
                parameters.append(Parameter.parse(value))
            except ValueError as error:
                raise _bad(path, f"line {body + 1}: {error}") from None
        else:
            headers[key] = value
    sql = "\n".join(lines[body:]).strip().removesuffix(";")
    if not headers.get("title"):
        raise _bad(path, "has no title: it must begin with -- title: TEXT")
    declared = {used for parameter in parameters for used in parameter.names}
    unknown = sorted(set(text(sql).compile().params) - declared)
    if unknown:
        raise _bad(path, f"uses :{unknown[0]}, which no -- parameter: line declares")
    is_finding = headers.get("finding", "no") == "yes"
    return Report(name, headers["title"], headers.get("advice", ""), tuple(parameters), is_finding, sql, path)


def _bad(path: Path, reason: str) -> InvalidValue:
    return InvalidValue("report file", str(path), reason)
