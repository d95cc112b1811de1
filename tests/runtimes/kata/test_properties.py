"""Whatever Go can write survives every layout that can hold it."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistdb.errors import DamagedFile
from persistdb.records import ContainerState, Mount, Process
from persistdb.runtimes.kata import decode_container, encode_container, layout_losses, old_layout_losses
from persistdb.runtimes.kata.layouts import LAYOUTS, OLD_LAYOUTS
from persistdb.runtimes.kata.oldstore import decode_old_container, encode_old_container

from .strategies import RECORDS, TEXT
from .trees import PLAIN


def held(record: ContainerState, layout: str) -> ContainerState:
    """Reduce a record to the values that a layout of persist.json holds."""
    target = LAYOUTS[layout]
    keep = msgspec.structs.replace
    if not target.rootfs_is_mount:
        rootfs = Mount(type=record.rootfs.type, block_device_id=record.rootfs.block_device_id)
        record = keep(record, rootfs=rootfs, mounts=[keep(mount, mounted=False) for mount in record.mounts])
    if "shared" not in target.device:
        record = keep(record, device_maps=[keep(device, shared=False) for device in record.device_maps])
    if not target.process_is_list:
        # Such a file is the same for a process with zero values and for none.
        processes = record.processes[:1]
        record = keep(record, processes=[] if processes == [Process()] else processes)
    return record


@pytest.mark.parametrize("layout", LAYOUTS)
@given(record=RECORDS)
def test_persist_json_holds_any_record(layout: str, record: ContainerState) -> None:
    """A record that a layout can hold comes back equal, and its file byte for byte."""
    record = held(record, layout)
    assert layout_losses(record, layout) == []
    data = encode_container(record, layout)
    again, origin = decode_container(data)
    assert again == record
    assert origin.extra is None
    assert origin.document is None
    assert encode_container(again, origin.layout) == data
    # json is an independent decoder.
    assert json.loads(data)["BundlePath"] == record.bundle_path


@pytest.mark.parametrize("layout", LAYOUTS)
@given(record=RECORDS)
def test_losses_name_all_that_is_lost(layout: str, record: ContainerState) -> None:
    """A record comes back equal from any layout, or something is named as lost."""
    again, _ = decode_container(encode_container(record, layout))
    lost = layout_losses(record, layout)
    assert (again == record) or lost or record.processes == [Process()]
    assert lost or held(record, layout) == again


@given(record=RECORDS)
def test_careful_way_reads_what_the_fast_one_writes(record: ContainerState) -> None:
    """The careful decoder reads the same record from the same text, here with white space that Go never writes."""
    record = held(record, "seed")
    data = encode_container(record, "seed")
    again, origin = decode_container(b"\n" + data)
    assert again == record
    assert origin.document == "\n" + data.decode()


@pytest.mark.parametrize("layout", OLD_LAYOUTS)
@given(record=RECORDS)
def test_old_stores_hold_or_name(layout: str, record: ContainerState) -> None:
    """An old store's files give a record back, or something is named as lost."""
    files = encode_old_container(record, layout)
    again, origin = decode_old_container(files)
    assert again == record or old_layout_losses(record, layout, None) or record.processes == [Process()]
    assert encode_old_container(again, origin.layout, origin.extra) == files


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@given(unknown=st.dictionaries(TEXT.map("X-".__add__), _JSON, max_size=3), at=st.sampled_from(["", "Rootfs", "Mounts"]))
def test_any_unknown_key_comes_back(unknown: dict[str, object], at: str) -> None:
    """Unknown keys with any value do not change the record, and the file comes back."""
    file = json.loads(PLAIN)
    place = {"": file, "Rootfs": file["Rootfs"], "Mounts": file["Mounts"][0]}[at]
    place.update(unknown)
    data = json.dumps(file).encode()
    record, origin = decode_container(data)
    assert record == decode_container(PLAIN)[0]
    assert origin.document is not None
    assert origin.document.encode() == data
    kept = json.loads(origin.extra or "{}")
    kept = kept if at == "" else kept.get(at, {}) if at == "Rootfs" else kept.get(at, {}).get("0", {})
    assert kept == unknown
    written = json.loads(encode_container(record, origin.layout, origin.extra))
    assert written == file


@given(data=st.binary(max_size=60) | st.integers(0, len(PLAIN)).map(lambda n: PLAIN[:n]))
def test_no_bytes_do_worse_than_damaged(data: bytes) -> None:
    """Whatever a file holds, it is a record or it is damaged; no other error escapes."""
    try:
        _, origin = decode_container(data)
    except DamagedFile:
        return
    assert origin.layout


@given(
    spot=st.integers(0, len(PLAIN) - 1),
    piece=st.sampled_from([b"", b"{", b"}", b'"', b",", b"\\", b"null", b"1", b"\xff"]),
)
def test_one_wrong_spot_does_no_worse_than_damaged(spot: int, piece: bytes) -> None:
    """A file with one character changed is a record whose text comes back, or it is damaged."""
    data = PLAIN[:spot] + piece + PLAIN[spot + 1 :]
    try:
        record, origin = decode_container(data)
    except DamagedFile:
        return
    written = origin.document.encode() if origin.document else encode_container(record, origin.layout, origin.extra)
    assert written == data
