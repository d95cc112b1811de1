"""``events``: what happened, and what happens now."""

from __future__ import annotations

import select
import sys
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

import click

from ..errors import Busy, NotFound, Unavailable
from . import complete
from .columns import Column
from .empty import nothing
from .messages import complain, tell
from .options import Whole, gathered, output_options
from .output import print_rows
from .status import reading_arguments, terminable
from .tables import GrowingTable
from .target import Target, host_option, pass_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from ..records import Event
    from ..store.feed import Feed
    from ..store.repository import ContainerRepository
    from .output import Output

_COLUMNS: Final = (
    Column("at", "TIME", stays=True),
    Column("host", "HOST", stays=True),
    Column("sid", "SANDBOX", is_id=True, stays=True),
    Column("cid", "CONTAINER", is_id=True, stays=True),
    Column("kind", "EVENT", stays=True),
    Column("old_state", "FROM"),
    Column("new_state", "TO"),
    Column("cause", "CAUSE"),
    Column("actor", "ACTOR", shrinks=True),
    Column("reason", "REASON", shrinks=True),
    Column("revision", "REVISION", is_number=True, is_extra=True),
    Column("id", "ID", is_number=True, is_extra=True),
    Column("cursor", "CURSOR", is_extra=True),
    Column("began_at", "SINCE", is_extra=True),
)
_EVERY: Final = 500
"""Milliseconds between two looks for new events."""
_SOME: Final = 200
"""Events that a growing table is fitted to together."""


@dataclass(frozen=True)
class _Selection:
    """Which events are printed."""

    since: str | None
    kinds: Sequence[str]
    sandbox: str | None
    after: str | None
    limit: int | None
    all_hosts: bool
    follow: bool

    def time(self) -> datetime | None:
        """Read ``--since``; an age such as ``2h`` is one before now."""
        from ..filters import parse_time

        if self.since is None:
            return None
        with reading_arguments():
            return parse_time(self.since)

    def none_of(self, repository: ContainerRepository) -> str:
        """Say that there is no such event, and of which host."""
        if self.since or self.kinds or self.sandbox or self.after:
            return f"no events{'' if self.all_hosts else f' of host {repository.host!r}'} fit the options"
        return nothing("events", repository.database, None if self.all_hosts else repository.host)

    def sid(self, repository: ContainerRepository) -> str | None:
        """Return the ID of the sandbox: an abbreviated one is of one that is still there."""
        if self.sandbox is None or self.all_hosts:
            return self.sandbox
        try:
            return repository.look_up_sandbox(self.sandbox)
        except NotFound:
            return self.sandbox


