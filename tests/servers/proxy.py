"""A network that fails when a test wants it to: cut before or after a COMMIT arrives, slow, or frozen."""

from __future__ import annotations

import contextlib
import re
import selectors
import socket
import threading
import time
from enum import Enum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    Pieces = Callable[[bytes], Iterable[tuple[float, bytes]]]


class Cut(Enum):
    """When the connection is lost."""

    #: The server never sees the message: it rolls back.
    BEFORE = "before"
    #: The server does what the message says, but its answer is lost.
    AFTER = "after"


class Proxy:
    """A TCP port that leads to a server, until the client sends what the connection shall be lost at."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._cut: tuple[re.Pattern[bytes], Cut] | None = None
        self._refuse = False
        self._pieces: Pieces | None = None
        self._fresh_flow = _flowing()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: dict[tuple[socket.socket, socket.socket], threading.Event] = {}
        self._threads: list[threading.Thread] = []
        self.connections = 0
        self._spawn(self._accept)

    @property
    def port(self) -> int:
        """The port to connect to."""
        port: int = self._listener.getsockname()[1]
        return port

    def cut(self, at: bytes, when: Cut) -> None:
        """Lose the connection, once, at the next message of a client that holds this word."""
        with self._lock:
            # A word: PyMySQL begins a connection with SET AUTOCOMMIT.
            self._cut = (re.compile(rb"\b" + re.escape(at) + rb"\b", re.IGNORECASE), when)

    def refuse(self, refuse: bool = True) -> None:
        """Close new connections at once, or stop doing so."""
        self._refuse = refuse

    def slow(self, pieces: Pieces | None) -> None:
        """Send data in pieces, each after a pause in seconds, or stop doing so."""
        self._pieces = pieces

    @contextlib.contextmanager
    def frozen(self, *, fresh: bool) -> Iterator[None]:
        """Let nothing pass while all connections stay open, then let go on; ``fresh``: also on new connections."""
        flow = threading.Event()
        with self._lock:
            before = dict(self._pairs)
            self._pairs.update(dict.fromkeys(before, flow))
            if fresh:
                self._fresh_flow = flow
        try:
            yield
        finally:
            with self._lock:
                self._fresh_flow = _flowing()
            flow.set()

    def drop(self) -> None:
        """Lose all connections now."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            _shut(*pair)

    def close(self) -> None:
        """End the proxy."""
        _shut(self._listener)
        self.drop()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _spawn(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads = [one for one in self._threads if one.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self._refuse:
                    raise ConnectionRefusedError
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            self.connections += 1
            with self._lock:
                self._pairs[client, server] = self._fresh_flow
            self._spawn(self._pump, client, server)

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        answer_is_lost = False
        with client, server, selectors.DefaultSelector() as selector, contextlib.suppress(OSError):
            selector.register(client, selectors.EVENT_READ)
            selector.register(server, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    source, target = (client, server) if key.fileobj is client else (server, client)
                    data = source.recv(65536)
                    if not data or (answer_is_lost and source is server):
                        raise ConnectionError
                    cut = self._cut_at(data) if source is client else None
                    if cut is Cut.BEFORE:
                        raise ConnectionError
                    answer_is_lost = answer_is_lost or cut is Cut.AFTER
                    # the flow of now: a connection may be frozen twice
                    self._pairs[client, server].wait()
                    for pause, piece in self._pieces(data) if self._pieces else [(0.0, data)]:
                        time.sleep(pause)
                        target.sendall(piece)
        with self._lock:
            del self._pairs[client, server]

    def _cut_at(self, data: bytes) -> Cut | None:
        with self._lock:
            if self._cut is None or not self._cut[0].search(data):
                return None
            when = self._cut[1]
            self._cut = None
            return when


def _flowing() -> threading.Event:
    flow = threading.Event()
    flow.set()
    return flow


def _shut(*sockets: socket.socket) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
