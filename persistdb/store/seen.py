"""When and where imports found sandboxes, beside the sandboxes' own rows: the units of work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..db.failures import Stale
from ..db.work import Call
from .encoding import encode, utc_text
from .seen_rows import HostRow, SeenRow, SidRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from ..db.database import Database
    from ..db.work import Work
    from ..records import Machine
    from .seen_statements import SeenStatements


class Sightings:
    """The units of work for one host."""

    def __init__(self, database: Database, name: str, statements: SeenStatements) -> None:
        self._backend, self._driver_error = database.backend, database.driver_error
        self._host, self._statements = name, statements

    def mark(self, sids: Iterable[str], source: str, at: datetime, machine: Machine | None) -> Work[None]:
        """Write that the host and sandboxes were seen."""
        time = utc_text(at)
        of_host = HostRow(
            self._host,
            time,
            *((machine.boot_id, machine.kernel, machine.programs) if machine is not None else (None, None, None)),
        )
        calls = [Call(self._statements.mark_host, {"rows": encode([of_host])})]
        rows = [SeenRow(self._host, sid, time, source) for sid in sids]
        if rows:
            calls.append(Call(self._statements.mark, {"rows": encode(rows)}))
        try:
            yield calls
        except self._driver_error as error:
            if self._backend.violated(error) is None:
                raise
            raise Stale from error  # a sandbox was removed meanwhile

    def unseen(
        self,
        source: str,
        before: datetime,
        layouts: Collection[str] | None,
        keep: Collection[str],
        among: Iterable[str] | None = None,
        *,
        lock: bool,
    ) -> Work[dict[str, str]]:
        """Return the layouts of sandboxes that were not seen in their folder since, by ID; locked, ``among`` some."""
        values: dict[str, object] = {"host": self._host, "source": source, "before": utc_text(before)}
        if among is None:
            statement = self._statements.lock_unseen if lock else self._statements.unseen
        else:
            statement, values["rows"] = self._statements.lock_unseen_among, encode(list(map(SidRow, sorted(among))))
        (answer,) = yield (Call(statement, values),)
        found = {sid: own or of_container or "" for sid, own, of_container in answer.rows if sid not in keep}
        return {sid: layout for sid, layout in found.items() if layouts is None or layout in layouts}

    def namespaces(self) -> Work[dict[str, frozenset[str]]]:
        """Return the namespaces that sandboxes' containers are in, by the sandboxes' IDs."""
        (answer,) = yield (Call(self._statements.namespaces, {"host": self._host}),)
        found: dict[str, frozenset[str]] = {}
        for sid, namespace in answer.rows:
            found[sid] = found.get(sid, frozenset()) | {namespace}
        return found

    def boot_id(self) -> Work[str | None]:
        """Return the boot of the host that imports last saw."""
        (answer,) = yield (Call(self._statements.boot_id, {"host": self._host}),)
        return answer.rows[0][0] if answer.rows else None

    def sources(self) -> Work[dict[str, int]]:
        """Return how many sandboxes were found in each folder."""
        (answer,) = yield (Call(self._statements.sources, {"host": self._host}),)
        return dict(answer.rows)
