"""What a unit of work does on its connection: read what is stored, write what differs, and look whether it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..db.database import Stale
from .rows import encode, utc_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..db.connection import Call, Connection
    from ..db.database import Database
    from ..records import Container
    from .diff import Changes, StoredSandbox
    from .documents import Decoders
    from .statements import Statements

TOKEN_KEY = "uq_process_sandbox_id_token"  # noqa: S105  the name of a key, no password


class TokenClash(Exception):
    """The database found a token that another process of the sandbox has."""


class Writer:
    """The statements of one host's units of work."""

    def __init__(self, database: Database, host: str, statements: Statements, decoders: Decoders) -> None:
        self._database, self._host, self._statements, self._decode = database, host, statements, decoders

    def container(self, connection: Connection, sid: str, cid: str) -> Container | None:
        """One container, if it is there."""
        document = connection.value(self._statements.get, {"host": self._host, "sid": sid, "cid": cid})
        return None if document is None else self._decode.container(document)

    def sandboxes(self, connection: Connection, sids: Sequence[str]) -> dict[str, StoredSandbox]:
        """Those of these sandboxes that are there, with all their containers."""
        if len(sids) == 1:
            values: dict[str, object] = {"host": self._host, "sid": sids[0]}
            found = connection.documents(self._statements.load, values, self._decode.stored_sandbox)
        else:
            rows = encode([[self._host, sid] for sid in sids])
            found = connection.documents(self._statements.load_many, {"rows": rows}, self._decode.stored_sandbox)
        return {one.record.sid: one for one in found}

    def write(self, connection: Connection, changes: Changes) -> None:
        """Write changes, a statement for each table that has any.

        Containers come before their children: whoever changes a child changes its container first, so the check of the
        container's revision guards all that belongs to it.

        Raises :class:`~persistdb.db.database.Stale` if others changed the same since it was read, :class:`TokenClash`.
        """
        try:
            self._write(connection, changes)
        except self._database.driver_error as error:
            key = self._database.backend.violated(error)
            if key is None:
                raise
            if key == TOKEN_KEY:
                raise TokenClash from error
            # Another made the same sandbox or container, or removed what this one belongs to, after we looked.
            raise Stale from error

    def _write(self, connection: Connection, changes: Changes) -> None:
        statements = self._statements
        ids: dict[str, int] = {}
        if changes.new_sandboxes:
            inserted = connection.rows(statements.insert_sandboxes, {"rows": encode(changes.new_sandboxes)})
            ids = {sid: id_ for id_, sid in inserted}
        if changes.created:
            # those that keep their id first: SQLite would give it to a new one if it was the greatest
            changes.created.sort(key=lambda created: created.id is None)
            for created in changes.created:
                created.row[1] = created.parent(ids)
        rows_of_containers = (
            (statements.update_sandboxes, changes.changed_sandboxes),
            (statements.delete_containers, changes.removed),
            (statements.update_containers, changes.changed),
            (statements.insert_containers, [created.row for created in changes.created]),
        )
        calls: list[Call] = []
        expected: list[int] = []
        if changes.renumbered is not None:
            calls.append((statements.renumber_sandbox, changes.renumbered))
            expected.append(1)
        for statement, rows in rows_of_containers:
            if rows:
                calls.append((statement, {"rows": encode(rows)}))
                expected.append(len(rows))
        known = {
            (created.parent(ids), created.cid): created.id for created in changes.created if created.id is not None
        }
        ahead = len(known) == len(changes.created)
        if ahead:  # their children need not wait for what the insert tells
            self._put_children(changes, ids, known)
            calls += self._children(changes)
        answers = connection.pipeline(calls)
        if [answer.number for answer in answers[: len(expected)]] != expected:
            raise Stale
        if not ahead:
            told = {(sandbox_id, cid): id_ for id_, sandbox_id, cid in answers[-1].rows}
            self._put_children(changes, ids, told)
            connection.pipeline(self._children(changes))

    def _put_children(
        self, changes: Changes, sandbox_ids: Mapping[str, int], ids: Mapping[tuple[int, str], int]
    ) -> None:
        for created in changes.created:
            parent = created.parent(sandbox_ids)
            changes.put_children(ids[parent, created.cid], parent, created.record)

    def _children(self, changes: Changes) -> list[Call]:
        """The statements that write children: where no container was changed, none of theirs can be there."""
        statements = self._statements.put_children if changes.changed else self._statements.insert_children
        each = (changes.mounts, changes.device_maps, changes.processes)
        return [(statement, {"rows": encode(rows)}) for statement, rows in zip(statements, each, strict=True) if rows]

    def took_effect(self, connection: Connection, changes: Changes) -> bool | None:
        """Whether changes are there, by one of them: they are committed together; ``None`` if it can't be told."""
        if changes.witness is None:
            return True
        sid, cid, revision = changes.witness
        self.wait(connection, sid)
        if cid is None:
            stored = self.sandboxes(connection, [sid]).get(sid)
            found = (stored.own_revision, stored.updated_at) if stored else None
        else:
            one = self.container(connection, sid, cid)
            found = (one.revision, one.updated_at) if one else None
        if found is None:
            return None
        if utc_text(found[1]) == changes.now:
            return True
        return False if found[0] == revision else None

    def wait(self, connection: Connection, sid: str) -> None:
        """Let those who are changing a sandbox come to an end: one may be a commit of ours that is on its way still."""
        for statement in (self._statements.lock_sandbox, self._statements.lock_containers):
            connection.rows(statement, {"host": self._host, "sid": sid})
