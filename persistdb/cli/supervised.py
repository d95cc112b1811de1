"""The service manager that started the program: systemd's protocol of readiness (sd_notify(3)), in its plain form."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


class ServiceManager:
    """What started the program, if it wants to hear of it: datagrams to the socket in ``NOTIFY_SOCKET``.

    Twenty lines in the place of a library: the protocol is ``NAME=VALUE`` lines, and documented as stable.
    """

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        # a socket in the abstract namespace is written with @ (sd_notify(3)); vsock is for virtual machines
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.interval = _interval()

    def ready(self) -> None:
        """Say that the start is over."""
        self._send("READY=1")

    def alive(self, status: str) -> None:
        """Say that the program goes on, and how it is."""
        self._send(f"WATCHDOG=1\nSTATUS={status}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if self._address[:1] not in ("/", "\0"):
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.sendto(text.encode(), self._address)


def _interval() -> float | None:
    """Return half of the time within which a sign of life is wanted, in seconds (sd_watchdog_enabled(3))."""
    microseconds, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or int(microseconds) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(microseconds) / 2_000_000
