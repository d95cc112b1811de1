"""The repository's fixed statements, as ``make sql`` wrote them to the folder ``sql``: a file for each engine.

They are built by SQLAlchemy (:mod:`.building`), whose import takes longer than most commands. A statement that is not
in the file, because a question has an unusual form, is built when it is asked for.
"""

from __future__ import annotations

from functools import cache, lru_cache
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..db.work import Statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..engines import Backend
    from .shapes import QueryShape

FOLDER = Path(__file__).with_name("sql")

_NAME = "-- name: "
_BETWEEN = "; "


@cache
def texts(engine: str) -> Mapping[str, str]:
    """Return the statements of an engine by name, as the file has them.

    Of several with one name each has its number behind it: ``statements.put_children[0]``.
    """
    _, *entries = (FOLDER / f"{engine}.sql").read_text("utf-8").split(f"\n{_NAME}")
    parts = (entry.partition("\n") for entry in entries)
    return {name: text for name, _, text in parts}


def one_line(text: str) -> str:
    """Return a statement without comments and line breaks, as it was built: with parameters as ``:name``."""
    return " ".join(line.strip() for line in text.splitlines() if line and not line.startswith("--"))


class Builds(Protocol):
    """Whoever builds what is not in the file."""

    @property
    def built(self) -> object:
        """The statements, as SQLAlchemy builds them: an attribute for each group."""
        ...


class Fixed:
    """A group of statements, in the place of the object that builds them."""

    def __init__(self, backend: Backend, group: str, builds: Builds) -> None:
        self._backend, self._group, self._builds = backend, group, builds

    def __getattr__(self, name: str) -> Any:
        """Return what has this name in the group: a statement, several, or a group."""
        found = self._of_file(f"{self._group}.{name}" if self._group else name)
        if found is _MISSING:
            found = getattr(_part(self._builds, self._group), name)
        setattr(self, name, found)
        return found

    def _of_file(self, key: str) -> object:
        known = texts(self._backend.name)
        if key in known:
            return statement(self._backend, known[key])
        if f"{key}[0]" in known:
            return tuple(self._several(known, key))
        if any(other.startswith(f"{key}.") for other in known):
            return Fixed(self._backend, key, self._builds)
        return _MISSING

    def _several(self, known: Mapping[str, str], key: str) -> Iterator[Statement | None]:
        number = 0
        while (text := known.get(f"{key}[{number}]")) is not None:
            yield statement(self._backend, text)
            number += 1


_MISSING = object()


def _part(builds: Builds, group: str) -> object:
    return attrgetter(group)(builds.built) if group else builds.built


def statement(backend: Backend, text: str) -> Statement | None:
    """Return the statement of a text of the file, ``None`` for one that the engine needs not."""
    sql = one_line(text)
    return Statement(backend.spelled(sql), backend.style) if sql else None


class FixedSelects:
    """The statements for questions with filters; the last ones are kept."""

    def __init__(self, backend: Backend, builds: Builds) -> None:
        self._backend, self._builds = backend, builds

    def __getattr__(self, name: str) -> Callable[..., Statement]:
        """Return what makes a kind of statement for a shape, and an order."""

        @lru_cache(maxsize=256)
        def select(shape: QueryShape, *order: str, **flags: bool) -> Statement:
            # what has the names' separator in it is another's name, and no order
            is_name = not any(_BETWEEN in each for each in order)
            text = texts(self._backend.name).get(question(name, shape, *order, **flags)) if is_name else None
            made: Statement | None = None if text is None else statement(self._backend, text)
            return made or getattr(_part(self._builds, "selects"), name)(shape, *order, **flags)

        setattr(self, name, select)
        return select


def question(kind: str, shape: QueryShape, *order: str, **flags: bool) -> str:
    """Return the name of the statement for a question: ``selects.page(one host, cid*; by sid; after)``."""
    parts = [] if shape.all_hosts else ["one host"]
    for each in shape.filters:
        ends = "*" if each.bounded else "**"
        about = each.key + (ends if each.prefix else "") + ("" if each.indexed else "~")
        parts.append(f"not {about}" if each.negated else about)
    more = [f"by {name}" for name in order] + [name for name, is_set in flags.items() if is_set]
    return f"selects.{kind}({_BETWEEN.join([', '.join(parts) or 'all', *more])})"
