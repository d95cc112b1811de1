"""The tables, as the statements of the repository need them; the mapped classes on top of them are in :mod:`.tables`.

SQLAlchemy's ORM takes half as long to import as all else that a question with filters needs, and imports no dialect but
the one in use: so the tables are apart, and their options of dialects are given when a dialect asks for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.util import PopulateDict

from ..engines import types
from ..validation import TOKEN_LENGTH
from . import names

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from sqlalchemy.types import TypeEngine

T = TypeVar("T", Index, Table)

UINT32_MAX = 4294967295
LOCK_LENGTH = 511
"""The longest name of a lock, in characters."""

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)
"""All tables. The naming convention gives every constraint a name that a migration can use."""

IDENTITY = types.identity()
OWNER = types.bigint().with_variant(types.integer(), "sqlite")
"""The type of a column that refers to an identity."""
KEY, TOKEN, TEXT, DOCUMENT, JSON = types.key(), types.key(TOKEN_LENGTH), types.text(), types.document(), types.json()
BIGINT, INTEGER, SMALLINT, UINT32 = types.bigint(), types.integer(), types.smallint(), types.uint32()
BOOLEAN, TIME = types.boolean(), types.UTCDateTime()


def column(name: str, kind: TypeEngine[Any], **options: Any) -> Column[Any]:
    """Return a column, which has a value in each row unless it is ``nullable``."""
    return Column(name, kind, **{"nullable": False, **options})


def with_options(of: T, **options: Mapping[str, object]) -> T:
    """Give a table or an index options of dialects, by their names: SQLAlchemy would import all to check them."""
    usual = of.dialect_options

    def options_of(dialect: str) -> MutableMapping[str, Any]:
        found: MutableMapping[str, Any] = usual[dialect]
        found.update(options.get(dialect, {}))
        return found

    of.dialect_options = PopulateDict(options_of)
    return of


def without_rowid(table: Table) -> Table:
    """Let SQLite store rows in the order of the key: a container's are adjacent, and no second index is written."""
    return with_options(table, sqlite={"with_rowid": False})


# The conditions of partial indexes. A query that is to use one must repeat it: SQLite compares the words. Kata writes
# nothing for most mounts, and the same few names for sources that are not paths.
NOT_EMPTY = "{0} <> ''"
IS_PATH = "{0} >= '/' AND {0} < '0'"
IS_PID = "{0} > 0"


def index(table: str, column: str, holds: str | None = None, *, long: bool = False) -> Index:
    """Index a column; ``long`` text is longer than a key may be.

    MariaDB has no partial indexes, and indexes the first characters only. PostgreSQL's B-trees refuse a row of more
    than 2704 bytes; its SP-GiST spreads a long text over several rows.
    """
    where = {} if holds is None else {"where": text(holds.format(column))}
    length = {"length": 255} if long else {}
    return with_options(
        Index(f"ix_{table}_{column}", column),
        sqlite=where,
        postgresql={**where, **({"using": "spgist"} if long else {})},
        mysql=length,
        mariadb=length,
    )


sandbox = Table(
    "sandbox",
    METADATA,
    column("id", IDENTITY, primary_key=True),
    column("host", KEY),
    column("sid", KEY),
    column("state", KEY),
    column("persist_version", INTEGER, nullable=True),
    column("cgroup_path", TEXT),
    column("layout", KEY),
    column("document", DOCUMENT, nullable=True),
    # what the document says of the virtual machine (:mod:`persistdb.virtual_machines`)
    column("hypervisor_pid", BIGINT, nullable=True),
    column("hypervisor_path", TEXT, nullable=True),
    column("virtiofsd_pid", BIGINT, nullable=True),
    column("netns_path", TEXT, nullable=True),
    column("revision", BIGINT, default=1),
    column("created_at", TIME),
    column("updated_at", TIME),
    UniqueConstraint("host", "sid"),
    index("sandbox", "sid"),
)

