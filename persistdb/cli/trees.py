"""``import`` and ``export``: Kata's files into the database, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import Ambiguous, FileError, InvalidValue, LayoutLoss, NotFound, PersistDBError, Unreadable
from . import complete
from .messages import counted, said
from .output import print_line
from .progress import Progress
from .status import CANNOT, DONE, IN_PART, Faults, reading_arguments, status_of
from .target import Target, host_option, pass_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..records import Sandbox
    from ..store.repository import ContainerRepository


@click.command(
    "import",
    epilog="""\b
Examples:
  persistdb import /run/vc/sbs                     all sandboxes of this node
  persistdb import /run/vc/sbs/6d7c0f0a3d5d*       one of them
  persistdb --host node-7 import backup/node-7     a root that holds run/vc/sbs
  persistdb import --strict /run/vc/sbs            only sandboxes without any fault
  persistdb --db try.db import --sample            the bundled sample, to try persistdb
""",
)
@click.argument("paths", metavar="PATH…", nargs=-1, shell_complete=complete.paths)
@click.option(
    "--sample", is_flag=True, help="Import the bundled sample: a sandbox of three containers, as Kata 3.29 writes it."
)
@click.option("--strict", is_flag=True, help="Leave out a whole sandbox if any of its files has a fault.")
@host_option
@pass_target
def import_trees(target: Target, paths: Sequence[str], sample: bool, strict: bool) -> int:
    """Import Kata's sandboxes from their files.

    PATH is a folder of sandboxes (Kata's is /run/vc/sbs), one sandbox's folder, or a root that holds run/vc/sbs. Every
    layout from Kata 1.0 to 4.1 is supported. The files are not changed.

    Each sandbox is stored whole or not at all, and replaces its stored version on this host; other sandboxes stay. A
    file with a fault is named on stderr, and the stored version of its container stays.
    """
    from ..ingest import Importer  # start-up cost: SQLAlchemy
    from ..runtimes.samples import KATA

    if bool(paths) == sample:
        raise click.UsageError("give PATH, or --sample in its place")
    if sample:
        paths = [str(KATA)]
    with target.repository(create=True) as repository:
        progress = _ImportProgress("imported")
        try:
            with progress:
                could_read = Importer(repository, progress, strict=strict).run(paths)
        except PersistDBError:
            print_line(progress.summary(repository))  # what was stored before the error stays stored
            raise
        print_line(progress.summary(repository))
    if not progress.faults:
        return DONE
    return IN_PART if could_read else CANNOT


class _ImportProgress(Progress):
    """The observer of an import, which sums it up in the end."""

    def __init__(self, doing: str) -> None:
        super().__init__(doing)
        self.faults = 0
        self._left_out = 0

    def fault(self, problem: FileError) -> None:
        """Print and count a fault."""
        self.faults += 1
        self.complain(problem)

    def stored(self, sid: str, containers: int) -> None:  # noqa: ARG002  an observer's signature
        """Count a sandbox that was stored."""
        self.advance(containers)

    def left_out(self, sid: str) -> None:  # noqa: ARG002  the same
        """Count a sandbox that was not stored."""
        self._left_out += 1

    def summary(self, repository: ContainerRepository) -> str:
        """Sum up in one line what was imported into which database."""
        line = f"imported {self} into {repository.database.url}, host {repository.host!r}"
        if self._left_out:
            line += f"; {counted(self._left_out, 'sandbox', 'sandboxes')} left out"
        if self.faults:
            line += f"; {counted(self.faults, 'fault')}"
        return line


@click.command(
    "export",
    epilog="""\b
Layouts, by the first Kata release that wrote them:
  old-1.0  old-1.2  old-1.3  old-1.6  old-1.7  1.7-rc1  seed  1.7  2.2  3.28
The sandbox's own file changes within a layout, too: give the release that is to
read it, such as 3.2 or 2.1.

\b
Examples:
  persistdb export --to /tmp/sbs                     all sandboxes, byte for byte
  persistdb export 6d7c0f0a3d5d --to /tmp/sbs        one of them
  persistdb export --to /tmp/sbs --layout 3.2        as Kata 3.2 reads them
  persistdb export --to /tmp/sbs --layout 2.1 --allow-loss
                                                     without what Kata 2.1 cannot hold
""",
)
@click.argument("sids", metavar="[SID…]", nargs=-1, shell_complete=complete.sandboxes)
@click.option(
    "--to",
    "destination",
    metavar="DIR",
    required=True,
    shell_complete=complete.folders,
    help="The folder to write to; created if needed.",
)
@click.option(
    "--layout",
    metavar="NAME|VERSION",
    shell_complete=complete.layouts,
    help="Write this layout, or for this Kata release, instead of each sandbox's own.",
)
@click.option(
    "--allow-loss",
    is_flag=True,
    help="Leave out what the layout cannot hold or its Kata cannot read, instead of refusing the sandbox.",
)
@click.option("--replace", is_flag=True, help="Replace sandboxes that are already in the folder.")
@host_option
@pass_target
def export_trees(
    target: Target, sids: Sequence[str], destination: str, layout: str | None, allow_loss: bool, replace: bool
) -> int:
    """Write sandboxes back as Kata's files.

    SID is a sandbox's ID or a unique prefix of it; without any, all sandboxes of the host are written. Each becomes a
    folder in DIR, or in DIR/run/vc/sbs if that exists. What was not changed since its import comes back byte for byte.
    Each sandbox is written whole or not at all: one that cannot be read from the database is named on stderr, and all
    others are written.
    """
    from ..runtimes.kata import target_of, write_trees

    if layout is not None:
        with reading_arguments():
            target_of(layout)
    with target.repository() as repository, Progress("exported") as progress:
        failed = Faults(progress.complain)
        missing: list[PersistDBError] = []
        sandboxes = _sandboxes(repository, sids, missing, failed)
        for written in write_trees(sandboxes, destination, layout, allow_loss=allow_loss, replace=replace):
            sid, error = written.sandbox.record.sid, written.error
            if error is not None:
                failed(error if isinstance(error, (LayoutLoss, FileError)) else f"{sid}: {said(error)}")
                continue
            for loss in written.losses:
                progress.note(f"{sid}: left out: {loss}")
            if _is_regenerated(written.sandbox):
                progress.note(f"{sid}: sandbox file regenerated: only its containers' files were imported")
            progress.advance(len(written.sandbox.containers))
        for absent in missing:
            failed(absent)
    print_line(f"exported {progress} to {destination}")
    return status_of(progress.sandboxes, failed.number)


def _is_regenerated(sandbox: Sandbox) -> bool:
    """Return whether the sandbox's own file was never imported, though its containers' files were."""
    has_files = any(container.origin.layout for container in sandbox.containers.values())
    return sandbox.record.document is None and has_files


def _sandboxes(
    repository: ContainerRepository,
    sids: Sequence[str],
    missing: list[PersistDBError],
    on_unreadable: Callable[[Unreadable], object],
) -> Iterator[Sandbox]:
    """Load the sandboxes to export, each once, or all for no SID; errors of unknown ones go to ``missing``."""
    if not sids:
        yield from repository.load_sandboxes(on_unreadable=on_unreadable)
    loaded = set()
    for ref in sids:
        try:
            sid = repository.look_up_sandbox(ref)
            if sid not in loaded:
                yield repository.load_sandbox(sid)
                loaded.add(sid)
        except Unreadable as error:
            on_unreadable(error)
        except (NotFound, Ambiguous, InvalidValue) as error:
            missing.append(error)
