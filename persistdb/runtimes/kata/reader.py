"""Read trees of Kata's files, one sandbox after another, and report what is wrong with each file.

The trees are only read. Kata writes in place while we read, so what does not parse is read again before it is called
damaged.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from ...errors import DamagedFile, FileError
from ...validation import invalid_id
from ..folders import Folder, open_folder, shown
from ..staging import is_leftover
from ..tree import SandboxTree
from .container import decode_container
from .detect import settle_layouts
from .oldstore import decode_old_container, decode_old_sandbox
from .paths import CONFIG, CONFIGS, CONTAINER_FILES, LOCK, PERSIST, SANDBOX_FILES, STATE, STORE, root_of
from .sandbox import decode_sandbox, sandbox_container

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..folders import Files

_KNOWN_FILES: Final = frozenset({PERSIST, LOCK, CONFIG, *SANDBOX_FILES})
_PAUSES: Final = (0.0, 0.01, 0.05)  # in seconds; a rewrite of Kata's takes well under a millisecond

_Value = TypeVar("_Value")
_Data = TypeVar("_Data")


class _Source(NamedTuple):
    """Where sandboxes are: the folder and the steps from it, a root for config.json, and one sandbox or all."""

    path: str
    steps: tuple[str, ...]
    root: str | None
    only: str | None


def read_trees(paths: Iterable[str | os.PathLike[str]]) -> Iterator[SandboxTree]:
    """Read the sandboxes of each path, sorted by ID and each when it is asked for.

    A path is a ``sbs`` folder, one sandbox's folder, or a root that holds ``run/vc/sbs``. The paths are checked at
    once: raises :class:`~persistdb.errors.FileError` for one that is no folder or cannot be read. Whatever is wrong
    below it is in :attr:`SandboxTree.faults`.
    """
    sources = [_locate(os.fspath(path)) for path in paths]
    return (tree for source in sources for tree in _read_source(source))


def _locate(path: str) -> _Source:
    with open_folder(path) as folder, ExitStack() as stack:
        below: Folder | None = folder
        for step in STORE:
            if below is not None:
                below = stack.enter_context(below.folder(step)) if below.kind(step) in ("folder", "symlink") else None
        if below is not None:
            below.entries()  # whoever may not list it learns so now
            return _Source(path, STORE, path, None)
        real = os.path.realpath(path)
        if {PERSIST, STATE} & {name for name, _ in folder.entries()}:
            parent, sid = os.path.split(real)
            return _Source(parent, (), root_of(parent), sid)
        return _Source(path, (), root_of(real), None)


def _read_source(source: _Source) -> Iterator[SandboxTree]:
    with ExitStack() as stack:
        sandboxes = stack.enter_context(open_folder(source.path))
        for step in source.steps:
            sandboxes = stack.enter_context(sandboxes.folder(step))
        configs = None
        if source.root is not None:
            try:
                configs = stack.enter_context(open_folder(source.root))
                for step in CONFIGS:
                    configs = stack.enter_context(configs.folder(step))
            except (FileNotFoundError, FileError):
                configs = None  # as it is on most nodes
        entries = sandboxes.entries() if source.only is None else [(source.only, "folder")]
        for sid, kind in entries:
            if kind == "folder" or kind == "symlink":
                tree = _read_sandbox(sandboxes, sid, configs)
                if tree is not None:
                    yield tree


def _read_sandbox(sandboxes: Folder, sid: str, configs: Folder | None) -> SandboxTree | None:
    if is_leftover(sid):
        return None
    tree = SandboxTree(sid=shown(sid), path=sandboxes.join(sid))
    if (reason := invalid_id(sid)) is not None:
        tree.faults.append(FileError(tree.path, reason))
        return tree
    try:
        with sandboxes.folder(sid) as folder, ExitStack() as stack:
            config = _open_config(stack, configs, sid)
            entries = folder.entries()
            files = {name for name, kind in entries if kind in ("file", "symlink")}
            is_old = STATE in files and (PERSIST not in files or _old_store_wins(tree, config))
            took_effect = _read_own(tree, folder, config, is_old=is_old)
            for name, kind in entries:
                if kind == "folder":
                    _read_container(tree, folder, name, config, is_old=is_old)
                elif kind == "symlink" and name not in _KNOWN_FILES:
                    tree.faults.append(FileError(folder.join(name), "is a symlink, which is not followed"))
                    tree.kept.add(shown(name))
                elif kind == "file" and name not in _KNOWN_FILES:
                    tree.notes.append(f"{folder.join(name)} is no file of Kata's and was not read")
    except FileNotFoundError:
        return None  # removed since the folder was listed
    except FileError as fault:
        tree.faults.append(fault)
        return tree
    if not is_old:
        settle_layouts(tree)
    if not took_effect and not tree.faults and not tree.containers:
        return None  # a folder without any state
    if not took_effect and tree.containers:
        tree.faults.append(FileError(folder.join(PERSIST), "does not exist, but containers of its sandbox do"))
    return tree


def _old_store_wins(tree: SandboxTree, config: Folder | None) -> bool:
    # Kata 1.11 to 1.13-alpha look for the old store first, and find it if its config.json is there.
    wins = config is not None and config.kind(CONFIG) == "file"
    taken, other = ("old store (state.json, …)", PERSIST) if wins else (PERSIST, "old store (state.json, …)")
    why = "as Kata does where config.json exists" if wins else "for there is no config.json that makes Kata prefer it"
    tree.notes.append(f"{tree.path} holds both stores: took the {taken}, not the {other}, {why}")
    return wins


def _open_config(stack: ExitStack, configs: Folder | None, name: str) -> Folder | None:
    if configs is None:
        return None
    try:
        return stack.enter_context(configs.folder(name))
    except FileNotFoundError:
        return None


def _read_own(tree: SandboxTree, folder: Folder, config: Folder | None, *, is_old: bool) -> bool:
    """Read the sandbox's own file; gives whether there is one, be it damaged."""
    tree.file = tree.path if is_old else folder.join(PERSIST)
    try:
        if is_old:
            tree.record = decode_when_stable(
                lambda: _load(folder, (*SANDBOX_FILES, LOCK), config),
                lambda files: decode_old_sandbox(files, tree.sid, folder.join("")),
            )
        else:
            tree.record = decode_when_stable(
                lambda: folder.read(PERSIST), lambda data: decode_sandbox(data, tree.sid, tree.file)
            )
            document = tree.record.document or ""
            if f'"SandboxContainer":"{tree.sid}"' not in document and (named := sandbox_container(document)) not in (
                "",
                tree.sid,
            ):
                tree.notes.append(f"{tree.file} names sandbox {named!r}; took its folder's name, {tree.sid!r}")
    except FileNotFoundError:
        return False
    except FileError as fault:
        tree.faults.append(fault)
    return True


