"""``metrics``: the database's numbers for Prometheus."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import complete
from .messages import complain, tell
from .options import Whole
from .scrapes import answering, read_address
from .status import CANNOT, DONE, importing, terminable
from .target import Target, host_option, pass_target

if TYPE_CHECKING:
    from ..errors import PersistDBError


@click.command(
    "metrics",
    epilog="""\b
Examples:
  persistdb metrics                                  of all hosts in the database
  persistdb metrics --host node-7 --textfile /var/lib/node_exporter/persistdb.prom
                                                     of one host, for node_exporter
  persistdb metrics --listen 127.0.0.1:9960          answer scrapes until Ctrl-C
  persistdb metrics --listen 0.0.0.0:9960 --allow-remote
                                                     those of other machines, too

\b
Dashboard and alerts: packaging/ in the source, and persistdb docs metrics.
""",
)
@click.option(
    "--textfile",
    metavar="FILE",
    shell_complete=complete.paths,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write FILE, as a whole, for node_exporter's textfile collector: Prometheus's text format, mode 0644.",
)
@click.option("--listen", metavar="ADDR:PORT", help="Answer scrapes over HTTP at this address; :PORT is 127.0.0.1's.")
@click.option("--allow-remote", is_flag=True, help="Let --listen take an address that other machines can reach.")
@click.option(
    "--max-hosts",
    metavar="N",
    type=Whole(min=0, max=1_000_000),
    default=1000,
    show_default=True,
    help="Hosts with series of their own; all further ones, by name, are together under (others).",
)
@click.option("--all-hosts", is_flag=True, help="Cover all hosts, also if a host is set.")
@host_option
@pass_target
def metrics(
    target: Target,
    textfile: Path | None,
    listen: str | None,
    allow_remote: bool,
    max_hosts: int,
    all_hosts: bool,
) -> int:
    """Print the database's numbers as OpenMetrics text.

    They are containers by host, runtime and state, findings, when each host was last seen, events, sizes and schema;
    with --host or PERSISTDB_HOST those of one host. A database that cannot be read is persistdb_up 0: a file for
    node_exporter says that, too, and the exit status is 3.

    Without --listen and --textfile they go to stdout.
    """
    if textfile is not None and listen is not None:
        raise click.UsageError("--textfile and --listen exclude each other: give one of them")
    address = read_address(listen, "--listen", allow_remote=allow_remote)
    target.check_host()
    with importing("metrics", extra="metrics"):
        from ..metrics import exposition
        from ..metrics.families import Numbers
    with target.reader() as database:
        numbers = Numbers(database, host=None if all_hosts else target.host, max_hosts=max_hosts, told=_told)
        if address is not None:
            with terminable(), answering(numbers, address):
                while True:
                    signal.pause()
        if textfile is not None:
            exposition.write_textfile(numbers, textfile)
        else:
            click.echo(exposition.open_metrics(numbers), nl=False)
        return DONE if numbers.error is None else CANNOT


def _told(error: PersistDBError | None) -> None:
    if error is None:
        tell("the database can be read again")
    else:
        complain(error, "error")
