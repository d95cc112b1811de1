"""Strategies for any record that Go can write."""

from __future__ import annotations

from hypothesis import strategies as st
from whenever import OffsetDateTime

from persistdb.records import ContainerState, DeviceMap, Mount, Process

# Go's strings hold any text except surrogates, which are no characters; database servers refuse NUL.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
UINT32 = st.integers(0, 2**32 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)


@st.composite
def _times(draw: st.DrawFn) -> OffsetDateTime:
    day = draw(st.dates()).isoformat()
    hours, minutes, seconds = draw(st.tuples(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59)))
    offset = draw(st.integers(-23 * 60 - 59, 23 * 60 + 59))
    sign, (ahead, rest) = "-" if offset < 0 else "+", divmod(abs(offset), 60)
    fraction = draw(st.integers(0, 10**9 - 1))
    return OffsetDateTime.parse_iso(
        f"{day}T{hours:02}:{minutes:02}:{seconds:02}.{fraction:09}{sign}{ahead:02}:{rest:02}"
    )


def times() -> st.SearchStrategy[OffsetDateTime | None]:
    """Draw times with nanoseconds and an offset that are in the years 1 to 9999 of UTC, or none."""

    def possible(draw: st.DrawFn) -> OffsetDateTime:
        try:
            return draw(_times())
        except ValueError:  # the offset takes it out of the years 1 to 9999
            return OffsetDateTime.parse_iso("9999-12-31T23:59:59.999999999Z")

    return st.none() | st.composite(possible)().filter(lambda at: at.format_iso() != "0001-01-01T00:00:00+00:00")


MOUNTS = st.builds(
    Mount,
    source=TEXT,
    destination=TEXT,
    type=TEXT,
    options=st.none() | st.lists(TEXT, max_size=3),
    host_path=TEXT,
    block_device_id=TEXT,
    read_only=st.booleans(),
    mounted=st.booleans(),
)
DEVICES = st.builds(
    DeviceMap, id=TEXT, container_path=TEXT, file_mode=UINT32, uid=UINT32, gid=UINT32, shared=st.booleans()
)
PROCESSES = st.builds(Process, token=TEXT, pid=INT64, start_time=times())
RECORDS = st.builds(
    ContainerState,
    state=st.sampled_from(["ready", "running", "paused", "stopped", ""]) | TEXT,
    rootfs=MOUNTS,
    cgroup_path=TEXT,
    device_maps=st.lists(DEVICES, max_size=3),
    mounts=st.lists(MOUNTS, max_size=3),
    processes=st.lists(PROCESSES, max_size=3),
    bundle_path=TEXT,
)