container = Table(
    "container",
    METADATA,
    column("id", IDENTITY, primary_key=True),
    column("sandbox_id", OWNER),
    column("cid", KEY),
    column("state", KEY),
    column("cgroup_path", TEXT),
    column("bundle_path", TEXT),
    column("layout", KEY),
    # the keys that persistdb does not know, and the file's whole text where columns and keys cannot reproduce it
    column("extra", JSON, nullable=True),
    column("document", DOCUMENT, nullable=True),
    # containerd's
    column("namespace", KEY, default="", server_default=text("''")),
    column("runtime", KEY, default="kata", server_default=text("'kata'")),
    # what annotations call it (:mod:`persistdb.annotations`); the pod as NAMESPACE/NAME
    column("pod", TEXT, default="", server_default=text("''")),
    column("pod_uid", TEXT, default="", server_default=text("''")),
    column("container_name", TEXT, default="", server_default=text("''")),
    column("image", TEXT, default="", server_default=text("''")),
    column("revision", BIGINT, default=1),
    column("created_at", TIME),
    column("updated_at", TIME),
    ForeignKeyConstraint(["sandbox_id"], ["sandbox.id"], ondelete="CASCADE"),
    UniqueConstraint("sandbox_id", "cid"),
    # the composite foreign key of process refers to it
    UniqueConstraint("sandbox_id", "id"),
    index("container", "cid"),
    index("container", "cgroup_path", NOT_EMPTY, long=True),
    index("container", "bundle_path", NOT_EMPTY, long=True),
    index("container", "pod", NOT_EMPTY, long=True),
    index("container", "container_name", NOT_EMPTY, long=True),
    index("container", "image", NOT_EMPTY, long=True),
)

mount = without_rowid(
    Table(
        "mount",
        METADATA,
        column("container_id", OWNER, primary_key=True),
        column("position", INTEGER, primary_key=True, autoincrement=False),
        column("is_rootfs", BOOLEAN),
        column("source", TEXT),
        column("destination", TEXT),
        column("type", TEXT),
        column("options", JSON, nullable=True),
        column("host_path", TEXT),
        column("block_device_id", TEXT),
        column("read_only", BOOLEAN),
        column("mounted", BOOLEAN),
        column("since", BIGINT, default=0, server_default=text("0")),
        ForeignKeyConstraint(["container_id"], ["container.id"], ondelete="CASCADE"),
        CheckConstraint("is_rootfs = (position = 0)", name="rootfs_is_first"),
        CheckConstraint("position >= 0", name="position"),
        index("mount", "source", IS_PATH, long=True),
        index("mount", "host_path", NOT_EMPTY, long=True),
        index("mount", "block_device_id", NOT_EMPTY, long=True),
    )
)

device_map = without_rowid(
    Table(
        "device_map",
        METADATA,
        column("container_id", OWNER, primary_key=True),
        column("position", INTEGER, primary_key=True, autoincrement=False),
        column("device_id", TEXT),
        column("container_path", TEXT),
        column("file_mode", UINT32),
        column("uid", UINT32),
        column("gid", UINT32),
        column("shared", BOOLEAN),
        column("since", BIGINT, default=0, server_default=text("0")),
        ForeignKeyConstraint(["container_id"], ["container.id"], ondelete="CASCADE"),
        CheckConstraint(f"file_mode BETWEEN 0 AND {UINT32_MAX}", name="file_mode"),
        CheckConstraint(f"uid BETWEEN 0 AND {UINT32_MAX}", name="uid"),
        CheckConstraint(f"gid BETWEEN 0 AND {UINT32_MAX}", name="gid"),
        CheckConstraint("position >= 0", name="position"),
        index("device_map", "device_id", long=True),
    )
)

