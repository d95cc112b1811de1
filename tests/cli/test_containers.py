"""``ls``, ``show`` and ``rm``."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

import pytest

from persistdb import ContainerState, DeviceMap, Mount, Process, SandboxState
from persistdb.cli.columns import Column
from persistdb.cli.output import print_rows
from persistdb.filters import KEYS
from persistdb.store.selection import SORTS
from tests.runtimes.kata.trees import DATA

from .program import Program, on_terminal

if TYPE_CHECKING:
    from pathlib import Path

LONG = "6d7c0f0a3d5d2b9b4c6a1f9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d9c"
HOSTILE = [
    "new\nline",
    "esc\x1b[31mred",
    "[red]markup[bold]",
    "bidi\u202egnp.exe",
    "quote'\"; DROP TABLE mount;--",
    "50%_",
]


@pytest.fixture
def filled(persistdb: Program) -> Program:
    """Store containers in each state on two hosts."""
    with persistdb.repository() as repository:
        repository.save_sandbox(
            SandboxState(sid="pod-1"),
            {
                "web": ContainerState(
                    state="running",
                    bundle_path="/run/b",
                    processes=[Process(token="t", pid=42)],
                    mounts=[Mount(destination="/a"), Mount(destination="/b")],
                    device_maps=[DeviceMap(id="d1", container_path="/dev/x", file_mode=0o20660)],
                ),
                "db": ContainerState(state="stopped"),
            },
        )
        repository.save_sandbox(SandboxState(sid="pod-2"), {"web-2": ContainerState(state="paused")})
    with persistdb.repository("node-2") as repository:
        repository.save_sandbox(SandboxState(sid="pod-3"), {"web": ContainerState(state="running")})
    return persistdb


# --- ls


def test_table(filled: Program) -> None:
    """The table has a line for each container of the host, sorted, and a column for hosts only if there are several."""
    lines = filled("ls").out.splitlines()
    assert lines[0].split() == ["SANDBOX", "CONTAINER", "STATE", "PID", "MOUNTS", "DEVICES", "BUNDLE", "UPDATED"]
    assert [line.split()[:7] for line in lines[1:]] == [
        ["pod-1", "db", "stopped", "-", "0", "0", "-"],
        ["pod-1", "web", "running", "42", "2", "1", "/run/b"],
        ["pod-2", "web-2", "paused", "-", "0", "0", "-"],
    ]
    assert filled("ls", "--all-hosts").out.split()[0] == "HOST"


@pytest.mark.parametrize("sort", ["sid", "-updated", "mounts"])
def test_after(filled: Program, sort: str) -> None:
    """A list that --limit ended names the cursor behind which the next page begins, in its document or on stderr."""
    whole = [f"{row['sid']}/{row['cid']}" for row in filled("ls", "--sort", sort, "--format", "json").rows]
    page = json.loads(filled("ls", "--sort", sort, "--limit", "2", "--format", "json").out)
    assert filled("ls", "--sort", sort, "--limit", "2", "--format", "yaml").out.endswith(f"next: {page['next']}\n")
    done = filled("ls", "--sort", sort, "--limit", "2", "-q")
    assert done.err == f"the list may go on: repeat the command with --after {page['next']}\n"
    rest = filled("ls", "--sort", sort, "--after", page["next"], "-q")
    assert (done.out + rest.out).split() == whole
    assert rest.err == ""
    assert filled("ls", "--sort", "cid", "--after", page["next"]).status == 2


def test_json(filled: Program) -> None:
    """JSON has a version, the kind of its rows, and an object for each row."""
    done = filled("ls", "state=running", "--format", "json")
    document = json.loads(done.out)
    (row,) = document.pop("rows")
    assert document == {"version": 1, "kind": "containers"}
    for time in (row.pop("created"), row.pop("updated")):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", time)
    assert row == {
        "host": "node-1",
        "sid": "pod-1",
        "cid": "web",
        "state": "running",
        "pid": 42,
        "mounts": 2,
        "devices": 1,
        "bundle": "/run/b",
        "cgroup": "",
        "revision": 1,
        "runtime": "kata",
        "namespace": "",
        "pod": "",
        "name": "",
        "image": "",
    }
    assert json.loads(filled("ls", "cid=none", "--format", "json").out)["rows"] == []


def test_csv(filled: Program) -> None:
    """CSV is RFC 4180: names first, CRLF, nothing for a missing value."""
    text = filled("ls", "--format", "csv").out
    assert text.count("\r\n") == 4
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(row["host"], row["cid"], row["pid"]) for row in rows] == [
        ("node-1", "db", ""),
        ("node-1", "web", "42"),
        ("node-1", "web-2", ""),
    ]


def test_excel(filled: Program) -> None:
    """``--excel`` adds a byte-order mark and defuses formulas, and CSV alone does neither."""
    with filled.repository() as repository:
        repository.save("pod-2", "web-2", ContainerState(state="=1+1", bundle_path="@x"))
    assert ",=1+1," in filled("ls", "--format", "csv").out
    text = filled("ls", "--format", "csv", "--excel").out
    assert text.startswith("\ufeffhost,")
    assert ",'=1+1,,0,0,'@x," in text


def test_quiet(filled: Program) -> None:
    """``-q`` prints the IDs that ``rm`` and ``show`` accept, one per line, and nothing else."""
    assert filled("ls", "-q").out == "pod-1/db\npod-1/web\npod-2/web-2\n"
    assert filled("ls", "-q", "--format", "json").status == 2


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["state=running"], ["web"]),
        (["state=running", "state=paused"], ["web", "web-2"]),
        (["state=running", "-f", "sid=pod-2"], []),
        (["state!=running"], ["db", "web-2"]),
        (["cid=web*"], ["web", "web-2"]),
        (["-f", "device=d1"], ["web"]),
        (["destination=/b", "pid=42"], ["web"]),
        (["--sort", "-sid"], ["web-2", "web", "db"]),
        (["--sort", "state", "--limit", "2"], ["web-2", "web"]),
        (["since=1h"], ["db", "web", "web-2"]),
        (["before=1h"], []),
        (["host=node-2"], ["web"]),
        (["--all-hosts", "cid=web"], ["web", "web"]),
        (["--limit", "9" * 30], ["db", "web", "web-2"]),
        (["since=2000-01-01", "before=9999-12-31T23:59:59+14:00"], ["db", "web", "web-2"]),
    ],
    ids=" ".join,
)
def test_filters(filled: Program, words: list[str], found: list[str]) -> None:
    """Filters, as arguments or options, select the containers, and ``--sort`` orders them."""
    assert [row["cid"] for row in filled("ls", "--format", "json", *words).rows] == found


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["color=red"], list(KEYS)),
        (["running"], list(KEYS)),
        (["pid=x"], ["not a whole number"]),
        (["since=yesterday"], ["not a timestamp"]),
        (["since=0001-01-01T00:00:00+14:00"], ["not a timestamp"]),
        (["before=9999-12-31T23:59:59-14:00"], ["not a timestamp"]),
        (["since=2026-01-31T12:00:00"], ["needs its time zone"]),
        (["--sort", "size"], list(SORTS)),
        (["cid=\udcff"], ["half of a surrogate pair"]),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_bad_filters(filled: Program, words: list[str], says: list[str]) -> None:
    """An unknown key or a bad value is misuse, and the error lists the valid ones."""
    done = filled("ls", *words)
    assert (done.status, done.out) == (2, "")
    assert all(text in done.err for text in says)


def test_help_names_every_filter(persistdb: Program) -> None:
    """The help of ls explains every filter key and every sort order."""
    words = set(re.findall(r"[a-z-]+", persistdb("ls", "--help").out))
    assert words >= {*KEYS, *SORTS}


@pytest.mark.slow
def test_terminal_shortens(persistdb: Program) -> None:
    """On a terminal long hexadecimal IDs are cut to 12 characters, other values not at all, unless --no-trunc."""
    persistdb("import", DATA / "3.29.0")
    shown = on_terminal(persistdb.words("ls"), columns=140)
    assert f"\n{LONG[:12]}  0a9b8c7d6e5f  running " in shown
    assert "/k8s.io/" in shown
    assert LONG not in shown.replace(f"/{LONG}", "")
    assert LONG in on_terminal(persistdb.words("ls", "--no-trunc"), columns=400)
    assert LONG in persistdb("ls").out


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_terminal_fits(persistdb: Program, columns: int) -> None:
    """No line of a table is longer than the terminal is wide."""
    persistdb("import", DATA / "3.29.0")
    shown = re.sub(r"\x1b\[[\d;]*m", "", on_terminal(persistdb.words("ls"), columns=columns))
    assert max(map(len, shown.splitlines())) <= columns


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 60, 80])
@pytest.mark.parametrize("words", [["ls"], ["ls", "--all-hosts"], ["sql", "SELECT * FROM containers"]], ids=" ".join)
def test_a_narrow_terminal_shows_what_matters(persistdb: Program, columns: int, words: list[str]) -> None:
    """Host, IDs and state are shown on any terminal."""
    persistdb("import", DATA / "3.29.0")
    persistdb("import", DATA / "3.29.0", "--host", "node-22")
    shown = re.sub(r"\x1b\[[\d;]*m", "", on_terminal(persistdb.words(*words), columns=columns))
    lines = shown.splitlines()
    assert max(map(len, lines)) <= columns
    heading = lines[0].split()
    assert "STATE" in heading
    assert "running" in shown
    if words != ["ls"]:
        assert heading[0] == "HOST"
        assert "node-22" in shown


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(persistdb: Program, name: str) -> None:
    """Line ends, escape sequences, markup, quotes and wildcards in names are shown, and do nothing."""
    with persistdb.repository() as repository:
        container = ContainerState(bundle_path=name, mounts=[Mount(source=name, options=[name])])
        repository.save_sandbox(SandboxState(sid=name), {name: container, "x": ContainerState()})
    escaped = name.encode("unicode_escape").decode().replace("\\\\", "\\") if not name.isprintable() else name
    plain = persistdb("ls").out
    assert len(plain.splitlines()) == 3
    shown = on_terminal(persistdb.words("ls"), columns=200)
    for out in (plain, shown, persistdb("show", f"{name}/{name}").out, persistdb("ls", "-q").out):
        assert escaped in out
        assert name == escaped or name not in out
    assert persistdb("ls", f"bundle={name}", "--format", "json").rows[0]["cid"] == name
    assert (
        next(csv.reader(io.StringIO(persistdb("ls", f"bundle={name}", "--format", "csv").out.split("\r\n", 1)[1])))[1]
        == name
    )
    done = persistdb("rm", f"{name}/{name}")
    assert done.out == f"removed container {escaped}/{escaped}\n"
    assert persistdb("ls", "-q").out == f"{escaped}/x\n"


def test_table_of_wide_characters(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns of plain text line up also where characters take two columns."""
    columns = [Column("a", "A"), Column("n", "N", is_number=True), Column("b", "B")]
    print_rows("x", columns, [("日本", 1, None), ("abcde", 1000, True)])
    assert capsys.readouterr().out == "A         N  B\n日本      1  -\nabcde  1000  yes\n"


