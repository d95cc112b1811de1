"""Unknown keys of a container's persist.json: split ``Origin.extra`` by place, and put each key back where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..gojson import scan

if TYPE_CHECKING:
    from ..gojson import Spec


class UnknownKeys:
    """The keys that an ``Origin.extra`` holds, each with the text of its value.

    ``file`` has the keys of the file's object itself. ``inner`` has the others by the key they are under and their
    position in its list; at ``None`` are the keys of an object that is in no list.
    """

    def __init__(self, extra: str) -> None:
        self.file: dict[str, str] = {}
        self.inner: dict[str, dict[int | None, dict[str, str]]] = {
            "Rootfs": {},
            "DeviceMaps": {},
            "Mounts": {},
            "Process": {},
        }
        for member in scan.members(extra, 0)[0]:
            if member.key in self.inner:
                self._take(member.key, extra, member.start)
            else:
                self.file[member.key] = extra[member.start : member.end]

    def _take(self, key: str, extra: str, start: int) -> None:
        objects = self.inner[key]
        for member in scan.members(extra, start)[0]:
            if key != "Rootfs" and member.key.isdecimal() and extra.startswith("{", member.start):
                inside = scan.members(extra, member.start)[0]
                objects[int(member.key)] = {each.key: extra[each.start : each.end] for each in inside}
            else:
                objects.setdefault(None, {})[member.key] = extra[member.start : member.end]

    def of(self, key: str, at: int | None = None) -> dict[str, str] | None:
        """Return the unknown keys of one object."""
        return self.inner[key].get(at)


def extend(value: object, unknown: dict[str, str] | None, spec: Spec) -> object:
    """Append unknown keys to an object, except keys that the target layout knows."""
    if not unknown:
        return value
    more = b"".join(
        b"," + msgspec.json.encode(key) + b":" + text.encode()
        for key, text in unknown.items()
        if spec.known(key) is None
    )
    return msgspec.Raw(msgspec.json.encode(value)[:-1] + more + b"}")