@click.command(
    "events",
    epilog="""\b
Examples:
  persistdb events                            all that is kept of this host, the oldest first
  persistdb events --since 2h --kind removed  what was removed in the last two hours
  persistdb events --all-hosts --follow       go on with what happens now, until Ctrl-C
  persistdb events --follow -o '{{.at}} {{.sid}}/{{.cid}} {{.kind}}'
  persistdb events --format json | jq -r .next
                                              the cursor behind the last one
  persistdb events --after CURSOR             what happened since
""",
)
@click.option(
    "--since", metavar="TIME", help="Begin at this time: 2026-01-31, 2026-01-31T12:00:00Z, or an age: 15m, 2h, 7d."
)
@click.option(
    "--kind",
    "kinds",
    metavar="KIND",
    multiple=True,
    type=click.Choice(complete.KINDS),
    help=f"Only events of this kind, or of several: {', '.join(complete.KINDS)}.",
)
@click.option("--sandbox", metavar="SID", shell_complete=complete.sandboxes, help="Only events of this sandbox.")
@click.option("--after", metavar="CURSOR", help="Go on behind an event, by the cursor that JSON has of it.")
@click.option("--limit", metavar="N", type=Whole(min=1), help="Print the first N only.")
@click.option("--all-hosts", is_flag=True, help="Print the events of all hosts.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@output_options(*(column.name for column in _COLUMNS))
@host_option
@gathered("selection", _Selection)
@pass_target
def print_events(target: Target, selection: _Selection, output: Output) -> None:
    """Print what happened to sandboxes and containers, oldest first.

    None is missed: one is printed once no other can come in front of it any more. An event without a CONTAINER is of
    the sandbox itself, one without a SANDBOX of the host: a gap, from SINCE on, in which changes may have been missed.
    With --follow JSON and YAML are a document for each batch of events.
    """
    output.places(_COLUMNS)
    selection.time()
    with terminable(), target.repository() as repository:
        events = _Events(repository, selection)
        if selection.follow:
            _follow(events, output)
            return
        count = _Count(events.rows(output, events.now()))
        print_rows("events", events.columns(output), count, output, following=lambda: events.cursor)
        if not count.number and output.is_for_people:
            tell(selection.none_of(repository))


class _Events:
    """The events that are selected, and how far they were read."""

    def __init__(self, repository: ContainerRepository, selection: _Selection) -> None:
        self._repository, self._left = repository, selection.limit
        self.cursor = selection.after
        self._host = None if selection.all_hosts else repository.host
        self._sid, self._since, self._kinds = selection.sid(repository), selection.time(), selection.kinds or None
        self._feed()  # a cursor that is none is misuse before anything is printed

    def _feed(self) -> Feed:
        with reading_arguments():
            return self._repository.events(
                after=self.cursor, host=self._host, sid=self._sid, kinds=self._kinds, since=self._since
            )

    def now(self) -> Iterator[Event]:
        """Yield the events that came since the last time."""
        feed = self._feed()
        while self._left is None or self._left > 0:
            event = next(feed, None)
            self.cursor = feed.cursor
            if event is None:
                return
            if self._left is not None:
                self._left -= 1
            yield event

    def batches(self) -> Iterator[Iterator[Event]]:
        """Yield the events that are there, and then each time those that came, until as many as are wanted were.

        A server that is away later is waited for, with a line on stderr.
        """
        found = self.now()
        while True:
            for first in found:
                yield chain((first,), found)
            if self._left == 0:
                return
            sys.stdout.flush()
            _wait()
            found = self._now_patiently()

    def _now_patiently(self) -> Iterator[Event]:
        try:
            yield from self.now()
        except (Busy, Unavailable) as error:
            complain(error)

    def columns(self, output: Output) -> Sequence[Column]:
        """Return the columns; a table of one host does without its name."""
        if self._host is not None and output.form == "table" and output.columns is None:
            return [column for column in _COLUMNS if column.name != "host"]
        return _COLUMNS

    def rows(self, output: Output, events: Iterable[Event]) -> Iterator[Sequence[object]]:
        """Yield the events' values for the columns."""
        names = [column.name for column in self.columns(output)]
        return ([getattr(event, name) for name in names] for event in events)


class _Count:
    """Rows, and how many of them there were."""

    def __init__(self, rows: Iterable[Sequence[object]]) -> None:
        self._rows, self.number = rows, 0

    def __iter__(self) -> Iterator[Sequence[object]]:
        for row in self._rows:
            self.number += 1
            yield row


def _follow(events: _Events, output: Output) -> None:
    """Print events as they come: JSON and YAML as a document for each batch, all else as one list without an end."""
    columns, batches = events.columns(output), events.batches()
    if output.form in ("json", "yaml"):
        for number, batch in enumerate(batches):
            if number and output.form == "yaml":
                sys.stdout.write("---\n")
                sys.stdout.flush()
            print_rows("events", columns, events.rows(output, batch), output, following=lambda: events.cursor)
    elif output.is_for_people:
        table = GrowingTable([columns[place] for place in output.places(columns)])
        for batch in batches:
            while some := list(islice(events.rows(output, batch), _SOME)):
                table.add([[row[place] for place in output.places(columns)] for row in some])
    else:
        print_rows("events", columns, events.rows(output, chain.from_iterable(batches)), output)


def _wait() -> None:
    """Wait for a while, or until nobody reads the output any more."""
    reader = select.poll()
    reader.register(sys.stdout.fileno(), 0)  # the end of its reader is told without being asked for
    if reader.poll(_EVERY):
        raise BrokenPipeError
