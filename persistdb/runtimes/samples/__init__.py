"""Kata's files of one sandbox with three containers, as Kata 3.29 writes them: what ``persistdb demo`` works on."""

from pathlib import Path

KATA = Path(__file__).parent / "kata"
"""A root as a node has it: the sandboxes are in ``run/vc/sbs``."""
