"""All files of a sandbox, encoded from its records: layouts, what is lost, and documents that no import stored."""

from __future__ import annotations

import pytest

from persistdb.errors import InvalidValue
from persistdb.records import ContainerState, Mount, Origin, SandboxState
from persistdb.runtimes.joined import join_files
from persistdb.runtimes.kata import NAMES
from persistdb.runtimes.kata.emptylists import empty_lists
from persistdb.runtimes.kata.oldstore import decode_old_container
from persistdb.runtimes.kata.render import render

from .test_oldstore import KATA_17
from .trees import sandbox

READY = ContainerState(state="ready", mounts=[Mount()])


def test_an_unknown_layout() -> None:
    """A layout of the records that is unknown is refused, unless another is asked for."""
    own = SandboxState(sid="s", layout="9.9")
    with pytest.raises(InvalidValue) as caught:
        render(sandbox(own))
    assert (caught.value.field, caught.value.value) == ("layout", "9.9")
    assert caught.value.reason == f"must be one of {', '.join(NAMES)}"
    assert set(render(sandbox(own), "2.2").files) == {""}
    of_container = sandbox(SandboxState(sid="s", layout="2.2"), {"c": (READY, Origin(layout="9.9"))})
    with pytest.raises(InvalidValue, match=r"9\.9"):
        render(of_container)
    assert set(render(of_container, "2.2").files) == {"", "c"}


def test_documents_that_are_no_json() -> None:
    """A document or extra that no import stored is refused with what it belongs to."""
    with pytest.raises(InvalidValue, match="the sandbox's: is cut short") as caught:
        render(sandbox(SandboxState(sid="s", layout="2.2", document="{")))
    assert (caught.value.field, caught.value.value) == ("document", "{")
    with pytest.raises(InvalidValue, match="container 'c''s: is cut short") as caught:
        render(sandbox(None, {"c": (READY, Origin(layout="2.2", extra='{"a"'))}))
    assert (caught.value.field, caught.value.value) == ("extra", '{"a"')


def test_losses_of_another_layout_only() -> None:
    """Unknown keys that the target has a meaning for are lost on the way to it, and are kept in their own layout."""
    origin = Origin(layout="2.2", extra='{"Mounts":{"0":{"Mounted":true}}}')
    one = sandbox(SandboxState(sid="s", layout="2.2"), {"c": (READY, origin)})
    assert render(one).losses == []
    assert b'"Mounted":true' in render(one).files["c"]["persist.json"]
    assert render(one, "seed").losses == ["c: Mounts[0].Mounted"]


def test_an_old_store_as_it_was_written() -> None:
    """Files of an old store that are not as Kata writes them come back as they were, as long as nothing changed."""
    files = KATA_17 | {"state.json": KATA_17["state.json"].replace(b",", b" , ")}
    record, origin = decode_old_container(files)
    one = sandbox(SandboxState(sid="s", layout="old-1.7"), {"c": (record, origin)})
    assert render(one).files["c"] == files


@pytest.mark.parametrize(
    ("origin", "empty"),
    [
        (
            Origin(layout="2.2", document='{"Mounts":[ ],"devicemaps": [] ,"Process":[1],"Other":[]}'),
            "device_maps mounts",
        ),
        (Origin(layout="seed", document='{"Process":[\n]}'), "processes"),
        (Origin(layout="old-1.7", document=join_files({"mounts.json": "[]\n", "devices.json": "null"})), "mounts"),
        (Origin(layout="old-1.7", document=join_files({"devices.json": " [ ]"})), "device_maps"),
        (Origin(layout="2.2", document="{"), ""),
        (Origin(layout="old-1.7", document="["), ""),
        (Origin(layout="2.2"), ""),
    ],
)
def test_empty_lists(origin: Origin, empty: str) -> None:
    """Lists that are empty in the kept text are found there; a text that no import stored has none."""
    assert empty_lists(origin) == frozenset(empty.split())
