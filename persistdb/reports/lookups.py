"""What only the views know of one container or sandbox: its names, and when its files were last seen."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from ..db import work
from ..schema.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..db.database import Database

_SEEN: Final = "SELECT {seen_at}, source FROM sandboxes WHERE host = :host AND sid = :sid"
_NAMES: Final = (
    "SELECT pod_namespace, pod_name, container_name, image FROM containers"
    " WHERE host = :host AND sid = :sid AND cid = :cid"
)


def sightings(database: Database, host: str, sid: str) -> tuple[datetime | None, str | None]:
    """Return when and where an import last found the files of a sandbox.

    Nothing is created. Raises :class:`~persistdb.errors.SchemaError`, :class:`~persistdb.errors.DatabaseError`.
    """
    sql = _SEEN.format(seen_at=database.backend.utc_text("seen_at"))
    seen_at, source = _first(database, sql, host=host, sid=sid) or (None, None)
    return None if seen_at is None else datetime.fromisoformat(seen_at), source


def names(database: Database, host: str, sid: str, cid: str) -> tuple[str, str, str]:
    """Return a container's pod as ``NAMESPACE/NAME``, its name in it and its image; raises as :func:`sightings` does.

    They are those of today; each is empty where no file tells it, or the container is gone.
    """
    namespace, pod, name, image = _first(database, _NAMES, host=host, sid=sid, cid=cid) or ("", "", "", "")
    return f"{namespace}/{pod}" if pod else "", name, image


def _first(database: Database, sql: str, **values: str) -> Sequence[Any] | None:
    prepare(database, create=False)
    statement = work.Statement(sql, database.backend.style)
    return next(iter(database.read(lambda: work.rows(statement, values))), None)
