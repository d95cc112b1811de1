"""Where Kata keeps its files below a root."""

from __future__ import annotations

import os
from typing import Final

STORE: Final = ("run", "vc", "sbs")
"""The folder of sandboxes."""
CONFIGS: Final = ("var", "lib", "vc", "sbs")
"""The folder in which the old stores keep each sandbox's config.json."""


def root_of(path: str) -> str | None:
    """Return the root whose folder of sandboxes a path is, ``None`` if it is not named like one."""
    tail = os.sep + os.path.join(*STORE)
    return path[: -len(tail)] or os.sep if path.endswith(tail) else None
