"""WebSocket frames as the server sends them, and the codes it closes with (RFC 6455; contract §6)."""

from __future__ import annotations

from enum import IntEnum


class CloseCode(IntEnum):
    """Why a connection is closed. From 4400 on: do not come back unchanged; from 4500 on: come back."""

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    MESSAGE_TOO_BIG = 1009
    NO_ANSWER_TO_PING = 1011
    PROTOCOL_ABUSE = 4400
    NOT_AUTHENTICATED = 4401
    """No good token, or not registered in time."""
    FORBIDDEN = 4403
    TOKEN_EXPIRED = 4501
    SHUTTING_DOWN = 4503
    TOO_SLOW = 4508


_FINAL = 0x80
_TEXT = _FINAL | 0x1
_PING = _FINAL | 0x9
_PONG = _FINAL | 0xA


def text_frame(payload: bytes) -> bytes:
    """One unfragmented text frame, as a server sends it: not masked, length in 7, 16 or 64 bits."""
    size = len(payload)
    if size < 126:
        return bytes((_TEXT, size)) + payload
    if size < 1 << 16:
        return bytes((_TEXT, 126)) + size.to_bytes(2, "big") + payload
    return bytes((_TEXT, 127)) + size.to_bytes(8, "big") + payload


def pong_frame(payload: bytes) -> bytes:
    """The answer to a ping: at most 125 bytes, which the parser has seen to."""
    return bytes((_PONG, len(payload))) + payload


PING_FRAME = bytes((_PING, 0))
