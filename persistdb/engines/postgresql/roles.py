"""Roles that may read the views, or write rows, and no more; and the rights beyond reading that a SELECT can use."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection

    from ..base import Role

# Built-in functions that are volatile only because each call may return another value, and ones that wait, which the
# statement's timeout ends. Any other that a later version brings is harmful until it is listed here.
_HARMLESS = (
    "random|random_normal|setseed|clock_timestamp|timeofday|gen_random_uuid|uuidv4|uuidv7|current_query|currtid2|currval"
    "|lastval|lo_get|amvalidate|pg_sleep|pg_sleep_for|pg_sleep_until|pg_lock_status|pg_prepared_xact|pg_jit_available"
    "|pg_notification_queue_usage|pg_sequence_last_value|pg_stat_clear_snapshot|pg_stat_force_next_flush|txid_status"
    "|pg_blocking_pids|pg_safe_snapshot_blocking_pids|pg_collation_actual_version|pg_database_collation_actual_version"
    "|pg_is_in_recovery|pg_is_wal_replay_paused|pg_isolation_test_session_is_blocked|pg_extension_config_dump"
    "|pg_database_size|pg_indexes_size|pg_relation_size|pg_table_size|pg_tablespace_size|pg_total_relation_size"
    # they run SQL in a text with the user's own rights, in the same transaction
    "|query_to_xml(schema|_and_xmlschema)?|cursor_to_xml(schema)?|ts_stat|ts_rewrite"
    "|pg_(control|current|get|last|partition|stat_get|xact)_[a-z_]+"
)
HIDING = ["query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "cursor_to_xml", "ts_stat", "ts_rewrite"]
"""The functions that run SQL in a text: what that calls does not show in the statement."""

HARMFUL = f"""(p.provolatile = 'v' OR p.prosecdef)
    AND format_type(p.prorettype, NULL) !~ '(handler|trigger|internal)$'
    AND NOT (p.pronamespace = CAST('pg_catalog' AS regnamespace) AND p.proname ~ '^({_HARMLESS})$')"""
"""Whether the function ``p`` may have effects that a read-only transaction does not stop: advisory locks, large
objects, the end of other sessions, connections to elsewhere."""

# Roles whose members can do more in a SELECT; the attributes of a role are looked at, too.
_STRONG = [
    *("pg_read_server_files", "pg_write_server_files", "pg_execute_server_program"),
    *("pg_signal_backend", "pg_monitor", "pg_create_subscription", "pg_signal_autovacuum_worker"),
]
_ROLES = (
    "SELECT CASE WHEN rolsuper THEN 'superuser' WHEN rolreplication THEN 'replication' ELSE rolname END"
    " FROM pg_catalog.pg_roles WHERE pg_catalog.pg_has_role(session_user, oid, 'MEMBER')"
    " AND (rolsuper OR rolreplication OR rolname = ANY(%s))"
)
# Functions that a new server keeps from PUBLIC: somebody granted them.
_GRANTED = (
    "SELECT DISTINCT CAST(p.proname AS text) || '()' FROM pg_catalog.pg_proc AS p"
    " JOIN pg_catalog.pg_init_privs AS i ON i.objoid = p.oid AND i.classoid = CAST('pg_proc' AS regclass)"
    f" WHERE i.privtype = 'i' AND {HARMFUL} AND pg_catalog.has_function_privilege(session_user, p.oid, 'EXECUTE')"
)
# A table or view of another schema may have a name of ours.
_IS_OURS = "c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = CAST('containers' AS regclass))"
_EXCESS = text(f"""
SELECT CAST(p.proname AS text) || '()' FROM pg_proc AS p
WHERE {HARMFUL} AND has_function_privilege(:name, p.oid, 'EXECUTE') AND cardinality(CAST(:writes AS text[])) = 0
UNION SELECT 'role ' || rolname FROM pg_roles WHERE rolname <> :name AND pg_has_role(:name, oid, 'MEMBER')
UNION SELECT attribute FROM pg_roles, LATERAL (VALUES (rolcreatedb, 'CREATEDB'), (rolcreaterole, 'CREATEROLE'),
  (rolreplication, 'REPLICATION'), (rolbypassrls, 'BYPASSRLS')) AS held (is_held, attribute)
