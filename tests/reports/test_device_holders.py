"""Who holds a device of the host, of whichever runtime, by whichever of its names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from persistdb import ContainerRepository, Database, reports
from persistdb.errors import InvalidValue
from persistdb.ingest import Importer
from persistdb.records import ContainerState, DeviceMap, Mount, SandboxState
from persistdb.reports import devices
from tests.ingest.test_importer import Recorder
from tests.runtimes.containers import DATA

from . import fleet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.runtimes.real import Real

DISK = {"Type": "block", "DevType": "b", "Major": 253, "Minor": 7, "BlockDrive": {"File": "/dev/dm-7"}}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Create a database with containers of Kata and of runc on two hosts, which have the same devices."""
    with Database(database_url) as database:
        for host in ("node-1", "node-2"):
            repository = ContainerRepository(database, host=host)
            listed = [fleet.device(f"fuse-{host}", DevType="u"), fleet.device(f"disk-{host}", **DISK)]
            listed += [fleet.device("other", DevType="b", Major=10, Minor=229)]
            record = SandboxState(sid="kata", document=fleet.document(listed))
            maps = [
                DeviceMap(id=device, container_path=f"/dev/{device[:4]}") for device in (f"fuse-{host}", "other", "")
            ]
            disk = Mount(source="/dev/dm-7", destination="/disk", block_device_id=f"disk-{host}")
            containers = {
                "app": ContainerState(state="running", device_maps=maps, mounts=[disk]),
                "idle": ContainerState(rootfs=Mount(block_device_id=f"disk-{host}")),
            }
            repository.save_sandbox(record, containers)
            own = [
                DeviceMap(id="c 10:229", container_path="/dev/fuse"),
                DeviceMap(id="b 253:7", container_path="/dev/x"),
            ]
            bind = Mount(source="/dev/dm-7", destination="/bound")
            repository.save_sandbox(SandboxState(sid="runc"), {"c": ContainerState(device_maps=own, mounts=[bind])})
            repository.save_sandbox(
                SandboxState(sid="none"), {"c": ContainerState(device_maps=[DeviceMap(id="b 8:7")])}
            )
        yield database


def ask(database: Database, name: str, given: str, **options: Any) -> list[tuple[Any, ...]]:
    report = reports.find(name, database.backend.name)
    rows = reports.run(database, report, report.values([given]), **options).rows
    return [(row[0], row[2], row[-2], row[-1]) for row in rows]


FUSE = [("app", "device", "/dev/fuse"), ("c", "device", "/dev/fuse")]
OTHER = [("app", "device", "/dev/othe")]
MAPPED = [("app", "mount", "/disk"), ("idle", "rootfs", ""), ("c", "device", "/dev/x")]
DISKS = [*MAPPED, ("c", "mount", "/bound")]


@pytest.mark.parametrize(
    ("given", "held", "hosts"),
    [
        ("c 10:229", FUSE, 2),
        ("u 10:229", FUSE, 2),
        ("b 10:229", OTHER, 2),
        ("10:229", [FUSE[0], *OTHER, FUSE[1]], 2),
        ("253:7", MAPPED, 2),
        ("/dev/dm-7", DISKS, 2),
        ("fuse-node-1", FUSE, 1),
        ("disk-node-1", MAPPED, 1),
        ("b 8:8", [], 2),
        ("/dev/fuse", [], 2),
        ("", [], 2),
    ],
)
def test_by_each_of_its_names(database: Database, given: str, held: list[tuple[str, str, str]], hosts: int) -> None:
    """Containers of all runtimes hold a device; an ID leads to its own host's, numbers and paths to all hosts'."""
    expected = [(f"node-{number + 1}", *row) for number in range(hosts) for row in held]
    assert ask(database, "device-holders", given) == expected
    assert ask(database, "device-holders", given, host="node-1") == expected[: len(held)]


@pytest.mark.parametrize(
    ("given", "held", "hosts"),
    [
        ("c 10:229", FUSE, 2),
        ("u 10:229", FUSE, 2),
        ("b 10:229", OTHER, 2),
        ("253:7", MAPPED, 2),
        ("/dev/dm-7", MAPPED[:2], 2),
        ("fuse-node-1", FUSE[:1], 1),
        ("disk-node-1", MAPPED[:2], 1),
        ("b 8:8", [], 2),
    ],
)
def test_in_the_past(database: Database, given: str, held: list[tuple[str, str, str]], hosts: int) -> None:
    """Containers that are gone are found by a device's numbers, those of Kata while their sandbox is there."""
    then = datetime.now(UTC)
    for host in ("node-1", "node-2"):
        repository = ContainerRepository(database, host=host)
        repository.delete("kata", "app")
        repository.delete("kata", "idle")
        repository.destroy_sandbox("runc")
    assert ask(database, "device-holders", given) == []
    expected = [(f"node-{number + 1}", *row) for number in range(hosts) for row in held]
    for name, at in (("device-holders", then), ("device-history", None)):
        report = reports.find(name, database.backend.name, past=at is not None)
        values = report.values([given]) | ({} if at is None else {"at": at})
        for host in (None, "node-1"):
            rows = reports.run(database, report, values, host=host).rows
            found = [(row[0], row[2], row[3], row[4]) for row in rows]
            assert sorted(found) == sorted(one for one in expected if host in (None, one[0]))


FILE = {"Type": "block", "DevType": "b", "Major": -1, "Minor": 0}
NO_NUMBERS = {"Type": "block", "DevType": "b", "Major": None, "Minor": None}


