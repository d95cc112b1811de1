"""Import files into the store, each sandbox whole or not at all; name and leave out what cannot be stored."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

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
from ..runtimes.known import runtime_named
from ..runtimes.trees import is_live, locate, on_host, places_of, read_trees, usual_places
from ..store.batches import batches
from ..store.record_rows import check_container, check_sandbox
from ..validation import check_kind
from .folders import Folders, Gone
from .namespaces import Namespaces
from .notes import Losses, containers_without_state, of_runtimes, without_content

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..runtimes.places import Source
    from ..runtimes.tree import SandboxTree
    from ..store.repository import ContainerRepository
    from .folders import Prune
    from .observer import Observer
    from .turns import Entries, Turns


_TICK = timedelta(microseconds=1)
"""The least by which two times in the database differ."""


class Importer:
    """An import for the repository's host, in batches.

    A sandbox replaces its stored version, also one that cannot be read. Where a container's file has a fault, its
    stored version stays; where the sandbox's own file has one, the sandbox's row stays. With ``strict`` any fault
    leaves out the whole sandbox. ``runtime`` is the name of the one whose files are taken, ``None`` for each that
    recognises its own. ``live`` is as for :func:`persistdb.runtimes.trees.read_trees`. ``prune`` is which stored
    sandboxes go that their folder no longer has (:mod:`.folders`). ``cause`` is that of its changes, and ``turns`` is a
    follower of the same folders: what that has read is stored by :meth:`run_entries`.

    Raises :class:`~persistdb.errors.InvalidValue` for a runtime that is not known.
    """

    def __init__(
        self,
        repository: ContainerRepository,
        observer: Observer,
        *,
        strict: bool = False,
        runtime: str | None = None,
        live: bool | None = None,
        prune: Prune = "none",
        cause: str = "import",
        turns: Turns | None = None,
    ) -> None:
        self._repository = repository = repository.acting(cause=cause)
        self._observer = observer
        self._strict = strict
        self._runtime = None if runtime is None else runtime_named(runtime)
        self._live = live
        self._prune: Prune = prune
        self._turns = turns
        self._stored_until = datetime.min.replace(tzinfo=UTC)
        self._left: list[Gone] = []
        self._begin()

    @property
    def _may_be_missing(self) -> bool:
        """Whether a folder that does not exist is no fault: it is taken for an empty one, or may come later."""
        return self._prune == "empty" or self._turns is not None

    def _begin(self) -> None:
        self._read_any = False
        self._folders = Folders(self._repository, self._runtime, self._observer, self._prune)
        self._namespaces = Namespaces(self._repository)
        self._losses = Losses(self._repository)
        self._found: dict[str, tuple[str, str]] = {}
        self._ids: dict[tuple[str, str], str] = {}

    def run(self, paths: Iterable[str]) -> bool:
        """Store the sandboxes found at the paths; return whether any of the paths could be read.

        The paths are as for :func:`persistdb.runtimes.trees.locate`. Raises
        :class:`~persistdb.errors.DatabaseError` when the database fails; sandboxes reported as stored stay stored.
        """
        check_kind("paths", paths, Iterable)
        return self._run(self._read(paths))

    def run_usual_places(self, *, may_be_none: bool = False) -> bool:
        """Store what is at the usual places of runtimes on this machine, and say what was found where; as :meth:`run`.

        That there is none of them is a fault, unless there ``may_be_none``. A sandbox ID that is found at two places is
        stored once, and a fault the second time.
        """
        return self._run(self._read_usual_places(may_be_none=may_be_none))

    def run_entries(self, read: Entries) -> None:
        """Store what a follower has read of some folders, and remove the sandboxes that are gone from them.

        It follows a :meth:`run`, or :meth:`run_usual_places`, of the place that they are in.
        """
        sids: set[str] = set()
        self._losses = Losses(self._repository)

        def trees() -> Iterator[SandboxTree]:
            for each in read.trees:
                tree, is_here = self._placed(each, read.source, self._found)
                if is_here:
                    sids.add(tree.sid)
                yield tree

        self._store_all(trees())
        self._folders.mark_seen(read.source, sids, read.began)
        gone = self._gone(read)
        self._folders.settle_gone(gone, sids)
        for name in read.gone:
            self._ids.pop((read.source.path, name), None)
        for sid in gone.sids:
            self._found.pop(sid, None)

    def leave(self, read: Entries) -> None:
        """Leave what a follower has read to the next :meth:`run`, for which it is also known what was seen to go.

        That run alone would not remove it where a folder is empty or missing.
        """
        gone = self._gone(read)
        if gone.sids:
            self._left.append(gone)

    def _gone(self, read: Entries) -> Gone:
        sids = frozenset(self._ids.get((read.source.path, sid), sid) for sid in read.gone)
        # what is gone was perhaps stored later than it was found to be gone, from what was read before
        return Gone(on_host(read.source), sids, max(read.began, self._stored_until))

    def _run(self, trees: Iterator[SandboxTree]) -> bool:
        self._begin()
        self._store_all(trees)
        while self._left:
            self._folders.settle_gone(self._left[0], self._folders.sids_of(self._left[0].source))
            del self._left[0]
        self._folders.settle()
        return self._read_any

    def _store_all(self, trees: Iterator[SandboxTree]) -> None:
        # A tree without a record is stored alone, after all trees before it: one of them may be of the same sandbox.
        for has_record, trees_of_a_kind in groupby(self._wanted(trees), key=lambda tree: tree.record is not None):
            if has_record:
                self._store_in_batches(trees_of_a_kind)
            else:
                for tree in trees_of_a_kind:
                    self._store(tree)

    def _wanted(self, trees: Iterator[SandboxTree]) -> Iterator[SandboxTree]:
        """Report the faults and notes of trees, and yield the trees to store."""
        for tree in trees:
            for fault in tree.faults:
                self._observer.fault(fault)
            for note in tree.notes:
                self._observer.note(note)
            if tree.faults and (self._strict or _is_empty(tree)):
                self._observer.left_out(tree.sid)
            else:
                for note in self._losses.of(tree):
                    self._observer.note(note)
                yield tree

    def _read(self, paths: Iterable[str]) -> Iterator[SandboxTree]:
        for path in paths:
            try:
                sources = locate(path, self._runtime)
            except FileError as error:
                if _is_missing(path) and (self._may_be_missing or self._folders.is_lost(path)):
                    self._folders.missing(path)
                    self._read_any = True
                else:
                    self._observer.fault(error)
            else:
                yield from self._read_sources(path, sources, tells=len(sources) > 1)

    def _read_usual_places(self, *, may_be_none: bool) -> Iterator[SandboxTree]:
        sources = usual_places(self._runtime)
        self._folders.read_usual_places()
        if not sources and (may_be_none or self._may_be_missing or self._folders.is_new_boot):
            self._folders.no_places()
            self._read_any = True
        elif not sources:
            places = ", ".join(f"/{place}" for place in places_of(self._runtime))
            self._observer.fault(FileError("/", f"no runtime has state on this machine ({places}): give its path"))
        yield from self._read_sources("/", sources, tells=True)

    def _read_sources(self, path: str, sources: Sequence[Source], *, tells: bool) -> Iterator[SandboxTree]:
        """Read folders that were found together, in each of which an ID may be only once; ``tells`` what is where."""
        found: dict[str, tuple[str, str]] = {} if self._turns is None else self._found
        found_any = could_read = False
        for source in sources:
            numbers: Counter[str] = Counter()
            stateless = 0
            live = is_live(source) if self._live is None else self._live
            folder = self._folders.begin(source, is_live=live)
            try:
                for read in read_trees(source, self._runtime, live=live):
                    found_any = True
                    is_wanted = self._turns is None or self._turns.take(source, read)
                    tree, is_here = self._placed(read, source, found)
                    numbers[tree.runtime] += 1
                    stateless += containers_without_state(tree)
                    folder.add(tree, is_here=is_here)
                    if is_wanted:
                        yield tree
            except FileError as error:
                self._observer.fault(error)
                folder.could_be_read = False
                continue
            could_read = True
            if stateless:
                self._observer.note(
                    f"{source.path}: the files do not tell the state of {stateless} of its containers; "
                    "if they are this machine's own, import them live (--live)"
                )
            if tells and numbers:
                self._observer.note(f"{source.path} holds {of_runtimes(numbers)}")
        self._read_any |= could_read
        if could_read and not found_any:
            self._observer.note(f"{path} holds no sandbox")

    def _placed(self, read: SandboxTree, source: Source, found: dict[str, tuple[str, str]]) -> tuple[SandboxTree, bool]:
        """Return a tree under the ID that it is stored by, and whether that is found at no other place."""
        tree = self._namespaces.apart(read)
        self._ids[source.path, read.sid] = tree.sid
        place = source.path, tree.runtime
        # a tree without content stores nothing, so the same ID may come again
        other = place if _is_empty(tree) else found.setdefault(tree.sid, place)
        return (tree, True) if other == place else (without_content(tree, *other), False)

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
            self._tell_stored(trees)

    def _tell_stored(self, trees: Sequence[SandboxTree]) -> None:
        self._stored_until = max(self._stored_until, datetime.now(UTC) + _TICK)  # the clock may be set back
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
            self._tell_stored([tree])

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


def _is_missing(path: object) -> bool:
    """Return whether there is nothing at a path; what is no path, or may not be looked at, is not missing."""
    if not isinstance(path, str | os.PathLike):
        return False
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False


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
