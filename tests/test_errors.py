"""What errors say: Python's call in Python, the command or option on the command line."""

from __future__ import annotations

import copy
import pickle
import typing
from typing import TYPE_CHECKING, ClassVar

import pytest

from persistdb import (
    Busy,
    DatabaseMissing,
    LayoutLoss,
    LockLost,
    LockNotHeld,
    NotFound,
    PersistDBError,
    SchemaMissing,
    SchemaOutdated,
    TooManyRights,
    Unreadable,
    WouldLose,
    WouldReplace,
)
from persistdb.errors import Loss

if TYPE_CHECKING:
    from collections.abc import Callable

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


def test_fields() -> None:
    """Fields are given by place or by name, as those of the classes above first, and have the defaults of the class."""
    lost = LockLost("pod-1", fencing_number=7)
    assert (lost.sid, lost.fencing_number) == ("pod-1", 7)
    assert repr(lost) == "LockLost(sid='pod-1', fencing_number=7)"
    assert repr(NotFound("container", ref="x")) == "NotFound(kind='container', ref='x', host=None)"
    assert Busy("sqlite:///x").detail == ""
    match lost:
        case LockNotHeld(sid):
            assert sid == "pod-1"


@pytest.mark.parametrize(
    ("values", "named", "says"),
    [
        (("container",), {}, "NotFound(kind, ref, host): missing ref"),
        (("container", "x", None, 7), {}, "NotFound(kind, ref, host): unexpected or repeated 7"),
        (("container", "x"), {"ref": "y"}, "NotFound(kind, ref, host): unexpected or repeated ref"),
        (("container", "x"), {"hots": "y"}, "NotFound(kind, ref, host): unexpected or repeated hots"),
        ((), {"ref": "y"}, "NotFound(kind, ref, host): missing kind"),
    ],
)
def test_wrong_fields(values: tuple[object, ...], named: dict[str, object], says: str) -> None:
    """Fields that are missing, too many, or given twice are a TypeError that names them."""
    make: Callable[..., PersistDBError] = NotFound
    with pytest.raises(TypeError) as error:
        make(*values, **named)
    assert str(error.value) == says


class _Quota(PersistDBError):
    """An error of a program, with what all of its kind have, too."""

    code: ClassVar[int] = 7
    "The program's exit status."
    status: typing.ClassVar = 2
    used: int


def test_a_programs_own() -> None:
    """A class that a program derives has its own fields, and what it says of the class is none of them."""
    assert repr(_Quota(5)) == "_Quota(used=5)"
    assert (_Quota(used=5).code, _Quota.status) == (7, 2)


def test_copies() -> None:
    """A copy or a pickle of an error has its fields, and what was added to it."""
    error = LockLost("pod-1", fencing_number=7)
    error.add_note("a note")
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (repr(other), str(other), other.__notes__) == (repr(error), str(error), ["a note"])
