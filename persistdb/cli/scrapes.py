"""Prometheus's scrapes, which ``metrics --listen`` and ``watch --metrics`` answer."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from .messages import tell
from .status import importing, reading_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..metrics.address import Address
    from ..metrics.families import Numbers


def read_address(text: str | None, option: str, *, allow_remote: bool) -> Address | None:
    """Read the address to answer scrapes at, ``None`` for none; a wrong one is misuse before anything is done."""
    if text is None:
        if allow_remote:
            raise click.UsageError(f"--allow-remote is for {option}")
        return None
    with importing("metrics", extra="metrics"):
        import prometheus_client  # noqa: F401  what answers there

    from ..metrics import address

    with reading_arguments():
        return address.parse(text, allow_remote=allow_remote)


@contextmanager
def answering(numbers: Numbers, address: Address) -> Iterator[None]:
    """Answer scrapes until the end of the block, and say where."""
    from ..metrics import exposition

    with exposition.served(numbers, address) as served:
        tell(f"metrics at http://{served}/metrics")
        yield