process = without_rowid(
    Table(
        "process",
        METADATA,
        column("container_id", OWNER, primary_key=True),
        column("position", INTEGER, primary_key=True, autoincrement=False),
        column("sandbox_id", OWNER),
        column("token", TOKEN, nullable=True),
        column("pid", BIGINT),
        column("start_time", TIME, nullable=True),
        column("start_time_ns", SMALLINT, nullable=True),
        column("start_time_offset", SMALLINT, nullable=True),
        column("since", BIGINT, default=0, server_default=text("0")),
        ForeignKeyConstraint(
            ["sandbox_id", "container_id"], ["container.sandbox_id", "container.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("sandbox_id", "token"),
        CheckConstraint("start_time_ns BETWEEN 0 AND 999", name="start_time_ns"),
        CheckConstraint("start_time_offset BETWEEN -1439 AND 1439", name="start_time_offset"),
        CheckConstraint(
            "(start_time IS NULL) = (start_time_ns IS NULL) AND (start_time IS NULL) = (start_time_offset IS NULL)",
            name="start_time_whole",
        ),
        CheckConstraint("token <> ''", name="token"),
        CheckConstraint("position >= 0", name="position"),
        index("process", "token"),
        index("process", "pid", IS_PID),
    )
)

annotation = without_rowid(
    Table(
        "annotation",
        METADATA,
        column("container_id", OWNER, primary_key=True),
        column("position", INTEGER, primary_key=True, autoincrement=False),
        column("name", TEXT),
        column("value", DOCUMENT),
        ForeignKeyConstraint(["container_id"], ["container.id"], ondelete="CASCADE"),
    )
)

sandbox_annotation = without_rowid(
    Table(
        "sandbox_annotation",
        METADATA,
        column("sandbox_id", OWNER, primary_key=True),
        column("position", INTEGER, primary_key=True, autoincrement=False),
        column("name", TEXT),
        column("value", DOCUMENT),
        ForeignKeyConstraint(["sandbox_id"], ["sandbox.id"], ondelete="CASCADE"),
    )
)

sandbox_device = without_rowid(
    Table(
        "sandbox_device",
        METADATA,
        column("sandbox_id", OWNER, primary_key=True),
        column("position", INTEGER, primary_key=True, autoincrement=False),
        column("device_id", TEXT, nullable=True),
        column("type", TEXT, nullable=True),
        column("kind", types.key(16), nullable=True),
        column("major", BIGINT, nullable=True),
        column("minor", BIGINT, nullable=True),
        column("host_path", TEXT, nullable=True),
        column("ref_count", BIGINT, nullable=True),
        column("attach_count", BIGINT, nullable=True),
        ForeignKeyConstraint(["sandbox_id"], ["sandbox.id"], ondelete="CASCADE"),
        Index("ix_sandbox_device_major_minor_kind", "major", "minor", "kind"),
        index("sandbox_device", "host_path", NOT_EMPTY, long=True),
    )
)

vfio_device = without_rowid(
    Table(
        "vfio_device",
        METADATA,
        column("sandbox_id", OWNER, primary_key=True),
        column("device_position", INTEGER, primary_key=True, autoincrement=False),
        column("position", INTEGER, primary_key=True, autoincrement=False),
        column("bdf", TEXT),
        column("sysfs_dev", TEXT),
        ForeignKeyConstraint(
            ["sandbox_id", "device_position"],
            ["sandbox_device.sandbox_id", "sandbox_device.position"],
            ondelete="CASCADE",
        ),
        index("vfio_device", "bdf", NOT_EMPTY, long=True),
    )
)

host = Table(
    "host",
    METADATA,
    column("name", KEY, primary_key=True),
    column("first_seen", TIME),
    column("last_seen", TIME),
    column("boot_id", types.key(64), nullable=True),
    column("kernel", TEXT, nullable=True),
    column("programs", TEXT, nullable=True),
)

sandbox_seen = Table(
    "sandbox_seen",
    METADATA,
    column("sandbox_id", OWNER, primary_key=True, autoincrement=False),
    column("seen_at", TIME),
    column("source", TEXT),
    ForeignKeyConstraint(["sandbox_id"], ["sandbox.id"], ondelete="CASCADE"),
)

schema_support = Table(
    names.SUPPORT,
    METADATA,
    column("id", SMALLINT, primary_key=True, autoincrement=False),
    column("min_reader", types.key(32)),
    column("min_writer", types.key(32)),
    CheckConstraint("id = 1", name="single"),
)

schema_backfill = Table(
    names.BACKFILL,
    METADATA,
    column("revision", types.key(32), primary_key=True),
    column("table_name", types.key(64), primary_key=True),
    column("behind", BIGINT),
)

lease = without_rowid(
    Table(
        "lease",
        METADATA,
        column("name", types.key(LOCK_LENGTH), primary_key=True),
        column("number", BIGINT, primary_key=True, autoincrement=False),
        column("mode", types.key(9)),
        column("owner", types.key(32)),
        column("host", KEY),
        column("boot_id", KEY),
        column("pid", BIGINT),
        column("started", BIGINT),
        column("expires_at", BIGINT),
        CheckConstraint("mode IN ('exclusive', 'shared')", name="mode"),
        Index("ix_lease_owner", "owner"),
    )
)

lease_number = without_rowid(
    Table(
        "lease_number",
        METADATA,
        column("bucket", INTEGER, primary_key=True, autoincrement=False),
        column("number", BIGINT),
    )
)
