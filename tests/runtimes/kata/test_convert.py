"""A sandbox's own file is converted to another version of Kata, which reads it; what it cannot hold is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from persistdb.runtimes.kata.convert import convert_sandbox
from persistdb.runtimes.kata.sandbox_keys import sandbox_struct
from persistdb.runtimes.kata.versions import parse_version

from .test_convert_properties import VERSIONS, check, parse, refusals_of_struct


def convert(file: object, version: str) -> tuple[Any, list[str]]:
    """Convert a file, given as an object, and return the converted one with the losses."""
    converted = convert_sandbox(json.dumps(file), parse_version(version))
    return json.loads(converted.text), converted.losses


@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        ({"CgroupPath": "/c"}, {"SandboxCgroupPath": "/c"}, "2.3"),
        ({"HypervisorState": {"VirtiofsdPid": 7}}, {"HypervisorState": {"VirtiofsDaemonPid": 7}}, "2.4"),
        (
            {"Network": {"NetNsPath": "/n", "NetNsCreated": True}},
            {"Network": {"NetworkID": "/n", "NetworkCreated": True}},
            "2.4",
        ),
        (
            {"Config": {"NetworkConfig": {"NetNSPath": "/n", "NetNsCreated": True, "DisableNewNetNs": True}}},
            {"Config": {"NetworkConfig": {"NetworkID": "/n", "NetworkCreated": True, "DisableNewNetwork": True}}},
            "2.4",
        ),
        (
            {"Network": {"Endpoints": [{"Type": "macvlan", "BridgedMacvlan": {"NetPair": {"ID": "i"}}}]}},
            {"Network": {"Endpoints": [{"Type": "macvlan", "Macvlan": {"NetPair": {"ID": "i"}}}]}},
            "2.4",
        ),
        ({"ProxyState": {"Pid": 5, "URL": "u"}}, {"AgentState": {"ProxyPid": 5, "URL": "u"}}, "1.9"),
        ({"HypervisorState": {"BlockIndex": 2}}, {"HypervisorState": {"BlockIndexMap": {"0": {}, "1": {}}}}, "1.11"),
        ({"HypervisorState": {"BlockIndex": 0}}, {"HypervisorState": {"BlockIndexMap": {}}}, "1.11"),
        (
            {"Config": {"HypervisorConfig": {"NumVCPUs": 3}}},
            {"Config": {"HypervisorConfig": {"NumVCPUsF": 3}}},
            "3.3",
        ),
    ],
)
def test_renamed_keys_keep_their_values(old: dict[str, Any], new: dict[str, Any], at: str) -> None:
    """A key that was renamed at a version keeps its value, on the way up and down."""
    before = VERSIONS[VERSIONS.index(at) - 1]
    assert convert(old, at) == (new, [])
    assert convert(new, before) == (old, [])
    assert convert(old, before) == (old, [])
    assert convert(new, at) == (new, [])


@pytest.mark.parametrize(
    ("file", "version", "loss"),
    [
        ({"Config": {"Experimental": True}}, "1.10", "Config.Experimental (must be a list of strings, not true)"),
        ({"Config": {"Experimental": ["newstore"]}}, "1.9", "Config.Experimental (must be true or false, not a list)"),
        ({"Config": {"Experimental": ["newstore"]}}, "2.3", "Config.Experimental 'newstore' (a feature that"),
        (
            {"Config": {"HypervisorConfig": {"MemOffset": 2**32}}},
            "2.1",
            "Config.HypervisorConfig.MemOffset (4294967296 is out of range for uint32",
        ),
        (
            {"Devices": [{"VFIODevs": [{"Type": "x"}]}]},
            "1.7",
            "Devices[0].VFIODevs[0].Type (must be a whole number, not a string)",
        ),
        (
            {"Devices": [{"VFIODevs": [{"Type": 1}]}]},
            "seed",
            "Devices[0].VFIODevs[0].Type (must be a string, not a number)",
        ),
        ({"HypervisorState": {"PCIeRootPort": -1}}, "3.6", "HypervisorState.PCIeRootPort (-1 is out of range"),
        ({"HypervisorState": {"PCIeRootPort": 1}}, "3.2", "HypervisorState.PCIeRootPort"),
        ({"Devices": [{"BlockDrive": {"PCIAddr": "02/01"}}]}, "2.1", "Devices[0].BlockDrive.PCIAddr"),
        (
            {"Devices": [{"BlockDrive": {"PCIPath": "02/01"}}]},
            "2.1",
            "Devices[0].BlockDrive.PCIPath (must be an object",
        ),
        ({"Devices": [{}, 5]}, "2.1", "Devices (Devices[1] must be an object, not a number)"),
        ({"HypervisorState": {"HotplugVFIOOnRootBus": True}}, "3.2", "HypervisorState.HotplugVFIOOnRootBus"),
        ({"Config": {"ProxyConfig": {"Path": "/p"}}}, "2.0", "Config.ProxyConfig.Path"),
        ({"HypervisorState": {"BlockIndex": -1}}, "1.11", "HypervisorState.BlockIndex (-1 is no number of block"),
        ({"HypervisorState": {"BlockIndex": 2**40}}, "1.11", "HypervisorState.BlockIndex (1099511627776 is no"),
        ({"HypervisorState": {"BlockIndexMap": {"-1": {}}}}, "1.10", "HypervisorState.BlockIndexMap (holds an index"),
        ({"HypervisorState": {"BlockIndexMap": {"x": {}}}}, "4.1", "HypervisorState.BlockIndexMap (HypervisorState.Bl"),
        ({"Config": {"HypervisorConfig": {"NumVCPUsF": -0.5e10}}}, "3.2", "Config.HypervisorConfig.NumVCPUsF (-5e+09"),
        ({"Config": {"cgroups": {"owner_uid": 0}}}, "2.5", "Config.cgroups.owner_uid"),
    ],
)
def test_what_a_version_cannot_read_is_left_out_and_named(file: dict[str, Any], version: str, loss: str) -> None:
    """A value of a type or range that a version refuses, or of a key that it does not have, is left out and named."""
    after, losses = convert(file, version)
    assert len(losses) == 1
    assert losses[0].startswith(loss)
    assert refusals_of_struct(parse(json.dumps(after)), sandbox_struct(), parse_version(version)) == []


@pytest.mark.parametrize(
    ("file", "version", "converted", "loss"),
    [
        ({"BlockIndexMap": {"0": {}, "10": {}}}, "1.10", {"BlockIndex": 11}, "which of the first 11 are free"),
        ({"NumVCPUsF": 2.5}, "3.2", {"NumVCPUs": 3}, "2.5 is rounded up to 3"),
        ({"NumVCPUs": 2**24 + 1}, "3.3", {"NumVCPUsF": 2**24 + 1}, "read as 16777216, the nearest float32"),
    ],
)
def test_inexact_conversions_are_named(
    file: dict[str, Any], version: str, converted: dict[str, Any], loss: str
) -> None:
    """A renamed value that the other type can only come near to is named."""
    is_state = "BlockIndexMap" in file
    after, losses = convert({"HypervisorState": file} if is_state else {"Config": {"HypervisorConfig": file}}, version)
    assert after == ({"HypervisorState": converted} if is_state else {"Config": {"HypervisorConfig": converted}})
    assert len(losses) == 1
    assert loss in losses[0]


@pytest.mark.parametrize(
    ("file", "version"),
    [
        ({"Config": {"Experimental": False}}, "1.10"),
        ({"Config": {"Experimental": []}}, "1.9"),
        ({"Config": {"ProxyConfig": {"Path": "", "Debug": False}, "KernelParams": None}}, "4.1"),
        ({"Devices": [{"VFIODevs": [{"Type": 0}]}]}, "seed"),
        ({"Devices": [{"BlockDrive": {"PCIPath": {}}}]}, "1.9"),
        ({"CgroupPath": "", "SandboxCgroupPath": ""}, "2.3"),
    ],
)
def test_zero_values_are_no_loss(file: dict[str, Any], version: str) -> None:
    """A zero value that a version has no place for, or in another type, is left out and not named."""
    assert convert(file, version)[1] == []
    check(json.dumps(file), version)


@pytest.mark.parametrize("key", ["0", "7", "007", "-1", "+7", "-0", str(2**63 - 1), "0" * 5000 + "1"])
def test_keys_of_maps_that_are_read(key: str) -> None:
    """A map's key that Go's strconv reads as a number of the type stays as it is."""
    file = {"HypervisorState": {"BlockIndexMap": {key: {}}}}
    assert convert(file, "4.1") == (file, [])


@pytest.mark.parametrize(
    ("name", "key"),
    [("BlockIndexMap", key) for key in ("", "x", "1.0", "+-1", "1_0", " 1", "٣", str(2**63), "9" * 5000)]
    + [("DeviceAddr", key) for key in ("-0", "+1", "-1", str(2**32))],
)
def test_keys_of_maps_that_are_refused(name: str, key: str) -> None:
    """A map's key that is no number of the type makes Kata refuse the file: the map is left out and named."""
    value = {key: {} if name == "BlockIndexMap" else "a"}
    state = {name: value} if name == "BlockIndexMap" else {"Bridges": [{name: value}]}
    losses = convert({"HypervisorState": state}, "4.1")[1]
    assert len(losses) == 1
    assert losses[0].startswith(f"HypervisorState.{'' if name == 'BlockIndexMap' else 'Bridges[0].'}{name} (")


