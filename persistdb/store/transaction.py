"""A transaction over several of the repository's calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .operations import Operations

if TYPE_CHECKING:
    from ..db.transaction import OpenTransaction
    from .acting import Acting
    from .compiled import Compiled


class Transaction(Operations):
    """What :meth:`ContainerRepository.transaction` opens: the repository's queries and operations, all in one commit.

    Each operation is whole or not there, so an error of one may be caught and the transaction go on: except where the
    engine does not (a deadlock, a lost connection); then all that follows, and the end, raise the same error.

    ``session`` is for statements and mapped classes of yours in the same transaction. What it has pending is flushed
    before each call; its objects are expired after each operation, and show what that wrote.
    """

    def __init__(self, running: OpenTransaction, host: str, compiled: Compiled, acting: Acting) -> None:
        super().__init__(running, host, compiled, acting)
        self.session = running.session
