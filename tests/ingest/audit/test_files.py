"""VMs and devices, on trees of files that stand for a node's /proc, /sys and /dev."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from persistdb.cli import complete
from persistdb.errors import FileError, InvalidValue
from persistdb.ingest.audit import CHECKS, Audit, Node, Roots
from persistdb.records import ContainerState, DeviceMap, Machine, Mount, Process, SandboxState
from tests.reports.fleet import device, document

from .nodes import find, write

if TYPE_CHECKING:
    from pathlib import Path

    from persistdb import ContainerRepository

TICKS = os.sysconf("SC_CLK_TCK")


def add_process(proc: Path, pid: int, name: str, *words: str, age: float = 3600.0, state: str = "S") -> None:
    """Write a process as proc_pid_stat(5) has it, in a machine that was booted a day ago."""
    booted = int((datetime.now(UTC) - timedelta(days=1)).timestamp())
    write(proc / "stat", f"cpu  1 2\nbtime {booted}\n")
    write(proc / "1/stat", f"1 (init) S {' '.join(['1'] * 18)} 0 1\n")
    ticks = int((24 * 3600 - age) * TICKS)
    fields = " ".join(["1"] * 18)
    write(proc / str(pid) / "stat", f"{pid} ({name}) {state} {fields} {ticks} 1\n")
    write(proc / str(pid) / "cmdline", "\0".join(words) + "\0")


def save(repository: ContainerRepository, sid: str, state: str = "running", **values: Any) -> None:
    containers = {"web": ContainerState(state=state)}
    repository.save_sandbox(SandboxState(sid=sid, state=state, document=document(**values)), containers)


def test_vms(repository: ContainerRepository, tmp_path: Path) -> None:
    """A recorded VM that is gone is found, and a VM or shim without a record that is older than the last import."""
    for sid, pid in (("fine", 10), ("dead", 11), ("reused", 12), ("zombie", 13)):
        save(repository, sid, HypervisorState={"Pid": pid})
    save(repository, "stopped", "stopped", HypervisorState={"Pid": 11})
    repository.save_sandbox(SandboxState(sid="gone"), {})
    repository.destroy_sandbox("gone")
    at = datetime.now(UTC) - timedelta(minutes=5)
    repository.mark_seen(["fine"], source="/run/vc/sbs", at=at, machine=Machine(boot_id="b"))
    proc = tmp_path / "proc"
    qemu = ("qemu-system-x86", "/usr/bin/qemu-system-x86_64", "-name")
    add_process(proc, 10, *qemu, "sandbox-fine,debug-threads=on")
    add_process(proc, 12, "cron) S 1 (x", "cron")
    add_process(proc, 13, *qemu, "sandbox-zombie", state="Z")
    add_process(proc, 20, *qemu, "sandbox-gone,debug-threads=on")
    add_process(proc, 21, "cloud-hyperviso", "clh", "--api-socket", "/run/vc/vm/lost/clh-api.sock")
    add_process(proc, 22, "containerd-shim", "containerd-shim-kata-v2", "-namespace", "k8s.io", "-id", "orphan")
    add_process(proc, 23, "containerd-shim", "containerd-shim-runc-v2", "-namespace", "k8s.io", "-id", "web")
    add_process(proc, 24, *qemu, "sandbox-young", age=60)
    add_process(proc, 25, *qemu, "guest=libvirts")
    add_process(proc, 26, "containerd-shim", "containerd-shim-runsc-v1", "-namespace", "k8s.io", "-id", "gvisors")
    add_process(proc, 27, "containerd-shim", "containerd-shim-runc-v2", "-namespace", "moby", "-id", "engines")
    add_process(proc, 28, "containerd-shim", "containerd-shim-runc-v2", "-namespace", "moby", "-id", "gone")
    add_process(proc, 29, "containerd-shim", "containerd-shim-kata-v2", "-namespace", "k8s.io", "-id", "inner")
    write(proc / "29/status", "Name:\tcontainerd-shim\nNSpid:\t29\t7\n")
    add_process(proc, 30, *qemu, "sandbox-8a5c6e0e-2a0f-4b8e-9d3f-0c9f6b1f2a3b")
    write(proc / "31/stat", "what?")
    found = find(repository, Node(Roots(proc=str(proc))), "record-without-vm", "vm-without-record")
    assert {one.subject: one.observed.partition(",")[0] for one in found} == {
        "pid 11 of dead": "no process 11",
        "pid 12 of reused": "pid 12 is another process: cron) S 1 (x",
        "pid 13 of zombie": "no process 13",
        "qemu-system-x86 of gone": "pid 20: /usr/bin/qemu-system-x86_64",
        "cloud-hyperviso of lost": "pid 21: clh",
        "containerd-shim of orphan": "pid 22: containerd-shim-kata-v2",
        # no import reads runc's files, but this one had a record
        "containerd-shim of gone": "pid 28: containerd-shim-runc-v2",
    }
    assert {one.sid for one in found if one.check == "vm-without-record"} == {"gone", None}


def test_firecracker(repository: ContainerRepository, tmp_path: Path) -> None:
    """A sandbox's Firecracker, which has the first half of the ID, is its own; so is a VM that was made before it."""
    sids = [digit * 64 for digit in "ab"]
    for pid, sid in enumerate(sids, 10):
        save(repository, sid, HypervisorState={"Pid": pid})
    name = sids[0][:32]
    add_process(
        tmp_path, 10, "firecracker", "firecracker", "--api-sock", f"/run/vc/firecracker/{name}/root/run/fc.sock"
    )
    uuid = "8a5c6e0e-2a0f-4b8e-9d3f-0c9f6b1f2a3b"
    add_process(tmp_path, 11, "qemu-system-x86", "qemu-system-x86_64", "-name", f"sandbox-{uuid},debug-threads=on")
    assert find(repository, Node(Roots(proc=str(tmp_path))), "record-without-vm", "vm-without-record") == []


