"""Ports on loopback that nobody has, and that nobody gets twice in one run.

Asterisk goes on sending an INVITE that was never answered: the next program on that port would get it as a call.
"""

from __future__ import annotations

import random
import socket
from pathlib import Path

_HOST = "127.0.0.1"
# Below what the kernel gives to outgoing connections, so that no client takes one between choice and use.
_CHOICE = range(12_000, 31_000, 2)

_given: set[int] = set()


def free_ports(count: int = 1) -> int:
    """The first of `count` neighbouring ports that are free for UDP and TCP; it is even, as RTP likes it.

    A port alone is never given twice. Of a long block a program takes what is still free when it needs it, so blocks may
    overlap. Raises OSError where there are none.
    """
    for _ in range(1_000):
        first = random.choice(_CHOICE)
        block = range(first, first + count)
        if _given.isdisjoint(block) and all(_is_free(port) for port in block):
            if count == 1:
                _given.add(first)
            return first
    raise OSError(f"no {count} free ports side by side")


def is_bound(port: int) -> bool:
    """Whether a program on this machine (or in this network namespace) listens on the UDP port."""
    lines = Path("/proc/self/net/udp").read_text().splitlines()[1:]
    return any(int(line.split()[1].rpartition(":")[2], 16) == port for line in lines)


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((_HOST, port))
            except OSError:
                return False
    return True
