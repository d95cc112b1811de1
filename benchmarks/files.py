"""JSON files instead of a database: as Kata's driver writes them, and as a careful driver would."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import msgspec
from whenever import OffsetDateTime

from persistdb import Container, ContainerState, Sandbox, SandboxState

from .contender import Contender
from .samples import LARGE, LARGE_SANDBOX, write, writes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from persistdb import SandboxWrite

_NAME = "persist.json"


def _time(_kind: type, text: str) -> OffsetDateTime:
    return OffsetDateTime.parse_iso(text)


_encode = msgspec.json.Encoder(enc_hook=lambda time: time.format_iso()).encode
_decode = msgspec.json.Decoder(ContainerState, dec_hook=_time).decode
_decode_sandbox = msgspec.json.Decoder(SandboxState).decode


class KataFiles(Contender):
    """A file for the sandbox and one for each container; each change rewrites all of them in place.

    ``virtcontainers/persist/fs`` does the same. Nothing is synced: a crash may leave half a file, or none.
    """

    name = "files as Kata's"
    skips = frozenset({"look_up", "save_many", "iterate"})

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        folder.mkdir()
        # the state that a runtime has in memory and writes as a whole
        self._held: dict[str, tuple[SandboxState, dict[str, ContainerState]]] = {}
        for sandbox in (*writes(size), write(LARGE_SANDBOX, LARGE)):
            assert sandbox.record is not None  # noqa: S101  a check for mypy
            self._held[sandbox.sid] = sandbox.record, dict(sandbox.containers)
            self._write_all(sandbox.sid)

    def close(self) -> None:
        """Remove the files."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def save(self, sid: str, cid: str, record: ContainerState) -> None:
        """Write all files of the sandbox."""
        self._held[sid][1][cid] = record
        self._changed(sid, cid)

    def transition(self, sid: str, cid: str, old: str, new: str) -> None:
        """Write all files of the sandbox."""
        containers = self._held[sid][1]
        if containers[cid].state != old:
            raise LookupError(cid)
        containers[cid] = msgspec.structs.replace(containers[cid], state=new)
        self._changed(sid, cid)

    def save_sandbox(self, record: SandboxState, containers: Mapping[str, ContainerState]) -> None:
        """Write all files of the sandbox."""
        self._held[record.sid] = record, dict(containers)
        self._write_all(record.sid)

    def save_many(self, writes: Iterable[SandboxWrite]) -> None:
        """Refuse: files are not compared in this."""
        raise NotImplementedError

    def get(self, sid: str, cid: str) -> tuple[str, str, ContainerState]:
        """Read one file."""
        return sid, cid, _decode((self.folder / sid / cid / _NAME).read_bytes())

    def look_up(self, prefix: str) -> object:
        """Refuse: files are not compared in this."""
        raise NotImplementedError

    def load_sandbox(self, sid: str) -> tuple[SandboxState, dict[str, ContainerState]]:
        """Read all files of the sandbox."""
        folder = self.folder / sid
        own = _decode_sandbox((folder / _NAME).read_bytes())
        cids = [entry.name for entry in os.scandir(folder) if entry.is_dir()]
        return own, {cid: _decode((folder / cid / _NAME).read_bytes()) for cid in cids}

    def iterate(self) -> Iterable[object]:
        """Refuse: files are not compared in this."""
        raise NotImplementedError

    def container(self, found: Any) -> Container:
        """Refuse: files have no revisions and timestamps, so only the records are compared."""
        raise NotImplementedError

    def sandbox(self, found: Any) -> Sandbox:
        """Refuse: files have no revisions and timestamps, so only the records are compared."""
        raise NotImplementedError

    def _changed(self, sid: str, cid: str) -> None:  # noqa: ARG002  CarefulFiles writes only this
        self._write_all(sid)

    def _write_all(self, sid: str) -> None:
        own, containers = self._held[sid]
        self._write(self.folder / sid, own)
        for cid, record in containers.items():
            self._write(self.folder / sid / cid, record)

    def _write(self, folder: Path, record: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / _NAME, "wb") as file:
            file.write(_encode(record))


class CarefulFiles(KataFiles):
    """The same files, but only changed ones are written: to a temporary file, synced, renamed, the folder synced."""

    name = "files, synced"

    def __init__(self, folder: Path, size: int) -> None:
        self._careful = False
        super().__init__(folder, size)
        self._careful = True

    def save_sandbox(self, record: SandboxState, containers: Mapping[str, ContainerState]) -> None:
        """Compare the containers with the ones in memory, and write the files that differ."""
        sid = record.sid
        _, old = self._held[sid]
        self._held[sid] = record, dict(containers)
        for cid, wanted in containers.items():
            if wanted != old.get(cid):
                self._changed(sid, cid)

    def _changed(self, sid: str, cid: str) -> None:
        self._write(self.folder / sid / cid, self._held[sid][1][cid])

    def _write(self, folder: Path, record: object) -> None:
        if not self._careful:
            super()._write(folder, record)
            return
        if not folder.exists():
            folder.mkdir()
            _sync(folder.parent)
        temporary = folder / ".persist.json"
        with open(temporary, "wb") as file:
            file.write(_encode(record))
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(folder / _NAME)
        _sync(folder)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def record_of(read: object) -> object:
    """Return the record that a read returned, without the IDs."""
    assert isinstance(read, tuple)  # noqa: S101  a check for mypy
    return read[-1]
