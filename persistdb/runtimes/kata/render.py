"""What a sandbox's files hold in a layout, and what that layout has no place for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ...errors import DamagedFile, InvalidValue
from ..folders import Files  # noqa: TC001  msgspec reads the struct's annotations
from ..gojson import Malformed, scan
from .container import ZEROS, decode_container, encode_container, losses
from .layouts import DEFAULT, LAYOUTS, OLD_LAYOUTS, PERSIST, check_name
from .oldstore import CONFIG, decode_old_container, encode_old_container, encode_old_sandbox, old_losses, split
from .sandbox import encode_sandbox

if TYPE_CHECKING:
    from ...records import Container, ContainerState, Origin, Sandbox, SandboxState


class Rendered(msgspec.Struct, frozen=True):
    """A sandbox's files by container ID (``""``: its own), and the losses in words."""

    layout: str
    files: dict[str, Files]
    losses: list[str]

    @property
    def is_old(self) -> bool:
        """Whether this is an old store's tree."""
        return self.layout in OLD_LAYOUTS


def render(sandbox: Sandbox, layout: str | None = None) -> Rendered:
    """Encode all files of a sandbox, each container in the layout it came in unless ``layout`` names one for all.

    Raises :class:`~persistdb.errors.InvalidValue` for an unknown layout, and for a document or extra that is no JSON.
    """
    target = layout or sandbox.record.layout or DEFAULT
    check_name(target)
    try:
        own, lost = _own(sandbox.record, target)
    except (Malformed, ValueError) as bad:
        raise InvalidValue("document", sandbox.record.document, f"the sandbox's: {bad}") from None
    files = {"": own}
    for cid, container in sorted(sandbox.containers.items()):
        try:
            files[cid], more = _container(container, _layout_of(container, target, forced=layout is not None))
        except (Malformed, ValueError) as bad:
            raise InvalidValue("extra", container.origin.extra, f"container {cid!r}'s: {bad}") from None
        lost += [f"{cid}: {loss}" for loss in more]
    return Rendered(target, files, lost)


def _layout_of(container: Container, target: str, *, forced: bool) -> str:
    origin = container.origin.layout
    # One sandbox is one store: a container that was made in Python, or elsewhere, takes its sandbox's.
    if forced or not origin or (origin in OLD_LAYOUTS) != (target in OLD_LAYOUTS):
        return target
    check_name(origin)
    return origin


def _own(record: SandboxState, target: str) -> tuple[Files, list[str]]:
    came_old = record.layout in OLD_LAYOUTS
    if record.document is None or came_old == (target in OLD_LAYOUTS):
        files = (
            encode_old_sandbox(record, target) if target in OLD_LAYOUTS else {PERSIST: encode_sandbox(record, target)}
        )
        return files, []
    bare = msgspec.structs.replace(record, document=None)
    if target in OLD_LAYOUTS:
        return encode_old_sandbox(bare, target), ["the sandbox's own persist.json but for its state and cgroup path"]
    lost = [f"the sandbox's {name}" for name in split(record.document) if name.endswith(".json")]
    return {PERSIST: encode_sandbox(bare, target)}, [
        f"{loss} but for its state and cgroup path" if loss.endswith("state.json") else loss for loss in lost
    ]


def _container(container: Container, target: str) -> tuple[Files, list[str]]:
    record, origin = container.record, container.origin
    if target == origin.layout and origin.document is not None:
        files = _verbatim(record, origin)
        if files is not None:
            return files, []
    if target in OLD_LAYOUTS:
        extra = origin.extra if target == origin.layout else None
        lost = old_losses(record, target, extra) + _unkept(origin, target)
        return encode_old_container(record, target, extra), lost
    extra = origin.extra if origin.layout in LAYOUTS or not origin.layout else None
    lost = losses(record, target, extra if target != origin.layout else None) + _unkept(origin, target)
    return {PERSIST: encode_container(record, target, extra)}, lost


def _verbatim(record: ContainerState, origin: Origin) -> Files | None:
    """The files' own text, if the record is still what they say."""
    document = origin.document or ""
    try:
        if origin.layout in OLD_LAYOUTS:
            texts = split(document)
            files = {name: b"" if name == "lock" else text.encode() for name, text in texts.items()}
            return files if decode_old_container(files)[0] == record else None
        data = document.encode()
        return {PERSIST: data} if decode_container(data)[0] == record else None
    except (DamagedFile, ValueError, KeyError):
        return None  # not a text that we stored


def _unkept(origin: Origin, target: str) -> list[str]:
    """Name the unknown keys that don't go from one store, or one old layout, to another; zero values are no loss."""
    if origin.extra is None or target == origin.layout or (target in LAYOUTS and origin.layout in LAYOUTS):
        return []
    found = []
    for name, text in split(origin.extra).items():
        if origin.layout in LAYOUTS:
            found.append(name)
        elif name == CONFIG:
            found.append(CONFIG)
        elif name.endswith(".json"):
            found += [f"{name} {path}" for path in _values(text, name)]
    return found


def _values(text: str, name: str) -> list[str]:
    if not text.lstrip().startswith("{"):
        return ["as its drivers wrote it"]
    found = []
    for member in scan.members(text, scan.skip_space(text, 0))[0]:
        value = text[member.start : member.end]
        if name in ("mounts.json", "devices.json"):
            found += [f"[{member.key}].{inner}" for inner in _values(value, "")]
        elif value not in ZEROS:
            found.append(member.key)
    return found
