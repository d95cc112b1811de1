"""The reporting views: a row for each host, sandbox, container, mount, device and process, decoded for people.

Their columns are a public contract, the same on every engine (``docs/reporting.md``). The definitions here belong to
the newest revision of the schema; each revision that creates a view has its own copy, as text beside it. Pure: nothing
here touches a database.

An expensive column (a count, a value from Kata's own document) is a scalar subquery: a query that leaves the column out
doesn't pay for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engines.syntax import JSONValue
from . import views_over_time
from .decoding import (
    View,
    device_columns,
    device_of_map,
    host_device,
    mount_columns,
    process_columns,
    runtime_of,
    same,
    union,
    view,
)
from .names import VIEWS

if TYPE_CHECKING:
    from ..engines import Backend

NAMES = VIEWS
"""The views, in the order in which they are created."""


# The places of the lists of containers in Kata's documents, and the values that we want of their entries: persist.json
# first, then the old store's files.
_CONFIGS = (("Config", "ContainerConfigs"), ("config.json", "Containers"))
_CONFIG = {
    "id": JSONValue((("ID",),)),
    "bundle": JSONValue(
        (
            ("Annotations", "io.katacontainers.pkg.oci.bundle_path"),
            ("Annotations", "com.github.containers.virtcontainers.pkg.oci.bundle_path"),
        )
    ),
}


def definitions(backend: Backend) -> dict[str, View]:
    """Return the definition of each view, for one engine."""
    views = {
        "sandboxes": _sandboxes(backend),
        "containers": _containers(backend),
        "mounts": _mounts(backend),
        "devices": _devices(backend),
        "processes": _processes(),
        "sandbox_devices": _sandbox_devices(backend),
        "vfio_devices": _vfio_devices(),
        "hosts": _hosts(),
        "annotations": _annotations(),
        **views_over_time.definitions(backend),
        "findings": _findings(),
        "audit_runs": _audit_runs(backend),
        "history_bounds": _history_bounds(),
    }
    return {name: views[name] for name in NAMES}


def creation(backend: Backend) -> list[str]:
    """Return the statements that create the views, and before them the functions that they call."""
    created = [f"{backend.create_view} {name} AS\n{view.select}" for name, view in definitions(backend).items()]
    return [*backend.view_functions.values(), *created]


def removal(backend: Backend) -> list[str]:
    """Return the statements that drop the views and their functions, whichever of them exist."""
    dropped = [f"DROP VIEW IF EXISTS {name}" for name in reversed(NAMES)]
    return [*dropped, *(f"DROP FUNCTION IF EXISTS {name}" for name in backend.view_functions)]


_WHOSE = {**same("s", "host", "sid"), **same("c", "cid", "state")}
_CHANGES = ("revision", "created_at", "updated_at")
_UP = "JOIN sandbox AS s ON s.id = c.sandbox_id"


def _sandboxes(backend: Backend) -> View:
    own = "FROM container AS c WHERE c.sandbox_id = s.id"

    def children(table: str) -> str:
        # not a join: without statistics, engines have joined the whole tables for each sandbox
        each = f"(SELECT count(*) FROM {table} AS x WHERE x.container_id = c.id)"
        return f"CAST((SELECT coalesce(sum({each}), 0) {own}) AS integer)"

    return view(
        {
            **same("s", "host", "sid", "state", "persist_version", "layout", "cgroup_path"),
            "has_document": "(s.document IS NOT NULL)",
            "containers": f"(SELECT count(*) {own})",
            "running": f"(SELECT count(*) {own} AND c.state = 'running')",
            "mounts": children("mount"),
            "devices": children("device_map"),
            "processes": children("process"),
            # the row's own revision is a part of it: a change of a container does not write the sandbox's row
            "revision": f"(s.revision + CAST((SELECT coalesce(sum(c.revision), 0) {own}) AS {backend.int64}))",
            **same("s", "created_at", "updated_at"),
            "seen_at": _seen("seen_at", "s.id"),
            "source": _seen("source", "s.id"),
            "runtime": f"coalesce((SELECT max(c.runtime) {own}), {_RUNTIME})",
            "namespace": f"coalesce((SELECT max(c.namespace) {own}), '')",
            **{
                name: f"coalesce((SELECT {value} {own} AND c.pod <> '' ORDER BY c.cid <> s.sid, c.cid LIMIT 1), '')"
                for name, value in _pod(backend).items()
            },
            **same("s", "hypervisor_pid", "hypervisor_path", "virtiofsd_pid", "netns_path"),
        },
        "sandbox AS s",
    )


# a sandbox without containers has the layout of a runtime's files, or was never in files
_RUNTIME = runtime_of("s.layout")


def _pod(backend: Backend) -> dict[str, str]:
    """Return the parts of a container's pod, which is stored as NAMESPACE/NAME."""
    slash = backend.position("c.pod", "'/'")
    return {
        "pod_namespace": f"CASE WHEN c.pod <> '' THEN substr(c.pod, 1, {slash} - 1) ELSE '' END",
        "pod_name": f"CASE WHEN c.pod <> '' THEN substr(c.pod, {slash} + 1) ELSE '' END",
        "pod_uid": "c.pod_uid",
    }


