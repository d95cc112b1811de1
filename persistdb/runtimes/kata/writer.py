"""Write a sandbox back as a tree of Kata's files: all of it, or nothing.

The tree is built under a temporary name, brought to the disk and renamed, so whoever looks sees a whole sandbox or
none, also after a crash. A name that begins with a dot and ends in ``.partial`` or ``.old`` is what a killed export
left.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from ...errors import FileError, InvalidValue, LayoutLoss
from ...records import Sandbox  # noqa: TC001  Written is made with it
from ...validation import invalid_id
from ..folders import Folder, open_folder, shown
from .oldstore import CONFIG, Files
from .reader import CONFIGS, STORE
from .render import render

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_OLD_FOLDER_MODE: Final = 0o750
_NAME_MAX: Final = 255
# syncfs(2): all of a file system's data, in one call; the standard library has no word for it
_libc: Final = ctypes.CDLL(None, use_errno=True)


BATCH: Final = 64
"""Sandboxes whose files are brought to the disk together."""


class Written(NamedTuple):
    """What became of one sandbox: what was left out, in words, or why it was not written."""

    sandbox: Sandbox
    losses: list[str]
    error: FileError | LayoutLoss | InvalidValue | None = None


def write_trees(
    sandboxes: Iterable[Sandbox],
    destination: str | os.PathLike[str],
    layout: str | None = None,
    *,
    allow_loss: bool = False,
    replace: bool = False,
) -> Iterator[Written]:
    """Write sandboxes' trees into a folder, and tell what became of each.

    The folder, which is made if need be, gets ``SID/…``; if it holds ``run/vc/sbs``, that does, and an old store's
    config.json goes to ``var/lib/vc/sbs``. Without ``layout`` every file is written in the layout that it came in.

    A sandbox's error is a :class:`~persistdb.errors.LayoutLoss` for what the layout has no place for unless
    ``allow_loss``, a :class:`~persistdb.errors.FileError` for a sandbox that is there already unless ``replace``, for
    an ID that cannot name a folder and for what the system refuses, an :class:`~persistdb.errors.InvalidValue` for an
    unknown layout. The others are written all the same.
    """
    target = os.fspath(destination)
    remaining = iter(sandboxes)
    # A sync of its own for each file takes longer than all else together: a batch of them shares one.
    while batch := list(islice(remaining, BATCH)):
        with ExitStack() as stack, _Places(stack, target) as places:
            written = []
            for sandbox in batch:
                losses: list[str] = []
                try:
                    losses += _stage(places, sandbox, target, layout, allow_loss=allow_loss, replace=replace)
                except (FileError, LayoutLoss, InvalidValue) as error:
                    written.append(Written(sandbox, losses, error))
                else:
                    written.append(Written(sandbox, losses))
            failed = places.put_in_place(replace=replace)
        for one in written:
            refused = failed.get(one.sandbox.record.sid)
            yield one if refused is None else one._replace(error=refused)


def write_tree(
    sandbox: Sandbox,
    destination: str | os.PathLike[str],
    layout: str | None = None,
    *,
    allow_loss: bool = False,
    replace: bool = False,
) -> list[str]:
    """Write one sandbox's tree into a folder and return what was left out, in words.

    See :func:`write_trees`, whose errors are raised here.
    """
    (written,) = write_trees([sandbox], destination, layout, allow_loss=allow_loss, replace=replace)
    if written.error is not None:
        raise written.error
    return written.losses


def _stage(
    places: _Places, sandbox: Sandbox, target: str, layout: str | None, *, allow_loss: bool, replace: bool
) -> list[str]:
    """Write a sandbox's files under a temporary name, and give what is left out."""
    sid = sandbox.record.sid
    for name in (sid, *sandbox.containers):
        if (reason := invalid_id(name)) is not None:
            raise FileError(shown(os.path.join(target, name)), reason)
    rendered = render(sandbox, layout)
    configs = {cid: {CONFIG: files.pop(CONFIG)} for cid, files in rendered.files.items() if CONFIG in files}
    root = _root(target)
    lost = list(rendered.losses)
    if configs and root is None:
        lost.append(f"config.json, which has its place beside run/vc/sbs: create {os.path.join(target, *STORE)} for it")
    if lost and not allow_loss:
        raise LayoutLoss(sid, rendered.layout, lost)
    mode = _OLD_FOLDER_MODE if rendered.is_old else _FOLDER_MODE
    try:
        if root is None:
            os.makedirs(target, mode=_FOLDER_MODE, exist_ok=True)
            places.write(target, (), sid, rendered.files, mode, replace=replace)
        else:
            # First what nobody misses: without the tree itself, config.json is a leftover that Kata ignores.
            if configs:
                _make(root, CONFIGS)
                places.write(root, CONFIGS, sid, {"": {}, **configs}, mode, replace=replace)
            places.write(root, STORE, sid, rendered.files, mode, replace=replace)
    except OSError as bad:
        raise _refused(target, sid, bad) from bad
    return lost


def _refused(target: str, sid: str, bad: OSError) -> FileError:
    return FileError(shown(os.path.join(target, sid)), f"cannot be written: {bad.strerror or bad}")


def _root(target: str) -> str | None:
    """The root that the folder is or is in, by the reader's rule; ``None`` for a plain ``sbs`` folder."""
    if os.path.isdir(os.path.join(target, *STORE)):
        return target
    real, tail = os.path.realpath(target), os.sep + os.path.join(*STORE)
    return real[: -len(tail)] or os.sep if real.endswith(tail) and os.path.isdir(real) else None


