"""The revisions of the schema, as their files in ``migrations/`` describe them, and where those are."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.config import Config
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Revision:
    """One version of the schema: what it is for, what going back from it loses, and what stands in its way.

    ``loses`` maps ``table.column`` to a SELECT that counts the rows of which the downgrade loses something; the others
    map a reason to a SELECT of the rows that make the change impossible.
    """

    id: str
    text: str
    loses: Mapping[str, str]
    blocks_upgrade: Mapping[str, str]
    blocks_downgrade: Mapping[str, str]
    moves: tuple[str, ...]
    """Tables whose rows it copies."""

    @property
    def title(self) -> str:
        """The first sentence of what it is for."""
        return " ".join(self.text.split("\n\n")[0].split())


@dataclass(frozen=True)
class Step:
    """A revision that is about to be made or undone, the ``number``-th of ``total``, and how many rows it copies.

    ``seconds`` is how long the copying takes if it goes as fast as before in this change; before the first, it is the
    least that it takes, by a sample of the rows. ``None`` for few rows.
    """

    revision: Revision
    number: int
    total: int
    rows: int
    seconds: float | None = None


@dataclass(frozen=True)
class Change:
    """What was done: the revisions before and after, and the backup that was made first, if any.

    ``repaired`` names the views, and the functions that views call, that were not as the revision has them.
    """

    before: str | None
    after: str | None
    backup: Path | None
    repaired: tuple[str, ...] = ()


def script_location() -> Path:
    """The folder of the revisions: within the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def history() -> list[Revision]:
    """All revisions, oldest first."""
    found = []
    for script in ScriptDirectory.from_config(config()).walk_revisions():
        module = script.module
        found.append(
            Revision(
                script.revision,
                (module.__doc__ or "").strip(),
                module.LOSES,
                getattr(module, "BLOCKS_UPGRADE", {}),
                getattr(module, "BLOCKS_DOWNGRADE", {}),
                getattr(module, "MOVES", ()),
            )
        )
    return found[::-1]


@cache
def _location() -> str:
    # a "%" would be taken for the beginning of a variable
    return str(script_location()).replace("%", "%%")


def config(**attributes: Any) -> Config:
    """Configure Alembic for the revisions, with what a revision may ask for."""
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", _location())
    config.set_main_option("path_separator", "os")
    config.attributes.update(attributes)
    return config
