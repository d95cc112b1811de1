"""``import`` and ``export``: runtimes' files into the database, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import click

from ..errors import Ambiguous, FileError, InvalidValue, LayoutLoss, NotFound, PersistDBError, Unreadable
from . import complete
from .messages import counted, said
from .options import at_option
from .output import print_line
from .progress import Progress
from .status import CANNOT, DONE, IN_PART, Faults, reading_arguments, status_of
from .target import Target, host_option, pass_target, reason_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from ..ingest.folders import Prune
    from ..records import Sandbox
    from ..store.repository import ContainerRepository

T = TypeVar("T")


class PruneOptionCommand(click.Command):
    """A command whose option ``--prune`` takes its value behind ``=`` only: what follows is a path."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give the bare option its value."""
        end = args.index("--") if "--" in args else len(args)
        args[:end] = ["--prune=gone" if word == "--prune" else word for word in args[:end]]
        return super().parse_args(ctx, args)


runtime_option = click.option(
    "--runtime",
    metavar="NAME",
    shell_complete=complete.runtimes,
    help="Read the files of this runtime only (kata, runc, crun, youki).",
)
live_option = click.option(
    "--live/--offline",
    default=None,
    help="Ask this machine's processes and cgroups for the state of containers, or the files alone; by default the "
    "machine where PATH is below its /run.",
)


