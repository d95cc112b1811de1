"""Connections to any node of a list: of a Galera cluster, or of a server and its replicas.

The drivers know one host. A node that is not ready is passed over: one that is away, that has left its cluster's
primary component (1047) or that takes no writes.
"""

from __future__ import annotations

import contextlib
import random
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from ..deadlines import Bounded, after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Engine
    from sqlalchemy.engine import URL

    from ..failures import ErrorRule
    from ..urls import Host

OPTIONS: Mapping[str, Sequence[str]] = {
    "target_session_attrs": ("read-write", "any"),
    "load_balance_hosts": ("disable", "random"),
}
"""The options of a URL with a list, and their values: libpq's, the first is the default."""

_PORT = 3306
# Seconds for which a node that could not be used is the last to be tried: to try takes a timeout where a host is gone.
_SHUNNED = 10.0

# What leaves the other nodes to try: the node is full, not prepared, shutting down, blocks this host, is unreachable.
_ELSEWHERE = frozenset({1040, 1047, 1053, 1129, 1226, 2003, 2006, 2013})
# ER_UNKNOWN_COM_ERROR, of a node that has left the primary component, and ER_SERVER_SHUTDOWN
_OUT_OF_WORK = frozenset({1047, 1053})
# ER_ERROR_DURING_COMMIT, which is about disks, too
_COMMIT_FAILED = 1180
# ER_OPTION_PREVENTS_STATEMENT
_READ_ONLY = 1290
# CR_CONN_HOST_ERROR
_NO_HOST = 2003


def check(url: URL, *, listed: bool) -> None:
    """Check the options; raises :class:`ValueError`."""
    for name, values in OPTIONS.items():
        if name in url.query and not listed:
            raise ValueError(f"option {name!r} is for a list of hosts: HOST:PORT,HOST:PORT")
        if url.query.get(name, values[0]) not in values:
            raise ValueError(f"option {name!r} must be one of {', '.join(values)}")


def must_be_writable(options: Mapping[str, Any]) -> bool:
    """Return whether a node that only reads is none to connect to."""
    return options.get("target_session_attrs") != "any"


def connect_to_any(
    engine: Engine,
    nodes: Sequence[Host],
    options: Mapping[str, Any],
    rule: Callable[[BaseException], ErrorRule | None],
    interrupt: Callable[[Any], None],
) -> None:
    """Let an engine connect to the first node that is ready, in their order or at random."""
    dialect: Any = engine.dialect
    connect, errors = dialect.connect, dialect.loaded_dbapi.Error
    failed: dict[Host, float] = {}
    at_random = options.get("load_balance_hosts") == "random"
    writable = must_be_writable(options)

    def connect_to_one(*arguments: Any, **parameters: Any) -> Any:
        last: BaseException | None = None
        for node in _order(nodes, failed, at_random=at_random):
            try:
                driver = connect(*arguments, **{**parameters, "host": node.host, "port": node.port or _PORT})
                if writable:
                    with Bounded(after(parameters["connect_timeout"]), partial(interrupt, driver)):
                        read_only = _is_read_only(driver, dialect)
                    if read_only:
                        _close(driver, dialect)
                        raise _no_primary(dialect, node)
            except errors as error:
                if error.args[:1] and error.args[0] not in _ELSEWHERE:
                    raise
                failed[node] = time.monotonic()
                found = rule(error)
                # one that may be back says more than a name that is unknown
                if last is None or (found is not None and found.away):
                    last = error
            else:
                failed.pop(node, None)
                return driver
        assert last is not None  # noqa: S101  the list is not empty
        raise last

    dialect.connect = connect_to_one


def _order(nodes: Sequence[Host], failed: Mapping[Host, float], *, at_random: bool) -> list[Host]:
    order = random.sample(nodes, len(nodes)) if at_random else list(nodes)
    since = time.monotonic() - _SHUNNED
    return sorted(order, key=lambda node: failed.get(node, 0.0) > since)


def _no_primary(dialect: Any, node: Host) -> Exception:
    error: Exception = dialect.loaded_dbapi.OperationalError(
        _NO_HOST, f"{node.host}:{node.port or _PORT} is read-only; no other host of the list takes writes"
    )
    return error


def _is_read_only(driver: Any, dialect: Any) -> bool:
    """Ask a node whether it takes writes; one that is not ready for anything answers with an error."""
    try:
        cursor = driver.cursor()
        cursor.execute("SELECT @@global.read_only")
        ((read_only,),) = cursor.fetchall()
        cursor.close()
    except BaseException:
        _close(driver, dialect)
        raise
    return bool(read_only)


def _close(driver: Any, dialect: Any) -> None:
    with contextlib.suppress(Exception):  # it may be closed
        dialect.do_terminate(driver)


def lost_too(engine: Engine, *, read_only: bool) -> None:
    """Take connections to a node that does no more work for lost; with ``read_only`` those to one that only reads."""
    dialect: Any = engine.dialect
    is_disconnect = dialect.is_disconnect

    def is_lost(error: BaseException, connection: Any, cursor: Any) -> bool:
        code, message = error.args[0] if error.args else None, str(error)
        return (
            code in _OUT_OF_WORK
            # cut off from the others at a commit, which they may have, or not
            or (code == _COMMIT_FAILED and ("provider status" in message or "error 6 " in message))
            or (read_only and code == _READ_ONLY and "--read-only" in message)
            or bool(is_disconnect(error, connection, cursor))
        )

    dialect.is_disconnect = is_lost
