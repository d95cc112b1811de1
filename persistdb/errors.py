"""What can go wrong, as exceptions that say what, where and what to do next, and carry their data as fields."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(eq=False)
class PersistDBError(Exception):
    """Anything that persistdb raises."""

    def __reduce__(self) -> tuple[object, ...]:
        # A dataclass keeps its values in fields, not in ``args``: without this, keyword values are lost in a pickle.
        return _rebuild, (type(self), dict(self.__dict__))


def _rebuild(cls: type[PersistDBError], fields: dict[str, object]) -> PersistDBError:
    error = cls.__new__(cls)
    error.__dict__.update(fields)
    return error


def _container(sid: str | None, cid: str) -> str:
    return f"{sid}/{cid}" if sid else cid


# --- what a caller asked for -----------------------------------------------------------------------------------------


@dataclass(eq=False)
class NotFound(PersistDBError):
    """There is no such sandbox, container, report or revision."""

    kind: str
    ref: str
    host: str | None = None

    def __str__(self) -> str:
        where = f" on host {self.host!r}" if self.host is not None else ""
        return f"no {self.kind} {self.ref!r}{where}"


@dataclass(eq=False)
class AlreadyExists(PersistDBError):
    """Something with this identity is there already."""

    kind: str
    ref: str
    holders: Sequence[str] = ()

    def __str__(self) -> str:
        if self.holders:
            return f"{self.kind} {self.ref!r} is used by {' and '.join(self.holders)}: it must be unique in a sandbox"
        return f"{self.kind} {self.ref!r} already exists"


@dataclass(eq=False)
class Conflict(PersistDBError):
    """It was changed by somebody else since the revision that the caller read."""

    ref: str
    expected: int
    actual: int | None

    def __str__(self) -> str:
        now = "it is gone" if self.actual is None else f"it is at revision {self.actual}"
        return f"{self.ref}: you read revision {self.expected}, now {now}; read it again and repeat your change"


@dataclass(eq=False)
class Ambiguous(PersistDBError):
    """An abbreviated ID fits more than one container or sandbox."""

    kind: str
    ref: str
    candidates: Sequence[str]

    def __str__(self) -> str:
        return f"{self.ref!r} fits more than one {self.kind}: {', '.join(self.candidates)}, …; give more of the ID"


@dataclass(eq=False)
class InvalidTransition(PersistDBError):
    """A container cannot go from the one state to the other."""

    ref: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.ref}: a container cannot go from {self.old!r} to {self.new!r}"


@dataclass(eq=False)
class StateMismatch(PersistDBError):
    """The container is not in the state that the caller expected it to leave."""

    ref: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.ref}: expected state {self.expected!r}, found {self.actual!r}"


@dataclass(eq=False)
class InvalidValue(PersistDBError):
    """A value that no engine can hold, or that makes no sense where it stands."""

    field: str
    value: object
    reason: str

    def __str__(self) -> str:
        shown = repr(self.value)
        if len(shown) > 80:
            shown = shown[:77] + "…"
        return f"{self.field}: {self.reason}: {shown}"


@dataclass(eq=False)
class Unreadable(PersistDBError):
    """What is stored of a sandbox or container is not what a record can hold: something else has written it."""

    ref: str
    detail: str

    def __str__(self) -> str:
        return (
            f"{self.ref}: its rows hold what no record can, written by another program ({self.detail}); "
            "put them right, or forget the sandbox (destroy_sandbox) and import it again"
        )


# --- locks -----------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class LockTimeout(PersistDBError):
    """A sandbox's lock was not to be had in time."""

    sid: str
    timeout: float
    holders: Sequence[str] = ()

    def __str__(self) -> str:
        by = " and ".join(self.holders) or "a holder that this process may not see"
        return f"lock of sandbox {self.sid!r} not obtained in {self.timeout:g} s: held by {by}"


@dataclass(eq=False)
class LockNotHeld(PersistDBError):
    """A lock was released that is not held: released before, or lost with its connection."""

    sid: str

    def __str__(self) -> str:
        return f"lock of sandbox {self.sid!r} is not held (any more)"


# --- the database ----------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class DatabaseError(PersistDBError):
    """The database would not do it; ``detail`` is the engine's own message, ``url`` has no password."""

    url: str
    detail: str = ""

    def _say(self, what: str) -> str:
        return f"{self.url}: {what}" + (f" ({self.detail})" if self.detail else "")

    def __str__(self) -> str:
        return self._say("the database reported an error")


class Busy(DatabaseError):
    """Others hold what is needed, and the time to wait for it is over. Nothing was written: try again."""

    def __str__(self) -> str:
        return self._say("busy: others hold what is needed; nothing was written, try again")


class QueryTimeout(DatabaseError):
    """A statement ran longer than the time it was given. Nothing was written."""

    def __str__(self) -> str:
        return self._say("the statement took longer than allowed and was stopped")


class ReadOnly(DatabaseError):
    """The database, its file or the server's role does not accept writes."""

    def __str__(self) -> str:
        return self._say("the database is read-only")


class StorageFull(DatabaseError):
    """The disk, quota or tablespace is full. Nothing was written."""

    def __str__(self) -> str:
        return self._say("no space left; nothing was written")


