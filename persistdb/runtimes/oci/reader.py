"""Read a folder of containers, and group them to sandboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ...annotations import namespace_of, sid_of
from ...errors import DamagedFile, FileError
from ...records import ContainerState, Origin, Process, SandboxState
from ...validation import invalid_id
from ..folders import printable_path
from ..joined import join_files
from ..places import Source
from ..stable import decode_when_stable
from ..tree import SandboxTree
from . import processes
from .traits import BUNDLE_CONFIG, CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..folders import Files, Folder
    from ..runtime import Reading, Seen
    from .traits import Decoded, Traits

_FIFO: Final = "exec.fifo"
"""What the runtime's init waits at until the container is started; its presence is all that counts."""

_STATES: Final = {"created": "ready", "running": "running", "paused": "paused", "stopped": "stopped"}
"""The states of the runtime specification, and ``paused``, as Kata names them."""


class _Container(msgspec.Struct):
    cid: str
    path: str
    record: ContainerState
    origin: Origin
    sid: str | None
    notes: list[str]
    freezer: str | None


def read(traits: Traits, folder: Folder, names: Iterable[str], reading: Reading) -> Iterator[SandboxTree]:
    """Read the containers that have these names in a folder; yield their sandboxes, each with all its containers."""
    booted = processes.boot_time() if reading.live else None
    found: dict[str, list[_Container]] = {}
    kept = set(reading.kept)
    for cid in names:
        try:
            container = _read(traits, folder, cid, reading, booted)
        except FileNotFoundError:
            continue  # removed since the folder was listed, or a container whose state is not written yet
        except FileError as fault:
            name = printable_path(cid)
            yield SandboxTree(sid=name, path=folder.join(cid), faults=[fault], kept={name}, runtime=traits.name)
            kept.add(name)
        else:
            found.setdefault(container.sid or cid, []).append(container)
    for sid, containers in sorted(found.items()):
        # a container's sandbox is named in its file, so a faulty one may be of any
        yield _tree(traits, folder, sid, containers, kept, is_whole=reading.whole or not containers[0].sid)


def _tree(
    traits: Traits, folder: Folder, sid: str, containers: list[_Container], kept: set[str], *, is_whole: bool
) -> SandboxTree:
    states = {container.cid: container.record.state for container in containers}
    path = folder.join(sid)
    return SandboxTree(
        sid=sid,
        path=path,
        record=SandboxState(sid=sid, state=states.get(sid, ""), layout=traits.name) if is_whole else None,
        file=path,
        containers={container.cid: (container.record, container.origin) for container in containers},
        container_files={container.cid: container.path for container in containers},
        kept=set(kept),
        notes=[note for container in containers for note in container.notes],
        runtime=traits.name,
        freezers={container.cid: container.freezer for container in containers if container.freezer},
    )


def _read(traits: Traits, parent: Folder, cid: str, reading: Reading, booted: int | None) -> _Container:
    if (reason := invalid_id(cid)) is not None:
        raise FileError(parent.join(cid), reason)
    with parent.folder(cid) as folder:
        notes: list[str] = []
        seen = reading.seen.pop(cid, {})
        place = f"{printable_path(folder.path)}/"

        def decode(files: Files) -> tuple[Files, Decoded]:
            # the bundle's file is not the runtime's to write, so it is not read again with the others
            everything = files | _bundle_files(traits, files, place, folder.owner(), reading, notes)
            return everything, traits.decode(everything, place)

        files, decoded = decode_when_stable(lambda: _load(folder, traits.files, seen), decode)
        has_fifo = folder.kind(_FIFO) is not None
    state = _live_state(traits, decoded, has_fifo) if reading.live else _state_in_files(decoded, has_fifo)
    texts = {name: data.decode() for name, data in files.items()}
    return _Container(
        cid=cid,
        path=place + traits.files[0],
        record=msgspec.structs.replace(
            decoded.record, state=_STATES.get(state, state), processes=_started(decoded, booted)
        ),
        origin=Origin(
            layout=traits.name,
            document=join_files(texts),
            namespace=namespace_of(decoded.annotations, decoded.record.bundle_path, parent.path),
        ),
        sid=sid_of(decoded.annotations),
        notes=notes,
        freezer=processes.of_cgroups(decoded.freezer) if reading.live and state not in ("", "stopped") else None,
    )


def _load(folder: Folder, names: tuple[str, ...], seen: Seen) -> tuple[Files, bool]:
    """Read the files, and return whether any was written recently; what was seen of them is taken once.

    Raises :class:`FileNotFoundError` if the one with the state is missing.
    """
    files: Files = {}
    any_recent = False
    for name in names:
        try:
            files[name], is_recent = seen.pop(name) if name in seen else folder.read(name)
        except FileNotFoundError:
            if name == names[0]:
                raise
            raise DamagedFile(folder.join(name), f"does not exist, but {names[0]} does") from None
        any_recent |= is_recent
    return files, any_recent


def _bundle_files(traits: Traits, files: Files, place: str, owner: int, reading: Reading, notes: list[str]) -> Files:
    """Read the bundle's config.json, if the runtime needs it and the bundle is where its path says.

    On its machine the bundle must be of the user who owns the container's folder, unless this is root: else a user
    would have root read what is not theirs.
    """
    if traits.bundle is None:
        return {}
    path = traits.bundle(files, place)
    steps = tuple(step for step in path.split("/") if step)
    # on its machine the path may lead through the machine's symlinks; in a copy they lead out of it
    if reading.live:
        source = Source(path)
    elif reading.root is not None:
        source = Source(reading.root, steps)
    else:
        source = None
    why = "was not found"
    if source is not None and path.startswith("/") and not {".", ".."} & set(steps) and "\0" not in path:
        try:
            with source.open() as bundle:
                if not reading.live or owner in (0, bundle.owner()):
                    return {BUNDLE_CONFIG: bundle.read(CONFIG)[0]}
                why = "is another user's than the container"
        except DamagedFile:
            raise
        except (FileError, FileNotFoundError):
            pass
    notes[:] = [f"{place}: the bundle {path!r} {why}: its mounts and devices are not known"]
    return {}


def _live_state(traits: Traits, decoded: Decoded, has_fifo: bool) -> str:
    """Return the state by the runtime's rule, of the files and of this machine's processes and cgroups."""
    is_frozen = bool(decoded.freezer) and processes.is_frozen(decoded.freezer)
    pid = decoded.record.processes[0].pid if decoded.record.processes else 0
    if traits.freezer_first and is_frozen:
        return "paused"
    if not processes.is_alive(pid, decoded.ticks):
        return "stopped"
    if decoded.status:  # the runtime writes each state but the end
        return decoded.status if decoded.status != "stopped" else "running"
    if has_fifo:
        return "created"
    return "paused" if is_frozen else "running"


def _state_in_files(decoded: Decoded, has_fifo: bool) -> str:
    """Return the state that the files alone tell: none if the container was started, for it may have ended since."""
    if decoded.status:
        return decoded.status
    if has_fifo:
        return "created"
    return "" if decoded.record.processes else "stopped"


def _started(decoded: Decoded, booted: int | None) -> list[Process]:
    """Return the processes with their start time, which only the machine that they ran on can tell from the ticks."""
    if booted is None or not decoded.ticks:
        return decoded.record.processes
    start = processes.start_time(booted, decoded.ticks)
    return [msgspec.structs.replace(process, start_time=start) for process in decoded.record.processes]
