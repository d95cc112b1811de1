"""Kata's files: trees of them to records, and records back to the same bytes. Knows no SQL."""

from .container import decode_container, encode_container, losses
from .layouts import DEFAULT, NAMES, check_name
from .reader import read_trees
from .sandbox import decode_sandbox, encode_sandbox
from .writer import Written, write_tree, write_trees

__all__ = [
    "DEFAULT",
    "NAMES",
    "Written",
    "check_name",
    "decode_container",
    "decode_sandbox",
    "encode_container",
    "encode_sandbox",
    "losses",
    "read_trees",
    "write_tree",
    "write_trees",
]
