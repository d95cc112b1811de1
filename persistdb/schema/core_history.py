"""The tables of what was (:mod:`.history`), as :mod:`.core` has those of what is."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, Table, text

from ..engines import types
from . import names
from .core import (
    BIGINT,
    BOOLEAN,
    DOCUMENT,
    IDENTITY,
    INTEGER,
    IS_PATH,
    IS_PID,
    JSON,
    KEY,
    METADATA,
    NOT_EMPTY,
    OWNER,
    SMALLINT,
    TEXT,
    TIME,
    TOKEN,
    UINT32,
    column,
    index,
    with_options,
    without_rowid,
)


def _whole(table: str, owner: str) -> Index:
    """Index the whole rows, by revision; MariaDB, which has no partial indexes, the others too."""
    of = Index(f"ix_{table}_whole", owner, "whole", "revision")
    return with_options(of, sqlite={"where": text("whole = 1")}, postgresql={"where": text("whole")})


sandbox_lifetime = Table(
    "sandbox_lifetime",
    METADATA,
    column("id", OWNER, primary_key=True, autoincrement=False),
    column("host", KEY),
    column("sid", KEY),
    column("created_at", TIME),
    column("removed_at", TIME, nullable=True),
    Index("ix_sandbox_lifetime_host_sid", "host", "sid"),
)

container_lifetime = Table(
    "container_lifetime",
    METADATA,
    column("id", OWNER, primary_key=True, autoincrement=False),
    column("sandbox_id", OWNER),
    column("cid", KEY),
    column("created_at", TIME),
    column("removed_at", TIME, nullable=True),
    Index("ix_container_lifetime_cid_sandbox_id", "cid", "sandbox_id"),
    index("container_lifetime", "sandbox_id"),
)

event = Table(
    "event",
    METADATA,
    column("id", IDENTITY, primary_key=True),
    column("sandbox_id", OWNER, nullable=True),
    column("container_id", OWNER, nullable=True),
    column("kind", types.key(16)),
    column("revision", BIGINT),
    column("at", TIME),
    column("old_state", KEY, nullable=True),
    column("new_state", KEY, nullable=True),
    column("cause", types.key(16)),
    column("actor", KEY, nullable=True),
    column("reason", TEXT, nullable=True),
    column("transaction_id", BIGINT, nullable=True),
    column("host", KEY, nullable=True),
    column("began_at", TIME, nullable=True),
    Index("ix_event_sandbox_id_id", "sandbox_id", "id"),
    with_options(
        Index("ix_event_transaction_id_id", "transaction_id", "id"),
        sqlite={"where": text("transaction_id IS NOT NULL")},
    ),
)

sandbox_history = without_rowid(
    Table(
        "sandbox_history",
        METADATA,
        column("sandbox_id", OWNER, primary_key=True, autoincrement=False),
        column("valid_to", TIME, primary_key=True),
        column("revision", BIGINT, primary_key=True, autoincrement=False),
        column("number", BIGINT),
        column("whole", BOOLEAN),
        column("state", KEY),
        column("persist_version", INTEGER, nullable=True),
        column("cgroup_path", TEXT, nullable=True),
        column("layout", KEY, nullable=True),
        column("document", DOCUMENT, nullable=True),
        column("valid_from", TIME),
        _whole("sandbox_history", "sandbox_id"),
    )
)

container_history = without_rowid(
    Table(
        "container_history",
        METADATA,
        column("container_id", OWNER, primary_key=True, autoincrement=False),
        column("valid_to", TIME, primary_key=True),
        column("revision", BIGINT, primary_key=True, autoincrement=False),
        column("whole", BOOLEAN),
        column("state", KEY),
        column("cgroup_path", TEXT, nullable=True),
        column("bundle_path", TEXT, nullable=True),
        column("layout", KEY, nullable=True),
        column("extra", JSON, nullable=True),
        column("document", DOCUMENT, nullable=True),
        column("valid_from", TIME),
        _whole("container_history", "container_id"),
    )
)

mount_history = without_rowid(
    Table(
        "mount_history",
        METADATA,
        column("container_id", OWNER, primary_key=True),
        column("position", INTEGER, primary_key=True, autoincrement=False),
        column("until", BIGINT, primary_key=True, autoincrement=False),
        column("is_rootfs", BOOLEAN),
        column("source", TEXT),
        column("destination", TEXT),
        column("type", TEXT),
        column("options", JSON, nullable=True),
        column("host_path", TEXT),
        column("block_device_id", TEXT),
        column("read_only", BOOLEAN),
        column("mounted", BOOLEAN),
        column("since", BIGINT),
        column("valid_from", TIME),
        column("valid_to", TIME),
        index("mount_history", "source", IS_PATH, long=True),
        index("mount_history", "host_path", NOT_EMPTY, long=True),
        index("mount_history", "block_device_id", NOT_EMPTY, long=True),
    )
)

device_map_history = without_rowid(
    Table(
        "device_map_history",
        METADATA,
        column("container_id", OWNER, primary_key=True),
        column("position", INTEGER, primary_key=True, autoincrement=False),
        column("until", BIGINT, primary_key=True, autoincrement=False),
        column("device_id", TEXT),
        column("container_path", TEXT),
        column("file_mode", UINT32),
        column("uid", UINT32),
        column("gid", UINT32),
        column("shared", BOOLEAN),
        column("since", BIGINT),
        column("valid_from", TIME),
        column("valid_to", TIME),
        index("device_map_history", "device_id", long=True),
    )
)

process_history = without_rowid(
    Table(
        "process_history",
        METADATA,
        column("container_id", OWNER, primary_key=True),
        column("position", INTEGER, primary_key=True, autoincrement=False),
        column("until", BIGINT, primary_key=True, autoincrement=False),
        column("sandbox_id", OWNER),
        column("token", TOKEN, nullable=True),
        column("pid", BIGINT),
        column("start_time", TIME, nullable=True),
        column("start_time_ns", SMALLINT, nullable=True),
        column("start_time_offset", SMALLINT, nullable=True),
        column("since", BIGINT),
        column("valid_from", TIME),
        column("valid_to", TIME),
        index("process_history", "token"),
        index("process_history", "pid", IS_PID),
    )
)

retention = Table(
    names.RETENTION,
    METADATA,
    column("id", SMALLINT, primary_key=True, autoincrement=False),
    column("seconds", BIGINT, nullable=True),
    column("horizon", TIME),
    column("pruned_transaction_id", BIGINT, default=0, server_default=text("0")),
    column("pruned_id", BIGINT, default=0, server_default=text("0")),
    CheckConstraint("id = 1", name="single"),
)

IS_RECORDED = "(SELECT coalesce(seconds, 1) FROM retention) > 0"
"""The condition that the database records what changes."""
IS_KEPT = "EXISTS (SELECT 1 FROM retention WHERE (seconds IS NULL OR seconds > 0) AND horizon < {time})"
"""Whether what was at a time is kept: with no gap and no overlap, but for what was removed with its age."""
