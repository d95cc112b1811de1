"""The repository's statements, built by SQLAlchemy: for the files of :mod:`.fixed`, and what is not in them."""

from __future__ import annotations

from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Final

from ..db.work import Statement
from . import creation, selection, transitions
from .audit_statements import AuditStatements
from .fixed import question
from .past_selection import PastQuestions
from .recording import Recording
from .row_statements import RowStatements
from .seen_statements import SeenStatements
from .shapes import FilterShape, QueryShape
from .statements import Statements
from .versions import Past

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..engines import Backend


class Built:
    """Every statement for one engine; each is built when it is first asked for."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.statements = Statements(backend)
        self.rows = RowStatements(self.statements)
        self.recording = Recording(backend, self.statements)
        self.selects = selection.Selects(self.statements)
        self.seen = SeenStatements(backend, self.statements)
        self.audits = AuditStatements(backend, self.statements)

    @cached_property
    def transition(self) -> tuple[Statement, ...]:
        """Change a container's state, with what is recorded of that: ``host``, ``sid``, ``cid``, ``old``, ``new``."""
        return transitions.statements(self._backend, self.statements, self.recording)

    @cached_property
    def creation(self) -> Sequence[Statement] | None:
        """Create a container, and return its revision, none if it is not created: where one round trip can."""
        return creation.statements(self._backend, self.statements, self.recording)

    @cached_property
    def past(self) -> Past:
        """The statements about what was."""
        return Past(self._backend)

    @cached_property
    def past_questions(self) -> PastQuestions:
        """The statements for questions about what was."""
        return PastQuestions(self._backend)


def _prefix(key: str) -> FilterShape:
    return FilterShape(key, negated=False, prefix=True, indexed=True, bounded=True)


def _equal(key: str) -> FilterShape:
    return FilterShape(key, negated=False, prefix=False, indexed=True, bounded=False)


_ALL, _IDS, _PAIRS = (), (_prefix("cid"),), (_prefix("cid"), _prefix("sid"))
_POD, _NAME, _NAMES = (_equal("pod"),), (_equal("name"),), (_equal("name"), _equal("pod"))

# What commands ask without filters of a user's: a kind of statement, the shape's filters, the order, and flags
_USUAL: Final[Sequence[tuple[str, tuple[FilterShape, ...], tuple[str, ...], tuple[str, ...]]]] = (
    *(("summaries", _ALL, (sort,), ("after",)) for sort in ("sid", "host")),
    *(("page", _ALL, (sort,), ("after",)) for sort in ("sid", "host")),
    ("page", _IDS, ("cid",), ()),
    ("page", _PAIRS, ("sid",), ()),
    ("names", _IDS, ("cid",), ()),
    ("names", _PAIRS, ("sid",), ()),
    *(("names", filters, ("sid",), ()) for filters in (_NAME, _POD, _NAMES)),
    ("page_after", _ALL, (), ("named",)),
    ("count", _ALL, (), ()),
)


def usual(built: Built) -> Iterator[tuple[str, str, Statement]]:
    """Yield the statements for the questions that commands ask: the name of each, what it is, and the statement."""
    for (kind, filters, order, flags), all_hosts in product(_USUAL, (False, True)):
        shape = QueryShape(filters, all_hosts)
        for values in product((False, True), repeat=len(flags)):
            given = dict(zip(flags, values, strict=True))
            about = getattr(built.selects, f"_{kind}").__doc__
            yield question(kind, shape, *order, **given), about, getattr(built.selects, kind)(shape, *order, **given)
    for first in (True, False):
        shape = QueryShape((), all_hosts=False)
        about = str(selection.Selects._page_after_name.__doc__)  # noqa: SLF001  its only name with a docstring
        yield question("page_after_name", shape, first=first), about, built.selects.page_after_name(shape, first=first)


def fixed(built: Built) -> Iterator[tuple[str, str, Statement | None]]:
    """Yield the statements of the file: the name of each, what it is, and the statement."""
    for group in ("statements", "rows", "seen", "audits", "recording", "past"):
        yield from _of(group, getattr(built, group))
    for number, each in enumerate(built.transition):
        yield f"transition[{number}]", str(type(built).transition.__doc__), each
    about = str(type(built).creation.__doc__)
    for number, each in enumerate(built.creation or ()):
        yield f"creation[{number}]", about, each
    if built.creation is None:
        yield "creation", about, None
    for group, names in _OVER_PARTS.items():
        of = getattr(built.past, group)
        for name in names:
            yield f"past.{group}.{name}", str(getattr(type(of), name).__doc__), getattr(of, name)
    yield from usual(built)


# Of the statements over what was only these are ever made.
_OVER_PARTS: Final = {
    "one": ("version",),
    "versions": ("versions",),
    "sandbox": ("load",),
    "sandboxes": ("load_after",),
}


def _of(group: str, of: object) -> Iterator[tuple[str, str, Statement | None]]:
    for name, found in (each for kind in type(of).__mro__ for each in vars(kind).items()):
        if name.startswith("_") or not isinstance(found, cached_property):
            continue
        value = getattr(of, name)
        if value is None or isinstance(value, Statement):
            yield f"{group}.{name}", str(found.__doc__), value
        elif isinstance(value, tuple):
            for number, each in enumerate(value):
                yield f"{group}.{name}[{number}]", str(found.__doc__), each
