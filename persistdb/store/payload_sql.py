"""What statements select: records as JSON payloads, each with the rows of its lists.

Pure: SQL text of the tables' columns, which :mod:`.payloads` decodes.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Text, literal_column

from ..engines.syntax import JSONRows, first_of

if TYPE_CHECKING:
    from sqlalchemy import Label

    from ..engines import Backend

_DEVICE_MAP = {
    "ID": "d.device_id",
    "ContainerPath": "d.container_path",
    "FileMode": "d.file_mode",
    "UID": "d.uid",
    "GID": "d.gid",
    "Shared": "d.shared",
}


def _payload(sql: str) -> Label[str]:
    # Without a label SQLite names the column by the expression's whole text, which costs more than the query.
    return literal_column(sql, Text).label("payload")


def _each(expression: str, rows: JSONRows) -> list[str]:
    return [f"(SELECT {expression} FROM {source})" for source in rows.sources()]


def _number_of(rows: JSONRows) -> str:
    return " + ".join(_each("count(*)", rows))


class PayloadSQL:
    """The payloads of an engine, as columns of a select."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @cached_property
    def container_json(self) -> Label[str]:
        """The payload of a :class:`persistdb.records.Container`, with its row's IDs, over both tables."""
        return _payload(self._backend.json_text(self._backend.json_object(self._container("container"))))

    def sorted_json(self, column: str) -> Label[str]:
        """The same with a column of the container's that no record has, for the cursor of a list in its order."""
        pairs = {**self._container("container"), "sorted_by": f"container.{column}"}
        return _payload(self._backend.json_text(self._backend.json_object(pairs)))

    @cached_property
    def summary_json(self) -> Label[str]:
        """The payload of a :class:`persistdb.records.ContainerSummary`, with its row's ID, over both tables."""
        engine = self._backend
        payload = engine.json_object(
            {
                "id": "container.id",
                "host": "sandbox.host",
                "sid": "sandbox.sid",
                "cid": "container.cid",
                "state": "container.state",
                "pid": first_of(_each("p.pid", self.listed("process", "p").also("p.position = 0"))),
                "mounts": _number_of(self.listed("mount", "m").also("m.position > 0")),
                "devices": _number_of(self.listed("device_map", "d")),
                "bundle_path": "container.bundle_path",
                "cgroup_path": "container.cgroup_path",
                "runtime": "container.runtime",
                "namespace": "container.namespace",
                "pod": "container.pod",
                "container_name": "container.container_name",
                "image": "container.image",
                "revision": "container.revision",
                "created_at": engine.utc_text("container.created_at"),
                "updated_at": engine.utc_text("container.updated_at"),
            }
        )
        return _payload(engine.json_text(payload))

    @cached_property
    def sandbox_json(self) -> Label[str]:
        """The payload of a :class:`persistdb.records.Sandbox`, with its containers as a list, over ``sandbox``."""
        return self._sandbox_with("c.sandbox_id = sandbox.id")

    @cached_property
    def own_json(self) -> Label[str]:
        """The same payload without containers."""
        return self._sandbox_with("c.id IS NULL")

    def _sandbox_with(self, containers: str) -> Label[str]:
        engine = self._backend
        record = engine.json_object(
            {
                name: f"sandbox.{name}"
                for name in ("sid", "state", "persist_version", "cgroup_path", "document", "layout")
            }
        )
        payload = engine.json_object(
            {
                "id": "sandbox.id",
                "host": "sandbox.host",
                "record": record,
                "own_revision": "sandbox.revision",
                "created_at": engine.utc_text("sandbox.created_at"),
                "updated_at": engine.utc_text("sandbox.updated_at"),
                "containers": engine.json_list(
                    self._container("c"), JSONRows("container", "c", containers, "cid", "id")
                ),
            }
        )
        return _payload(engine.json_text(payload))

    def _container(self, c: str) -> dict[str, str]:
        engine = self._backend
        record = {
            "State": f"{c}.state",
            "CgroupPath": f"{c}.cgroup_path",
            "BundlePath": f"{c}.bundle_path",
            **engine.json_first_and_rest(
                "Rootfs",
                "Mounts",
                self._mount(),
                self.listed("mount", "m", c),
            ),
            "DeviceMaps": engine.json_list(_DEVICE_MAP, self.listed("device_map", "d", c)),
            "Process": engine.json_list(self._process(), self.listed("process", "p", c)),
        }
        origin = {"layout": f"{c}.layout", "extra": engine.json_source(f"{c}.extra"), "document": f"{c}.document"}
        origin["namespace"] = f"{c}.namespace"
        return {
            "id": f"{c}.id",
            "sandbox_id": f"{c}.sandbox_id",
            "host": "sandbox.host",
            "sid": "sandbox.sid",
            "cid": f"{c}.cid",
            "record": engine.json_object(record),
            "revision": f"{c}.revision",
            "origin": engine.json_object(origin),
            "created_at": engine.utc_text(f"{c}.created_at"),
            "updated_at": engine.utc_text(f"{c}.updated_at"),
        }

    def listed(self, table: str, alias: str, c: str = "container") -> JSONRows:
        """Return the rows of one of a container's lists."""
        return JSONRows(table, alias, f"{alias}.container_id = {c}.id", "position", "position", clustered=True)

    def _mount(self) -> dict[str, str]:
        return {
            "Source": "m.source",
            "Destination": "m.destination",
            "Type": "m.type",
            "Options": self._backend.json_value("m.options"),
            "HostPath": "m.host_path",
            "BlockDeviceID": "m.block_device_id",
            "ReadOnly": "m.read_only",
            "Mounted": "m.mounted",
        }

    def _process(self) -> dict[str, str]:
        time = self._backend.utc_text("p.start_time")
        # NULL, and so is the whole, for no start time
        start = self._backend.concat(time, "' '", "p.start_time_ns", "' '", "p.start_time_offset")
        return {"Token": "coalesce(p.token, '')", "Pid": "p.pid", "StartTime": start}
