"""The tables as peewee's models."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import peewee as pw
from sqlalchemy import make_url

database: pw.Proxy = pw.Proxy()

_json = msgspec.json.Encoder().encode


class Moment(pw.DateTimeField):
    """UTC, to the microsecond, with six digits always, as persistdb writes it."""

    def db_value(self, value: datetime | None) -> object:
        """Write it."""
        if value is None or database.obj.param != "?":
            return value
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


class Json(pw.Field):
    """A JSON column; psycopg decodes it by itself."""

    field_type = "JSON"

    def db_value(self, value: object) -> str | None:
        """Encode it."""
        return None if value is None else _json(value).decode()

    def python_value(self, value: Any) -> Any:
        """Decode it."""
        return msgspec.json.decode(value) if isinstance(value, str) else value


class Base(pw.Model):
    """Saves only what was changed."""

    class Meta:
        """As peewee's documentation on updating advises."""

        database = database
        only_save_dirty = True
        legacy_table_names = False


class Sandbox(Base):
    """A sandbox."""

    id = pw.BigAutoField()
    host = pw.TextField()
    sid = pw.TextField()
    state = pw.TextField()
    persist_version = pw.IntegerField(null=True)
    cgroup_path = pw.TextField()
    layout = pw.TextField()
    document = pw.TextField(null=True)
    revision = pw.BigIntegerField()
    created_at = Moment()
    updated_at = Moment()


class Container(Base):
    """A container."""

    id = pw.BigAutoField()
    sandbox = pw.ForeignKeyField(Sandbox, backref="containers")
    cid = pw.TextField()
    state = pw.TextField()
    cgroup_path = pw.TextField()
    bundle_path = pw.TextField()
    layout = pw.TextField()
    extra = Json(null=True)
    document = pw.TextField(null=True)
    revision = pw.BigIntegerField()
    created_at = Moment()
    updated_at = Moment()


class Mount(Base):
    """A mount."""

    container = pw.ForeignKeyField(Container, backref="mounts")
    position = pw.IntegerField()
    is_rootfs = pw.BooleanField()
    source = pw.TextField()
    destination = pw.TextField()
    type = pw.TextField()
    options = Json(null=True)
    host_path = pw.TextField()
    block_device_id = pw.TextField()
    read_only = pw.BooleanField()
    mounted = pw.BooleanField()

    class Meta:
        """Its key."""

        primary_key = pw.CompositeKey("container", "position")


class DeviceMap(Base):
    """A device."""

    container = pw.ForeignKeyField(Container, backref="device_maps")
    position = pw.IntegerField()
    device_id = pw.TextField()
    container_path = pw.TextField()
    file_mode = pw.BigIntegerField()
    uid = pw.BigIntegerField()
    gid = pw.BigIntegerField()
    shared = pw.BooleanField()

    class Meta:
        """Its key."""

        primary_key = pw.CompositeKey("container", "position")


class Process(Base):
    """A process."""

    container = pw.ForeignKeyField(Container, backref="processes")
    position = pw.IntegerField()
    sandbox_id = pw.BigIntegerField()
    token = pw.TextField(null=True)
    pid = pw.BigIntegerField()
    start_time = Moment(null=True)
    start_time_ns = pw.IntegerField(null=True)
    start_time_offset = pw.IntegerField(null=True)

    class Meta:
        """Its key."""

        primary_key = pw.CompositeKey("container", "position")


def connect(engine: str, url: str) -> pw.Database:
    """Open a database with the settings that persistdb uses."""
    where = make_url(url)
    if engine == "sqlite":
        pragmas = {"foreign_keys": 1, "journal_mode": "wal", "synchronous": 2, "temp_store": 2}
        return pw.SqliteDatabase(url.removeprefix("sqlite:///"), pragmas=pragmas)
    login: dict[str, Any] = {"host": where.host, "port": where.port, "user": where.username, "password": where.password}
    if engine == "postgresql":
        options = "-c TimeZone=UTC"
        return pw.PostgresqlDatabase(where.database, prefer_psycopg3=True, options=options, **login)
    settings = "SET SESSION time_zone = '+00:00', tx_isolation = 'READ-COMMITTED'"
    return pw.MySQLDatabase(where.database, charset="utf8mb4", init_command=settings, **login)
