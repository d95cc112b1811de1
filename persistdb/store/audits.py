"""Audits of a host: what they found, and what they ask of the past: the units of work."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from ..db.failures import Stale
from ..db.work import Call
from ..records import AuditFinding, PastHolder, StoredFinding
from .audit_rows import FindingKey, FindingRow, Name, Number
from .encoding import Row, encode, encode_json, utc_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ..db.database import Database
    from ..db.work import Work
    from ..records import AuditRun
    from .audit_statements import AuditStatements

BATCH: Final = 2000
"""Findings, or things to ask for, in one statement: a server takes only so much (MariaDB 16 MB)."""


class SeenSandbox(NamedTuple):
    """Where and when an import last found a sandbox of the host."""

    sid: str
    source: str
    seen_at: datetime


class SeenHost(NamedTuple):
    """The boot in which the host's files were last read, and when that was."""

    boot_id: str | None
    last_seen: datetime


class Audits:
    """The units of work for one host."""

    def __init__(self, database: Database, name: str, statements: AuditStatements) -> None:
        self._backend, self._driver_error = database.backend, database.driver_error
        self._host, self._statements = name, statements

    def record(self, made: AuditRun, found: Sequence[AuditFinding], unread: Collection[str]) -> Work[None]:
        """Write a run and what it found, and what its checks no longer find, but of the sandboxes ``unread``."""
        now = {"host": self._host, "now": utc_text(made.finished_at)}
        values = {
            "host": self._host,
            "started_at": utc_text(made.started_at),
            "finished_at": now["now"],
            "checks": encode_json(made.checks),
            "roots": None if made.roots is None else encode_json(made.roots),
            "findings": len(found),
            "boot_id": made.boot_id,
        }
        names = encode([Name(check) for check in made.checks])
        calls = [
            Call(self._statements.begin, values),
            *(Call(self._statements.keep, now | {"rows": encode(rows)}) for rows in _batches([*map(_row, found)])),
            Call(self._statements.end, now | {"names": names, "unread": encode([*map(Name, sorted(unread))])}),
        ]
        try:
            yield calls
        except self._driver_error as error:
            if self._backend.violated(error) is None:
                raise
            raise Stale from error  # another audit of the host has stored the same finding meanwhile

    def findings(self, *, open_only: bool) -> Work[list[StoredFinding]]:
        """Return the host's findings, by check and subject."""
        statement = self._statements.open_findings if open_only else self._statements.findings
        (answer,) = yield (Call(statement, {"host": self._host}),)
        return [_stored(row) for row in answer.rows]

    def known(self, found: Sequence[AuditFinding]) -> Work[list[StoredFinding]]:
        """Return what is stored of these findings."""
        keys = [FindingKey(one.check, digest(one.subject)) for one in found]
        calls = [Call(self._statements.known, {"host": self._host, "rows": encode(rows)}) for rows in _batches(keys)]
        if not calls:
            return []
        answers = yield calls
        return [_stored(row) for answer in answers for row in answer.rows]

    def seen(self) -> Work[tuple[SeenHost | None, list[SeenSandbox]]]:
        """Return when the host was last read, and where and when imports last found its sandboxes."""
        values = {"host": self._host}
        of_host, answer = yield (Call(self._statements.boot, values), Call(self._statements.seen, values))
        found = [SeenSandbox(sid, source, datetime.fromisoformat(at)) for sid, source, at in answer.rows]
        boot = next((SeenHost(id_, datetime.fromisoformat(at)) for id_, at in of_host.rows), None)
        return boot, found

    def holders(self, paths: Sequence[str]) -> Work[list[PastHolder]]:
        """Return the removed containers of the host that had paths until their end."""
        calls = [Call(self._statements.holders, {"names": encode(n)}) for n in _batches([*map(Name, paths)])]
        if not calls:
            return []
        answers = yield calls
        had = {(path, id_, until) for answer in answers for path, id_, until in answer.rows}
        ids = [Number(id_) for id_ in sorted({id_ for _, id_, _ in had})]
        if not ids:
            return []
        answers = yield [Call(self._statements.ended, {"ids": encode(n)}) for n in _batches(ids)]
        ended = {id_: of for answer in answers for id_, *of in answer.rows}
        found = []
        for path, id_, until in sorted(had):
            host, sid, cid, at = ended.get(id_, (None, "", "", ""))
            if host == self._host and at == until:
                found.append(PastHolder(what=path, sid=sid, cid=cid, removed_at=datetime.fromisoformat(at)))
        return found

    def removed(self, sids: Sequence[str]) -> Work[list[PastHolder]]:
        """Return the removed sandboxes of the host that had these IDs."""
        values = {"host": self._host}
        calls = [Call(self._statements.removed, values | {"names": encode(n)}) for n in _batches([*map(Name, sids)])]
        if not calls:
            return []
        answers = yield calls
        return [
            PastHolder(what=sid, sid=sid, cid=None, removed_at=datetime.fromisoformat(at))
            for answer in answers
            for sid, at in answer.rows
        ]


def digest(subject: str) -> str:
    """Return the SHA-256 of a subject, by which a finding is found."""
    from hashlib import sha256  # which loads OpenSSL

    return sha256(subject.encode()).hexdigest()


def _row(one: AuditFinding) -> FindingRow:
    return FindingRow(
        one.check,
        digest(one.subject),
        one.subject,
        one.sid,
        one.cid,
        one.recorded,
        one.observed,
        one.advice,
        None if one.began_at is None else utc_text(one.began_at),
    )


def _stored(row: Sequence[object]) -> StoredFinding:
    check, subject, recorded, observed, advice, sid, cid, times_seen, *times = row
    began, first, last, gone = (None if time is None else datetime.fromisoformat(str(time)) for time in times)
    of = {"check": check, "subject": subject, "recorded": recorded, "observed": observed, "advice": advice}
    return StoredFinding(
        finding=AuditFinding(**of, sid=sid, cid=cid, began_at=began),  # type: ignore[arg-type]  # the columns' types
        first_seen=first,  # type: ignore[arg-type]  # never NULL
        last_seen=last,  # type: ignore[arg-type]  # never NULL
        times_seen=times_seen,  # type: ignore[arg-type]  # an integer
        gone_at=gone,
    )


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))
