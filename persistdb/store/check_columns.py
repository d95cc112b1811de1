"""Rows that may be beyond a record: they are found by their columns, so that only those need be decoded.

Nearly all that columns hold is good. What is not, or need not be, is in the conditions here, which hold for a few good
rows as well: whoever asks decodes what is found. Where columns hold text that is no text (SQLite), all of it is read,
joined, which tells whether it is UTF-8 and has no NUL.

A page is a few statements, each of which goes through a range of a table's rows once.
"""

# ruff: noqa: S608  statements are put together from constants of ours

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from sqlalchemy import String, text
from sqlalchemy.exc import DBAPIError

from ..engines.types import OnMariaDB
from ..schema.core import UINT32_MAX, container, device_map, mount, process, sandbox
from ..schema.rules import TYPED
from ..validation import FILE_NAMES, KEY_LENGTH, TOKEN_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Column, Table
    from sqlalchemy.engine import Connection
    from sqlalchemy.types import TypeEngine

    from ..db.database import Database

    Look = Callable[[Connection, Mapping[str, object]], set[int] | None]

IMPLIED: Final = frozenset(
    (
        "rows of container without their sandbox",
        "containers without a rootfs (the mount at position 0)",
        "containers whose updated_at precedes created_at",
        "sandboxes whose updated_at precedes created_at",
        *(TYPED.format(table.name) for table in (sandbox, container, mount, device_map, process)),
    )
)
"""The rules of the schema's check that find nothing where no row is doubtful, and none is without its parent."""
PAGE: Final = 2000
"""Containers, or sandboxes, whose rows a statement goes through."""
FEW: Final = 100
"""The most of a page that are worth a statement each; where there are more, the page is decoded as a whole."""
_MOST: Final = 2 * PAGE
"""Options that one statement returns at the most: they are in memory at a time."""
_KNOWN: Final = 100
"""Texts that are told to the server, since they are good."""
# What is longer may not fit into an answer of MariaDB's (max_allowed_packet), with a hundred such rows in it.
_LONG: Final = 10_000
_LONG_DOCUMENT: Final = 500_000
_LAST_POSITION: Final = 100
_RANGES: Final = {
    "file_mode": f"0 AND {UINT32_MAX}",
    "uid": f"0 AND {UINT32_MAX}",
    "gid": f"0 AND {UINT32_MAX}",
    "position": f"0 AND {_LAST_POSITION}",
    "start_time_ns": "0 AND 999",
    "start_time_offset": "-1439 AND 1439",
}
_LENGTHS: Final = {"token": TOKEN_LENGTH, "state": KEY_LENGTH, "layout": KEY_LENGTH, "namespace": KEY_LENGTH}


class Page(NamedTuple):
    """The rows behind an ID and up to another: how many, and those that may be bad, ``None`` for too many of them."""

    behind: int
    last: int
    number: int
    doubtful: list[int] | None


