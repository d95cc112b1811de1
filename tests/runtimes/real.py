"""Real containers of runc and crun: a bundle with BusyBox, and the commands that make and end them."""

from __future__ import annotations

import json
import os
import secrets
import select
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

import pytest

BUSYBOX: Final = "/bin/busybox"

# crun 1.8 refuses a machine with both versions of cgroups, so it runs where the second one is not to be seen
_WITHOUT_UNIFIED: Final = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"'
_CONFIG: Final[dict[str, Any]] = {
    "ociVersion": "1.0.2",
    "process": {"user": {"uid": 0, "gid": 0}, "args": [BUSYBOX, "sleep", "1000"], "cwd": "/"},
    "root": {"path": "rootfs", "readonly": True},
    "hostname": "test",
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755"]},
    ],
    "linux": {"namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]},
}
USER_NAMESPACE: Final[dict[str, Any]] = {
    "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount", "user")],
    "uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
    "gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
}


class Real:
    """A root of one runtime, with containers that are ended at the end."""

    def __init__(self, name: str) -> None:
        self.name = name
        # not in pytest's folder: in a user namespace root is nobody outside, and must come in
        self._folder = Path(tempfile.mkdtemp(prefix="persistdb-"))
        self._folder.chmod(0o755)
        self.root = self._folder / "root"
        self._ids: list[str] = []
        self.root.mkdir()

    def cid(self, name: str) -> str:
        """Return an ID that no other test's containers have: IDs name cgroups of the machine."""
        return f"persistdb-{secrets.token_hex(4)}-{name}"

    def create(self, cid: str, *, start: bool = False, **config: Any) -> None:
        """Create a container from a bundle, and start it; skip the test where the machine does not allow that."""
        bundle = self._folder / f"bundle-{cid}"
        for name in ("bin", "proc", "dev", "data", "tmp"):
            (bundle / "rootfs" / name).mkdir(parents=True)
        shutil.copy(program("busybox") or "", bundle / "rootfs" / BUSYBOX[1:])
        (bundle / "config.json").write_text(json.dumps(_CONFIG | config))
        self._ids.append(cid)
        done = self._run("create", "--bundle", str(bundle), cid, check=False)
        if done.returncode:
            pytest.skip(f"{self.name} cannot create this container here: {_log(self._folder)}")
        if start:
            self.run("start", cid)

    def run(self, *words: str) -> None:
        """Run a command of the runtime."""
        self._run(*words)

    def state(self, cid: str) -> dict[str, Any]:
        """Return what the runtime itself says of a container."""
        state: dict[str, Any] = json.loads(self._run("state", cid, output=subprocess.PIPE).stdout)
        return state

    def end(self, cid: str) -> None:
        """Kill a container's process, and wait for its end."""
        fd = os.pidfd_open(self.state(cid)["pid"])
        try:
            self.run("kill", cid, "KILL")
            assert select.select([fd], [], [], 30)[0]
        finally:
            os.close(fd)

    def close(self) -> None:
        """Delete all containers."""
        for cid in self._ids:
            self._run("delete", "--force", cid, check=False)
        shutil.rmtree(self._folder)

    def _run(
        self, *words: str, check: bool = True, output: int = subprocess.DEVNULL
    ) -> subprocess.CompletedProcess[bytes]:
        command = [program(self.name) or "", "--root", str(self.root), *words]
        if self.name == "crun":
            command = ["unshare", "--mount", "sh", "-c", _WITHOUT_UNIFIED, "sh", *command]
        # no pipe for stderr: a container's process would keep it open
        with (self._folder / "log").open("wb") as log:
            return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=log, check=check, timeout=60)


def _log(folder: Path) -> str:
    return (folder / "log").read_text().strip().replace("\n", " ")


def program(name: str) -> str | None:
    """Return the path of a program, which may be one for administrators; ``None`` if it is not installed."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def missing(name: str) -> str | None:
    """Return why a runtime cannot run here, ``None`` if it can."""
    for needed in (name, "busybox", "unshare"):
        if program(needed) is None:
            return f"{needed} is not installed"
    return None if os.geteuid() == 0 else "containers are made as root"