@pytest.fixture
def of_files(database_url: str) -> Iterator[Database]:
    """Create a database with Kata's volumes that are plain files, or have no numbers, on two hosts."""
    listed = (
        ("one", FILE, "/images/a.img"),
        ("same", FILE, "/images/a.img"),
        ("other", FILE, "/images/b.img"),
        ("old", NO_NUMBERS, "/images/a.img"),
        ("bare", NO_NUMBERS, ""),
        ("empty", FILE, ""),
        ("fifo", {"DevType": "p", "Major": 0, "Minor": 0}, ""),
        ("pipe", {"DevType": "p", "Major": 0, "Minor": 0}, ""),
        ("unset", {"DevType": "c", "Major": 0, "Minor": 0}, ""),
    )
    with Database(database_url) as database:
        for host in ("node-1", "node-2"):
            repository = ContainerRepository(database, host=host)
            for sid, numbers, path in listed:
                entry = fleet.device(f"{sid}-{host}", BlockDrive={"File": path}, **numbers)
                data = Mount(destination="/data", block_device_id=f"{sid}-{host}")
                maps = [DeviceMap(id=f"{sid}-{host}", container_path="/dev/x"), DeviceMap(id="p 0:0")]
                repository.save_sandbox(
                    SandboxState(sid=sid, document=fleet.document([entry])),
                    {sid: ContainerState(device_maps=maps[: 1 + (sid == "bare")], mounts=[data])},
                )
        yield database


A = ("old", "one", "same")


@pytest.mark.parametrize(
    ("given", "held", "hosts"),
    [
        ("/images/a.img", A, 2),
        ("/images/b.img", ("other",), 2),
        ("one-node-1", A, 1),
        ("old-node-1", A, 1),
        *((f"{sid}-node-1", (sid,), 1) for sid in ("other", "bare", "empty", "fifo", "pipe", "unset")),
        ("0:0", (), 2),
        ("c 0:0", (), 2),
        ("-1:0", (), 2),
        ("b -1:0", (), 2),
    ],
)
def test_plain_files(of_files: Database, given: str, held: tuple[str, ...], hosts: int) -> None:
    """Kata's devices without numbers, as of plain files, are told apart by their path on the host, also in the past."""
    then = datetime.now(UTC)
    expected = [
        (f"node-{number + 1}", sid, *use)
        for number in range(hosts)
        for sid in held
        for use in (("device", "/dev/x"), ("mount", "/data"))
    ]
    assert ask(of_files, "device-holders", given) == expected
    assert ask(of_files, "device-holders", given, host="node-1") == expected[: 2 * len(held)]
    for name, at in (("device-holders", then), ("device-history", None)):
        report = reports.find(name, of_files.backend.name, past=at is not None)
        values = report.values([given]) | ({} if at is None else {"at": at})
        rows = reports.run(of_files, report, values, host="node-1").rows
        assert sorted((row[0], row[2], row[3], row[4]) for row in rows) == expected[: 2 * len(held)]


def test_more_than_one_query_takes(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device for which Kata has more IDs than a query takes is refused over all hosts, and asked about on one."""
    monkeypatch.setattr(devices, "MOST", 1)
    report = reports.find("device-history", database.backend.name)
    with pytest.raises(InvalidValue, match="more than 1 IDs for it; ask about one host"):
        reports.run(database, report, report.values(["253:7"]))
    assert len(reports.run(database, report, report.values(["253:7"]), host="node-1").rows) == len(MAPPED)


def test_a_kata_sandbox_and_a_real_container(sqlite_url: str, real: Real) -> None:
    """A device that a Kata container has, as its files tell it, and a container of another runtime, is held by both."""
    cid = real.cid("d")
    device = {"path": "/dev/dm", "type": "b", "major": 253, "minor": 7, "fileMode": 0o640, "uid": 0, "gid": 6}
    kinds = ("pid", "network", "ipc", "uts", "mount")
    real.create(cid, linux={"namespaces": [{"type": kind} for kind in kinds], "devices": [device]})
    with Database(sqlite_url) as database:
        importer = Importer(ContainerRepository(database, host="node-1"), Recorder())
        assert importer.run([str(DATA / "kata/1.12.1"), str(real.root)])
        by_numbers = ask(database, "device-holders", "b 253:7")
        assert ("node-1", cid, "device", "/dev/dm") in by_numbers
        assert {held_as for _, other, held_as, _ in by_numbers if other != cid} >= {"rootfs"}
        assert ask(database, "device-holders", "8a1f0c2d3e4b5a69") == by_numbers
        assert set(ask(database, "device-holders", "/dev/dm-7")) >= set(by_numbers)


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ("c 10:229", ("c 10:229", "u 10:229", None, 10, 229, "char", "char")),
        ("b 08:016", (None, None, "b 8:16", 8, 16, "block", "block")),
        ("8:16", ("c 8:16", "u 8:16", "b 8:16", 8, 16, "char", "block")),
        *(
            (text, (None, None, None, None, None, None, None))
            for text in ("c 10", "x 1:2", "1234567890:1", "/dev/x", "")
        ),
    ],
)
def test_the_parameter(given: str, values: tuple[object, ...]) -> None:
    """Numbers are told from an ID and a path; what an OCI runtime does not write is the text as it is."""
    found = reports.find("device-holders", "sqlite").values([given])
    ids = [given if value is None else value for value in values[:3]]
    names = ("device", *(f"device_{name}" for name in ("c", "u", "b", "major", "minor", "kind", "or_kind", "ids")))
    assert found == dict(zip(names, (given, *ids, *values[3:], given), strict=True))


def test_a_nul_character() -> None:
    """A device is a text that a database can hold."""
    with pytest.raises(InvalidValue, match="device: a NUL"):
        reports.find("device-holders", "sqlite").values(["c 1:\0"])
