"""What a reader of a runtime's files yields, one sandbox with the faults of its files, and what a writer yields.

Both are the same for every runtime: the importer stores a tree without knowing the runtime.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from ..errors import FileError, InvalidValue, LayoutLoss  # noqa: TC001  msgspec reads the struct's annotations
from ..records import ContainerState, Origin, Sandbox, SandboxState  # noqa: TC001  as above


class SandboxTree(msgspec.Struct, kw_only=True):
    """One sandbox as its files describe it.

    ``path`` is the sandbox's folder. ``file`` and ``container_files`` name the file that each record came from, for
    messages; where a runtime keeps several files for one record, they name the folder. All paths are printable.

    ``record`` is ``None`` where the sandbox's own file is missing or damaged; such a tree does not tell which
    containers are gone. Otherwise containers that are neither in ``containers`` nor in ``kept`` are gone. ``kept`` has
    the IDs of containers whose files are damaged or unreadable: their stored rows must stay. ``stateless`` has folders
    without a container's file, by the ID that a container would have, each with the path of that file. ``faults`` are
    the errors, and ``notes`` are sentences for the user about anything else worth knowing. ``runtime`` is the name of
    the runtime that the files are of. ``freezers`` has, by the ID of a container that lives on this machine, the file
    of its cgroup that tells whether it is paused.
    """

    sid: str
    path: str
    record: SandboxState | None = None
    file: str = ""
    containers: dict[str, tuple[ContainerState, Origin]] = msgspec.field(default_factory=dict)
    container_files: dict[str, str] = msgspec.field(default_factory=dict)
    faults: list[FileError] = msgspec.field(default_factory=list)
    kept: set[str] = msgspec.field(default_factory=set)
    stateless: dict[str, str] = msgspec.field(default_factory=dict)
    notes: list[str] = msgspec.field(default_factory=list)
    runtime: str = "kata"
    freezers: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """The namespace in containerd of its containers, empty if they are in none."""
        return max((origin.namespace for _, origin in self.containers.values()), default="")

    def renamed(self, sid: str) -> SandboxTree:
        """Return the tree with another ID of its sandbox; its containers' stay."""
        record = None if self.record is None else msgspec.structs.replace(self.record, sid=sid)
        return msgspec.structs.replace(self, sid=sid, record=record)

    def file_of(self, cid: str | None = None) -> str:
        """Return the path of the file that describes a container, or without ``cid`` the sandbox itself."""
        return self.container_files[cid] if cid is not None else self.file or self.path


class Written(NamedTuple):
    """The outcome for one sandbox: what was left out, in words, or why it was not written.

    ``is_regenerated``: the sandbox's own file was made from its record, for only its containers' files were read.
    """

    sandbox: Sandbox
    losses: list[str]
    error: FileError | LayoutLoss | InvalidValue | None = None
    is_regenerated: bool = False
