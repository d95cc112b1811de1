"""Column types, defined once, with each engine's variant: values and comparisons are the same on all engines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    TEXT,
    TIMESTAMP,
    VARCHAR,
    BigInteger,
    Boolean,
    DateTime,
    Integer,
    SmallInteger,
    String,
    Text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from ..validation import KEY_LENGTH, utc

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

# SQLAlchemy calls MariaDB "mariadb" or "mysql", by the URL that was given (sqlalchemy #13076).
_MARIADB = ("mysql", "mariadb")
# utf8mb4_bin pads with spaces, so that 'a' = 'a '; the nopad twin compares byte for byte, as the other engines do.
_BYTES = {"charset": "utf8mb4", "collation": "utf8mb4_nopad_bin"}


class OnMariaDB(TypeDecorator[str]):
    """A type of MariaDB's dialect, which only its own engine imports: it takes longer than most commands."""

    impl = Text
    cache_ok = True

    def __init__(self, name: str, length: int | None = None) -> None:
        super().__init__()
        self.name, self.length = name, length

    def own(self) -> TypeEngine[Any]:
        """Return the dialect's type."""
        from sqlalchemy.dialects import mysql

        arguments = () if self.length is None else (self.length,)
        found: TypeEngine[Any] = getattr(mysql, self.name)(*arguments, **_BYTES)
        return found

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the same, for the dialect."""
        return dialect.type_descriptor(self.own())


def key(length: int = KEY_LENGTH) -> String:
    """Return the type of text that identifies, compared byte by byte on every engine."""
    return (
        String(length)
        .with_variant(VARCHAR(length, collation="C"), "postgresql")
        .with_variant(OnMariaDB("VARCHAR", length), *_MARIADB)
    )


def text() -> Text:
    """Return the type of text of any length (16 MB on MariaDB), compared byte by byte on every engine."""
    return Text().with_variant(TEXT(collation="C"), "postgresql").with_variant(OnMariaDB("MEDIUMTEXT"), *_MARIADB)


def document() -> Text:
    """Return the type of a JSON document that must come back byte for byte: it is text to the engine."""
    return Text().with_variant(OnMariaDB("LONGTEXT"), *_MARIADB)


def json() -> JSON:
    """Return the type of JSON that reports look into; SQL NULL, not JSON null, stands for none."""
    return JSON(none_as_null=True)


def identity() -> BigInteger:
    """Return the type of a surrogate key; SQLite's must be spelled INTEGER (sqlite.org/rowidtable.html)."""
    return BigInteger().with_variant(Integer(), "sqlite")


def bigint() -> BigInteger:
    """Return the type of a signed 64-bit integer."""
    return BigInteger()


def uint32() -> BigInteger:
    """Return the type of an unsigned 32-bit integer; a CHECK beside the column holds the range."""
    return BigInteger()


def integer() -> Integer:
    """Return the type of a signed 32-bit integer."""
    return Integer()


def smallint() -> SmallInteger:
    """Return the type of a signed 16-bit integer."""
    return SmallInteger()


def boolean() -> Boolean:
    """Return the type of true and false; 1 and 0 on engines without such a type."""
    return Boolean()


class UTCDateTime(TypeDecorator[datetime]):
    """A timestamp in UTC, to the microsecond; a datetime without a time zone is refused."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:  # SQLAlchemy's own signature
        """Choose the engine's type that keeps microseconds."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        if dialect.name in _MARIADB:
            from sqlalchemy.dialects import mysql  # no other engine does

            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC for the engine; raise ValueError for a timestamp without a time zone."""
        if value is None:
            return None
        value = utc(value)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  theirs
        """Return a timestamp whose time zone is UTC."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
