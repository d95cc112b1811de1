"""What errors say: Python's call in Python, the command or option on the command line."""

from __future__ import annotations

import pytest

from persistdb import (
    DatabaseMissing,
    LayoutLoss,
    PersistDBError,
    SchemaMissing,
    SchemaOutdated,
    TooManyRights,
    Unreadable,
    WouldLose,
    WouldReplace,
)
from persistdb.errors import Loss

URL = "sqlite:///it's.db"
HIDDEN = "postgresql://u:***@h/x"


@pytest.mark.parametrize(
    ("error", "call", "command"),
    [
        (Unreadable("pod-1/web", "x"), "ContainerRepository.delete('pod-1', 'web')", "persistdb rm pod-1/web"),
        (
            Unreadable("pod-1", "x", "n 1"),
            "ContainerRepository.destroy_sandbox('pod-1')",
            "persistdb --host 'n 1' rm --sandbox pod-1",
        ),
        (TooManyRights(URL, rights=["a"]), "pass trusted=True", "give --trusted"),
        (
            SchemaOutdated(URL, "0001", "0002"),
            "persistdb.schema.migrate.upgrade(database), or persistdb --db",
            """upgrade it: persistdb --db 'sqlite:///it'"'"'s.db' db upgrade""",
        ),
        (SchemaOutdated(HIDDEN, "0001", "0002"), ", or persistdb db upgrade", "upgrade it: persistdb db upgrade"),
        (SchemaOutdated(HIDDEN, None, "0002"), "a ContainerRepository creates it", "the first import creates it"),
        (
            DatabaseMissing("sqlite:///x.db", None, "0002"),
            "create it with a ContainerRepository",
            "create it: persistdb --db sqlite:///x.db import PATH",
        ),
        (
            SchemaMissing("sqlite:///x.db", None, "0002"),
            "migrate.upgrade(database, beside_others=True)",
            "beside them: persistdb --db sqlite:///x.db db upgrade --beside-others",
        ),
        (WouldReplace(URL, None, "0002"), "pass replace_foreign=True", "add --replace-foreign"),
        (WouldLose(URL, "0002", "0001", [Loss("x", 1, "0002")]), "allow it with allow_loss=True", "with --allow-loss"),
        (LayoutLoss("pod-1", "1.7", ["x"]), "leave it out (allow_loss=True)", "leave it out (--allow-loss)"),
    ],
)
def test_remedies(error: PersistDBError, call: str, command: str) -> None:
    """An error names what its reader can do: the call in Python, the command on the command line."""
    assert call in str(error)
    assert command in error.on_command_line()
    assert call not in error.on_command_line()
    assert command not in str(error) or "persistdb db upgrade" in command
