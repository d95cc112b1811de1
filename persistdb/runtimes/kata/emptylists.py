"""Empty lists in the files that a container came in: Go writes ``null`` for them, other programs ``[]``.

A record does not tell them apart. They are looked up in the kept text, so that an export does not change them with
something else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ..gojson import Malformed, scan
from ..joined import split_files
from .layouts import OLD_LAYOUTS

if TYPE_CHECKING:
    from ...records import Origin

NO_LISTS: Final[frozenset[str]] = frozenset()
_EMPTY: Final = re.compile(r"[ \t\n\r]*\[[ \t\n\r]*\][ \t\n\r]*")
_OF_KEY: Final = {"devicemaps": "device_maps", "mounts": "mounts", "process": "processes"}
_OF_FILE: Final = {"devices.json": "device_maps", "mounts.json": "mounts"}


def empty_lists(origin: Origin) -> frozenset[str]:
    """Return the attributes of the record for which the container's files had an empty list."""
    if origin.document is None:
        return NO_LISTS  # the text is what Go writes
    try:
        if origin.layout in OLD_LAYOUTS:
            texts = split_files(origin.document)
            values = {_OF_FILE[name]: text for name, text in texts.items() if name in _OF_FILE}
        else:
            text = origin.document
            values = {
                _OF_KEY[key]: text[member.start : member.end]
                for member in scan.members(text, scan.start_of_object(text))[0]
                if (key := scan.fold(member.key)) in _OF_KEY
            }
    except (Malformed, ValueError):
        return NO_LISTS  # not a document that an import stored
    return frozenset(attribute for attribute, text in values.items() if _EMPTY.fullmatch(text))
