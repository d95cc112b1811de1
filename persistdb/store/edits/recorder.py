"""What a session's changes record, by the statements that the repository's writer has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..encoding import encode
from ..rows import RowKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.engine import Connection

    from ...db.work import Statement
    from ...schema.tables import Container, Sandbox
    from ..acting import Acting
    from ..encoding import Row
    from ..past import ContainerLife, EventRow, OldChild, OldContainer, OldSandbox, SandboxLife
    from ..recording import Recording


class Recorder:
    """Runs the statements that record on a session's connection."""

    def __init__(self, recording: Recording, acting: Acting) -> None:
        self._recording, self._acting = recording, acting

    def keep_sandboxes(self, connection: Connection, old: Sequence[OldSandbox]) -> None:
        """Keep versions of sandboxes' own rows."""
        run(connection, self._recording.old_sandboxes, old)

    def keep_containers(self, connection: Connection, old: Sequence[OldContainer]) -> None:
        """Keep versions of containers' own rows."""
        run(connection, self._recording.old_containers, old)

    def keep_children(self, connection: Connection, kind: int, old: Sequence[OldChild]) -> None:
        """Keep rows of mounts (0), device maps (1) or processes (2)."""
        run(connection, self._recording.old_children[kind], old)

    def keep_all_children(self, connection: Connection, old: Sequence[OldContainer], *kinds: int) -> None:
        """Keep all rows of these kinds that containers have."""
        for kind in kinds:
            run(connection, self._recording.all_children[kind], old)

    def number(self, connection: Connection, sandboxes: Sequence[Sandbox], containers: Sequence[Container]) -> None:
        """Give new objects without an ID one that no row has or had, where the engine would not."""
        statements = self._recording.next_ids
        if statements is None:
            return
        each_kind: tuple[Sequence[Sandbox | Container], ...] = (sandboxes, containers)
        for statement, objects in zip(statements, each_kind, strict=True):
            without = [each for each in objects if each.id is None]
            if without:
                (first,) = connection.exec_driver_sql(statement.sql).one()
                for number, each in enumerate(without):
                    each.id = first + number

    def remove_sandboxes(self, connection: Connection, sandboxes: Sequence[int], now: str) -> None:
        """Record that sandboxes go with all that is in them."""
        if sandboxes:
            values = {"rows": encode([RowKey(id_) for id_ in sandboxes]), "now": now, **self._acting.values()}
            for statement in self._recording.removals_by_id:
                _execute(connection, statement, values)

    def tell(
        self,
        connection: Connection,
        events: Sequence[EventRow],
        sandboxes: Sequence[SandboxLife] = (),
        containers: Sequence[ContainerLife] = (),
    ) -> None:
        """Write lifetimes and events."""
        run(connection, self._recording.sandbox_lifetimes, sandboxes)
        run(connection, self._recording.container_lifetimes, containers)
        run(connection, self._recording.events, events, self._acting.values())


def run(
    connection: Connection, statement: Statement, rows: Sequence[Row], more: Mapping[str, object] | None = None
) -> None:
    """Run a statement of the repository's for rows, if there are any."""
    if rows:
        _execute(connection, statement, {"rows": encode(rows), **(more or {})})


def _execute(connection: Connection, statement: Statement, values: Mapping[str, object]) -> None:
    parameters = dict(values) if statement.order is None else statement.order(values)
    connection.exec_driver_sql(statement.sql, parameters).close()
