"""Import and export of runtimes' files, by persistdb's command line and by hand with the same parser."""

from __future__ import annotations

import contextlib
import filecmp
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from persistdb import SandboxWrite, cli
from persistdb.runtimes.kata import encode_container, encode_sandbox, read_trees, write_tree
from persistdb.runtimes.trees import locate
from persistdb.runtimes.trees import read_trees as read_any

from . import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from persistdb import ContainerState, Origin
    from persistdb.runtimes.tree import SandboxTree

    from .floor.base import Floor

# Runtimes' files are on a tmpfs (/run), and so are these if the machine has one.
_MEMORY = Path("/dev/shm")  # noqa: S108
# A pod of containerd's: the container that holds its namespaces, and the one that works.
_POD = Path(__file__).parents[1] / "tests/data/runc/1.1.5/run/containerd/runc/k8s.io"


def _folder(folder: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix="persistdb-tree-", dir=_MEMORY if _MEMORY.is_dir() else folder))


def make_runc(pods: int, folder: Path) -> Path:
    """Write a root of runc's with pods of two containers, in memory or else in the folder."""
    root = _folder(folder)
    files = {path.parent.name: path.read_text() for path in sorted(_POD.glob("*/state.json"))}
    for pod in range(pods):
        ids = {old: samples.cid(pod, number) for number, old in enumerate(files)}
        for old, text in files.items():
            for each, new in ids.items():
                text = text.replace(each, new)
            own = root / "k8s.io" / ids[old]
            own.mkdir(parents=True)
            (own / "state.json").write_text(text)
    return root


def annotated() -> tuple[ContainerState, Origin]:
    """Return a container of containerd's, whose files have annotations, as persistdb reads it."""
    (source,) = locate(_POD)
    return next(container for tree in read_any(source) for container in tree.containers.values())


def make(sandboxes: int, folder: Path) -> Path:
    """Write a tree of sandboxes of three containers, in memory or else in the folder."""
    root = _folder(folder)
    for number in range(sandboxes):
        own = root / "sbs" / samples.sid(number)
        own.mkdir(parents=True)
        (own / "persist.json").write_bytes(encode_sandbox(samples.sandbox(number), samples.LAYOUT))
        for cid, record in samples.containers(number).items():
            (own / cid).mkdir()
            (own / cid / "persist.json").write_bytes(encode_container(record, samples.LAYOUT))
    return root


def run(*arguments: str) -> None:
    """Run persistdb's command line in this process; raises RuntimeError unless its exit status is 0."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        status = cli.main(arguments)
    if status:
        raise RuntimeError(f"persistdb {' '.join(arguments[2:])}: exit status {status}\n{output.getvalue()}")


def import_ours(url: str, tree: Path, folder: str = "sbs") -> None:
    """Import the tree with ``persistdb import``."""
    run("--db", url, "--host", samples.HOST, "import", str(tree / folder))


def export_ours(url: str, target: Path) -> None:
    """Export all sandboxes with ``persistdb export``."""
    run("--db", url, "--host", samples.HOST, "export", "--to", str(target / "sbs"))


def import_by_hand(floor: Floor, tree: Path) -> None:
    """Import the tree with the same parser and the database's driver."""
    floor.save_many(_writes(tree))


def import_runc_by_hand(floor: Floor, tree: Path) -> None:
    """Import a root of runc's with the same parser and the database's driver."""
    (source,) = locate(tree / "k8s.io")
    floor.save_many(map(_write, read_any(source)))


def export_by_hand(floor: Floor, target: Path) -> None:
    """Export all sandboxes with the database's driver and the same writer."""
    for sandbox in floor.sandboxes():
        write_tree(sandbox, target / "sbs")


def _writes(tree: Path) -> Iterator[SandboxWrite]:
    return map(_write, read_trees([tree / "sbs"]))


def _write(sandbox: SandboxTree) -> SandboxWrite:
    return SandboxWrite(
        sid=sandbox.sid,
        record=sandbox.record,
        containers={cid: record for cid, (record, _) in sandbox.containers.items()},
        origins={cid: origin for cid, (_, origin) in sandbox.containers.items()},
    )


def same(one: Path, other: Path) -> bool:
    """Return whether two trees have the same files with the same bytes."""
    names = [sorted(path.relative_to(root) for path in root.rglob("*")) for root in (one, other)]
    files = [str(name) for name in names[0] if (one / name).is_file()]
    return names[0] == names[1] and filecmp.cmpfiles(one, other, files, shallow=False)[0] == files
