"""Exceptions: each says what went wrong, where, and what to do next, and has its data as fields."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(eq=False)
class PersistDBError(Exception):
    """The base of all that persistdb raises."""

    def __reduce__(self) -> tuple[object, ...]:
        # A dataclass keeps its values in fields, not in ``args``: without this, keyword values are lost in a pickle.
        return _rebuild, (type(self), dict(self.__dict__))

    def on_command_line(self) -> str:
        """Return the message with the command or option that helps, where ``str()`` names Python's call."""
        return str(self)


def _rebuild(cls: type[PersistDBError], fields: dict[str, object]) -> PersistDBError:
    error = cls.__new__(cls)
    error.__dict__.update(fields)
    return error


def command(url: str, words: str) -> str:
    """Write a command on a database; with its URL, unless that is shown without its password."""
    return f"persistdb {words}" if "***" in url else f"persistdb --db {shlex.quote(url)} {words}"


def _container(sid: str | None, cid: str) -> str:
    return f"{sid}/{cid}" if sid else cid


# --- requests ---------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class NotFound(PersistDBError):
    """A sandbox, container, report or revision that does not exist."""

    kind: str
    ref: str
    host: str | None = None

    def __str__(self) -> str:
        where = f" on host {self.host!r}" if self.host is not None else ""
        return f"no {self.kind} {self.ref!r}{where}"


@dataclass(eq=False)
class AlreadyExists(PersistDBError):
    """A name or ID that is taken."""

    kind: str
    ref: str
    holders: Sequence[str] = ()

    def __str__(self) -> str:
        if self.holders:
            return f"{self.kind} {self.ref!r} is used by {' and '.join(self.holders)}: it must be unique in a sandbox"
        return f"{self.kind} {self.ref!r} already exists"


@dataclass(eq=False)
class Conflict(PersistDBError):
    """A sandbox or container that changed since the revision that the caller read.

    ``expected`` is ``None`` where rows of an ORM session were compared, which do not all have their revision.
    """

    ref: str
    expected: int | None
    actual: int | None

    def __str__(self) -> str:
        now = "it no longer exists" if self.actual is None else f"it is now at revision {self.actual}"
        read = "it was changed since you read it" if self.expected is None else f"you read revision {self.expected}"
        return f"{self.ref}: {read}, {now}; read it again and repeat your change"


@dataclass(eq=False)
class Ambiguous(PersistDBError):
    """An ID or prefix that fits more than one container or sandbox; ``has_more``: not all of them are named."""

    kind: str
    ref: str
    candidates: Sequence[str]
    remedy: str = "give more of the ID"
    has_more: bool = False

    def __str__(self) -> str:
        more = ", …" if self.has_more else ""
        return f"{self.ref!r} fits more than one {self.kind}: {', '.join(self.candidates)}{more}; {self.remedy}"


@dataclass(eq=False)
class InvalidTransition(PersistDBError):
    """A transition that Kata does not allow."""

    ref: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.ref}: a container cannot go from {self.old!r} to {self.new!r}"


@dataclass(eq=False)
class StateMismatch(PersistDBError):
    """A container that is not in the state from which the caller expected it to go."""

    ref: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.ref}: expected state {self.expected!r}, found {self.actual!r}"


@dataclass(eq=False)
class InvalidValue(PersistDBError):
    """A value that not every engine can hold, or that makes no sense where it is given."""

    field: str
    value: object
    reason: str

    def __str__(self) -> str:
        value = repr(self.value)
        if len(value) > 80:
            value = value[:77] + "…"
        return f"{self.field}: {self.reason}: {value}"


NO_ROOTFS = "no root file system: the mount at position 0 is missing"
"""The ``detail`` of a container without one."""


