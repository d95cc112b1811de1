"""``ls``, ``show`` and ``rm``: containers in the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ..errors import Ambiguous, InvalidValue, NotFound, Unreadable
from . import complete
from .columns import Column
from .details import as_row, print_details, print_sandbox
from .empty import nothing
from .messages import complain, counted, printable, tell
from .options import at_option, format_option, gathered, order_options, output_options
from .output import print_lines, print_rows
from .repeat import repeated, watch_option
from .status import DONE, IN_PART, Faults, reading_arguments, status_of
from .target import Target, host_option, pass_target, reason_option

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ..filters import Filter
    from ..records import ContainerSummary
    from ..store.repository import ContainerRepository
    from .output import Output

_COLUMNS = (
    Column("host", "HOST", stays=True),
    Column("sid", "SANDBOX", is_id=True, stays=True),
    Column("cid", "CONTAINER", is_id=True, stays=True),
    Column("state", "STATE", stays=True),
    Column("pid", "PID", is_number=True),
    Column("mounts", "MOUNTS", is_number=True),
    Column("devices", "DEVICES", is_number=True),
    Column("bundle", "BUNDLE", shrinks=True),
    Column("updated", "UPDATED"),
    Column("cgroup", "CGROUP", shrinks=True, is_extra=True),
    Column("revision", "REVISION", is_number=True, is_extra=True),
    Column("created", "CREATED", is_extra=True),
    Column("runtime", "RUNTIME", is_extra=True),
    Column("namespace", "NAMESPACE", is_extra=True),
    Column("pod", "POD", shrinks=True, is_extra=True),
    Column("name", "NAME", shrinks=True, is_extra=True),
    Column("image", "IMAGE", shrinks=True, is_extra=True),
)


@dataclass(frozen=True)
class _Selection:
    """The conditions by which containers are selected, and their order."""

    conditions: Sequence[str]
    more: Sequence[str]
    sort: str
    limit: int | None
    after: str | None
    all_hosts: bool
    at: datetime | None
    quiet: bool
    every: float | None

    def filters(self) -> list[Filter]:
        """Read the conditions; an age such as ``15m`` is one before now."""
        from ..filters import parse_all

        with reading_arguments():
            return parse_all([*self.conditions, *self.more])


@click.command(
    "ls",
    epilog="""\b
Filters:
  KEY=VALUE   KEY!=VALUE   KEY=PREFIX*
  Filters with the same key are combined with or, different keys with and. Keys:
  host, sid, cid, state, pid, token, bundle, cgroup, runtime,
  namespace        of containerd's
  pod              NAMESPACE/NAME, as Kubernetes names it
  name, image      of the container
  device           ID of a device that is mapped into the container
  block-device     ID of a block device that is mounted
  rootfs-device    ID of the block device that holds the root file system
  source, destination, host-path, type     of a mount
  since, before    last change: 2026-01-31, 2026-01-31T12:00:00Z, 15m, 2h, 7d

\b
Examples:
  persistdb ls                                     this host's containers
  persistdb ls state=running state=paused          running and paused containers
  persistdb ls runtime=crun pod=default/web-*      by runtime, and by the names of pods
  persistdb ls device=d6a2f3c8b1e04a7f             the containers that hold a device
  persistdb ls 'host-path=/var/lib/kubelet/*' -q   IDs of containers with mounts below a path
  persistdb ls --all-hosts --sort -updated --limit 10
                                                   the latest changes on all hosts
  persistdb ls --limit 100 --after CURSOR          the next page, behind a list that --limit ended
  persistdb ls --columns host,cid,created --sort -created
  persistdb ls -o wide                             all columns, with whole values
  persistdb ls -o '{{.sid}}\\t{{.cid}}\\t{{.pid}}'    a line for each, with tabs between the values
  persistdb ls state=running --watch 2             again every two seconds
  persistdb ls state=running --at 2h               what was running two hours ago
  persistdb ls --format json | jq '.rows[].cid'
