"""Nodes to look at: mount namespaces of their own, and trees of files that stand for a node's."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Self

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from persistdb import ContainerRepository
    from persistdb.ingest.audit import Node
    from persistdb.records import AuditFinding


class Namespace:
    """A mount namespace, which is there as long as a process is in it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo in; read line"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        self._is_there = self._process.stdout.readline() == b"in\n"

    def __enter__(self) -> Self:
        if not self._is_there:
            self._process.communicate()
            pytest.skip("this machine makes no mount namespaces (unshare --mount)")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(b"\n", timeout=60)

    def run(self, *command: object) -> None:
        """Run a command in it; skip the test where the machine forbids it."""
        words = ["nsenter", "--target", str(self._process.pid), "--mount", *map(str, command)]
        done = subprocess.run(words, capture_output=True, check=False, timeout=60)
        if done.returncode:
            pytest.skip(f"{words[4]} is not allowed here: {done.stderr.decode().strip()}")

    def proc(self, folder: Path) -> Path:
        """Make a folder in which the namespace is that of the first process."""
        folder.mkdir(exist_ok=True)
        (folder / "1").symlink_to(f"/proc/{self._process.pid}")
        return folder


def write(path: Path, text: str) -> None:
    """Write a file, with the folders on the way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def find(repository: ContainerRepository, node: Node, *checks: str) -> list[AuditFinding]:
    """Return what checks find, none of which may fail."""
    from persistdb.ingest.audit import Audit

    made = Audit.make(repository, node, checks)
    assert made.faults == []
    assert set(checks) <= set(made.run.checks)
    return made.findings