def _make(root: str, steps: tuple[str, ...]) -> None:
    path = root
    for step in steps:
        path = os.path.join(path, step)
        with suppress(FileExistsError):
            os.mkdir(path, _OLD_FOLDER_MODE)


class _Staged(NamedTuple):
    """A tree under its temporary name, and the name under which the one lies for a moment that it replaces."""

    folder: Folder
    sid: str
    partial: str
    old: str


class _Places:
    """The folders that a batch is written into, and the trees that wait there for their names.

    Whatever ends the batch, no temporary name is left: its trees are where they belong, or gone.
    """

    def __init__(self, stack: ExitStack, target: str) -> None:
        self._stack = stack
        self._target = target
        self._folders: dict[tuple[str, tuple[str, ...]], Folder] = {}
        self._waiting: list[_Staged] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            for staged in self._waiting:
                _undo(staged)

    def write(
        self, root: str, steps: tuple[str, ...], sid: str, files: dict[str, Files], mode: int, *, replace: bool
    ) -> None:
        """Write the files of a sandbox under a temporary name."""
        folder = self._folder(root, steps)
        _check_absent(folder, sid, replace=replace)
        staged = _Staged(folder, sid, _temporary(sid, ".partial"), _temporary(sid, ".old"))
        self._waiting.append(staged)  # first: an interrupt may come at any moment
        try:
            with _new_folder(folder, staged.partial, mode) as made:
                _write_files(made, files.get("", {}))
                for cid, of_container in files.items():
                    if cid:
                        with _new_folder(made, cid, mode) as inner:
                            _write_files(inner, of_container)
        except (FileError, OSError):
            _undo(staged)
            self._waiting.remove(staged)
            raise

    def _folder(self, root: str, steps: tuple[str, ...]) -> Folder:
        folder = self._folders.get((root, steps))
        if folder is None:
            folder = self._stack.enter_context(open_folder(root))
            for step in steps:
                folder = self._stack.enter_context(folder.folder(step))
            self._folders[root, steps] = folder
        return folder

    def put_in_place(self, *, replace: bool) -> dict[str, FileError]:
        """Bring all to the disk, then give each tree its name, and tell which could not have it."""
        failed: dict[str, FileError] = {}
        try:
            self._sync()
        except OSError as bad:
            failed = {staged.sid: _refused(self._target, staged.sid, bad) for staged in self._waiting}
        replaced = []
        for staged in self._waiting:
            try:
                if staged.sid not in failed and _put_in_place(staged, replace=replace):
                    replaced.append(staged)
            except FileError as error:
                failed[staged.sid] = error
            except OSError as bad:
                failed[staged.sid] = _refused(self._target, staged.sid, bad)
            if staged.sid in failed:
                shutil.rmtree(staged.partial, ignore_errors=True, dir_fd=staged.folder.fd)
        try:
            for folder in self._folders.values():
                os.fsync(folder.fd)
        except OSError as bad:
            return {staged.sid: _refused(self._target, staged.sid, bad) for staged in self._waiting}
        for staged in replaced:
            shutil.rmtree(staged.old, dir_fd=staged.folder.fd)
        return failed

    def _sync(self) -> None:
        for folder in self._folders.values():
            if _libc.syncfs(folder.fd) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))


def _check_absent(folder: Folder, sid: str, *, replace: bool) -> None:
    kind = folder.kind(sid)
    if kind is None or (kind == "folder" and replace):
        return
    if kind == "folder":
        raise FileError(folder.join(sid), "is there already; use --replace to put this one in its place")
    raise FileError(folder.join(sid), "is in the way, and is no folder")


def _put_in_place(staged: _Staged, *, replace: bool) -> bool:
    """Give a tree its name, and tell whether another had it before."""
    folder, sid, partial, old = staged
    _check_absent(folder, sid, replace=replace)
    if folder.kind(sid) is None:
        os.rename(partial, sid, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
        return False
    os.rename(sid, old, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
    try:
        os.rename(partial, sid, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
    except OSError:
        os.rename(old, sid, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
        raise
    return True


def _undo(staged: _Staged) -> None:
    """Remove what lies under temporary names; a tree that was moved aside comes back if there is no new one yet."""
    folder, sid, partial, old = staged
    shutil.rmtree(partial, ignore_errors=True, dir_fd=folder.fd)
    # not ours to remove while it is the only one
    with suppress(FileError, OSError):
        if folder.kind(sid) is None:
            os.rename(old, sid, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
        shutil.rmtree(old, dir_fd=folder.fd)


def _temporary(sid: str, suffix: str) -> str:
    tail = f".{secrets.token_hex(4)}{suffix}"
    # An ID may fill a file name by itself.
    return "." + sid.encode()[: _NAME_MAX - 1 - len(tail)].decode(errors="ignore") + tail


@contextmanager
def _new_folder(parent: Folder, name: str, mode: int) -> Iterator[Folder]:
    os.mkdir(name, mode, dir_fd=parent.fd)
    with parent.folder(name) as made:
        os.fchmod(made.fd, mode)  # whatever the umask
        yield made


def _write_files(folder: Folder, files: Files) -> None:
    for name, data in files.items():
        fd = os.open(
            name,
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC,
            _FILE_MODE,
            dir_fd=folder.fd,
        )
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, _FILE_MODE)
            file.write(data)
