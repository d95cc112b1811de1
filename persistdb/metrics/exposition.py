"""The metrics as text: OpenMetrics, a file for node_exporter, and over HTTP."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from prometheus_client import generate_latest, openmetrics, start_http_server

from ..replacing import replace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .address import Address
    from .families import Numbers

TEXTFILE_MODE: Final = 0o644
"""node_exporter runs as a user of its own, who must read the file."""


def open_metrics(numbers: Numbers) -> str:
    """Return the metrics as OpenMetrics text."""
    text: bytes = openmetrics.exposition.generate_latest(numbers.registry())  # type: ignore[no-untyped-call]  # its function is
    return text.decode()


def write_textfile(numbers: Numbers, path: Path) -> None:
    """Write the metrics for node_exporter's textfile collector, whose parser knows the older text format only.

    The file is replaced as a whole. Raises :class:`OSError`.
    """
    replace(path, generate_latest(numbers.registry()), mode=TEXTFILE_MODE)


@contextmanager
def served(numbers: Numbers, address: Address) -> Iterator[Address]:
    """Answer scrapes at an address in threads until the end of the block; gives the address with the port in use.

    A client gets the format that it asks for. Raises :class:`OSError` for an address that cannot be had.
    """
    try:
        server, thread = start_http_server(address.port, address.host, numbers.registry())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(address)) from None
    try:
        yield address._replace(port=server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
