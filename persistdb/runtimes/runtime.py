"""The interface of a container runtime: how its files are recognised, read and written back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec

from ..errors import DamagedFile, FileError
from .gojson import decode_text
from .stable import decode_when_stable
from .staging import Place, clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..records import Sandbox
    from .folders import Folder
    from .tree import SandboxTree, Written


Seen: TypeAlias = dict[str, tuple[bytes, bool]]
"""Files of a folder by name, each with whether it was written to a moment before."""


class Entry:
    """A folder that may be a sandbox's or a container's, as recognition sees it."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._keys: dict[str, frozenset[str]] = {}
        self.files = frozenset(name for name, kind in folder.entries() if kind != "folder")
        """The names of what is no folder in it."""
        self.faults: dict[str, FileError] = {}
        """Why files whose keys were asked for cannot be read, by name."""
        self.seen: Seen = {}
        """What was read of the others."""

    def keys(self, name: str) -> frozenset[str]:
        """Return the keys of the JSON object that a file holds; none if it is missing, or has a fault."""
        if name not in self._keys:
            self._keys[name] = self._read_keys(name) if name in self.files else frozenset()
        return self._keys[name]

    def _read_keys(self, name: str) -> frozenset[str]:
        path = self._folder.join(name)
        try:
            return decode_when_stable(lambda: self._read(name), lambda data: _keys(data, path))
        except FileError as fault:
            self.faults[name] = fault
        except FileNotFoundError:
            pass
        return frozenset()

    def _read(self, name: str) -> tuple[bytes, bool]:
        self.seen[name] = self._folder.read(name)
        return self.seen[name]


_decode_keys = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def _keys(data: bytes, path: str) -> frozenset[str]:
    decode_text(data, path)
    try:
        return frozenset(_decode_keys(data))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DamagedFile(path, f"is not a JSON object: {error}") from None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How a folder is read.

    ``root`` is the root that the folder was found below, ``None`` if it is not known. ``live``: the files are this
    machine's, so its processes and cgroups tell the state of their containers. ``whole``: the folder is read whole, so
    a container that is not in it is gone. ``kept`` has the IDs of folders in it that could not be read, and ``seen``
    what was read of the others already.
    """

    root: str | None = None
    live: bool = False
    whole: bool = True
    kept: frozenset[str] = frozenset()
    seen: dict[str, Seen] = msgspec.field(default_factory=dict)


class Writing(msgspec.Struct, frozen=True, kw_only=True):
    """How sandboxes are written.

    ``is_root``: the folder to write to is a root, which holds a usual place of a runtime. ``layout`` is the one to go
    to, ``None`` for each file's own; ``allow_loss`` and ``replace`` say what is allowed. ``taken`` has the sandbox of
    each folder that was written, by its path: no tree of another sandbox may replace it. ``cleaned`` are the folders
    in which leftovers were looked for.
    """

    is_root: bool = False
    layout: str | None = None
    allow_loss: bool = False
    replace: bool = False
    taken: dict[str, str] = msgspec.field(default_factory=dict)
    cleaned: set[Place] = msgspec.field(default_factory=set)

    def clean(self, *places: Place) -> None:
        """Remove from folders what exports that were killed have left there, once for each folder."""
        for place in places:
            if place not in self.cleaned:
                clean(place)
                self.cleaned.add(place)


class Runtime(Protocol):
    """One container runtime."""

    @property
    def name(self) -> str:
        """Its name, as ``--runtime`` takes it."""

    @property
    def places(self) -> tuple[str, ...]:
        """The usual folders of its sandboxes or containers, below a root; ``*`` is any part of a name."""

    @property
    def own_files(self) -> frozenset[str]:
        """The files of which a sandbox's or container's folder has one, and whose keys tell whose it is."""

    @property
    def layouts(self) -> frozenset[str]:
        """The layouts that its records have in the store."""

    @property
    def keeps_state(self) -> bool:
        """Whether its files say in which state a container is; else a running machine is needed to tell."""

    def recognises(self, entry: Entry) -> bool:
        """Return whether the keys in a folder's files are this runtime's."""

    def read(self, folder: Folder, names: Iterable[str], reading: Reading) -> Iterator[SandboxTree]:
        """Read the sandboxes or containers that have these names in a folder.

        A damaged file is a fault of its sandbox. Raises :class:`~persistdb.errors.FileError` only if nothing can be
        read at all.
        """

    def write(self, sandboxes: Iterable[Sandbox], destination: str, writing: Writing) -> Iterator[Written]:
        """Write sandboxes back, and yield the outcome for each; what was not changed has the same bytes as before."""