# --- show


def test_show(persistdb: Program) -> None:
    """``show`` prints all that is stored of a container, modes in octal."""
    persistdb("import", DATA / "3.29.0")
    out = persistdb("show", "0a9b").out
    for text in (
        f"sandbox    {LONG}",
        "state      running",
        "block device  d6a2f3c8b1e04a7f",
        "23377  c0ffee00-4b7c-4f58-9d57-6f8d3a5b7c12  2023-10-01T00:42:25.123456789-07:00",
        "/dev/xvda   d6a2f3c8b1e04a7f  block  0660           0    6  yes",
        "/dev/ttyS0  a1b2c3d4e5f60718  char   0620  4294967295    5  no",
        "/data  ext4",
    ):
        assert text in out, text


def test_show_bare(persistdb: Program) -> None:
    """A container with default values only is shown without a gap."""
    with persistdb.repository() as repository:
        repository.save_sandbox(SandboxState(sid="s"), {"c": ContainerState()})
    out = persistdb("show", "c").out
    assert all(f"\n{part}: none\n" in out for part in ("rootfs", "processes", "devices", "mounts"))


POD = {
    "io.kubernetes.cri.sandbox-namespace": "default",
    "io.kubernetes.cri.sandbox-name": "web-1",
    "io.kubernetes.cri.container-name": "nginx",
    "io.kubernetes.cri.image-name": "nginx:1.27",
}