@dataclass(eq=False)
class Unreadable(PersistDBError):
    """A sandbox (``SID``) or container (``SID/CID``) whose rows hold values that no record can.

    Another program wrote them. ``detail`` says which value, as far as it is known. Where its IDs are no text, ``ref``
    is its row (``row 7 of sandbox``), and ``has_ids`` is false.
    """

    ref: str
    detail: str
    host: str | None = None
    has_ids: bool = True

    @property
    def sid(self) -> str:
        """The sandbox's ID."""
        return self.ref.partition("/")[0]

    @property
    def cid(self) -> str | None:
        """The container's ID, ``None`` where it is the sandbox's own row that cannot be read."""
        return self.ref.partition("/")[2] or None

    def __str__(self) -> str:
        call = f"delete({self.sid!r}, {self.cid!r})" if self.cid else f"destroy_sandbox({self.sid!r})"
        return self._say(f"ContainerRepository.{call}")

    def on_command_line(self) -> str:
        """Name the command that removes it."""
        host = "" if self.host is None else f"--host {shlex.quote(self.host)} "
        return self._say(f"persistdb {host}rm {'' if self.cid else '--sandbox '}{shlex.quote(self.ref)}")

    def _say(self, remove: str) -> str:
        if not self.has_ids:
            return (
                f"{self.ref}: it holds values that no record can, written by another program ({self.detail}); "
                "correct its IDs with the database's own client, or delete the row"
            )
        where = "" if self.host is None else f" on host {self.host!r}"
        return (
            f"{self.ref}{where}: its rows hold values that no record can, written by another program ({self.detail}); "
            f"correct them, or remove it ({remove}) and import it again"
        )


# --- locks -----------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class LockTimeout(PersistDBError):
    """A sandbox's lock that could not be obtained in time."""

    sid: str
    timeout: float
    holders: Sequence[str] = ()

    def __str__(self) -> str:
        by = " and ".join(self.holders) or "somebody who has released it since"
        return f"lock of sandbox {self.sid!r} not obtained in {self.timeout:g} s: held by {by}"


@dataclass(eq=False)
class LockNotHeld(PersistDBError):
    """A lock that is not held: it was released before, or is held by the parent of this process."""

    sid: str

    def __str__(self) -> str:
        return f"lock of sandbox {self.sid!r} is not held: it was released before, or this process's parent holds it"


@dataclass(eq=False)
class LockLost(LockNotHeld):
    """A lock that was not renewed in time, so that others may have held it since: what it protected is in doubt.

    Whoever held it later has a greater ``fencing_number``.
    """

    fencing_number: int = 0

    def __str__(self) -> str:
        return (
            f"lock of sandbox {self.sid!r} (number {self.fencing_number}) was lost: it was not renewed within its "
            "lease, and others may have held it since; look at what it protected before you go on"
        )


@dataclass(eq=False)
class AlreadyWatched(PersistDBError):
    """A host whose folders another process follows already."""

    host: str
    holders: Sequence[str] = ()

    def __str__(self) -> str:
        by = " and ".join(self.holders) or "a process that has just ended"
        return f"host {self.host!r} is watched already, by {by}: end that first, or give another --host"


# --- the database ----------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class DatabaseError(PersistDBError):
    """An error of the database; ``detail`` is the engine's message, and ``url`` has no password."""

    url: str
    detail: str = ""

    def _say(self, what: str) -> str:
        return f"{self.url}: {what}" + (f" ({self.detail})" if self.detail else "")

    def __str__(self) -> str:
        return self._say("the database reported an error")


class Busy(DatabaseError):
    """A wait for locks of other connections that took too long. Nothing was written: try again."""

    def __str__(self) -> str:
        return self._say("busy: other connections hold locks that are needed; nothing was written, try again")


class SessionOpen(DatabaseError):
    """A write beside an open transaction of the same thread, for which it would wait in vain. It wrote nothing."""

    def __str__(self) -> str:
        return self._say(
            "this thread has a transaction open, in Database.session(write=True) or ContainerRepository.transaction(), "
            "for which this write would wait; make it with the transaction's own methods, before it or after it, or "
            "commit the session first"
        )


class QueryTimeout(DatabaseError):
    """A statement that ran longer than its timeout. Nothing was written."""

    def __str__(self) -> str:
        return self._say("the statement ran longer than its timeout and was stopped")


class ReadOnly(DatabaseError):
    """A database, file or server role that does not accept writes."""

    def __str__(self) -> str:
        return self._say("the database is read-only")


class SessionReadOnly(ReadOnly):
    """A change in a session that only reads, ``Database.session()``. Nothing was written."""

    def __str__(self) -> str:
        return self._say("this session only reads; for changes open it with Database.session(write=True)")


class StorageFull(DatabaseError):
    """A full disk, quota or tablespace. Nothing was written."""

    def __str__(self) -> str:
        return self._say("no space left; nothing was written")


class Unavailable(DatabaseError):
    """A database that cannot be reached or opened, or a connection lost before the commit. Nothing was written."""

    def __str__(self) -> str:
        return self._say("cannot be reached or opened")


