"""``watch`` as a program: its signals, its service manager, its lock, and what is left of it when it is killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from persistdb import ContainerRepository, Database
from persistdb.cli.watch import _signals
from tests.ingest.files import other, tree
from tests.runtimes.kata.trees import make

from .program import HOST
from .watching import Watching

if TYPE_CHECKING:
    from tests.runtimes.real import Real

LIFETIMES = 1000 if os.environ.get("PERSISTDB_STRESS") == "full" else 25

pytestmark = pytest.mark.slow


@pytest.fixture
def url(sqlite_store: tuple[str, Database]) -> str:
    return sqlite_store[0]


@pytest.fixture
def repository(sqlite_store: tuple[str, Database]) -> ContainerRepository:
    return ContainerRepository(sqlite_store[1], host=HOST)


@pytest.fixture
def sbs(tmp_path: Path) -> Path:
    """Make a folder with one sandbox, so that it is never empty."""
    folder = tmp_path / "sbs"
    make(folder, tree("stays"))
    return folder


def test_it_follows(url: str, repository: ContainerRepository, sbs: Path) -> None:
    """It says what it watches; each state is recorded, with its cause; after SIGTERM also the last one."""
    with closing(Watching(url, sbs)) as watching:
        watching.until(f"watching {sbs} for {url}, host '{HOST}'")
        watching.until("stored sandbox stays")
        make(sbs, tree("a", x=other("1", "ready")))
        watching.until("stored sandbox a with 1 container")
        make(sbs, tree("a", x=other("1", "running")))
        assert watching.end(signal.SIGTERM) == 0
        assert "ended: " in watching.output
    assert [(event.kind, event.new_state, event.cause) for event in repository.events(sid="a") if event.cid] == [
        ("created", "ready", "watch"),
        ("state", "running", "watch"),
    ]


@pytest.mark.parametrize("form", ["relative", "with a slash"])
def test_forms_of_a_path(url: str, repository: ContainerRepository, sbs: Path, form: str) -> None:
    """A folder is followed, whichever way its path is written."""
    with closing(Watching(url, os.path.relpath(sbs) if form == "relative" else f"{sbs}/")) as watching:
        watching.until("stored sandbox stays")
        make(sbs, tree("stays", x=other("1")))
        watching.until("stored sandbox stays with 1 container")
        assert watching.end(signal.SIGTERM) == 0
    assert repository.get("stays", "x").record.state == "running"


def test_ctrl_c(url: str, sbs: Path) -> None:
    """Ctrl-C ends it as it ends other programs, without a traceback."""
    with closing(Watching(url, sbs)) as watching:
        watching.until("stored sandbox stays")
        assert watching.end(signal.SIGINT) == 130
        assert "Traceback" not in watching.output


@pytest.mark.parametrize(
    ("program", "words", "named"),
    [
        (["--db", "x.db"], [], "--db"),
        (["--host", "n"], [], "--host"),
        ([], ["--host", "n"], "--host"),
        ([], ["--rescan", "60"], "--rescan"),
        ([], ["--once"], "--once"),
        ([], ["/run/vc/sbs"], "PATH"),
    ],
)
def test_units_hold_no_options(tmp_path: Path, program: list[str], words: list[str], named: str) -> None:
    """What would not be in the units is refused with them, and nothing is written."""
    command = [sys.executable, "-m", "persistdb", *program, "watch", "--install-units", str(tmp_path), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"--install-units goes without {named}: " in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_a_second_signal() -> None:
    """The first signal lets it end, and a second one, whichever of the two, ends it at once."""
    stopped: list[bool] = []
    follower: Any = SimpleNamespace(stop=lambda: stopped.append(True))
    with _signals(follower) as caught:
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert (stopped, caught) == ([True], {signal.SIGTERM})


def test_hangup(url: str, repository: ContainerRepository, sbs: Path) -> None:
    """SIGHUP lets it look at all folders again."""
    with closing(Watching(url, sbs)) as watching:
        watching.until("stored sandbox stays")
        repository.destroy_sandbox("stays")
        watching.process.send_signal(signal.SIGHUP)
        watching.until("pass over all folders: it was asked for")
        watching.until("stored sandbox stays")
        assert watching.end(signal.SIGTERM) == 0


def test_two(url: str, sbs: Path) -> None:
    """A second one for the same host is refused, and names the first; one that was killed is in nobody's way."""
    with closing(Watching(url, sbs)) as first:
        first.until("stored sandbox stays")
        with closing(Watching(url, sbs)) as second:
            assert second.process.wait(60) == 3
            assert f"host '{HOST}' is watched already, by process {first.process.pid} on" in second.rest()
        with closing(Watching(url, "--once", sbs)) as once:
            assert once.process.wait(60) == 3
        first.process.kill()
        first.process.wait()
        with closing(Watching(url, sbs)) as third:
            third.until("stored sandbox stays")


