"""Write a sandbox back as a tree of Kata's files: all of it, or nothing.

The tree is built under a temporary name, brought to the disk and renamed, so whoever looks sees a whole sandbox or
none, also after a crash. A name that begins with a dot and ends in ``.partial`` or ``.old`` is what a killed export
left.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final

from ..errors import FileError, LayoutLoss
from .folders import Folder, bad_id, open_folder, shown
from .oldstore import CONFIG, Files
from .reader import CONFIGS, STORE
from .render import render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..state import Sandbox

_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_OLD_FOLDER_MODE: Final = 0o750
_NAME_MAX: Final = 255


def write_tree(
    sandbox: Sandbox,
    destination: str | os.PathLike[str],
    layout: str | None = None,
    *,
    allow_loss: bool = False,
    replace: bool = False,
) -> list[str]:
    """Write one sandbox's tree into a folder and return what was left out, in words.

    The folder, which is made if need be, gets ``SID/…``; if it holds ``run/vc/sbs``, that does, and an old store's
    config.json goes to ``var/lib/vc/sbs``. Without ``layout`` every file is written in the layout that it came in.

    Raises :class:`~persistdb.errors.LayoutLoss` for what the layout has no place for unless ``allow_loss``,
    :class:`~persistdb.errors.FileError` for a sandbox that is there already unless ``replace``, for an ID that cannot
    name a folder and for what the system refuses, and :class:`~persistdb.errors.InvalidValue` for an unknown layout.
    """
    target = os.fspath(destination)
    sid = sandbox.record.sid
    for name in (sid, *sandbox.containers):
        if (reason := bad_id(name)) is not None:
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
            _write_below(target, (), sid, rendered.files, mode, replace=replace)
        else:
            # First what nobody misses: without the tree itself, config.json is a leftover that Kata ignores.
            if configs:
                _make(root, CONFIGS)
                _write_below(root, CONFIGS, sid, {"": {}, **configs}, mode, replace=replace)
            _write_below(root, STORE, sid, rendered.files, mode, replace=replace)
    except OSError as bad:
        raise FileError(shown(os.path.join(target, sid)), f"cannot be written: {bad.strerror or bad}") from bad
    return lost


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


def _write_below(
    root: str, steps: tuple[str, ...], sid: str, files: dict[str, Files], mode: int, *, replace: bool
) -> None:
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder(root))
        for step in steps:
            folder = stack.enter_context(folder.folder(step))
        _check_absent(folder, sid, replace=replace)
        partial = _temporary(sid, ".partial")
        try:
            with _new_folder(folder, partial, mode) as made:
                _write_files(made, files.get("", {}))
                for cid, of_container in files.items():
                    if cid:
                        with _new_folder(made, cid, mode) as inner:
                            _write_files(inner, of_container)
                            os.fsync(inner.fd)
                os.fsync(made.fd)
            _put_in_place(folder, partial, sid, replace=replace)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True, dir_fd=folder.fd)
            raise
        os.fsync(folder.fd)


def _check_absent(folder: Folder, sid: str, *, replace: bool) -> None:
    kind = folder.kind(sid)
    if kind is None or (kind == "folder" and replace):
        return
    if kind == "folder":
        raise FileError(folder.join(sid), "is there already; use --replace to put this one in its place")
    raise FileError(folder.join(sid), "is in the way, and is no folder")


def _put_in_place(folder: Folder, partial: str, sid: str, *, replace: bool) -> None:
    _check_absent(folder, sid, replace=replace)
    if folder.kind(sid) is None:
        os.rename(partial, sid, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
        return
    aside = _temporary(sid, ".old")
    os.rename(sid, aside, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
    try:
        os.rename(partial, sid, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
    except BaseException:
        os.rename(aside, sid, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
        raise
    os.fsync(folder.fd)
    shutil.rmtree(aside, dir_fd=folder.fd)


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
            file.flush()
            os.fsync(fd)
