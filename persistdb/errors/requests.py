"""Errors of what was asked for: an ID, a value, a revision or a state that does not fit what is stored."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from .base import PersistDBError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class NotFound(PersistDBError):
    """A sandbox, container, report or revision that does not exist."""

    kind: str
    ref: str
    host: str | None = None

    def __str__(self) -> str:
        where = f" on host {self.host!r}" if self.host is not None else ""
        return f"no {self.kind} {self.ref!r}{where}"


class AlreadyExists(PersistDBError):
    """A name or ID that is taken."""

    kind: str
    ref: str
    holders: Sequence[str] = ()

    def __str__(self) -> str:
        if self.holders:
            return f"{self.kind} {self.ref!r} is used by {' and '.join(self.holders)}: it must be unique in a sandbox"
        return f"{self.kind} {self.ref!r} already exists"


class HostInUse(PersistDBError):
    """A host that was heard of only lately, so that it may be there still; nothing of it was removed."""

    host: str
    last_heard: datetime

    def __str__(self) -> str:
        return self._refusal("allow_recent=True")

    def on_command_line(self) -> str:
        """Name the option."""
        return self._refusal("--allow-recent")

    def _refusal(self, remedy: str) -> str:
        return (
            f"host {self.host!r} was heard of at {self.last_heard:%Y-%m-%dT%H:%M:%SZ}, and may be there still; nothing "
            f"was removed; to remove it all the same, {remedy}"
        )


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


class InvalidTransition(PersistDBError):
    """A transition that Kata does not allow."""

    ref: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.ref}: a container cannot go from {self.old!r} to {self.new!r}"


class StateMismatch(PersistDBError):
    """A container that is not in the state from which the caller expected it to go."""

    ref: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.ref}: expected state {self.expected!r}, found {self.actual!r}"


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


NO_ZONE = "has no time zone: give it one, as in datetime.now(UTC)"
"""The ``reason`` of a time without one."""
NO_ROOTFS = "no root file system: the mount at position 0 is missing"
"""The ``detail`` of a container without one."""


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
