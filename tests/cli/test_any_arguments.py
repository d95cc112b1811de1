"""The border to the shell: whatever arguments are given, the program ends with one of its statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from persistdb.store.selection import SORTS
from tests.store.samples import put

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from .program import Program

# what changes or prints the database, and no command that writes elsewhere
_COMMANDS = st.sampled_from(
    [
        *(["ls"], ["show"], ["rm"], ["rm", "--sandbox"], ["import"], ["db", "current"], ["db", "check"]),
        *(["sql"], ["report"], ["report", "device-holders"], ["report", "stale"], ["db", "history"]),
        *(["db", "upgrade"], ["db", "downgrade"], ["db", "grant-reader"]),
    ]
)
_OPTIONS = st.sampled_from(
    [
        *("-q", "--limit", "--sort", "--format", "--all-hosts", "-f", "--strict", "--sandbox", "--"),
        *("--timeout", "--describe", "--reports", "--fail", "--print", "--no-backup", "--columns", "-o"),
    ]
)
_KNOWN = st.sampled_from(
    [
        *(*SORTS, "json", "yaml", "csv", "markdown", "wide", "{{.cid}}", "cid,state"),
        *("pod-1", "pod-1/a", "state=", "pid=x", "since=9d", "cid!=*", "pid=1_0", "1_0"),
    ]
)
# an argument has no NUL: it ends there
_TEXTS = st.text(st.characters(exclude_characters="\0"), max_size=4)
_WORDS = st.lists(_OPTIONS | _KNOWN | _TEXTS, max_size=4)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(command=_COMMANDS, words=_WORDS)
@example(command=["ls"], words=["state=\udcff"])
@example(command=["report", "device-holders"], words=["device=\udcff"])
@example(command=["report", "device-holders"], words=["\udcff=\udcff"])
@example(command=["report", "\udcff"], words=[])
@example(command=["sql"], words=["SELECT '\udcff'"])
@example(command=["sql"], words=["-f", "\udcff"])
@example(command=["sql"], words=["SELECT 1", "--timeout", "inf"])
@example(command=["import"], words=["a\udcff"])
def test_any_arguments(
    persistdb: Program, command: list[str], words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status is 0 to 3, and each line on stderr is the program's own."""
    monkeypatch.chdir(tmp_path)
    with persistdb.repository() as repository:
        put(repository, "pod-1", "a", "b")
    done = persistdb(*command, *words)
    assert done.status in range(4)
    assert done.status in (0, 1) or done.err
    assert "Traceback" not in done.err
