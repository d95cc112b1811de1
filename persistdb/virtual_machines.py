"""What Kata's own file of a sandbox says of its virtual machine: the processes on the host, and the devices.

Keys are those of persist.json (``virtcontainers/persist/api`` of kata-containers), then those of the older store, whose
files are members of the document. VirtiofsdPid became VirtiofsDaemonPid in Kata 2.4 (2d9f89aec7), NetNsPath NetworkID
(5e119e90e8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import msgspec

from .lenient import INT64_MAX, NOTHING, integer, items, members, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Members = Mapping[str, msgspec.Raw]


class VirtualMachine(NamedTuple):
    """The processes of a virtual machine and its network namespace, on the host; ``None`` where no file tells it."""

    hypervisor_pid: int | None = None
    hypervisor_path: str | None = None
    virtiofsd_pid: int | None = None
    netns_path: str | None = None


class VFIODevice(NamedTuple):
    """A host device that VFIO hands to a virtual machine.

    ``bdf`` is its PCI address with the domain, as ``lspci -D`` shows it; empty for a device that has none.
    """

    bdf: str
    sysfs_dev: str


class SandboxDevice(NamedTuple):
    """An entry of the list of devices that Kata attached to a sandbox."""

    device_id: str | None = None
    type: str | None = None
    kind: str | None = None
    major: int | None = None
    minor: int | None = None
    host_path: str | None = None
    ref_count: int | None = None
    attach_count: int | None = None
    vfio: tuple[VFIODevice, ...] = ()


UNKNOWN: Final = VirtualMachine()
NO_DEVICES: Final[tuple[SandboxDevice, ...]] = ()

# u is an unbuffered character device (mknod(1))
_KINDS: Final = {"b": "block", "c": "char", "u": "char", "p": "fifo"}
_DIGITS: Final = (4, 5)  # of a PCI domain


def typed(document: str) -> TypedDocument | None:
    """Return what is looked for in a document, if its values are of the types that Kata writes.

    Numbers are of 64 bits then, and no text has a NUL: each is as it is stored.
    """
    if "\\u0000" in document:
        return None
    try:
        given = _decode(document)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    is_old = given.old_devices is not None or any(device.Data is not None for device in given.Devices or ())
    return None if is_old else given


def of_document(document: str, given: TypedDocument | None) -> tuple[VirtualMachine, tuple[SandboxDevice, ...]]:
    """Return what a sandbox's document says of the virtual machine, and its devices.

    ``given`` is what :func:`typed` has made of it.
    """
    if given is None:
        return _of_any(members(document))
    return _machine(given), tuple(map(_device, given.Devices)) if given.Devices else NO_DEVICES


# --- documents as Kata writes them: nearly all are decoded at once


_Int64 = Annotated[int, msgspec.Meta(ge=-INT64_MAX - 1, le=INT64_MAX)]


class _State(msgspec.Struct):
    Pid: _Int64 | None = None
    VirtiofsDaemonPid: _Int64 | None = None
    VirtiofsdPid: _Int64 | None = None


class _Network(msgspec.Struct):
    NetworkID: str | None = None
    NetNsPath: str | None = None


class _HypervisorConfig(msgspec.Struct):
    HypervisorPath: str | None = None


class _ContainerConfig(msgspec.Struct):
    ID: str | None = None
    Annotations: dict[str, str] | None = None


class _Config(msgspec.Struct):
    HypervisorConfig: _HypervisorConfig | None = None
    Annotations: dict[str, str] | None = None
    ContainerConfigs: list[_ContainerConfig] | None = None


class _Drive(msgspec.Struct):
    File: str | None = None


class _VFIO(msgspec.Struct):
    BDF: str | None = None
    SysfsDev: str | None = None


class _Device(msgspec.Struct):
    ID: str | None = None
    Type: str | None = None
    DevType: str | None = None
    Major: _Int64 | None = None
    Minor: _Int64 | None = None
    BlockDrive: _Drive | None = None
    RefCount: _Int64 | None = None
    AttachCount: _Int64 | None = None
    VFIODevs: list[_VFIO] | None = None
    Data: msgspec.Raw | None = None


class _OldConfig(msgspec.Struct):
    HypervisorConfig: _HypervisorConfig | None = None
    Annotations: dict[str, str] | None = None
    Containers: list[_ContainerConfig] | None = None


class TypedDocument(msgspec.Struct):
    """What is looked for in a document whose values are of the types that Kata writes."""

    HypervisorState: _State | None = None
    Network: _Network | None = None
    Config: _Config | None = None
    Devices: list[_Device] | None = None
    old_config: _OldConfig | None = msgspec.field(name="config.json", default=None)
    old_network: _Network | None = msgspec.field(name="network.json", default=None)
    old_devices: msgspec.Raw | None = msgspec.field(name="devices.json", default=None)

    @property
    def annotations(self) -> Iterator[dict[str, str]]:
        """The sandbox's own annotations, in each of its configurations."""
        for config in (self.Config, self.old_config):
            if config is not None and config.Annotations:
                yield config.Annotations

    @property
    def containers(self) -> Iterator[tuple[str, dict[str, str]]]:
        """The IDs and annotations of containers, in each of its configurations."""
        of_config = self.Config.ContainerConfigs if self.Config is not None else None
        of_old = self.old_config.Containers if self.old_config is not None else None
        for each in (*(of_config or ()), *(of_old or ())):
            if each.ID is not None:
                yield each.ID, each.Annotations or {}


