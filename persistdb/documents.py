"""What the store takes out of stored documents, so that no query has to: annotations, names, a VM and its devices.

A document is what a runtime wrote, so it may hold anything. What has not the shape that is looked for is left out, and
nothing here raises (:mod:`.lenient`).

Pure: nothing here touches a database. The revisions of the schema that made the tables do the same in SQL.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import msgspec

from .annotations import names_of
from .lenient import NOTHING, items, members, text, texts
from .virtual_machines import NO_DEVICES, UNKNOWN, TypedDocument, of_document, typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .annotations import Names
    from .records import Origin
    from .virtual_machines import SandboxDevice, VirtualMachine

Annotations = dict[str, str]
"""Annotations of a container or sandbox, by name."""

OCI_RUNTIMES: Final = ("runc", "crun", "youki")
"""The runtimes besides Kata, each the layout of its files: those that containerd's shim for runc runs."""

_NONE: Final[Annotations] = {}
_BUNDLE: Final = "bundle"
"""The label of runc's that is not an annotation (``Annotations`` of libcontainer/utils)."""


def runtime_of(layout: str) -> str:
    """Return the runtime whose files have a layout: its name, but for Kata, whose layouts are many.

    What never was in files is taken for Kata's.
    """
    return layout if layout in OCI_RUNTIMES else "kata"


class SandboxDocument:
    """A sandbox's own file: the annotations in it, its own and those of its containers, taken apart when asked for."""

    def __init__(self, document: str | None) -> None:
        self.text = document

    @cached_property
    def _whole(self) -> Mapping[str, msgspec.Raw]:
        return {} if self.text is None else members(self.text)

    @cached_property
    def _configs(self) -> list[tuple[Mapping[str, msgspec.Raw], str]]:
        """The configuration of persist.json, and the one of an old store, each with its list of containers."""
        return [
            (members(self._whole.get("Config", NOTHING)), "ContainerConfigs"),
            (members(self._whole.get("config.json", NOTHING)), "Containers"),
        ]

    @cached_property
    def annotations(self) -> Annotations:
        """The sandbox's own annotations."""
        found: Annotations = {}
        if self._typed is not None:
            for given in self._typed.annotations:
                found |= given
            return found
        for config, _ in self._configs:
            found |= texts(config.get("Annotations", NOTHING))
        return found

    @property
    def virtual_machine(self) -> VirtualMachine:
        """The processes of the sandbox's virtual machine."""
        return self._of_machine[0]

    @property
    def devices(self) -> tuple[SandboxDevice, ...]:
        """The devices that Kata attached to the sandbox."""
        return self._of_machine[1]

    @cached_property
    def _of_machine(self) -> tuple[VirtualMachine, tuple[SandboxDevice, ...]]:
        return (UNKNOWN, NO_DEVICES) if self.text is None else of_document(self.text, self._typed)

    @cached_property
    def _typed(self) -> TypedDocument | None:
        return None if self.text is None else typed(self.text)

    def has_machine_of(self, other: SandboxDocument) -> bool:
        """Return whether the virtual machine and its devices are those of another document."""
        # nearly always they are, which is told sooner than what they are
        is_typed = self._typed is not None and self._typed == other._typed
        return is_typed or self._of_machine == other._of_machine

    @cached_property
    def _containers(self) -> dict[str, Annotations]:
        found: dict[str, Annotations] = {}
        if self._typed is not None:
            for id_, annotations in self._typed.containers:
                found[id_] = annotations | found.get(id_, {})
            return found
        for config, containers in self._configs:
            for item in items(config.get(containers, NOTHING)) or ():
                container = members(item)
                cid = text(container.get("ID", NOTHING))
                if cid is not None:
                    found[cid] = texts(container.get("Annotations", NOTHING)) | found.get(cid, {})
        return found

    def of_container(self, cid: str, origin: Origin) -> Annotations:
        """Return a container's annotations: of its own files, and of this one."""
        own = _NONE if origin.document is None else _of_files(origin.layout, origin.document)
        return own if self.text is None else self._containers.get(cid, _NONE) | own

    def names(self, annotations: Annotations) -> Names:
        """Return the names of a container with these annotations; what they do not tell, the sandbox's do."""
        if self.text is not None and self.annotations:
            return names_of(self.annotations | annotations)
        return names_of(annotations)


def _of_files(layout: str, document: str) -> Annotations:
    if layout == "runc":
        return _labels(_at(document, "state.json", "config", "labels"))
    if layout == "crun":
        return texts(_at(document, "config.json", "annotations"))
    if layout == "youki":
        return texts(_at(document, "state.json", "annotations"))
    return texts(_at(document, "config.json", "Annotations"))  # an old store's


def _labels(raw: msgspec.Raw) -> Annotations:
    """Return runc's labels, each a text ``NAME=VALUE``."""
    pairs = (each.partition("=") for each in map(text, items(raw) or ()) if each is not None)
    return {name: value for name, equals, value in pairs if equals and name != _BUNDLE}


def _at(document: str, *path: str) -> msgspec.Raw:
    raw: str | msgspec.Raw = document
    for key in path:
        raw = members(raw).get(key, NOTHING)
    return raw if isinstance(raw, msgspec.Raw) else NOTHING
