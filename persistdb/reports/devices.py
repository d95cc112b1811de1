"""The IDs that Kata has for a device of a host, for reports about what was.

The lists of devices in which they are have no history, and a query over what was begins with indexes only for IDs that
are written into it: so they are read first, from the sandboxes that are there.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ..errors import InvalidValue
from . import readonly

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..db.database import Database
    from .catalog import Report

MOST: Final = 20_000
"""IDs that one query takes: SQLite takes 32,766 parameters."""

# As in device-holders.sql; cross joins as there.
_IDS: Final = """
WITH known AS (
    SELECT host, coalesce(host_device, host_path) AS name
    FROM sandbox_devices
    WHERE host_path = :{0} AND host_path <> ''{1}
    UNION
    SELECT k.host, coalesce(k.host_device, nullif(k.host_path, ''))
    FROM devices AS d JOIN sandbox_devices AS k ON k.host = d.host AND k.sid = d.sid AND k.device_id = d.device_id
    WHERE d.device_id = :{0}
    UNION
    SELECT k.host, coalesce(k.host_device, nullif(k.host_path, ''))
    FROM mounts AS m JOIN sandbox_devices AS k ON k.host = m.host AND k.sid = m.sid AND k.device_id = m.block_device_id
    WHERE m.block_device_id = :{0} AND m.block_device_id <> ''
)
SELECT device_id
FROM sandbox_devices
WHERE major = :{0}_major AND major > 0 AND minor = :{0}_minor AND kind IN (:{0}_kind, :{0}_or_kind)
      AND device_id <> ''{1}
UNION
SELECT k.device_id
FROM known CROSS JOIN sandbox_devices AS k
WHERE k.host = known.host AND known.name IN (k.host_device, k.host_path) AND k.device_id <> ''
"""


def query(name: str, *, of_host: bool = False) -> str:
    """Return the query for Kata's IDs of the device that a parameter names, on all hosts or on ``:_host``."""
    return _IDS.format(name, " AND host = :_host" if of_host else "")


def resolved(
    database: Database, report: Report, values: Mapping[str, object], *, host: str | None, timeout: float
) -> tuple[Report, Mapping[str, object]]:
    """Return a report whose SQL has a parameter for each of Kata's IDs where it has ``:NAME_ids``, and the values.

    Raises :class:`~persistdb.errors.InvalidValue` for a device that has more than :data:`MOST`.
    """
    for parameter in report.parameters:
        name = f"{parameter.name}_ids"
        place = re.compile(rf":{name}\b")
        if parameter.type != "device" or not place.search(report.sql):
            continue
        sql = query(parameter.name, of_host=host is not None)
        answer = readonly.read(database, sql, {**values, "_host": host}, timeout=timeout, limit=MOST, trusted=True)
        if answer.is_cut:
            raise InvalidValue(
                "parameter",
                str(values[parameter.name]),
                f"{parameter.name}: Kata has more than {MOST} IDs for it; ask about one host",
            )
        ids = {f"{name}{i}": device for i, (device,) in enumerate(answer.rows)}
        if ids:
            report = replace(report, sql=place.sub(", ".join(f":{each}" for each in ids), report.sql))
            values = {**values, **ids}
    return report, values
