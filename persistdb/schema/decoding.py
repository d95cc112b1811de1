"""What views are made of: columns that decode a mount, a device and a process for people.

Pure: nothing here touches a database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..documents import OCI_RUNTIMES
from ..records import GO_KIND_BITS, GO_LOWEST_BIT, POSIX_KIND_SHIFT, POSIX_KINDS, POSIX_ONLY, SPECIAL_BITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engines import Backend


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


def view(columns: Mapping[str, str], source: str) -> View:
    """Put a definition together, from the expression of each column."""
    lines = [value if value.endswith(f".{name}") else f"{value} AS {name}" for name, value in columns.items()]
    return View(tuple(columns), "SELECT " + ",\n       ".join(lines) + f"\nFROM {source}")


def union(one: View, other: View) -> View:
    """Put the rows of two views with the same columns together."""
    return View(one.columns, f"{one.select}\nUNION ALL\n{other.select}")


def runtime_of(layout: str) -> str:
    """Write the runtime whose files have a layout, as :func:`persistdb.documents.runtime_of` returns it."""
    listed = ", ".join(f"'{name}'" for name in OCI_RUNTIMES)
    return f"CASE WHEN {layout} IN ({listed}) THEN {layout} ELSE 'kata' END"


def _substr(constant: str, position: str, length: int) -> str:
    # PostgreSQL takes no bigint for the position
    return f"substr('{constant}', CAST({position} AS integer), {length})"


def same(alias: str, *names: str) -> dict[str, str]:
    """Return columns that a view has from one table as they are."""
    return {name: f"{alias}.{name}" for name in names}


def mount_columns(backend: Backend) -> dict[str, str]:
    """Return the columns that decode a mount ``m``."""
    options = backend.json_text("m.options")

    def has(option: str) -> str:
        # One of these precedes the quote that opens a text in a JSON list, and none of them any other quote.
        return " OR ".join(backend.contains(options, f'{before}"{option}"') for before in "[, ")

    def is_set(option: str) -> str:
        return f"(m.options IS NOT NULL AND ({has(option)}))"

    return {
        **same("m", "position", "is_rootfs", "source", "destination", "type"),
        "options": options,
        "read_only": f"(m.read_only OR {is_set('ro')})",
        "nosuid": is_set("nosuid"),
        "nodev": is_set("nodev"),
        "noexec": is_set("noexec"),
        "is_bind": f"(m.type = 'bind' OR m.host_path <> '' OR {is_set('bind')} OR {is_set('rbind')})",
        **same("m", "host_path", "block_device_id", "mounted"),
    }


def device_columns(backend: Backend) -> dict[str, str]:
    """Return the columns that decode a device map ``d``."""
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
    return {
        **same("d", "position", "device_id", "container_path"),
        "kind": backend.bytewise(kind),
        "mode": backend.bytewise(backend.concat(f"CASE {kind} {letters} ELSE '?' END", *triplets)),
        "permissions": backend.bytewise(backend.concat(*(_substr("01234567", f"{one} + 1", 1) for one in octal))),
        **same("d", "uid", "gid", "shared", "file_mode"),
    }


def host_device(backend: Backend, alias: str) -> str:
    """Write the host's device of a sandbox's device, as the kernel's ``devices.list`` does: ``c 10:229``.

    It is NULL where a part is, and of what has no numbers: a FIFO, and a plain file, which has the major number -1
    (config.HostFileMajor in Kata's src/runtime/pkg/device/config/config.go) and is told from others by its path.
    """
    letters = " ".join(f"WHEN '{name}' THEN '{_LETTERS[name]}'" for name in ("block", "char"))
    letter = f"CASE WHEN {alias}.major > 0 THEN CASE {alias}.kind {letters} END END"
    parts = (letter, "' '", f"{alias}.major", "':'", f"{alias}.minor")
    return backend.bytewise(backend.concat(*parts))


def device_of_map(backend: Backend) -> str:
    """Write the host's device of a device map ``d`` of a container ``c``.

    OCI runtimes have it as the device's ID, with ``u`` for an unbuffered character device. Kata makes an ID, and has
    the numbers in the sandbox's device.
    """
    unbuffered = backend.concat("'c'", "substr(d.device_id, 2)")
    kinds = f"WHEN 'b' THEN d.device_id WHEN 'c' THEN d.device_id WHEN 'u' THEN {unbuffered}"
    given = f"CASE WHEN substr(d.device_id, 3, 1) NOT IN ('0', '-') THEN CASE substr(d.device_id, 1, 1) {kinds} END END"
    ours = "x.sandbox_id = c.sandbox_id AND x.device_id = d.device_id"
    found = f"(SELECT min({host_device(backend, 'x')}) FROM sandbox_device AS x WHERE {ours})"  # noqa: S608  constants
    return f"CASE WHEN substr(d.device_id, 2, 1) = ' ' THEN {given} WHEN d.device_id <> '' THEN {found} END"


def process_columns() -> dict[str, str]:
    """Return the columns that decode a process ``p`` of a container ``c``."""
    return {
        **same("p", "position", "token"),
        "is_init": "(p.token IS NOT NULL AND p.token = c.cid)",
        "pid": "p.pid",
        # Kata writes -1 where the agent has the process, and 0 before there is a process
        "host_pid": "CASE WHEN p.pid > 0 THEN p.pid END",
        "started_at": "p.start_time",
        "utc_offset": "p.start_time_offset",
    }
