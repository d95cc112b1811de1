"""The PostgreSQL engine, version 13 and later, through psycopg 3."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import stat
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from ...errors import AccessDenied, Busy, Corrupt, QueryTimeout, ReadOnly, StorageFull, TLSError, Unavailable
from ..base import native
from ..bounded import bound
from ..deadlines import shut_down
from ..failures import ErrorRule
from ..liveness import ping_in_doubt
from ..patience import connect_patiently
from ..server import Server
from ..taking import give_back
from ..urls import check_names, check_numbers, listed_hosts, shown, without_list, without_secrets
from . import lag, locks, pipeline, readonly, roles, session, startup, views
from .syntax import PostgreSQLSyntax

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Engine
    from sqlalchemy.engine import URL, Connection
    from sqlalchemy.pool import PoolProxiedConnection

    from ..base import Role
    from ..deadlines import Timeouts
    from .cursors import Cursors


def _fault_of_passfile(path: str) -> str:
    """Say why libpq would do without a file of passwords, which it does without a word."""
    try:
        status = os.stat(path)
    except OSError as error:
        return error.strerror or "cannot be read"
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    if status.st_mode & 0o077:
        return f"others may read it: chmod 600 {shlex.quote(path)}"
    return "" if os.access(path, os.R_OK) else "this user may not read it"


# libpq's options that are whole numbers
_NUMBERS = frozenset(
    {
        "connect_timeout",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "port",
        "tcp_user_timeout",
    }
)
# and those that are one of a few words
_VALUES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "load_balance_hosts": ("disable", "random"),
}


class PostgreSQL(PostgreSQLSyntax, Server):
    """A server for a fleet; READ COMMITTED, each connection in autocommit until BEGIN."""

    name = "postgresql"
    style = "pyformat"
    # Errors while connecting have no SQLSTATE. Their text may be in another language: what fits no row is Unavailable.
    error_rules = (
        ErrorRule("40001", Busy, "could not serialize access due to concurrent update", retry=True),
        ErrorRule("40P01", Busy, "deadlock detected", retry=True),
        ErrorRule("55P03", Busy, "canceling statement due to lock timeout"),
        ErrorRule("57014", QueryTimeout, "canceling statement due to statement timeout"),
        ErrorRule("25006", ReadOnly, "cannot execute INSERT in a read-only transaction"),
        ErrorRule("53100", StorageFull, 'could not extend file "base/5/16390": No space left on device'),
        ErrorRule("53300", Busy, "sorry, too many clients already"),
        ErrorRule("3F000", Unavailable, "no schema has been selected to create in"),
        ErrorRule("42501", AccessDenied, "permission denied for table sandbox"),
        ErrorRule("57P01", Unavailable, "terminating connection due to administrator command", retry=True),
        ErrorRule("57P03", Unavailable, "the database system is starting up", retry=True),
        ErrorRule("XX001", Corrupt, "invalid page in block 0 of relation base/5/16390"),
        ErrorRule("", TLSError, "connection failed: SSL error: certificate verify failed", text="verify failed"),
        ErrorRule("", TLSError, 'server certificate for "a" does not match host name "b"', text="does not match host"),
        ErrorRule("", TLSError, "server does not support SSL, but SSL was required", text="does not support SSL"),
        ErrorRule("", TLSError, 'root certificate file "x" does not exist', text="certificate file"),
        ErrorRule("", TLSError, 'private key file "x" has group or world access', text="private key file"),
        ErrorRule("", TLSError, 'FATAL:  no pg_hba.conf entry for host "h", no encryption', text=", no encryption"),
        ErrorRule("", AccessDenied, 'FATAL:  no pg_hba.conf entry for host "h"', text="no pg_hba.conf entry"),
        ErrorRule("", AccessDenied, 'FATAL:  password authentication failed for user "x"', text="password"),
        ErrorRule("", AccessDenied, 'FATAL:  role "x" does not exist', text='FATAL:  role "'),
        ErrorRule("", AccessDenied, 'FATAL:  permission denied for database "x"', text="permission denied"),
        ErrorRule("", Busy, "FATAL:  remaining connection slots are reserved for", text="connection slots"),
        ErrorRule("", Busy, 'FATAL:  too many connections for role "x"', text="too many connections"),
        ErrorRule("", Busy, "FATAL:  sorry, too many clients already", text="too many clients"),
        ErrorRule("", Unavailable, 'FATAL:  database "x" does not exist', text="FATAL:  database"),
        ErrorRule("", Unavailable, "FATAL:  unsupported startup parameter: options", text="unsupported startup"),
        ErrorRule("", Busy, "FATAL:  no more connections allowed (max_client_conn)", text="no more connections"),
        # of a list of hosts: the standby that will be the primary is not it yet
        ErrorRule("", Unavailable, "… session is read-only", text="session is read-only", away=True),
        ErrorRule("", Unavailable, "… server is in hot standby mode", text="in hot standby mode", away=True),
        ErrorRule("", Unavailable, "server login has been failing, … (server_login_retry)", "server_login", away=True),
        ErrorRule("", Unavailable, "FATAL:  the database system is starting up", text="database system is", away=True),
        ErrorRule("", Unavailable, "connection failed: … Connection refused", text="Connection refused", away=True),
        ErrorRule("", Unavailable, "connection failed: … No route to host", text="No route to host", away=True),
        ErrorRule("", Unavailable, "… Network is unreachable", text="is unreachable", away=True),
        ErrorRule("", Unavailable, "… Connection timed out", text="Connection timed out", away=True),
        ErrorRule("", Unavailable, "… Connection reset by peer", text="Connection reset", away=True),
        ErrorRule("", Unavailable, "… server closed the connection unexpectedly", text="closed the conn", away=True),
        # a server that is stopped has removed its socket
        ErrorRule(
            "", Unavailable, '… "/x/.s.PGSQL.5432" failed: No such file …', text="failed: No such file", away=True
        ),
        ErrorRule("", Unavailable, "connection timeout expired", text="connection timeout expired", away=True),
        ErrorRule("", Unavailable, "[Errno -3] Temporary failure in name resolution", text="[Errno -3]", away=True),
        ErrorRule("", Unavailable, "failed to resolve host 'x': [Errno -2] …", text="failed to resolve host"),
        ErrorRule("", Unavailable, "connection failed: …", text="connection failed"),
        ErrorRule("", Unavailable, "connection is bad: …", text="connection is bad"),
        ErrorRule("", Unavailable, "the database's encoding is LATIN1, which …", text="database's encoding is"),
        ErrorRule("", Unavailable, "the session's settings did not reach the server, …", text="the session's settings"),
        ErrorRule("", Unavailable, "… so a pooler is in between: …", text="a pooler is in between"),
    )

    no_file = "persistdb copies SQLite files only: back this database up with pg_dump"

    # --- connecting

    def check_options(self, url: URL) -> None:
        """Take libpq's options (postgresql.org/docs/current/libpq-connect.html)."""
        driver: Any = url.get_dialect().import_dbapi()
        known = {option.keyword.decode() for option in driver.pq.Conninfo.get_defaults()}
        check_names(url, known | {session.POOLER}, lists=("host", "port"))
        self._pooled = session.is_pooled(url)
        check_numbers(url, {name for name in url.query if name in _NUMBERS})
        for name, values in _VALUES.items():
            if url.query.get(name, values[0]) not in values:
                raise ValueError(f"option {name!r} must be one of {', '.join(values)}")

    def create_engine(self, url: URL, timeouts: Timeouts, pool_size: int) -> Engine:
        """Create the engine, whose sessions have the settings of :mod:`.session`."""
        self._settings = session.SessionSettings(timeouts, pooled=self._pooled)
        address, secrets = without_secrets(url)
        hosts = listed_hosts(url)
        arguments: dict[str, Any] = {
            "autocommit": True,
            # of each host
            "connect_timeout": max(2, round(timeouts.connect / max(1, len(hosts)))),
            "application_name": f"persistdb {socket.gethostname()} {os.getpid()}"[:63],
            **self._settings.arguments(url.query),
            **secrets,
        }
        if hosts:
            arguments["host"] = ",".join(host.host for host in hosts)
            arguments["port"] = ",".join(str(host.port or "") for host in hosts)
            if "target_session_attrs" not in url.query:
                arguments["target_session_attrs"] = "read-write"
        if "connect_timeout" in url.query:
            # 0 and less stand for ever, which the time for a call bounds
            wanted = int(str(url.query["connect_timeout"]))
            arguments["connect_timeout"] = wanted if wanted > 0 else max(2, round(timeouts.call))
        if "application_name" in url.query:
            del arguments["application_name"]
        passfile = str(url.query.get("passfile", ""))
        if passfile:
            passfile = arguments["passfile"] = os.path.expanduser(passfile)  # libpq takes a ~ for a folder of this name
        engine = self.pooled_engine(
            without_list(address).difference_update_query([session.POOLER]),
            timeouts,
            pool_size,
            connect_args=arguments,
            use_native_hstore=False,  # no column of ours is one, and to look for the type takes a statement
        )
        startup.spare_questions(engine, pooled=self._pooled)
        from .cursors import Cursors  # the engine names the driver that is missing

        self._cursors = Cursors
        self._settings.see_to(engine)
        pipeline.lost_if_left_open(engine)

        @event.listens_for(engine, "do_connect")
        def _check_passfile(_dialect: object, _record: object, _arguments: object, _parameters: object) -> None:
            fault = _fault_of_passfile(passfile) if passfile else ""
            if fault:
                driver: Any = engine.dialect.loaded_dbapi
                raise driver.OperationalError(f"connection failed: passfile {passfile}: {fault}")

        self.timeouts = timeouts
        name = shown(url)
        ping_in_doubt(engine, name, self.interrupt, timeouts.call)
        most = arguments["connect_timeout"] if "connect_timeout" in url.query and not hosts else None
        connect_patiently(engine, name, self.rule, timeouts.call, most, hosts=max(1, len(hosts)))
        bound(engine, self.interrupt, max(timeouts.call, timeouts.statement))
        return engine

    def kept_cursor(self, pooled: PoolProxiedConnection, sql: str) -> Any:
        """Keep one for each statement."""
        kept: Cursors | None = pooled.info.get("cursors")
        if kept is None:
            kept = pooled.info["cursors"] = self._cursors()
        return kept.take(pooled.dbapi_connection, sql)  # type: ignore[arg-type]  # it is in use, and psycopg's

    def checkin(self, pooled: PoolProxiedConnection) -> None:
        """Roll back where a transaction is open, by what the server said last."""
        give_back(pooled, _in_transaction)

    def interrupt(self, driver: Any) -> None:
        """Shut the socket down: a request to cancel would need an answer, too."""
        connection = native(driver)
        if not connection.closed:
            shut_down(connection.fileno())

    def blockers(self, engine: Callable[[], Engine], driver: Any) -> list[str]:
        """Ask the server, which knows its processes by other numbers than a pooler tells."""
        return [] if self._pooled else locks.blockers(engine(), driver.info.backend_pid)

    def begin_sql(self, *, write: bool) -> str:  # noqa: ARG002  both are the same here
        """Start a transaction."""
        return self._settings.begin()

    def begin_reading(self, connection: Connection) -> None:
        """Start a transaction that only reads; temporary tables are allowed."""
        connection.exec_driver_sql(self._settings.begin("READ ONLY"))

    def pipeline(self, driver: Any) -> AbstractContextManager[object]:
        """Use psycopg's pipeline mode."""
        # what starts a transaction through a pooler is several statements, which a pipeline does not take
        return contextlib.nullcontext() if self._pooled else pipeline.begin(driver)

    @property
    def changes_alone(self) -> bool:
        """Whether a session has its timeouts outside of a transaction, too."""
        return not self._pooled

    # --- errors

    def error_code(self, error: BaseException) -> str:
        """Return the SQLSTATE; an error before there is a session has none."""
        return str(getattr(error, "sqlstate", None) or "")

    def detail(self, error: BaseException) -> str:
        """Say what to do about a schema that is missing: nothing else in the message leads to the URL."""
        missing = self.error_code(error) == "3F000"
        message = session.detail(super().detail(error))
        return message + ("; CREATE SCHEMA the one that search_path names" if missing else "")

    def violated(self, error: BaseException) -> str | None:
        """Return the name of the key, which the server sends in a field of the error."""
        code = self.error_code(error)
        if code == "23503":
            return "foreign key"
        if code == "23505":
            return str(error.diag.constraint_name)  # type: ignore[attr-defined]  # psycopg's errors have it
        return None

    def is_missing_table(self, error: BaseException) -> bool:
        """Look for the SQLSTATE undefined_table."""
        return self.error_code(error) == "42P01"

    # --- one statement that reads

    def read_only(self, engine: Callable[[], Engine], timeout: float, limit: int | None) -> AbstractContextManager[Any]:  # noqa: ARG002  it streams
        """Declare a cursor in a READ ONLY transaction."""
        return readonly.cursor(engine(), timeout, self.interrupt)

    def explaining(self, cursor: Any) -> Any:
        """Return a cursor that declares nothing, for EXPLAIN cannot be declared.

        A binary one takes one statement at a time (the extended protocol): no COMMIT can follow in the same text.
        """
        return cursor.connection.cursor(binary=True)

    def effect(self, cursor: Any, sql: str) -> str:
        """Name a function that is volatile."""
        return readonly.effect(cursor, sql)

    def rights(self, cursor: Any) -> list[str]:
        """Look for a superuser, for roles that reach files or sessions, and for functions that were granted."""
        with cursor.connection.cursor() as other:
            return roles.rights(other)

    # --- users with few rights

    def role_statements(self, url: URL, role: Role, name: str, password: str | None) -> list[str]:  # noqa: ARG002  the session's database
        """Grant what the role needs, and revoke what PUBLIC may do in this database beyond it."""
        return roles.statements(role, name, password, list(self.view_functions))

    def role_excess(self, connection: Connection, role: Role, name: str) -> list[str]:
        """Look for other roles, attributes, rights to tables and, for readers, functions that have effects."""
        return roles.excess(connection, role, name)

    # --- the schema

    def exclusive(self, connection: Connection, wait: float, tables: Sequence[str]) -> AbstractContextManager[None]:  # noqa: ARG002  SQLite needs them
        """Begin one transaction under an advisory lock."""
        return locks.exclusive(connection, wait)

    def wait_for_writers(self, connection: Connection, tables: Sequence[str]) -> None:
        """Lock the tables until the change is over."""
        locks.of_tables(connection, tables)

    def rename_table(self, connection: Connection, name: str, new: str) -> None:
        """Rename its primary key, too, whose name nothing else in the schema may have."""
        super().rename_table(connection, name, new)
        connection.exec_driver_sql(f"ALTER TABLE {new} RENAME CONSTRAINT {name}_pkc TO {new}_pkc")

    def function_faults(self, connection: Connection) -> dict[str, str]:
        """Compare each function with a temporary one."""
        return views.function_faults(connection)

    def changed_views(self, connection: Connection, selects: Mapping[str, str]) -> list[str]:
        """Compare each view with a temporary one."""
        return [name for name, select in selects.items() if views.is_changed(connection, name, select)]

    # --- locks

    def replica_lag(self, connection: Connection) -> float | None:
        """Ask the standby."""
        return lag.replica_lag(connection)


def _in_transaction(driver: Any) -> bool:
    """Return whether a connection is in a transaction, or may be: libpq knows from the server's last answer."""
    return bool(driver.pgconn.transaction_status)  # 0 is IDLE (PQtransactionStatus)
