"""The program on an empty SQLite database."""

from __future__ import annotations

import pytest

from .program import Program


@pytest.fixture
def persistdb(sqlite_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    """Run ``persistdb("ls", …)`` in this process."""
    monkeypatch.delenv("PERSISTDB_URL", raising=False)
    monkeypatch.delenv("PERSISTDB_HOST", raising=False)
    monkeypatch.delenv("PERSISTDB_READER_URL", raising=False)
    monkeypatch.delenv("PERSISTDB_REPLICA_URL", raising=False)
    return Program(sqlite_url, capsys)
