"""The JSON documents that the statements give, decoded into records."""

from __future__ import annotations

from datetime import datetime

import msgspec
from whenever import Instant, OffsetDateTime, TimeDelta

from .changes import StoredContainer, StoredSandbox
from .state import Container, ContainerSummary, Sandbox, SandboxState


class SandboxDocument(msgspec.Struct):
    """A sandbox as the database gives it."""

    host: str
    record: SandboxState
    own_revision: int
    created_at: datetime
    updated_at: datetime
    containers: list[Container]

    def sandbox(self) -> Sandbox:
        """The record that users hold."""
        return Sandbox(
            host=self.host,
            record=self.record,
            containers={container.cid: container for container in self.containers},
            revision=self.own_revision + sum(container.revision for container in self.containers),
            created_at=self.created_at,
            updated_at=self.updated_at,
        )


def _start_time(_kind: type, text: str) -> OffsetDateTime:
    """Put a start time together: ``2019-04-20T07:42:25.123456Z 789 -420``."""
    moment, nanoseconds, offset = text.split(" ") if "T" in text else text.replace(" ", "T", 1).split(" ")
    instant = Instant.parse_iso(f"{moment[:-1]}{int(nanoseconds):03}Z")
    return instant.to_fixed_offset(TimeDelta(minutes=int(offset)))


# Not strict: MariaDB's and SQLite's booleans are 1 and 0.
decode_container = msgspec.json.Decoder(Container, strict=False, dec_hook=_start_time).decode
decode_summary = msgspec.json.Decoder(ContainerSummary, strict=False).decode
decode_sandbox = msgspec.json.Decoder(SandboxDocument, strict=False, dec_hook=_start_time).decode
decode_stored_container = msgspec.json.Decoder(StoredContainer, strict=False, dec_hook=_start_time).decode
decode_stored_sandbox = msgspec.json.Decoder(StoredSandbox, strict=False, dec_hook=_start_time).decode
