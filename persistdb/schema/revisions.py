"""The revisions of the schema, as their files in ``migrations/`` describe them, and the place of these files."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Revision:
    """One version of the schema: its purpose, what its downgrade loses, and which rows make it impossible.

    ``loses`` maps ``table.column`` to a SELECT that counts the rows of which the downgrade loses something;
    ``blocks_upgrade`` and ``blocks_downgrade`` map a reason to a SELECT of the rows that make the change impossible.
    """

    id: str
    text: str
    loses: Mapping[str, str]
    blocks_upgrade: Mapping[str, str]
    blocks_downgrade: Mapping[str, str]
    moves: tuple[str, ...]
    """The tables whose rows it copies."""
    min_reader: str
    """The oldest revision whose programs may read a database of this one."""
    min_writer: str
    """The oldest revision whose programs may write it."""
    backfill: Mapping[str, str]
    """What it fills in batches afterwards: ``table.key`` to an UPDATE (:mod:`.backfill`)."""

    @property
    def title(self) -> str:
        """The first paragraph of the text, in one line: what the revision is for."""
        return " ".join(self.text.split("\n\n")[0].split())


@dataclass(frozen=True)
class Step:
    """A revision that is about to be applied or undone, the ``number``-th of ``total``, and how many rows it copies.

    ``seconds`` estimates how long the copy takes, by the speed of the copies before it in the same change; for the
    first copy it is a lower bound, by a sample of the rows. ``None`` for few rows.
    """

    revision: Revision
    number: int
    total: int
    rows: int
    seconds: float | None = None


@dataclass(frozen=True)
class Change:
    """The result of a change: the revisions before and after, and the backup that was made first, if any.

    ``repaired`` names the views and functions that differed from the revision's, and were created again.
    """

    before: str | None
    after: str | None
    backup: Path | None
    repaired: tuple[str, ...] = ()


def script_location() -> Path:
    """Return the folder of the revisions: within the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


@cache
def history() -> tuple[Revision, ...]:
    """Return all revisions, oldest first."""
    revisions = []
    for script in _scripts().walk_revisions():
        module = script.module
        revisions.append(
            Revision(
                script.revision,
                (module.__doc__ or "").strip(),
                module.LOSES,
                getattr(module, "BLOCKS_UPGRADE", {}),
                getattr(module, "BLOCKS_DOWNGRADE", {}),
                getattr(module, "MOVES", ()),
                # programs of before 0011 take no revision but their own
                getattr(module, "MIN_READER", script.revision),
                getattr(module, "MIN_WRITER", script.revision),
                getattr(module, "FILLS", {}),
            )
        )
    return tuple(revisions[::-1])


@cache
def _scripts() -> ScriptDirectory:
    """Read the revisions' files, once in a process: it takes as long as to run some of them."""
    return ScriptDirectory.from_config(config())


def run(target: str, *, down: bool = False, **attributes: Any) -> None:
    """Run ``migrations/env.py`` up, or ``down``, to a revision, or to ``base``; ``attributes`` are for :func:`config`.

    It is ``alembic upgrade``, or ``alembic downgrade``, but that these read the revisions' files for each run.
    """
    scripts = _scripts()
    ways = scripts._downgrade_revs if down else scripts._upgrade_revs  # noqa: SLF001  as Alembic's own commands do

    def steps(current: Any, _context: object) -> Any:
        return ways(target, current)

    with EnvironmentContext(config(**attributes), scripts, fn=steps, destination_rev=target):
        scripts.run_env()


@cache
def _location() -> str:
    # a "%" would begin a variable
    return str(script_location()).replace("%", "%%")


def config(**attributes: Any) -> Config:
    """Configure Alembic for the revisions; a revision may ask for the attributes."""
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", _location())
    config.set_main_option("path_separator", "os")
    config.attributes.update(attributes)
    return config
