"""``import`` and ``export``: the files that were imported are exported, and bad files are reported."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerState, Process, SandboxState
from persistdb.ingest import importer
from persistdb.runtimes import trees
from persistdb.store.batches import batches
from tests.ingest.files import other, tree
from tests.runtimes.containers import CRUN, PODMAN_APP, RUNC, crun_files, runc_state
from tests.runtimes.kata.trees import CONTAINERS, DATA, PLAIN, SAMPLES, SANDBOX, contents, make

from .program import HOST, Program, on_terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

STORE = "run/vc/sbs"


GOOD = tree("good", c=PLAIN)


# --- there and back


@pytest.mark.parametrize("name", SAMPLES)
def test_round_trip(absent: Program, tmp_path: Path, name: str) -> None:
    """Every sample is exported byte for byte, from its root into a root."""
    done = absent("import", DATA / name)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("imported 1 sandbox with ")
    assert done.out.endswith(f" into {absent.url}, host '{HOST}'\n")
    out = tmp_path / "out"
    (out / STORE).mkdir(parents=True)
    done = absent("export", "--to", out)
    assert (done.status, done.err) == (0, "")
    assert contents(out) == contents(DATA / name)


def test_round_trip_of_all(persistdb: Program, tmp_path: Path) -> None:
    """Several trees are imported at once and exported at once."""
    for name in SAMPLES:
        assert persistdb("import", DATA / name / STORE, host=name).status == 0
        assert persistdb("export", "--to", tmp_path / name / STORE, host=name).status == 0
        found = {path: data for path, data in contents(DATA / name).items() if path.startswith(STORE)}
        assert contents(tmp_path / name) == found
    assert persistdb("import", *(DATA / name for name in SAMPLES[:4])).out.startswith("imported 4 sandboxes with ")


def test_lone_container(persistdb: Program, tmp_path: Path) -> None:
    """A container of Kata 4.1 is exported byte for byte within a sandbox."""
    (path,) = (path for path in CONTAINERS if path.name == "container-persist.json")
    make(tmp_path / "in", tree(c=path.read_bytes()))
    assert persistdb("import", tmp_path / "in").status == 0
    assert persistdb("export", "--to", tmp_path / "out").status == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "in")


def test_import_replaces_the_sandbox_alone(persistdb: Program, tmp_path: Path) -> None:
    """A sandbox that is imported again loses the containers that are gone; other sandboxes and hosts stay."""
    make(tmp_path / "a", tree("s", x=other("1"), y=other("2")) | tree("t", z=PLAIN))
    persistdb("import", tmp_path / "a")
    persistdb("import", tmp_path / "a", host="node-2")
    make(tmp_path / "b", tree("s", y=other("2", "stopped")))
    assert persistdb("import", tmp_path / "b" / "s").status == 0
    rows = persistdb("ls", "--all-hosts", "--sort", "host", "--format", "json").rows
    assert [(row["host"], row["sid"], row["cid"], row["state"]) for row in rows] == [
        (HOST, "s", "y", "stopped"),
        (HOST, "t", "z", "running"),
        ("node-2", "s", "x", "running"),
        ("node-2", "s", "y", "running"),
        ("node-2", "t", "z", "running"),
    ]


# --- bad input

BAD = {
    "empty": (b"", ""),
    "cut": (PLAIN[:90], ""),
    "nuls": (b"\0" * 100, ""),
    "no UTF-8": (PLAIN.replace(b"proc", b"\xff\xfe\xfd", 1) + b"\xff", ""),
    "list": (b"[]", ""),
    "wrong type": (PLAIN.replace(b'"/c"', b"[1]"), "CgroupPath"),
    "wrong type inside": (PLAIN.replace(b'["nosuid"]', b"[5]"), "Mounts[0].Options[0]"),
    "above uint32": (PLAIN.replace(b"438", b"4294967296"), "DeviceMaps[0].FileMode"),
    "no time": (PLAIN.replace(b"2023-10-01T", b"2023-13-01T"), "Process.StartTime"),
    "nul in text": (PLAIN.replace(b"nosuid", b"no\\u0000suid"), "Mounts[0].Options[0]"),
    "deep": (b'{"New":' + b"[" * 100_000 + b"]" * 100_000 + b"}", ""),
    "deep for MariaDB": (PLAIN[:-2] + b',"New":' + b"[" * 31 + b"]" * 31 + b"}\n", 'not stored: extra: "New"'),
    "long state": (PLAIN.replace(b"running", b"x" * 256), "not stored: state"),
    "long token": (PLAIN.replace(b'"t"', b'"%s"' % (b"t" * 513)), "not stored: token"),
    "huge": (100 << 20, ""),
    "symlink": ("/etc/hostname", ""),
    "folder": (None, ""),
}


def put(path: Path, data: object) -> None:
    """Replace a file with data, a symlink, a folder (None), or so many bytes of zeros."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if data is None:
        path.mkdir()
    elif isinstance(data, str):
        path.symlink_to(data)
    elif isinstance(data, int):
        with path.open("wb") as file:
            file.truncate(data)
    else:
        path.write_bytes(data)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [kind for kind in BAD if kind != "no UTF-8"])
