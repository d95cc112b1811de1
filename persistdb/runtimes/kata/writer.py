"""Write stored sandboxes back as trees of Kata's files, each as a whole or not at all."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING, Final

from ...errors import FileError, InvalidValue, LayoutLoss
from ...private import make_private
from ...validation import check_path, invalid_id
from ..folders import printable_path
from ..runtime import Writing
from ..staging import BATCH, Place, Staging, write_error
from ..tree import Written
from .paths import CONFIG, CONFIGS, STORE, root_of
from .render import render

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...records import Sandbox

_FOLDER_MODE: Final = 0o700
_OLD_FOLDER_MODE: Final = 0o750


def write_trees(
    sandboxes: Iterable[Sandbox],
    destination: str | os.PathLike[str],
    layout: str | None = None,
    *,
    allow_loss: bool = False,
    replace: bool = False,
) -> Iterator[Written]:
    """Write sandboxes' trees into a folder, and yield the outcome for each.

    The folder is created if it does not exist, and gets a folder ``SID`` for each sandbox. If it holds ``run/vc/sbs``,
    the sandboxes go there, and an old store's config.json goes to ``var/lib/vc/sbs``. Without ``layout`` every file is
    written in the layout that it came in. ``layout`` is a layout's name or a version of Kata, such as ``3.2``.

    A sandbox that is not written has an error, and the others are written all the same. It is a
    :class:`~persistdb.errors.LayoutLoss` if the layout has no place for a value, unless ``allow_loss``; a
    :class:`~persistdb.errors.FileError` if the sandbox is there already, unless ``replace``, if an ID cannot name a
    folder, and for what the system refuses; an :class:`~persistdb.errors.InvalidValue` for an unknown layout.

    First, leftovers of exports that were killed are removed from the folder.
    """
    check_path("destination", destination)
    writing = Writing(layout=layout, allow_loss=allow_loss, replace=replace)
    target, remaining = os.fspath(destination), iter(sandboxes)
    _clean(target, writing)  # also where no sandbox comes
    while batch := list(islice(remaining, BATCH)):
        yield from write_batch(batch, target, writing)


def write_batch(sandboxes: Iterable[Sandbox], target: str, writing: Writing) -> Iterator[Written]:
    """Write sandboxes' trees into a folder, brought to the disk together, and yield the outcome for each."""
    _clean(target, writing)
    with Staging(target, replace=writing.replace) as staging:
        outcomes = [_staged(staging, sandbox, target, writing) for sandbox in sandboxes]
        failed = staging.put_in_place()
    for outcome in outcomes:
        error = failed.get(outcome.sandbox.record.sid)
        yield outcome if error is None else outcome._replace(error=error)


def write_tree(
    sandbox: Sandbox,
    destination: str | os.PathLike[str],
    layout: str | None = None,
    *,
    allow_loss: bool = False,
    replace: bool = False,
) -> list[str]:
    """Write one sandbox's tree into a folder and return what was left out, in words.

    Raises the errors that :func:`write_trees` yields.
    """
    (written,) = write_trees([sandbox], destination, layout, allow_loss=allow_loss, replace=replace)
    if written.error is not None:
        raise written.error
    return written.losses


def _clean(target: str, writing: Writing) -> None:
    root = _existing_root(target)
    writing.clean(*([Place(target)] if root is None else [Place(root, STORE), Place(root, CONFIGS)]))


def _staged(staging: Staging, sandbox: Sandbox, target: str, writing: Writing) -> Written:
    try:
        losses = _stage(staging, sandbox, target, writing)
        return Written(sandbox, losses, is_regenerated=_is_regenerated(sandbox))
    except (FileError, LayoutLoss, InvalidValue) as error:
        return Written(sandbox, [], error)


def _is_regenerated(sandbox: Sandbox) -> bool:
    has_files = any(container.origin.layout for container in sandbox.containers.values())
    return sandbox.record.document is None and has_files


def _stage(staging: Staging, sandbox: Sandbox, target: str, writing: Writing) -> list[str]:
    """Write a sandbox's files under a temporary name, and return what they leave out, in words."""
    _check_ids(sandbox, target)
    sid = sandbox.record.sid
    rendered = render(sandbox, writing.layout)
    configs = {cid: {CONFIG: files.pop(CONFIG)} for cid, files in rendered.files.items() if CONFIG in files}
    root = _existing_root(target)
    lost = list(rendered.losses)
    if configs and root is None:
        lost.append(f"config.json, which has its place beside run/vc/sbs: create {os.path.join(target, *STORE)} for it")
    if lost and not writing.allow_loss:
        raise LayoutLoss(sid, rendered.target.name, lost)
    path = printable_path(os.path.join(target, sid))
    if root is None and (other := writing.taken.setdefault(path, sid)) != sid:
        raise FileError(path, f"not written: sandbox {other!r} is written here, or a container of it")
    mode = _OLD_FOLDER_MODE if rendered.target.is_old else _FOLDER_MODE
    try:
        if root is None:
            make_private(target)
            staging.add(Place(target), sid, rendered.files, mode)
        else:
            # config.json first: without the sandbox's tree it is a leftover that Kata ignores.
            if configs:
                place = Place(root, CONFIGS)
                place.make(_OLD_FOLDER_MODE)
                staging.add(place, sid, configs, mode)
            staging.add(Place(root, STORE), sid, rendered.files, mode)
    except OSError as error:
        raise write_error(os.path.join(target, sid), error) from error
    return lost


def _check_ids(sandbox: Sandbox, target: str) -> None:
    for name in (sandbox.record.sid, *sandbox.containers):
        if (reason := invalid_id(name)) is not None:
            raise FileError(printable_path(os.path.join(target, name)), reason)


def _existing_root(target: str) -> str | None:
    """Return the root that the folder is or is in, as the reader would; ``None`` for a plain folder of sandboxes."""
    if os.path.isdir(os.path.join(target, *STORE)):
        return target
    real = os.path.realpath(target)
    return root_of(real) if os.path.isdir(real) else None