def _address(member: str, value: object) -> dict[str, Any]:
    interface = {"Addrs": [{member: value}]}
    return {"Network": {"Endpoints": [{"Tap": {"TapInterface": {"TAPIface": interface}}}]}}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        *(("IP", value) for value in ("", "10.0.0.1", "fe80::1", "::ffff:1.2.3.4", None)),
        *(("Mask", value) for value in ("", "////AA==", "//8\n=", [255, 0], [], None)),
        *(("Peer", value) for value in ({}, None, {"IP": "1.2.3.4", "Mask": "/w=="})),
        *(("Scope", value) for value in (-(2**63), 2**63 - 1)),
    ],
)
def test_addresses_that_are_read(member: str, value: object) -> None:
    """A value of a network address that Go's own decoders take stays as it is."""
    assert convert(_address(member, value), "4.1") == (_address(member, value), [])


@pytest.mark.parametrize(
    ("member", "value", "reason"),
    [
        *(("IP", value, "must be an IP address") for value in ("x", "10.0.0", "010.0.0.1", "fe80::1%eth0", " ::1")),
        ("IP", 5, "must be a string, not a number"),
        *(("Mask", value, "must be base64") for value in ("/w", "!!!!", "_w==")),
        ("Mask", [256], "256 is out of range for uint8"),
        ("Mask", ["a"], "must be a whole number, not a string"),
        ("Mask", True, "must be a string, not true"),
        *(("Scope", value, "") for value in (2**63, 1.0, "1")),
    ],
)
def test_addresses_that_are_refused(member: str, value: object, reason: str) -> None:
    """A value of a network address that Go's own decoders refuse is left out and named."""
    after, losses = convert(_address(member, value), "4.1")
    assert after["Network"]["Endpoints"][0]["Tap"]["TapInterface"]["TAPIface"] == {"Addrs": [{}]}
    assert len(losses) == 1
    assert losses[0].startswith(f"Network.Endpoints[0].Tap.TapInterface.TAPIface.Addrs[0].{member} (")
    assert reason in losses[0]