def _read_container(tree: SandboxTree, sandbox: Folder, cid: str, configs: Folder | None, *, is_old: bool) -> None:
    try:
        with sandbox.folder(cid) as folder, ExitStack() as stack:
            if is_old:
                config = _open_config(stack, configs, cid)
                found = decode_when_stable(
                    lambda: _load(folder, (*CONTAINER_FILES, LOCK), config),
                    lambda files: decode_old_container(files, folder.join("")),
                )
            else:
                path = folder.join(PERSIST)
                found = decode_when_stable(lambda: folder.read(PERSIST), lambda data: decode_container(data, path))
    except FileNotFoundError:
        return  # not a container (raw, tempDir), without state as Kata too has it, or gone
    except FileError as fault:
        tree.faults.append(fault)
        tree.kept.add(shown(cid))
        return
    if (reason := invalid_id(cid)) is not None:
        tree.faults.append(FileError(sandbox.join(cid), reason))
        return
    tree.containers[cid] = found
    tree.container_files[cid] = sandbox.join(cid) if is_old else folder.join(PERSIST)


def _load(folder: Folder, names: tuple[str, ...], config: Folder | None) -> tuple[Files, bool]:
    """Read the files of an old store that are there; state.json must be."""
    files: Files = {}
    recent = False
    for name in names:
        try:
            files[name], is_recent = folder.read(name)
        except FileNotFoundError:
            if name == STATE:
                raise
            continue
        recent = recent or is_recent
        if name == LOCK:
            files[name] = b""
    if config is not None and config.kind(CONFIG) is not None:
        files[CONFIG], is_recent = config.read(CONFIG)
        recent = recent or is_recent
    return files, recent


def decode_when_stable(load: Callable[[], tuple[_Data, bool]], decode: Callable[[_Data], _Value]) -> _Value:
    """Decode what is loaded, and load it again before believing that it is damaged."""
    data, recent = load()
    try:
        return decode(data)
    except DamagedFile as first:
        damage = first
    for pause in _PAUSES:
        if recent:
            time.sleep(pause)
        again, recent = load()
        if again == data:
            continue
        data = again
        try:
            return decode(data)
        except DamagedFile as next_damage:
            damage = next_damage
    raise damage
