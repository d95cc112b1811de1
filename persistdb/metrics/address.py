"""The address that metrics are served at: this machine's own, unless more is asked for."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from ..errors import InvalidValue

LOOPBACK = "127.0.0.1"


class Address(NamedTuple):
    """An address of this machine, and a port; 0 is any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: str, *, allow_remote: bool = False) -> Address:
    """Read ``ADDR:PORT``, ``[ADDR]:PORT`` for IPv6, or ``:PORT`` for the loopback address.

    An address that other machines can reach is refused without ``allow_remote``: who asks is not asked who they are.
    A name other than localhost is refused, for what it leads to may change. Raises
    :class:`~persistdb.errors.InvalidValue`.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise InvalidValue("address", text, "must be ADDR:PORT, such as 127.0.0.1:9960 or [::1]:9960")
    given = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if ":" in given and not host.startswith("["):
        raise InvalidValue("address", text, "an IPv6 address stands in brackets: [::1]:9960")
    if given in ("", "localhost"):
        return Address(LOOPBACK, int(port))
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        raise InvalidValue("address", text, "is no IP address of this machine: a name is not taken") from None
    if not address.is_loopback and not allow_remote:
        why = "other machines can reach it, and anybody may ask there; to serve them anyway, add --allow-remote"
        raise InvalidValue("address", text, why)
    return Address(str(address), int(port))
