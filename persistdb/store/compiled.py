"""What is built once for a database: the statements that read, and the decoders of their answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from ..records import Container, ContainerSummary
from .feed import FeedStatements
from .fixed import Fixed, FixedSelects
from .payloads import decoders
from .salvage import Salvage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..db.database import Database
    from ..db.work import Statement
    from .audit_statements import AuditStatements
    from .building import Built
    from .past_selection import PastQuestions
    from .recording import Recording
    from .row_statements import RowStatements
    from .seen_statements import SeenStatements
    from .selection import Selects
    from .statements import Statements
    from .versions import Past

T = TypeVar("T", Container, ContainerSummary)


@dataclass(frozen=True)
class Listing(Generic[T]):
    """A kind of list: the statement for a page of it, the decoder of its payloads, and the statement for one row."""

    build: Callable[..., Statement]
    decode: Callable[[str], T]
    row: Callable[[], Statement]


class Compiled:
    """What is built once for a database, whoever runs it: statements, and decoders of their answers."""

    def __init__(self, database: Database) -> None:
        self.database = database
        backend = database.backend
        self.statements = cast("Statements", Fixed(backend, "statements", self))
        self.recording = cast("Recording", Fixed(backend, "recording", self))
        self.selects = cast("Selects", FixedSelects(backend, self))
        self.seen = cast("SeenStatements", Fixed(backend, "seen", self))
        self.audits = cast("AuditStatements", Fixed(backend, "audits", self))
        self.past = cast("Past", Fixed(backend, "past", self))
        self.decode = decoders(backend)
        rows = cast("RowStatements", Fixed(backend, "rows", self))
        self.salvage = Salvage(database, rows, self.decode)
        of_one = self.salvage.rows
        self.containers = Listing(self.selects.page, self.decode.container, lambda: of_one.container)
        self.summaries = Listing(self.selects.summaries, self.decode.summary, lambda: of_one.summary)

    @cached_property
    def transition(self) -> tuple[Statement, ...]:
        """The statements of a change of state."""
        return cast("Built", Fixed(self.database.backend, "", self)).transition

    @cached_property
    def creation(self) -> Sequence[Statement] | None:
        """The statements that create a container, where the engine can do that in one round trip."""
        return cast("Built", Fixed(self.database.backend, "", self)).creation

    @cached_property
    def built(self) -> Built:
        """The same statements and more, built by SQLAlchemy."""
        from .building import Built  # start-up: what is in the file needs no SQLAlchemy

        return Built(self.database.backend)

    @property
    def past_questions(self) -> PastQuestions:
        """The statements for questions about what was."""
        return self.built.past_questions

    @cached_property
    def feed(self) -> FeedStatements:
        """The statements of the feed, which most programs do without."""
        return FeedStatements(self.database)
