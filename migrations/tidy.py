"""Bring a new revision into the form that ``make lint`` asks for: the hook of ``alembic revision`` in ``alembic.ini``.

Alembic's own layout and quotes are others. Where ruff is not installed, the file stays as Alembic wrote it.
"""

from __future__ import annotations

import importlib
import subprocess
import sys


def tidy(path: str) -> None:
    """Let ruff put right what it can in a file, and print the rest."""
    try:
        importlib.import_module("ruff")
    except ImportError:
        sys.stdout.write("ruff is not installed: before you commit the revision, run make format lint\n")
        return
    for task in (["check", "--fix", "--quiet"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *task, path], check=False)  # noqa: S603  Alembic gives the path


if __name__ == "__main__":
    tidy(*sys.argv[1:])
