"""runc: one state.json for each container, which holds its whole configuration, too."""

from .runtime import RUNC

__all__ = ["RUNC"]
