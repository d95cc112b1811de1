"""What a shell completes from a database: names that begin as typed, found while somebody waits for them.

A SQLite file is read without SQLAlchemy, whose import alone takes longer than a person waits; it is opened for reading,
so nothing is created. Servers are asked as everywhere else. Whatever fails has no candidates.
"""

# ruff: noqa: S608  statements are put together from constants of ours

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from .places import default_file, is_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST: Final = 100
"""The most candidates that are offered."""

_WAIT: Final = 0.2
"""Seconds that a lock is waited for, and, times ten, a server."""

_OF_CONTAINERS: Final = "FROM container AS c JOIN sandbox AS s ON s.id = c.sandbox_id WHERE s.host = :host"
_BEGINS: Final = ">= :first AND {0} < :last ORDER BY {0} LIMIT " + str(MOST)
_QUERIES: Final = {
    "host": f"SELECT DISTINCT host FROM sandbox WHERE host {_BEGINS.format('host')}",
    "sid": f"SELECT sid FROM sandbox WHERE host = :host AND sid {_BEGINS.format('sid')}",
    "cid": f"SELECT s.sid, c.cid {_OF_CONTAINERS} AND c.cid {_BEGINS.format('c.cid')}",
    "cid of sid": f"SELECT s.sid, c.cid {_OF_CONTAINERS} AND s.sid = :sid AND c.cid {_BEGINS.format('c.cid')}",
}


def hosts(url: str | None, begin: str) -> list[str]:
    """Return the hosts whose names begin so."""
    return [name for (name,) in _typable(_ask(url, "host", begin, {}))]


def sandboxes(url: str | None, host: str, begin: str) -> list[str]:
    """Return the sandboxes of a host whose IDs begin so."""
    return [sid for (sid,) in _typable(_ask(url, "sid", begin, {"host": host}))]


def containers(url: str | None, host: str, begin: str) -> list[str]:
    """Return the containers of a host whose IDs begin so: CID, or SID/CID where that is needed or was begun."""
    sid, slash, cid = begin.rpartition("/")
    if slash:
        rows = _typable(_ask(url, "cid of sid", cid, {"host": host, "sid": sid}))
        return [f"{sid}/{cid}" for sid, cid in rows]
    rows = _typable(_ask(url, "cid", begin, {"host": host}))
    cids = [cid for _, cid in rows]
    return [cid if cids.count(cid) == 1 else f"{sid}/{cid}" for sid, cid in rows]


def _typable(rows: Iterable[Sequence[object]]) -> list[tuple[str, ...]]:
    """Return the rows whose texts a shell reads as one word on one line."""
    texts = [tuple(str(value) for value in row) for row in rows]
    return [row for row in texts if all(text.isprintable() and not set(text) & set(" '\"\\") for text in row)]


def _ask(url: str | None, query: str, begin: str, values: Mapping[str, str]) -> Iterable[Sequence[object]]:
    parameters = {**values, "first": begin, "last": begin + "\U0010ffff"}
    file = _file(url)
    return _of_url(url or "", query, parameters) if file is None else _of_file(file, query, parameters)


def _file(url: str | None) -> Path | None:
    """Return the file that a URL, or the path of a file, names; ``None`` for a server, and for a URL with options."""
    if not url:
        return default_file()
    if is_path(url):
        return Path(url).expanduser()
    if url.startswith("sqlite:///") and "?" not in url:
        return Path(unquote(url.removeprefix("sqlite:///")))
    return None


def _of_file(file: Path, query: str, parameters: Mapping[str, str]) -> list[tuple[object, ...]]:
    # As it is only read, any library will do: the defect of old ones is in checkpoints, which a reader never makes.
    uri = f"file:{quote(os.fsencode(file.absolute()))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=_WAIT)
    try:
        return connection.execute(_QUERIES[query], parameters).fetchall()
    finally:
        connection.close()


def _of_url(url: str, query: str, parameters: Mapping[str, str]) -> Sequence[Sequence[object]]:
    from .db import work
    from .db.database import Database
    from .engines import Timeouts
    from .schema.prepare import refuse_missing

    with Database(url, timeouts=Timeouts(call=10 * _WAIT)) as database:
        refuse_missing(database)
        statement = work.Statement(_QUERIES[query], database.backend.style)
        return database.read(lambda: work.rows(statement, parameters))
