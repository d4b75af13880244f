"""The codes that a connection of the bus is closed with, and what a client does then (RFC 6455; contract §6)."""

from __future__ import annotations

from enum import IntEnum


class CloseCode(IntEnum):
    """Why a connection is closed. From 4400 on: do not come back unchanged; from 4500 on: come back."""

    meaning: str
    advice: str
    """The next step of the client."""

    def __new__(cls, code: int, meaning: str, advice: str) -> CloseCode:
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning, member.advice = meaning, advice
        return member

    NORMAL = 1000, "answers a client's close without a code; other codes are sent back as they came", ""
    PROTOCOL_ERROR = 1002, "a frame breaks RFC 6455", "mend the client"
    MESSAGE_TOO_BIG = 1009, "a message is too big", "send smaller ones"
    NO_ANSWER_TO_PING = 1011, "no answer to a ping", "come back"
    PROTOCOL_ABUSE = 4400, "protocol abuse: a binary frame, or sending on after `TOO_MANY_REQUESTS`", "mend the client"
    NOT_AUTHENTICATED = 4401, "not authenticated, or not registered in time", "sign in"
    FORBIDDEN = 4403, "forbidden; not used by this version", "do not come back"
    TOKEN_EXPIRED = 4501, "the token has expired", "come back with a new one"
    SHUTTING_DOWN = 4503, "the service stops", "come back, not all at once"
    TOO_SLOW = 4508, "the reader is too slow (`server.max_reader_lag`)", "come back, register, ask for StateSync"