class AccessDenied(Unavailable):
    """A user or password that the server or the file system refuses."""

    def __str__(self) -> str:
        return self._say("access denied: check user, password and rights")


class TLSError(Unavailable):
    """A connection that cannot be encrypted or verified as the URL or the server requires."""

    def __str__(self) -> str:
        return self._say("TLS failed: check the server's certificate and host name, the CA file, and the URL's options")


class Corrupt(DatabaseError):
    """A file that is no database, or is damaged."""

    def __str__(self) -> str:
        return self._say("not a database, or damaged; restore a backup")


class BackupRefused(DatabaseError):
    """A file that a backup would replace, or that cannot be restored; ``detail`` says why. Nothing was written."""

    def __str__(self) -> str:
        return f"{self.url}: {self.detail}"


@dataclass(eq=False)
class TooManyRights(DatabaseError):
    """A user whose rights go beyond reading, so that a query could use them; ``rights`` names them."""

    rights: Sequence[str] = ()

    def __str__(self) -> str:
        return self._refusal("connect as it, or pass trusted=True")

    def on_command_line(self) -> str:
        """Name the options."""
        return self._refusal("connect as it with --reader-url URL, or give --trusted")

    def _refusal(self, remedy: str) -> str:
        more = f" and {len(self.rights) - 3} more" if len(self.rights) > 3 else ""
        return self._say(
            f"this user may do more than read ({', '.join(self.rights[:3])}{more}), and so could the query; create a "
            f"reader with persistdb db grant-reader NAME and {remedy}"
        )


@dataclass(eq=False)
class CommitUnknown(DatabaseError):
    """A commit whose connection was lost while it ran, so that its outcome is unknown.

    ``refs`` are the sandboxes or containers that it would have changed: read them before you repeat the change.
    """

    refs: Sequence[str] = ()

    def __str__(self) -> str:
        what = ", ".join(self.refs) or "the change"
        return self._say(f"connection lost during COMMIT: whether {what} was written is unknown; read it again")


@dataclass(eq=False)
class BadURL(PersistDBError):
    """A database URL that persistdb cannot use."""

    url: str
    reason: str

    def __str__(self) -> str:
        return f"{self.url}: {self.reason}"


@dataclass(eq=False)
class OtherLibrary(PersistDBError):
    """Python's own sqlite3 opens a file that persistdb has open with another SQLite library, whose locks it drops."""

    path: str

    def __str__(self) -> str:
        return (
            f"{self.path}: this process has the file open with another SQLite library, whose locks would be dropped; "
            "use Database.session(), or persistdb.sqlite3 in the place of Python's sqlite3"
        )


def _requirements(extra: str) -> list[str]:
    """Return what an extra of persistdb requires, which pip can install also where persistdb is of a checkout."""
    from importlib import metadata

    try:
        requirements = metadata.requires("persistdb") or []
    except metadata.PackageNotFoundError:
        requirements = []
    of_extra = re.compile(rf"extra == ['\"]{re.escape(extra)}['\"]")
    found = [text.partition(";")[0].strip() for text in requirements if of_extra.search(text)]
    return found or [f"persistdb[{extra}]"]


def _install(requirements: Sequence[str]) -> str:
    return shlex.join([sys.executable, "-m", "pip", "install", *requirements])


@dataclass(eq=False)
class DriverMissing(PersistDBError):
    """A Python module for an engine that is not installed."""

    url: str
    module: str
    extra: str

    def __str__(self) -> str:
        install = _install(_requirements(self.extra)[:1])
        return f"{self.url}: Python module {self.module!r} is missing; install it: {install}"


@dataclass(eq=False)
class ModuleMissing(PersistDBError):
    """A Python module that something needs which not everybody uses, and that is not installed."""

    purpose: str
    module: str
    extra: str

    def __str__(self) -> str:
        install = _install(_requirements(self.extra))
        return f"{self.purpose}: Python module {self.module!r} is missing; install it: {install}"


# --- history ----------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class HistoryOff(PersistDBError):
    """A question about what was, or happened, to a database that records nothing."""

    url: str

    def __str__(self) -> str:
        return f"{self.url}: history is off: nothing is recorded; to record it: {command(self.url, 'db retention 30d')}"


