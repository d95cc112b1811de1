"""A sandbox's own persist.json: its text is kept, and three of its values are read and written.

The file changed with nearly every Kata release, so it is kept verbatim and never decoded as a whole. Only an export to
another layout converts it (:mod:`~persistdb.runtimes.kata.convert`).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ...errors import DamagedFile
from ...records import SandboxState
from .. import gojson
from ..gojson import Malformed, Spec, decode_object, decode_text, scan
from .detect import detect_sandbox_layout, refuse_runtime_rs
from .layouts import LAYOUTS

_SPEC: Final = Spec(
    {
        "PersistVersion": ("persist_version", "int64"),
        "State": ("state", "string"),
        "SandboxContainer": ("sandbox_container", "string"),
        "CgroupPath": ("cgroup_path", "string"),
        "SandboxCgroupPath": ("sandbox_cgroup_path", "string"),
    }
)
_VERSION_MAX: Final = 2**31 - 1  # Go's uint holds more, but a column of type integer does not; Kata is at 2
_CONTAINER_KEYS: Final = frozenset({"Rootfs", "Process"})


class _Head(msgspec.Struct):
    """The values that a record takes from the file, and the name that the file gives the sandbox."""

    # No field takes null: in Go it changes nothing, and only the careful way knows that.
    state: str = msgspec.field(name="State", default="")
    persist_version: int | msgspec.UnsetType = msgspec.field(name="PersistVersion", default=msgspec.UNSET)
    cgroup_path: str = msgspec.field(name="CgroupPath", default="")
    sandbox_cgroup_path: str = msgspec.field(name="SandboxCgroupPath", default="")
    sandbox_container: str = msgspec.field(name="SandboxContainer", default="")


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_keys = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def decode_sandbox(data: bytes, sid: str, path: str = "persist.json") -> SandboxState:
    """Decode a sandbox's persist.json; ``document`` is the whole file's text.

    ``layout`` is a guess from the file's own keys, until
    :func:`~persistdb.runtimes.kata.detect.settle_layouts` compares it with the containers' layouts. Raises
    :class:`~persistdb.errors.DamagedFile`, and :class:`~persistdb.errors.UnsupportedLayout` for a file of runtime-rs.
    """
    text = decode_text(data, path)
    try:
        head, keys = _read_head(text, data)
    except Malformed as error:
        raise error.in_file(path) from None
    refuse_runtime_rs(keys, path)
    if _CONTAINER_KEYS.issubset(keys) and "SandboxContainer" not in keys:
        raise DamagedFile(
            path, "is the file of a container where a sandbox's should be: import the sandbox's folder, one level up"
        )
    return SandboxState(
        sid=sid,
        state=head.state,
        persist_version=None if head.persist_version is msgspec.UNSET else head.persist_version,
        cgroup_path=head.cgroup_path or head.sandbox_cgroup_path,
        document=text,
        layout=detect_sandbox_layout(text, keys),
    )


def other_sid(record: SandboxState) -> str | None:
    """Return the sandbox ID in the file if it differs from the record's, which is the name of the file's folder."""
    document = record.document or ""
    if f'"SandboxContainer":"{record.sid}"' in document:
        return None  # as in nearly all files, which need not be parsed again
    named = _read_head(document, document.encode())[0].sandbox_container
    return named if named not in ("", record.sid) else None


def encode_sandbox(record: SandboxState, layout: str) -> bytes:
    """Encode a sandbox's persist.json: the document, with the record's values where they differ from it.

    Without a document the file is the smallest one that Kata reads.
    """
    if record.document is None:
        return _minimal(record, layout)
    head, keys = _read_head(record.document, record.document.encode())
    changed: dict[str, str] = {}
    if head.state != record.state:
        changed["State"] = _json(record.state)
    if record.persist_version not in (None, head.persist_version):
        changed["PersistVersion"] = _json(record.persist_version)
    if (head.cgroup_path or head.sandbox_cgroup_path) != record.cgroup_path:
        # Kata never wrote both names into one file; a file that has both must not contradict the record in either.
        named = [key for key in ("CgroupPath", "SandboxCgroupPath") if scan.fold(key) in map(scan.fold, keys)]
        for key in named or [LAYOUTS[layout].sandbox_cgroup_key]:
            changed[key] = _json(record.cgroup_path)
    return (scan.replace_values(record.document, changed) if changed else record.document).encode()


def _minimal(record: SandboxState, layout: str) -> bytes:
    target = LAYOUTS[layout]
    version = target.persist_version if record.persist_version is None else record.persist_version
    return (
        gojson.encode(
            {
                "PersistVersion": version,
                "State": record.state,
                "SandboxContainer": record.sid,
                target.sandbox_cgroup_key: record.cgroup_path,
            }
        )
        + b"\n"
    )


def _json(value: object) -> str:
    return gojson.encode(value).decode()


def _read_head(text: str, data: bytes) -> tuple[_Head, list[str]]:
    """Read the values that a record takes, and list the file's keys in their order."""
    return _read_canonical(data) or _read_careful(text)


def _read_canonical(data: bytes) -> tuple[_Head, list[str]] | None:
    """Read a file that has the keys in Go's spelling; return ``None`` for any other, and for one with a fault."""
    if b"\\u0000" in data:
        return None
    try:
        keys = list(_decode_keys(data))
        if any(_SPEC.known(key) not in (None, key) for key in keys):
            return None
        head = _decode_head(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    in_range = head.persist_version is msgspec.UNSET or 0 <= head.persist_version <= _VERSION_MAX
    return (head, keys) if in_range else None


def _read_careful(text: str) -> tuple[_Head, list[str]]:
    """Read a file by Go's rules; raises :class:`~persistdb.runtimes.gojson.Malformed`."""
    start = scan.start_of_object(text)
    values: dict[str, Any]
    values, _ = decode_object(text, start, _SPEC)
    if not 0 <= values.get("persist_version", 0) <= _VERSION_MAX:
        raise Malformed(f"{values['persist_version']} is out of range: 0 to {_VERSION_MAX}", ("PersistVersion",))
    return _Head(**values), [member.key for member in scan.members(text, start)[0]]
