"""A list of containers of any length, read in pages."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from ..store.selection import NAMED_SORTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..errors import Unreadable
    from ..filters import Filter
    from ..records import ContainerSummary
    from ..store.queries import OnUnreadable
    from ..store.repository import ContainerRepository

PAGE: Final = 50_000
"""Containers in one page, about 50 MB: with smaller pages, sorts without an index are repeated too often."""

STREAMED: Final = 5_000
"""Containers in one page of a list that is sorted by an index: its first lines come at once."""


def find(
    repository: ContainerRepository,
    filters: Sequence[Filter],
    *,
    sort: str = "sid",
    limit: int | None = None,
    all_hosts: bool = False,
    page: int | None = None,
    on_unreadable: OnUnreadable | None = None,
) -> Iterator[ContainerSummary]:
    """Return the containers that fit all filters, sorted; a filter on the host implies all hosts.

    The first page is read at once, each further one when it is needed, with the containers as they are then. One that
    cannot be read is given to ``on_unreadable``, as by
    :meth:`~persistdb.store.repository.ContainerRepository.summaries`. Raises
    :class:`~persistdb.errors.InvalidValue` for an unknown filter or sort order.
    """
    all_hosts = all_hosts or any(condition.key == "host" for condition in filters)
    is_named = sort.removeprefix("-") in NAMED_SORTS
    if page is None:
        is_sorted = is_named and not filters and not repository.database.backend.sorts_joins
        page = STREAMED if is_sorted else PAGE
    after: ContainerSummary | None = None
    count = offset = 0
    is_over = False

    def read() -> list[ContainerSummary]:
        """Return the containers of the next page."""
        nonlocal after, count, offset, is_over
        size = page if limit is None else min(page, limit - count)
        faults: list[Unreadable] = []
        report = None if on_unreadable is None else faults.append
        containers = repository.summaries(
            *filters, sort=sort, limit=size, offset=offset, after=after, all_hosts=all_hosts, on_unreadable=report
        )
        for fault in faults:
            on_unreadable(fault)  # type: ignore[misc]  # there is one where there are faults
        rows = len(containers) + len(faults)
        count, offset = count + rows, offset + rows
        is_over = rows < size or count == limit
        # behind a container that cannot be read, and perhaps has no IDs, the next page goes by its number
        if containers and not faults and is_named:
            after, offset = containers[-1], 0
        return containers

    def following() -> Iterator[ContainerSummary]:
        while not is_over:
            yield from read()

    return chain(read(), following())
