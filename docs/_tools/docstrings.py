"""What Griffe does not know of our code: cross-references in docstrings, and how records are made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from griffe import Attribute, ExprCall, ExprKeyword, Extension, Function, NameResolutionError, Parameter, Parameters
from griffe import ParameterKind as Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from griffe import Class, Object

# ":class:`~persistdb.errors.Busy`" shows the last name only; what roles tell of a target is not needed.
_ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`(~?)([\w.]+)`")


class Docstrings(Extension):
    """Sphinx's roles become links, and records get the signature that msgspec gives them."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite an object's docstring."""
        if obj.docstring is not None:
            obj.docstring.value = _ROLE.sub(lambda role: _link(obj, *role.groups()), obj.docstring.value)

    def on_class(self, *, cls: Class, **_: Any) -> None:
        """Give a record its signature."""
        if not {"msgspec.Struct", "Record"}.isdisjoint(map(str, cls.bases)) and "__init__" not in cls.members:
            own = Parameter("self", kind=Kind.positional_or_keyword)
            cls.set_member("__init__", Function("__init__", parameters=Parameters(own, *_fields(cls))))


def _link(obj: Object, short: str, target: str) -> str:
    text = target.rpartition(".")[2] if short else target
    if not target.startswith("persistdb."):
        try:
            target = obj.resolve(target)
        except NameResolutionError:
            return f"`{text}`"
    return f"[`{text}`][{target}]"


def _fields(record: Class) -> Iterator[Parameter]:
    for name, field in record.members.items():
        if isinstance(field, Attribute) and "property" not in field.labels:
            default = _default(field.value)
            yield Parameter(name, annotation=field.annotation, kind=Kind.keyword_only, default=default)


def _default(value: Any) -> Any:
    """Return the default of a field; a call of the factory, if it has one."""
    if not (isinstance(value, ExprCall) and str(value.function) == "msgspec.field"):
        return value
    given = {each.name: each.value for each in value.arguments if isinstance(each, ExprKeyword)}
    factory = given.get("default_factory")
    return given.get("default") if factory is None else f"{factory}()"
