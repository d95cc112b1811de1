"""JSON as Go's encoding/json reads and writes it, which every runtime's files are in."""

from .encoder import ZERO_TIME, encode, read_time, shown, write_time

__all__ = ["ZERO_TIME", "encode", "read_time", "shown", "write_time"]
