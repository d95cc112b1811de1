"""Read trees of Kata's files, one sandbox after another, and report each file's faults; change nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import msgspec

from ...annotations import namespace_of
from ...documents import SandboxDocument
from ...errors import FileError
from ...validation import check_kind, invalid_id
from ..folders import Folder, open_below, printable_path
from ..gojson import end_of_first
from ..places import locate
from ..tree import SandboxTree
from ..workfolder import is_work_folder
from .detect import settle_layouts
from .paths import CONFIG, CONFIGS, LOCK, OWN_FILES, PERSIST, PLACE, SANDBOX_FILES, STATE, root_of
from .sandbox import other_sid
from .stores import OldStore, PersistStore, open_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..places import Source

_KNOWN_FILES: Final = frozenset({PERSIST, LOCK, CONFIG, *SANDBOX_FILES})


def read_trees(paths: Iterable[str | os.PathLike[str]]) -> Iterator[SandboxTree]:
    """Read the sandboxes of each path, sorted by ID and each when it is asked for.

    A path is a ``sbs`` folder, one sandbox's folder, or a root that holds ``run/vc/sbs``. The paths are checked at
    once: raises :class:`~persistdb.errors.FileError` for one that is no folder or cannot be read. Whatever is wrong
    below it is in :attr:`~persistdb.runtimes.tree.SandboxTree.faults`.
    """
    check_kind("paths", paths, Iterable)
    sources = [source for path in paths for source in locate(path, (PLACE,), OWN_FILES)]
    for source in sources:
        with source.open():
            pass  # it can be
    return (tree for source in sources for tree in _read_source(source))


def _read_source(source: Source) -> Iterator[SandboxTree]:
    with source.open() as folder:
        yield from read_entries(folder, source.names(folder), source.root)


def read_entries(sandboxes: Folder, sids: Iterable[str], root: str | None) -> Iterator[SandboxTree]:
    """Read the sandboxes that have these names in a folder; ``root`` is the root that it is below, if it is known."""
    with ExitStack() as stack:
        configs = _open_configs(stack, root or root_of(os.path.realpath(sandboxes.path)))
        for sid in sids:
            tree = _read_sandbox(sandboxes, sid, configs)
            if tree is not None:
                yield tree


def _open_configs(stack: ExitStack, root: str | None) -> Folder | None:
    """Open the root's folder of config.json until the stack is closed; ``None`` if there is none, as on most nodes."""
    if root is None:
        return None
    try:
        return stack.enter_context(open_below(root, CONFIGS))
    except (FileNotFoundError, FileError):
        return None


def _read_sandbox(sandboxes: Folder, sid: str, configs: Folder | None) -> SandboxTree | None:
    """Read one sandbox with its containers; ``None`` for a folder that is no sandbox, or no longer there."""
    if is_work_folder(sid):
        return None
    tree = SandboxTree(sid=printable_path(sid), path=sandboxes.join(sid))
    if (reason := invalid_id(sid)) is not None:
        tree.faults.append(FileError(tree.path, reason))
        return tree
    try:
        with sandboxes.folder(sid) as folder, ExitStack() as stack:
            entries = folder.entries()
            store = _choose_store(tree, entries, open_config(stack, configs, sid))
            exists = _read_own(tree, folder, store)
            for name, kind in entries:
                _read_entry(tree, folder, store, name, kind)
    except FileNotFoundError:
        return None  # removed since the folder was listed
    except FileError as fault:
        tree.faults.append(fault)
        return tree
    if isinstance(store, PersistStore):
        settle_layouts(tree)
    _find_namespaces(tree)
    if not exists and tree.containers:
        tree.faults.append(FileError(folder.join(store.own_file), "does not exist, but containers of its sandbox do"))
    return tree if exists or tree.faults else None


def _find_namespaces(tree: SandboxTree) -> None:
    """Set containerd's namespace of containers, which the sandbox's own file tells."""
    document = SandboxDocument(tree.record.document if tree.record is not None else None)
    for cid, (record, origin) in tree.containers.items():
        namespace = namespace_of(document.of_container(cid, origin), record.bundle_path)
        if namespace:
            tree.containers[cid] = record, msgspec.structs.replace(origin, namespace=namespace)


def _choose_store(tree: SandboxTree, entries: list[tuple[str, str]], config: Folder | None) -> PersistStore | OldStore:
    """Return the store that a sandbox's folder has; if it has both, the one that Kata would take."""
    files = {name for name, kind in entries if kind in ("file", "symlink")}
    if STATE not in files:
        return PersistStore()
    if PERSIST not in files:
        return OldStore(config)
    # Kata 1.11 to 1.13-alpha look for the old store first, and find it if its config.json is there.
    if config is not None and config.kind(CONFIG) == "file":
        taken, other, why = "old store (state.json, …)", PERSIST, "as Kata does where config.json exists"
        store: PersistStore | OldStore = OldStore(config)
    else:
        taken, other, why = PERSIST, "old store (state.json, …)", "as Kata does where no config.json exists"
        store = PersistStore()
    tree.notes.append(f"{tree.path} holds both stores: took the {taken}, not the {other}, {why}")
    return store


def _read_own(tree: SandboxTree, folder: Folder, store: PersistStore | OldStore) -> bool:
    """Read the sandbox's own file into the tree, and return whether there is one, even if damaged."""
    tree.file = store.path_of(folder)
    try:
        tree.record = store.read_sandbox(folder, tree.file, tree.sid)
    except FileNotFoundError:
        return False
    except FileError as fault:
        tree.faults.append(fault)
    else:
        _note_rest(tree, store, tree.file, tree.record.document)
        if (other := other_sid(tree.record)) is not None:
            tree.notes.append(f"{tree.file} names sandbox {other!r}; took its folder's name, {tree.sid!r}")
    return True


def _read_entry(tree: SandboxTree, sandbox: Folder, store: PersistStore | OldStore, name: str, kind: str) -> None:
    """Read one entry of a sandbox's folder into the tree: a container, or something that is none."""
    if kind == "folder":
        _read_container(tree, sandbox, store, name)
    elif name in _KNOWN_FILES:
        return
    elif kind == "symlink":
        tree.faults.append(FileError(sandbox.join(name), "is a symlink, which is not followed"))
        tree.kept.add(printable_path(name))
    elif kind == "file":
        tree.notes.append(f"{sandbox.join(name)} is no file of Kata's and was not read")


def _read_container(tree: SandboxTree, sandbox: Folder, store: PersistStore | OldStore, cid: str) -> None:
    own_file = ""
    try:
        with sandbox.folder(cid) as folder:
            own_file = folder.join(store.own_file)
            path = store.path_of(folder)
            container = store.read_container(folder, path, cid)
    except FileNotFoundError:
        # not a container (raw, tempDir), a container without state, which Kata skips too, or removed meanwhile
        if own_file:
            tree.stateless[printable_path(cid)] = own_file
        return
    except FileError as fault:
        tree.faults.append(fault)
        tree.kept.add(printable_path(cid))
        return
    if (reason := invalid_id(cid)) is not None:
        tree.faults.append(FileError(sandbox.join(cid), reason))
        return
    tree.containers[cid] = container
    tree.container_files[cid] = path
    _note_rest(tree, store, path, container[1].document)


def _note_rest(tree: SandboxTree, store: PersistStore | OldStore, path: str, document: str | None) -> None:
    """Note that a file goes on after its value: an old store refuses that, and of an ordinary file no text is kept."""
    if document is not None and isinstance(store, PersistStore) and (end := end_of_first(document)) is not None:
        tree.notes.append(f"{path} holds more after its value, from character {end} on; Kata does not read it either")