_decode: Final = msgspec.json.Decoder(TypedDocument).decode


def _machine(given: TypedDocument) -> VirtualMachine:
    hypervisor_pid = virtiofsd_pid = hypervisor_path = netns_path = None
    if (state := given.HypervisorState) is not None:
        hypervisor_pid = _running(state.Pid)
        virtiofsd_pid = _running(state.VirtiofsDaemonPid) or _running(state.VirtiofsdPid)
    for config in (given.Config, given.old_config):
        if hypervisor_path is None and config is not None and config.HypervisorConfig is not None:
            hypervisor_path = config.HypervisorConfig.HypervisorPath or None
    if given.Network is not None:
        netns_path = given.Network.NetworkID or given.Network.NetNsPath or None
    if netns_path is None and given.old_network is not None:
        netns_path = given.old_network.NetNsPath or None
    return VirtualMachine(hypervisor_pid, hypervisor_path, virtiofsd_pid, netns_path)


def _running(pid: int | None) -> int | None:
    """Return a pid; Kata writes 0 for a process that there is not."""
    return pid if pid is not None and pid > 0 else None


def _device(given: _Device) -> SandboxDevice:
    return SandboxDevice(
        given.ID,
        given.Type,
        _KINDS.get(given.DevType or ""),
        given.Major,
        given.Minor,
        given.BlockDrive.File if given.BlockDrive else None,
        given.RefCount,
        given.AttachCount,
        tuple(_vfio(each.BDF, each.SysfsDev) for each in given.VFIODevs) if given.VFIODevs else (),
    )


# --- documents with other values, and those of old stores


def _of_any(whole: Members) -> tuple[VirtualMachine, tuple[SandboxDevice, ...]]:
    state, network = members(whole.get("HypervisorState", NOTHING)), members(whole.get("Network", NOTHING))
    config = members(members(whole.get("Config", NOTHING)).get("HypervisorConfig", NOTHING))
    old_config = members(members(whole.get("config.json", NOTHING)).get("HypervisorConfig", NOTHING))
    old_network = members(whole.get("network.json", NOTHING))
    machine = VirtualMachine(
        hypervisor_pid=_pid(state, "Pid"),
        hypervisor_path=_path(config, "HypervisorPath") or _path(old_config, "HypervisorPath"),
        virtiofsd_pid=_pid(state, "VirtiofsDaemonPid") or _pid(state, "VirtiofsdPid"),
        netns_path=_path(network, "NetworkID") or _path(network, "NetNsPath") or _path(old_network, "NetNsPath"),
    )
    found = items(whole.get("Devices", NOTHING))
    if found is None:
        found = items(whole.get("devices.json", NOTHING)) or []
    return machine, tuple(_any_device(members(item)) for item in found)


def _pid(of: Members, key: str) -> int | None:
    return _running(integer(of.get(key, NOTHING)))


def _path(of: Members, key: str) -> str | None:
    return text(of.get(key, NOTHING)) or None


def _any_device(given: Members) -> SandboxDevice:
    """Return a device whose values may be of any type, or of an old store, which has most of them under "Data"."""
    data = members(given.get("Data", NOTHING))
    info = members(data.get("DeviceInfo", NOTHING))
    drives = [members(each.get("BlockDrive", NOTHING)) for each in (given, data)]
    # VfioDevs is the field of the device itself (``VFIODevice`` of virtcontainers/device/drivers)
    vfio = items(given.get("VFIODevs", NOTHING)) or items(data.get("VfioDevs", NOTHING)) or []
    return SandboxDevice(
        _text((given, "ID"), (data, "ID")),
        _text((given, "Type")),
        _KINDS.get(_text((given, "DevType"), (info, "DevType")) or ""),
        _integer((given, "Major"), (info, "Major")),
        _integer((given, "Minor"), (info, "Minor")),
        _text(*((drive, "File") for drive in drives)),
        _integer((given, "RefCount"), (data, "RefCount")),
        _integer((given, "AttachCount"), (data, "AttachCount")),
        tuple(_any_vfio(vfio)),
    )


def _any_vfio(found: list[msgspec.Raw]) -> Iterator[VFIODevice]:
    for item in found:
        given = members(item)
        yield _vfio(_text((given, "BDF")), _text((given, "SysfsDev")))


def _vfio(bdf: str | None, sysfs_dev: str | None) -> VFIODevice:
    return VFIODevice(_address(bdf or "", sysfs_dev or ""), sysfs_dev or "")


def _address(bdf: str, sysfs_dev: str) -> str:
    """Return a PCI address with the domain, which Kata cuts off (``GetBDF`` of virtcontainers).

    The path in sysfs has it; where that is not written, as by old releases, it is taken for 0000.
    """
    if bdf.count(":") != 1:
        return bdf
    before, found, _ = sysfs_dev.partition(f":{bdf}")
    domains = (before[-digits:] for digits in _DIGITS if found and before[-digits - 1 : -digits] == "/")
    return f"{next(domains, '0000')}:{bdf}"


def _text(*places: tuple[Members, str]) -> str | None:
    found = (text(of.get(key, NOTHING)) for of, key in places)
    return next((value for value in found if value is not None), None)


def _integer(*places: tuple[Members, str]) -> int | None:
    found = (integer(of.get(key, NOTHING)) for of, key in places)
    return next((value for value in found if value is not None), None)
