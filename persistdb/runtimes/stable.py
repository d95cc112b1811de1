"""Read files that a runtime may be writing, in place, at the same time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TypeVar

from ..errors import DamagedFile

if TYPE_CHECKING:
    from collections.abc import Callable

_PAUSES: Final = (0.0, 0.01, 0.05)  # in seconds; a runtime rewrites a file in well under a millisecond

_Value = TypeVar("_Value")
_Data = TypeVar("_Data")


def decode_when_stable(load: Callable[[], tuple[_Data, bool]], decode: Callable[[_Data], _Value]) -> _Value:
    """Decode what is loaded; load it again, later if it was written recently, before believing that it is damaged."""
    data, is_recent = load()
    try:
        return decode(data)
    except DamagedFile as error:
        damage = error
    for pause in _PAUSES:
        if is_recent:
            time.sleep(pause)
        again, is_recent = load()
        if again == data:
            continue
        data = again
        try:
            return decode(data)
        except DamagedFile as error:
            damage = error
    raise damage
