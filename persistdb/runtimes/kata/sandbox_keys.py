"""The Go structs of a sandbox's persist.json in every version of Kata, from the table in ``sandbox_keys.txt``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from ..gojson import scan
from .versions import Version, parse_version

RENAMES: Final[tuple[tuple[str, str], ...]] = (
    ("ProxyState", "AgentState"),
    ("ProxyState.Pid", "AgentState.ProxyPid"),
    ("HypervisorState.BlockIndex", "HypervisorState.BlockIndexMap"),
    ("CgroupPath", "SandboxCgroupPath"),
    ("Network.NetNsPath", "Network.NetworkID"),
    ("Network.NetNsCreated", "Network.NetworkCreated"),
    ("Network.Endpoints.BridgedMacvlan", "Network.Endpoints.Macvlan"),
    ("Config.NetworkConfig.NetNSPath", "Config.NetworkConfig.NetworkID"),
    ("Config.NetworkConfig.NetNsCreated", "Config.NetworkConfig.NetworkCreated"),
    ("Config.NetworkConfig.DisableNewNetNs", "Config.NetworkConfig.DisableNewNetwork"),
    ("HypervisorState.VirtiofsdPid", "HypervisorState.VirtiofsDaemonPid"),
    ("Config.HypervisorConfig.NumVCPUs", "Config.HypervisorConfig.NumVCPUsF"),
)
"""Keys of an older version and the keys of a newer one that hold the same, with the path to each.

``PCIAddr`` and ``PCIPath`` are not among them, because nothing is stored under the latter; nor is
``HotplugVFIOOnRootBus``, for which no value of ``HotPlugVFIO`` is known.
"""

_OTHER_NAME: Final = dict(RENAMES) | {new: old for old, new in RENAMES}


class Form(msgspec.Struct, frozen=True):
    """What one Kata version after another takes a key's value for.

    ``kind`` is a :data:`~persistdb.runtimes.gojson.Kind`, or ``object``, ``list`` (of objects), or ``map:`` with the
    kind of its values or, where its keys are numbers, with both kinds.
    """

    kind: str
    is_pointer: bool
    spans: tuple[tuple[Version, Version | None], ...]

    def holds_in(self, version: Version) -> bool:
        """Return whether a version has the key in this form. All patches of a minor version from the first on do."""
        return any(first <= version and (last is None or version[:2] <= last[:2]) for first, last in self.spans)


class Key(msgspec.Struct):
    """A key of a struct; ``path`` names it from the outermost struct on, without the positions in lists."""

    name: str
    path: str
    forms: list[Form]
    members: GoStruct

    @property
    def other_name(self) -> str | None:
        """The path of the key that holds the same in other versions, if there is one."""
        return _OTHER_NAME.get(self.path)

    def form_in(self, version: Version) -> Form | None:
        """Return the key's form in a version; ``None`` if the version does not have the key."""
        return next((form for form in self.forms if form.holds_in(version)), None)


class GoStruct:
    """The keys of one struct in all versions together."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {}
        self._folded: dict[str, Key] = {}

    def add(self, key: Key) -> None:
        """Add a key."""
        self.keys[key.name] = self._folded[scan.fold(key.name)] = key

    def find(self, name: str) -> Key | None:
        """Return the key that Go takes a name for, in whatever case."""
        return self.keys.get(name) or self._folded.get(scan.fold(name))


@cache
def sandbox_struct() -> GoStruct:
    """Read the table, and return the struct of a whole file."""
    root = GoStruct()
    named = {}
    inside: list[tuple[str, GoStruct]] = []  # path and struct at each indentation
    text = Path(__file__).with_name("sandbox_keys.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        depth = (len(line) - len(line.lstrip())) // 2
        name, *rest = line.split()
        del inside[depth:]
        path, struct = inside[-1] if inside else ("", root)
        if name.startswith("@"):
            named[name] = GoStruct()
            inside.append((name, named[name]))
            continue
        kind, spans, *ref = rest
        form = Form(kind.rstrip("?"), kind.endswith("?"), tuple(map(_span, spans.split(","))))
        if name in struct.keys:
            struct.keys[name].forms.append(form)
        else:
            members = named[ref[0]] if ref else GoStruct()
            struct.add(Key(name, f"{path}.{name}".lstrip("."), [form], members))
        inside.append((struct.keys[name].path, struct.keys[name].members))
    return root


def _span(text: str) -> tuple[Version, Version | None]:
    first, _, last = text.partition("..")
    return parse_version(first), parse_version(last) if last else None