def test_damaged_container(persistdb: Program, tmp_path: Path, kind: str) -> None:
    """A bad container file is one line with its path and key; its stored version stays, and the rest is imported."""
    make(tmp_path, GOOD | tree(bad=other("1"), x=other("2")))
    assert persistdb("import", tmp_path).status == 0
    make(tmp_path, tree("good", c=other("t", "stopped")) | tree(x=other("2", "stopped")))
    data, key = BAD[kind]
    put(tmp_path / "s/bad/persist.json", data)
    done = persistdb("import", tmp_path)
    assert done.status == 1
    (line,) = done.err.splitlines()
    where = f"persistdb: {tmp_path}/s/bad/persist.json: "
    assert line.startswith(f"{where}{key}: " if key else where)
    assert len(line) < 500
    assert done.out == f"imported 2 sandboxes with 2 containers into {persistdb.url}, host '{HOST}'; 1 fault\n"
    rows = persistdb("ls", "--format", "json").rows
    assert [(row["cid"], row["state"]) for row in rows] == [("c", "stopped"), ("bad", "running"), ("x", "stopped")]


@pytest.mark.parametrize("kind", [kind for kind in BAD if not BAD[kind][1]])
def test_damaged_sandbox(persistdb: Program, tmp_path: Path, kind: str) -> None:
    """A sandbox whose own file is bad stays as stored, including containers that have no files."""
    make(tmp_path, GOOD | tree(x=other("1"), y=other("2")))
    persistdb("import", tmp_path)
    with persistdb.repository() as repository:
        before = repository.load_sandbox("s").record
    make(tmp_path, tree(x=other("1", "stopped")))
    (tmp_path / "s/y/persist.json").unlink()
    put(tmp_path / "s/persist.json", BAD[kind][0])
    done = persistdb("import", tmp_path)
    assert done.status == 1
    assert [line.split(": ")[1] for line in done.err.splitlines()] == [f"{tmp_path}/s/persist.json"]
    with persistdb.repository() as repository:
        after = repository.load_sandbox("s")
    assert after.record == before
    assert {cid: one.record.state for cid, one in after.containers.items()} == {"x": "stopped", "y": "running"}


def test_damaged_sandbox_that_is_new(persistdb: Program, tmp_path: Path) -> None:
    """The containers of a sandbox whose own file was never good are stored."""
    make(tmp_path / "in", tree(x=PLAIN) | {"s/persist.json": b"{"})
    assert persistdb("import", tmp_path / "in").status == 1
    assert persistdb("ls", "-q").out == "s/x\n"
    done = persistdb("export", "--to", tmp_path / "out")
    assert done.err == "note: s: sandbox file regenerated: only its containers' files were imported\n"
    assert (tmp_path / "out/s/x/persist.json").read_bytes() == PLAIN


LONG_STATE = SANDBOX.replace(b"running", b"x" * 256)


