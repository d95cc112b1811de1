"""Errors of Python modules that are not installed."""

from __future__ import annotations

import re
import shlex
import sys
from typing import TYPE_CHECKING

from .base import PersistDBError

if TYPE_CHECKING:
    from collections.abc import Sequence


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


class DriverMissing(PersistDBError):
    """A Python module for an engine that is not installed."""

    url: str
    module: str
    extra: str

    def __str__(self) -> str:
        install = _install(_requirements(self.extra)[:1])
        return f"{self.url}: Python module {self.module!r} is missing; install it: {install}"


class ModuleMissing(PersistDBError):
    """A Python module that something needs which not everybody uses, and that is not installed."""

    purpose: str
    module: str
    extra: str

    def __str__(self) -> str:
        install = _install(_requirements(self.extra))
        return f"{self.purpose}: Python module {self.module!r} is missing; install it: {install}"
