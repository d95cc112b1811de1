"""The configuration files: what may be in them, who may read them, and what they say."""

from __future__ import annotations

import os
import re
import shlex
import stat
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from ..errors import FileError
from ..places import config_files, is_path
from .status import Misuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

PLACE = "persistdb.settings"
"""The place of the settings in click's ``Context.meta``."""

_TIMEOUT_MIN, _TIMEOUT_MAX = 0.001, 1_000_000

# What SQLAlchemy takes for a password, and more: in a URL without its scheme, any text before an @ may be one.
_PASSWORD = r"(?i)^[^/?]*://[^:/]*:[^@]+@|^(?![^/?]*://)[^@]*@|[?&][^=&]*(?:passw|secret|scram_)"  # noqa: S105  a pattern


class Settings(NamedTuple):
    """What the configuration files say: the values by their keys, and the file that each is from.

    ``unreadable`` are files that this user may not read, and ``fault`` is what else is wrong with one.
    """

    values: Mapping[str, object] = {}
    files: Mapping[str, Path] = {}
    unreadable: tuple[Path, ...] = ()
    fault: Misuse | FileError | None = None

    def defaults(self) -> dict[str, Any]:
        """Return the values as click's ``default_map``: of the program's options, and of each command's."""
        defaults: dict[str, Any] = {}
        for key, value in self.values.items():
            for command, parameter in KEYS[key].options:
                (defaults.setdefault(command, {}) if command else defaults)[parameter] = value
        return defaults

    def check(self, url: object) -> None:
        """Raise what is wrong; a file that may not be read is wrong if it might have named the database."""
        if self.fault is not None:
            raise self.fault
        if url is None and self.unreadable:
            raise FileError(str(self.unreadable[0]), "this user may not read it; name the database with --db")


class Key(NamedTuple):
    """A key of the file: how its value is read, and for which commands' parameters it is the default.

    ``""`` is the program itself. ``default`` is the value without any, as far as it is a fixed one.
    """

    read: Callable[[object], object]
    options: tuple[tuple[str, str], ...]
    default: object = None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError('must be a string: "…"')
    return value


def _path(value: object) -> str:
    text = os.path.expanduser(_text(value))
    if not os.path.isabs(text):
        raise ValueError("must be an absolute path, or begin with ~/: it would depend on where a command is run")
    return text


def _url(value: object) -> str:
    text = _text(value)
    return _path(text) if is_path(text) else text


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _TIMEOUT_MIN <= value <= _TIMEOUT_MAX:
        raise ValueError(f"must be a number of seconds from {_TIMEOUT_MIN} to {_TIMEOUT_MAX}")
    return value


def _log_format(value: object) -> str:
    if value not in ("text", "json"):
        raise ValueError('must be "text" or "json"')
    return str(value)


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004  the caller's way to hear of it
    return value


_TABLES = ("ls", "sandboxes", "hosts", "events", "audit", "report", "sql")

KEYS = {
    "url": Key(_url, (("", "url"),)),
    "reader_url": Key(_url, (("", "reader_url"),)),
    "replica_url": Key(_url, (("", "replica_url"),)),
    "host": Key(_text, (("", "host"),)),
    "reports": Key(_path, (("report", "own"),)),
    "timeout": Key(_seconds, (("report", "timeout"), ("sql", "timeout")), 30.0),
    "log_format": Key(_log_format, (("", "log_format"),), "text"),
    "no_trunc": Key(_switch, tuple((command, "no_trunc") for command in _TABLES), False),
}
"""The keys of a configuration file.

Not the output format: scripts that read a command's output would read another on one machine.
"""


def load() -> Settings:
    """Read the configuration files that exist."""
    values: dict[str, object] = {}
    files: dict[str, Path] = {}
    unreadable = []
    try:
        for path in config_files():
            try:
                found = _read(path)
            except PermissionError:
                if _is_named():
                    raise
                unreadable.append(path)
                continue
            if "url" in found:
                # they belong to the database of the file before
                for key in ("reader_url", "replica_url"):
                    values.pop(key, None)
                    files.pop(key, None)
            values |= found
            files |= dict.fromkeys(found, path)
    except OSError as error:
        return Settings(fault=FileError(str(error.filename), error.strerror or "cannot be read"))
    except (Misuse, FileError) as error:
        return Settings(fault=error)
    return Settings(values, files, tuple(unreadable))


def _read(path: Path) -> dict[str, object]:
    """Read one file; one of the usual places may be missing. Raises :class:`Misuse`, :class:`OSError`."""
    try:
        # a FIFO would keep the command waiting
        file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))  # noqa: SIM115  below
    except (FileNotFoundError, NotADirectoryError):
        if _is_named():
            raise
        return {}
    with file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            if str(path) == os.devnull:
                return {}
            raise FileError(str(path), "not a regular file")
        content = file.read()
    import tomllib  # start-up cost: most users have no such file

    _refuse_foreign(path, status)
    try:
        table = tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        raise Misuse(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        raise Misuse(f"{path}: not TOML: {error}") from None
    if status.st_mode & 0o044 and _has_password(table.values()):
        raise Misuse(
            f"{path}: holds a password, and others may read it; to mend it: chmod 600 {shlex.quote(str(path))}"
        )
    return {key: _value(path, key, value) for key, value in table.items()}


def _is_named() -> bool:
    """Return whether the user has named the file, so that it must be there."""
    return bool(os.environ.get("PERSISTDB_CONFIG"))


def _refuse_foreign(path: Path, status: os.stat_result) -> None:
    """Refuse a file that a third user can change: it says where data goes, as ssh's says where logins go."""
    if status.st_uid not in (0, os.geteuid()):
        raise Misuse(
            f"{path}: belongs to user {status.st_uid}, and must be yours or root's; PERSISTDB_CONFIG names another file"
        )
    if status.st_mode & 0o022:
        raise Misuse(f"{path}: others may change it; to mend it: chmod go-w {shlex.quote(str(path))}")


def _has_password(values: Iterable[object]) -> bool:
    urls = [value for value in values if isinstance(value, str) and not is_path(value)]
    return any(re.search(_PASSWORD, url) or re.search(_PASSWORD, unquote(url)) for url in urls)


def _value(path: Path, key: str, value: object) -> object:
    known = KEYS.get(key)
    if known is None:
        raise Misuse(f"{path}: unknown key {key!r}; the keys are {', '.join(KEYS)}")
    try:
        return known.read(value)
    except ValueError as error:
        raise Misuse(f"{path}: {key}: {error}") from None
