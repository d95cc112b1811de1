"""JSON as Go's encoding/json reads and writes it, for every runtime that is written in Go."""

from .decoder import (
    Kind,
    ListOf,
    Spec,
    check_size,
    decode_list,
    decode_object,
    decode_text,
    decode_value,
    encode_unknown,
)
from .encoder import encode
from .scan import Malformed, end_of_first
from .times import ZERO_TIME, read_time, write_time

__all__ = [
    "ZERO_TIME",
    "Kind",
    "ListOf",
    "Malformed",
    "Spec",
    "check_size",
    "decode_list",
    "decode_object",
    "decode_text",
    "decode_value",
    "encode",
    "encode_unknown",
    "end_of_first",
    "read_time",
    "write_time",
]
