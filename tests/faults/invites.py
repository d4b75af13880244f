"""The INVITEs in a SIPp's message log, read as the log grows; nothing is kept but what is counted."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

_INVITE = re.compile(
    rb"received \[\d+\] bytes ?:\n\nINVITE (?P<uri>\S+) SIP/2\.0\r?\n(?P<headers>.*?)\r?\n\r?\n", re.DOTALL
)
_CHUNK = 1 << 20
_LONGEST = 1 << 14
"""No message is longer: what may be the beginning of one is read again together with the rest."""


class InviteLog:
    """Who was called, by what the called party wrote down.

    An INVITE that was sent again is one INVITE, and so is one in a dialogue that is there already (a re-INVITE).
    """

    def __init__(self, log: Path) -> None:
        self.of_call: dict[str, set[str]] = defaultdict(set)
        """Of each of our calls, the SIP Call-IDs: one for each time that the party was called."""
        self.nameless: set[str] = set()
        """SIP Call-IDs of INVITEs that name none of our calls."""
        self._log = log
        self._read = 0

    def __contains__(self, call_id: str) -> bool:
        return call_id in self.of_call

    def __len__(self) -> int:
        return sum(map(len, self.of_call.values()))

    def catch_up(self) -> None:
        """Read what was written since."""
        if not self._log.exists():
            return
        with self._log.open("rb") as log:
            while True:
                log.seek(self._read)
                text = log.read(_CHUNK)
                end = self._take(text)
                if len(text) < _CHUNK:
                    self._read += max(end, len(text) - _LONGEST)
                    return
                self._read += max(end, _CHUNK - _LONGEST)

    def _take(self, text: bytes) -> int:
        """Note the INVITEs. Returns where the last one ends."""
        end = 0
        for found in _INVITE.finditer(text):
            end = found.end()
            headers = _headers(found["headers"])
            if b";tag=" in headers.get(b"to", b""):
                continue
            sip_call = headers.get(b"call-id", b"").decode()
            call_id = headers.get(b"x-call-id", b"").decode()
            if call_id:
                self.of_call[call_id].add(sip_call)
            else:
                self.nameless.add(sip_call)
        return end


def _headers(block: bytes) -> dict[bytes, bytes]:
    lines = (line.partition(b":") for line in block.split(b"\n"))
    return {name.strip().lower(): value.strip() for name, _, value in lines}
