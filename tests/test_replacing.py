"""Files that are replaced as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from persistdb.replacing import replace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["a" * 255, "\N{SNOWMAN}" * 85], ids=["ascii", "others"])
def test_long_names(tmp_path: Path, name: str) -> None:
    """A name of as many bytes as a file system takes is written, and nothing is left beside it."""
    replace(tmp_path / name, b"1", mode=0o600)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {name: b"1"}
