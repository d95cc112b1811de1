"""The rule that splits many sandboxes into transactions. Pure: nothing here touches a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..records import SandboxWrite

BATCH: Final = 1000
"""Sandboxes and containers in one batch: enough that the price of a commit is shared by many."""
BATCH_TEXT: Final = 4 << 20
"""Characters of source documents in one batch: servers refuse a statement above 16 MB (max_allowed_packet)."""


def batches(writes: Iterable[SandboxWrite], *, size: int = BATCH) -> Iterator[list[SandboxWrite]]:
    """Split writes, in their order, into batches that are each stored in one transaction.

    A write joins a batch if its containers, with the sandboxes and containers before it, are at most ``size``, if the
    source documents have at most :data:`BATCH_TEXT` characters together, and if its sandbox is not in the batch. A
    write that exceeds a bound alone is a separate batch. Splitting a batch again with the same ``size`` yields it.
    """
    batch: list[SandboxWrite] = []
    sids: set[str] = set()
    total = total_text = 0
    for write in writes:
        containers, text = len(write.containers or ()), _text_of(write)
        if batch and (total + containers > size or total_text + text > BATCH_TEXT or write.sid in sids):
            yield batch
            batch, sids, total, total_text = [], set(), 0, 0
        batch.append(write)
        sids.add(write.sid)
        total += 1 + containers
        total_text += text
    if batch:
        yield batch


def _text_of(write: SandboxWrite) -> int:
    own = len(write.record.document or "") if write.record else 0
    return own + sum(len(origin.document or "") for origin in write.origins.values())
