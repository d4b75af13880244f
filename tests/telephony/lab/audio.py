"""Tones in mu-law at 8,000 samples a second, and how much of a tone is in what was heard (Goertzel's algorithm)."""

from __future__ import annotations

import math

RATE = 8_000
FRAME = 160
"""Samples, and bytes, in one RTP packet of 20 ms."""

MUSIC = 440
"""The hold music of the lab, in hertz."""

_BIAS = 0x84
_CLIP = 32_635


def tone(hertz: int, *, seconds: int = 1, amplitude: int = 8_000) -> bytes:
    """Whole seconds of a sine, so that it can be repeated without a step."""
    second = bytes(_encode(int(amplitude * math.sin(2 * math.pi * hertz * n / RATE))) for n in range(RATE))
    return second * seconds


def is_loud(heard: bytes) -> bool:
    """Whether there is more than silence; comfort noise and the codec's own zero are less."""
    return _energy(heard) > 100.0 * 100.0 * len(heard)


def strength(heard: bytes, hertz: int) -> float:
    """The share of a tone in what was heard: about 1 where there is nothing else, about 0 where it is missing.

    Silence gives 0.
    """
    if not is_loud(heard):
        return 0.0
    factor = 2 * math.cos(2 * math.pi * hertz / RATE)
    before = last = 0.0
    for byte in heard:
        before, last = last, _DECODED[byte] + factor * last - before
    power = before * before + last * last - factor * before * last
    return 2 * power / (len(heard) * _energy(heard))


def _energy(heard: bytes) -> float:
    return float(sum(_DECODED[byte] ** 2 for byte in heard))


def _encode(sample: int) -> int:
    """ITU-T G.711, mu-law."""
    signal = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), _CLIP) + _BIAS
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~(signal | (exponent << 4) | mantissa) & 0xFF


def _decode(byte: int) -> int:
    byte = ~byte & 0xFF
    magnitude = (((byte & 0x0F) << 3) + _BIAS) << ((byte >> 4) & 0x07)
    return _BIAS - magnitude if byte & 0x80 else magnitude - _BIAS


_DECODED = [_decode(byte) for byte in range(256)]