""",
)
@click.argument("conditions", metavar="[KEY=VALUE…]", nargs=-1, shell_complete=complete.conditions)
@click.option(
    "-f",
    "--filter",
    "more",
    metavar="KEY=VALUE",
    multiple=True,
    shell_complete=complete.conditions,
    help="The same as an argument KEY=VALUE.",
)
@order_options("sid", complete.sorts)
@click.option("--after", metavar="CURSOR", help="Go on behind a list that --limit ended, which names its CURSOR.")
@click.option("-q", "--quiet", is_flag=True, help="Print only IDs, SANDBOX/CONTAINER, one per line.")
@click.option("--all-hosts", is_flag=True, help="List the containers of all hosts. A host filter implies this.")
@at_option
@watch_option
@output_options(*(column.name for column in _COLUMNS))
@host_option
@gathered("selection", _Selection)
@pass_target
def list_containers(target: Target, selection: _Selection, output: Output) -> int:
    """List containers.

    A container whose rows cannot be read is a line on stderr instead, and makes the exit status 1.
    """
    quiet = selection.quiet
    if quiet and (output.form != "table" or output.columns is not None):
        raise click.UsageError("-q prints only IDs: leave out --format and --columns")
    # what was mistyped is misuse before anything is read
    output.places(_COLUMNS)
    selection.filters()
    with target.listing() as repository:
        return repeated(selection.every, lambda: _list(repository, selection, output), None if quiet else output)


def _list(repository: ContainerRepository, selection: _Selection, output: Output) -> int:
    from ..reports import listing

    filters = selection.filters()
    faults = Faults()
    with reading_arguments():
        selected = listing.find(
            repository,
            filters,
            sort=selection.sort,
            limit=selection.limit,
            after=selection.after,
            all_hosts=selection.all_hosts,
            at=selection.at,
            on_unreadable=faults,
        )
    if selection.quiet:
        print_lines(f"{container.sid}/{container.cid}" for container in selected)
    elif output.is_for_people:
        if not _print_table(selected, output) and not faults.number:
            everywhere = selection.all_hosts or any(condition.key == "host" for condition in filters)
            host = None if everywhere else repository.host
            filtered = bool(filters) or selection.at is not None
            tell(nothing("containers", repository.database, host, filtered=filtered))
    else:
        print_rows("containers", _COLUMNS, map(_row, selected), output, following=lambda: selected.cursor)
    if selected.cursor is not None and (selection.quiet or output.form not in ("json", "yaml")):
        tell(f"the list may go on: repeat the command with --after {selected.cursor}")
    return IN_PART if faults.number else DONE


def _print_table(selected: Iterator[ContainerSummary], output: Output) -> int:
    """Print containers as a table, by default with their hosts if there are several; return how many they are."""
    rows = [_row(container) for container in selected]
    if output.form == "table" and output.columns is None and len({host for host, *_ in rows}) <= 1:
        print_rows("containers", _COLUMNS[1:], (row[1:] for row in rows), output)
    else:
        print_rows("containers", _COLUMNS, rows, output)
    return len(rows)


def _row(container: ContainerSummary) -> tuple[object, ...]:
    return (
        container.host,
        container.sid,
        container.cid,
        container.state,
        container.pid,
        container.mounts,
        container.devices,
        container.bundle_path,
        container.updated_at,
        container.cgroup_path,
        container.revision,
        container.created_at,
        container.runtime,
        container.namespace,
        container.pod,
        container.container_name,
        container.image,
    )


@click.command(
    "show",
    epilog="""\b
Examples:
  persistdb show 0a9b                       the container whose ID begins with 0a9b
  persistdb show 6d7c0f0a3d5d2b9b/web-1     the container web-1 of this sandbox
  persistdb show 0a9b -o yaml               all that is stored of it
  persistdb show 0a9b -o '{{.bundle}}'      one of its values
  persistdb show 0a9b --at 15m              as it was a quarter of an hour ago
  persistdb show 0a9b --format json | jq '.rows[0].devices'
  persistdb show --sandbox 6d7c0f0a3d5d     a sandbox, its virtual machine, devices and containers
