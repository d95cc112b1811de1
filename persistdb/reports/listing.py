"""A list of containers of any length, read in pages."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..errors import Unreadable
    from ..filters import Filter
    from ..records import ContainerSummary
    from ..store.queries import OnUnreadable
    from ..store.repository import ContainerRepository

PAGE: Final = 50_000
"""Containers in one page, about 50 MB: with smaller pages, sorts without an index are repeated too often."""


def find(
    repository: ContainerRepository,
    filters: Sequence[Filter],
    *,
    sort: str = "sid",
    limit: int | None = None,
    all_hosts: bool = False,
    page: int = PAGE,
    on_unreadable: OnUnreadable | None = None,
) -> Iterator[ContainerSummary]:
    """Return the containers that fit all filters, sorted; a filter on the host implies all hosts.

    The first page is read at once, each further one when it is needed, with the containers as they are then. One that
    cannot be read is given to ``on_unreadable``, as by
    :meth:`~persistdb.store.repository.ContainerRepository.summaries`. Raises
    :class:`~persistdb.errors.InvalidValue` for an unknown filter or sort order.
    """
    all_hosts = all_hosts or any(condition.key == "host" for condition in filters)

    def read(offset: int) -> tuple[list[ContainerSummary], int]:
        """Return the containers of a page, and how many rows it has, with the ones that cannot be read."""
        size = page if limit is None else min(page, limit - offset)
        faults: list[Unreadable] = []
        report = None if on_unreadable is None else faults.append
        containers = repository.summaries(
            *filters, sort=sort, limit=size, offset=offset, all_hosts=all_hosts, on_unreadable=report
        )
        for fault in faults:
            on_unreadable(fault)  # type: ignore[misc]  # there is one where there are faults
        return containers, len(containers) + len(faults)

    def following(count: int) -> Iterator[ContainerSummary]:
        offset = page
        while count == page and (limit is None or offset < limit):
            containers, count = read(offset)
            yield from containers
            offset += page

    first, count = read(0)
    return chain(first, following(count))
