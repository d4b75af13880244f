"""A way to a service that can be cut: what a broken network looks like from the client's side."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.commands.service import RunningService


class Relay:
    """Listens on a port of its own, and passes bytes on in both directions."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._open: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def environment_of(self, service: RunningService) -> dict[str, str]:
        """The environment of a client that takes this way."""
        return service.environment() | {"MANUALDIAL_URL": self.url}

    def cut(self) -> None:
        """End every connection that is open now."""
        while self._open:
            with contextlib.suppress(OSError):
                self._open.pop().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take no more, and end what is open."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                there = socket.create_connection(self._target)
                self._open += [here, there]
                for source, sink in ((here, there), (there, here)):
                    threading.Thread(target=_pass_on, args=(source, sink), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65_536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    # The other direction may still be passed on; both sockets go when it ends too.
    if sink.fileno() != -1 and source.fileno() != -1:
        source.close()


@contextmanager
def relay(url: str) -> Iterator[Relay]:
    """A relay to the service at this address."""
    parts = urlsplit(url)
    way = Relay((parts.hostname or "", parts.port or 0))
    try:
        yield way
    finally:
        way.close()
