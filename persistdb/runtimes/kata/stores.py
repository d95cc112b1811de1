"""Read the folder of a sandbox or container in each of Kata's two stores."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from ..folders import printable_path
from ..stable import decode_when_stable
from .container import decode_container
from .oldstore import decode_old_container, decode_old_sandbox
from .paths import CONFIG, CONTAINER_FILES, LOCK, PERSIST, SANDBOX_FILES, STATE
from .sandbox import decode_sandbox

if TYPE_CHECKING:
    from ...records import ContainerState, Origin, SandboxState
    from ..folders import Files, Folder


class PersistStore:
    """The store since Kata 1.7: one persist.json in each folder."""

    own_file: Final = PERSIST
    """The file without which a folder is no sandbox or container."""

    def path_of(self, folder: Folder) -> str:
        """Return the printable path of the file that describes a sandbox or container."""
        return folder.join(PERSIST)

    def read_sandbox(self, folder: Folder, path: str, sid: str) -> SandboxState:
        """Read a sandbox's own file; errors name ``path``.

        Raises :class:`FileNotFoundError` if it is missing, and :class:`~persistdb.errors.FileError`.
        """
        return decode_when_stable(lambda: folder.read(PERSIST), lambda data: decode_sandbox(data, sid, path))

    def read_container(
        self,
        folder: Folder,
        path: str,
        cid: str,  # noqa: ARG002  OldStore needs it
    ) -> tuple[ContainerState, Origin]:
        """Read a container's file; raises as :meth:`read_sandbox` does."""
        return decode_when_stable(lambda: folder.read(PERSIST), lambda data: decode_container(data, path))


class OldStore:
    """The store of Kata 1.0 to 1.10: several files in each folder, and a config.json in a folder elsewhere.

    ``config`` is the sandbox's folder of config.json, if there is one; the containers' are in it.
    """

    own_file: Final = STATE
    """The file without which a folder is no sandbox or container."""

    def __init__(self, config: Folder | None) -> None:
        self._config = config

    def path_of(self, folder: Folder) -> str:
        """Return the printable path of the folder whose files describe a sandbox or container."""
        return printable_path(folder.path)

    def read_sandbox(self, folder: Folder, path: str, sid: str) -> SandboxState:
        """Read a sandbox's own files; errors name the file in ``path``.

        Raises :class:`FileNotFoundError` if state.json is missing, and :class:`~persistdb.errors.FileError`.
        """
        return decode_when_stable(
            lambda: _load(folder, SANDBOX_FILES, self._config),
            lambda files: decode_old_sandbox(files, sid, f"{path}/"),
        )

    def read_container(self, folder: Folder, path: str, cid: str) -> tuple[ContainerState, Origin]:
        """Read a container's files; raises as :meth:`read_sandbox` does."""
        with ExitStack() as stack:
            config = open_config(stack, self._config, cid)
            return decode_when_stable(
                lambda: _load(folder, CONTAINER_FILES, config),
                lambda files: decode_old_container(files, f"{path}/"),
            )


def open_config(stack: ExitStack, configs: Folder | None, name: str) -> Folder | None:
    """Open a folder of config.json until the stack is closed; ``None`` if it is missing."""
    if configs is None:
        return None
    try:
        return stack.enter_context(configs.folder(name))
    except FileNotFoundError:
        return None


def _load(folder: Folder, names: tuple[str, ...], config: Folder | None) -> tuple[Files, bool]:
    """Read the files of an old store that exist, and return whether any was written recently.

    Raises :class:`FileNotFoundError` if state.json is missing.
    """
    files: Files = {}
    any_recent = False
    for name in (*names, LOCK):
        try:
            data, is_recent = folder.read(name)
        except FileNotFoundError:
            if name == STATE:
                raise
            continue
        files[name] = data if name != LOCK else b""
        any_recent |= is_recent
    if config is not None and config.kind(CONFIG) is not None:
        files[CONFIG], is_recent = config.read(CONFIG)
        any_recent |= is_recent
    return files, any_recent
