"""Rows that are given to the statements of audits."""

from __future__ import annotations

from .encoding import Row


class FindingRow(Row, frozen=True):
    """A finding to store."""

    check_name: str
    subject_hash: str
    subject: str
    sid: str | None
    cid: str | None
    recorded: str
    observed: str
    advice: str
    began_at: str | None


class FindingKey(Row, frozen=True):
    """What tells a finding from the others of its host."""

    check_name: str
    subject_hash: str


class Name(Row, frozen=True):
    """A name, path or ID to ask for."""

    value: str


class Number(Row, frozen=True):
    """A row's ID to ask for."""

    value: int
