"""The base of all errors, and the commands that they name."""

from __future__ import annotations

import shlex
from typing import ClassVar, dataclass_transform


@dataclass_transform(eq_default=False)
class PersistDBError(Exception):
    """The base of all that persistdb raises."""

    # Errors declare fields as dataclasses do, and type checkers read them so (PEP 681). Real dataclasses, whose methods
    # are compiled one by one, made the import of all errors take four times as long (docs/performance.md).

    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        inherited = cls.__match_args__
        # annotations are text where a module imports them from __future__
        annotated = ((name, str(kind).removeprefix("typing.")) for name, kind in cls.__annotations__.items())
        own = (name for name, kind in annotated if name not in inherited and not kind.startswith("ClassVar"))
        cls.__match_args__ = (*inherited, *own)  # type: ignore[misc]  # mypy takes it for the one of a dataclass

    def __init__(self, *values: object, **named: object) -> None:
        names = self.__match_args__
        given = dict(zip(names, values, strict=False))
        wrong = [repr(value) for value in values[len(names) :]]
        wrong += [name for name in named if name in given or name not in names]
        fields = given | named
        missing = [name for name in names if name not in fields and not hasattr(type(self), name)]
        if wrong or missing:
            faults = [f"missing {name}" for name in missing] + [f"unexpected or repeated {each}" for each in wrong]
            raise TypeError(f"{type(self).__name__}({', '.join(names)}): {', '.join(faults)}")
        self.__dict__.update(fields)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{type(self).__qualname__}({fields})"

    def __reduce__(self) -> tuple[object, ...]:
        # ``args`` lacks values that were given by name, or set later: a pickle would lose them
        return _rebuild, (type(self), dict(self.__dict__))

    def on_command_line(self) -> str:
        """Return the message with the command or option that helps, where ``str()`` names Python's call."""
        return str(self)


def _rebuild(cls: type[PersistDBError], fields: dict[str, object]) -> PersistDBError:
    error = cls.__new__(cls)
    error.__dict__.update(fields)
    return error


def command(url: str, words: str) -> str:
    """Write a command on a database; with its URL, unless that is shown without its password."""
    return f"persistdb {words}" if "***" in url else f"persistdb --db {shlex.quote(url)} {words}"
