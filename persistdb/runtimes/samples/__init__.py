"""Sample files for ``persistdb demo``: one sandbox with three containers, as Kata 3.29 writes them."""

from pathlib import Path

KATA = Path(__file__).parent / "kata"
"""A root like a node's: the sandboxes are in ``run/vc/sbs``."""
