"""The value that a reader of a runtime's files yields: one sandbox, its containers, and the faults of their files.

It is the same for every runtime: a reader makes it, and the importer stores it without knowing the runtime.
"""

from __future__ import annotations

import msgspec

from ..errors import FileError  # noqa: TC001  msgspec reads the struct's annotations
from ..records import ContainerState, Origin, SandboxState  # noqa: TC001  as above


class SandboxTree(msgspec.Struct, kw_only=True):
    """One sandbox as its files describe it.

    ``path`` is the sandbox's folder. ``file`` and ``container_files`` name the file that each record came from, for
    messages; where a runtime keeps several files for one record, they name the folder. All paths are printable.

    ``record`` is ``None`` where the sandbox's own file is missing or damaged; such a tree does not tell which
    containers are gone. Otherwise containers that are neither in ``containers`` nor in ``kept`` are gone. ``kept`` has
    the IDs of containers whose files are damaged or unreadable: their stored rows must stay. ``stateless`` has folders
    without a container's file, by the ID that a container would have, each with the path of that file. ``faults`` are
    the errors, and ``notes`` are sentences for the user about anything else worth knowing.
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

    def file_of(self, cid: str | None = None) -> str:
        """Return the path of the file that describes a container, or without ``cid`` the sandbox itself."""
        return self.container_files[cid] if cid is not None else self.file or self.path
