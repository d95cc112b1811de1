"""The MariaDB engine, version 10.6 and later, through PyMySQL."""

from __future__ import annotations

import re
from inspect import signature
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import event

from ...errors import AccessDenied, BadURL, Busy, QueryTimeout, ReadOnly, StorageFull, TLSError, Unavailable
from ..base import native
from ..bounded import bound
from ..deadlines import shut_down
from ..failures import ErrorRule
from ..liveness import ping_in_doubt
from ..patience import connect_patiently
from ..pool import listen
from ..reading import allow_writes_again, refuse_writes
from ..server import Server
from ..taking import give_back
from ..urls import LAST_PORT, check_names, check_numbers, listed_hosts, shown, without_list, without_secrets
from . import compound, lag, literals, locks, nodes, optionfile, readonly, roles, startup, tls, views
from .causality import Causality
from .prepared import Prepared
from .syntax import MariaDBSyntax

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Engine
    from sqlalchemy.engine import URL, Connection
    from sqlalchemy.pool import PoolProxiedConnection

    from ..base import Answered, ParameterStyle, Role
    from ..deadlines import Timeouts

# The options that no text is a value for, that PyMySQL does not implement or warns of, and the ones that are whole
# numbers.
_NOT_TEXT = frozenset(
    {"self", "auth_plugin_map", "passwd", "db", "compress", "conv", "cursorclass", "defer_connect", "named_pipe", "ssl"}
)
_NUMBERS = frozenset({"client_flag", "connect_timeout", "max_allowed_packet", "port", "read_timeout", "write_timeout"})
_TIMES = frozenset({"connect_timeout", "read_timeout"})
# The ones that persistdb sets, with the only value that a URL may have.
_FIXED = {"charset": "utf8mb4", "autocommit": "true", "init_command": ""}
_LOCAL = frozenset({None, "", "localhost", "127.0.0.1", "::1"})


