"""The database's numbers for monitoring: read in a few statements, and written as Prometheus and OpenMetrics read them.

:mod:`.readings` knows SQL and nothing of Prometheus; :mod:`.families` names the metrics, :mod:`.exposition` writes
them as text, to a file, or over HTTP: both import ``prometheus-client``, an extra.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import ModuleMissing

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def needed() -> Iterator[None]:
    """Turn a failed import of what metrics need into :class:`~persistdb.errors.ModuleMissing`."""
    try:
        yield
    except ModuleNotFoundError as missing:
        raise ModuleMissing("metrics", str(missing.name), "metrics") from None
