"""The available reports: the bundled ones, and those in the user's folder.

A file begins with comments that describe the report::

    -- title: Who holds a device
    -- advice: Stop these containers before the device is detached.
    -- parameter: device text: the ID that Kata gave to the device
    -- finding: yes
    -- by host: yes

``finding`` says that each row is something to look into, ``by host`` that each is about one host, whose name the rows
are sorted by before all else: then hosts may be asked about one after another. So they may where ``totals`` names the
columns that are numbers of all hosts together, to be added up (:mod:`.totals`), and where the rows, about one host
each, are the first ``:count`` of those ``ranked by`` a column, the largest first, and then by their columns as they
stand (:mod:`.ranks`). One SELECT over the views follows, with ``:device`` for the parameter's value. On MariaDB
``NAME.mariadb.sql`` replaces ``NAME.sql``, and so on for the other engines. ``NAME.at.sql`` is the same report about
what was at a time, ``:at``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..db.work import parameters_of
from ..errors import InvalidValue
from .parameters import Parameter

if TYPE_CHECKING:
    from collections.abc import Sequence

BUNDLED: Final = Path(__file__).parent / "sql"
AT: Final = "at"
"""The parameter of a report about what was at a time."""
_PAST: Final = ".at"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")
_HEADER: Final = re.compile(r"--\s*(title|advice|parameter|finding|by host|totals|ranked by):\s*(.*?)\s*")


@dataclass(frozen=True)
class Report:
    """One report: its title, advice on what to do about its rows, and its SQL with named parameters."""

    name: str
    title: str
    advice: str
    parameters: Sequence[Parameter]
    is_finding: bool
    is_by_host: bool
    totals: Sequence[str]
    ranked_by: str
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


def find(name: str, engine: str, own: Path | None = None, *, past: bool = False) -> Report:
    """Find and read the report of this name for an engine (:func:`locate`, :func:`read`)."""
    return read(name, locate(name, engine, own, past=past))


def locate(name: str, engine: str, own: Path | None = None, *, past: bool = False) -> Path:
    """Return the file of the report of this name for an engine; the user's file wins over a bundled one.

    With ``past`` it is the one about what was at a time. Raises :class:`~persistdb.errors.InvalidValue` for an unknown
    name, and for a report that does not know what was.
    """
    if _NAME.fullmatch(name):
        for place in _places(own):
            stem = f"{name}{_PAST}" if past else name
            for path in (place / f"{stem}.{engine}.sql", place / f"{stem}.sql"):
                if path.is_file():
                    return path
    if past and name in names(own):
        able = sorted(path.name.partition(".")[0] for each in _places(own) for path in each.glob(f"*{_PAST}.sql"))
        raise InvalidValue("report", name, f"is about what is now only; these are about a time, too: {', '.join(able)}")
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
    declared |= {AT} if _PAST in path.suffixes else set()
    unknown = sorted(set(parameters_of(sql)) - declared)
    if unknown:
        raise _bad(path, f"uses :{unknown[0]}, which no -- parameter: line declares")
    is_finding, is_by_host = (headers.get(key, "no") == "yes" for key in ("finding", "by host"))
    totals = tuple(headers.get("totals", "").replace(",", " ").split())
    return Report(
        name=name,
        title=headers["title"],
        advice=headers.get("advice", ""),
        parameters=tuple(parameters),
        is_finding=is_finding,
        is_by_host=is_by_host,
        totals=totals,
        ranked_by=headers.get("ranked by", ""),
        sql=sql,
        path=path,
    )


def _bad(path: Path, reason: str) -> InvalidValue:
    return InvalidValue("report file", str(path), reason)
