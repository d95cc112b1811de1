"""The settings of a session, and the way in which they reach the server: with its start, or with each transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from ..base import native

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine
    from sqlalchemy.engine import URL

    from ..deadlines import Timeouts

POOLER = "pooler"
"""The option of a URL that says what is between here and the server; it is ours, libpq does not know it."""

# A role or database may have others: text and times would be read differently than they were written. A pooler hands
# these on, for the server reports them.
_OF_TEXT = {"TimeZone": "UTC", "client_encoding": "UTF8", "standard_conforming_strings": "on"}

_ADVICE = "for a pooler such as PgBouncer add pooler=transaction to the options of the URL"


def is_pooled(url: URL) -> bool:
    """Return whether each transaction may come to another server session.

    Raises :class:`ValueError` for another value of the option, and for options of libpq's that no pooler hands on.
    """
    value = url.query.get(POOLER)
    if value is None:
        return False
    if value != "transaction":
        raise ValueError(f"option {POOLER!r} must be transaction")
    if "options" in url.query:
        raise ValueError(f"option 'options' does not pass a pooler: leave it out, or {POOLER!r}")
    return True


class SessionSettings:
    """The settings of all sessions of an engine."""

    def __init__(self, timeouts: Timeouts, *, pooled: bool) -> None:
        # 0 would mean to wait for ever
        milliseconds = {"statement_timeout": timeouts.statement, "lock_timeout": timeouts.busy}
        self._times = {name: str(max(1, int(seconds * 1000))) for name, seconds in milliseconds.items()}
        self._pooled = pooled

    def arguments(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a driver is given to connect; without a pooler the settings travel with it, in no round trip."""
        if self._pooled:
            # a statement that is prepared on one server session is not there on another
            return {"client_encoding": "UTF8", "prepare_threshold": None}
        settings = _OF_TEXT | {"default_transaction_isolation": r"read\ committed"} | self._times
        # the URL's own options come first, so that of two for one setting ours counts: text depends on it
        options = [query.get("options", ""), *(f"-c {name}={value}" for name, value in settings.items())]
        return {"options": " ".join(map(str, options)).strip()}

    def begin(self, mode: str = "") -> str:
        """Return what starts a transaction, in one round trip."""
        if not self._pooled:
            return f"BEGIN {mode}".rstrip()
        settings = {"TimeZone": "'UTC'"} | self._times
        local = (f"SET LOCAL {name} = {value}" for name, value in settings.items())
        return "; ".join([f"BEGIN ISOLATION LEVEL READ COMMITTED {mode}".rstrip(), *local])

    def see_to(self, engine: Engine) -> None:
        """See to it that the settings hold on each new connection, or refuse it."""

        @event.listens_for(engine, "connect")
        def _connect(connection: Any, _record: object) -> None:
            if self._pooled:
                cursor = connection.cursor()
                cursor.execute("SET TimeZone = 'UTC'; SET standard_conforming_strings = on")
                cursor.close()
            fault = _fault(native(connection).info)
            if fault:
                connection.close()
                driver: Any = engine.dialect.loaded_dbapi
                raise driver.NotSupportedError(fault)


def _fault(info: Any) -> str:
    """Look at what the server told when the session started: no round trip."""
    encoding, zone = info.parameter_status("server_encoding"), info.parameter_status("TimeZone")
    if encoding != "UTF8":
        return (
            f"the database's encoding is {encoding}, which cannot hold every text; create one with "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )
    if zone != "UTC":
        return f"the session's settings did not reach the server, its time zone is {zone}: {_ADVICE}"
    return ""


def pooler_fault(info: Any, process: int) -> str:
    """Say that the server's process is not the one that the session started with: something is in between."""
    if info.backend_pid == process:
        return ""
    return f"the server's process is another than the session's, so a pooler is in between: {_ADVICE}"


def detail(message: str) -> str:
    """Add what to do to a pooler's refusal of our settings."""
    return f"{message}; {_ADVICE}" if "unsupported startup parameter" in message else message