def test_sandbox_that_cannot_be_stored(persistdb: Program, tmp_path: Path) -> None:
    """Values that not every engine can hold are a fault of the sandbox's own file alone; its containers are stored."""
    make(tmp_path, tree(x=other("1")) | {"s/persist.json": LONG_STATE, "s/y/persist.json": BAD["long state"][0]})
    done = persistdb("import", tmp_path)
    assert done.status == 1
    places = [line.split(": ")[1] for line in done.err.splitlines()]
    assert places == [f"{tmp_path}/s/persist.json", f"{tmp_path}/s/y/persist.json"]
    assert persistdb("ls", "-q").out == "s/x\n"


def test_sandbox_of_which_nothing_can_be_stored(persistdb: Program, tmp_path: Path) -> None:
    """A sandbox of which neither its own values nor a container can be stored is left out."""
    make(tmp_path, GOOD | {"s/persist.json": LONG_STATE, "s/y/persist.json": BAD["long state"][0]})
    done = persistdb("import", tmp_path)
    assert done.out.endswith("'; 1 sandbox left out; 2 faults\n")
    with persistdb.repository() as repository:
        assert repository.sandbox_ids() == ["good"]


def test_old_store_that_cannot_be_stored(persistdb: Program, tmp_path: Path) -> None:
    """A container of an old store that cannot be stored is named by its folder, since it has several files."""
    old = {"s/state.json": b'{"state":"running"}', "s/a/state.json": b'{"state":"ready","fstype":""}'}
    make(tmp_path, old | {"s/b/state.json": b'{"state":"%s","fstype":""}' % (b"x" * 256)})
    done = persistdb("import", tmp_path)
    assert done.err.startswith(f"persistdb: {tmp_path}/s/b: not stored: state: ")
    assert persistdb("ls", "-q").out == "s/a\n"


def test_folder_too_high(persistdb: Program, tmp_path: Path) -> None:
    """The folder above the sandboxes is not taken for a sandbox, nor their files for files of containers."""
    make(tmp_path, {f"sbs/{path}": data for path, data in GOOD.items()})
    done = persistdb("import", tmp_path / "sbs" / "..")
    assert done.status == 1
    assert "is the file of a sandbox where a container's should be" in done.err
    assert persistdb("ls", "-q").out == ""


@pytest.mark.parametrize(
    ("bad", "data"),
    [
        ("s/persist.json", b"{"),
        ("s/x/persist.json", b"{"),
        ("s/persist.json", LONG_STATE),
        ("s/x/persist.json", BAD["long state"][0]),
    ],
)
def test_strict(persistdb: Program, tmp_path: Path, bad: str, data: bytes) -> None:
    """``--strict`` leaves out a whole sandbox for any fault in it, and imports the others."""
    make(tmp_path, GOOD | tree(x=other("1"), y=other("2")) | {bad: data})
    done = persistdb("import", "--strict", tmp_path)
    assert done.status == 1
    assert done.err.count("\n") == 1
    assert done.out.endswith("'; 1 sandbox left out; 1 fault\n")
    assert persistdb("ls", "-q").out == "good/c\n"


def test_bad_ids(persistdb: Program, tmp_path: Path) -> None:
    """A folder whose name is no ID is named, escaped, and not stored."""
    make(tmp_path, GOOD | tree("..s", c=PLAIN) | {"good/.c\x1b[2J/persist.json": PLAIN})
    os.rename(tmp_path / "good/c", os.fsencode(tmp_path / "good") + b"/\xff")
    done = persistdb("import", tmp_path)
    assert done.status == 1
    places = [line.split(": ")[1] for line in done.err.splitlines()]
    assert sorted(places) == sorted([f"{tmp_path}/..s", f"{tmp_path}/good/.c\\x1b[2J", f"{tmp_path}/good/\\udcff"])
    assert persistdb("ls", "-q").out == ""