class Doubts:
    """Looks for what may be bad among a database's containers, and among its sandboxes."""

    def __init__(self, database: Database) -> None:
        self._engine, self._backend = database.engine, database.backend
        self._reads_text = database.backend.stores_any_type
        self._good: set[str] = set()
        """Options that were decoded, the first ones that came."""
        self._of_containers = [
            self._of_container(),
            *(
                f"SELECT DISTINCT container_id FROM {table.name} WHERE {_BETWEEN.format('container_id')}"
                f" AND ({' OR '.join(self._of_columns(table))})"
                for table in (device_map, process)
            ),
        ]
        self._texts_of_containers = [
            self._texts(container, _HOST, _SID),
            *(self._texts_of_owners(table) for table in (mount, device_map, process)),
        ]

    def containers(self) -> Iterator[Page]:
        """Return all containers in pages, in the order of their IDs."""
        return self._pages("container", self._of_page)

    def sandboxes(self) -> Iterator[Page]:
        """Return all sandboxes in pages, in the order of their IDs, for their own rows."""
        conditions = ("updated_at < created_at", *self._of_columns(sandbox), *self._of_id("sandbox.sid"))
        statement = f"SELECT id FROM sandbox WHERE {_BETWEEN.format('id')} AND ({' OR '.join(conditions)})"
        texts = [self._texts(sandbox)]

        def look(connection: Connection, page: Mapping[str, object]) -> set[int]:
            return _ids(connection, statement, page) | self._with_bad_text(connection, texts, page)

        return self._pages("sandbox", look)

    def _pages(self, table: str, look: Look) -> Iterator[Page]:
        following = text(
            "SELECT max(id), count(*) FROM"
            f" (SELECT id FROM {table} WHERE id > :behind ORDER BY id LIMIT :number) AS following"
        )
        behind, number = -(1 << 63), PAGE
        while number == PAGE:
            # given back before somebody decodes: there may be no other connection
            with self._engine.connect() as connection:
                last, number = connection.execute(following, {"behind": behind, "number": PAGE}).one()
                found = self._of(look, connection, {"behind": behind, "last": last}) if number else set()
            doubtful = None if found is None or len(found) > FEW else sorted(found)
            yield Page(behind, behind if last is None else last, number, doubtful)
            behind = last

    def _of(self, look: Look, connection: Connection, page: Mapping[str, object]) -> set[int] | None:
        """Return what is doubtful in a page; ``None`` if a value in it is none that can be read."""
        try:
            return look(connection, page)
        except DBAPIError as error:
            if not self._backend.is_about_values(error.orig or error):
                raise
            return None

    def _of_page(self, connection: Connection, page: Mapping[str, object]) -> set[int] | None:
        found = self._of_mounts(connection, page)
        if found is None:
            return None
        found = found.union(*(_ids(connection, each, page) for each in self._of_containers))
        return found | self._with_bad_text(connection, self._texts_of_containers, page)

    def _with_bad_text(self, connection: Connection, statements: Sequence[str], page: Mapping[str, object]) -> set[int]:
        """Return those that have text with a NUL; text that is not UTF-8 is an error."""
        if not self._reads_text:
            return set()
        return {
            id_
            for statement in statements
            for id_, joined in connection.execute(text(statement), page)
            if joined is not None and "\0" in joined
        }

    def _texts(self, table: Table, *others: Column[Any]) -> str:
        """Return the statement for all text of each row, and of its sandbox; JSON is looked at otherwise."""
        source = f"{table.name} JOIN sandbox ON sandbox.id = sandbox_id" if others else table.name
        where = _BETWEEN.format(f"{table.name}.id")
        return f"SELECT {table.name}.id, {_joined((*table.c, *others))} FROM {source} WHERE {where}"

    def _texts_of_owners(self, table: Table) -> str:
        """Return the statement for all text of each container's rows."""
        return (
            f"SELECT container_id, group_concat({_joined(table.c)}, ' ') FROM {table.name}"
            f" WHERE {_BETWEEN.format('container_id')} GROUP BY container_id"
        )

    def _of_container(self) -> str:
        conditions = (
            "sandbox.id IS NULL",
            "mount.container_id IS NULL",
            "container.extra IS NOT NULL",
            "container.updated_at < container.created_at",
            *self._of_columns(container),
            *self._of_id("container.cid"),
            *(
                f"{each} IS NULL OR {doubt}"
                for each in (_HOST, _SID)
                if (doubt := self._backend.doubt(str(each), each.type)) is not None
            ),
        )
        return (
            "SELECT container.id FROM container LEFT JOIN sandbox ON sandbox.id = container.sandbox_id"
            " LEFT JOIN mount ON mount.container_id = container.id AND mount.position = 0"
            f" AND {_BETWEEN.format('mount.container_id')}"
            f" WHERE {_BETWEEN.format('container.id')} AND ({' OR '.join(conditions)})"
        )

    def _of_mounts(self, connection: Connection, page: Mapping[str, object]) -> set[int] | None:
        """Return the containers with doubtful mounts, ``None`` for too many.

        Of JSON, a record holds lists of text only. Most options are one of a few, which the server leaves out when they
        are known to be good.
        """
        options = self._backend.json_source("mount.options")
        odd = " OR ".join((*self._of_columns(mount), f"{self._backend.octets(options)} > {_LONG}"))
        while True:
            known = {f"good_{i}": good for i, good in enumerate(sorted(self._good))}
            new = "mount.options IS NOT NULL"
            if known:
                new += f" AND {options} NOT IN ({', '.join(f':{name}' for name in known)})"
            limit = _MOST if len(known) == _KNOWN else FEW
            statement = (
                f"SELECT container_id, CASE WHEN {odd} THEN NULL ELSE {options} END AS listed FROM mount"
                f" WHERE {_BETWEEN.format('container_id')} AND ({odd} OR {new}) LIMIT {limit}"
            )
            rows = connection.execute(text(statement), {**page, **known}).all()
            found = {id_ for id_, listed in rows if listed is None or not self._is_good(listed)}
            if len(rows) < limit:
                return found
            if len(self._good) == len(known):  # nothing was learnt
                return None

    def _is_good(self, options: str) -> bool:
        """Return whether options are a list of texts that a save accepts."""
        if options in self._good:
            return True
        try:
            if b"\0" in "".join(_decode(options)).encode():
                return False
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return False
        if len(self._good) < _KNOWN:
            self._good.add(options)
        return True

    def _of_columns(self, table: Table) -> list[str]:
        """Return the conditions for values that a record may not hold, or that may be too long for an answer."""
        found: list[str | None] = []
        texts = []
        for each in table.c:
            name = f"{table.name}.{each.name}"
            if not each.nullable:
                found.append(f"{name} IS NULL")
            if _is_text(each.type):
                texts.append(name)
            found.append(self._backend.doubt(name, each.type))
            if each.name in _RANGES:
                found.append(f"{name} NOT BETWEEN {_RANGES[each.name]}")
            if each.name in _LENGTHS:
                found.append(f"{self._backend.characters(name)} > {_LENGTHS[each.name]}")
        if not self._reads_text:
            sizes = " + ".join(f"coalesce({self._backend.octets(name)}, 0)" for name in texts)
            found.append(f"{sizes} > {_LONG_DOCUMENT if 'document' in table.c else _LONG}")
            joined = self._backend.concat(*(f"coalesce({name}, '')" for name in texts))
            found.append(self._backend.doubtful_text(joined))
        return [each for each in found if each is not None]

    def _of_id(self, column: str) -> Sequence[str]:
        """Return the conditions for what is no ID (:func:`~persistdb.validation.invalid_id`)."""
        files = ", ".join(f"'{name}'" for name in sorted(FILE_NAMES))
        return (
            f"{column} = ''",
            f"{column} IN ({files})",
            f"{column} LIKE '.%'",
            f"{self._backend.position(column, _SLASH)} > 0",
            f"{self._backend.octets(column)} > {KEY_LENGTH}",
        )


_BETWEEN: Final = "{0} > :behind AND {0} <= :last"
_SLASH: Final = "'/'"
_HOST: Final = sandbox.c.host
_SID: Final = sandbox.c.sid
_decode: Final = msgspec.json.Decoder(list[str]).decode


def _ids(connection: Connection, statement: str, page: Mapping[str, object]) -> set[int]:
    """Return the numbers that a statement selects, one more than :data:`FEW` at the most."""
    return set(connection.scalars(text(f"{statement} LIMIT {FEW + 1}"), page))


def _joined(columns: Iterable[Column[Any]]) -> str:
    """Return the expression for all text of these columns, apart: pieces that are no text might be one together."""
    return " || ' ' || ".join(f"coalesce({each.table.name}.{each.name}, '')" for each in columns if _is_text(each.type))


def _is_text(kind: TypeEngine[Any]) -> bool:
    return isinstance(kind, String | OnMariaDB)
