"""JSON as Go's encoding/json reads and writes it, for every runtime that is written in Go."""

from .encoder import encode
from .times import ZERO_TIME, read_time, write_time

__all__ = ["ZERO_TIME", "encode", "read_time", "write_time"]
