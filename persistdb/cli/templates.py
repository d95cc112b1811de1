r"""Templates of ``--format``: ``{{.cid}}\t{{.state}}``, a line for each row. Pure: nothing here prints.

A template only puts values in the places of their names: it evaluates nothing, so one from elsewhere can do no harm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MARK = "{{"
"""What a template has, and the name of a format does not."""

_FIELD = re.compile(r"\{\{\s*\.([^{}]*[^{}\s])\s*\}\}")
_ESCAPE = re.compile(r"\\([tn\\])")
_ESCAPES = {"t": "\t", "n": "\n", "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Template:
    """The columns that a template names, and the texts around them: one more."""

    fields: tuple[str, ...]
    texts: tuple[str, ...]

    @classmethod
    def parse(cls, template: str) -> Template:
        """Read a template.

        Raises ValueError.
        """
        texts = _FIELD.split(template)
        for text in texts[::2]:
            for brackets in (MARK, "}}"):
                if brackets in text:
                    raise ValueError(f"{template!r} has {brackets} that belong to no column; write {{{{.NAME}}}}")
        return cls(
            tuple(texts[1::2]), tuple(_ESCAPE.sub(lambda match: _ESCAPES[match[1]], text) for text in texts[::2])
        )

    def line(self, values: Iterable[str]) -> str:
        """Return the line of a row, whose values are in the order of the fields."""
        first, *others = self.texts
        return first + "".join(value + text for value, text in zip(values, others, strict=True))