def test_duplicate_token(persistdb: Program, tmp_path: Path) -> None:
    """A sandbox in which two containers have one token is left out, and the error names both; others are imported."""
    make(tmp_path, GOOD | tree(x=PLAIN, y=PLAIN) | tree("z", c=PLAIN))
    done = persistdb("import", tmp_path)
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert line.startswith(f"persistdb: {tmp_path}/s: not stored: process token 't' is used by ")
    assert {"x", "y"} <= set(line.replace(":", "").split())
    assert done.out.endswith("'; 1 sandbox left out; 1 fault\n")
    assert persistdb("ls", "-q").out == "good/c\nz/c\n"


_WITHOUT_RIGHTS = """
import os, sys
from persistdb.cli import main
main(["--db", sys.argv.pop(1), "import", sys.argv.pop(1)])  # loads code that other users may not be able to read
if os.getuid() == 0:  # which may read everything
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
sys.exit(main())
"""


@pytest.mark.slow
def test_no_permission(persistdb: Program, tmp_path: Path) -> None:
    """Files without read permission are named, and everything else is imported."""
    with tempfile.TemporaryDirectory() as public:  # tmp_path is below a folder of the user's alone
        os.chmod(public, 0o777)
        folder = make(Path(public) / "sbs", GOOD | tree(c=other("1"), d=other("2")))
        for path in ("s/c", "s/d/persist.json"):
            (folder / path).chmod(0)
        persistdb.url = f"sqlite:///{public}/x.db"
        first = [f"sqlite:///{tmp_path}/first.db", str(folder / "good")]
        words = [sys.executable, "-c", _WITHOUT_RIGHTS, *first, *persistdb.words("import", folder)[3:]]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        (folder / "s/c").chmod(0o700)
        assert done.stderr.splitlines() == [
            f"persistdb: {folder}/s/c: may not be read: permission denied",
            f"persistdb: {folder}/s/d/persist.json: may not be read: permission denied",
        ]
        assert done.returncode == 1
        assert persistdb("ls", "-q").out == "good/c\n"


def test_runtime_rs(persistdb: Program, tmp_path: Path) -> None:
    """State of runtime-rs, which has no containers, is refused with the reason."""
    make(tmp_path, {"s/state.json": b'{"sandbox_type":"virt_container","resource":null,"hypervisor":null}'})
    done = persistdb("import", tmp_path)
    assert done.status == 1
    assert "runtime-rs" in done.err


def test_state_of_another_runtime(persistdb: Program, tmp_path: Path) -> None:
    """A state.json that no runtime wrote is a fault, and nothing is imported; so it is if another runtime is meant."""
    make(tmp_path, {"c/state.json": b'{"id":"c","init_process_pid":7}', "r/state.json": runc_state("r")})
    done = persistdb("import", tmp_path / "c", tmp_path / "none")
    assert done.status == 1
    assert done.err.startswith(f"persistdb: {tmp_path}/c/state.json: is of no runtime that is known")
    done = persistdb("import", "--runtime", "kata", tmp_path / "r")
    assert done.status == 1
    assert done.err.startswith(f"persistdb: {tmp_path}/r/state.json: is not Kata's")
    assert persistdb("ls", "-q").out == ""
    done = persistdb("import", "--runtime", "docker", tmp_path)
    assert done.status == 2
    assert "kata, runc, crun, youki" in done.err


