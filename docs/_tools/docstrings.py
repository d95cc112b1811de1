"""What Griffe does not know of our code: cross-references in docstrings, and how records and errors are made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from griffe import Attribute, ExprCall, ExprKeyword, Extension, Function, NameResolutionError, Parameter, Parameters
from griffe import ParameterKind as Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from griffe import Class, Module, Object

# ":class:`~persistdb.errors.Busy`" shows the last name only; what roles tell of a target is not needed.
_ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`(~?)([\w.]+)`")


class Docstrings(Extension):
    """Sphinx's roles become links, and records and errors get the signature that their fields make."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite an object's docstring."""
        if obj.docstring is not None:
            obj.docstring.value = _ROLE.sub(lambda role: _link(obj, *role.groups()), obj.docstring.value)

    def on_class(self, *, cls: Class, **_: Any) -> None:
        """Give a record its signature."""
        if not {"msgspec.Struct", "Record"}.isdisjoint(map(str, cls.bases)) and "__init__" not in cls.members:
            _sign(cls, _fields(cls, Kind.keyword_only))

    def on_package(self, *, pkg: Module, **_: Any) -> None:
        """Give each error its signature: the fields of the classes above first, as PersistDBError takes them."""
        for module in pkg["errors"].modules.values():
            for cls in module.classes.values():
                lineage = [*reversed(cls.mro()), cls]
                if lineage[0].name == "PersistDBError" and cls is not lineage[0]:
                    _sign(cls, (field for each in lineage[1:] for field in _fields(each, Kind.positional_or_keyword)))


def _sign(cls: Class, fields: Iterable[Parameter]) -> None:
    own = Parameter("self", kind=Kind.positional_or_keyword)
    cls.set_member("__init__", Function("__init__", parameters=Parameters(own, *fields)))


def _link(obj: Object, short: str, target: str) -> str:
    text = target.rpartition(".")[2] if short else target
    if not target.startswith("persistdb."):
        try:
            target = obj.resolve(target)
        except NameResolutionError:
            return f"`{text}`"
    return f"[`{text}`][{target}]"


def _fields(cls: Class, kind: Kind) -> Iterator[Parameter]:
    for name, field in cls.members.items():
        if isinstance(field, Attribute) and "property" not in field.labels:
            default = _default(field.value)
            yield Parameter(name, annotation=field.annotation, kind=kind, default=default)


def _default(value: Any) -> Any:
    """Return the default of a field; a call of the factory, if it has one."""
    if not (isinstance(value, ExprCall) and str(value.function) == "msgspec.field"):
        return value
    given = {each.name: each.value for each in value.arguments if isinstance(each, ExprKeyword)}
    factory = given.get("default_factory")
    return given.get("default") if factory is None else f"{factory}()"
