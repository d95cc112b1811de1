"""The reporting views: a row for each sandbox, container, mount, device and process, decoded for people.

Their columns are a public contract, the same on every engine (``docs/reporting.md``). The definitions here belong to
the newest revision of the schema; each revision that creates a view has its own copy, as text beside it. Pure: nothing
here touches a database.

An expensive column (a count, a value from Kata's own document) is a scalar subquery: a query that leaves the column out
doesn't pay for it. Kata's own list of devices is a separate view for the same reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..engines.base import JSONValue
from ..records import GO_KIND_BITS, GO_LOWEST_BIT, POSIX_KIND_SHIFT, POSIX_KINDS, POSIX_ONLY, SPECIAL_BITS
from .names import VIEWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engines import Backend

NAMES = VIEWS
"""The views, in the order in which they are created."""


@dataclass(frozen=True)
class View:
    """The definition of a view for one engine: its columns in their order, and its SELECT."""

    columns: tuple[str, ...]
    select: str


_IS_POSIX = f"((d.file_mode & {POSIX_ONLY}) <> 0 AND (d.file_mode >> {GO_LOWEST_BIT}) = 0)"
_LETTERS = {
    "char": "c",
    "block": "b",
    "fifo": "p",
    "directory": "d",
    "symlink": "l",
    "socket": "s",
    "regular": "-",
}
# Three characters for each octal digit; from the ninth on, the digits with setuid, setgid or sticky.
_TRIPLETS = "-----x-w--wxr--r-xrw-rwx--{0}--{1}-w{0}-w{1}r-{0}r-{1}rw{0}rw{1}"

# The places of lists in Kata's documents, and the values that we want of their entries: persist.json first, then the
# old store's files, in whose devices.json the device is the entry's "Data" (virtcontainers/persist/api/device.go;
# pkg/store in 1.6).
_DEVICES = (("Devices",), ("devices.json",))
_DEVICE = {
    "id": JSONValue((("ID",), ("Data", "ID"))),
    "type": JSONValue((("Type",),)),
    "dev_type": JSONValue((("DevType",), ("Data", "DeviceInfo", "DevType"))),
    "major": JSONValue((("Major",), ("Data", "DeviceInfo", "Major")), integer=True),
    "minor": JSONValue((("Minor",), ("Data", "DeviceInfo", "Minor")), integer=True),
    "file": JSONValue((("BlockDrive", "File"), ("Data", "BlockDrive", "File"))),
    "ref_count": JSONValue((("RefCount",), ("Data", "RefCount")), integer=True),
    "attach_count": JSONValue((("AttachCount",), ("Data", "AttachCount")), integer=True),
}
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


def _view(columns: Mapping[str, str], source: str) -> View:
    """Put a definition together, from the expression of each column."""
    lines = [value if value.endswith(f".{name}") else f"{value} AS {name}" for name, value in columns.items()]
    return View(tuple(columns), "SELECT " + ",\n       ".join(lines) + f"\nFROM {source}")


def _substr(constant: str, position: str, length: int) -> str:
    # PostgreSQL takes no bigint for the position
    return f"substr('{constant}', CAST({position} AS integer), {length})"


def _same(alias: str, *names: str) -> dict[str, str]:
    return {name: f"{alias}.{name}" for name in names}


_WHOSE = {**_same("s", "host", "sid"), **_same("c", "cid", "state")}
_CHANGES = ("revision", "created_at", "updated_at")
_UP = "JOIN sandbox AS s ON s.id = c.sandbox_id"


def _sandboxes(backend: Backend) -> View:
    own = "FROM container AS c WHERE c.sandbox_id = s.id"

    def children(table: str) -> str:
        # not a join: without statistics, engines have joined the whole tables for each sandbox
        each = f"(SELECT count(*) FROM {table} AS x WHERE x.container_id = c.id)"
        return f"CAST((SELECT coalesce(sum({each}), 0) {own}) AS integer)"

    return _view(
        {
            **_same("s", "host", "sid", "state", "persist_version", "layout", "cgroup_path"),
            "has_document": "(s.document IS NOT NULL)",
            "containers": f"(SELECT count(*) {own})",
            "running": f"(SELECT count(*) {own} AND c.state = 'running')",
            "mounts": children("mount"),
            "devices": children("device_map"),
            "processes": children("process"),
            # the row's own revision is a part of it: a change of a container does not write the sandbox's row
            "revision": f"(s.revision + CAST((SELECT coalesce(sum(c.revision), 0) {own}) AS {backend.int64}))",
            **_same("s", "created_at", "updated_at"),
        },
        "sandbox AS s",
    )


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

    return _view(
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
            **_same("c", "layout", *_CHANGES),
        },
        f"container AS c {_UP}",
    )


def _mounts(backend: Backend) -> View:
    options = backend.json_text("m.options")

    def has(option: str) -> str:
        # One of these precedes the quote that opens a text in a JSON list, and none of them any other quote.
        return " OR ".join(backend.contains(options, f'{before}"{option}"') for before in "[, ")

    def is_set(option: str) -> str:
        return f"(m.options IS NOT NULL AND ({has(option)}))"

    return _view(
        {
            **_WHOSE,
            **_same("m", "position", "is_rootfs", "source", "destination", "type"),
            "options": options,
            "read_only": f"(m.read_only OR {is_set('ro')})",
            "nosuid": is_set("nosuid"),
            "nodev": is_set("nodev"),
            "noexec": is_set("noexec"),
            "is_bind": f"(m.type = 'bind' OR m.host_path <> '' OR {is_set('bind')} OR {is_set('rbind')})",
            **_same("m", "host_path", "block_device_id", "mounted"),
        },
        f"mount AS m JOIN container AS c ON c.id = m.container_id {_UP}",
    )


def _devices(backend: Backend) -> View:
    go = " ".join(f"WHEN ((d.file_mode >> {bit}) & 1) = 1 THEN '{kind}'" for bit, kind in GO_KIND_BITS.items())
    posix = " ".join(f"WHEN {bits} THEN '{kind}'" for bits, kind in POSIX_KINDS.items())
    kind = (
        f"CASE WHEN {_IS_POSIX} THEN CASE ((d.file_mode >> {POSIX_KIND_SHIFT}) & 15) {posix} END ELSE CASE {go} END END"
    )
    letters = " ".join(f"WHEN '{name}' THEN '{letter}'" for name, letter in _LETTERS.items())

    def special(go_bit: int, posix_bit: int) -> str:
        return f"CASE WHEN {_IS_POSIX} THEN ((d.file_mode >> {posix_bit}) & 1) ELSE ((d.file_mode >> {go_bit}) & 1) END"

    def digit(shift: int) -> str:
        return f"((d.file_mode >> {shift}) & 7)"

    specials = dict(zip((6, 3, 0), (special(*bits) for bits in SPECIAL_BITS.values()), strict=True))
    triplets = [
        _substr(_TRIPLETS.format(*characters), f"3 * ({digit(shift)} + 8 * ({specials[shift]})) + 1", 3)
        for shift, characters in ((6, "Ss"), (3, "Ss"), (0, "Tt"))
    ]
    octal = [f"(4 * ({specials[6]}) + 2 * ({specials[3]}) + ({specials[0]}))", *map(digit, (6, 3, 0))]
    return _view(
        {
            **_WHOSE,
            **_same("d", "position", "device_id", "container_path"),
            "kind": backend.bytewise(kind),
            "mode": backend.bytewise(backend.concat(f"CASE {kind} {letters} ELSE '?' END", *triplets)),
            "permissions": backend.bytewise(backend.concat(*(_substr("01234567", f"{one} + 1", 1) for one in octal))),
            **_same("d", "uid", "gid", "shared", "file_mode"),
        },
        f"device_map AS d JOIN container AS c ON c.id = d.container_id {_UP}",
    )


def _processes() -> View:
    return _view(
        {
            **_WHOSE,
            **_same("p", "position", "token"),
            "is_init": "(p.token IS NOT NULL AND p.token = c.cid)",
            "pid": "p.pid",
            # Kata writes -1 where the agent has the process, and 0 before there is a process
            "host_pid": "CASE WHEN p.pid > 0 THEN p.pid END",
            "started_at": "p.start_time",
            "utc_offset": "p.start_time_offset",
        },
        f"process AS p JOIN container AS c ON c.id = p.container_id {_UP}",
    )


def _sandbox_devices(backend: Backend) -> View:
    item = backend.json_items("s.document", _DEVICES, _DEVICE)
    value = item.values

    def used(table: str, column: str) -> str:
        # a partial index without '' is used only if the query says so, too; not a join, see above
        same = f"x.{column} = {value['id']} AND x.{column} <> ''"
        ours = "EXISTS (SELECT 1 FROM container AS c WHERE c.id = x.container_id AND c.sandbox_id = s.id)"
        return f"(SELECT count(*) FROM {table} AS x WHERE {same} AND {ours})"

    # u is an unbuffered character device (mknod(1))
    kinds = "WHEN 'b' THEN 'block' WHEN 'c' THEN 'char' WHEN 'u' THEN 'char' WHEN 'p' THEN 'fifo'"
    return _view(
        {
            **_same("s", "host", "sid", "state"),
            "position": item.position,
            "device_id": value["id"],
            "type": value["type"],
            "kind": backend.bytewise(f"CASE {value['dev_type']} {kinds} END"),
            "major": value["major"],
            "minor": value["minor"],
            "host_path": value["file"],
            "ref_count": value["ref_count"],
            "attach_count": value["attach_count"],
            "maps": used("device_map", "device_id"),
            "block_mounts": used("mount", "block_device_id"),
        },
        f"sandbox AS s CROSS JOIN {item.source}",
    )
