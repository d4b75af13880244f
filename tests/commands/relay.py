"""A way to a service that can be cut: what a broken network looks like from the client's side."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.commands.service import RunningService


class Relay:
    """Listens on a port of its own, and passes bytes on in both directions."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._start(self._accept)

    def environment_of(self, service: RunningService) -> dict[str, str]:
        """The environment of a client that takes this way."""
        return service.environment() | {"MANUALDIAL_URL": self.url}

    def cut(self) -> None:
        """End every connection that is open now."""
        for one in tuple(self._sockets):
            _end(one)

    def close(self) -> None:
        """Take no more, end what is open, and wait until nothing is passed on any more."""
        _end(self._listening)
        self.cut()
        for thread in self._threads:
            thread.join()
        for one in (self._listening, *self._sockets):
            one.close()

    def _start(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                there = socket.create_connection(self._target)
                self._sockets += [here, there]
                self._start(_pass_on, here, there)
                self._start(_pass_on, there, here)


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65_536):
            sink.sendall(chunk)
    _end(sink)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(url: str) -> Iterator[Relay]:
    """A relay to the service at this address."""
    parts = urlsplit(url)
    way = Relay((parts.hostname or "", parts.port or 0))
    try:
        yield way
    finally:
        way.close()
