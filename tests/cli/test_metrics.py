"""``metrics``: to stdout, to a file, and over HTTP until the program is told to end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from persistdb.records import ContainerState, SandboxState

from .program import HOST, RUN, Program
from .running import Running

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def filled(persistdb: Program) -> Program:
    """Store a container on each of two hosts."""
    for host in (HOST, "node-2"):
        with persistdb.repository(host) as repository:
            repository.save_sandbox(SandboxState(sid="s"), {"c": ContainerState(state="running")})
    return persistdb


def hosts(text: str) -> list[str]:
    """Return the hosts that have containers."""
    return re.findall(r'^persistdb_containers\{host="([^"]+)"', text, re.MULTILINE)


def test_stdout(filled: Program) -> None:
    """Without options the numbers of the host, or of all, go to stdout as OpenMetrics."""
    done = filled("metrics")
    assert (done.status, done.err, hosts(done.out)) == (0, "", [HOST])
    assert done.out.endswith("\n# EOF\n")
    assert hosts(filled("metrics", "--all-hosts").out) == [HOST, "node-2"]
    assert hosts(filled("metrics", "--all-hosts", "--max-hosts", "1").out) == [HOST, "(others)"]


def test_textfile(filled: Program, tmp_path: Path) -> None:
    """A file is written in the place of stdout."""
    done = filled("metrics", "--textfile", tmp_path / "x.prom")
    assert (done.status, done.out, done.err) == (0, "", "")
    assert hosts((tmp_path / "x.prom").read_text()) == [HOST]


def test_no_database(absent: Program, tmp_path: Path) -> None:
    """A database that cannot be read is a line on stderr and the status 3, and the file says it is down."""
    done = absent("metrics", "--textfile", tmp_path / "x.prom")
    assert (done.status, done.out) == (3, "")
    assert done.err.count("\n") == 1
    assert "\npersistdb_up 0.0\n" in (tmp_path / "x.prom").read_text()


def test_a_file_that_cannot_be_written(filled: Program, tmp_path: Path) -> None:
    """A place where nothing can be written, or that is no file, is an error that names it; it stays as it is."""
    absent = tmp_path / "absent" / "x.prom"
    done = filled("metrics", "--textfile", absent)
    assert (done.status, done.err) == (3, f"persistdb: {absent}: No such file or directory\n")
    os.mkfifo(tmp_path / "pipe")
    done = filled("metrics", "--textfile", tmp_path / "pipe")
    assert (done.status, "not a regular file" in done.err) == (3, True)
    assert [path.name for path in tmp_path.iterdir() if path.name != "sqlite"] == ["pipe"]


@pytest.mark.parametrize(
    "options",
    [
        ("--listen", ":1", "--textfile", "x"),
        ("--allow-remote",),
        ("--listen", "0.0.0.0:9960"),
        ("--listen", "node-1:9960"),
        ("--max-hosts", "-1"),
    ],
)
def test_misuse(filled: Program, options: tuple[str, ...]) -> None:
    """What makes no sense together, or is no address, is misuse."""
    done = filled("metrics", *options)
    assert (done.status, done.out) == (2, "")


@pytest.mark.slow
def test_listen(filled: Program) -> None:
    """Scrapes are answered until the program is told to end, which it does at once."""
    with closing(Running(filled.words("metrics", "--listen", "[::1]:0"))) as program:
        assert program.process.stderr
        line = program.process.stderr.readline().decode()
        match = re.fullmatch(r"metrics at (http://\[::1\]:\d+/metrics)\n", line)
        assert match, line
        with urllib.request.urlopen(match[1]) as answer:
            assert hosts(answer.read().decode()) == [HOST]
        os.kill(program.pid, signal.SIGTERM)
        assert program.end() == 128 + signal.SIGTERM


@pytest.mark.slow
def test_without_the_module() -> None:
    """Where prometheus-client is not installed, the error says how to install it."""
    code = f"import sys; sys.modules['prometheus_client'] = None; {RUN[2]}"
    done = subprocess.run([sys.executable, "-c", code, "metrics"], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert re.search(r"metrics: .*'prometheus_client' is missing; install it: .* '?prometheus-client", done.stderr)
