"""The check of all stored rows: each must decode to a record, and to one that a save would accept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from ..db.beside import Beside
from ..errors import DatabaseError, Finding, InvalidValue, Unreadable
from ..schema import check as schema_check
from ..schema.preflight import SHOWN
from ..schema.prepare import prepare
from ..validation import INT64, KEY_LENGTH, TOKEN_LENGTH, UINT32, invalid_id
from . import check_derived
from .check_columns import IMPLIED
from .check_decoded import Doubtful
from .queries import PAGE
from .record_rows import check_container, check_sandbox

if TYPE_CHECKING:
    from ..records import Container
    from .session import Database


_CONNECTIONS: Final = 2

Progress = Callable[[int, int], object]
"""A function that is told how many of something are done, and how many there are."""


def find_faults(
    database: Database,
    *,
    found: Callable[[Finding], object] = lambda _finding: None,
    progress: Progress = lambda _done, _all: None,
    files: Progress = lambda _done, _all: None,
    rules: Progress = lambda _done, _all: None,
) -> list[Finding]:
    """Return everything that is wrong with a database, and with its rows; an empty list is good news.

    They are looked for at once, on two connections where the database may have two and these read one file: one thread
    looks at the file and the tables, this one at the rows, and who is done first helps the other. ``progress`` is told
    of the containers, when these are done ``files`` of the sandboxes whose stored files are compared with their rows,
    and then ``rules`` of the schema's rules: the last two from both threads.

    ``found`` is told of each finding, in the order of the list. Where a part of the check fails, it is told of what was
    found, and of what the other part finds, before that is raised. Where both fail, one error has the other as context.

    Raises what :func:`persistdb.schema.check.check` does.
    """
    findings: list[Finding] = []

    def tell(some: list[Finding]) -> None:
        findings.extend(some)
        for finding in some:
            found(finding)

    rows = _Rows(database, progress, files)

    def reach(done: int, number: int) -> None:
        if rows.are_done:
            rules(done, number)

    schema = schema_check.Check(database, but=IMPLIED, progress=reach)
    size = database.engine.pool.size()  # type: ignore[attr-defined]  # each of our pools has it
    is_alone = size < _CONNECTIONS or database.backend.reads_copies()
    beside = None if is_alone else Beside(partial(_run_both, schema, rows))

    def finish() -> None:
        """Tell of the tables, when all is done; raise what ended their check."""
        try:
            schema.run()  # the steps that are left
        finally:
            try:
                if beside is not None:
                    beside.result()
            finally:
                tell(schema.findings())
        if findings or rows.are_doubtful:
            tell(schema_check.ask(database, IMPLIED))

    try:
        rows.run()
    except Exception:
        rows.derived.stop()
        finish()
        raise
    except BaseException:  # one that tells the program to end waits for nothing
        schema.stop()
        rows.derived.stop()
        raise
    try:
        finish()
    finally:
        tell(rows.findings())
    return findings


def _run_both(schema: schema_check.Check, rows: _Rows) -> None:
    schema.run()
    rows.derived.run()


def check_rows(database: Database) -> list[Finding]:
    """Look at all containers and sandboxes of all hosts, in constant memory, and return their faults.

    The schema must be the program's own (:func:`persistdb.schema.check.check`). Nothing is changed.
    """
    rows = _Rows(database)
    rows.run()
    return rows.findings()


class _Rows:
    """The check of the rows; another thread may help with what is derived from documents."""

    def __init__(
        self,
        database: Database,
        progress: Progress = lambda _done, _all: None,
        files: Progress = lambda _done, _all: None,
    ) -> None:
        self._database, self._progress, self._files = database, progress, files
        self._are_read = self.are_done = False
        self.are_doubtful = True
        """Whether the rules that doubtful rows imply (:data:`.check_columns.IMPLIED`) may find something."""
        self._unreadable = _Examples("containers or sandboxes that cannot be read")
        self._refused = _Examples("containers with values that no save accepts")
        self._refused_sandboxes = _Examples("sandboxes with values that no save accepts")
        self._different = _Examples(
            "rows that are not what the stored files say: remove the sandbox, and import or save it again"
        )
        self._error: DatabaseError | None = None
        self.derived = check_derived.Comparison(database, self._different.add, self._compared)

    def run(self) -> None:
        """Look at all of them."""
        try:
            self._look()
        except DatabaseError as error:
            if type(error) is not DatabaseError:  # the others are about the database
                raise
            self._error = error
            self.derived.stop()
        else:
            self._are_read = True
            self.derived.run()
        self.are_done = True

    def findings(self) -> list[Finding]:
        """Return what is found when all is done; raise what ended the look at what is derived."""
        found = (self._unreadable, self._refused, self._refused_sandboxes, self._different)
        findings = [finding for each in found if (finding := each.finding()).count]
        error = self._error or self.derived.error
        if error is not None:
            if type(error) is not DatabaseError:
                raise error
            findings.append(Finding(f"the rows cannot be read: {error}"))  # a column is missing, for example
        return findings

    def _look(self) -> None:
        prepare(self._database)
        rows = Doubtful(self._database)
        for container in rows.containers(self._report, self._progress, PAGE):
            if _is_plain(container):
                continue
            try:
                check_container(container.cid, container.record, container.origin)
            except InvalidValue as error:
                self._refused.add(container.host, container.sid, container.cid, str(error))
        for own in rows.sandboxes():
            if isinstance(own, Unreadable):
                self._report(own)
                continue
            try:
                check_sandbox(own.record)
            except InvalidValue as error:
                self._refused_sandboxes.add(own.host, own.record.sid, None, str(error))
        self.are_doubtful = rows.any

    def _compared(self, done: int, number: int) -> None:
        if self._are_read and not self.are_done:
            self._files(done, number)

    def _report(self, error: Unreadable) -> None:
        self._unreadable.add(error.host, error.sid, error.cid, error.detail)


def _is_plain(container: Container) -> bool:
    """Return whether a save certainly accepts a container that was decoded, so that its types are right.

    That takes a third of the time of making its rows. Of the others some are accepted, too.
    """
    record, origin = container.record, container.origin
    if origin.extra is not None or invalid_id(container.cid) is not None:
        return False
    if max(len(record.state), len(origin.layout), len(origin.namespace)) > KEY_LENGTH:
        return False
    for device in record.device_maps:
        if not (device.file_mode in UINT32 and device.uid in UINT32 and device.gid in UINT32):
            return False
    for process in record.processes:
        start = process.start_time
        if len(process.token) > TOKEN_LENGTH or process.pid not in INT64:
            return False
        if start is not None and start.offset.total("seconds") % 60:
            return False
    try:
        # a half of a surrogate pair is an error here, and an escaped NUL is seen
        return b"\\u0000" not in _encode([record, origin.document])
    except UnicodeEncodeError:
        return False


_encode: Final = msgspec.json.Encoder(enc_hook=lambda _time: "").encode


class _Examples:
    """A finding in the making: the first of its rows, and how many there are."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._rows: list[tuple[object, ...]] = []
        self._count = 0

    def add(self, *row: object) -> None:
        """Count a row: host, sid, cid, and the reason."""
        self._count += 1
        if len(self._rows) < SHOWN:
            self._rows.append(row)

    def finding(self) -> Finding:
        """Return the finding."""
        return Finding(self._what, ("host", "sid", "cid", "reason"), tuple(self._rows), self._count)