def prune_option(text: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Add ``--prune`` to a command, with its help."""
    return click.option(
        "--prune",
        metavar="[=empty]",
        type=click.Choice(["gone", "empty"]),
        is_flag=False,
        flag_value="gone",
        help=text,
    )


@click.command(
    "import",
    cls=PruneOptionCommand,
    epilog="""\b
Examples:
  persistdb import                                 all sandboxes of this node
  persistdb import /run/vc/sbs                     Kata's
  persistdb import /run/vc/sbs/6d7c0f0a3d5d*       one of them
  persistdb --host node-7 import backup/node-7     a root that holds run/vc/sbs
  persistdb import --strict /run/runc              only sandboxes without any fault
  persistdb import --prune                         and remove what is gone from this node
  persistdb --db try.db import --sample            the bundled sample, to try persistdb
""",
)
@click.argument("paths", metavar="[PATH…]", nargs=-1, shell_complete=complete.paths)
@runtime_option
@live_option
@click.option(
    "--sample", is_flag=True, help="Import the bundled sample: a sandbox of three containers, as Kata 3.29 writes it."
)
@prune_option(
    "Remove the sandboxes that an earlier import found in the folder and that it no longer has; with =empty, also "
    "if it is empty or does not exist."
)
@click.option("--strict", is_flag=True, help="Leave out a whole sandbox if any of its files has a fault.")
@reason_option
@host_option
@pass_target
def import_trees(
    target: Target,
    paths: Sequence[str],
    runtime: str | None,
    live: bool | None,
    sample: bool,
    prune: Prune | None,
    strict: bool,
) -> int:
    """Import sandboxes from the files of Kata, runc, crun and youki.

    PATH is a folder of sandboxes or containers (Kata's is /run/vc/sbs, runc's /run/runc), the folder of one, or a root,
    such as a copy of a node's, that holds such folders at their usual places. Without PATH the usual places of this
    machine are read. Each file is its runtime's by the keys in it. The files are not changed.

    Each sandbox is stored whole or not at all, and replaces its stored version on this host; other sandboxes stay,
    unless --prune is given. A file with a fault is named on stderr, and the stored version of its container stays.
    """
    from ..ingest import Importer  # start-up cost: SQLAlchemy
    from ..runtimes.known import runtime_named
    from ..runtimes.samples import KATA

    if sample:
        if paths:
            raise click.UsageError("give PATH, or --sample in its place")
        if prune or runtime is not None or live is not None:  # --prune would remove what was imported from run/vc/sbs
            raise click.UsageError("--sample takes none of --prune, --runtime, --live and --offline")
        paths = [str(KATA)]
    if runtime is not None:
        with reading_arguments():
            runtime_named(runtime)
    with target.repository(create=True, cause="import") as repository:
        progress = ImportProgress("imported")
        importer = Importer(repository, progress, strict=strict, runtime=runtime, live=live, prune=prune or "none")
        return imported(repository, progress, lambda: importer.run(paths) if paths else importer.run_usual_places())


def imported(repository: ContainerRepository, progress: ImportProgress, run: Callable[[], bool]) -> int:
    """Run an import, which says whether anything could be read, sum it up, and return the exit status."""
    try:
        with progress:
            could_read = run()
    except PersistDBError:
        print_line(progress.summary(repository))  # what was stored before the error stays stored
        raise
    print_line(progress.summary(repository))
    if not progress.faults:
        return DONE
    return IN_PART if could_read else CANNOT


class ImportProgress(Progress):
    """The observer of an import, which sums it up in the end."""

    def __init__(self, doing: str) -> None:
        super().__init__(doing)
        self.faults = 0
        self._left_out = 0
        self._removed = 0

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

    def removed(self, sid: str) -> None:
        """Name and count a sandbox that was removed."""
        self._removed += 1
        self.note(f"removed sandbox {sid}, which its folder no longer has")

    def lost(self, sid: str) -> None:
        """Name and count a sandbox that was lost with the boot."""
        self._removed += 1
        self.note(f"removed sandbox {sid}, which was lost when the node was booted")

    def summary(self, repository: ContainerRepository) -> str:
        """Sum up in one line what was imported into which database."""
        line = f"imported {self} into {repository.database.url}, host {repository.host!r}"
        if self._removed:
            line += f"; {counted(self._removed, 'sandbox', 'sandboxes')} removed"
        if self._left_out:
            line += f"; {counted(self._left_out, 'sandbox', 'sandboxes')} left out"
        if self.faults:
            line += f"; {counted(self.faults, 'fault')}"
        return line


@click.command(
    "export",
    epilog="""\b
Kata's layouts, by the first release that wrote them:
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
  persistdb export --to /tmp/sbs --at 2h             as they were two hours ago
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
@at_option
@host_option
@pass_target
def export_trees(
    target: Target,
    sids: Sequence[str],
    destination: str,
    layout: str | None,
    allow_loss: bool,
    replace: bool,
    at: datetime | None,
) -> int:
    """Write sandboxes back as their runtimes' files.

    SID is a sandbox's ID or a unique prefix of it; without any, all sandboxes of the host are written. Each becomes a
    folder in DIR, or in DIR/run/vc/sbs if that exists; of runc, crun and youki each container does. What was not
    changed since its import comes back byte for byte, and a container of these three that was changed is refused.
    Each sandbox is written whole or not at all: one that cannot be read from the database is named on stderr, and all
    others are written.
    """
    from ..runtimes.export import write_trees
    from ..runtimes.kata import target_of

    if layout is not None:
        with reading_arguments():
            target_of(layout)
    with target.repository() as repository, Progress("exported") as progress:
        failed = Faults(progress.complain)
        missing: list[PersistDBError] = []
        sandboxes = _sandboxes(repository, sids, at, missing, failed)
        for written in write_trees(sandboxes, destination, layout, allow_loss=allow_loss, replace=replace):
            sid, error = written.sandbox.record.sid, written.error
            if error is not None:
                failed(error if isinstance(error, (LayoutLoss, FileError)) else f"{sid}: {said(error)}")
                continue
            for loss in written.losses:
                progress.note(f"{sid}: left out: {loss}")
            if written.is_regenerated:
                progress.note(f"{sid}: sandbox file regenerated: only its containers' files were imported")
            progress.advance(len(written.sandbox.containers))
        for absent in missing:
            failed(absent)
    print_line(f"exported {progress} to {destination}")
    return status_of(progress.sandboxes, failed.number)


def _sandboxes(
    repository: ContainerRepository,
    sids: Sequence[str],
    at: datetime | None,
    missing: list[PersistDBError],
    on_unreadable: Callable[[Unreadable], object],
) -> Iterator[Sandbox]:
    """Load the sandboxes to export, each once, or all for no SID; errors of unknown ones go to ``missing``."""
    if not sids:
        yield from repository.load_sandboxes(at=at, on_unreadable=on_unreadable)
    loaded = set()
    for ref in sids:
        try:
            sid = repository.look_up_sandbox(ref, at=at)
            if sid not in loaded:
                yield repository.load_sandbox(sid, at=at)
                loaded.add(sid)
        except Unreadable as error:
            on_unreadable(error)
        except (NotFound, Ambiguous, InvalidValue) as error:
            missing.append(error)
