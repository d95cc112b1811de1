"""JSON as Go's encoding/json writes it.

Go escapes ``<``, ``>``, ``&``, U+2028 and U+2029, for JSON inside HTML and JavaScript, and writes no white space.
"""

from __future__ import annotations

import re

import msgspec

_encoder = msgspec.json.Encoder()
# None of these can stand outside a string, so replacing bytes is safe.
_HTML = (
    (b"<", b"\\u003c"),
    (b">", b"\\u003e"),
    (b"&", b"\\u0026"),
    (b"\xe2\x80\xa8", b"\\u2028"),
    (b"\xe2\x80\xa9", b"\\u2029"),
)
# msgspec writes \b and \f; Go before 1.22, which nearly all Kata releases were built with, wrote \u0008 and \u000c.
# Only an unescaped backslash counts: the pair \\ matches first and stays as it is.
_SHORT = re.compile(rb"\\[\\bf]")
_LONG = {b"\\\\": b"\\\\", b"\\b": b"\\u0008", b"\\f": b"\\u000c"}


def encode(value: object) -> bytes:
    """Encode a value to JSON as Go's ``json.Marshal`` does; structs keep the order of their fields."""
    out = _encoder.encode(value)
    for plain, escaped in _HTML:
        if plain in out:
            out = out.replace(plain, escaped)
    if b"\\b" in out or b"\\f" in out:
        out = _SHORT.sub(lambda match: _LONG[match[0]], out)
    return out
