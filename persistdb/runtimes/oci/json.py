"""Decode a runtime's JSON file into a struct, and name what is wrong with it by its place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from ...errors import DamagedFile
from ..gojson import Malformed, decode_text, scan

if TYPE_CHECKING:
    from msgspec.json import Decoder

UINT32: Final = msgspec.Meta(ge=0, le=2**32 - 1)
INT64: Final = msgspec.Meta(ge=-(2**63), le=2**63 - 1)

_PLACE: Final = re.compile(r" - at `\$\.?(.*)`$")

_T = TypeVar("_T")


def decode(decoder: Decoder[_T], data: bytes, path: str) -> _T:
    """Decode a whole file; raises :class:`~persistdb.errors.DamagedFile`, which names ``path`` and the key."""
    text = decode_text(data, path)
    try:
        if "\\u0000" in text:
            scan.end_of_value(text, scan.skip_space(text, 0))  # which names the key of a NUL
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        reason = str(error)
        place = _PLACE.search(reason)
        raise DamagedFile(path, _PLACE.sub("", reason), place[1] if place else "") from None
    except Malformed as error:
        raise error.in_file(path) from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DamagedFile(path, f"is not JSON: {error}") from None
