"""``watch``: a live node's files into the database, as they change."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click
from click.core import ParameterSource

from . import complete
from .messages import complain, counted, tell
from .options import Seconds, gathered
from .scrapes import answering, read_address
from .status import DONE, reading_arguments
from .target import Target, host_option, pass_target, reason_option
from .trees import ImportProgress, PruneOptionCommand, imported, live_option, prune_option, runtime_option
from .units import install_units

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from ..errors import FileError
    from ..ingest import Importer
    from ..ingest.folders import Prune
    from ..ingest.watch import Watcher
    from ..metrics.address import Address
    from ..store.repository import ContainerRepository


_TYPED: Final = ParameterSource.COMMANDLINE
_TARGET: Final = frozenset({"url", "host", "reader_url", "replica_url"})
"""The program's options that name databases and hosts."""


@dataclass(frozen=True)
class _Wanted:
    """What is followed, and how."""

    paths: Sequence[str]
    runtime: str | None
    live: bool | None
    prune: Prune | None
    debounce: float
    longest: float
    rescan: float


@click.command(
    "watch",
    cls=PruneOptionCommand,
    epilog="""\b
Examples:
  persistdb watch                          follow all runtimes of this node, until Ctrl-C
  persistdb watch /run/vc/sbs              Kata's sandboxes only
  persistdb watch --rescan 60              look at everything once a minute, too
  persistdb watch --once                   one pass, for a timer
  persistdb watch --metrics :9960          with numbers for Prometheus
  persistdb events --follow                in another terminal: what it records

\b
As a service (persistdb docs node says how):
  persistdb watch --install-units /etc/systemd/system
  systemctl daemon-reload
  systemctl enable --now persistdb-watch.service persistdb-backup.timer
""",
)
@click.argument("paths", metavar="[PATH…]", nargs=-1, shell_complete=complete.paths)
@runtime_option
@live_option
@click.option("--once", is_flag=True, help="Make one pass over all folders, and end: import, and remove what is gone.")
@click.option(
    "--rescan",
    metavar="SECONDS",
    type=Seconds(min=1, max=86_400),
    default=600.0,
    show_default=True,
    help="Look at all folders again after this time, whatever was told of them.",
)
@click.option(
    "--debounce",
    metavar="SECONDS",
    type=Seconds(min=0.001, max=60),
    default=0.05,
    show_default=True,
    help="Read a sandbox once it was quiet for this time: a state that stays for longer is recorded.",
)
@click.option(
    "--max-delay",
    "longest",
    metavar="SECONDS",
    type=Seconds(min=0.001, max=600),
    default=0.5,
    show_default=True,
    help="Read a sandbox that is never quiet after this time.",
)
@prune_option(
    "Also remove all sandboxes of a folder that is empty or missing when all is looked at (=empty); without it they "
    "stay unless they were seen to go, for a folder may not be mounted yet."
)
@click.option(
    "--metrics",
    metavar="ADDR:PORT",
    help="Answer Prometheus's scrapes over HTTP at this address: this host's numbers, and the watcher's; :PORT is "
    "127.0.0.1's.",
)
@click.option("--allow-remote", is_flag=True, help="Let --metrics take an address that other machines can reach.")
@click.option(
    "--install-units",
    "units",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False),
    help="Write the units of systemd (watch, once, backup) to this folder, for this program, and do nothing else.",
)
@reason_option
@host_option
@gathered("wanted", _Wanted)
@pass_target
def watch(
    target: Target, wanted: _Wanted, once: bool, metrics: str | None, allow_remote: bool, units: str | None
) -> int:
    """Follow the files of runtimes on this node, and record each change.

    PATH is as for import; without it the usual places of Kata, runc, crun and youki are followed, also those that come
    later. What is there is imported first, and again after each --rescan; what changes is imported at once, and what
    disappears is removed: events and history say when, with the cause "watch". The files are only read.

    While the database is away the files are followed on, and what is there is imported when it is back; that states
    may be missing from that time is an event itself (gap). SIGTERM and Ctrl-C end it when what was read is stored,
    SIGHUP lets it look at everything. One process can follow a host: a second one is refused.
    """
    from ..ingest.watch import Watcher, WatchOptions
    from ..runtimes.known import runtime_named
    from .supervised import ServiceManager

    if units is not None:
        _refuse_others(click.get_current_context())
        install_units(units)
        return DONE
    if once and metrics is not None:
        raise click.UsageError("--metrics is for a watcher that stays: not with --once")
    address = read_address(metrics, "--metrics", allow_remote=allow_remote)
    if wanted.runtime is not None:
        with reading_arguments():
            runtime_named(wanted.runtime)
    with target.repository(create=True, cause="watch") as repository:
        if once:
            return _pass_once(repository, wanted)
        options = WatchOptions(
            paths=tuple(wanted.paths),
            runtime=wanted.runtime,
            live=wanted.live,
            prune=wanted.prune or "gone",
            debounce=wanted.debounce,
            longest=wanted.longest,
            rescan=wanted.rescan,
        )
        watcher = Watcher(repository, _Lines(), options, ServiceManager())
        with _signals(watcher) as caught, _metrics(repository, watcher, address):
            tell(f"watching {_what(wanted)} for {repository.database.url}, host {repository.host!r}")
            watcher.run()
        status = watcher.status
        tell(
            f"ended: {counted(status.imports, 'import')}, {counted(status.rescans, 'pass', 'passes')} over all folders"
        )
        if signal.SIGINT in caught:
            raise KeyboardInterrupt
    return DONE


