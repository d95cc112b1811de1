"""A list of containers of any length, read in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..store.cursors import NAMED_SORTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ..filters import Filter
    from ..records import ContainerSummary
    from ..store.cursors import Page
    from ..store.lists import OnUnreadable
    from ..store.repository import ContainerRepository

PAGE: Final = 50_000
"""Containers in one page, about 50 MB: with smaller pages, sorts without an index are repeated too often."""

STREAMED: Final = 2_000
"""Containers in one page of a list that is sorted by an index: its first lines come at once."""


class Found:
    """The containers of a list, each of which is read when it is needed; the end of the list tells where it ended.

    ``cursor`` is where it goes on, ``None`` if nothing is left: known once the last container was taken.
    """

    def __init__(self) -> None:
        self.containers: Iterator[ContainerSummary] = iter(())
        self.cursor: str | None = None

    def __iter__(self) -> Iterator[ContainerSummary]:
        return self

    def __next__(self) -> ContainerSummary:
        return next(self.containers)


def find(
    repository: ContainerRepository,
    filters: Sequence[Filter],
    *,
    sort: str = "sid",
    limit: int | None = None,
    after: str | None = None,
    all_hosts: bool = False,
    page: int | None = None,
    at: datetime | None = None,
    on_unreadable: OnUnreadable | None = None,
) -> Found:
    """Return the containers that fit all filters, sorted; a filter on the host implies all hosts.

    ``after`` is the cursor of a list in the same order. With ``at`` it is a list of what was at that time.
    The first page is read at once, each further one when it is needed, with the containers as they are then. One that
    cannot be read is given to ``on_unreadable``, as by
    :meth:`~persistdb.store.repository.ContainerRepository.summaries`. Raises
    :class:`~persistdb.errors.InvalidValue` for an unknown filter or sort order.
    """
    all_hosts = all_hosts or any(condition.key == "host" for condition in filters)
    if page is None:
        page = STREAMED if sort.removeprefix("-") in NAMED_SORTS and not filters else PAGE
    found = Found()
    count = 0

    def read() -> Page[ContainerSummary]:
        """Return the containers of the next page."""
        nonlocal count
        size = page if limit is None else min(page, limit - count)
        containers = repository.summaries(
            *filters, sort=sort, limit=size, after=after, all_hosts=all_hosts, at=at, on_unreadable=on_unreadable
        )
        count += size
        return containers

    def following(containers: Page[ContainerSummary]) -> Iterator[ContainerSummary]:
        nonlocal after
        while True:
            yield from containers
            after = containers.cursor
            if after is None or count == limit:
                found.cursor = after
                return
            containers = read()

    found.containers = following(read())
    return found
