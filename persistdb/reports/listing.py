"""A list of containers of any length, read in pages."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..filters import Filter
    from ..records import ContainerSummary
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
) -> Iterator[ContainerSummary]:
    """Return the containers that fit all filters, sorted; a filter on the host implies all hosts.

    The first page is read at once, each further one when it is needed, with the containers as they are then. Raises
    :class:`~persistdb.errors.InvalidValue` for an unknown filter or sort order.
    """
    all_hosts = all_hosts or any(condition.key == "host" for condition in filters)

    def read(offset: int) -> list[ContainerSummary]:
        size = page if limit is None else min(page, limit - offset)
        return repository.summaries(*filters, sort=sort, limit=size, offset=offset, all_hosts=all_hosts)

    def following(count: int) -> Iterator[ContainerSummary]:
        offset = page
        while count == page and (limit is None or offset < limit):
            containers = read(offset)
            yield from containers
            count, offset = len(containers), offset + page

    first = read(0)
    return chain(first, following(len(first)))
