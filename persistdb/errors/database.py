"""Errors of the database: its server, file, user and connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .base import PersistDBError

if TYPE_CHECKING:
    from collections.abc import Sequence


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


class CommitUnknown(DatabaseError):
    """A commit whose connection was lost while it ran, so that its outcome is unknown.

    ``refs`` are the sandboxes or containers that it would have changed: read them before you repeat the change.
    """

    refs: Sequence[str] = ()

    def __str__(self) -> str:
        what = ", ".join(self.refs) or "the change"
        return self._say(f"connection lost during COMMIT: whether {what} was written is unknown; read it again")


class BadURL(PersistDBError):
    """A database URL that persistdb cannot use."""

    url: str
    reason: str

    def __str__(self) -> str:
        return f"{self.url}: {self.reason}"


class OtherLibrary(PersistDBError):
    """Python's own sqlite3 opens a file that persistdb has open with another SQLite library, whose locks it drops."""

    path: str

    def __str__(self) -> str:
        return (
            f"{self.path}: this process has the file open with another SQLite library, whose locks would be dropped; "
            "use Database.session(), or persistdb.sqlite3 in the place of Python's sqlite3"
        )