def test_what_is_young(repository: ContainerRepository, tmp_path: Path) -> None:
    """What has yet to be imported is told by the last look at its runtime's files, not at another's."""
    now = datetime.now(UTC)
    save(repository, "kata")
    repository.save_sandbox(SandboxState(sid="runc", layout="runc"), {"runc": ContainerState(state="running")})
    repository.mark_seen(["kata"], source="/run/vc/sbs", at=now - timedelta(hours=1))
    repository.mark_seen(["runc"], source="/run/runc", at=now, machine=Machine(boot_id="b"))
    for pid, age in ((20, 1800.0), (21, 7200.0)):
        words = ("qemu-system-x86", "qemu-system-x86_64", "-name", f"sandbox-{pid}")
        add_process(tmp_path, pid, *words, age=age)
    found = find(repository, Node(Roots(proc=str(tmp_path))), "vm-without-record")
    assert [one.subject for one in found] == ["qemu-system-x86 of 21"]


def test_what_its_runtime_deleted(repository: ContainerRepository, tmp_path: Path) -> None:
    """A sandbox whose files are gone since the last import is an old record, which one check names."""
    save(repository, "kata", HypervisorState={"Pid": 10})
    state = ContainerState(state="running", processes=[Process(token="web", pid=11)], cgroup_path="/pods/web")
    repository.save_sandbox(SandboxState(sid="runc", layout="runc"), {"web": state})
    repository.mark_seen(["kata"], source="/run/vc/sbs", at=datetime.now(UTC))
    repository.mark_seen(["runc"], source="/run/runc", at=datetime.now(UTC))
    add_process(tmp_path / "proc", 1, "init")
    write(tmp_path / "proc/1/mountinfo", "1 0 0:1 / / rw - ext4 /dev/sda1 rw\n")
    write(tmp_path / "sys/fs/cgroup/cgroup.controllers", "cpu")
    (tmp_path / "sys/block").mkdir()
    node = Roots(root=str(tmp_path), proc=str(tmp_path / "proc"), sys=str(tmp_path / "sys"))
    every = [check.name for check in CHECKS]
    assert {(one.check, one.sid) for one in find(repository, Node(node), *every)} == {
        ("left-over-state", "kata"),
        ("left-over-state", "runc"),
    }
    for path in ("run/vc/sbs/kata", "run/runc/web"):
        (tmp_path / path).mkdir(parents=True)
    assert {(one.check, one.sid) for one in find(repository, Node(node), *every)} == {
        ("record-without-vm", "kata"),
        ("dead-process", "runc"),
        ("cgroup", "runc"),
    }


def test_after_a_boot(repository: ContainerRepository, tmp_path: Path) -> None:
    """What was recorded before the boot is dead, whatever runs under its pid now."""
    save(repository, "pod", HypervisorState={"Pid": 10})
    add_process(tmp_path, 10, "qemu-system-x86", "qemu", "-name", "sandbox-pod")
    write(tmp_path / "stat", f"btime {int((datetime.now(UTC) + timedelta(minutes=1)).timestamp())}\n")
    (found,) = find(repository, Node(Roots(proc=str(tmp_path))), "record-without-vm")
    assert found.observed.startswith("the node was booted since")
    assert found.began_at is not None


