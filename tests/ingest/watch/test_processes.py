"""The processes that a watcher follows."""

from __future__ import annotations

import os
import resource
import select
from contextlib import closing
from typing import TYPE_CHECKING

from persistdb.ingest.watch.notifier import Entry
from persistdb.ingest.watch.processes import Processes
from persistdb.runtimes.places import Source

if TYPE_CHECKING:
    import pytest


def test_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Of too many processes only some are followed, which is said once, and others when some of these are not."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (4, 4))
    source = Source("/run/runc")
    entries = [Entry(source, str(number)) for number in range(5)]
    with closing(select.epoll()) as waiting, closing(Processes(waiting)) as processes:
        processes.follow(dict.fromkeys(entries, os.getpid()))
        processes.follow(dict.fromkeys(entries, os.getpid()))
        assert len(processes._open) == 2
        processes.forget(entries[0])
        processes.follow({entries[4]: os.getpid()})
        assert set(processes._open) == {entries[1], entries[4]}
    assert caplog.text.count("more than 2 containers run") == 1
