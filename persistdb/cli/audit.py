"""``audit``: this node against its records."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import click

from . import complete
from .columns import Column
from .messages import complain, counted, tell
from .options import gathered, output_options
from .output import print_rows
from .status import CANNOT, DONE, IN_PART
from .target import Target, host_option, pass_target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..ingest.audit import Audit
    from ..records import StoredFinding
    from .output import Output

T = TypeVar("T")

_COLUMNS: Final = (
    Column("check", "CHECK", stays=True),
    Column("sid", "SANDBOX", is_id=True),
    Column("cid", "CONTAINER", is_id=True),
    Column("subject", "SUBJECT", stays=True, shrinks=True),
    Column("recorded", "RECORDED", shrinks=True),
    Column("observed", "ON THE NODE", shrinks=True),
    Column("began_at", "SINCE"),
    Column("first_seen", "FIRST SEEN", is_extra=True),
    Column("times_seen", "TIMES SEEN", is_number=True, is_extra=True),
    Column("is_new", "NEW", is_extra=True),
    Column("advice", "ADVICE", shrinks=True, is_extra=True),
    Column("host", "HOST", is_extra=True),
)

_OF_RECORDS: Final = frozenset({"ref-count"})
"""The checks that look at nothing of the node."""


@dataclass(frozen=True)
class _Question:
    """Which checks are made, of which file systems, and what is done with what they find."""

    root: str
    proc: str
    sys: str
    checks: Sequence[str]
    since_last: bool
    store: bool


def _folder(default: str, of: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    return click.option(
        f"--{default.strip('/') or 'root'}",
        metavar="DIR",
        type=click.Path(exists=True, file_okay=False),
        default=default,
        show_default=True,
        help=f"Where the node's {of} is mounted.",
    )


@click.command(
    "audit",
    epilog="""\b
Examples:
  persistdb audit                                 all checks of this node
  persistdb audit --check leaked-mount --check missing-mount
  persistdb audit --since-last                    only what the audits before have not found
  persistdb audit --columns check,subject,advice  with what to do
  persistdb audit --format json | jq -r '.rows[] | select(.check == "leaked-mount") | .subject'
  persistdb audit --root /host --proc /host/proc --sys /host/sys
                                                  from within a container
  persistdb report findings                       what is open on all hosts
""",
)
@_folder("/", "root file system")
@_folder("/proc", "/proc")
@_folder("/sys", "/sys")
@click.option(
    "--check",
    "checks",
    metavar="NAME",
    multiple=True,
    type=click.Choice(complete.CHECKS),
    help=f"Make only this check, or several: {', '.join(complete.CHECKS)}.",
)
@click.option("--since-last", is_flag=True, help="Print only what the audits before have not found.")
@click.option("--no-store", "store", is_flag=True, flag_value=False, default=True, help="Store nothing.")
@output_options(*(column.name for column in _COLUMNS))
@host_option
@gathered("question", _Question)
@pass_target
def audit(target: Target, question: _Question, output: Output) -> int:
    """Compare this node with its records: processes, VMs, mounts, devices, folders and cgroups.

    It reads, and changes nothing on the node. Each row is something to look into: what the record says, what is on the
    node, and since when, if the record tells; the exit status is 1 if there are rows. Findings are stored, so that what
    comes and goes is told from what stays. Import first, or follow the node: what is younger than the last import is no
    finding.
    """
    from ..ingest.audit import Audit, Node, Roots

    output.places(_COLUMNS)
    with target.repository() as repository:
        made = Audit.make(repository, Node(Roots(question.root, question.proc, question.sys)), question.checks)
        before = {_key(one): one for one in repository.known_findings(made.findings)}
        try:
            if question.store:
                repository.record_audit(made.run, made.findings, unread=made.unread)
        finally:  # what was found is told also where it cannot be stored
            number = _print(made, before, repository.host, question, output)
        for fault in made.faults:
            complain(fault)
        _hint(made, repository.host)
        if not made.run.checks:
            return CANNOT
        return IN_PART if number or made.faults else DONE


def _hint(made: Audit, host: str) -> None:
    """Say why checks may not have seen the node, or another one than was meant."""
    from ..errors import FileError

    if os.geteuid() != 0 and any(isinstance(fault, FileError) for fault in made.faults):
        tell("run it as root: other users do not see all of a node's processes, open files and folders")
    name = socket.gethostname()
    if made.run.roots is None and host != name and set(made.run.checks) - _OF_RECORDS:
        tell(f"the records are those of {host}, what was looked at is this machine, {name} (--root, --proc, --sys)")


def _key(one: StoredFinding) -> tuple[str, str]:
    return one.finding.check, one.finding.subject


def _print(
    made: Audit, before: dict[tuple[str, str], StoredFinding], host: str, question: _Question, output: Output
) -> int:
    """Print what was found, and return how many rows it is."""
    rows, new = [], 0
    advice: dict[str, str] = {}
    for one in made.findings:
        known = before.get((one.check, one.subject))
        is_new = known is None or known.gone_at is not None
        new += is_new
        if question.since_last and not is_new:
            continue
        first = made.run.finished_at if known is None else known.first_seen
        times = 1 if known is None else known.times_seen + is_new
        values = {"first_seen": first, "times_seen": times, "is_new": is_new, "host": host}
        rows.append([values[c.name] if c.name in values else getattr(one, c.name) for c in _COLUMNS])
        advice.setdefault(one.check, one.advice)
    print_rows("audit", _COLUMNS, rows, output)
    if not rows and output.is_for_people:
        tell("nothing new" if made.findings else f"nothing found by {counted(len(made.run.checks), 'check')}")
    elif output.is_for_people:
        complain(f"{counted(len(made.findings), 'finding')}, {new} of them new")
        for check, text in advice.items():
            tell(f"{check}: {text}")
    return len(rows)
