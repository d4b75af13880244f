"""The sound of a call: an RTP end point that speaks a tone, and remembers what it hears and which digits."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from tests.telephony.lab import audio
from tests.telephony.lab.ports import free_port

_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")
_MU_LAW = 0
_TELEPHONE_EVENT = 101
_DIGITS = "0123456789*#ABCD"
_MOMENT = 0.2
"""Seconds of sound that are judged at once."""
_LIMIT = 10.0
_FRAME_SECONDS = audio.FRAME / audio.RATE


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One packet of sound."""

    time: float
    """Seconds since 1970."""
    sound: bytes


@dataclass(frozen=True, kw_only=True)
class Digit:
    """One telephone event (RFC 4733) that is over."""

    time: float
    digit: str
    milliseconds: int


class SoundEnd(asyncio.DatagramProtocol):
    """An RTP end point on loopback. It speaks from the moment that it knows whom to.

    Use it as an asynchronous context manager. `hertz` is the tone it speaks.
    """

    def __init__(self, *, hertz: int) -> None:
        self.hertz = hertz
        self.port = free_port()
        self.heard: list[Heard] = []
        self.digits: list[Digit] = []
        self._events: set[int] = set()
        self._peer: tuple[str, int] | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._speaking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> SoundEnd:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", self.port))
        self._speaking = asyncio.create_task(self._speak())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.wait([self._speaking])
        if self._transport is not None:
            self._transport.close()

    def speak_to(self, port: int) -> None:
        """Speak to this port from now on."""
        self._peer = ("127.0.0.1", port)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) < _HEADER.size:
            return
        _, kind, _, timestamp, _ = _HEADER.unpack_from(data)
        payload = data[_HEADER.size :]
        if kind & 0x7F == _MU_LAW:
            self.heard.append(Heard(time=time.time(), sound=payload))
        elif kind & 0x7F == _TELEPHONE_EVENT:
            self._note_event(timestamp, payload)

    def sound_between(self, start: float, end: float) -> bytes:
        """What was heard between two moments (seconds since 1970)."""
        return b"".join(packet.sound for packet in self.heard if start <= packet.time < end)

    async def hear(self, *, seconds: float) -> bytes:
        """What comes in from now on, for this long. Empty where nothing comes."""
        start = time.time()
        await asyncio.sleep(seconds)
        return self.sound_between(start, start + seconds)

    async def until_hears(self, *tones: int) -> None:
        """Return when nothing but these tones, in equal shares, was heard for a moment."""
        await self._until(
            lambda sound: all(audio.strength(sound, hertz) > 0.9 / len(tones) for hertz in tones), f"hears {tones}"
        )

    async def until_silent(self) -> None:
        """Return when no sound was heard for a moment."""
        await self._until(lambda sound: not audio.is_loud(sound), "hears nothing")

    async def until_digits(self, count: int) -> str:
        """The digits that came, when there are that many."""
        deadline = time.monotonic() + _LIMIT
        while len(self.digits) < count:
            assert time.monotonic() < deadline, f"only these digits came: {self.digits}"
            await asyncio.sleep(0.01)
        return "".join(digit.digit for digit in self.digits)

    async def _until(self, is_so: Callable[[bytes], bool], what: str) -> None:
        deadline = time.monotonic() + _LIMIT
        while not is_so(sound := await self.hear(seconds=_MOMENT)):
            assert time.monotonic() < deadline, f"{self.hertz} Hz never {what}; last {len(sound)} bytes"

    def _note_event(self, timestamp: int, payload: bytes) -> None:
        """An event is sent again and again while it lasts, all with one timestamp; the last ones have the end bit."""
        number, flags, duration = _EVENT.unpack_from(payload)
        if flags & 0x80 and timestamp not in self._events and number < len(_DIGITS):
            self._events.add(timestamp)
            self.digits.append(
                Digit(time=time.time(), digit=_DIGITS[number], milliseconds=duration * 1000 // audio.RATE)
            )

    async def _speak(self) -> None:
        sound = audio.tone(self.hertz)
        loop = asyncio.get_running_loop()
        start, sent = loop.time(), 0
        while True:
            if self._peer is not None and self._transport is not None:
                at = sent * audio.FRAME % len(sound)
                header = _HEADER.pack(0x80, _MU_LAW, sent & 0xFFFF, sent * audio.FRAME & 0xFFFFFFFF, self.port)
                self._transport.sendto(header + sound[at : at + audio.FRAME], self._peer)
            sent += 1
            await asyncio.sleep(start + sent * _FRAME_SECONDS - loop.time())
