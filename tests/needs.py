"""What tests need of the machine that runs them: where it is missing they are skipped, or fail.

``PERSISTDB_REQUIRE_SERVERS=1`` makes them fail. A reason names Debian's package; ``.ci/run`` installs all of them.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, NoReturn, TypeVar

import pytest

from tests.servers import Galera, HAProxy, MissingServer, PgBouncer, Server, WithStandby

if TYPE_CHECKING:
    from collections.abc import Callable

S = TypeVar("S", bound=Server | PgBouncer | HAProxy | Galera | WithStandby)


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it where servers are required."""
    if os.environ.get("PERSISTDB_REQUIRE_SERVERS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def started(start: Callable[[], S]) -> S:
    """Start a server that the test needs."""
    try:
        return start()
    except MissingServer as server:
        missing(str(server))


def program(*names: str, package: str) -> str:
    """Return the path of a program that the test needs, by the first of its names that is installed."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    missing(f"{names[0]} is not installed (Debian: {package})")
