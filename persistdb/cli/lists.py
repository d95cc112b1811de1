"""``sandboxes`` and ``hosts``: what the database has of each, beside its containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from . import complete
from .answers import number_of
from .columns import Column
from .empty import nothing
from .hosts import remove_host
from .messages import complain, tell
from .options import order_options, output_options
from .output import print_rows
from .status import reading_arguments
from .target import Target, host_option, pass_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reports.readonly import Rows
    from .output import Output

_SANDBOXES: Final[tuple[Column, ...]] = (
    Column("host", "HOST", stays=True),
    Column("sid", "SANDBOX", is_id=True, stays=True),
    Column("state", "STATE", stays=True),
    Column("containers", "CONTAINERS", is_number=True),
    Column("running", "RUNNING", is_number=True),
    Column("updated", "UPDATED"),
    Column("seen", "SEEN"),
    Column("source", "SOURCE", shrinks=True),
    Column("layout", "LAYOUT"),
    Column("cgroup", "CGROUP", shrinks=True, is_extra=True),
    Column("mounts", "MOUNTS", is_number=True, is_extra=True),
    Column("devices", "DEVICES", is_number=True, is_extra=True),
    Column("processes", "PROCESSES", is_number=True, is_extra=True),
    Column("revision", "REVISION", is_number=True, is_extra=True),
    Column("created", "CREATED", is_extra=True),
    Column("runtime", "RUNTIME", is_extra=True),
    Column("namespace", "NAMESPACE", is_extra=True),
    Column("pod_namespace", "POD NAMESPACE", is_extra=True),
    Column("pod_name", "POD", shrinks=True, is_extra=True),
)
_HOSTS: Final[tuple[Column, ...]] = (
    Column("host", "HOST", stays=True),
    Column("sandboxes", "SANDBOXES", is_number=True, stays=True),
    Column("containers", "CONTAINERS", is_number=True),
    Column("last_seen", "LAST SEEN"),
    Column("first_seen", "FIRST SEEN"),
    Column("kernel", "KERNEL", shrinks=True),
    Column("programs", "PROGRAMS", shrinks=True),
    Column("boot_id", "BOOT ID", is_extra=True),
)


@click.command(
    "sandboxes",
    epilog="""\b
Examples:
  persistdb sandboxes                                this host's sandboxes
  persistdb sandboxes --all-hosts --sort seen        the ones first that no import has found for long
  persistdb sandboxes -o '{{.sid}} {{.source}}'      where the files of each are
  persistdb sandboxes --format json | jq '.rows[].sid'
""",
)
@order_options("sid", complete.words(*(column.name for column in _SANDBOXES)))
@click.option("--all-hosts", is_flag=True, help="List the sandboxes of all hosts.")
@output_options(*(column.name for column in _SANDBOXES))
@host_option
@pass_target
def list_sandboxes(target: Target, sort: str, limit: int | None, all_hosts: bool, output: Output) -> None:
    """List sandboxes, and when an import last found each.

    A sandbox is found when its files are, whether they changed or not; SOURCE is the folder that they are in.
    """
    from ..reports import lists

    output.places(_SANDBOXES)
    with target.repository() as repository:
        host = None if all_hosts else repository.host
        with reading_arguments():
            answer = lists.sandboxes(
                repository.database, host=host, sort=_in_view(sort, _SANDBOXES, lists.SANDBOXES), limit=limit
            )
        columns, rows = _SANDBOXES, answer.rows
        if host is not None and output.form == "table" and output.columns is None:
            columns, rows = _SANDBOXES[1:], [row[1:] for row in rows]
        _print("sandboxes", columns, rows, answer, output)
        if not answer.rows and output.is_for_people:
            tell(nothing("sandboxes", repository.database, host))


@click.group(
    "hosts",
    invoke_without_command=True,
    subcommand_metavar="[COMMAND]",
    epilog="""\b
Examples:
  persistdb hosts                          all hosts of the database
  persistdb hosts --sort last_seen         the ones first from which nothing came for long
  persistdb hosts --format csv             for a spreadsheet
  persistdb hosts rm node-7                what is stored of one that is gone; --yes removes it
""",
)
@order_options("host", complete.words(*(column.name for column in _HOSTS)))
@output_options(*(column.name for column in _HOSTS))
@pass_target
def list_hosts(target: Target, sort: str, limit: int | None, output: Output) -> None:
    """List the hosts in the database, or remove one.

    LAST SEEN is when an import last read the files of the host.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    from ..reports import lists

    output.places(_HOSTS)
    with target.database() as database:
        with reading_arguments():
            answer = lists.hosts(database, sort=_in_view(sort, _HOSTS, lists.HOSTS), limit=limit)
        _print("hosts", _HOSTS, answer.rows, answer, output)
        if not answer.rows and output.is_for_people:
            tell(nothing("hosts", database, None))


list_hosts.add_command(remove_host)


def _in_view(sort: str, columns: Sequence[Column], names: Sequence[str]) -> str:
    """Return what a view calls a column to sort by, from its ``names``; refuse what is no column."""
    from ..validation import check_sort  # start-up: records come with it

    known = [column.name for column in columns]
    name = check_sort(sort, known)
    return sort.removesuffix(name) + names[known.index(name)]


def _print(
    kind: str, columns: Sequence[Column], rows: Sequence[Sequence[object]], answer: Rows, output: Output
) -> None:
    print_rows(kind, columns, rows, output)
    if answer.is_cut:
        complain(number_of(len(rows), is_cut=True))
