"""A layout's name and a version of Kata both say which shape files are written in."""

from __future__ import annotations

import pytest

from persistdb.errors import InvalidValue
from persistdb.runtimes.kata import NAMES, target_of
from persistdb.runtimes.kata.layouts import LAYOUTS


@pytest.mark.parametrize(
    ("version", "layout"),
    [
        ("1.0", "old-1.0"),
        ("1.1.9", "old-1.0"),
        ("1.2", "old-1.2"),
        ("1.3", "old-1.3"),
        ("1.5", "old-1.3"),
        ("1.6", "old-1.6"),
        ("1.7.0", "1.7"),
        ("1.13", "1.7"),
        ("2.1.1", "1.7"),
        ("2.2.0", "2.2"),
        ("3.27", "2.2"),
        ("3.28.0", "3.28"),
        ("4.1", "3.28"),
    ],
)
def test_versions_have_layouts(version: str, layout: str) -> None:
    """Each version of Kata has the layout that it wrote, and for the sandbox's file the version itself."""
    target = target_of(version)
    assert (target.name, target.layout) == (version, layout)
    numbers = [*map(int, version.split(".")), 0]
    assert target.version == (None if layout.startswith("old-") else tuple(numbers[:3]))


@pytest.mark.parametrize("name", NAMES)
def test_layouts_are_their_first_version(name: str) -> None:
    """A layout's name stands for the first version that wrote it, and leaves files of that layout as they are."""
    target = target_of(name)
    assert (target.layout, target.version is None) == (name, name not in LAYOUTS)
    assert target.version_from(name) is None
    assert target.version_from("other") == target.version


@pytest.mark.parametrize("name", ["", "1", "2.6", "4.2", "5.0", "0.9", "3.2.1.0", "v3.2", "3.2-rc0", "3.٢", " 3.2"])
def test_unknown_versions_are_refused(name: str) -> None:
    """A text that is neither a layout nor a released version is refused, with what there is."""
    with pytest.raises(
        InvalidValue, match=r"must be one of old-1\.0, .*3\.28, or a version of Kata from 1\.0 to 4\.1"
    ) as caught:
        target_of(name)
    assert (caught.value.field, caught.value.value) == ("layout", name)
