"""youki: a state.json and a youki_config.json for each container; the rest is in its bundle."""

from .runtime import YOUKI

__all__ = ["YOUKI"]
