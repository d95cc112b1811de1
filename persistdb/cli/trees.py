"""``import`` and ``export``: trees of Kata's files into the database, and back."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from ..errors import (
    AlreadyExists,
    Ambiguous,
    Conflict,
    DatabaseError,
    FileError,
    InvalidValue,
    LayoutLoss,
    NotFound,
    PersistDBError,
)
from .messages import counted, printable
from .program import CANNOT, DONE, IN_PART, status_of
from .progress import Progress
from .target import Target, pass_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ..records import Sandbox, SandboxWrite
    from ..runtimes.tree import SandboxTree
    from ..store.repository import ContainerRepository

# What one transaction writes, in containers and in characters of documents: memory and the server's largest statement
# bound it from above, the price of a sync from below.
_BATCH = 1000
_BATCH_TEXT = 4 << 20


@click.command(
    "import",
    epilog="""\b
Examples:
  persistdb import /run/vc/sbs                     all sandboxes of this node
  persistdb import /run/vc/sbs/6d7c0f0a3d5d*       one of them
  persistdb --host node-7 import backup/node-7     a root that holds run/vc/sbs
  persistdb import --strict /run/vc/sbs            no sandbox that has any fault
""",
)
@click.argument("paths", metavar="PATH…", nargs=-1, required=True)
@click.option("--strict", is_flag=True, help="Leave out the whole sandbox if any of its files has a fault.")
@pass_target
def import_trees(target: Target, paths: Sequence[str], strict: bool) -> int:
    """Take in Kata's sandboxes from their files.

    PATH is a folder of sandboxes (Kata's is /run/vc/sbs), one sandbox's folder, or a root that holds run/vc/sbs. Every
    layout from Kata 1.0 to 4.1 is read. The files are only read.

    Each sandbox is stored as a whole or not at all, and replaces what was stored of it on this host; other sandboxes
    stay. A file with a fault is named on stderr, and what is known of its container stays.
    """
    from ..runtimes.kata import read_trees

    with target.repository() as repository:
        work = _Import(repository, strict=strict)
        try:
            with work.progress:
                opened = work.read(paths, read_trees)
        except PersistDBError:
            click.echo(work.summary())  # what was stored before is stored
            raise
    click.echo(work.summary())
    if not work.faults:
        return DONE
    return IN_PART if opened else CANNOT


class _Import:
    """Stores sandboxes in batches, and what cannot be stored with others by itself."""

    def __init__(self, repository: ContainerRepository, *, strict: bool) -> None:
        self.progress = Progress("imported")
        self.faults = 0
        self.left_out = 0
        self._repository = repository
        self._strict = strict
        self._pending: list[SandboxTree] = []
        self._size = self._text = 0

    def summary(self) -> str:
        """What came of it, in one line."""
        into = f"{self._repository.database.url}, host {self._repository.host!r}"
        line = f"imported {self.progress} into {into}"
        if self.left_out:
            line += f"; {counted(self.left_out, 'sandbox', 'sandboxes')} left out"
        if self.faults:
            line += f"; {counted(self.faults, 'fault')}"
        return printable(line)

    def read(self, paths: Iterable[str], read_trees: Callable[[list[str]], Iterable[SandboxTree]]) -> bool:
        """Store what is found at the paths; gives whether any of them could be read."""
        opened = False
        for path in paths:
            try:
                found = self.take(read_trees([path]))
            except FileError as error:
                self.fault(error)
                continue
            opened = True
            if not found:
                self.progress.note(f"{path} holds no sandbox")
        self.flush()
        return opened

    def fault(self, problem: object) -> None:
        """Name and count what is wrong."""
        self.faults += 1
        self.progress.complain(problem)

    def take(self, trees: Iterable[SandboxTree]) -> int:
        """Store trees, the last ones perhaps with the next :meth:`flush`; gives how many there were.

        Raises :class:`~persistdb.errors.FileError` if the folder they are in can't be read any further.
        """
        number = 0
        for tree in trees:
            number += 1
            for fault in tree.faults:
                self.fault(fault)
            for note in tree.notes:
                self.progress.note(note)
            if tree.faults and (self._strict or (tree.record is None and not tree.containers)):
                self.left_out += 1
            elif tree.record is None:
                self.flush()  # first what came before: it may be of the same sandbox
                self._store(tree)
            else:
                self._add(tree, tree.record.document or "")
        return number

    def flush(self) -> None:
        """Store what is waiting."""
        pending, self._pending = self._pending, []
        self._size = self._text = 0
        try:
            self._repository.save_many(_write(tree) for tree in pending)
        except (AlreadyExists, InvalidValue, DatabaseError) as error:
            if not _is_about_data(error):
                raise
            # One of them is bad, and the transaction was all of theirs.
            for tree in pending:
                self._store(tree)
        else:
            for tree in pending:
                self.progress.advance(len(tree.containers))

    def _add(self, tree: SandboxTree, document: str) -> None:
        self._pending.append(tree)
        self._size += 1 + len(tree.containers)
        self._text += len(document) + sum(len(origin.document or "") for _, origin in tree.containers.values())
        if self._size >= _BATCH or self._text >= _BATCH_TEXT:
            self.flush()

    def _store(self, tree: SandboxTree) -> None:
        """Store one sandbox in a transaction of its own."""
        try:
            if tree.record is None:
                self._store_containers(tree)
            else:
                self._repository.save_many([_write(tree)])
        except (AlreadyExists, InvalidValue, DatabaseError) as error:
            if not _is_about_data(error):
                raise
            if not self._take_out_unstorable(tree):
                self.fault(FileError(tree.path, f"not stored: {error}"))
                self.left_out += 1
            elif self._strict or (tree.record is None and not tree.containers):
                self.left_out += 1
            else:
                self._store(tree)
        else:
            self.progress.advance(len(tree.containers))

    def _take_out_unstorable(self, tree: SandboxTree) -> bool:
        """Name the files that say what can't be stored, and take them out as if they were damaged; false for none."""
        from ..store.rows import check_container, check_sandbox

        before = self.faults
        if tree.record is not None:
            try:
                check_sandbox(tree.record)
            except InvalidValue as error:
                self.fault(FileError(tree.file_of(), f"not stored: {error}"))
                tree.record = None
        for cid, (record, origin) in list(tree.containers.items()):
            try:
                check_container(cid, record, origin)
            except InvalidValue as error:
                self.fault(FileError(tree.file_of(cid), f"not stored: {error}"))
                del tree.containers[cid]
                tree.kept.add(cid)
        return self.faults > before

    def _store_containers(self, tree: SandboxTree) -> None:
        """Store the containers of a sandbox whose own file is damaged: its own row and its other containers stay."""
        while True:
            cids: frozenset[str] = frozenset()
            revision = 0
            with suppress(NotFound):
                stored = self._repository.load_sandbox(tree.sid)
                cids, revision = frozenset(stored.containers), stored.revision
            try:
                self._repository.save_many([_write(tree, keep=cids, revision=revision)])
            except Conflict:
                continue  # changed in between: there may be more to keep
            return


def _write(tree: SandboxTree, keep: Iterable[str] = (), revision: int | None = None) -> SandboxWrite:
    from ..records import SandboxWrite

    return SandboxWrite(
        sid=tree.sid,
        record=tree.record,
        containers={cid: record for cid, (record, _) in tree.containers.items()},
        origins={cid: origin for cid, (_, origin) in tree.containers.items()},
        keep=frozenset(tree.kept).union(keep),
        revision=revision,
    )


def _is_about_data(error: AlreadyExists | InvalidValue | DatabaseError) -> bool:
    # The kinds of DatabaseError are about the database; the engine's unnamed errors may be about a value.
    return not isinstance(error, DatabaseError) or type(error) is DatabaseError


@click.command(
    "export",
    epilog="""\b
Layouts, by the first Kata release that wrote them:
  old-1.0  old-1.2  old-1.3  old-1.6  old-1.7  1.7-rc1  seed  1.7  2.2  3.28

\b
Examples:
  persistdb export --to /tmp/sbs                     all sandboxes, byte for byte as they came
  persistdb export 6d7c0f0a3d5d --to /tmp/sbs        one of them
  persistdb export --to /tmp/sbs --layout 2.2        for Kata 2.2 to 3.27
  persistdb export --to /tmp/sbs --layout 1.7 --allow-loss
                                                     also what that layout has no place for
""",
)
@click.argument("sids", metavar="[SID…]", nargs=-1)
@click.option("--to", "destination", metavar="DIR", required=True, help="The folder to write to; made if need be.")
@click.option("--layout", metavar="NAME", help="Write this layout instead of the one that each sandbox came in.")
@click.option(
    "--allow-loss", is_flag=True, help="Leave out what the layout has no place for, instead of refusing the sandbox."
)
@click.option("--replace", is_flag=True, help="Replace sandboxes that are in the folder already.")
@pass_target
def export_trees(
    target: Target, sids: Sequence[str], destination: str, layout: str | None, allow_loss: bool, replace: bool
) -> int:
    """Write sandboxes back as Kata's files.

    SID is a sandbox's ID, or the beginning of one; without any, all sandboxes of the host are written. DIR gets a
    folder for each; if it holds run/vc/sbs, that does. What was not changed since its import comes back byte for byte.
    Each sandbox is written as a whole or not at all.
    """
    from ..runtimes.kata import check_name, write_trees

    if layout is not None:
        check_name(layout)
    failed = 0
    with target.repository() as repository, Progress("exported") as progress:
        missing: list[PersistDBError] = []
        found = _sandboxes(repository, sids, missing)
        for written in write_trees(found, destination, layout, allow_loss=allow_loss, replace=replace):
            sid, error = written.sandbox.record.sid, written.error
            if error is not None:
                progress.complain(error if isinstance(error, (LayoutLoss, FileError)) else f"{sid}: {error}")
                failed += 1
                continue
            for loss in written.losses:
                progress.note(f"{sid}: left out: {loss}")
            if written.sandbox.record.document is None and any(
                container.origin.layout for container in written.sandbox.containers.values()
            ):
                progress.note(f"{sid}: its own file is made anew: only its containers' were ever stored")
            progress.advance(len(written.sandbox.containers))
        for absent in missing:
            progress.complain(absent)
            failed += 1
    click.echo(f"exported {progress} to {printable(destination)}")
    return status_of(progress.sandboxes, failed)


def _sandboxes(
    repository: ContainerRepository, sids: Sequence[str], missing: list[PersistDBError]
) -> Iterator[Sandbox]:
    """The sandboxes to export, all for no SID; those that are not there go to ``missing``."""
    if not sids:
        yield from repository.load_sandboxes()
    taken = set()
    for ref in sids:
        try:
            sid = repository.look_up_sandbox(ref)
            if sid not in taken:
                yield repository.load_sandbox(sid)
                taken.add(sid)
        except (NotFound, Ambiguous, InvalidValue) as error:
            missing.append(error)