def test_once(url: str, repository: ContainerRepository, sbs: Path) -> None:
    """One pass imports and removes, with the cause of a watcher, and its status says whether all went well."""
    make(sbs, tree("a", x=other("1")))
    with closing(Watching(url, "--once", sbs)) as once:
        assert once.process.wait(60) == 0
        assert "imported 2 sandboxes with 1 container" in once.rest()
    shutil.rmtree(sbs / "a")
    (sbs / "stays/persist.json").write_bytes(b"{")
    with closing(Watching(url, "--once", sbs)) as once:
        assert once.process.wait(60) == 1
    make(sbs, tree("stays"))
    with closing(Watching(url, "--once", sbs)) as once:
        assert once.process.wait(60) == 0
        assert "removed sandbox a" in once.rest()
    assert {event.cause for event in repository.events()} == {"watch"}


def test_service_manager(url: str, sbs: Path, tmp_path: Path) -> None:
    """A service manager hears of readiness after the first pass, of life in time, of the status, and of the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        variables = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        with closing(Watching(url, sbs, **variables)) as watching:
            heard: list[str] = []
            while heard.count("WATCHDOG=1") < 4 or "READY=1" not in heard:
                heard += manager.recv(4096).decode().splitlines()
            watching.process.terminate()
            while "STOPPING=1" not in heard:
                heard += manager.recv(4096).decode().splitlines()
            assert watching.process.wait(60) == 0
    assert any(line.startswith("STATUS=following 1 folder; 0 imports, the last at ") for line in heard)


def test_metrics(url: str, sbs: Path) -> None:
    """With an address it answers Prometheus, with its host's numbers and its own; no other machine unless told."""
    pytest.importorskip("prometheus_client")
    with closing(Watching(url, "--metrics", "127.0.0.1:0", sbs)) as watching:
        watching.until("metrics at ")
        watching.until("stored sandbox stays")
        make(sbs, tree("a", x=other("1")))
        watching.until("stored sandbox a")
        address = next(line for line in watching.output.splitlines() if line.startswith("metrics at "))
        values: dict[str, str] = {}
        while float(values.get("persistdb_watch_imports_total", 0)) < 1:  # it is counted after it was said
            with urllib.request.urlopen(address.removeprefix("metrics at "), timeout=60) as answer:
                text = answer.read().decode()
            values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("persistdb_"))
        assert watching.end(signal.SIGTERM) == 0
    assert values["persistdb_up"] == "1.0"
    assert values["persistdb_watch_rescans_total"] == "1.0"
    for words, status in (
        (("--metrics", "0.0.0.0:0"), 2),
        (("--metrics", ":0", "--once"), 2),
        (("--allow-remote",), 2),
    ):
        with closing(Watching(url, *words, sbs)) as refused:
            assert refused.process.wait(60) == status


def test_journal(url: str, sbs: Path) -> None:
    """Where stderr is the journal's, each line begins with its priority (sd-daemon(3)); else none does."""
    (sbs / "stays/persist.json").write_bytes(b"{")
    with closing(Watching(url, sbs, journal=True)) as watching:
        watching.until(f"<4>persistdb: {sbs}/stays/persist.json")
        assert "<6>watching " in watching.output
        watching.end(signal.SIGTERM)
    with closing(Watching(url, sbs)) as watching:
        watching.until(f"persistdb: {sbs}/stays/persist.json")
        watching.end(signal.SIGTERM)
        assert "<4>" not in watching.output