def _pod(state: str = "running") -> tuple[SandboxState, dict[str, ContainerState]]:
    devices = [
        {"ID": "b", "Type": "block", "DevType": "b", "Major": 8, "Minor": 1, "BlockDrive": {"File": "/dev/sda1"}},
        {"ID": "v", "Type": "vfio", "RefCount": 1, "VFIODevs": [{"BDF": "3b:00.0"}, {"BDF": "3b:00.1"}]},
    ]
    configs = {"Annotations": {"own": "1"}, "ContainerConfigs": [{"ID": "c", "Annotations": POD}]}
    document = {"Devices": devices, "HypervisorState": {"Pid": 4711}, "Config": configs}
    record = SandboxState(sid="s", state=state, layout="3.28", document=json.dumps(document))
    container = ContainerState(mounts=[Mount(block_device_id="b")], device_maps=[DeviceMap(id="v")])
    return record, {"c": container, "s": ContainerState()}


def test_show_names(persistdb: Program) -> None:
    """``show`` has the names of the container, which are in its sandbox's file."""
    with persistdb.repository() as repository:
        repository.save_sandbox(*_pod())
    (row,) = persistdb("show", "default/web-1/nginx", "--format", "json").rows
    assert [row[name] for name in ("cid", "runtime", "namespace", "pod", "name", "image")] == [
        *("c", "kata", "", "default/web-1", "nginx", "nginx:1.27")
    ]
    out = persistdb("show", "c").out
    assert "\npod        default/web-1\nname       nginx\nimage      nginx:1.27\n" in out


