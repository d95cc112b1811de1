"""Records as dictionaries and JSON, by the names of their attributes.

msgspec's own encoding of a record has Go's names, which files and payloads have. What is read and written here is the
record's plain struct, which has the same attributes and no other names.

Pure: nothing here touches a database or knows a record.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Union, get_args, get_origin

import msgspec
from whenever import OffsetDateTime

from .errors import NO_ZONE, InvalidValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

_UNKNOWN = re.compile(r"unknown field `(.*?)`(?: - at `(.*)`)?", re.DOTALL)
_STEP = re.compile(r"\.(\w+)")


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable value, built by keyword."""

    def replace(self, **changes: Any) -> Self:
        """Return a copy with other values of some attributes.

        Raises :class:`TypeError` for a name that is no attribute.
        """
        unknown = next((name for name in changes if name not in self.__struct_fields__), None)
        if unknown is not None:
            raise TypeError(f"{type(self).__name__} has no attribute {unknown!r}{_hint(unknown, type(self))}")
        return msgspec.structs.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a dictionary by the attributes' names, of values that JSON has: times are RFC 3339 text.

        Raises :class:`~persistdb.errors.InvalidValue` for a value of a wrong type.
        """
        values: dict[str, Any] = self._write(
            lambda plain: msgspec.to_builtins(plain, enc_hook=_written, order="deterministic")
        )
        return values

    def to_json(self) -> str:
        """Return the same as JSON text; equal records give equal text.

        Raises :class:`~persistdb.errors.InvalidValue` for a value of a wrong type, or half of a surrogate pair.
        """
        return self._write(lambda plain: msgspec.json.encode(plain, enc_hook=_written, order="deterministic").decode())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_dict` returns; an attribute that is left out has its default.

        Raises :class:`~persistdb.errors.InvalidValue` for a name that is no attribute, and a value of a wrong type.
        """
        return cls._read(
            values, lambda: msgspec.convert(values, _plain_struct(cls, defaults=True), dec_hook=_read_time)
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what :meth:`to_json` returns; an attribute that is left out has its default.

        Raises :class:`~persistdb.errors.InvalidValue` for text that is no JSON, a name that is no attribute, and a
        value of a wrong type.
        """
        return cls._read(
            text, lambda: msgspec.json.decode(text, type=_plain_struct(cls, defaults=True), dec_hook=_read_time)
        )

    def _write(self, write: Callable[[msgspec.Struct], T]) -> T:
        try:
            return write(msgspec.convert(self, _plain_struct(type(self), defaults=False), from_attributes=True))
        except (msgspec.ValidationError, UnicodeEncodeError) as error:
            raise InvalidValue(type(self).__name__, self, str(error)) from None

    @classmethod
    def _read(cls, given: object, read: Callable[[], msgspec.Struct]) -> Self:
        try:
            return msgspec.convert(read(), cls, from_attributes=True)
        except (msgspec.DecodeError, UnicodeError, RecursionError, TypeError) as error:
            unknown = _UNKNOWN.search(str(error))
            hint = _hint(unknown[1], _record_at(cls, unknown[2] or "")) if unknown else ""
            raise InvalidValue(cls.__name__, given, f"{error}{hint}") from None


@cache
def _plain_struct(record: type[msgspec.Struct], *, defaults: bool) -> type[msgspec.Struct]:
    """Return the struct that has a record's attributes, and their names in JSON too.

    Records are written by one without defaults, which takes no record of another kind in the place of its own.
    """
    fields = []
    for one in msgspec.structs.fields(record):
        default = {"default": one.default, "default_factory": one.default_factory} if defaults else {}
        fields.append((one.name, _plain_type(one.type, defaults), msgspec.field(**default)))
    return msgspec.defstruct(record.__name__, fields, kw_only=True, forbid_unknown_fields=True)


def _plain_type(annotation: Any, defaults: bool) -> Any:
    """Return a type with plain structs in the place of records."""
    arguments = tuple(_plain_type(argument, defaults) for argument in get_args(annotation))
    if arguments:
        origin = get_origin(annotation)
        return Union[arguments] if origin in (Union, UnionType) else origin[arguments]  # noqa: UP007  made of values
    return _plain_struct(annotation, defaults=defaults) if isinstance(annotation, msgspec.StructMeta) else annotation


def _record_at(record: type[msgspec.Struct], path: str) -> type[msgspec.Struct]:
    """Return the record at a path of msgspec's, such as ``$.record.mounts[0]``, within another."""
    for step in _STEP.findall(path):
        record = _record_in(next(field.type for field in msgspec.structs.fields(record) if field.name == step))
    return record


def _record_in(annotation: Any) -> Any:
    if isinstance(annotation, msgspec.StructMeta):
        return annotation
    return next(filter(None, map(_record_in, get_args(annotation))), None)


def _hint(name: str, record: type[msgspec.Struct]) -> str:
    """Return which attribute may have been meant, as the end of a message."""
    names = _names(record)
    if name in names:
        return f"; did you mean {names[name]}?"
    import difflib  # for a message only

    near = difflib.get_close_matches(name.lower(), names, n=1)
    return f"; did you mean {names[near[0]]}?" if near else ""


def _names(record: type[msgspec.Struct]) -> dict[str, str]:
    """Return a record's attributes by their names, and by Go's."""
    fields = msgspec.structs.fields(record)
    return {field.encode_name: field.name for field in fields} | {field.name: field.name for field in fields}


def offset_time(time: datetime) -> OffsetDateTime:
    """Return a time of Python's own as one that keeps nanoseconds and the offset.

    Raises :class:`~persistdb.errors.InvalidValue` for one without a time zone.
    """
    if time.tzinfo is None:
        raise InvalidValue("start_time", time, NO_ZONE)
    try:
        return OffsetDateTime(time)
    except ValueError as error:
        raise InvalidValue("start_time", time, str(error)) from None


def _written(time: object) -> str:
    """Write a start time, for which JSON has no type."""
    if not isinstance(time, OffsetDateTime):
        raise NotImplementedError
    if time.offset.total("seconds") % 60:
        raise InvalidValue("start_time", time, "an offset is a number of whole minutes (RFC 3339)")
    return time.format_iso().replace("+00:00", "Z")


def _read_time(_kind: type, value: Any) -> OffsetDateTime:
    return offset_time(value) if isinstance(value, datetime) else OffsetDateTime.parse_iso(value)
