"""``hosts rm``: a host that is gone."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from ..errors import command
from . import complete
from .messages import complain, counted
from .output import print_line
from .status import CANNOT, DONE
from .target import Target, pass_target, reason_option

if TYPE_CHECKING:
    from ..store.hosts import StoredHost


@click.command(
    "rm",
    epilog="""\b
Examples:
  persistdb hosts rm node-7            count what is stored of it, and remove nothing
  persistdb hosts rm node-7 --yes      remove it
""",
)
@click.argument("host", metavar="HOST", shell_complete=complete.hosts)
@click.option("--yes", is_flag=True, help="Remove it; without this it is only counted.")
@click.option("--allow-recent", is_flag=True, help="Remove a host that was heard of in the last hour, too.")
@reason_option
@pass_target
def remove_host(target: Target, host: str, yes: bool, allow_recent: bool) -> int:
    """Remove a host that is gone, with its sandboxes.

    Its sandboxes are removed as rm removes them: events and history of them stay (db prune). What audits found on it
    goes, and when it was seen. Nothing is removed without --yes, and nothing while a watcher follows the host.
    """
    from ..store.hosts import HostRemoval

    with replace(target, host=host).repository(cause="rm") as repository:
        removal = HostRemoval(repository)
        found = removal.stored()
        if not yes:
            print_line(f"host {host}: {_listed(found)}; last heard of at {found.last_heard:%Y-%m-%dT%H:%M:%SZ}")
            again = command(repository.database.url, f"hosts rm {shlex.quote(host)} --yes")
            complain(f"nothing was removed; to remove it: {again}")
            return CANNOT
        removed = removal.run(allow_recent=allow_recent, progress=lambda sid: print_line(f"removed sandbox {sid}"))
        print_line(f"removed host {host}: {_listed(removed)}")
    return DONE


def _listed(found: StoredHost) -> str:
    parts = (
        f"{counted(found.sandboxes, 'sandbox', 'sandboxes')} with {counted(found.containers, 'container')}",
        counted(found.audits, "audit"),
        counted(found.findings, "finding"),
    )
    return ", ".join(parts)