""",
)
@click.argument("ref", metavar="[ID]", required=False, shell_complete=complete.containers)
@click.option(
    "--sandbox",
    "sid",
    metavar="SID",
    shell_complete=complete.sandboxes,
    help="Show a whole sandbox of the host, by its ID, a unique prefix of it, or its pod as NAMESPACE/POD.",
)
@click.option("--all-hosts", is_flag=True, help="Search all hosts for the container.")
@at_option
@format_option("table", "wide", "json", "yaml")
@host_option
@pass_target
def show(
    target: Target, ref: str | None, sid: str | None, all_hosts: bool, at: datetime | None, output: Output
) -> None:
    """Show one container with its mounts, devices and processes, or one sandbox.

    ID is CONTAINER or SANDBOX/CONTAINER; a unique prefix of either is enough. So is a name that one container has: its
    own, its pod's as NAMESPACE/POD, or NAMESPACE/POD/CONTAINER.
    """
    if (ref is None) is (sid is None):
        raise click.UsageError("give the ID of a container, or --sandbox SID")
    if sid is not None:
        if all_hosts:
            raise click.UsageError("--all-hosts is for containers: a sandbox is one of a host, --host NAME")
        _show_sandbox(target, sid, at, output)
        return
    from ..reports import lookups

    with target.repository() as repository:
        container = repository.look_up(ref or "", all_hosts=all_hosts, at=at)
        names = lookups.names(repository.database, container.host, container.sid, container.cid)
    if output.form in ("table", "wide"):
        print_details(container, names)
    else:
        _print_row("container", as_row(container, names), output)


def _show_sandbox(target: Target, sid: str, at: datetime | None, output: Output) -> None:
    from ..reports.whole_sandbox import whole_sandbox

    with target.repository() as repository:
        row = whole_sandbox(repository, sid, at=at)
    if output.form in ("table", "wide"):
        print_sandbox(row, no_trunc=output.form == "wide")
    else:
        _print_row("sandbox", row, output)


def _print_row(kind: str, row: dict[str, object], output: Output) -> None:
    print_rows(kind, [Column(name, name) for name in row], [list(row.values())], output)


@click.command(
    "rm",
    epilog="""\b
Examples:
  persistdb rm 0a9b                          the container whose ID begins with 0a9b
  persistdb rm 6d7c0f0a3d5d2b9b/web-1        the container web-1 of this sandbox
  persistdb rm --sandbox 6d7c0f0a3d5d2b9b    a sandbox with all its containers
  persistdb ls state=stopped -q | xargs persistdb rm
""",
)
@click.argument("refs", metavar="ID…", nargs=-1, shell_complete=complete.containers)
@click.option(
    "--sandbox",
    "sids",
    metavar="SID",
    multiple=True,
    shell_complete=complete.sandboxes,
    help="Remove a whole sandbox, by its ID or a unique prefix of it.",
)
@reason_option
@host_option
@pass_target
def remove(target: Target, refs: Sequence[str], sids: Sequence[str]) -> int:
    """Remove containers or whole sandboxes from the database.

    ID is CONTAINER or SANDBOX/CONTAINER; a unique prefix of either is enough. There is no confirmation; each removal is
    printed. Kata's files and the containers themselves are not touched.
    """
    if not refs and not sids:
        raise click.UsageError("nothing to remove: give container IDs, or --sandbox SID")
    removed = failed = 0
    with target.repository(cause="rm") as repository:
        for remove_one, names in ((_remove_container, refs), (_remove_sandbox, sids)):
            for name in names:
                try:
                    removal = remove_one(repository, name)
                except (NotFound, Ambiguous, InvalidValue, Unreadable) as error:
                    complain(error)
                    failed += 1
                else:
                    click.echo(printable(f"removed {removal}"))
                    removed += 1
    return status_of(removed, failed)


def _remove_container(repository: ContainerRepository, ref: str) -> str:
    _, sid, cid = repository.look_up_ids(ref)
    name = f"{sid}/{cid}"
    if not repository.delete(sid, cid):
        raise NotFound("container", name, repository.host)  # another process was faster
    return f"container {name}"


def _remove_sandbox(repository: ContainerRepository, ref: str) -> str:
    from ..filters import Filter

    sid = repository.look_up_sandbox(ref)
    containers = repository.count(Filter("sid", sid))
    if not repository.destroy_sandbox(sid):
        raise NotFound("sandbox", sid, repository.host)
    return f"sandbox {sid} with {counted(containers, 'container')}"
