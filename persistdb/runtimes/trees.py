"""Read sandboxes from a path, whichever runtimes wrote them."""

from __future__ import annotations

import os
from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

import msgspec

from ..errors import FileError, UnsupportedLayout
from . import places
from .folders import printable_path
from .known import NAMES, PLACES, RUNTIMES
from .places import Source
from .runtime import Entry, Reading
from .tree import SandboxTree
from .workfolder import is_work_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from .folders import Folder
    from .runtime import Runtime, Seen

_ROOT: Final = "/"
RUN: Final = "/run"
"""The folder of what belongs to the present boot of this machine (hier(7)): state below it has its processes here."""

_OWN_FILES: Final = frozenset[str]().union(*(runtime.own_files for runtime in RUNTIMES))
_SHOWN: Final = 5  # keys
_NO_CONTAINERS: Final = frozenset({".empty-directory"})
"""Folders that runtimes keep beside their containers': crun's, to mount where something is to be hidden."""


def locate(path: str | os.PathLike[str], runtime: Runtime | None = None) -> list[Source]:
    """Return the folders that a path stands for.

    A path is a root, such as ``/`` or the copy of a node's, of which all usual places are read; a folder of sandboxes
    or containers; or the folder of one. Raises :class:`~persistdb.errors.FileError` for what is no folder or cannot be
    read.
    """
    return places.locate(path, places_of(runtime), _OWN_FILES if runtime is None else runtime.own_files)


def places_of(runtime: Runtime | None = None) -> tuple[str, ...]:
    """Return the usual places of a runtime's state, or of all runtimes', below a root."""
    return PLACES if runtime is None else runtime.places


def own_root() -> str:
    """Return the root of this machine."""
    return _ROOT


def usual_places(runtime: Runtime | None = None) -> list[Source]:
    """Return the usual places of runtimes' state that exist on this machine."""
    wanted = places_of(runtime)
    found = [source for place in wanted for source in _sources_at(_ROOT, place)]
    # where rootless runtimes keep it if this is elsewhere (basedir-spec)
    own = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(own) and os.path.isdir(own) and not os.path.realpath(own).startswith("/run/user/"):
        found += [
            source
            for place in wanted
            if place.startswith("run/user/*/")
            for source in _sources_at(own, place.rpartition("/")[2])
        ]
    return found


def _sources_at(root: str, place: str) -> list[Source]:
    try:
        found = [source for source in places.locate(root, (place,), ()) if source.place]
    except FileError:
        # what may not be listed is named when it is read, if its name is known
        return [Source(root, tuple(place.split("/")), place)] if "*" not in place else []
    # other users' folders are none of this user's business
    return [source for source in found if "*" not in place or os.access(source.path, os.R_OK | os.X_OK)]


def is_live(source: Source) -> bool:
    """Return whether a folder is this machine's own, and not the copy of another's or of an earlier boot's."""
    return is_live_path(source.path)


def is_live_path(path: str) -> bool:
    """Return whether a path is that of a folder which belongs to the present boot of this machine."""
    roots = [RUN]
    if os.path.isabs(own := os.environ.get("XDG_RUNTIME_DIR", "")):
        roots.append(os.path.realpath(own))
    path = os.path.realpath(path)
    return any(path.startswith(f"{root}/") for root in roots)


def on_host(source: Source) -> str:
    """Return a folder's path on its host, by which imports know it again: a root stands for the host's own.

    Of a folder that was named itself it is the path on this machine, without symlinks.
    """
    path = f"/{'/'.join(source.steps)}" if source.place in PLACES else os.path.realpath(source.path)
    return printable_path(path)


def is_usual_place(path: str, runtime: Runtime | None = None) -> bool:
    """Return whether a path on a host is one that a usual place of a runtime's state stands for."""
    steps = path.split("/")
    return any(
        len(steps) == len(place) and all(map(fnmatchcase, steps, place))
        for place in (f"/{place}".split("/") for place in places_of(runtime))
    )


def may_be_entry(name: str) -> bool:
    """Return whether a folder of this name may be a sandbox's or a container's."""
    return name not in _NO_CONTAINERS and not is_work_folder(name)