def test_all_runtimes(persistdb: Program, tmp_path: Path) -> None:
    """A root with the files of several runtimes goes in by one command, which says what is where, and comes back."""
    for sample in (DATA / "3.29.0", RUNC, CRUN):
        shutil.copytree(sample, tmp_path / "in", dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "in/run/runc/userns")  # crun's sample has one of this name
    done = persistdb("import", tmp_path / "in")
    assert done.status == 0
    assert done.err.splitlines() == [
        f"note: {tmp_path}/in/run/vc/sbs holds 1 sandbox of kata",
        _stateless(f"{tmp_path}/in/run/runc", 2),
        f"note: {tmp_path}/in/run/runc holds 2 sandboxes of runc",
        _stateless(f"{tmp_path}/in/run/containerd/runc/k8s.io", 2),
        f"note: {tmp_path}/in/run/containerd/runc/k8s.io holds 1 sandbox of runc",
        _stateless(f"{tmp_path}/in/run/crun", 3),
        f"note: {tmp_path}/in/run/crun holds 2 sandboxes of crun",
    ]
    assert len(persistdb("ls", "-q").out.splitlines()) == 10
    assert {row["cid"] for row in persistdb("ls", "--format", "json", "state=ready").rows} == {"web-1"}
    # of a copy no start time is known, but who has a process was started
    assert {row["cid"] for row in persistdb("report", "unstarted", "--format", "json").rows} == {"web-1"}
    shown = persistdb("show", PODMAN_APP).out
    assert "c 10:229" in shown
    assert "rbind,ro,rslave" in shown
    (tmp_path / "out/run/vc/sbs").mkdir(parents=True)
    assert persistdb("export", "--to", tmp_path / "out").status == 0
    wanted = {path.replace("containerd/runc/k8s.io", "runc"): data for path, data in contents(tmp_path / "in").items()}
    assert contents(tmp_path / "out") == wanted


def _stateless(path: str, number: int) -> str:
    return (
        f"note: {path}: the files do not tell the state of {number} of its containers; "
        "if they are this machine's own, import them live (--live)"
    )


def test_pod_of_two_runtimes(persistdb: Program, tmp_path: Path) -> None:
    """Containers of one pod by two runtimes in one folder: the second sandbox is a fault, and takes nothing away."""
    pod = "io.kubernetes.cri.sandbox-id"
    make(tmp_path / "a", {"state.json": runc_state("a", labels=[f"{pod}=p"])})
    make(tmp_path / "b", crun_files(annotations={pod: "p"}))
    done = persistdb("import", "--live", tmp_path)
    assert done.status == 1
    assert f"{tmp_path}/p: not stored: a sandbox of runc with its ID is in {tmp_path}, too" in done.err
    assert persistdb("ls", "-q").out == "p/a\n"


def test_changed_container_of_runc(persistdb: Program, tmp_path: Path) -> None:
    """A container of runc's that was changed in the database is not exported, and the reason is named."""
    make(tmp_path / "in/c", {"state.json": runc_state()})
    persistdb("import", tmp_path / "in")
    with persistdb.repository() as repository:
        repository.update("c", "c", lambda record: record.replace(bundle_path="/other"))
    done = persistdb("export", "--to", tmp_path / "out")
    assert done.status == 3
    assert f"{tmp_path}/out/c: not written: bundle_path changed since the import" in done.err


def test_one_id_at_two_places(persistdb: Program, tmp_path: Path) -> None:
    """A sandbox ID that a root holds twice is stored once, and the second one is a fault."""
    for place in ("runc", "containerd/runc/default"):
        make(tmp_path / "run" / place / "c", {"state.json": runc_state()})
    done = persistdb("import", tmp_path)
    assert done.status == 1
    assert f"{tmp_path}/run/containerd/runc/default/c: not stored: a sandbox of runc with its ID is in" in done.err
    assert persistdb("ls", "-q").out == "c/c\n"


