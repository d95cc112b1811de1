"""The tables, as mapped classes.

The repository uses them to build its statements. For other queries, take a session from
:meth:`persistdb.Database.session` and say what to load (``selectinload(Container.mounts)``): nothing is loaded
implicitly.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, MetaData, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from ..engines import types
from ..validation import TOKEN_LENGTH

UINT32_MAX = 4294967295

Id = Annotated[int, mapped_column(types.identity(), primary_key=True)]
Parent = Annotated[int, mapped_column(types.bigint().with_variant(types.integer(), "sqlite"))]
ParentKey = Annotated[int, mapped_column(types.bigint().with_variant(types.integer(), "sqlite"), primary_key=True)]
Position = Annotated[int, mapped_column(types.integer(), primary_key=True, autoincrement=False)]
Key = Annotated[str, mapped_column(types.key())]
Token = Annotated[str | None, mapped_column(types.key(TOKEN_LENGTH))]
Text = Annotated[str, mapped_column(types.text())]
Document = Annotated[str | None, mapped_column(types.document())]
Uint32 = Annotated[int, mapped_column(types.uint32())]
Bool = Annotated[bool, mapped_column(types.boolean())]
Timestamp = Annotated[datetime, mapped_column(types.UTCDateTime())]
Revision = Annotated[int, mapped_column(types.bigint(), default=1)]


class Base(DeclarativeBase):
    """The base class, whose naming convention gives every constraint a name that a migration can use."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(referred_table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


# The conditions of partial indexes. A query that is to use one must repeat it: SQLite compares the words. Kata writes
# nothing for most mounts, and the same few names for sources that are not paths.
NOT_EMPTY = "{0} <> ''"
IS_PATH = "{0} >= '/' AND {0} < '0'"
IS_PID = "{0} > 0"


def _index(table: str, column: str, holds: str | None = None, *, long: bool = False) -> Index:
    """Index a column; ``long`` text is longer than a key may be.

    MariaDB has no partial indexes, and indexes the first characters only. PostgreSQL's B-trees refuse a row of more
    than 2704 bytes; its SP-GiST spreads a long text over several rows.
    """
    options: dict[str, object] = {}
    if holds is not None:
        where = text(holds.format(column))
        options |= {"sqlite_where": where, "postgresql_where": where}
    if long:
        options |= {"postgresql_using": "spgist", "mysql_length": 255, "mariadb_length": 255}
    return Index(f"ix_{table}_{column}", column, **options)  # type: ignore[arg-type]  # each dialect names its own


class Sandbox(Base):
    """A pod's virtual machine on one host."""

    __tablename__ = "sandbox"
    __table_args__ = (UniqueConstraint("host", "sid"), _index("sandbox", "sid"))

    id: Mapped[Id]
    host: Mapped[Key]
    sid: Mapped[Key]
    state: Mapped[Key]
    persist_version: Mapped[int | None] = mapped_column(types.integer())
    cgroup_path: Mapped[Text]
    layout: Mapped[Key]
    document: Mapped[Document]
    revision: Mapped[Revision]
    created_at: Mapped[Timestamp]
    updated_at: Mapped[Timestamp]

    containers: Mapped[list[Container]] = relationship(
        back_populates="sandbox", lazy="raise", cascade="all, delete-orphan", passive_deletes=True
    )


class Container(Base):
    """A container of a sandbox."""

    __tablename__ = "container"
    __table_args__ = (
        ForeignKeyConstraint(["sandbox_id"], ["sandbox.id"], ondelete="CASCADE"),
        UniqueConstraint("sandbox_id", "cid"),
        # the composite foreign key of process refers to it
        UniqueConstraint("sandbox_id", "id"),
        _index("container", "cid"),
        _index("container", "cgroup_path", NOT_EMPTY, long=True),
        _index("container", "bundle_path", NOT_EMPTY, long=True),
    )

    id: Mapped[Id]
    sandbox_id: Mapped[Parent]
    cid: Mapped[Key]
    state: Mapped[Key]
    cgroup_path: Mapped[Text]
    bundle_path: Mapped[Text]
    layout: Mapped[Key]
    # the keys that persistdb does not know, and the file's whole text where columns and keys cannot reproduce it
    extra: Mapped[dict[str, object] | None] = mapped_column(types.json())
    document: Mapped[Document]
    revision: Mapped[Revision]
    created_at: Mapped[Timestamp]
    updated_at: Mapped[Timestamp]

    sandbox: Mapped[Sandbox] = relationship(back_populates="containers", lazy="raise")
    mounts: Mapped[list[Mount]] = relationship(
        back_populates="container",
        lazy="raise",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="Mount.position",
    )
    device_maps: Mapped[list[DeviceMap]] = relationship(
        back_populates="container",
        lazy="raise",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="DeviceMap.position",
    )
    processes: Mapped[list[Process]] = relationship(
        back_populates="container",
        lazy="raise",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="Process.position",
    )


