"""Faults that were found once, and those that stay."""

from __future__ import annotations

from persistdb.ingest.watch.faults import Faults
from persistdb.ingest.watch.notifier import Entry
from persistdb.runtimes.places import Source

SOURCE = Source("/run/runc")
A, B = Entry(SOURCE, "a"), Entry(SOURCE, "b")
HALF, OTHER = frozenset({"a: is cut off"}), frozenset({"a: is no JSON"})


def test_a_fault_is_looked_for_again() -> None:
    """A fault that is found once is held, and its folder read again; found again it is reported, and then stays so."""
    faults = Faults()
    assert faults.find([A], HALF) == [A]
    assert faults.is_held("a: is cut off")
    assert faults.find([A], HALF) == []
    assert not faults.is_held("a: is cut off")
    assert faults.find([A], HALF) == []


def test_another_fault_is_a_new_one() -> None:
    """A folder with another fault than before is read again, and so is one whose fault had gone."""
    faults = Faults()
    faults.find([A], HALF)
    assert faults.find([A], OTHER) == [A]
    faults.find([A], OTHER)
    faults.forget(A)
    assert faults.find([A], OTHER) == [A]


def test_a_fault_of_two_folders() -> None:
    """The folders of a sandbox are looked at each for itself."""
    faults = Faults()
    faults.find([A], HALF)
    assert faults.find([A, B], HALF) == [B]


def test_what_is_gone_is_held_until_all_is_stored() -> None:
    """A fault that was there once is held until what was read with it is stored; one that is there still, on."""
    faults = Faults()
    faults.find([A], HALF)
    faults.find([B], OTHER)
    faults.forget(A)
    assert faults.is_held("a: is cut off")
    faults.all_is_stored()
    assert not faults.is_held("a: is cut off")
    assert faults.is_held("a: is no JSON")
