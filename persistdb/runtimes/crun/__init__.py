"""crun: a status file for each container, and its config.json beside it."""

from .runtime import CRUN

__all__ = ["CRUN"]