def test_show_a_sandbox(persistdb: Program) -> None:
    """``show --sandbox`` has the virtual machine, its devices and their users, and the containers with their names."""
    with persistdb.repository() as repository:
        repository.save_sandbox(*_pod())
        repository.save_sandbox(SandboxState(sid="empty"))
    (row,) = persistdb("show", "--sandbox", "default/web-1", "--format", "json").rows
    assert [row[name] for name in ("sid", "state", "pod_namespace", "pod_name", "hypervisor_pid", "netns_path")] == [
        *("s", "running", "default", "web-1", 4711, None)
    ]
    block, vfio = row["devices"]
    assert [block[name] for name in ("device_id", "host_path", "maps", "block_mounts")] == ["b", "/dev/sda1", 0, 1]
    assert [vfio[name] for name in ("device_id", "maps", "block_mounts")] == ["v", 1, 0]
    assert [each["bdf"] for each in vfio["vfio_devices"]] == ["0000:3b:00.0", "0000:3b:00.1"]
    assert [(each["cid"], each["name"]) for each in row["containers"]] == [("c", "nginx"), ("s", "")]
    assert row["annotations"] == {"own": "1"}
    out = persistdb("show", "--sandbox", "s").out
    assert all(text in out for text in ("4711", "8:1", "0000:3b:00.0, 0000:3b:00.1", "nginx:1.27", "own = 1"))
    out = persistdb("show", "--sandbox", "em").out
    assert all(f"\n{part}: none\n" in out for part in ("containers", "devices", "annotations"))


def test_show_a_sandbox_as_it_was(persistdb: Program) -> None:
    """With ``--at`` a sandbox is shown as it was."""
    with persistdb.repository() as repository:
        repository.save_sandbox(*_pod())
        then = repository.load_sandbox("s").updated_at.isoformat()
        repository.save_sandbox(SandboxState(sid="s", state="stopped", document="{}"), {})
    (row,) = persistdb("show", "--sandbox", "s", "--at", then, "--format", "json").rows
    assert (row["state"], row["hypervisor_pid"], len(row["containers"]), row["seen"]) == ("running", 4711, 2, None)
    (row,) = persistdb("show", "--sandbox", "s", "--format", "json").rows
    assert (row["state"], row["hypervisor_pid"], row["containers"], row["devices"]) == ("stopped", None, [], [])


@pytest.mark.parametrize(
    ("words", "status"),
    [([], 2), (["c", "--sandbox", "s"], 2), (["--sandbox", "s", "--all-hosts"], 2), (["--sandbox", "s"], 3)],
)
def test_show_what_is_not_asked_for(persistdb: Program, words: list[str], status: int) -> None:
    """Neither and both of a container and a sandbox are misuse; a sandbox that is not there is named."""
    done = persistdb("show", *words)
    assert done.status == status
    assert done.err


def test_show_json(persistdb: Program, tmp_path: Path) -> None:
    """JSON has the whole container, with its unknown keys verbatim."""
    tree = tmp_path / "s/c"
    tree.mkdir(parents=True)
    (tmp_path / "s/persist.json").write_text('{"State":"running","PersistVersion":2}\n')
    (tree / "persist.json").write_text(
        '{"State":"running","CgroupPath":"/c","BundlePath":"/b","Rootfs":{"BlockDeviceID":"r","FsType":"xfs"},'
        '"Process":{"StartTime":"2023-10-01T00:42:25.5Z","Token":"t","Pid":-1},'
        '"DeviceMaps":[{"ID":"d","ContainerPath":"/dev/x","FileMode":438,"UID":0,"GID":6}],"Mounts":null,'
        '"New":{"big":\n12345678901234567890123}}\n'
    )
    persistdb("import", tmp_path)
    done = persistdb("show", "c", "--format", "json")
    assert '"extra":{"New":{"big": 12345678901234567890123}}}\n]}' in done.out
    (row,) = done.rows
    assert row["rootfs"] == {
        "source": "",
        "destination": "",
        "type": "xfs",
        "options": None,
        "host_path": "",
        "block_device_id": "r",
        "read_only": False,
        "mounted": False,
    }
    assert row["devices"] == [
        {
            "id": "d",
            "container_path": "/dev/x",
            "kind": None,
            "permissions": "0666",
            "file_mode": 438,
            "uid": 0,
            "gid": 6,
            "shared": False,
        }
    ]
    assert row["processes"] == [{"token": "t", "pid": -1, "start_time": "2023-10-01T00:42:25.5Z"}]
    assert (row["cgroup"], row["bundle"], row["layout"], row["revision"], row["mounts"]) == ("/c", "/b", "2.2", 1, [])


