"""Whether a commit whose acknowledgement was lost took effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..db.failures import Stale
from ..db.work import Call
from ..records import Container
from .diff_statements import call_of_all, event_of, ids_of
from .encoding import utc_text
from .stored import SpoiltSandbox, StoredSandbox

if TYPE_CHECKING:
    from datetime import datetime

    from ..db.work import Work
    from .compiled import Compiled
    from .diff import Diff, Transition
    from .reader import Reader


class LostCommits:
    """The units of work that look for what a lost commit was to write."""

    def __init__(self, compiled: Compiled, host: str, reader: Reader) -> None:
        self._backend, self._driver_error = compiled.database.backend, compiled.database.driver_error
        self._host, self._reader = host, reader
        self._compiled, self._statements, self._recording = compiled, compiled.statements, compiled.recording

    def took_effect(self, wanted: Diff) -> Work[bool | None]:
        """Return whether a diff whose commit was not acknowledged took effect, by one of its rows, or of its events.

        They are committed together. ``None`` stands for a row that another has changed in the meantime, where no event
        tells. To be run in a transaction that is rolled back.
        """
        if wanted.witness is None:
            return True
        sid, cid, before = wanted.witness
        yield from self._reader.wait_for_writers(sid)
        sandbox = None if cid else (yield from self._reader.stored([sid])).get(sid)
        container = (yield from self._reader.find_container(sid, cid)) if cid else None
        found = container or (sandbox if isinstance(sandbox, StoredSandbox) else None)
        if found is not None and utc_text(found.updated_at) == wanted.now:
            return True
        told = yield from self._was_told(wanted)
        if told is not None:
            return told
        if found is None:
            return None if sandbox else (yield from self._was_not_created(wanted))
        revision = found.revision if isinstance(found, Container) else found.own_revision
        # a younger one is not the one that was to be changed, though its revision may have come to the same
        return False if revision == before and utc_text(found.created_at) <= wanted.now else None

    def _was_told(self, wanted: Diff) -> Work[bool | None]:
        """Return whether one of a diff's events was written: others may have changed its rows since, but no event.

        One that has not the diff's time, because the clock is behind what is stored, may be another's.
        """
        sid, cid, _ = wanted.witness or ("", None, 1)
        if cid is None and any(new.sid == sid for new in wanted.new_sandboxes):
            key = {"host": self._host, "sid": sid, "at": wanted.now}
            answers = yield (Call(self._recording.find_sandbox_creation, key),)
            return True if answers[0].rows else None
        created = (
            event_of(each, *ids_of(each)) for each in wanted.created if None not in (each.row.id, each.row.sandbox_id)
        )
        events = (*wanted.past.events, *created)
        told = next((each for each in events if each.at == wanted.now), next(iter(events), None))
        if told is None:  # of a new row, whose ID only the lost answer had
            new = next(iter(wanted.created), None)
            if new is None:
                return None
            key = {"host": self._host, "sid": new.sid, "cid": new.row.cid, "at": wanted.now}
            answers = yield (Call(self._recording.find_creation, key),)
            return True if answers[0].rows else None
        values = {name: getattr(told, name) for name in ("sandbox_id", "kind", "revision", "at")}
        answers = yield (Call(self._recording.find_event, {**values, "container_id": told.container_id or 0}),)
        is_there, is_kept = answers[0].rows[0] if answers[0].rows else (False, False)
        if is_there:
            return True if told.at == wanted.now else None
        return False if is_kept else None

    def _was_not_created(self, wanted: Diff) -> Work[bool | None]:
        """Look whether the row that is not there is one that was to be created: then it did not come about.

        (Unless another has removed it since, and no history is kept: then a save comes after that.)
        """
        sid, cid, before = wanted.witness or ("", None, 1)
        new = [row for row in wanted.new_sandboxes if row.sid == sid]
        if new:
            # nobody can wait for a row that is not committed yet, but for its key
            try:
                yield (call_of_all(self._statements.insert_sandboxes, new),)
            except self._driver_error as error:
                if self._backend.violated(error) is None:
                    raise
                raise Stale from error
            return False
        if cid and before == 0 and (yield from self._reader.stored([sid])):
            return False
        return None

    def removal_took_effect(self, sid: str, cid: str | None, began: datetime) -> Work[bool | None]:
        """Return the same for the removal of a container, or of a sandbox, that began at a time."""
        yield from self._reader.wait_for_writers(sid)
        sandbox = (yield from self._reader.stored([sid])).get(sid)
        if sandbox is None:
            return True
        if isinstance(sandbox, SpoiltSandbox):
            return None
        created_at: datetime | None = sandbox.created_at
        if cid is not None:
            if cid not in revisions_of(sandbox):
                return True
            created_at = next((one.created_at for one in sandbox.containers if one.cid == cid), None)
        # one that is younger is not the one that was to be removed
        return None if created_at is None or created_at > began else False

    def transition_took_effect(self, transition: Transition) -> Work[bool | None]:
        """Return the same for a transition."""
        yield from self._reader.wait_for_writers(transition.sid)
        container = yield from self._reader.find_container(transition.sid, transition.cid)
        if container is None:
            return None
        if utc_text(container.updated_at) == transition.now:
            return True
        return False if container.record.state == transition.old else None


def revisions_of(sandbox: StoredSandbox | SpoiltSandbox) -> dict[str, int | None]:
    """Return the revisions of a sandbox's containers; raises :class:`~persistdb.errors.Unreadable`."""
    if isinstance(sandbox, SpoiltSandbox):
        raise sandbox.faults[0]
    readable = {one.cid: one.revision for one in sandbox.containers}
    return readable | {one.cid: one.revision for one in sandbox.spoilt}