class MariaDB(MariaDBSyntax, Server):
    """A server for a fleet; READ COMMITTED, each connection in autocommit until BEGIN."""

    name = "mariadb"
    style: ClassVar[ParameterStyle] = "pyformat"
    error_rules = (
        ErrorRule("1213", Busy, "Deadlock found when trying to get lock; try restarting transaction", retry=True),
        ErrorRule("1205", Busy, "Lock wait timeout exceeded; try restarting transaction", retry=True, waits=True),
        # InnoDB's word for a deadlock or a timeout where it is the table's lock for new numbers that was waited for
        ErrorRule("1467", Busy, "Failed to read auto-increment value from storage engine", retry=True, waits=True),
        ErrorRule("1020", Busy, "Record has changed since last read in table 'container'", retry=True),
        # in a transaction, of which some statements had run already; they are prepared again
        ErrorRule(
            "1243", Busy, "Unknown prepared statement handler (persistdb_0) given to EXECUTE", retry=True, within=True
        ),
        ErrorRule("1615", Busy, "Prepared statement needs to be re-prepared", retry=True, within=True),
        ErrorRule("1969", QueryTimeout, "Query execution was interrupted (max_statement_time exceeded)"),
        ErrorRule("1317", QueryTimeout, "Query execution was interrupted"),
        ErrorRule("1792", ReadOnly, "Cannot execute statement in a READ ONLY transaction"),
        ErrorRule("1290", ReadOnly, "The MariaDB server is running with the --read-only option", text="--read-only"),
        ErrorRule("1036", ReadOnly, "Table 'container' is read only"),
        ErrorRule("1114", StorageFull, "The table 'mount' is full"),
        ErrorRule(
            "1005", StorageFull, 'Can\'t create table (errno: 135 "No more room in record file")', text="errno: 135"
        ),
        ErrorRule("3", StorageFull, "Error writing file '/tmp/x' (Errcode: 28 \"No space left on device\")", text="28"),
        ErrorRule("1021", StorageFull, "Disk full (/tmp/x); waiting for someone to free some space..."),
        ErrorRule("1045", AccessDenied, "Access denied for user 'x'@'127.0.0.1' (using password: YES)"),
        ErrorRule("1698", AccessDenied, "Access denied for user 'x'@'127.0.0.1'"),
        ErrorRule("1044", AccessDenied, "Access denied for user 'x'@'%' to database 'y'"),
        ErrorRule("1142", AccessDenied, "INSERT command denied to user 'x'@'127.0.0.1' for table `y`.`z`"),
        ErrorRule("1227", AccessDenied, "Access denied; you need (at least one of) the FILE privilege(s)"),
        ErrorRule("1410", AccessDenied, "You are not allowed to create a user with GRANT"),
        ErrorRule("4151", AccessDenied, "Access denied, this account is locked"),
        ErrorRule("1820", AccessDenied, "You must SET PASSWORD before executing this statement"),
        ErrorRule("1040", Busy, "Too many connections"),
        ErrorRule("1226", Busy, "User 'x' has exceeded the 'max_user_connections' resource (current value: 1)"),
        ErrorRule("1046", Unavailable, "No database selected"),
        ErrorRule("1049", Unavailable, "Unknown database 'x'"),
        ErrorRule(
            "2003",
            TLSError,
            "Can't connect to MySQL server on 'h' ([SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed)",
            text="[SSL",
        ),
        ErrorRule("2000", Unavailable, "option file /etc/my.cnf: No such file or directory"),
        ErrorRule("2003", Unavailable, "… ([Errno -2] Name or service not known)", text="[Errno -2]"),
        ErrorRule("2003", Unavailable, "… ([Errno -5] No address associated with hostname)", text="[Errno -5]"),
        ErrorRule("2003", Unavailable, "… ([Errno 13] Permission denied)", text="[Errno 13]"),
        ErrorRule("2003", Unavailable, "… ([Errno 99] Cannot assign requested address)", text="[Errno 99]"),
        ErrorRule("2003", Unavailable, "Can't connect to … ([Errno 111] Connection refused)", away=True),
        ErrorRule("1047", Unavailable, "WSREP has not yet prepared node for application use", away=True, retry=True),
        ErrorRule("1053", Unavailable, "Server shutdown in progress", away=True, retry=True),
        ErrorRule("2006", Unavailable, "MySQL server has gone away", away=True),
        ErrorRule("2013", Unavailable, "Lost connection to MySQL server during query", away=True),
        ErrorRule("2026", TLSError, "SSL is required but the server doesn't support it"),
    )

    may_be_behind = True
    no_file = "persistdb copies SQLite files only: back this database up with mariadb-dump"

    # --- connecting

    def check_options(self, url: URL) -> None:
        """Take the parameters of PyMySQL's connections, and ours of TLS."""
        driver: Any = url.get_dialect().import_dbapi()
        names = signature(driver.connections.Connection.__init__).parameters
        listed = bool(listed_hosts(url))
        check_names(
            url, (names.keys() - _NOT_TEXT) | tls.OPTIONS | nodes.OPTIONS.keys(), lists=("host",) if listed else ()
        )
        nodes.check(url, listed=listed)
        check_numbers(url, {name for name in url.query if name in _NUMBERS})
        if not 0 <= int(str(url.query.get("port", 0))) <= LAST_PORT:
            raise ValueError(f"option 'port' must be at most {LAST_PORT}")
        tls.switches(url)
        for name, value in _FIXED.items():
            if str(url.query.get(name, value)).lower() != value:
                raise ValueError(f"option {name!r} must be {value}" if value else f"option {name!r} is for persistdb")
        try:
            str(url.query.get("bind_address", "")).encode("idna")
        except UnicodeError:  # the socket module would raise a TypeError, and leave a socket open
            raise ValueError("option 'bind_address' must be a host name or an address") from None

    def create_engine(self, url: URL, timeouts: Timeouts, pool_size: int) -> Engine:
        """Create the engine; the session's settings are one statement when a connection opens."""
        settings = {
            "time_zone": "'+00:00'",
            "tx_isolation": "'READ-COMMITTED'",
            # Without strictness a value that is too long or out of range is cut, with a warning that nobody reads.
            "sql_mode": "'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
            # The result of a JSON aggregate is cut at this length, in the middle of a value (MDEV-21912).
            "group_concat_max_len": str(2**32 - 1),
            # Text is sorted by its first 1024 bytes; paths have up to 4096.
            "max_sort_length": "8192",
            "innodb_lock_wait_timeout": str(max(1, round(timeouts.busy))),
            "max_statement_time": str(max(0.001, timeouts.statement)),  # 0 would mean for ever
        }
        hosts = listed_hosts(url)
        connect = max(1, round(timeouts.connect / max(1, len(hosts))))
        arguments: dict[str, Any] = {
            "autocommit": True,
            "charset": "utf8mb4",
            # of each host
            "connect_timeout": connect,
            # connect_timeout ends when the port accepts: a server that hangs then is waited for no longer than this
            "read_timeout": connect,
            "program_name": "persistdb",
        }
        address, secrets = without_secrets(url)
        about_tls = {name: value for name, value in url.query.items() if name in tls.OPTIONS}
        given = tls.switches(url)
        # PyMySQL reads the system's certificates for each connection, 40 ms; nobody listens in on the loopback. (A file
        # of options may name another host.)
        is_local = (
            {url.host, *(host.host for host in hosts)} <= _LOCAL
            and not about_tls
            and "read_default_file" not in url.query
        )
        if given.get("ssl_disabled") or is_local:
            arguments["ssl_disabled"] = True
        for name in _TIMES & url.query.keys():
            arguments[name] = max(1, int(str(url.query[name])))
        if "port" in url.query:  # which SQLAlchemy leaves as it is, and the driver wants as a number
            arguments["port"] = int(str(url.query["port"]))
        if "program_name" in url.query:
            del arguments["program_name"]
        engine = self.pooled_engine(
            without_list(address).difference_update_query([*about_tls, *nodes.OPTIONS]),
            timeouts,
            pool_size,
            pool_reset_on_return=None,
            connect_args=arguments | {name: value for name, value in secrets.items() if name not in about_tls},
        )
        startup.spare_questions(engine, settings["sql_mode"].strip("'"))
        if about_tls and not given.get("ssl_disabled"):
            tls.require(engine, about_tls, given)
        optionfile.check_before_connecting(engine, url)
        literals.take(engine, self.conversions(engine.dialect.loaded_dbapi))

        self.timeouts = timeouts
        allow_writes_again(engine, "SET SESSION tx_read_only = 0", self.interrupt, timeouts.call)
        self._causality = Causality()
        self._causality.see_to(
            engine, "SET SESSION " + ", ".join(f"{name} = {value}" for name, value in settings.items())
        )
        nodes.lost_too(engine, read_only=bool(hosts) and nodes.must_be_writable(url.query))
        name = shown(url)
        ping_in_doubt(engine, name, self.interrupt, timeouts.call)
        if hosts:
            nodes.connect_to_any(engine, hosts, url.query, self.rule, self.interrupt)
        most = arguments["connect_timeout"] if "connect_timeout" in url.query and not hosts else None
        connect_patiently(engine, name, self.rule, timeouts.call, most, hosts=max(1, len(hosts)))
        bound(engine, self.interrupt, max(timeouts.call, timeouts.statement))

        @event.listens_for(engine, "connect")
        def _wait(connection: Any, _record: object) -> None:
            # From here on the server's own statement timeout counts, which a change of the schema lifts.
            if "read_timeout" not in url.query:
                self.lift_read_timeout(connection)

        def roll_back(connection: Any, _record: object, _state: object) -> None:
            if startup.in_transaction(native(connection)):
                with startup.rolled_back_anyway():
                    connection.rollback()

        listen(engine, "reset", roll_back)  # checkin() does the same
        return engine

    def conversions(self, driver: Any) -> Mapping[Any, Any]:
        """Return what the driver makes literals and values with."""
        conversions: Mapping[Any, Any] = driver.converters.conversions
        return conversions

    def lift_read_timeout(self, driver: Any) -> None:
        """Wait for answers as long as it takes, from here on."""
        driver._read_timeout = None  # noqa: SLF001  there is no other way to change it

    def checkin(self, pooled: PoolProxiedConnection) -> None:
        """Roll back where a transaction is open, by what the server said last."""
        give_back(pooled, startup.in_transaction)

    def interrupt(self, driver: Any) -> None:
        """Shut the socket down: KILL would need another connection, and an answer."""
        if driver.open:
            shut_down(driver._sock.fileno())  # noqa: SLF001  there is no other way to it

    def blockers(self, engine: Callable[[], Engine], driver: Any) -> list[str]:
        """Ask the server."""
        return locks.blockers(engine(), driver.thread_id())

    def begin_sql(self, *, write: bool) -> str:
        """Start a transaction, which waits for what other nodes of a cluster have committed if it writes."""
        return self._causality.begin() if write else "BEGIN"

    def begin_reading(self, connection: Connection) -> None:
        """Let the session refuse writes: DDL in START TRANSACTION READ ONLY commits that, and goes on."""
        refuse_writes(connection.connection, "SET SESSION tx_read_only = 1")
        connection.exec_driver_sql("BEGIN")

    prepares = True

    def execute(self, cursor: Any, sql: str, values: Any, pooled: PoolProxiedConnection) -> None:
        """Let the server prepare a statement that comes often."""
        if not values:
            cursor.execute(sql, values)
            return
        self._prepared(pooled).execute(cursor, sql, literals.marked(values))

    @staticmethod
    def _prepared(pooled: PoolProxiedConnection) -> Prepared:
        prepared: Prepared | None = pooled.info.get("prepared")
        if prepared is None:
            prepared = pooled.info["prepared"] = Prepared()
        return prepared

    combines = True

    @property
    def changes_alone(self) -> bool:
        """It does, as a compound statement."""
        return True

    def is_combined(self, sql: str) -> bool:
        """Combine statements that return no rows, and those that read a variable."""
        return compound.is_combined(sql)

    def are_short(self, values: Iterable[object]) -> bool:
        """Count their characters."""
        size = 0
        for value in values:
            if isinstance(value, str):
                size += len(value)
        return size < compound.MOST

    def execute_together(
        self, cursor: Any, statements: Sequence[tuple[str, Any]], pooled: PoolProxiedConnection, begin: str
    ) -> list[Answered]:
        """Run a compound statement."""
        return compound.execute(cursor, statements, self._prepared(pooled), pooled, begin)

    # --- errors

    def error_code(self, error: BaseException) -> str:
        """Return the server's or the client's errno."""
        return str(error.args[0]) if error.args and isinstance(error.args[0], int) else ""

    def detail(self, error: BaseException) -> str:
        """Return the message without the tuple that PyMySQL makes of errno and message."""
        return str(error.args[1]) if len(error.args) > 1 else super().detail(error)

    def violated(self, error: BaseException) -> str | None:
        """Return the key's name, from the message: ``Duplicate entry '1-x' for key 'uq_process_sandbox_id_token'``."""
        code = self.error_code(error)
        if code == "1452":
            return "foreign key"
        if code == "1048" and "'container_id'" in str(error.args[1]):
            return "uq_process_sandbox_id_token"  # upsert turns a clash into this; no other table has a second key
        if code == "1062":
            match = re.search(r"for key '(?:\w+\.)?(\w+)'$", str(error.args[1]))
            return match[1] if match else ""
        return None

    def is_missing_table(self, error: BaseException) -> bool:
        """Look for the errno ER_NO_SUCH_TABLE."""
        return self.error_code(error) == "1146"

    # --- one statement that reads

    def read_only(self, engine: Callable[[], Engine], timeout: float, limit: int | None) -> AbstractContextManager[Any]:
        """Open a cursor in a READ ONLY transaction."""
        return readonly.cursor(engine(), timeout, limit, self.interrupt)

    def effect(self, cursor: Any, sql: str) -> str:  # noqa: ARG002  the statement says enough
        """Name a part of the statement that writes a file or takes locks."""
        return readonly.effect(sql)

    def rights(self, cursor: Any) -> list[str]:
        """Look for global privileges."""
        return roles.rights(cursor)

    # --- users with few rights

    def role_statements(self, url: URL, role: Role, name: str, password: str | None) -> list[str]:
        """Grant what the role needs: a new user has no other right."""
        if not url.database:
            raise BadURL(url.render_as_string(hide_password=True), "names no database: add /NAME")
        return roles.statements(url.database, role, name, password)

    def role_excess(self, connection: Connection, role: Role, name: str) -> list[str]:
        """Look for other grants."""
        return roles.excess(connection, connection.engine.url.database or "", role, name)

    # --- the schema

    transactional_ddl = False

    def exclusive(self, connection: Connection, wait: float, tables: Sequence[str]) -> AbstractContextManager[None]:  # noqa: ARG002  SQLite needs them
        """Take a named lock of the session; each revision commits."""
        return locks.exclusive(connection, wait)

    def wait_for_writers(self, connection: Connection, tables: Sequence[str]) -> None:
        """Make the table again that writers look at: that waits for their transactions, also on a cluster's nodes."""
        connection.exec_driver_sql(f"ALTER TABLE {tables[-1]} FORCE")

    def changed_views(self, connection: Connection, selects: Mapping[str, str]) -> list[str]:
        """Compare what EXPLAIN EXTENDED makes of each."""
        return [name for name, select in selects.items() if views.is_changed(connection, name, select)]

    # --- locks

    def is_cluster(self, connection: Connection) -> bool:
        """Ask the server: in a Galera cluster GET_LOCK is a node's own."""
        row = connection.exec_driver_sql("SHOW VARIABLES LIKE 'wsrep_on'").one_or_none()
        return row is not None and row[1] == "ON"

    def replica_lag(self, connection: Connection) -> float | None:
        """Ask a replica; a node of a Galera cluster is behind by nothing as long as nothing waits to be applied."""
        if self.is_cluster(connection):
            return 0.0 if lag.has_applied_all(connection) else None
        return lag.replica_lag(connection)

    def see_other_nodes(self, connection: Connection) -> None:
        """Wait before each statement until what the cluster has committed is here (:mod:`.causality`)."""
        connection.exec_driver_sql("SET SESSION wsrep_sync_wait = 7")
