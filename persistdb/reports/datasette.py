"""The reports as queries of Datasette, with their parameters: what ``datasette --metadata`` reads."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from ..db.work import PARAMETER
from ..errors import InvalidValue
from ..filters import UNITS
from ..schema.names import CHANGE_LEASES, COMPARED, VERSION
from . import catalog
from .dictionary import VIEWS
from .parameters import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..db.database import Database
    from .catalog import Report
    from .parameters import Parameter

_ENGINE: Final = "sqlite"
# timestamps are stored as YYYY-MM-DD HH:MM:SS.ffffff
_FORMAT: Final = "'%Y-%m-%d %H:%M:%f000'"
_SECONDS: Final = " ".join(f"WHEN '{unit}' THEN {seconds}" for unit, seconds in UNITS.items())
_AGO: Final = (
    f"strftime({_FORMAT}, 'now', '-' || (CAST({{0}} AS integer) * CASE substr({{0}}, -1) {_SECONDS} END) || ' seconds')"
)
_TIME: Final = f"CASE WHEN {{0}} GLOB '*[{''.join(UNITS)}]' THEN {_AGO} ELSE strftime({_FORMAT}, {{0}}) END"


def check(database: Database) -> Path:
    """Return the database's file; raises :class:`~persistdb.errors.InvalidValue` if Datasette cannot read it."""
    file = database.backend.file() if database.backend.name == _ENGINE else None
    if file is None:
        raise InvalidValue("database", database.url, "Datasette reads SQLite files only")
    return file.path


def metadata(database: Database, own: Path | None = None) -> str:
    """Return the metadata for an SQLite file as JSON: a query for each report, and what each view has rows of.

    Datasette asks for a parameter as a text, and has no defaults: a query takes an empty one for the default, and reads
    times and ages itself. Our tables are hidden, for it is the views that are documented. ``own`` is the user's folder
    of reports. Raises :class:`~persistdb.errors.InvalidValue` for a database that is no file, and for a file that is no
    report.
    """
    file = check(database)
    hidden = {name: {"hidden": True} for name in sorted({*COMPARED, *CHANGE_LEASES, VERSION})}
    of_file = {
        "tables": {**{name: {"description": f"{text}."} for name, text in VIEWS.items()}, **hidden},
        "queries": dict(_query(report, is_past) for report, is_past in _reports(own)),
    }
    text = "What container runtimes must remember, and what it was"
    whole = {"title": "persistdb", "description": text, "databases": {file.stem: of_file}}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _reports(own: Path | None) -> Iterator[tuple[Report, bool]]:
    for name in catalog.names(own):
        yield catalog.find(name, _ENGINE, own), False
        with suppress(InvalidValue):
            yield catalog.find(name, _ENGINE, own, past=True), True


def _query(report: Report, is_past: bool) -> tuple[str, dict[str, Any]]:
    """Return a report's name as a query, and the query."""
    values = {name: value for parameter in report.parameters for name, value in _values(parameter).items()}
    names = [parameter.name for parameter in report.parameters]
    described = [f"{parameter.name}: {parameter.text} ({_kind(parameter)})." for parameter in report.parameters]
    if is_past:
        values[catalog.AT] = _TIME.format(_given(catalog.AT, "0s"))
        names.append(catalog.AT)
        described.append(f"{catalog.AT}: the time ({TYPES['time']}; now if it is empty).")
    sql = PARAMETER.sub(lambda match: f"({values[match[1]]})", report.sql)
    if len(report.totals) > 1:  # as they are added up elsewhere: a row in which all that is counted is 0 is left out
        sql = f"SELECT * FROM ({sql}) WHERE {' OR '.join(f'{name} <> 0' for name in report.totals[1:])}"  # noqa: S608  ours
    text = " ".join((report.advice, *described)).strip()
    query = {"title": report.title, "description": text, "sql": sql, "params": names, "hide_sql": True}
    return f"{report.name}-{catalog.AT}" if is_past else report.name, query


def _given(name: str, default: str | None) -> str:
    return f":{name}" if default is None else f"coalesce(nullif(:{name}, ''), {_literal(default)})"


def _values(parameter: Parameter) -> dict[str, str]:
    """Return the expressions for the names by which a report's SQL may use a parameter."""
    given = _given(parameter.name, parameter.default)
    if parameter.type == "number":
        return {parameter.name: f"CAST({given} AS integer)"}
    if parameter.type == "age":
        return {parameter.name: _AGO.format(given)}
    if parameter.type == "time":
        return {parameter.name: _TIME.format(given)}
    if parameter.type == "device":
        return _of_device(parameter.name, given)
    if parameter.type == "folder":
        path = f"rtrim({given}, '/')"
        below = {f"{parameter.name}_from": f"{path} || '/'", f"{parameter.name}_to": f"{path} || '0'"}
        return {parameter.name: f"coalesce(nullif({path}, ''), '/')", **below}
    return {parameter.name: given}


def _of_device(name: str, given: str) -> dict[str, str]:
    """Return what a device's numbers are, and the IDs that OCI runtimes make of them, else the text as it is."""
    numbers = f"CASE WHEN {given} GLOB '[bcu] *' THEN substr({given}, 3) ELSE {given} END"
    are = f"{numbers} GLOB '[0-9]*:[0-9]*' AND {numbers} NOT GLOB '*:*:*' AND {numbers} NOT GLOB '*[^0-9:]*'"
    major = f"CAST({numbers} AS integer)"  # which ends before the colon
    minor = f"CAST(substr({numbers}, instr({numbers}, ':') + 1) AS integer)"

    def where(kinds: str, value: str, otherwise: str) -> str:
        return f"CASE WHEN {are} AND {given} GLOB '[{kinds}0-9]*' THEN {value} ELSE {otherwise} END"

    ids = {letter: f"'{letter} ' || {major} || ':' || {minor}" for letter in "cub"}
    return {
        name: given,
        **{f"{name}_{letter}": where("b" if letter == "b" else "cu", value, given) for letter, value in ids.items()},
        **{f"{name}_{part}": where("bcu", value, "NULL") for part, value in (("major", major), ("minor", minor))},
        f"{name}_kind": where("cu", "'char'", where("b", "'block'", "NULL")),
        f"{name}_or_kind": where("b", "'block'", where("cu", "'char'", "NULL")),
        f"{name}_ids": given,  # Kata's others would be a query before
    }


def _kind(parameter: Parameter) -> str:
    default = "" if parameter.default is None else f"; {parameter.default} if it is empty"
    return f"{TYPES[parameter.type]}{default}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