class Mount(Base):
    """A mount of a container: the rootfs at position 0, the others in the file's order from 1 on."""

    __tablename__ = "mount"
    __table_args__ = (
        ForeignKeyConstraint(["container_id"], ["container.id"], ondelete="CASCADE"),
        CheckConstraint("is_rootfs = (position = 0)", name="rootfs_is_first"),
        CheckConstraint("position >= 0", name="position"),
        _index("mount", "source", IS_PATH, long=True),
        _index("mount", "host_path", NOT_EMPTY, long=True),
        _index("mount", "block_device_id", NOT_EMPTY, long=True),
        # rows are stored in the order of the key: a container's are adjacent, and no second index is written
        {"sqlite_with_rowid": False},
    )

    container_id: Mapped[ParentKey]
    position: Mapped[Position]
    is_rootfs: Mapped[Bool]
    source: Mapped[Text]
    destination: Mapped[Text]
    type: Mapped[Text]
    options: Mapped[list[str] | None] = mapped_column(types.json())
    host_path: Mapped[Text]
    block_device_id: Mapped[Text]
    read_only: Mapped[Bool]
    mounted: Mapped[Bool]

    container: Mapped[Container] = relationship(back_populates="mounts", lazy="raise")


class DeviceMap(Base):
    """A host device that is visible in a container."""

    __tablename__ = "device_map"
    __table_args__ = (
        ForeignKeyConstraint(["container_id"], ["container.id"], ondelete="CASCADE"),
        CheckConstraint(f"file_mode BETWEEN 0 AND {UINT32_MAX}", name="file_mode"),
        CheckConstraint(f"uid BETWEEN 0 AND {UINT32_MAX}", name="uid"),
        CheckConstraint(f"gid BETWEEN 0 AND {UINT32_MAX}", name="gid"),
        CheckConstraint("position >= 0", name="position"),
        _index("device_map", "device_id", long=True),
        {"sqlite_with_rowid": False},
    )

    container_id: Mapped[ParentKey]
    position: Mapped[Position]
    device_id: Mapped[Text]
    container_path: Mapped[Text]
    file_mode: Mapped[Uint32]
    uid: Mapped[Uint32]
    gid: Mapped[Uint32]
    shared: Mapped[Bool]

    container: Mapped[Container] = relationship(back_populates="device_maps", lazy="raise")


class Process(Base):
    """A process that stands for a container.

    ``start_time`` is UTC to the microsecond; ``start_time_ns`` has the last three digits of the nanoseconds and
    ``start_time_offset`` the minutes east of UTC. All three are NULL for Go's zero time.
    """

    __tablename__ = "process"
    __table_args__ = (
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
        _index("process", "token"),
        _index("process", "pid", IS_PID),
        {"sqlite_with_rowid": False},
    )

    container_id: Mapped[ParentKey]
    position: Mapped[Position]
    sandbox_id: Mapped[Parent]
    token: Mapped[Token]
    pid: Mapped[int] = mapped_column(types.bigint())
    start_time: Mapped[datetime | None] = mapped_column(types.UTCDateTime())
    start_time_ns: Mapped[int | None] = mapped_column(types.smallint())
    start_time_offset: Mapped[int | None] = mapped_column(types.smallint())

    container: Mapped[Container] = relationship(back_populates="processes", lazy="raise")
