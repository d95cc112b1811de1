"""The page of ``report --html``: one file that shows what a database has, and needs nothing else.

:mod:`.queries` asks, :mod:`.plots` draws with matplotlib what :mod:`.svg` makes part of the page, :mod:`.html` fills
the template beside it: these three need an extra. The script adds a search to each table, and an order of its rows;
without it all that the page says is there.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...errors import ModuleMissing

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def needed() -> Iterator[None]:
    """Turn a failed import of what the page needs into :class:`~persistdb.errors.ModuleMissing`."""
    try:
        yield
    except ModuleNotFoundError as missing:
        raise ModuleMissing("report --html", str(missing.name), "page") from None
