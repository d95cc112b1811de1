"""The folders that an import has read: when each sandbox was seen, and which stored ones a folder no longer has.

A stored sandbox belongs to the folder on its host in which an import last found it (``source`` in the database). It is
gone if the folder was read since, without it, and nobody has stored or seen it after the reading began. It is removed
only if the folder was read whole, without any fault, and, unless ``prune`` is ``empty``, if there is anything in it:
an empty folder may be one that was not mounted. In the first import after the machine was booted that needs no
``empty``, for then it is no wonder (:mod:`.boot`). Sandboxes of other folders and runtimes stay, and so do those that
no import has found since the database knows of folders.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from ..errors import FileError
from ..runtimes.trees import is_live_path, is_usual_place, on_host, own_root
from .boot import CAUSE, Boot

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..runtimes.places import Source
    from ..runtimes.runtime import Runtime
    from ..runtimes.tree import SandboxTree
    from ..store.repository import ContainerRepository
    from .observer import Observer

Prune = Literal["none", "gone", "empty"]
"""Which sandboxes are removed: none, those that their folder no longer has, or all of an empty or missing one, too."""


@dataclass
class Folder:
    """A folder that is read: ``path`` as it was found, ``source`` on the host, ``only`` the one entry that is meant."""

    path: str
    source: str
    only: str | None = None
    is_live: bool = False
    could_be_read: bool = True
    exists: bool = True
    sids: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def add(self, tree: SandboxTree, *, is_here: bool) -> None:
        """Note that a sandbox is in it; ``is_here``: it was in no folder before."""
        (self.sids if is_here else self.elsewhere).add(tree.sid)
        if tree.faults:
            self.could_be_read = False

    def obstacle(self, prune: Prune) -> str:
        """Return why nothing of it may be removed; ``""`` if it may."""
        if self.only is not None:
            return "of its sandboxes one was to be read, so no other is removed: give the folder"
        if not self.could_be_read:
            return "not all of it could be read, so nothing is removed: remedy what is named above, and repeat"
        if prune != "empty" and not self.exists:
            return "does not exist: if that is meant, --prune=empty removes what was in it"
        if prune != "empty" and not (self.sids or self.elsewhere):
            return "is empty: if that is meant, --prune=empty removes what was in it"
        return ""


class Gone(NamedTuple):
    """Sandboxes that were seen to go from a folder (``source`` on the host), unless stored or seen since ``before``."""

    source: str
    sids: frozenset[str]
    before: datetime


class Folders:
    """All folders of an import, of one runtime or of all."""

    def __init__(
        self, repository: ContainerRepository, runtime: Runtime | None, observer: Observer, prune: Prune
    ) -> None:
        self._repository, self._runtime = repository, runtime
        self._observer, self._prune = observer, prune
        self._boot = Boot(repository, removes=prune != "none")
        self._folders: list[Folder] = []
        self._roots: list[str] = []

    def begin(self, source: Source, *, is_live: bool) -> Folder:
        """Return the folder that is read from now on."""
        if source.root is not None:
            self.read_root(source.root)
        if is_live:
            self._boot.begin(self._observer)
        folder = Folder(source.path, on_host(source), source.only, is_live)
        self._folders.append(folder)
        return folder

    def missing(self, path: str) -> None:
        """Note a path that does not exist and is taken for an empty folder."""
        self.is_lost(path)
        source = os.path.realpath(path)
        self._folders.append(Folder(path, source, is_live=is_live_path(source), exists=False))

    def no_places(self) -> None:
        """Note that none of this machine's usual places exists, which is no fault: the machine itself was read."""
        self._folders.append(Folder(own_root(), own_root(), is_live=True))

    @property
    def is_new_boot(self) -> bool:
        """Whether this is the first import after this machine was booted, as far as any folder of it was begun."""
        return self._boot.is_new

    def is_lost(self, path: str) -> bool:
        """Return whether what was in a folder may be lost with the boot: it is of this machine, which was booted."""
        if not is_live_path(path):
            return False
        self._boot.begin(self._observer)
        return self._boot.is_new

    def read_root(self, root: str) -> None:
        """Note that all usual places below a root are read."""
        if root not in self._roots:
            self._roots.append(root)

    def read_usual_places(self) -> None:
        """Note that the usual places of this machine are read, whichever of them exist."""
        self.read_root(own_root())
        self._boot.begin(self._observer)

    def settle(self) -> None:
        """Record what was seen, and remove, or only count, what is gone."""
        machine = None
        if any(folder.is_live for folder in self._folders):
            machine = self._boot.machine
            if self._boot.is_new:  # that it was seen is recorded last
                machine = msgspec.structs.replace(machine, boot_id=None)
        for folder in self._folders:
            if folder.could_be_read or folder.sids:
                self._repository.mark_seen(folder.sids, source=folder.source, at=folder.began, machine=machine)
        folders = [*self._folders, *self._missing_places()]
        for folder in folders:
            self._settle(folder)
        if folders:
            self._boot.end(folders[0].source, folders[0].began)

    def sids_of(self, source: str) -> set[str]:
        """Return the sandboxes that were found in a folder."""
        return set().union(*(each.sids | each.elsewhere for each in self._folders if each.source == source))

    def mark_seen(self, source: Source, sids: Collection[str], at: datetime) -> None:
        """Record that sandboxes of a folder were seen."""
        if sids:
            self._repository.mark_seen(sids, source=on_host(source), at=at)

    def settle_gone(self, gone: Gone, keep: Collection[str]) -> None:
        """Remove what was seen to go, except what is there again."""
        sids = gone.sids.difference(keep)
        if sids:
            for sid in self._repository.prune(gone.source, before=gone.before, sids=sids):
                self._observer.removed(sid)

    def _missing_places(self) -> list[Folder]:
        """Return the usual places below the roots in which sandboxes were found, and which do not exist now."""
        if not self._roots:
            return []
        known = {folder.source for folder in self._folders}
        return [
            Folder(source, source, is_live=is_live_path(source), exists=False)
            for source in self._repository.sources()
            if source not in known
            and is_usual_place(source, self._runtime)
            and not any(os.path.lexists(root.rstrip("/") + source) for root in self._roots)
        ]

    def _settle(self, folder: Folder) -> None:
        layouts = None if self._runtime is None else self._runtime.layouts
        keep = folder.sids | folder.elsewhere
        is_lost = folder.is_live and self._boot.is_new
        obstacle = folder.obstacle("empty" if is_lost else self._prune)
        if self._prune != "none" and not obstacle:
            repository = self._repository.acting(cause=CAUSE) if is_lost else self._repository
            removed = repository.prune(folder.source, before=folder.began, layouts=layouts, keep=keep)
            for sid in removed:
                (self._observer.lost if is_lost else self._observer.removed)(sid)
            return
        if self._prune == "none" and (folder.only is not None or not folder.could_be_read):
            return
        gone = self._repository.unseen(folder.source, before=folder.began, layouts=layouts, keep=keep)
        if not gone:
            return
        number = f"{len(gone)} stored {'sandbox' if len(gone) == 1 else 'sandboxes'}"
        if self._prune == "none":
            option = "--prune=empty" if folder.obstacle("gone") and not is_lost else "--prune"
            self._observer.note(
                f"{folder.path} no longer has {number}; {option} removes {'it' if len(gone) == 1 else 'them'}"
            )
        else:
            self._observer.fault(FileError(folder.path, f"no longer has {number}, but {obstacle}"))
