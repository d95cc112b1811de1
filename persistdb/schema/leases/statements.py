"""The statements on leases, for one engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...db.work import Statement
from ..version import may_write
from .owner import Process, boot_clock, this_process

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...engines import Backend

EXCLUSIVE, SHARED = "exclusive", "shared"


class Row(NamedTuple):
    """A lease as it is stored; ``left`` is in microseconds, and negative for one that is over."""

    number: int
    mode: str
    owner: str
    process: Process
    left: int

    def excludes(self, other: Row) -> bool:
        """Return whether it keeps a later one from being held."""
        return self.number < other.number and EXCLUSIVE in (self.mode, other.mode)


class Statements:
    """The statements, on the tables whose names have a prefix.

    ``clock`` is the caller's time since the boot, for an engine without a clock that nobody sets, and ``asked`` the
    same before it had to wait: a lease that was over only then is over.
    """

    def __init__(self, backend: Backend, prefix: str) -> None:
        now, asked = backend.shared_clock("clock"), backend.shared_clock("asked")
        lease, counter = f"{prefix}lease", f"{prefix}lease_number"

        # a program that may not write takes no lock either; a change of the schema asks for nothing that may be missing
        allowed = f"({may_write(backend)})" if not prefix else "1 = 1"

        def compile(sql: str) -> Statement:  # noqa: A001  it is no call of Python's
            return Statement(sql, backend.style)

        self.draw = compile(f"UPDATE {counter} SET number = number + 1 WHERE bucket = :bucket AND {allowed}")
        self.first = compile(f"INSERT INTO {counter} (bucket, number) SELECT :bucket, 1 WHERE {allowed}")
        self.insert = compile(
            f"INSERT INTO {lease} (name, number, mode, owner, host, boot_id, pid, started, expires_at)"
            f" SELECT :name, number, :mode, :owner, :host, :boot_id, :pid, :started, {now} + :length"
            f" FROM {counter} WHERE bucket = :bucket"
        )
        rows = f"SELECT number, mode, owner, host, boot_id, pid, started, expires_at - {asked} FROM {lease}"
        self.all = compile(f"{rows} WHERE name = :name ORDER BY number")
        self.excluding = {
            EXCLUSIVE: self.all,
            # who holds it shared is in nobody's way here
            SHARED: compile(f"{rows} WHERE name = :name AND (mode = '{EXCLUSIVE}' OR owner = :owner) ORDER BY number"),
        }
        one = "WHERE name = :name AND number = :number AND owner = :owner"
        self.find = compile(f"SELECT 1 FROM {lease} {one}")
        self.delete = compile(f"DELETE FROM {lease} {one}")
        self.delete_over = compile(f"DELETE FROM {lease} {one} AND expires_at <= {asked}")
        self.renew = compile(f"UPDATE {lease} SET expires_at = {now} + :length WHERE owner = :owner")
        self.own = compile(f"SELECT name, number FROM {lease} WHERE owner = :owner")


def row(values: tuple[object, ...]) -> Row:
    """Return a lease from the row of a SELECT."""
    number, mode, owner, host, boot_id, pid, started, left = values
    return Row(number, mode, owner, Process(host, boot_id, pid, started), left)  # type: ignore[arg-type]  # as selected


def held(backend: Backend) -> tuple[str, Mapping[str, object]]:
    """Return the condition for leases that are not over, and its parameters."""
    condition = f"expires_at > {backend.shared_clock('clock')}"
    if not backend.is_of_one_host:
        return condition, {}
    # the clock began again with the boot
    return f"{condition} AND boot_id = :boot_id", {"clock": boot_clock(), "boot_id": this_process().boot_id}
