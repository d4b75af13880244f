"""SIPp as a telephone or as a carrier, on loopback, on a port of its own."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.telephony.lab import sip_messages
from tests.telephony.lab.ports import free_media_ports, free_port, is_bound
from tests.telephony.lab.sip_messages import SipMessage

_HOST = "127.0.0.1"
_SCENARIOS = Path(__file__).parent / "scenarios"
_START_LIMIT = 10.0
_MESSAGE_LIMIT = 10.0
# SIPp takes a message that it has seen before for one that was sent again.
_notices = itertools.count(1)


def version() -> str:
    """SIPp's own word for what it is."""
    told = subprocess.run(["sipp", "-v"], capture_output=True, text=True, check=False).stdout  # ends with status 99
    found = re.search(r"v\d[\w.]*", told)
    return found[0] if found else "unknown"


class Sipp:
    """One SIPp that waits for calls and plays its scenario with each of them, many at once.

    `media_port` is where its SDP sends the sound to: SIPp itself would not tell what it hears.
    Use it as a context manager; leaving ends the process.
    """

    def __init__(
        self, scenario: str, *, directory: Path, media_port: int | None = None, values: Mapping[str, str] | None = None
    ) -> None:
        self.scenario = scenario
        self.port = free_port()
        self._own_media = free_media_ports(4)
        self._media_port = media_port or self._own_media
        self._values = dict(values or {})
        self._log = directory / f"{scenario}-{self.port}.messages"
        self._errors = directory / f"{scenario}-{self.port}.errors"
        self._output = directory / f"{scenario}-{self.port}.output"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Sipp:
        command = [
            "sipp", "-sf", str(_SCENARIOS / f"{self.scenario}.xml"), "-nostdin",
            "-i", _HOST, "-p", str(self.port), "-ci", _HOST, "-cp", str(free_port()),
            "-mi", _HOST, "-mp", str(self._own_media), "-key", "mport", str(self._media_port),
            "-trace_msg", "-message_file", str(self._log), "-trace_err", "-error_file", str(self._errors),
        ]  # fmt: skip
        for name, value in self._values.items():
            command += ["-key", name, value]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TZ": "UTC", "TERM": "dumb"},
            )
        deadline = time.monotonic() + _START_LIMIT
        while not is_bound(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError(f"SIPp did not start:\n{self._output.read_text(errors='replace')[-2000:]}")
            time.sleep(0.005)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def log(self) -> Path:
        """The file that it writes every SIP message into."""
        return self._log

    def messages(self) -> list[SipMessage]:
        """Every SIP message that it received or sent so far, in order."""
        return sip_messages.read(self._log) if self._log.exists() else []

    async def until_request(self, method: str) -> SipMessage:
        """The first request of that method that came in, now or later."""
        return await self._until(method, lambda: sip_messages.requests(self.messages(), method))

    async def until_status(self, status: int) -> SipMessage:
        """The first answer with that status, now or later: SIPp writes down what it sends after it has sent it."""
        return await self._until(
            str(status), lambda: [message for message in self.messages() if message.status == status]
        )

    async def _until(self, what: str, look: Callable[[], list[SipMessage]]) -> SipMessage:
        deadline = time.monotonic() + _MESSAGE_LIMIT
        while not (found := look()):
            assert time.monotonic() < deadline, f"{self.scenario} has no {what}"
            await asyncio.sleep(0.01)
        return found[0]

    def errors(self) -> str:
        """What SIPp found unexpected."""
        return self._errors.read_text(errors="replace") if self._errors.exists() else ""

    def notify(self, call: SipMessage) -> None:
        """Tell the party in this call to do what its scenario does at a NOTIFY: hang up, or answer.

        SIPp gives a request to the call that has its Call-ID, whoever sent it.
        """
        request = (
            f"NOTIFY sip:party@{_HOST}:{self.port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {_HOST}:9;branch=z9hG4bK{next(_notices)}\r\n"
            f"From: <sip:lab@{_HOST}>;tag=lab\r\n"
            f"To: <sip:party@{_HOST}>\r\n"
            f"Call-ID: {call.call_id}\r\n"
            f"CSeq: {next(_notices)} NOTIFY\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(request.encode(), (_HOST, self.port))
