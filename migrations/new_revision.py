"""Create all files of a new revision: ``make revision NAME=add_labels``, in a checkout.

They are the revision itself, its number in ``persistdb/schema/version.py``, its step in ``tests/schema/model.py``, the
text of its views for each engine, and its golden database. The views' text comes from ``persistdb/schema/views.py``,
the golden database from the revision: run this again, with the same name, when one of them has changed. Files that git
knows are frozen: they stay.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config

from persistdb.engines import resolve
from persistdb.schema import revisions, version, views

ROOT = Path(__file__).parents[1]
VERSIONS = ROOT / "migrations/versions"
GOLDEN = ROOT / "tests/data/golden"

_URLS = ("sqlite://", "postgresql://", "mariadb://")


def create(name: str) -> None:
    """Create the files of a revision, or make them again if it is the newest one's name."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        sys.exit(f"{name!r} is not a name for a revision: use small letters, digits and _, as in add_labels")
    newest = VERSIONS / f"{version.HEAD}_{name}.py"
    namesakes = [path.name for path in VERSIONS.glob(f"[0-9]*_{name}.py") if path != newest]
    if namesakes:
        sys.exit(f"{namesakes[0]} exists, and is not the newest revision: choose another name")
    if newest.exists():
        number = version.HEAD
    else:
        number = f"{int(version.HEAD) + 1:04}"
        _create_revision(number, name)
        _insert("persistdb/schema/version.py", "REVISIONS = (\n", "\n)\n", f'    "{number}",')
        _insert("tests/schema/model.py", "STEPS = {\n", "\n}\n", f'    "{number}": Step(_same, _same, _nothing),')
    _write_views(VERSIONS / f"{number}_{name}.py")
    _make_golden(number)


def _create_revision(number: str, name: str) -> None:
    configuration = Config(ROOT / "alembic.ini")
    newest = revisions.history()[-1]
    configuration.attributes.update(views=True, min_reader=newest.min_reader, min_writer=newest.min_writer)
    command.revision(configuration, message=name.replace("_", " "), rev_id=number)


def _insert(file: str, start: str, end: str, line: str) -> None:
    """Append a line to a list in a source file."""
    path = ROOT / file
    before, begin, rest = path.read_text("utf-8").partition(start)
    entries, close, after = rest.partition(end)
    path.write_text(f"{before}{begin}{entries}\n{line}{close}{after}", "utf-8")
    _say("changed", path)


def _write_views(revision: Path) -> None:
    """Write the definitions that the program has now beside a revision that creates views."""
    if "ops.create_views(revision)" not in revision.read_text("utf-8"):
        return
    for url in _URLS:
        backend, _ = resolve(url)
        path = revision.with_suffix(f".{backend.name}.sql")
        if not _is_frozen(path):
            path.write_text("".join(f"{statement}\n;\n" for statement in views.creation(backend)), "utf-8")
            _say("written", path)


def _make_golden(number: str) -> None:
    """Make the golden database in a process that knows the new revision."""
    paths = [GOLDEN / f"{number}.db", GOLDEN / f"{number}.json"]
    if any(map(_is_frozen, paths)):
        return
    for path in paths:
        path.unlink(missing_ok=True)
    subprocess.run([sys.executable, "-m", "tests.data.golden.make"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    for path in paths:
        _say("written", path)


def _is_frozen(path: Path) -> bool:
    """Return whether git knows a file: others may have databases that it stands for."""
    if not path.exists():
        return False
    command = ["git", "ls-files", "--error-unmatch", str(path)]
    is_known = subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0  # noqa: S603  a constant
    if is_known:
        _say("left as git has it", path)
    return is_known


def _say(done: str, path: Path) -> None:
    sys.stdout.write(f"{done}: {path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    create(*sys.argv[1:])
