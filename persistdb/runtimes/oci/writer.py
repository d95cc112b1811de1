"""Write containers' files back as they were read: the runtime owns them, so a changed container is refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import msgspec

from ...errors import FileError, InvalidValue
from ...private import make_private
from ...records import ContainerState
from ...validation import check_path, invalid_id
from ..folders import printable_path
from ..joined import split_files
from ..staging import Place, Staging, write_error
from ..tree import Written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...records import Container, Sandbox
    from ..folders import Files
    from ..runtime import Writing
    from .traits import Traits

_FOLDER_MODE: Final = 0o700


def write(traits: Traits, sandboxes: Iterable[Sandbox], destination: str, writing: Writing) -> Iterator[Written]:
    """Write a batch of sandboxes' containers into a folder, and yield the outcome for each sandbox.

    Each container gets a folder, as in a runtime's own: in the runtime's usual place below the folder if this is a
    root, else in the folder itself. A sandbox of which a container was changed, or cannot be written, has an error.
    """
    check_path("destination", destination)
    place = Place(destination, tuple(traits.places[0].split("/")) if writing.is_root else ())
    writing.clean(place)
    with Staging(destination, replace=writing.replace) as staging:
        outcomes = [_staged(traits, staging, place, sandbox, writing) for sandbox in sandboxes]
        failed = staging.put_in_place()
    for outcome in outcomes:
        errors = [failed[cid] for cid in outcome.sandbox.containers if cid in failed]
        yield outcome._replace(error=errors[0]) if outcome.error is None and errors else outcome


def _staged(traits: Traits, staging: Staging, place: Place, sandbox: Sandbox, writing: Writing) -> Written:
    try:
        files = {
            cid: _files(traits, place, container, writing) for cid, container in sorted(sandbox.containers.items())
        }
        try:
            make_private(place.root)
            place.make(_FOLDER_MODE)
            for cid in files:
                path = _path(place, cid)
                if path in writing.taken:
                    other = writing.taken[path]
                    raise FileError(path, f"not written: sandbox {other!r} is written here, or a container of it")
                staging.check_free(place, cid)
            writing.taken.update((_path(place, cid), sandbox.record.sid) for cid in files)
            for cid, own in files.items():
                staging.add(place, cid, {"": own}, traits.folder_mode)
        except OSError as error:
            raise write_error(_path(place, sandbox.record.sid), error) from error
    except (FileError, InvalidValue) as error:
        return Written(sandbox, [], error)
    return Written(sandbox, [])


def _files(traits: Traits, place: Place, container: Container, writing: Writing) -> Files:
    """Return a container's files as they were read; raises :class:`~persistdb.errors.FileError` if it was changed."""
    path = _path(place, container.cid)
    if (reason := invalid_id(container.cid)) is not None:
        raise FileError(path, reason)
    if writing.layout is not None:
        raise FileError(path, f"not written: layout {writing.layout!r} is Kata's, and the container is {traits.name}'s")
    if container.origin.document is None or container.origin.layout != traits.name:
        raise FileError(path, f"not written: the container was not read from files of {traits.name}, which owns them")
    try:
        files = {name: text.encode() for name, text in split_files(container.origin.document).items()}
        read = traits.decode(files, f"{path}/").record
    except (ValueError, KeyError, FileError) as error:
        raise InvalidValue("document", container.origin.document, f"container {container.cid!r}'s: {error}") from None
    changed = _differences(read, container.record)
    if changed:
        raise FileError(
            path,
            f"not written: {', '.join(changed)} changed since the import, and the files are {traits.name}'s alone; "
            "import them again to have what they say",
        )
    return {name: files[name] for name in traits.files}


def _differences(read: ContainerState, stored: ContainerState) -> list[str]:
    """Name the attributes that differ, but for the state and the time of a start: no file has them."""
    stored = msgspec.structs.replace(
        stored,
        state=read.state,
        processes=[msgspec.structs.replace(process, start_time=None) for process in stored.processes],
    )
    names = [field.name for field in msgspec.structs.fields(ContainerState)]
    return [name for name in names if getattr(read, name) != getattr(stored, name)]


def _path(place: Place, name: str) -> str:
    return printable_path(os.path.join(place.root, *place.steps, name))