@pytest.mark.parametrize("number", ["0", "-0.0", "3", "1e2", "2.5", "3.4028235e38", "1e-400"])
def test_floats_that_are_read(number: str) -> None:
    """Any number up to the greatest float32 stays as it is."""
    text = f'{{"Config":{{"HypervisorConfig":{{"NumVCPUsF":{number}}}}}}}'
    assert convert_sandbox(text, (4, 1, 0)) == (text, [])


@pytest.mark.parametrize("number", ["3.4028236e38", "-1e39", "1e400", "true", '"1"'])
def test_floats_that_are_refused(number: str) -> None:
    """A number beyond float32 makes Kata refuse the file: it is left out and named."""
    text = f'{{"Config":{{"HypervisorConfig":{{"NumVCPUsF":{number}}}}}}}'
    converted = convert_sandbox(text, (4, 1, 0))
    assert converted.text == '{"Config":{"HypervisorConfig":{}}}'
    assert len(converted.losses) == 1


def test_one_name_of_two() -> None:
    """Of a file with both names of a key the target's own stays, unless it is empty; the other value is named."""
    both = {"CgroupPath": "/old", "SandboxCgroupPath": "/new"}
    assert convert(both, "2.3") == ({"SandboxCgroupPath": "/new"}, ["CgroupPath"])
    assert convert(both, "2.2") == ({"CgroupPath": "/old"}, ["SandboxCgroupPath"])
    assert convert(both | {"SandboxCgroupPath": ""}, "2.3") == ({"SandboxCgroupPath": "/old"}, [])
    assert convert(both | {"CgroupPath": "/new"}, "2.3") == ({"SandboxCgroupPath": "/new"}, [])
    after, losses = convert(both | {"SandboxCgroupPath": True}, "2.3")
    assert after == {"SandboxCgroupPath": "/old"}
    assert losses == ["SandboxCgroupPath (must be a string, not true)"]
    assert convert(both | {"CgroupPath": ""}, "2.3") == ({"SandboxCgroupPath": "/new"}, [])