WHERE rolname = :name AND is_held
UNION SELECT 'table ' || c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
AND (has_table_privilege(:name, c.oid, 'TRUNCATE, REFERENCES, TRIGGER')
  OR NOT (c.relname = ANY (:writes) AND {_IS_OURS}) AND has_table_privilege(:name, c.oid, 'INSERT, UPDATE, DELETE')
  OR c.relkind IN ('r', 'p', 'f') AND NOT ((c.relname = ANY (:reads) OR c.relname = ANY (:writes)) AND {_IS_OURS})
    AND has_table_privilege(:name, c.oid, 'SELECT'))
UNION SELECT 'CREATE in schema ' || nspname FROM pg_namespace
WHERE nspname NOT LIKE 'pg\\_%' AND has_schema_privilege(:name, oid, 'CREATE')
""")

_ITERATIONS = 4096  # what the server itself takes


def rights(cursor: Any) -> list[str]:
    """Return the rights beyond reading that a SELECT of this session can use."""
    cursor.execute(_ROLES, [_STRONG])
    roles = {name for (name,) in cursor.fetchall()}
    if "superuser" in roles:  # and so a member of all roles
        return ["superuser"]
    cursor.execute(_GRANTED)
    return sorted(roles) + sorted(name for (name,) in cursor.fetchall())


_CREATE = """DO $role$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN
    CREATE ROLE "{name}" LOGIN NOINHERIT;
  ELSIF EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}' AND rolsuper)
      OR EXISTS (SELECT FROM pg_class WHERE oid = CAST('containers' AS regclass)
                 AND pg_has_role('{name}', relowner, 'MEMBER')) THEN
    RAISE EXCEPTION '{name} is a superuser or owns the tables: a {kind} is a role with no other rights';
  END IF;
END
$role$"""
_ENTER = """DO $role$
DECLARE
  home CONSTANT text = (SELECT CAST(CAST(relnamespace AS regnamespace) AS text) FROM pg_class
                        WHERE oid = CAST('containers' AS regclass));
