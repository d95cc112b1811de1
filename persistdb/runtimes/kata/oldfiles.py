"""The files of one folder of an old store, which are handled together and stored as one text.

``config.json``, which Kata keeps under ``/var/lib``, and the empty ``lock`` are among them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import DamagedFile
from ..gojson import Malformed, Spec, decode_list, decode_object, decode_text, scan
from ..joined import split_files
from .paths import LOCK

if TYPE_CHECKING:
    from ..folders import Files


class OldFiles:
    """The texts of the files, by name; ``folder`` is their path up to the name, for messages.

    Each file must be one JSON value. The constructor and the methods raise :class:`~persistdb.errors.DamagedFile`.
    """

    def __init__(self, files: Files, folder: str = "") -> None:
        self._folder = folder
        self.texts = {name: '""' if name == LOCK else self._checked(name, data) for name, data in files.items()}

    def _checked(self, name: str, data: bytes) -> str:
        path = self._folder + name
        text = decode_text(data, path)
        try:
            end = scan.end_of_value(text, scan.skip_space(text, 0))
        except Malformed as error:
            raise error.in_file(path) from None
        if scan.skip_space(text, end) < len(text):
            # Unlike persist.json's decoder, json.Unmarshal of the old store refuses this.
            raise DamagedFile(path, f"holds more after its value, from character {end} on")
        return text

    def decode_object(self, name: str, spec: Spec) -> tuple[dict[str, Any], dict[str, Any]]:
        """Decode a file that holds an object to its values and its unknown keys; a missing file has none."""
        text = self.texts.get(name, "null")
        try:
            return decode_object(text, scan.skip_space(text, 0), spec)
        except Malformed as error:
            raise error.in_file(self._folder + name) from None

    def keys(self, name: str) -> list[str]:
        """List the keys of a file that must hold an object: ``null``, which Go would read as an empty one, is none."""
        text = self.texts[name]
        try:
            return [member.key for member in scan.members(text, scan.start_of_object(text))[0]]
        except Malformed as error:
            raise error.in_file(self._folder + name) from None

    def decode_list(self, name: str, spec: Spec) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Decode a file that holds a list of objects to their values, and their unknown keys by position."""
        text = self.texts.get(name, "null")
        try:
            items, unknown = decode_list(text, scan.skip_space(text, 0), spec)
        except Malformed as error:
            raise error.in_file(self._folder + name) from None
        return items or [], unknown


def files_of(joined: str) -> Files:
    """Return the files that :func:`~persistdb.runtimes.joined.join_files` joined, as bytes."""
    return {name: b"" if name == LOCK else text.encode() for name, text in split_files(joined).items()}
