"""Check the types of the Python that the pages show, with mypy --strict: ``python -m tests.docs.typed``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from .blocks import ROOT, blocks


def main() -> int:
    """Write each page's code to a module, with its lines where they are in the page, and return mypy's exit status."""
    with tempfile.TemporaryDirectory() as folder:
        for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
            lines: list[str] = []
            for block in blocks(page.read_text("utf-8")):
                if block.language == "python" and block.is_run:
                    lines += [""] * (block.line - len(lines)) + block.text.splitlines()
            if lines:
                # the page's own name, and a letter before it: mypy takes no two modules of one name
                name = "_".join(page.relative_to(ROOT).with_suffix("").parts).replace("-", "_")
                Path(folder, f"{name}.py").write_text("\n".join(lines) + "\n", "utf-8")
        return subprocess.run([sys.executable, "-m", "mypy", "--strict", folder], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
