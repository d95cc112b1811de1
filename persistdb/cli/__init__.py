"""The command line: options in, exit status out; what it does is done by the modules that it calls."""

from .program import main

__all__ = ["main"]