def test_devices(repository: ContainerRepository, tmp_path: Path) -> None:
    """A block or PCI device that a VM or container has and the node has not is missing; what is there is not."""
    block = {"Type": "block", "DevType": "b"}
    vfio = {"Type": "vfio", "DevType": "c", "Major": 241}
    uuid = "8a5c6e0e-2a0f-4b8e-9d3f-0c9f6b1f2a3b"
    devices = [
        device("fine", **block, Major=8, Minor=1, BlockDrive={"File": "/dev/sda1"}),
        device("nofile", **block, Major=8, Minor=1, BlockDrive={"File": "/dev/dm-7"}),
        device("nonumber", **block, Major=8, Minor=2),
        device("loose", **block, Major=8, Minor=3, AttachCount=0),
        device("bound", **vfio, VFIODevs=[{"BDF": "0000:3b:00.0"}, None]),
        device("stolen", **vfio, VFIODevs=[{"BDF": "3b:00.1"}]),
        device("nopci", **vfio, VFIODevs=[{"BDF": "0000:3b:00.2"}]),
        device("variant", **vfio, VFIODevs=[{"BDF": "3b:00.0", "SysfsDev": "/sys/devices/pci0001:00/0001:3b:00.0"}]),
        device("part", **vfio, VFIODevs=[{"BDF": "0000:3b:00.1", "SysfsDev": f"/sys/bus/mdev/devices/{uuid}"}]),
        device("odd", **block, Major="x", Minor=1, BlockDrive={"File": "/dev/odd\0"}),
        device("", **vfio, VFIODevs=[{"BDF": ""}]),
    ]
    ids = ("c 10:229", "b 8:9", "c 136:3", "fine")
    maps = [DeviceMap(id=id_, container_path=f"/dev/{id_[0]}{id_[-1]}") for id_ in ids]
    state = SandboxState(sid="pod", state="running", document=document(devices))
    repository.save_sandbox(state, {"web": ContainerState(state="running", device_maps=maps)})
    sys = tmp_path / "sys"
    for number in ("block/8:1", "char/10:229"):
        write(sys / "dev" / number / "uevent", "")
    drivers = {"0000:3b:00.0": "vfio-pci", "0000:3b:00.1": "nvme", "0001:3b:00.0": "mlx5_vfio_pci"}
    for address, driver in drivers.items():
        write(sys / "bus/pci/drivers" / driver / "new_id", "")
        (sys / "bus/pci/devices" / address).mkdir(parents=True)
        (sys / "bus/pci/devices" / address / "driver").symlink_to(f"../../drivers/{driver}")
    write(tmp_path / "dev/sda1", "")
    made = Audit.make(repository, Node(Roots(root=str(tmp_path), sys=str(sys))), ["missing-device"])
    repository.record_audit(made.run, made.findings)
    assert {one.subject: one.observed for one in made.findings} == {
        "nofile of pod": "/dev/dm-7 does not exist",
        "nonumber of pod": "no block device 8:2",
        "stolen of pod": "PCI device 0000:3b:00.1 is bound to nvme, not to one for VFIO",
        "odd of pod": "/dev/odd\ufffd does not exist",
        "nopci of pod": "no PCI device 0000:3b:00.2",
        "/dev/b9 of pod/web": "no block device 8:9",
    }


def test_devices_without_sysfs(repository: ContainerRepository, tmp_path: Path) -> None:
    """A character device that the node has as a file is there, for not all drivers tell sysfs of theirs."""
    maps = [DeviceMap(id=id_, container_path=path) for id_, path in (("c 1:3", "/dev/null"), ("c 1:99", "/dev/zero"))]
    repository.save_sandbox(SandboxState(sid="pod"), {"web": ContainerState(state="running", device_maps=maps)})
    (tmp_path / "dev/char").mkdir(parents=True)
    (found,) = find(repository, Node(Roots(sys=str(tmp_path))), "missing-device")
    assert found.observed == "no char device 1:99"


def test_held_devices(repository: ContainerRepository, tmp_path: Path) -> None:
    """A VFIO device of a stopped sandbox is leaked while a process has it open; a bound one alone is not."""
    devices = [device("v", Type="vfio", VFIODevs=[{"BDF": "0000:3b:00.0"}])]
    repository.save_sandbox(SandboxState(sid="pod", state="stopped", document=document(devices)), {})
    pci = tmp_path / "sys/bus/pci/devices/0000:3b:00.0"
    pci.mkdir(parents=True)
    (pci / "driver").symlink_to("../../drivers/vfio-pci")
    (pci / "iommu_group").symlink_to("../../../kernel/iommu_groups/42")
    (tmp_path / "sys/block").mkdir()
    node = Roots(proc=str(tmp_path / "proc"), sys=str(tmp_path / "sys"))
    add_process(tmp_path / "proc", 9, "qemu-system-x86", "qemu", "-name", "sandbox-pod,debug-threads=on")
    add_process(tmp_path / "proc", 10, "qemu-system-x86", "qemu", "-name", "guest=libvirts")
    assert find(repository, Node(node), "leaked-device") == []
    for pid in (9, 10):
        (tmp_path / f"proc/{pid}/fd").mkdir()
        (tmp_path / f"proc/{pid}/fd/5").symlink_to("/dev/vfio/42")
    (found,) = find(repository, Node(node), "leaked-device")
    assert (found.sid, found.observed) == ("pod", "/dev/vfio/42 is open in process 9 (qemu-system-x86)")


