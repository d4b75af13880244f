"""SIPp's message log as typed values. SIPp runs with its clock set to UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_HEADING = re.compile(
    rb"^-{10,} (?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6})\n"
    rb"UDP message (?P<direction>sent|received) [\[(](?P<size>\d+)\]? bytes\)? ?:\n\n",
    re.MULTILINE,
)


@dataclass(frozen=True, kw_only=True)
class SipMessage:
    """One request or response, as SIPp saw it."""

    time: float
    """Seconds since 1970."""
    received: bool
    """From Asterisk; otherwise SIPp sent it."""
    start_line: str
    headers: tuple[tuple[str, str], ...]
    """Names in lower case."""
    body: str

    def header(self, name: str) -> str:
        """The first header of that name; "" where there is none."""
        return next((value for key, value in self.headers if key == name.lower()), "")

    @property
    def method(self) -> str:
        """Of a request: its method. Of a response: that of the request which it answers."""
        return self.header("cseq").rpartition(" ")[2]

    @property
    def status(self) -> int | None:
        """Of a response; None for a request."""
        return int(self.start_line.split()[1]) if self.start_line.startswith("SIP/2.0 ") else None

    @property
    def is_request(self) -> bool:
        """Whether it asks, rather than answers."""
        return self.status is None

    @property
    def uri(self) -> str:
        """The Request-URI; "" for a response."""
        return self.start_line.split()[1] if self.is_request else ""

    @property
    def call_id(self) -> str:
        """SIP's name of the call; not ours."""
        return self.header("call-id")

    @property
    def media_port(self) -> int:
        """Where the sender of this message wants to hear sound."""
        described = re.search(r"^m=audio (\d+) ", self.body, re.MULTILINE)
        assert described is not None, f"no sound is described in {self.start_line}"
        return int(described[1])

    @property
    def from_uri(self) -> str:
        """Who calls, e.g. sip:+12025550100@127.0.0.1:5060."""
        return _uri(self.header("from"))

    @property
    def to_uri(self) -> str:
        """Who is called."""
        return _uri(self.header("to"))


def read(log: Path) -> list[SipMessage]:
    """All complete messages of a log that SIPp may still be writing."""
    text = log.read_bytes()
    found = []
    for heading in _HEADING.finditer(text):
        raw = text[heading.end() : heading.end() + int(heading["size"])]
        if len(raw) == int(heading["size"]):
            moment = datetime.fromisoformat(heading["time"].decode()).replace(tzinfo=UTC).timestamp()
            found.append(_message(raw, time=moment, received=heading["direction"] == b"received"))
    return found


def requests(messages: list[SipMessage], method: str) -> list[SipMessage]:
    """The requests of one method that came in: each once, however often it was sent again."""
    found: dict[tuple[str, str], SipMessage] = {}
    for message in messages:
        if message.received and message.is_request and message.method == method:
            found.setdefault((message.call_id, message.header("cseq")), message)
    return list(found.values())


def _message(raw: bytes, *, time: float, received: bool) -> SipMessage:
    head, _, body = raw.decode(errors="replace").replace("\r\n", "\n").partition("\n\n")
    start_line, *lines = head.split("\n")
    headers = tuple(
        (name.strip().lower(), value.strip()) for name, colon, value in (line.partition(":") for line in lines) if colon
    )
    return SipMessage(time=time, received=received, start_line=start_line, headers=headers, body=body)


def _uri(header: str) -> str:
    between = re.search(r"<([^>]*)>", header)
    return between[1] if between else header.partition(";")[0]