def test_documented_json(filled: Program) -> None:
    """The page on JSON documents every key that is printed."""
    page = (DATA.parents[2] / "docs/json.md").read_text()
    sections = dict(section.split("`", 1) for section in page.split("\n## `")[1:])
    containers_text, container_text = sections["containers"], sections["container"]
    (row,) = filled("ls", "cid=web", "--format", "json").rows
    assert all(f"`{key}`" in containers_text for key in row)
    (row,) = filled("show", "pod-1/web", "--format", "json").rows
    keys = {*row, *row["rootfs"], *row["devices"][0], *row["processes"][0]}
    assert all(f"`{key}`" in container_text for key in keys)


@pytest.mark.parametrize(
    ("ref", "found"), [("web-", "web-2"), ("web", "web"), ("pod-1/d", "db"), ("d", "db"), ("pod-1/db", "db")]
)
def test_show_by_prefix(filled: Program, ref: str, found: str) -> None:
    """A prefix is enough if it fits one container; an exact match wins over a prefix of another ID."""
    assert [row["cid"] for row in filled("show", ref, "--format", "json").rows] == [found]


@pytest.mark.parametrize(("ref", "says"), [("w", "fits more than one"), ("x", "no container"), ("%", "no container")])
def test_show_nothing(filled: Program, ref: str, says: str) -> None:
    """An ID that fits none or several is status 3."""
    done = filled("show", ref)
    assert (done.status, done.out) == (3, "")
    assert says in done.err


# --- rm


def test_remove_containers(filled: Program) -> None:
    """Each removal is printed; an unknown ID is named and makes the status 1, and the others are removed."""
    done = filled("rm", "d", "nothing", "pod-2/web-2")
    assert (done.status, done.out) == (1, "removed container pod-1/db\nremoved container pod-2/web-2\n")
    assert done.err == "persistdb: no container 'nothing' on host 'node-1'\n"
    assert filled("ls", "-q", "--all-hosts").out == "pod-1/web\npod-3/web\n"
    assert filled("rm", "pod-1/web").status == 0
    assert filled("rm", "pod-1/web", "nothing").status == 3
    done = filled("rm", "\udcff", "--sandbox", "\udcff", "--sandbox", "pod-2")
    assert (done.status, done.out) == (1, "removed sandbox pod-2 with 0 containers\n")
    assert done.err.count("\n") == 2


@pytest.mark.parametrize("command", ["show", "rm"])
def test_one_id_in_two_sandboxes(filled: Program, command: str) -> None:
    """A container's ID that is in two sandboxes is answered with SANDBOX/CONTAINER to choose from."""
    with filled.repository() as repository:
        repository.save("pod-2", "web", ContainerState())
    done = filled(command, "web")
    assert (done.status, done.out) == (3, "")
    assert done.err == ("persistdb: 'web' fits more than one container: pod-1/web, pod-2/web; give SANDBOX/CONTAINER\n")
    assert filled(command, "pod-2/web").status == 0


def test_remove_ambiguous(filled: Program) -> None:
    """An ID that fits several removes none of them."""
    done = filled("rm", "w")
    assert done.status == 3
    assert "fits more than one container" in done.err
    assert filled("ls", "-q").out.count("\n") == 3


def test_remove_sandbox(filled: Program) -> None:
    """``--sandbox`` removes a sandbox of this host with its containers, by its ID or a unique prefix."""
    done = filled("rm", "--sandbox", "pod")
    assert (done.status, done.out) == (3, "")
    assert "fits more than one sandbox: pod-1, pod-2" in done.err
    done = filled("rm", "--sandbox", "pod", "--sandbox", "pod-1")
    assert (done.status, done.out) == (1, "removed sandbox pod-1 with 2 containers\n")
    done = filled("rm", "--sandbox", "pod-1")
    assert (done.status, done.out, done.err) == (3, "", "persistdb: no sandbox 'pod-1' on host 'node-1'\n")
    assert filled("rm", "--sandbox", "pod-3").status == 3
    assert filled("ls", "-q").out == "pod-2/web-2\n"
    assert filled("rm", "--sandbox", "po").out == "removed sandbox pod-2 with 1 container\n"