def test_loops_in_files(repository: ContainerRepository, tmp_path: Path) -> None:
    """A loop device on a file of what was removed is leaked, also where the file is gone; others' are not."""
    for name in ("kept", "gone"):
        rootfs = Mount(source=f"/run/x/{name}/rootfs", destination="/")
        repository.save_sandbox(SandboxState(sid=name), {"web": ContainerState(state="running", rootfs=rootfs)})
    repository.destroy_sandbox("gone")
    volumes = [Mount(source="/srv", destination="/srv")]
    stopped = ContainerState(state="stopped", mounts=volumes, bundle_path="/srv/gone")
    users = {"user": ContainerState(state="running", mounts=volumes), "done": stopped}
    repository.save_sandbox(SandboxState(sid="volumes"), users)
    files = {
        "loop0": "/run/x/kept/rootfs/image",
        "loop1": "/run/x/gone/rootfs/image (deleted)",
        "loop2": "/var/lib/snapd/snaps/core.snap",
        "loop3": "/run/kata-containers/shared/sandboxes/lost/image",
        "loop5": "/srv/data/image",
        "loop6": "/srv/gone/rootfs/image",
    }
    for name, file in files.items():
        write(tmp_path / "block" / name / "loop/backing_file", f"{file}\n")
    (tmp_path / "block/loop4").mkdir()
    found = find(repository, Node(Roots(sys=str(tmp_path))), "leaked-device")
    assert {one.subject: one.sid for one in found} == {
        f"/dev/loop1 {files['loop1']}": "gone",
        f"/dev/loop3 {files['loop3']}": None,
        f"/dev/loop6 {files['loop6']}": "volumes",
    }


def test_counts(repository: ContainerRepository) -> None:
    """A device whose counts do not fit its users is found, of the records alone."""
    devices = [device("fine"), device("high", RefCount=2), device("unused"), device("more", AttachCount=2)]
    devices += [device("back", RefCount=0, AttachCount=0), device("kept"), device("odd", RefCount="x")]
    devices += [device("nic", Type="vfio"), device("loose", Type="vfio", AttachCount=0)]
    maps = [DeviceMap(id=id_) for id_ in ("fine", "high", "more")]
    state = SandboxState(sid="pod", document=document(devices))
    stopped = ContainerState(state="stopped", device_maps=[DeviceMap(id="back"), DeviceMap(id="kept")])
    repository.save_sandbox(state, {"web": ContainerState(device_maps=maps), "done": stopped})
    subjects = {one.subject for one in find(repository, Node(), "ref-count")}
    assert subjects == {"high of pod", "more of pod", "unused of pod", "kept of pod", "loose of pod"}


def test_documents_that_are_none(repository: ContainerRepository) -> None:
    """A document that is damaged, or another runtime's, says nothing, and ends nothing."""
    for number, text in enumerate(("", "{", "[]", '{"Devices": 1}', "null", "[" * 100_000)):
        repository.save_sandbox(SandboxState(sid=f"pod-{number}", state="running", document=text), {})
    assert find(repository, Node(), "ref-count", "record-without-vm", "missing-device") == []


def test_what_cannot_be_seen(repository: ContainerRepository, tmp_path: Path) -> None:
    """A check that cannot see the node is a fault, and no other check suffers."""
    save(repository, "pod", HypervisorState={"Pid": 10})
    node = Node(Roots(proc=str(tmp_path)))
    made = Audit.make(repository, node)
    paths = {f"{tmp_path}/1/mountinfo", f"{tmp_path}/1/stat", str(tmp_path)}
    assert {fault.path for fault in made.faults if isinstance(fault, FileError)} <= paths
    unseen = {"leaked-mount", "missing-mount", "record-without-vm", "vm-without-record"}
    assert {check.name for check in CHECKS} - set(made.run.checks) >= unseen
    assert made.findings == []
    write(tmp_path / "1/mountinfo", "what?\n")
    (fault, _) = Audit.make(repository, Node(Roots(proc=str(tmp_path))), ["leaked-mount", "missing-mount"]).faults
    assert "not a line of mountinfo" in str(fault)


def test_names_of_checks(repository: ContainerRepository) -> None:
    """The command knows the checks, and another name is refused."""
    assert tuple(check.name for check in CHECKS) == complete.CHECKS
    with pytest.raises(InvalidValue, match="use one of dead-process"):
        Audit.make(repository, Node(), ["x"])