def _annotations() -> View:
    of_containers = view(
        {**same("s", "host", "sid"), "cid": "c.cid", **same("a", "name", "value")},
        f"annotation AS a JOIN container AS c ON c.id = a.container_id {_UP}",
    )
    of_sandboxes = view(
        {**same("s", "host", "sid"), "cid": "NULL", **same("a", "name", "value")},
        "sandbox_annotation AS a JOIN sandbox AS s ON s.id = a.sandbox_id",
    )
    return union(of_containers, of_sandboxes)


def _findings() -> View:
    return view(
        {
            **same("f", "host", "check_name", "sid", "cid", "subject", "recorded", "observed", "advice"),
            **same("f", "began_at", "first_seen", "last_seen", "gone_at", "times_seen"),
            "is_open": "(f.gone_at IS NULL)",
        },
        "audit_finding AS f",
    )


def _audit_runs(backend: Backend) -> View:
    return view(
        {
            **same("r", "id", "host", "started_at", "finished_at"),
            **{name: backend.json_text(f"r.{name}") for name in ("checks", "roots")},
            **same("r", "findings", "boot_id"),
        },
        "audit_run AS r",
    )


def _history_bounds() -> View:
    # of the table alone, by its key: the view of events is a union, the whole of which some engines read for max()
    last = "coalesce((SELECT max(e.id) FROM event AS e), 0)"
    return view(
        {
            "retention_seconds": "r.seconds",
            "horizon": "r.horizon",
            "last_event_id": f"CASE WHEN {last} > r.pruned_id THEN {last} ELSE r.pruned_id END",
        },
        "retention AS r",
    )


def _seen(column: str, sandbox: str) -> str:
    # not a join: see _containers
    return f"(SELECT x.{column} FROM sandbox_seen AS x WHERE x.sandbox_id = {sandbox})"


def _hosts() -> View:
    containers = "FROM sandbox AS y JOIN container AS c ON c.sandbox_id = y.id WHERE y.host"
    known = view(
        {
            "host": "h.name",
            **same("h", "first_seen", "last_seen", "boot_id", "kernel", "programs"),
            "sandboxes": "(SELECT count(*) FROM sandbox AS x WHERE x.host = h.name)",
            "containers": f"(SELECT count(*) {containers} = h.name)",
        },
        "host AS h",
    )
    # programs that only save sandboxes write no row for their host
    others = view(
        {
            "host": "s.host",
            **dict.fromkeys(("first_seen", "last_seen", "boot_id", "kernel", "programs"), "NULL"),
            "sandboxes": "count(*)",
            "containers": f"(SELECT count(*) {containers} = s.host)",
        },
        "sandbox AS s\nWHERE NOT EXISTS (SELECT 1 FROM host AS h WHERE h.name = s.host)\nGROUP BY s.host",
    )
    return union(known, others)


