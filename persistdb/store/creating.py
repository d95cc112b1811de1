"""The units of work that create one container, where the engine can do that in one round trip (:mod:`.creation`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..db.work import Call
from . import diff, record_rows
from .annotated import NO_DOCUMENT
from .clashes import clash_of
from .encoding import encode, now_text, utc_text, values_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..db.work import Work
    from ..records import ContainerState, Origin
    from .acting import Acting
    from .compiled import Compiled
    from .reader import Reader


class Creation:
    """A container that is created if it is not there: its ``revision`` is known then."""

    def __init__(self, calls: Sequence[Call], sid: str, cid: str, now: str) -> None:
        self.calls, self.sid, self.cid, self.now = calls, sid, cid, now
        self.revision: int | None = None


class Creator:
    """Creates containers without a look at what is stored.

    ``expected`` is whether the last save of one container created it: the next one is taken for the same. A creation
    that is tried in vain is a round trip, and one that is not tried two.
    """

    def __init__(self, compiled: Compiled, host: str, reader: Reader, acting: Acting) -> None:
        self._compiled, self._host, self._reader, self._acting = compiled, host, reader, acting
        self.expected = False

    def creation(self, sid: str, cid: str, record: ContainerState, origin: Origin | None) -> Creation | None:
        """Return the creation of a container; ``None`` where it is not expected, or one round trip cannot do it.

        Raises :class:`~persistdb.errors.InvalidValue`.
        """
        if not self.expected or self._compiled.creation is None:
            return None
        now = now_text()
        new = diff.new_container(sid, cid, record, origin, 0, now, NO_DOCUMENT, None, None)
        if new.annotations:
            return None
        children = map(encode, record_rows.children(0, 0, record))
        values = {
            **values_of(new.row),
            **dict(zip(("mount", "device_map", "process"), children, strict=True)),
            "host": self._host,
            "sid": sid,
            "now": now,
            **self._acting.values(),
        }
        return Creation([Call(statement, values) for statement in self._compiled.creation], sid, cid, now)

    def create(self, creation: Creation) -> Work[None]:
        """Create a container, if it is not there, and its sandbox is.

        Raises :class:`~persistdb.db.failures.Stale`, :class:`~.clashes.TokenClash`.
        """
        database = self._compiled.database
        try:
            *_, answer = yield creation.calls
        except database.driver_error as error:
            clash = clash_of(database.backend.violated(error))
            if clash is None:
                raise
            raise clash from error
        # an attempt before, whose commit did not arrive, may have had an answer
        creation.revision = answer.rows[0][0] if answer.rows else None

    def took_effect(self, creation: Creation) -> Work[bool | None]:
        """Return whether a creation whose answer was lost took effect: then it has its revision.

        Its event tells, whatever became of the container since. Where there is none, a container that is not there, or
        was created at another time, was not created by this. ``None`` where others changed the one that was.
        """
        sid, cid = creation.sid, creation.cid
        yield from self._reader.wait_for_writers(sid)
        key = {"host": self._host, "sid": sid, "cid": cid, "at": creation.now}
        (answer,) = yield (Call(self._compiled.recording.find_creation, key),)
        if answer.rows:
            ((creation.revision,),) = answer.rows
            return True
        container = yield from self._reader.find_container(sid, cid)
        if container is None or utc_text(container.created_at) != creation.now:
            return False
        if utc_text(container.updated_at) != creation.now:
            return None
        creation.revision = container.revision
        return True