class Unavailable(DatabaseError):
    """The database cannot be reached or opened, or went away before the commit. Nothing was written."""

    def __str__(self) -> str:
        return self._say("cannot be reached or opened")


class AccessDenied(Unavailable):
    """The server or the file system refuses this user or password."""

    def __str__(self) -> str:
        return self._say("access denied: check user, password and rights")


class Corrupt(DatabaseError):
    """The file is not a database, or is damaged."""

    def __str__(self) -> str:
        return self._say("not a database, or damaged; restore a backup")


@dataclass(eq=False)
class CommitUnknown(DatabaseError):
    """The connection was lost while a commit ran, and what became of it cannot be told.

    ``refs`` are the sandboxes or containers that it would have changed: read them before you repeat the change.
    """

    refs: Sequence[str] = ()

    def __str__(self) -> str:
        what = ", ".join(self.refs) or "the change"
        return self._say(f"connection lost during COMMIT: it is unknown whether {what} was written; read it again")


@dataclass(eq=False)
class BadURL(PersistDBError):
    """A database URL that persistdb cannot use."""

    url: str
    reason: str

    def __str__(self) -> str:
        return f"{self.url}: {self.reason}"


@dataclass(eq=False)
class DriverMissing(PersistDBError):
    """The Python module that talks to this engine is not installed."""

    url: str
    module: str
    extra: str

    def __str__(self) -> str:
        return f"{self.url}: Python module {self.module!r} is missing; pip install 'persistdb[{self.extra}]' brings it"


# --- schema versions -------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class SchemaError(PersistDBError):
    """The database's schema is not the one that this program works with."""

    url: str
    found: str | None
    expected: str


class SchemaOutdated(SchemaError):
    """The database's schema is older than the program, or there is none yet."""

    def __str__(self) -> str:
        upgrade = f"persistdb --db {shlex.quote(self.url)} db upgrade"
        if self.found is None:
            return f"{self.url}: there is no persistdb schema yet; the first import makes it, or {upgrade}"
        return (
            f"{self.url}: schema revision {self.found} is older than this program's {self.expected}; "
            f"upgrade it: {upgrade}"
        )


class SchemaTooNew(SchemaError):
    """The database's schema is newer than the program, or not persistdb's."""

    def __str__(self) -> str:
        return (
            f"{self.url}: schema revision {self.found} is unknown to this program, which knows up to {self.expected}; "
            "use the persistdb release that made it, or a newer one"
        )


class SchemaMissing(SchemaError):
    """The database holds tables, but none of persistdb's schema version."""

    def __str__(self) -> str:
        return f"{self.url}: holds other tables and no persistdb schema; give persistdb a database of its own"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with rows: ``count`` of them, of which the first are here."""

    what: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()
    count: int = 0

    def __str__(self) -> str:
        shown = "; ".join(
            ", ".join(f"{name}={value!r}" for name, value in zip(self.columns, row, strict=True)) for row in self.rows
        )
        more = f"; and {self.count - len(self.rows)} more" if self.count > len(self.rows) else ""
        return self.what + (f": {shown}{more}" if shown else "")


@dataclass(frozen=True)
class Loss:
    """What a downgrade would lose for good: a column or table, in how many rows, and the revision that brought it."""

    place: str
    rows: int
    revision: str

    def __str__(self) -> str:
        return f"{self.place} of {self.rows} row{'s' if self.rows != 1 else ''}"


@dataclass(eq=False)
class ChangeBlocked(SchemaError):
    """Rows are in the way of a change of schema; nothing was changed."""

    findings: Sequence[Finding] = ()

    def __str__(self) -> str:
        return (
            f"{self.url}: the schema can't go from {self.found} to {self.expected}, nothing was changed: "
            + "\n".join(map(str, self.findings))
        )


@dataclass(eq=False)
class WouldLose(SchemaError):
    """A downgrade would lose what the older schema has no place for; nothing was changed."""

    losses: Sequence[Loss] = ()

    def __str__(self) -> str:
        return (
            f"{self.url}: going from schema {self.found} to {self.expected} would lose "
            f"{', '.join(map(str, self.losses))}; allow it with --allow-loss"
        )


# --- Kata's files ----------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class FileError(PersistDBError):
    """A file or folder that could not be imported; ``key`` is the JSON path of what is wrong in it, if any."""

    path: str
    reason: str
    key: str = ""

    def __str__(self) -> str:
        at = f": {self.key}" if self.key else ""
        return f"{self.path}{at}: {self.reason}"


class DamagedFile(FileError):
    """The file is there, but what it holds is not what Kata writes."""


class UnsupportedLayout(FileError):
    """The file is whole, but of a kind that holds no container state that persistdb could keep."""


@dataclass(eq=False)
class LayoutLoss(PersistDBError):
    """Writing this layout would leave out what it has no place for."""

    ref: str
    layout: str
    losses: Sequence[str] = field(default_factory=tuple)

    def __str__(self) -> str:
        return (
            f"{self.ref}: layout {self.layout!r} has no place for {'; '.join(self.losses)}; "
            "choose another layout, or leave it out with --allow-loss"
        )