BEGIN
  EXECUTE format('{temporary}', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO "{name}"', current_database());
  EXECUTE format('REVOKE CREATE ON SCHEMA %s FROM PUBLIC', home);
  EXECUTE format('GRANT USAGE ON SCHEMA %s TO "{name}"', home);
END
$role$"""
_NO_TEMPORARY = "REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC"
# "db check" compares views with temporary ones
_TEMPORARY = 'GRANT TEMPORARY ON DATABASE %I TO "{name}"'
# The sequences of the keys, and the functions that a writer calls, where a reader's statements took them from PUBLIC.
_WRITE = """DO $role$
DECLARE
  item text;
BEGIN
  FOR item IN
    SELECT CAST(CAST(d.objid AS regclass) AS text) FROM pg_depend AS d
    JOIN pg_class AS c ON c.oid = d.objid AND c.relkind = 'S' AND d.classid = CAST('pg_class' AS regclass)
    WHERE d.deptype = 'a' AND d.refobjid IN (SELECT CAST(name AS regclass) FROM unnest(ARRAY['{tables}']) AS name)
  LOOP
    EXECUTE format('GRANT USAGE ON SEQUENCE %s TO "{name}"', item);
  END LOOP;
  FOREACH item IN ARRAY ARRAY['{functions}'] LOOP
    IF NOT has_function_privilege('{name}', item, 'EXECUTE') THEN
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO "{name}"', item);
    END IF;
  END LOOP;
END
$role$"""
_CALLED = (
    *(f"pg_catalog.pg_advisory_{verb}{shared}(bigint)" for verb in ("lock", "unlock") for shared in ("", "_shared")),
    "pg_catalog.pg_advisory_xact_lock(bigint)",
    "pg_catalog.nextval(regclass)",
    "pg_catalog.set_config(text,text,boolean)",
)
# Only a role that owns functions can revoke them, and the server's own belong to the superuser. Who writes needs some.
_FUNCTIONS = f"""DO $role$
DECLARE
  function text;
  writer text;
BEGIN
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    RAISE WARNING 'only a superuser can keep readers from advisory locks and the like: run this as one';
    RETURN;
  END IF;
  FOR function IN
    SELECT CAST(p.oid AS regprocedure) FROM pg_proc AS p
    LEFT JOIN pg_init_privs AS i ON i.objoid = p.oid AND i.classoid = CAST('pg_proc' AS regclass)
    CROSS JOIN acldefault('f', p.proowner) AS usual
    WHERE {HARMFUL} AND EXISTS (
      -- open to all now, or in a new server: a writer that came later gets it, too
      SELECT FROM aclexplode(coalesce(p.proacl, usual)) AS a WHERE a.grantee = 0
      UNION ALL SELECT FROM aclexplode(coalesce(i.initprivs, usual)) AS a
      WHERE a.grantee = 0 AND p.pronamespace = CAST('pg_catalog' AS regnamespace)
    )
  LOOP
    EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', function);
    FOR writer IN
      SELECT CAST(datdba AS regrole) FROM pg_database WHERE datname = current_database()
      UNION SELECT CAST(a.grantee AS regrole) FROM pg_class AS c,
        aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS a
      WHERE c.oid = CAST('container' AS regclass) AND a.privilege_type = 'INSERT' AND a.grantee <> 0
    LOOP
      EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %s', function, writer);
    END LOOP;
  END LOOP;
END
$role$"""


def statements(role: Role, name: str, password: str | None, functions: Sequence[str]) -> list[str]:
    """Return the statements that create the user or bring its rights up to date.

    Without a password it keeps the one that it has; a new user has none.
    """
    user = f'"{name}"'
    known = [
        _CREATE.format(name=name, kind=role.kind),
        *([] if password is None else [f"ALTER ROLE {user} PASSWORD '{_verifier(password)}'"]),
    ]
    reads = [
        f"GRANT SELECT ON {', '.join(role.reads)} TO {user}",
        *(f"GRANT EXECUTE ON FUNCTION {function} TO {user}" for function in functions),
    ]
    if not role.writes:
        limited = f"ALTER ROLE {user} SET default_transaction_read_only = on"
        return [*known, limited, _ENTER.format(name=name, temporary=_NO_TEMPORARY), *reads, _FUNCTIONS]
    return [
        *known,
        f"ALTER ROLE {user} RESET default_transaction_read_only",  # which a reader has
        _ENTER.format(name=name, temporary=_TEMPORARY.format(name=name)),
        *reads,
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(role.writes)} TO {user}",
        _WRITE.format(name=name, tables="', '".join(role.writes), functions="', '".join(_CALLED)),
    ]


def excess(connection: Connection, role: Role, name: str) -> list[str]:
    """Return what a user may do beyond a role: other roles, attributes, tables, schemas; for readers also functions."""
    values = {"name": name, "reads": list(role.reads), "writes": list(role.writes)}
    return sorted(connection.execute(_EXCESS, values).scalars())


def _verifier(password: str) -> str:
    """Return what the server stores of a password (RFC 5803), so that neither its log nor a script has the password.

    Passwords are ASCII here, which SASLprep leaves as they are.
    """
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    encoded = [base64.b64encode(each).decode() for each in (salt, stored, server)]
    return f"SCRAM-SHA-256${_ITERATIONS}:{encoded[0]}${encoded[1]}:{encoded[2]}"