@pytest.mark.parametrize(
    ("name", "value", "sysctl"),
    [("max_inotify_instances", 0, "max_user_instances"), ("max_inotify_watches", 6, "max_user_watches")],
)
def test_limits(url: str, repository: ContainerRepository, sbs: Path, name: str, value: int, sysctl: str) -> None:
    """Where the system allows no more of inotify, the setting is named; what is not watched is looked at in passes."""
    script = f'echo {value} > /proc/sys/user/{name} && exec "$@"'
    within = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"]
    if subprocess.run([*within, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may not make a user namespace with limits")
    for number in range(9):
        make(sbs, tree(f"s{number}"))
    with closing(Watching(url, sbs, within=within)) as watching:
        watching.until(f"the processes of this user have reached fs.inotify.{sysctl}")
        if sysctl == "max_user_instances":
            assert watching.process.wait(60) == 3
            return
        watching.until("stored sandbox stays")
        make(sbs, tree("later"))
        watching.process.send_signal(signal.SIGHUP)
        watching.until("stored sandbox later")
        assert watching.end(signal.SIGTERM) == 0


def test_lost_events(url: str, repository: ContainerRepository, sbs: Path) -> None:
    """Where more happens than the system keeps, all is looked at again, and that time is a gap in the record."""
    kept = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    make(sbs, tree("a", x=other("1", "ready")))
    files = [sbs / "stays/persist.json", sbs / "a/persist.json"]
    with closing(Watching(url, sbs)) as watching:
        watching.until("stored sandbox stays")
        watching.process.send_signal(signal.SIGSTOP)
        for _ in range(kept // 2):  # the last of equal events is merged, so they take turns
            for file in files:
                os.utime(file)
                with file.open("ab"):
                    pass
        make(sbs, tree("a", x=other("1", "stopped")) | tree("b"))
        shutil.rmtree(sbs / "stays")
        watching.process.send_signal(signal.SIGCONT)
        watching.until("pass over all folders: events of files were lost")
        watching.until("stored sandbox b")
        assert watching.end(signal.SIGTERM) == 0
        assert watching.output.count("removed sandbox stays") == 1
    assert repository.sandbox_ids() == ["a", "b"]
    assert repository.get("a", "x").record.state == "stopped"
    (gap,) = repository.events(kinds=["gap"])
    assert gap.began_at is not None
    assert gap.began_at <= gap.at <= datetime.now(UTC)
    assert gap.reason == "events of files were lost"


def test_real_containers(real: Real, url: str, repository: ContainerRepository) -> None:
    """Each state of a real container is recorded, also the ones that no file tells: paused, and ended by itself."""
    cid = real.cid("c")
    with closing(Watching(url, "--live", real.root)) as watching:
        watching.until("holds no sandbox")
        real.create(cid)
        _until_state(watching, repository, cid, "ready")
        for word, state in (("start", "running"), ("pause", "paused"), ("resume", "running")):
            real.run(word, cid)
            _until_state(watching, repository, cid, state)
        real.end(cid)
        _until_state(watching, repository, cid, "stopped")
        real.run("delete", cid)
        watching.until(f"removed sandbox {cid}")
        assert watching.end(signal.SIGTERM) == 0
    states = [event.new_state for event in repository.events(sid=cid) if event.cid]
    assert states == ["ready", "running", "paused", "running", "stopped", None]
    assert {event.cause for event in repository.events()} == {"watch"}


def _until_state(watching: Watching, repository: ContainerRepository, cid: str, state: str) -> None:
    """Wait until a container is in a state, which is looked at whenever the watcher says something."""
    while not (repository.exists(cid, cid) and repository.get(cid, cid).record.state == state):
        watching.more()


def test_lifetimes(url: str, repository: ContainerRepository, sbs: Path) -> None:
    """Through many lives, with kill -9 at any time, each is in the history once, and at the end store and folder agree.

    A script rewrites the files as Kata's driver does: truncated and written in place, in any order. It goes on to the
    next state once the feed has this one, whichever watcher recorded it.
    """
    chance = random.Random(20261128)
    feed = Feed(repository)
    with ExitStack() as stack:
        watching = stack.enter_context(closing(Watching(url, sbs)))
        for number in range(LIFETIMES):
            sid = f"pod-{number}"
            for state in ("ready", "running", "stopped"):
                files = list(tree(sid, x=other(f"x{number}", state), y=other(f"y{number}", state)).items())
                chance.shuffle(files)
                for name, data in files:
                    (sbs / name).parent.mkdir(parents=True, exist_ok=True)
                    with (sbs / name).open("wb") as file:  # O_TRUNC
                        file.write(data)
                    if chance.random() < 0.015:
                        watching.process.kill()
                while not feed.has(sid, "x", state) or not feed.has(sid, "y", state):
                    if watching.process.poll() is not None:
                        watching = stack.enter_context(closing(Watching(url, sbs)))
                    feed.read(watching)
            shutil.rmtree(sbs / sid)
            if chance.random() < 0.05:
                watching.process.kill()
            while not feed.has(sid, None, None):
                if watching.process.poll() is not None:
                    watching = stack.enter_context(closing(Watching(url, sbs)))
                feed.read(watching)
        assert watching.end(signal.SIGTERM) == 0
    assert repository.sandbox_ids() == sorted(os.listdir(sbs)) == ["stays"]
    happened: dict[tuple[str | None, str | None], list[str | None]] = {}
    for event in repository.events():
        if event.kind != "changed":
            happened.setdefault((event.sid, event.cid), []).append(event.new_state)
    for number in range(LIFETIMES):
        for cid in "xy":
            assert happened[f"pod-{number}", cid] == ["ready", "running", "stopped", None]
        assert happened[f"pod-{number}", None][-1] is None
        assert happened[f"pod-{number}", None].count(None) == 1


class Feed:
    """The events that were read so far."""

    def __init__(self, repository: ContainerRepository) -> None:
        self._repository, self._cursor = repository, None
        self._seen: set[tuple[str | None, str | None, str | None]] = set()

    def has(self, sid: str, cid: str | None, state: str | None) -> bool:
        """Return whether a container, or a sandbox, came to be in a state, or without one was removed."""
        return (sid, cid, state) in self._seen

    def read(self, watching: Watching) -> None:
        """Read what came, after the watcher has said something or has ended."""
        watching.more()
        feed = self._repository.events(after=self._cursor)
        self._seen |= {(event.sid, event.cid, event.new_state) for event in feed if event.kind != "changed"}
        self._cursor = feed.cursor
