"""The checks of an audit, one interface for all (:class:`~.check.Check`)."""

from __future__ import annotations

from typing import Final

from . import cgroups, devices, folders, mounts, processes, refcounts, vms
from .check import Check

CHECKS: Final[tuple[Check, ...]] = (
    processes.CHECK,
    vms.MISSING,
    vms.UNRECORDED,
    mounts.LEAKED,
    mounts.MISSING,
    devices.LEAKED,
    devices.MISSING,
    folders.CHECK,
    cgroups.CHECK,
    refcounts.CHECK,
)
"""All checks, in the order in which they are made."""

__all__ = ["CHECKS", "Check"]
