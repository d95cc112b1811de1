"""Kata Containers' files: trees of them to records, and records back to the same bytes."""

from .container import decode_container, encode_container
from .layouts import DEFAULT, NAMES
from .losses import layout_losses, old_layout_losses
from .reader import read_trees
from .runtime import KATA
from .sandbox import decode_sandbox, encode_sandbox
from .versions import target_of
from .writer import write_tree, write_trees

__all__ = [
    "DEFAULT",
    "KATA",
    "NAMES",
    "decode_container",
    "decode_sandbox",
    "encode_container",
    "encode_sandbox",
    "layout_losses",
    "old_layout_losses",
    "read_trees",
    "target_of",
    "write_tree",
    "write_trees",
]
