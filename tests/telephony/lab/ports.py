"""Ports on loopback that nobody has."""

from __future__ import annotations

import random
import socket
from pathlib import Path

_HOST = "127.0.0.1"
# Below what the kernel gives to outgoing connections, so that no client takes one between choice and use.
_SINGLE = range(12_000, 31_000)
_MEDIA = range(40_000, 60_000, 2)
_TRIES = 1_000

_given: set[int] = set()


def free_port() -> int:
    """A port that is free for UDP and TCP, and that nobody gets twice in one run. Raises OSError where there is none.

    Asterisk goes on sending an INVITE that was never answered: the next program on that port would get it as a call.
    """
    for _ in range(_TRIES):
        port = random.choice(_SINGLE)
        if port not in _given and _is_free(port, socket.SOCK_DGRAM) and _is_free(port, socket.SOCK_STREAM):
            _given.add(port)
            return port
    raise OSError("no free port")


def free_media_ports(count: int) -> int:
    """The first, even one of `count` neighbouring ports that are free for UDP. Raises OSError where there are none.

    Programs take single ports of their block when they need them and pass over taken ones, so blocks may overlap.
    """
    for _ in range(_TRIES):
        first = random.choice(_MEDIA)
        if all(_is_free(port, socket.SOCK_DGRAM) for port in range(first, first + count)):
            return first
    raise OSError(f"no {count} free ports side by side")


def is_bound(port: int) -> bool:
    """Whether a program on this machine (or in this network namespace) listens on the UDP port."""
    lines = Path("/proc/self/net/udp").read_text().splitlines()[1:]
    return any(int(line.split()[1].rpartition(":")[2], 16) == port for line in lines)


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True