def test_everything_else_stays_as_it_is() -> None:
    """Empty lists, digits, white space, unknown keys and odd spellings of keys stay where nothing else changes."""
    text = (
        ' {"state":"x", "CgroupPath" : "/c","Vendor":{"CgroupPath":1.50},"CgroupPaths":{},"DEVICES": [ ],'
        '"Config": {"Mine": 1e2,"ContainerConfigs":[]} ,"Network":{"NetNsPath":"","Mine": [ ]}}\nrest'
    )
    assert convert_sandbox(text, (2, 2, 0)) == (text, [])
    after = (
        ' {"state":"x","SandboxCgroupPath":"/c","Vendor":{"CgroupPath":1.50},"CgroupPaths":{},"DEVICES": [ ],'
        '"Config": {"Mine": 1e2,"ContainerConfigs":[]},"Network":{"NetworkID":"","Mine": [ ]}}\nrest'
    )
    assert convert_sandbox(text, (2, 4, 0)) == (after, [])


def test_unknown_keys_of_a_lost_object_are_named() -> None:
    """Keys that no version has are lost with the object that they are in, and named."""
    file = {"ProxyState": {"URL": "", "Mine": {"a": 1}}, "Config": {"ProxyConfig": {"Mine": 1, "Zero": 0}}}
    assert convert(file, "2.0") == (
        {"AgentState": {"URL": "", "Mine": {"a": 1}}, "Config": {}},
        ["Config.ProxyConfig.Mine"],
    )


def test_maps_of_other_values() -> None:
    """A map stays as it is where its values are of its type; another value is named with its key."""
    file = {"HypervisorState": {"Bridges": [{"DeviceAddr": {"1": "a", "2": ""}}], "BlockIndexMap": {"0": {}}}}
    assert convert(file, "4.1") == (file, [])
    after, losses = convert({"HypervisorState": {"BlockIndexMap": {"0": 7}}}, "4.1")
    assert after == {"HypervisorState": {}}
    where = "HypervisorState.BlockIndexMap"
    assert losses == [f"{where} ({where}.0 must be an object, not a number)"]


def test_the_greatest_index() -> None:
    """A set of block indexes becomes the first number above them, which must be a number of 64 bits."""
    gap = "which of the first 9223372036854775807 are free: BlockIndex counts all of them as used"
    assert convert({"HypervisorState": {"BlockIndexMap": {str(2**63 - 2): {}}}}, "1.10") == (
        {"HypervisorState": {"BlockIndex": 2**63 - 1}},
        [f"HypervisorState.BlockIndexMap ({gap})"],
    )
    assert convert({"HypervisorState": {"BlockIndexMap": {str(2**63 - 1): {}}}}, "1.10") == (
        {"HypervisorState": {}},
        ["HypervisorState.BlockIndexMap (holds an index that no count covers)"],
    )


@pytest.mark.parametrize(("number", "count"), [(0, 0), (2.5, 3), (2**32 - 512, 2**32 - 512), (2**32, None), (-2, None)])
def test_numbers_of_processors(number: float, count: int | None) -> None:
    """A number of processors is rounded up to a uint32; one that does not fit is left out and named."""
    after, losses = convert({"Config": {"HypervisorConfig": {"NumVCPUsF": number}}}, "3.2")
    assert after["Config"]["HypervisorConfig"] == ({} if count is None else {"NumVCPUs": count})
    assert len(losses) == (number != count)


def test_a_key_that_only_the_other_name_has() -> None:
    """A key in an object under its old name is checked by what the new name's object holds."""
    assert convert({"ProxyState": {"ProxyPid": 5}}, "1.9") == ({"AgentState": {"ProxyPid": 5}}, [])
    after, losses = convert({"ProxyState": {"ProxyPid": "x"}}, "1.9")
    assert after == {"AgentState": {}}
    assert losses == ["ProxyState.ProxyPid (must be a whole number, not a string)"]


def test_nulls_and_odd_spellings() -> None:
    """A null in a list or map stays, a key in another case is renamed too, and a value that is no map is named."""
    file = {"Devices": [None, {"ID": "d"}], "HypervisorState": {"BlockIndexMap": {"0": None}}}
    assert convert(file, "4.1") == (file, [])
    assert convert({"cgrouppath": "/c"}, "2.3") == ({"SandboxCgroupPath": "/c"}, [])
    assert convert({"HypervisorState": {"BlockIndexMap": 7}}, "4.1") == (
        {"HypervisorState": {}},
        ["HypervisorState.BlockIndexMap (must be an object, not a number)"],
    )