def _refuse_others(ctx: click.Context) -> None:
    """Refuse what would not be in the units: a path, and any option beside the one that writes them."""
    root = ctx.find_root()
    given = [(ctx, each) for each in ctx.command.params if isinstance(each, click.Option) and each.name != "units"]
    given += [(root, each) for each in root.command.params if isinstance(each, click.Option) and each.name in _TARGET]
    others = [each.opts[0] for at, each in given if at.get_parameter_source(each.name or "") is _TYPED]
    if ctx.params["paths"]:
        others.append("PATH")
    if others:
        raise click.UsageError(
            f"--install-units goes without {others[0]}: the units take the database and the host from "
            "/etc/default/persistdb (PERSISTDB_URL, PERSISTDB_HOST), and options from a drop-in"
        )


@contextmanager
def _metrics(repository: ContainerRepository, watcher: Watcher, address: Address | None) -> Iterator[None]:
    """Answer scrapes until the end of the block, if that is wanted."""
    if address is None:
        yield
        return
    from ..metrics.families import Numbers

    with answering(Numbers(repository.database, host=repository.host, watch=lambda: watcher.status), address):
        yield


def _what(wanted: _Wanted) -> str:
    return ", ".join(wanted.paths) or f"the usual places of {wanted.runtime or 'all runtimes'}"


def _pass_once(repository: ContainerRepository, wanted: _Wanted) -> int:
    """Import what is there and remove what is gone, as long as no watcher does."""
    from ..ingest import Importer
    from ..store.claim import Claim

    progress = ImportProgress("imported")
    claim = Claim(repository)
    try:
        importer = Importer(
            repository,
            progress,
            runtime=wanted.runtime,
            live=wanted.live,
            prune=wanted.prune or "gone",
            cause="watch",
        )
        return imported(repository, progress, lambda: _pass(importer, wanted.paths))
    finally:
        claim.release()


def _pass(importer: Importer, paths: Sequence[str]) -> bool:
    """Make the pass; a node may have no runtime yet. Return whether any of the folders could be read."""
    return importer.run(paths) if paths else importer.run_usual_places(may_be_none=True)


class _Lines:
    """The observer of a watcher: a line for what an operator should know, and with ``-v`` for each sandbox."""

    def fault(self, problem: FileError) -> None:
        """Print a fault."""
        complain(problem)

    def note(self, text: str) -> None:
        """Print a note."""
        tell(f"note: {text}")

    def stored(self, sid: str, containers: int) -> None:
        """Log what was stored."""
        self._log(f"stored sandbox {sid} with {counted(containers, 'container')}")

    def left_out(self, sid: str) -> None:
        """Log what was not."""
        self._log(f"sandbox {sid} is left out")

    def removed(self, sid: str) -> None:
        """Log what was removed."""
        self._log(f"removed sandbox {sid}")

    def lost(self, sid: str) -> None:
        """Print what was lost."""
        tell(f"note: removed sandbox {sid}, which was lost when the node was booted")

    def _log(self, text: str) -> None:
        from .logs import log

        log.info("%s", text)


@contextmanager
def _signals(watcher: Watcher) -> Iterator[set[int]]:
    """Let signals end the watcher or pass over all folders; give those that ended it. A second one ends it at once."""
    caught: set[int] = set()

    def end(number: int, _frame: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.default_int_handler if each == signal.SIGINT else signal.SIG_DFL)
        caught.add(number)
        watcher.stop()

    def rescan(_number: int, _frame: FrameType | None) -> None:
        watcher.rescan()

    handlers = {signal.SIGTERM: end, signal.SIGINT: end, signal.SIGHUP: rescan}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
