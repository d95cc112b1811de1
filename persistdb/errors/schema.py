"""Errors of a database whose schema this program cannot use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .base import PersistDBError, command

if TYPE_CHECKING:
    from collections.abc import Sequence


class SchemaError(PersistDBError):
    """A database whose schema is not the one that this program works with."""

    url: str
    found: str | None
    expected: str


class SchemaOutdated(SchemaError):
    """A schema that is older than the program's, or does not exist yet."""

    def __str__(self) -> str:
        upgrade = f"persistdb.schema.migrate.upgrade(database), or {command(self.url, 'db upgrade')}"
        return self._outdated("a ContainerRepository creates it, or", upgrade)

    def on_command_line(self) -> str:
        """Name the command."""
        return self._outdated("the first import creates it, or", command(self.url, "db upgrade"))

    def _outdated(self, creates: str, upgrade: str) -> str:
        if self.found is None:
            return f"{self.url}: there is no persistdb schema yet; {creates} {upgrade}"
        return (
            f"{self.url}: schema revision {self.found} is older than this program's {self.expected}; "
            f"upgrade it: {upgrade}"
        )


class DatabaseMissing(SchemaOutdated):
    """A database that does not exist, or is an empty file, where one is only to be read; nothing was created."""

    def __str__(self) -> str:
        return f"{self.url}: there is no such database; check its name, or create it with a ContainerRepository"

    def on_command_line(self) -> str:
        """Name the command."""
        create = command(self.url, "import PATH")
        return f"{self.url}: there is no such database; check its name, or create it: {create}"


class SchemaTooNew(SchemaError):
    """A schema that is newer than the program's, and not one that it may use, or not persistdb's.

    ``minimum`` is the oldest revision whose programs may ``access`` the database: ``read`` or ``write`` it. A program
    that may not write may read, perhaps.
    """

    minimum: str | None = None
    access: str = "read"

    def __str__(self) -> str:
        which = f"schema revision {self.found}"
        if self.minimum is None:
            which += f" is unknown to this program, which knows up to {self.expected}"
        else:
            which += f" lets programs of {self.minimum} and later {self.access} it, and this one is of {self.expected}"
        return f"{self.url}: {which}; use the persistdb release that wrote it, or a newer one"


class SchemaMissing(SchemaError):
    """A database that has tables of other programs and no persistdb schema."""

    def __str__(self) -> str:
        return self._missing("persistdb.schema.migrate.upgrade(database, beside_others=True), or " + self._upgrade())

    def on_command_line(self) -> str:
        """Name the command."""
        return self._missing(self._upgrade())

    def _upgrade(self) -> str:
        return command(self.url, "db upgrade --beside-others")

    def _missing(self, create: str) -> str:
        return (
            f"{self.url}: holds other tables and no persistdb schema; give persistdb a separate database, or create "
            f"its schema beside them: {create}"
        )


class ReplicaSchemaError(SchemaError):
    """A replica whose schema this program cannot read, or that has none; its primary's may be another."""

    def __str__(self) -> str:
        has = "has no persistdb schema" if self.found is None else f"is at schema revision {self.found}"
        return (
            f"{self.url}: this replica {has}, and this program reads {self.expected}; wait for the replication, "
            "upgrade the older of its primary's schema and this program, or name another replica"
        )


class NamesTaken(SchemaMissing):
    """A database in which other programs have tables or views whose names persistdb needs; nothing was changed."""

    names: Sequence[str] = ()

    def __str__(self) -> str:
        return (
            f"{self.url}: another program has {', '.join(self.names)}, which are names of persistdb's tables or views; "
            "give persistdb a separate database, or on PostgreSQL a separate schema"
        )

    def on_command_line(self) -> str:
        """Say the same."""
        return str(self)


class WouldReplace(SchemaMissing):
    """A file that a restore would replace, and that does not hold persistdb's data; nothing was changed."""

    content: str = "holds other tables and no persistdb schema"

    def __str__(self) -> str:
        return self._refusal("pass replace_foreign=True")

    def on_command_line(self) -> str:
        """Name the option."""
        return self._refusal("add --replace-foreign")

    def _refusal(self, remedy: str) -> str:
        return f"{self.url}: {self.content}; nothing was changed; to replace it, and keep a backup of it, {remedy}"
