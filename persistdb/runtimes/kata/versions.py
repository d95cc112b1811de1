"""Kata's versions, and the layouts of its files that they write."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ...errors import InvalidValue
from .layouts import NAMES, OLD_LAYOUTS

Version = tuple[int, int, int]
"""Major, minor and patch. Pre-releases count as the release that they lead to."""

SEED: Final[Version] = (0, 0, 0)
"""Commit 196661bc, which is before all releases with persist.json."""

NEWEST_MINORS: Final = {1: 13, 2: 5, 3: 32, 4: 1}
"""The newest minor version of each major version."""

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?", re.ASCII)
_FIRST: Final[tuple[tuple[Version, str], ...]] = (
    ((3, 28, 0), "3.28"),
    ((2, 2, 0), "2.2"),
    ((1, 7, 0), "1.7"),
    ((1, 6, 0), "old-1.6"),
    ((1, 3, 0), "old-1.3"),
    ((1, 2, 0), "old-1.2"),
    ((1, 0, 0), "old-1.0"),
)
_OF_LAYOUT: Final = {"seed": SEED, "1.7-rc1": (1, 7, 0)} | {layout: version for version, layout in _FIRST}


class Target(NamedTuple):
    """The shape to write files in: a layout and, for the sandbox's own file, which changes more often, a version.

    ``name`` is what the user called it. Without a version the sandbox's file stays as it is.
    """

    name: str
    layout: str
    version: Version | None = None

    @property
    def is_old(self) -> bool:
        """Whether it is an old store's."""
        return self.layout in OLD_LAYOUTS

    def version_from(self, layout: str) -> Version | None:
        """Return the version to convert a sandbox's file of a layout to; ``None`` if it stays as it is.

        The name of the layout that the file came in asks for no change; a version does.
        """
        return None if self.name == layout else self.version


def parse_version(text: str) -> Version:
    """Return the version that a text is: ``3.2`` is 3.2.0, ``seed`` the first; raises :class:`ValueError`."""
    if text == "seed":
        return SEED
    match = _VERSION.fullmatch(text)
    if match is None:
        raise ValueError(f"no version of Kata: {text!r}")
    return int(match[1]), int(match[2]), int(match[3] or 0)


def target_of(name: str) -> Target:
    """Return the target for the name of a layout, or for a version of Kata: ``3.2``, ``2.1.1``.

    A layout's name stands for the first version that wrote it. Raises :class:`~persistdb.errors.InvalidValue`.
    """
    if name in NAMES:
        return Target(name, name, None if name in OLD_LAYOUTS else _OF_LAYOUT[name])
    version = _known_version(name)
    if version is None:
        reason = f"must be one of {', '.join(NAMES)}, or a version of Kata from 1.0 to 4.1, such as 3.2"
        raise InvalidValue("layout", name, reason)
    layout = next(layout for first, layout in _FIRST if version >= first)
    return Target(name, layout, None if layout in OLD_LAYOUTS else version)


def _known_version(text: str) -> Version | None:
    try:
        version = parse_version(text)
    except ValueError:
        return None
    return version if version[1] <= NEWEST_MINORS.get(version[0], -1) else None
