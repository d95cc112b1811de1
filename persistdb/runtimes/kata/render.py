"""Encode all files of a sandbox, each in the layout that it came in or in another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ...errors import DamagedFile, InvalidValue
from ..folders import Files  # noqa: TC001  msgspec reads the struct's annotations
from ..gojson import Malformed
from .container import decode_container, encode_container
from .convert import convert_sandbox
from .emptylists import empty_lists
from .layouts import DEFAULT, LAYOUTS, OLD_LAYOUTS, check_name
from .losses import layout_losses, old_layout_losses, sandbox_losses, unknown_key_losses
from .oldfiles import files_of
from .oldstore import decode_old_container, encode_old_container, encode_old_sandbox
from .paths import PERSIST
from .sandbox import encode_sandbox
from .versions import Target, target_of

if TYPE_CHECKING:
    from ...records import Container, ContainerState, Origin, Sandbox, SandboxState


class Rendered(msgspec.Struct, frozen=True):
    """A sandbox's files by container ID (``""``: the sandbox's own), and what they leave out, in words."""

    target: Target
    files: dict[str, Files]
    losses: list[str]


def render(sandbox: Sandbox, layout: str | None = None) -> Rendered:
    """Encode all files of a sandbox, each container in the layout that it came in unless ``layout`` names one for all.

    ``layout`` may also be a version of Kata (:func:`~persistdb.runtimes.kata.versions.target_of`).

    Raises :class:`~persistdb.errors.InvalidValue` for an unknown layout, and for a document or extra that is not JSON.
    """
    own = sandbox.record.layout or DEFAULT
    if layout is None:
        check_name(own)
    target = target_of(layout) if layout is not None else Target(own, own)
    try:
        own_files, lost = _encode_own(sandbox.record, target)
        files = {"": own_files}
    except (Malformed, ValueError) as error:
        raise InvalidValue("document", sandbox.record.document, f"the sandbox's: {error}") from None
    for cid, container in sorted(sandbox.containers.items()):
        try:
            files[cid], more = _encode(container, _layout_of(container, target.layout, forced=layout is not None))
        except (Malformed, ValueError) as error:
            raise InvalidValue("extra", container.origin.extra, f"container {cid!r}'s: {error}") from None
        lost += [f"{cid}: {loss}" for loss in more]
    return Rendered(target, files, lost)


def _layout_of(container: Container, target: str, *, forced: bool) -> str:
    origin = container.origin.layout
    # A sandbox's files are all in one store: a container made in Python, or read elsewhere, takes its sandbox's.
    if forced or not origin or (origin in OLD_LAYOUTS) != (target in OLD_LAYOUTS):
        return target
    check_name(origin)
    return origin


def _encode_own(record: SandboxState, target: Target) -> tuple[Files, list[str]]:
    """Encode the sandbox's own files, and name what they leave out."""
    lost = sandbox_losses(record, target.layout)
    if record.document is not None and (record.layout in OLD_LAYOUTS) != target.is_old:
        record = msgspec.structs.replace(record, document=None)
    if target.is_old:
        return encode_old_sandbox(record, target.layout), lost
    data = encode_sandbox(record, target.layout)
    version = target.version_from(record.layout)
    if version is not None:
        converted = convert_sandbox(data.decode(), version)
        data = converted.text.encode()
        lost += [f"the sandbox's {loss}" for loss in converted.losses]
    return {PERSIST: data}, lost


def _encode(container: Container, target: str) -> tuple[Files, list[str]]:
    """Encode a container's files, and name what they leave out."""
    record, origin = container.record, container.origin
    if target == origin.layout and origin.document is not None:
        files = _verbatim(record, origin)
        if files is not None:
            return files, []
    lost = unknown_key_losses(origin, target)
    empty = empty_lists(origin)
    if target in OLD_LAYOUTS:
        extra = origin.extra if target == origin.layout else None
        return encode_old_container(record, target, extra, empty), old_layout_losses(record, target, extra) + lost
    extra = origin.extra if origin.layout in LAYOUTS or not origin.layout else None
    moved = extra if target != origin.layout else None
    return {PERSIST: encode_container(record, target, extra, empty)}, layout_losses(record, target, moved) + lost


def _verbatim(record: ContainerState, origin: Origin) -> Files | None:
    """Return the files as they were read, if the record has not changed since."""
    document = origin.document or ""
    try:
        if origin.layout in OLD_LAYOUTS:
            files = files_of(document)
            return files if decode_old_container(files)[0] == record else None
        data = document.encode()
        return {PERSIST: data} if decode_container(data)[0] == record else None
    except (DamagedFile, ValueError, KeyError):
        return None  # not a document that an import stored