def _containers(backend: Backend) -> View:
    config = backend.json_items("s.document", _CONFIGS, _CONFIG)
    bundle = (
        f"(SELECT {config.values['bundle']} FROM {config.source} WHERE {config.values['id']} = c.cid "
        f"ORDER BY {config.position} LIMIT 1)"
    )

    def children(table: str) -> str:
        return f"(SELECT count(*) FROM {table} AS x WHERE x.container_id = c.id)"

    def first(table: str, column: str) -> str:
        # not a join: in GROUP BY queries SQLite makes the join even if no column of it is used
        return f"(SELECT x.{column} FROM {table} AS x WHERE x.container_id = c.id AND x.position = 0)"

    return view(
        {
            **_WHOSE,
            "sandbox_state": "s.state",
            "is_sandbox": "(c.cid = s.sid)",
            "bundle_path": f"CASE WHEN c.bundle_path <> '' THEN c.bundle_path ELSE coalesce({bundle}, '') END",
            "cgroup_path": "c.cgroup_path",
            "rootfs_type": first("mount", "type"),
            "rootfs_source": first("mount", "source"),
            "rootfs_host_path": first("mount", "host_path"),
            "rootfs_device": first("mount", "block_device_id"),
            "rootfs_mounted": first("mount", "mounted"),
            "token": first("process", "token"),
            "pid": first("process", "pid"),
            "started_at": first("process", "start_time"),
            "mounts": children("mount"),
            "devices": children("device_map"),
            "processes": children("process"),
            **same("c", "layout", *_CHANGES),
            "seen_at": _seen("seen_at", "c.sandbox_id"),
            **same("c", "runtime", "namespace"),
            **_pod(backend),
            **same("c", "container_name", "image"),
        },
        f"container AS c {_UP}",
    )


def _mounts(backend: Backend) -> View:
    source = f"mount AS m JOIN container AS c ON c.id = m.container_id {_UP}"
    return view({**_WHOSE, **mount_columns(backend)}, source)


def _devices(backend: Backend) -> View:
    source = f"device_map AS d JOIN container AS c ON c.id = d.container_id {_UP}"
    return view({**_WHOSE, **device_columns(backend), "host_device": device_of_map(backend)}, source)


def _processes() -> View:
    source = f"process AS p JOIN container AS c ON c.id = p.container_id {_UP}"
    return view({**_WHOSE, **process_columns()}, source)


def _sandbox_devices(backend: Backend) -> View:
    def used(table: str, column: str) -> str:
        # a partial index without '' is used only if the query says so, too; not a join, see above
        same = f"x.{column} = d.device_id AND x.{column} <> ''"
        ours = "EXISTS (SELECT 1 FROM container AS c WHERE c.id = x.container_id AND c.sandbox_id = d.sandbox_id)"
        return f"(SELECT count(*) FROM {table} AS x WHERE {same} AND {ours})"

    return view(
        {
            **same("s", "host", "sid", "state"),
            "position": "(d.position + 1)",
            **same("d", "device_id", "type", "kind", "major", "minor", "host_path", "ref_count", "attach_count"),
            "maps": used("device_map", "device_id"),
            "block_mounts": used("mount", "block_device_id"),
            "host_device": host_device(backend, "d"),
        },
        "sandbox_device AS d JOIN sandbox AS s ON s.id = d.sandbox_id",
    )


def _vfio_devices() -> View:
    return view(
        {
            **same("s", "host", "sid", "state"),
            "position": "(d.position + 1)",
            "device_id": "d.device_id",
            "number": "(v.position + 1)",
            **same("v", "bdf", "sysfs_dev"),
        },
        "vfio_device AS v JOIN sandbox_device AS d ON d.sandbox_id = v.sandbox_id AND d.position = v.device_position"
        " JOIN sandbox AS s ON s.id = v.sandbox_id",
    )