@dataclass(eq=False)
class BeforeHorizon(PersistDBError):
    """A time of which nothing is known: it is before ``horizon``, from which on there is history."""

    at: datetime
    horizon: datetime

    def __str__(self) -> str:
        return (
            f"{_time(self.at)} is before {_time(self.horizon)}, from which on there is history: ask for a later time, "
            "and keep it longer with persistdb db retention"
        )


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(eq=False)
class EventsPruned(PersistDBError):
    """A cursor behind which events were removed, or not recorded, before they were read; ``horizon`` is up to when."""

    cursor: str
    horizon: datetime

    def __str__(self) -> str:
        return self._say("begin again without a cursor, or with since=")

    def on_command_line(self) -> str:
        """Name the option."""
        return self._say("begin again without --after, or with --since")

    def _say(self, remedy: str) -> str:
        return (
            f"cursor {self.cursor}: events behind it are gone, for history is kept from {_time(self.horizon)} on; "
            f"{remedy}"
        )


class FeedUnavailable(DatabaseError):
    """A server that cannot tell which events are settled; ``detail`` says why."""

    def __str__(self) -> str:
        return self._say("no feed of events from this server, for it could miss one; ask for the view events, or read")


# --- schema versions -------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class SchemaError(PersistDBError):
    """A database whose schema is not the one that this program works with."""

    url: str
    found: str | None
    expected: str


class SchemaOutdated(SchemaError):
    """A schema that is older than the program's, or does not exist yet."""

    def __str__(self) -> str:
        upgrade = f"persistdb.schema.migrate.upgrade(database), or {command(self.url, 'db upgrade')}"
        return self._outdated("a ContainerRepository creates it, or", upgrade)

    def on_command_line(self) -> str:
        """Name the command."""
        return self._outdated("the first import creates it, or", command(self.url, "db upgrade"))

    def _outdated(self, creates: str, upgrade: str) -> str:
        if self.found is None:
            return f"{self.url}: there is no persistdb schema yet; {creates} {upgrade}"
        return (
            f"{self.url}: schema revision {self.found} is older than this program's {self.expected}; "
            f"upgrade it: {upgrade}"
        )


class DatabaseMissing(SchemaOutdated):
    """A database that does not exist, or is an empty file, where one is only to be read; nothing was created."""

    def __str__(self) -> str:
        return f"{self.url}: there is no such database; check its name, or create it with a ContainerRepository"

    def on_command_line(self) -> str:
        """Name the command."""
        create = command(self.url, "import PATH")
        return f"{self.url}: there is no such database; check its name, or create it: {create}"


@dataclass(eq=False)
class SchemaTooNew(SchemaError):
    """A schema that is newer than the program's, and not one that it may use, or not persistdb's.

    ``minimum`` is the oldest revision whose programs may ``access`` the database: ``read`` or ``write`` it. A program
    that may not write may read, perhaps.
    """

    minimum: str | None = None
    access: str = "read"

    def __str__(self) -> str:
        which = f"schema revision {self.found}"
        if self.minimum is None:
            which += f" is unknown to this program, which knows up to {self.expected}"
        else:
            which += f" lets programs of {self.minimum} and later {self.access} it, and this one is of {self.expected}"
        return f"{self.url}: {which}; use the persistdb release that wrote it, or a newer one"


class SchemaMissing(SchemaError):
    """A database that has tables of other programs and no persistdb schema."""

    def __str__(self) -> str:
        return self._missing("persistdb.schema.migrate.upgrade(database, beside_others=True), or " + self._upgrade())

    def on_command_line(self) -> str:
        """Name the command."""
        return self._missing(self._upgrade())

    def _upgrade(self) -> str:
        return command(self.url, "db upgrade --beside-others")

    def _missing(self, create: str) -> str:
        return (
            f"{self.url}: holds other tables and no persistdb schema; give persistdb a separate database, or create "
            f"its schema beside them: {create}"
        )


class ReplicaSchemaError(SchemaError):
    """A replica whose schema this program cannot read, or that has none; its primary's may be another."""

    def __str__(self) -> str:
        has = "has no persistdb schema" if self.found is None else f"is at schema revision {self.found}"
        return (
            f"{self.url}: this replica {has}, and this program reads {self.expected}; wait for the replication, "
            "upgrade the older of its primary's schema and this program, or name another replica"
        )


@dataclass(eq=False)
class NamesTaken(SchemaMissing):
    """A database in which other programs have tables or views whose names persistdb needs; nothing was changed."""

    names: Sequence[str] = ()

    def __str__(self) -> str:
        return (
            f"{self.url}: another program has {', '.join(self.names)}, which are names of persistdb's tables or views; "
            "give persistdb a separate database, or on PostgreSQL a separate schema"
        )

    def on_command_line(self) -> str:
        """Say the same."""
        return str(self)


