"""Follow folders: what changed in them is read once it is quiet, and handed over to be stored."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter, deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from ...errors import FileError, InotifyLimit
from ...runtimes.oci.processes import is_frozen
from ...runtimes.trees import is_live, may_be_entry, read_trees
from ..turns import Entries
from .faults import Faults
from .known import Known, entries_of
from .notifier import Beside, Entry, Root, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from ...runtimes.places import Source
    from ...runtimes.runtime import Runtime
    from ...runtimes.tree import SandboxTree
    from .debounce import Debounce
    from .notifier import Change, Notifier, Role
    from .places import Places
    from .processes import Processes

log = logging.getLogger("persistdb")

RETRY: Final = 1.0
"""Seconds after which a file with a fault is read again before the fault is reported."""
_SETTLES: Final = 10
"""How often the folders that there are may change while they are looked for."""


class Stopped(Exception):
    """The end of a pass over all folders, for the watcher is to end."""


class Read(NamedTuple):
    """What was read of some folders of one place, and when the first of them changed, by the monotonic clock."""

    entries: Entries
    changed: float


class _Followed:
    """A folder that is followed: which one it is, and the sandboxes in it."""

    def __init__(self, identity: tuple[int, int]) -> None:
        self.identity = identity
        self.known = Known()
        self.is_lost = False
        self.is_deleted = False


class Follower:
    """The reader of a watcher, and what keeps its reading and that of whole passes apart (:class:`..turns.Turns`).

    Its methods are called by one thread, but for :meth:`take`, :meth:`is_fresh`, :meth:`all_is_stored` and
    :meth:`stored`, which another calls that stores what was read. The notifier is the first thread's alone.
    """

    def __init__(
        self,
        places: Places,
        notifier: Notifier,
        processes: Processes,
        wake: Callable[[], None],
        *,
        runtime: Runtime | None,
        live: bool | None,
        debounce: Debounce[Entry],
    ) -> None:
        self._places, self._notifier, self._processes, self._wake = places, notifier, processes, wake
        self._runtime, self._live = runtime, live
        self._debounce = debounce
        self._lock = threading.RLock()
        self._followed: dict[Source, _Followed] = {}
        self._queued: Counter[Entry] = Counter()
        self._faults = Faults()
        self._vanished: list[Read] = []
        self._freezers: deque[tuple[Entry, str, bool]] = deque()
        self._later: deque[tuple[Entry, float]] = deque()
        self._looks_again = False
        self.is_stopping = False
        self.limit: InotifyLimit | None = None
        """The limit of the system for which not all is watched."""

    @property
    def folders(self) -> int:
        """How many folders are followed."""
        return len(self._followed)

    # --- what is there

    def look(self) -> bool:
        """Find the folders to follow, and watch them; return whether one has come, or was replaced."""
        self._looks_again = False
        has_changed = False
        for _ in range(_SETTLES):
            ways = self._places.ways()
            # in a folder that is watched only from now on another may have come before
            is_settled = not [path for path, names in ways.items() if self._add_again(path, Way(path, names))]
            self._notifier.drop_unless(
                lambda role: not isinstance(role, Way) or (role.path in ways and ways[role.path] == role.names)  # noqa: B023
            )
            has_changed |= self._compare(self._places.sources())
            if is_settled:
                break
        return has_changed

    def watch_all(self) -> None:
        """Watch all that is there, also what could not be watched before."""
        self.limit = None
        for source in self._followed:
            self._watch(source)

    def _compare(self, sources: Collection[Source]) -> bool:
        has_changed = False
        identities = {source: _identity(source) for source in sources}
        for source, followed in list(self._followed.items()):
            if followed.is_deleted:
                self._vanish(source)
            elif followed.is_lost or identities.get(source) != followed.identity:
                self._drop(source)
                has_changed = True
        for source, identity in identities.items():
            if identity is None or source in self._followed:
                continue
            has_changed = True
            with self._lock:
                self._followed[source] = _Followed(identity)
            log.info("following %s", source.path)
            self._watch(source)
        return has_changed

    def _drop(self, source: Source) -> None:
        """Follow a folder no longer: another has its place, or nothing has."""
        self._notifier.drop_unless(lambda role: isinstance(role, Way) or role.source != source)
        self._take_later()
        # what changed in this folder is not to be looked for in another
        self._debounce.discard(lambda entry: entry.source == source)
        with self._lock:
            for name in self._followed.pop(source).known.names():
                self._forget(Entry(source, name))

    def _forget(self, entry: Entry) -> None:
        """Watch nothing elsewhere that tells of a container."""
        self._processes.forget(entry)
        self._notifier.drop(Beside(entry.source, entry.name))

    def _vanish(self, source: Source) -> None:
        """Take it that a folder was removed, and so was empty: what was in it is gone."""
        with self._lock:
            known = self._followed[source].known
            names = frozenset(known.names())
            self._drop(source)
            entries = Entries(
                source=source, began=datetime.now(UTC), names=names, trees=[], gone=known.update(names, ())
            )
            now = time.monotonic()
            self._vanished.append(Read(entries, now))
            for name in names:
                self._queued[Entry(source, name)] += 1
                self._debounce.mark(Entry(source, name), now)  # it may be there again before this is stored

    def _watch(self, source: Source) -> None:
        """Watch a folder and what is in it."""
        self._add(source.path, Root(source))
        names = _folders(source.path) if source.only is None else [source.only]
        for name in names:
            if may_be_entry(name):
                self._watch_entry(source, name)

    def _watch_entry(self, source: Source, name: str) -> None:
        path = os.path.join(source.path, name)
        if self._add(path, Entry(source, name)):
            for inner in _folders(path):
                self._add(os.path.join(path, inner), Entry(source, name, is_inner=True))

    def _add(self, path: str, role: Role) -> bool:
        try:
            return self._notifier.add(path, role)
        except InotifyLimit as limit:
            if self.limit is None:
                self.limit = limit
            return False

    def _add_again(self, path: str, role: Role) -> bool:
        """Watch a folder or file, and return whether it was not watched before, or is another one."""
        before = self._notifier.numbers(role)
        return self._add(path, role) and self._notifier.numbers(role) != before

    # --- what happens

    def notice(self) -> bool:
        """Take what happened in the folders, or a part of it; return whether the system lost some of it."""
        is_lost = False
        now = time.monotonic()
        for change in self._notifier.changes():
            if change is None:
                is_lost = True
            else:
                self._notice(change, now)
        return is_lost

    @property
    def has_more(self) -> bool:
        """Whether not all was taken that may have happened."""
        return self._notifier.has_more

    @property
    def looks_again(self) -> bool:
        """Whether a folder came, went, or was replaced that is on the way to one that is followed."""
        return self._looks_again

    def _notice(self, change: Change, now: float) -> None:
        role = change.role
        if isinstance(role, Way):
            if not change.name or role.names is None or change.name in role.names:
                self._looks_again |= change.has_come or change.has_gone
        elif isinstance(role, Root):
            self._notice_in_root(change, role.source, now)
        else:
            entry = Entry(role.source, role.name)
            if isinstance(role, Entry) and change.has_come and change.is_folder and not role.is_inner:
                self._add(os.path.join(change.path, change.name), Entry(role.source, role.name, is_inner=True))
            self._debounce.mark(entry, now)

    def _notice_in_root(self, change: Change, source: Source, now: float) -> None:
        if not change.name:
            if change.has_gone and source in self._followed:
                self._looks_again = True
                self._followed[source].is_lost = True
                self._followed[source].is_deleted |= change.is_deleted
            return
        if source.only not in (None, change.name) or not may_be_entry(change.name):
            return
        if change.has_gone:
            self._notifier.drop(Entry(source, change.name))
            self._notifier.drop(Entry(source, change.name, is_inner=True))
        if change.has_come and change.is_folder:
            self._watch_entry(source, change.name)
        self._debounce.mark(Entry(source, change.name), now)

    def ended(self, fd: int) -> None:
        """Take the end of a process, by the descriptor that tells it."""
        with self._lock:
            entry = self._processes.ended(fd)
        if entry is not None:
            self._debounce.mark(entry, time.monotonic())

    # --- reading

    def next(self) -> float | None:
        """Return a time by which something may have to be read, by the monotonic clock; ``None`` if nothing will."""
        self._take_later()
        return 0.0 if self._vanished or self.has_more else self._debounce.next()

    def due(self, now: float, *, at_once: bool = False) -> Iterator[Read]:
        """Read what is quiet by now, or whatever has changed."""
        self._take_later()
        while self._vanished:
            yield self._vanished.pop(0)
        changed = self._debounce.all() if at_once else self._debounce.due(now)
        names: dict[Source, dict[str, float]] = {}
        for entry, first in changed.items():
            names.setdefault(entry.source, {})[entry.name] = first
        for source, found in names.items():
            if source in self._followed:
                with self._lock:
                    read = self._read(source, found)
                    if read is not None:
                        self._queued.update(Entry(source, name) for name in read.names)
                        yield Read(read, min(found.values()))

    def _take_later(self) -> None:
        while self._freezers:
            self._watch_freezer(*self._freezers.popleft())
        while self._later:
            entry, at = self._later.popleft()
            self._debounce.retry(entry, at)

    def _watch_freezer(self, entry: Entry, path: str, was_paused: bool) -> None:
        """Watch a container's freezer, and let the container be read again if it changed before that."""
        with self._lock:
            if entry.source not in self._followed or entry.name not in self._followed[entry.source].known:
                return
        if self._add_again(path, Beside(entry.source, entry.name)) and is_frozen(path) != was_paused:
            self._debounce.retry(entry, time.monotonic())

    def _read_later(self, source: Source, changed: Iterable[str]) -> None:
        """Let folders be read again, unless another place is found to be theirs before that."""
        self._looks_again = True
        at = time.monotonic() + RETRY
        for name in changed:
            self._debounce.retry(Entry(source, name), at)

    def _read(self, source: Source, changed: Collection[str]) -> Entries | None:
        followed = self._followed[source]
        if followed.is_lost or _identity(source) != followed.identity:
            self._read_later(source, changed)
            return None  # another folder may be there, which is looked at as a whole
        known = followed.known
        names = set(changed)
        began = datetime.now(UTC)
        try:
            while True:
                names |= known.siblings(names)
                trees = list(read_trees(source, self._runtime, live=self._live, entries=names))
                others = known.others(trees, names)
                if not others:
                    break
                names |= others
        except FileError:
            self._read_later(source, changed)
            return None  # it is gone, or may not be read, which the next pass reports
        if _identity(source) != followed.identity:
            self._read_later(source, changed)
            return None  # which of the two was read is not known
        gone = known.update(names, trees)
        for name in names:
            if name not in known:
                self._forget(Entry(source, name))
        for tree in trees:
            self._look_into(source, tree)
        for name in names - known.faulty:
            self._faults.forget(Entry(source, name))
        return Entries(source=source, began=began, names=frozenset(names), trees=trees, gone=gone)

    def _look_into(self, source: Source, tree: SandboxTree) -> None:
        """Follow the processes of a sandbox, and let what has a fault be read again before that is reported."""
        entries = {name: Entry(source, name) for name in entries_of(tree)}
        if tree.faults:
            again = self._faults.find(entries.values(), frozenset(map(str, tree.faults)))
            at = time.monotonic() + RETRY
            self._later.extend((entry, at) for entry in again)
        if tree.runtime == "kata" or not (is_live(source) if self._live is None else self._live):
            return
        pids = {
            entries[cid]: record.processes[0].pid if record.processes and record.state != "stopped" else 0
            for cid, (record, _) in tree.containers.items()
        }
        now = time.monotonic()
        self._later.extend((entry, now) for entry in self._processes.follow(pids))
        # at each reading, for the container may have another cgroup than before
        for cid, path in tree.freezers.items():
            self._freezers.append((entries[cid], path, tree.containers[cid][0].state == "paused"))

    # --- beside another thread, which stores

    def take(self, source: Source, tree: SandboxTree) -> bool:
        """Return whether a pass is to store what it has read, and not this follower."""
        if self.is_stopping:
            raise Stopped
        with self._lock:
            entries = [Entry(source, name) for name in entries_of(tree)]
            if any(entry in self._debounce or self._queued[entry] for entry in entries):
                return False
            if source in self._followed:
                self._followed[source].known.add(tree)
                self._look_into(source, tree)
                if self._later or self._freezers:
                    self._wake()
            return True

    def is_fresh(self, fault: FileError) -> bool:
        """Return whether a fault was found once only: the file may be written just now, and is read again."""
        with self._lock:
            return self._faults.is_held(str(fault))

    def all_is_stored(self) -> None:
        """Note that all that was read is stored, and forget faults that were found once and are not there any more."""
        with self._lock:
            if not self._queued:
                self._faults.all_is_stored()

    def stored(self, read: Read) -> None:
        """Note that what was read is stored."""
        with self._lock:
            self._queued.subtract(Entry(read.entries.source, name) for name in read.entries.names)
            self._queued = +self._queued


def _identity(source: Source) -> tuple[int, int] | None:
    try:
        status = os.stat(source.path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
