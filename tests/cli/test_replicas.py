"""``--replica``: ``ls``, ``report`` and ``sql`` ask it, and need no primary; all other commands do not ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

from persistdb.cli import main

if TYPE_CHECKING:
    from tests.store.fixtures import Apart

NAMES = ["sql", "SELECT cid FROM containers", "--format", "csv"]


@pytest.fixture
def named(apart: Apart, monkeypatch: pytest.MonkeyPatch) -> Apart:
    """Name both databases and the host in the environment."""
    for name, value in (("URL", apart.primary), ("REPLICA_URL", apart.replica), ("HOST", "node-1")):
        monkeypatch.setenv(f"PERSISTDB_{name}", value)
    monkeypatch.delenv("PERSISTDB_READER_URL", raising=False)
    return apart


def test_who_answers(named: Apart, capsys: pytest.CaptureFixture[str]) -> None:
    """``ls``, ``report`` and ``sql`` show what the replica has; ``show``, ``rm`` and ``export`` the primary's."""
    for words in (["ls", "-q"], ["report", "stale", "0s", "--format", "csv"], NAMES):
        assert main(words) == 0
        out = capsys.readouterr().out
        assert ("old" in out, "new" in out) == (True, False), words
    for words in (["show", "new"], ["rm", "pod-1/new"]):
        assert main(words) == 0
    capsys.readouterr()
    # a database that is typed is not the one that the replica in the environment belongs to
    assert main(["--db", named.primary, *NAMES]) == 0
    assert capsys.readouterr().out.split() == ["cid"]
    # of two that are named in the same place the reader's counts, and else the one that outweighs
    assert main(["--reader-url", named.primary, *NAMES]) == 0
    assert capsys.readouterr().out.split() == ["cid"]
    assert main(["--reader-url", named.primary, "--replica", named.replica, *NAMES]) == 0
    assert capsys.readouterr().out.split() == ["cid"]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PERSISTDB_READER_URL", named.primary)
        assert main(["--replica", named.replica, *NAMES]) == 0
    assert capsys.readouterr().out.split() == ["cid", "old"]


def test_without_the_primary(
    named: Apart,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lists need the replica only, and say with -v which it is and how far behind."""
    caplog.set_level("INFO", "persistdb")
    gone = make_url(named.primary).set(database="persistdb_gone").render_as_string(hide_password=False)
    monkeypatch.setenv("PERSISTDB_URL", gone)
    shown = make_url(named.replica).render_as_string(hide_password=True)
    for words in (["ls", "-q"], NAMES):
        caplog.clear()
        assert main(words) == 0
        assert "old" in capsys.readouterr().out
        assert f"replica {shown}, which does not tell how far it is behind" in caplog.messages


def test_without_the_replica(named: Apart, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The primary does not stand in for it: the error names the replica, without its password."""
    gone = make_url(named.replica).set(database="persistdb_gone")
    monkeypatch.setenv("PERSISTDB_REPLICA_URL", gone.render_as_string(hide_password=False))
    for words in (["ls"], ["report", "summary"], NAMES):
        assert main(words) == 3
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(f"persistdb: {gone.render_as_string(hide_password=True)}: ")
    assert main(["show", "new"]) == 0


def test_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    """A file is no replica."""
    assert main(["--db", "a.db", "--replica", "b.db", "ls"]) == 2
    assert "b.db: a replica is a server's, and this is a file" in capsys.readouterr().err