@dataclass(eq=False)
class WouldReplace(SchemaMissing):
    """A file that a restore would replace, and that does not hold persistdb's data; nothing was changed."""

    content: str = "holds other tables and no persistdb schema"

    def __str__(self) -> str:
        return self._refusal("pass replace_foreign=True")

    def on_command_line(self) -> str:
        """Name the option."""
        return self._refusal("add --replace-foreign")

    def _refusal(self, remedy: str) -> str:
        return f"{self.url}: {self.content}; nothing was changed; to replace it, and keep a backup of it, {remedy}"


@dataclass(frozen=True)
class Finding:
    """A fault in ``count`` rows, of which the first are in ``rows``."""

    what: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()
    count: int = 0

    def __str__(self) -> str:
        examples = "; ".join(
            ", ".join(f"{name}={value!r}" for name, value in zip(self.columns, row, strict=True)) for row in self.rows
        )
        more = f"; and {self.count - len(self.rows)} more" if self.count > len(self.rows) else ""
        return self.what + (f": {examples}{more}" if examples else "")


@dataclass(frozen=True)
class Loss:
    """A column or table that a downgrade would lose for good, in how many rows, and the revision that added it."""

    place: str
    rows: int
    revision: str

    def __str__(self) -> str:
        return f"{self.place} of {self.rows} row{'s' if self.rows != 1 else ''}"


@dataclass(eq=False)
class ChangeBlocked(SchemaError):
    """A schema change that rows prevent; nothing was changed."""

    findings: Sequence[Finding] = ()

    def __str__(self) -> str:
        return (
            f"{self.url}: the schema cannot change from {self.found} to {self.expected}; nothing was changed: "
            + "\n".join(map(str, self.findings))
        )


@dataclass(eq=False)
class WouldLose(SchemaError):
    """A downgrade that would lose data for which the older schema has no place; nothing was changed."""

    losses: Sequence[Loss] = ()

    def __str__(self) -> str:
        return self._refusal("allow_loss=True")

    def on_command_line(self) -> str:
        """Name the option."""
        return self._refusal("--allow-loss")

    def _refusal(self, remedy: str) -> str:
        return (
            f"{self.url}: going from schema {self.found} to {self.expected} would lose "
            f"{', '.join(map(str, self.losses))}; allow it with {remedy}"
        )


# --- runtimes' files -------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class FileError(PersistDBError):
    """A file or folder that cannot be read or written; ``key`` is the JSON path of the fault in it, if any."""

    path: str
    reason: str
    key: str = ""

    def __str__(self) -> str:
        at = f": {self.key}" if self.key else ""
        return f"{self.path}{at}: {self.reason}"

    def on_command_line(self) -> str:
        """Let the error that it comes from name its command."""
        text, cause = str(self), self.__cause__
        return text.replace(str(cause), cause.on_command_line()) if isinstance(cause, PersistDBError) else text


class DamagedFile(FileError):
    """A file whose content is not what its runtime writes."""


class UnsupportedLayout(FileError):
    """A file that is whole, but of a kind without container state that persistdb could store."""


@dataclass(eq=False)
class InotifyLimit(PersistDBError):
    """A limit of inotify(7) that is reached: ``sysctl`` is its name, and ``value`` its present value."""

    path: str
    sysctl: str
    value: int | None = None

    def __str__(self) -> str:
        now = "" if self.value is None else f", which is {self.value}"
        return (
            f"{self.path} cannot be watched: the processes of this user have reached {self.sysctl}{now}; raise it with "
            f"sysctl -w {self.sysctl}={max(self.value or 0, 4096) * 4}, and for the next boots in /etc/sysctl.d"
        )


@dataclass(eq=False)
class LayoutLoss(PersistDBError):
    """A layout that has no place for some of what it would have to hold."""

    ref: str
    layout: str
    losses: Sequence[str] = field(default_factory=tuple)

    def __str__(self) -> str:
        return self._refusal("allow_loss=True")

    def on_command_line(self) -> str:
        """Name the option."""
        return self._refusal("--allow-loss")

    def _refusal(self, remedy: str) -> str:
        return (
            f"{self.ref}: layout {self.layout!r} has no place for {'; '.join(self.losses)}; "
            f"choose another layout, or leave it out ({remedy})"
        )
