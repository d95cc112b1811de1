"""The parts of units of work: one call each, and the result of its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from persistdb.db import work
from persistdb.db.work import Answer, Call
from tests.store.by_hand import NOTHING, STATEMENTS, Run, answer, changed

if TYPE_CHECKING:
    from collections.abc import Callable

    from persistdb.db.work import Work

KEY = {"host": "node-1", "sid": "pod-1", "cid": "web"}


@pytest.mark.parametrize(
    ("part", "decode", "given", "result"),
    [
        (work.rows, False, answer(("a", 1), ("b", 2)), (("a", 1), ("b", 2))),
        (work.rows, False, NOTHING, ()),
        (work.value, False, answer((7, "x")), 7),
        (work.value, False, answer((None,)), None),
        (work.value, False, NOTHING, None),
        (work.changed, False, changed(3), 3),
        (work.changed, False, changed(0), 0),
        (work.decoded, True, answer("DECODED"), ("DECODED",)),
        (work.decoded, True, NOTHING, ()),
    ],
)
def test_parts(part: Callable[..., Work[Any]], decode: bool, given: Answer, result: object) -> None:
    """Each part yields one call, and returns the part of the answer that it is named for."""
    decoder = (str.upper,) if decode else ()
    run = Run(part(STATEMENTS.get, KEY, *decoder))
    assert list(run.calls) == [Call(STATEMENTS.get, KEY, *decoder)]
    assert run.ends(given) == result


def test_the_driver_gets_its_own_words() -> None:
    """A statement has its parameters' names in order, for a driver that numbers them."""
    assert STATEMENTS.get.names == ("host", "sid", "cid")
    assert STATEMENTS.get.sql.count("?") == 3