def read_trees(
    source: Source,
    runtime: Runtime | None = None,
    *,
    live: bool | None = None,
    entries: Collection[str] | None = None,
) -> Iterator[SandboxTree]:
    """Read the sandboxes of a folder, of one runtime or of each that recognises its files.

    ``live`` is whether this machine's processes and cgroups tell the state of containers; ``None`` decides by
    :func:`is_live`. With ``entries`` only the folders of these names are read: whoever gives the name of one container
    of a sandbox gives those of its others, too, for what is not among them is taken to be gone. What no runtime
    recognises is a fault. Raises :class:`~persistdb.errors.FileError` if the folder cannot be read, or has nothing of
    the runtime that is asked for, but of others.
    """
    reading = Reading(root=source.root, live=is_live(source) if live is None else live, whole=source.only is None)
    with source.open() as folder:
        if entries is None:
            found = source.names(folder)
        else:
            found = [name for name in sorted(entries) if folder.kind(name) in ("folder", "symlink")]
        names = [name for name in found if may_be_entry(name)]
        if runtime is None:
            yield from _read_each(folder, names, reading, is_katas=source.place in RUNTIMES[0].places)
        elif source.only is not None or (source.place in runtime.places and runtime is RUNTIMES[0]):
            yield from runtime.read(folder, names, reading)
        else:
            yield from _read_only(runtime, folder, names, reading, is_whole=entries is None)


def _read_only(
    runtime: Runtime, folder: Folder, names: list[str], reading: Reading, *, is_whole: bool
) -> Iterator[SandboxTree]:
    """Read all as one runtime's; a whole folder that has only others' is not the one that was meant."""
    seen: dict[str, Seen] = {}
    claimants = {name: _claimant(folder, name, seen)[0] for name in names}
    others = Counter(claimant.name for claimant in claimants.values() if claimant not in (None, runtime))
    if is_whole and others and runtime not in claimants.values():
        found = ", ".join(f"{number} of {name}" for name, number in others.items())
        raise UnsupportedLayout(
            printable_path(folder.path),
            f"holds nothing of {runtime.name}, but {found}: leave out the runtime, or give the other one",
        )
    yield from runtime.read(folder, names, msgspec.structs.replace(reading, seen=seen))


def _read_each(folder: Folder, names: list[str], reading: Reading, *, is_katas: bool) -> Iterator[SandboxTree]:
    if is_katas:
        # on most nodes of Kata's: nothing is opened twice
        yield from RUNTIMES[0].read(folder, names, reading)
        return
    claimed: dict[str, list[str]] = {name: [] for name in NAMES}
    seen: dict[str, Seen] = {}
    kept: set[str] = set()
    for name in names:
        claimant, faults = _claimant(folder, name, seen)
        if claimant is not None:
            claimed[claimant.name].append(name)
            continue
        if faults:
            unread: Iterable[SandboxTree] = [
                SandboxTree(sid=printable_path(name), path=folder.join(name), faults=faults)
            ]
        else:
            # one of Kata's without its own file, or no sandbox at all
            unread = RUNTIMES[0].read(folder, [name], reading)
        for tree in unread:
            kept.add(tree.sid)
            yield tree
    reading = msgspec.structs.replace(reading, kept=frozenset(kept), seen=seen)
    for runtime in RUNTIMES:
        if claimed[runtime.name]:
            yield from runtime.read(folder, claimed[runtime.name], reading)


def _claimant(folder: Folder, name: str, seen: dict[str, Seen]) -> tuple[Runtime | None, list[FileError]]:
    """Return the runtime that recognises a folder's files, and what is wrong with files that none recognises.

    What was read of the former is put into ``seen``.
    """
    try:
        with folder.folder(name) as inner:
            entry = Entry(inner)
            for runtime in RUNTIMES:
                if runtime.recognises(entry):
                    seen[name] = entry.seen
                    return runtime, []
            unknown = sorted(_OWN_FILES & entry.files)
            return None, [entry.faults.get(file) or _unknown(inner.join(file), entry.keys(file)) for file in unknown]
    except (FileError, FileNotFoundError):
        return None, []  # Kata's reader names it


def _unknown(path: str, keys: frozenset[str]) -> FileError:
    some = ", ".join(repr(key) for key in sorted(keys)[:_SHOWN]) or "none"
    return UnsupportedLayout(path, f"is of no runtime that is known ({', '.join(NAMES)}): its keys are {some}")
