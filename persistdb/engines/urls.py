"""URLs of databases: the secrets in them, lists of hosts, their options, and what people see of them.

A list names the nodes of a cluster, or a primary and its standbys.
``mariadb://user@a:3306,b:3306/name`` is no URL to SQLAlchemy, which writes ``mariadb://user@/name?host=a:3306&host=b:3306``
for it. Here it is that; people write and read the list.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.engine import URL

# The parts of a URL as SQLAlchemy reads it, but that there is a comma among its hosts. A password may have a slash.
_LIST = re.compile(r"([\w+]+://(?>(?:[^:/]*(?::[^@]*)?@)?))([^/?@]*,[^/?@]*)(/[^?]*)?(?:\?(.*))?", re.DOTALL)
_HOST = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]\s]+))(?::([0-9]{1,5}))?")
LAST_PORT = 65535
_TWICE = "hosts are named in two ways: name all of them before the database, as HOST:PORT,HOST:PORT"


def is_secret(option: str) -> bool:
    """Return whether an option of a URL is a secret: a password, or what takes the place of one."""
    name = option.lower()
    return "passw" in name or "secret" in name or name.startswith("scram_")


def without_secrets(url: URL) -> tuple[URL, dict[str, Any]]:
    """Take the options that are secrets out of a URL, which SQLAlchemy shows in the names of engines and pools."""
    secrets = {name: value for name, value in url.query.items() if is_secret(name)}
    return url.difference_update_query(secrets), secrets


class Host(NamedTuple):
    """A host of a list, and its port if one is given."""

    host: str
    port: int | None


def as_options(text: str) -> str:
    """Write the list of hosts of a URL, if it has one, as SQLAlchemy does; raises :class:`ValueError`."""
    found = _LIST.fullmatch(text)
    if found is None:
        return text
    login, hosts, path, query = found.groups()
    if not all(hosts.split(",")):
        raise ValueError("a name is missing in the list of hosts")
    if re.search(r"(?:^|&)(?:host|port)=", query or ""):
        raise ValueError(_TWICE)
    options = [f"host={quote(host, safe='')}" for host in hosts.split(",")]
    return f"{login}{path or ''}?{'&'.join([*options, *([query] if query else [])])}"


def to_any_host(url: URL) -> URL:
    """Let a URL with a list of hosts lead to servers that only read, too, unless it says which ones it is for."""
    if not listed_hosts(url) or "target_session_attrs" in url.query:
        return url
    return url.update_query_dict({"target_session_attrs": "any"})


def without_list(url: URL) -> URL:
    """Take the list of hosts out of a URL."""
    return url.difference_update_query(["host"]) if listed_hosts(url) else url


def listed_hosts(url: URL) -> list[Host]:
    """Return the hosts of a URL's list, none for a URL without one; raises :class:`ValueError`."""
    given = url.query.get("host", ())
    if isinstance(given, str):
        return []
    if given and (url.host or url.port or "port" in url.query):
        raise ValueError(_TWICE)
    return [_host(text) for text in given]


def _host(text: str) -> Host:
    found = _HOST.fullmatch(text)
    if found is None or int(found[3] or 0) > LAST_PORT:
        raise ValueError(f"{text!r} in the list of hosts is not HOST or HOST:PORT")
    return Host(found[1] or found[2], int(found[3]) if found[3] else None)


def shown(url: URL) -> str:
    """Write a URL for people: passwords as ``***``, also in the options, and several hosts as a list."""
    hidden = {name: "***" for name in url.query if is_secret(name)}
    given = url.query.get("host", "")
    listed = "" if isinstance(given, str) or url.host or url.port else ",".join(given)
    # a name that needs no quoting takes the place of the list
    plain = url.difference_update_query(["host"]).set(host="host") if listed else url
    text = plain.update_query_dict(hidden).render_as_string(hide_password=True).replace("%2A%2A%2A", "***")
    if not listed:
        return text
    begin = "://" if plain.username is None else "@"
    return text.replace(f"{begin}host", f"{begin}{listed}", 1)


def check_names(url: URL, known: Collection[str], lists: Collection[str] = ()) -> None:
    """Refuse options of a URL that are not among the known ones, or given twice; raises :class:`ValueError`."""
    for name, value in url.query.items():
        if name not in known:
            raise ValueError(f"unknown option {name!r}")
        if not isinstance(value, str) and name not in lists:
            raise ValueError(f"option {name!r} is given twice")


def check_numbers(url: URL, names: Collection[str]) -> None:
    """Refuse options of a URL whose value is not a whole number; raises :class:`ValueError`."""
    for name in names:
        value = url.query.get(name, "0")
        if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,9}", value):
            raise ValueError(f"option {name!r} must be a whole number")
