"""All tables, for what makes or checks them: without the mapped classes, whose import takes longer."""

from __future__ import annotations

from . import core_audit, core_history  # noqa: F401  their tables, too
from .core import METADATA

__all__ = ["METADATA"]
