"""The metrics by name, and the collector that fills them at each scrape."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from .. import __version__
from ..errors import PersistDBError
from ..schema.version import HEAD
from .readings import MAX_HOSTS, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from ..db.database import Database
    from .readings import Readings


class Family(NamedTuple):
    """A metric: what it is, its labels, and whether it only grows."""

    help: str
    labels: tuple[str, ...] = ()
    is_counter: bool = False

    def sample(self, name: str) -> str:
        """Return the name of its samples, by the metric's own."""
        return f"{name}_total" if self.is_counter else name


ALWAYS: Final = {
    "persistdb_up": Family("Whether the database could be read; if not, there is nothing else of it"),
    "persistdb_build_info": Family("The program that answers, always 1", ("version",)),
    "persistdb_scrape_duration_seconds": Family("Time that it took to read the numbers"),
}
"""The metrics that are there whatever the database does."""

OF_DATABASE: Final = {
    "persistdb_containers": Family("Containers by their recorded state", ("host", "runtime", "state")),
    "persistdb_sandboxes": Family("Sandboxes", ("host",)),
    "persistdb_hosts": Family("Hosts in the database, those without a series of their own, too"),
    "persistdb_host_last_seen_timestamp_seconds": Family("When an import last read the host's files", ("host",)),
    "persistdb_findings": Family("Open findings: where a host differed from its records", ("host", "check")),
    "persistdb_host_last_audit_timestamp_seconds": Family("When the host was last audited", ("host",)),
    "persistdb_events": Family(
        "Events recorded, by the number of the last one; rolled back transactions leave numbers out", is_counter=True
    ),
    "persistdb_history_horizon_timestamp_seconds": Family("Since when what was is known"),
    "persistdb_history_retention_seconds": Family("How long history is kept; absent: for ever, 0: nothing is recorded"),
    "persistdb_database_size_bytes": Family("Size of the database; absent where the user may not know it"),
    "persistdb_schema_revision": Family("Revision of the database's schema"),
    "persistdb_schema_revision_expected": Family("Revision of the schema that the program was made for"),
}
"""The metrics of a database that can be read."""

OF_WATCH: Final = {
    "persistdb_watch_imports": Family("Sandboxes imported since the watcher started", is_counter=True),
    "persistdb_watch_errors": Family("Files that could not be imported, and failed attempts", is_counter=True),
    "persistdb_watch_rescans": Family("Passes over all folders", is_counter=True),
    "persistdb_watch_gaps": Family("Times in which the database or the events were lost", is_counter=True),
    "persistdb_watch_queued": Family("Sandboxes whose files changed, and that wait for their import"),
    "persistdb_watch_lag_seconds": Family("Time from the last imported change of a file to its commit"),
    "persistdb_watch_last_success_timestamp_seconds": Family("When an import last succeeded"),
}
"""The metrics of ``persistdb watch``."""

FAMILIES: Final = {**ALWAYS, **OF_DATABASE, **OF_WATCH}
"""All metrics; their labels are bounded: see :mod:`.readings`."""


class WatchCounts(Protocol):
    """What a watcher counts; ``lag`` is in seconds."""

    # ruff: noqa: D102  the names say it
    @property
    def imports(self) -> int: ...
    @property
    def errors(self) -> int: ...
    @property
    def rescans(self) -> int: ...
    @property
    def gaps(self) -> int: ...
    @property
    def queued(self) -> int: ...
    @property
    def lag(self) -> float | None: ...
    @property
    def last_success(self) -> datetime | None: ...


class Numbers(Collector):
    """A collector that reads the database at each scrape, one scrape after another.

    A database that cannot be read is no error of the scrape: it is ``persistdb_up 0``. ``error`` is why, ``None`` after
    a scrape that read it; ``told`` hears of it when it changes.
    """

    def __init__(
        self,
        database: Database,
        *,
        host: str | None = None,
        max_hosts: int = MAX_HOSTS,
        watch: Callable[[], WatchCounts] | None = None,
        told: Callable[[PersistDBError | None], None] = lambda _: None,
    ) -> None:
        self._database, self._host, self._max_hosts = database, host, max_hosts
        self._watch, self._told = watch, told
        self._one = threading.Lock()
        self.error: PersistDBError | None = None

    def registry(self) -> CollectorRegistry:
        """Return a registry with this collector alone."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return registry

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; no two threads read at once."""
        with self._one:
            start = time.monotonic()
            before, self.error, readings = self.error, None, None
            try:
                readings = read(self._database, host=self._host, max_hosts=self._max_hosts)
            except PersistDBError as error:
                self.error = error
            took = time.monotonic() - start
            if str(before) != str(self.error):
                self._told(self.error)
        yield _metric("persistdb_up", [((), float(readings is not None))])
        yield _metric("persistdb_build_info", [((__version__,), 1.0)])
        yield _metric("persistdb_scrape_duration_seconds", [((), took)])
        if readings is not None:
            yield from _of_database(readings)
        if self._watch is not None:
            yield from _of_watch(self._watch())


def _of_database(readings: Readings) -> Iterator[Metric]:
    values: dict[str, Iterable[tuple[tuple[str, ...], float | None]]] = {
        "persistdb_containers": ((of, float(number)) for of, number in readings.containers.items()),
        "persistdb_sandboxes": (((host,), float(number)) for host, number in readings.sandboxes.items()),
        "persistdb_hosts": [((), float(readings.hosts))],
        "persistdb_host_last_seen_timestamp_seconds": (
            ((host,), seen.timestamp()) for host, seen in readings.last_seen.items()
        ),
        "persistdb_findings": ((of, float(number)) for of, number in readings.findings.items()),
        "persistdb_host_last_audit_timestamp_seconds": (
            ((host,), finished.timestamp()) for host, finished in readings.last_audit.items()
        ),
        "persistdb_events": [((), float(readings.last_event))],
        "persistdb_history_horizon_timestamp_seconds": [((), readings.horizon.timestamp())],
        "persistdb_history_retention_seconds": [((), _float(readings.retention))],
        "persistdb_database_size_bytes": [((), _float(readings.size))],
        "persistdb_schema_revision": [((), float(readings.revision))],
        "persistdb_schema_revision_expected": [((), float(HEAD))],
    }
    return (_metric(name, samples) for name, samples in values.items())


def _of_watch(counts: WatchCounts) -> Iterator[Metric]:
    success = counts.last_success
    values = {
        "persistdb_watch_imports": float(counts.imports),
        "persistdb_watch_errors": float(counts.errors),
        "persistdb_watch_rescans": float(counts.rescans),
        "persistdb_watch_gaps": float(counts.gaps),
        "persistdb_watch_queued": float(counts.queued),
        "persistdb_watch_lag_seconds": counts.lag,
        "persistdb_watch_last_success_timestamp_seconds": None if success is None else success.timestamp(),
    }
    return (_metric(name, [((), value)]) for name, value in values.items())


def _metric(name: str, samples: Iterable[tuple[tuple[str, ...], float | None]]) -> Metric:
    """Return a metric with its samples: their labels' values in their order, and their values; ``None`` is left out."""
    family = FAMILIES[name]
    metric = Metric(name, family.help, "counter" if family.is_counter else "gauge")
    for labels, value in samples:
        if value is not None:
            metric.add_sample(family.sample(name), dict(zip(family.labels, labels, strict=True)), value)
    return metric


def _float(number: int | None) -> float | None:
    return None if number is None else float(number)
