"""Import files into the store, each sandbox whole or not at all; name and leave out what cannot be stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from ..errors import (
    AlreadyExists,
    Conflict,
    DatabaseError,
    FileError,
    InvalidValue,
    NotFound,
    PersistDBError,
    Unreadable,
)
from ..records import SandboxWrite
from ..runtimes.kata import read_trees
from ..store.batches import batches
from ..store.rows import check_container, check_sandbox
from ..validation import check_kind
from .notes import losses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..runtimes.tree import SandboxTree
    from ..store.repository import ContainerRepository


class Observer(Protocol):
    """A listener to the events of an import."""

    def fault(self, problem: FileError) -> None:
        """Handle a file or folder that could not be read or stored."""

    def note(self, text: str) -> None:
        """Handle a sentence about something that is no fault."""

    def stored(self, sid: str, containers: int) -> None:
        """Handle a sandbox that was stored, with so many containers from its files."""

    def left_out(self, sid: str) -> None:
        """Handle a sandbox of which nothing was stored; its faults were reported before."""


class Importer:
    """An import for the repository's host, in batches.

    A sandbox replaces its stored version, also one that cannot be read. Where a container's file has a fault, its
    stored version stays; where the sandbox's own file has one, the sandbox's row stays. With ``strict`` any fault
    leaves out the whole sandbox.
    """

    def __init__(self, repository: ContainerRepository, observer: Observer, *, strict: bool = False) -> None:
        self._repository = repository
        self._observer = observer
        self._strict = strict
        self._read_any = False

    def run(self, paths: Iterable[str]) -> bool:
        """Store the sandboxes found at the paths; return whether any of the paths could be read.

        The paths are as for :func:`persistdb.runtimes.kata.read_trees`. Raises
        :class:`~persistdb.errors.DatabaseError` when the database fails; sandboxes reported as stored stay stored.
        """
        check_kind("paths", paths, Iterable)
        self._read_any = False
        # A tree without a record is stored alone, after all trees before it: one of them may be of the same sandbox.
        for has_record, trees in groupby(self._wanted(paths), key=lambda tree: tree.record is not None):
            if has_record:
                self._store_in_batches(trees)
            else:
                for tree in trees:
                    self._store(tree)
        return self._read_any

    def _wanted(self, paths: Iterable[str]) -> Iterator[SandboxTree]:
        """Read the trees, report their faults and notes, and yield the trees to store."""
        for tree in self._read(paths):
            for fault in tree.faults:
                self._observer.fault(fault)
            for note in tree.notes:
                self._observer.note(note)
            if tree.faults and (self._strict or _is_empty(tree)):
                self._observer.left_out(tree.sid)
            else:
                for note in losses(tree, self._repository):
                    self._observer.note(note)
                yield tree

    def _read(self, paths: Iterable[str]) -> Iterator[SandboxTree]:
        for path in paths:
            number = 0
            try:
                for tree in read_trees([path]):
                    number += 1
                    yield tree
            except FileError as error:
                self._observer.fault(error)
                continue
            self._read_any = True
            if not number:
                self._observer.note(f"{path} holds no sandbox")

    def _store_in_batches(self, trees: Iterable[SandboxTree]) -> None:
        waiting: deque[SandboxTree] = deque()  # the trees of the writes, in the same order

        def writes() -> Iterator[SandboxWrite]:
            for tree in trees:
                waiting.append(tree)
                yield _write_of(tree)

        for batch in batches(writes()):
            self._store_batch(batch, [waiting.popleft() for _ in batch])

    def _store_batch(self, batch: Sequence[SandboxWrite], trees: Sequence[SandboxTree]) -> None:
        try:
            self._repository.save_many(batch)
        except (AlreadyExists, InvalidValue, Unreadable, DatabaseError) as error:
            if not _is_about_data(error):
                raise
            # One of the sandboxes is bad, and the transaction was shared by all.
            for tree in trees:
                self._store(tree)
        else:
            for tree in trees:
                self._observer.stored(tree.sid, len(tree.containers))

    def _store(self, tree: SandboxTree) -> None:
        """Store one sandbox in a separate transaction, without the files that cannot be stored."""
        try:
            if tree.record is None:
                self._store_containers(tree)
            else:
                self._repository.save_many([_write_of(tree)])
        except (AlreadyExists, InvalidValue, Unreadable, DatabaseError) as error:
            if not _is_about_data(error):
                raise
            unstorable = _take_out_unstorable(tree)
            for fault in unstorable or [_not_stored(tree.path, error)]:
                self._observer.fault(fault)
            if not unstorable or self._strict or _is_empty(tree):
                self._observer.left_out(tree.sid)
            else:
                self._store(tree)
        else:
            self._observer.stored(tree.sid, len(tree.containers))

    def _store_containers(self, tree: SandboxTree) -> None:
        """Store the containers of a sandbox whose own file has a fault; its row and its other containers stay."""
        while True:
            cids: frozenset[str] = frozenset()
            revision = 0
            with suppress(NotFound):
                stored = self._repository.load_sandbox(tree.sid)
                cids, revision = frozenset(stored.containers), stored.revision
            try:
                self._repository.save_many([_write_of(tree, keep=cids, revision=revision)])
            except Conflict:
                continue  # changed since it was loaded: there may be more containers to keep
            return


def _write_of(tree: SandboxTree, keep: Iterable[str] = (), revision: int | None = None) -> SandboxWrite:
    return SandboxWrite(
        sid=tree.sid,
        record=tree.record,
        containers={cid: record for cid, (record, _) in tree.containers.items()},
        origins={cid: origin for cid, (_, origin) in tree.containers.items()},
        keep=frozenset(tree.kept).union(keep),
        revision=revision,
    )


def _is_empty(tree: SandboxTree) -> bool:
    return tree.record is None and not tree.containers


def _is_about_data(error: AlreadyExists | InvalidValue | Unreadable | DatabaseError) -> bool:
    # The subclasses of DatabaseError are about the database; an error that no rule names may be about a value.
    return not isinstance(error, DatabaseError) or type(error) is DatabaseError


def _not_stored(path: str, error: PersistDBError) -> FileError:
    fault = FileError(path, f"not stored: {error}")
    fault.__cause__ = error
    return fault


def _take_out_unstorable(tree: SandboxTree) -> list[FileError]:
    """Take out of a tree the files with values that not every engine can hold, as if damaged; return their faults."""
    faults: list[FileError] = []
    if tree.record is not None:
        try:
            check_sandbox(tree.record)
        except InvalidValue as error:
            faults.append(_not_stored(tree.file_of(), error))
            tree.record = None
    for cid, (record, origin) in list(tree.containers.items()):
        try:
            check_container(cid, record, origin)
        except InvalidValue as error:
            faults.append(_not_stored(tree.file_of(cid), error))
            del tree.containers[cid]
            tree.kept.add(cid)
    return faults