def test_usual_places(persistdb: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a path the usual places of this machine are read; if there is none, the message names them."""
    monkeypatch.setattr(trees, "_ROOT", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "xdg"))
    done = persistdb("import")
    assert done.status == 3
    assert "/run/vc/sbs, /run/runc" in done.err
    make(tmp_path, {"run/runc/c/state.json": runc_state(), "xdg/crun/d/status": crun_files()["status"]})
    make(tmp_path / "xdg/crun/d", crun_files())
    done = persistdb("import", "--live")
    assert done.status == 0
    assert done.err.splitlines() == [
        f"note: {tmp_path}/run/runc holds 1 sandbox of runc",
        f"note: {tmp_path}/xdg/crun holds 1 sandbox of crun",
    ]
    assert persistdb("ls", "--format", "json").rows[0]["state"] == "stopped"


def test_prune(persistdb: Program, tmp_path: Path) -> None:
    """What is gone from the folder is said, and removed with ``--prune``; the word behind it is a path."""
    make(tmp_path / "in", GOOD | tree("old", c=PLAIN))
    persistdb("import", tmp_path / "in")
    shutil.rmtree(tmp_path / "in/old")
    done = persistdb("import", tmp_path / "in")
    gone = f"note: {tmp_path}/in no longer has 1 stored sandbox; --prune removes it\n"
    assert (done.status, done.err) == (0, gone)
    done = persistdb("import", "--prune", tmp_path / "in")
    assert (done.status, done.err) == (0, "note: removed sandbox old, which its folder no longer has\n")
    assert done.out.endswith("; 1 sandbox removed\n")
    shutil.rmtree(tmp_path / "in/good")
    done = persistdb("import", tmp_path / "in", "--prune")
    assert done.status == 1
    assert done.err.splitlines()[1] == (
        f"persistdb: {tmp_path}/in: no longer has 1 stored sandbox, but is empty: if that is meant, --prune=empty "
        "removes what was in it"
    )
    assert persistdb("import", "--prune=empty", tmp_path / "in").status == 0
    assert persistdb("ls", "-q").out == ""
    assert persistdb("import", "--prune=all", tmp_path / "in").status == 2


def test_paths(persistdb: Program, tmp_path: Path) -> None:
    """A missing path is named and the others are imported; if no path can be read, the status is 3."""
    make(tmp_path / "in", GOOD)
    done = persistdb("import", tmp_path / "none", tmp_path / "in")
    assert (done.status, done.err) == (1, f"persistdb: {tmp_path}/none: does not exist\n")
    assert persistdb("ls", "-q").out == "good/c\n"
    assert persistdb("import", tmp_path / "none").status == 3
    (tmp_path / "empty").mkdir()
    done = persistdb("import", tmp_path / "empty")
    assert (done.status, done.err) == (0, f"note: {tmp_path}/empty holds no sandbox\n")


def test_batches(persistdb: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sandboxes are stored in batches, and a bad one in a batch does not affect the others."""
    files: dict[str, bytes] = {}
    for number in range(10):
        files |= tree(f"s{number}", a=other("1"), b=other("1" if number == 5 else "2"))
    make(tmp_path, files)
    monkeypatch.setattr(importer, "batches", functools.partial(batches, size=12))
    done = persistdb("import", tmp_path)
    assert done.out.startswith("imported 9 sandboxes with 18 containers")
    assert f"{tmp_path}/s5: not stored" in done.err
    assert persistdb("ls", "-q").out.count("\n") == 18


@pytest.mark.slow
def test_progress(persistdb: Program, tmp_path: Path) -> None:
    """A long import shows its progress on a terminal, with faults above it."""
    make(tmp_path, GOOD | tree("t", c=PLAIN) | tree("u", **{"[red]x\x1b": b"{"}))
    script = "import functools, sys; from persistdb.cli import main, progress; from persistdb.ingest import importer\n"
    script += "progress._PATIENCE = 0; importer.batches = functools.partial(importer.batches, size=1); sys.exit(main())"
    shown = on_terminal(
        [sys.executable, "-c", script, *persistdb.words("import", tmp_path)[3:]], stream="stderr", columns=200
    )
    assert "imported 3 sandboxes with 2 containers" in shown
    assert f"persistdb: {tmp_path}/u/[red]x\\x1b/persist.json: " in shown


# --- killed

_KILLED = """
import functools, os, signal, sys
from persistdb.cli import main
from persistdb.ingest import importer
from persistdb.runtimes import trees
importer.batches = functools.partial(importer.batches, size=12)
last_call, calls, run = int(sys.argv.pop(1)), 0, importer.Importer.run
def profile(*_):
    global calls
    calls += 1
    if calls == last_call:
        os.kill(os.getpid(), signal.SIGKILL)
def watched(*arguments):
    sys.setprofile(profile)
    try:
        return run(*arguments)
    finally:
        sys.setprofile(None)
importer.Importer.run = watched
main()
print(calls)
"""


@pytest.mark.slow
def test_killed_import(persistdb: Program, tmp_path: Path) -> None:
    """An import that is killed at any point leaves each sandbox wholly old or wholly new."""

    def files(state: str, *cids: str) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for number in range(48):
            found |= tree(f"s{number:02}", **{cid: other(cid, state) for cid in cids})
        return found

    make(tmp_path / "old", files("running", "a", "b", "c"))
    make(tmp_path / "new", files("stopped", "b", "c", "d"))
    old, new = dict.fromkeys("abc", "running"), dict.fromkeys("bcd", "stopped")

    def run(last_call: int) -> str:
        words = [sys.executable, "-c", _KILLED, str(last_call), *persistdb.words("import", tmp_path / "new")[3:]]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == (-9 if last_call else 0)
        return done.stdout

    def state() -> list[Mapping[str, str]]:
        with persistdb.repository() as repository:
            found = list(repository.load_sandboxes())
        assert len(found) == 48
        return [{cid: one.record.state for cid, one in sandbox.containers.items()} for sandbox in found]

    persistdb("import", tmp_path / "old")
    total = int(run(0).splitlines()[-1])
    parts = 9
    mixed = 0
    for part in range(parts):
        persistdb("import", tmp_path / "old")
        assert state() == [old] * 48
        run(total * part // parts + 1)
        after = state()
        assert all(one in (old, new) for one in after)
        mixed += old in after and new in after
    assert mixed > parts // 3
    assert persistdb("import", tmp_path / "new").status == 0
    assert state() == [new] * 48


# --- export


@pytest.fixture
def filled(persistdb: Program, tmp_path: Path) -> Program:
    """Store two good sandboxes, and one from Python that not every layout can hold."""
    make(tmp_path / "in", tree("a", c=PLAIN) | tree("b", c=PLAIN))
    persistdb("import", tmp_path / "in")
    with persistdb.repository() as repository:
        two = ContainerState(processes=[Process(token="1"), Process(token="2")])
        repository.save_sandbox(SandboxState(sid="m"), {"c": two})
    return persistdb


def test_export_some(filled: Program, tmp_path: Path) -> None:
    """The named sandboxes are written, each once; an unknown one makes the status 1, or 3 if it is the only one."""
    done = filled("export", "b", "b", "--to", tmp_path / "out")
    assert (done.status, done.out) == (0, f"exported 1 sandbox with 1 container to {tmp_path}/out\n")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b"]
    done = filled("export", "none", "a", "--to", tmp_path / "out")
    assert (done.status, done.err) == (1, f"persistdb: no sandbox 'none' on host '{HOST}'\n")
    assert (tmp_path / "out/a/persist.json").exists()
    assert filled("export", "none", "--to", tmp_path / "out").status == 3
    done = filled("export", "\udcff", "b", "--to", tmp_path / "out", "--replace")
    assert (done.status, done.out) == (1, f"exported 1 sandbox with 1 container to {tmp_path}/out\n")


def test_export_by_the_beginning_of_an_id(persistdb: Program, tmp_path: Path) -> None:
    """A sandbox is exported by a unique prefix of its ID, as tables on a terminal show it."""
    make(tmp_path / "in", GOOD | tree("god", c=PLAIN))
    persistdb("import", tmp_path / "in")
    done = persistdb("export", "goo", "good", "go", "--to", tmp_path / "out")
    assert (done.status, done.err.count("fits more than one sandbox: god, good")) == (1, 1)
    assert contents(tmp_path / "out") == GOOD


def test_export_goes_on(filled: Program, tmp_path: Path) -> None:
    """A sandbox that cannot be written is named, and the others are written: status 1, or 3 if none was written."""
    done = filled("export", "--to", tmp_path / "out")
    assert done.status == 1
    assert "no place for" in done.err
    assert done.err.count("\n") == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "b"]
    assert filled("export", "m", "--to", tmp_path / "out").status == 3
    assert filled("export", "--to", tmp_path / "out").status == 3


def test_export_allow_loss(filled: Program, tmp_path: Path) -> None:
    """``--allow-loss`` writes what the layout can hold, and lists what was left out."""
    done = filled("export", "m", "--to", tmp_path / "out", "--allow-loss")
    assert done.status == 0
    assert done.err.startswith("note: m: left out: c: ")


def test_export_layout(filled: Program, tmp_path: Path) -> None:
    """``--layout`` writes another layout; an unknown one is misuse, and the error lists the known ones."""
    assert filled("export", "a", "--to", tmp_path / "out", "--layout", "3.28").status == 0
    assert b'"Shared":false' in (tmp_path / "out/a/c/persist.json").read_bytes()
    done = filled("export", "--to", tmp_path / "x", "--layout", "5.0")
    assert done.status == 2
    assert "old-1.0" in done.err
    assert not (tmp_path / "x").exists()


def test_export_for_a_release(persistdb: Program, tmp_path: Path) -> None:
    """``--layout`` takes a Kata release: renamed keys keep their values, and what it cannot read is named."""
    own = b'{"State":"","SandboxContainer":"s","SandboxCgroupPath":"/c","Config":{"HypervisorConfig":{"MemOffset":%d}}}'
    make(tmp_path / "in", {"s/persist.json": own % 2**32, "t/persist.json": own % 7})
    assert persistdb("import", tmp_path / "in").status == 0
    done = persistdb("export", "--to", tmp_path / "out", "--layout", "2.1")
    assert (done.status, done.out) == (1, f"exported 1 sandbox with 0 containers to {tmp_path}/out\n")
    assert done.err.startswith(
        "persistdb: s: layout '2.1' has no place for the sandbox's Config.HypervisorConfig.MemOffset "
        "(4294967296 is out of range for uint32: 0 to 4294967295)"
    )
    assert contents(tmp_path / "out") == {"t/persist.json": own.replace(b"SandboxCgroup", b"Cgroup") % 7}


def test_export_replace(filled: Program, tmp_path: Path) -> None:
    """An existing sandbox is replaced only on request."""
    make(tmp_path / "out", {"a/mine": b"1"})
    done = filled("export", "a", "--to", tmp_path / "out")
    assert done.status == 3
    assert f"{tmp_path}/out/a" in done.err
    assert (tmp_path / "out/a/mine").exists()
    assert filled("export", "a", "--to", tmp_path / "out", "--replace").status == 0
    assert contents(tmp_path / "out/a") == contents(tmp_path / "in/a")


def test_export_to_a_file(filled: Program, tmp_path: Path) -> None:
    """If nothing can be written, each sandbox is named, without a traceback."""
    (tmp_path / "file").touch()
    done = filled("export", "a", "b", "--to", tmp_path / "file")
    assert done.status == 3
    assert [line.split(": ")[1] for line in done.err.splitlines()] == [f"{tmp_path}/file/a", f"{tmp_path}/file/b"]


_INTERRUPTED = """
import os, signal, sys
from persistdb.cli import main
from persistdb.runtimes import syscalls
syscalls.sync_file_system = lambda _: os.kill(os.getpid(), signal.SIGINT)
sys.exit(main())
"""


@pytest.mark.slow
def test_interrupted_export(filled: Program, tmp_path: Path) -> None:
    """Ctrl-C ends an export and leaves no part of a sandbox that was not completed."""
    words = [sys.executable, "-c", _INTERRUPTED, *filled.words("export", "--to", tmp_path / "out")[3:]]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert os.listdir(tmp_path / "out") == []


def test_changed_container(filled: Program, tmp_path: Path) -> None:
    """After a transition the exported file differs from Kata's only in the state."""
    with filled.repository() as repository:
        repository.transition("a", "c", "paused", expected="running")
    filled("export", "a", "--to", tmp_path / "out")
    assert (tmp_path / "out/a/c/persist.json").read_bytes() == PLAIN.replace(b'"running"', b'"paused"')
