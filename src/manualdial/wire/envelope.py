"""Bytes ⇄ envelope: the frame of a message, its address, packets; and the reading of its data (contract §1).

Keys of the frame and of the data are read without regard to case, and unknown ones are ignored; addresses are compared
without regard to case and outer blanks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, TypeVar, get_args

import msgspec

from manualdial.errors import MalformedMessage
from manualdial.wire.messages.incoming import Incoming, NoData

AnyIncoming = TypeVar("AnyIncoming", bound=Incoming)

MAX_MESSAGE_BYTES = 65_536
"""The size of the largest message that is read, in bytes, included (contract §1)."""

MAX_LEVEL_CHARACTERS = 128
"""The length of the longest channel, topic or subtopic that is read."""

_NULL = msgspec.Raw(b"null")
_FRAME_KEYS = frozenset(
    {"channel", "topic", "subtopic", "source", "data", "message", "okmessage", "requestid", "subscriberid"}
)


class Address(msgspec.Struct, frozen=True):
    """`channel/topic/subtopic` as it was spelt; `key` is what is compared."""

    channel: str
    topic: str = ""
    subtopic: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """The three levels folded: no outer blanks, no difference of case."""
        return _key(self)

    def on(self, channel: str) -> Address:
        """The same topic and subtopic on another channel."""
        return Address(channel, self.topic, self.subtopic)

    def __str__(self) -> str:
        return f"{self.channel}/{self.topic}/{self.subtopic}"


@lru_cache(maxsize=4096)
def _key(address: Address) -> tuple[str, str, str]:
    return (fold(address.channel), fold(address.topic), fold(address.subtopic))


API_ERROR = Address("{channel}", "Error", "ApiError")
"""Where errors go out, on the channel of the request."""


class Packet(msgspec.Struct, frozen=True, kw_only=True):
    """The wrapping of a message that came through an iframe; the answer is wrapped for the same subscriber."""

    subscriber_id: msgspec.Raw = _NULL
    """Any JSON value, exactly as it came."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A message that came in: where to, what, and the bytes themselves (of the inner message if it was a packet)."""

    address: Address
    data: Any = None
    request_id: str | int | None = None
    packet: Packet | None = None
    raw: bytes


def fold(text: str) -> str:
    """Two texts that differ by case or outer blanks alone fold to the same."""
    return text.strip().casefold()


def decode(raw: bytes) -> Envelope:
    """Read one message.

    Raises MalformedMessage where the bytes are no JSON object with a channel; the error tells nothing of the content.
    """
    outer = _object(raw)
    frame = _frame(outer)
    if not _is_packet(frame):
        return _envelope(frame, raw=raw, packet=None)
    parts = _frame(json_of(raw, dict[str, msgspec.Raw]))
    packet = Packet(subscriber_id=parts.get("subscriberid", _NULL))
    wrapped = "message" if isinstance(frame.get("message"), dict) else "okmessage"
    try:
        return _envelope(_frame(frame[wrapped]), raw=bytes(parts[wrapped]), packet=packet)
    except MalformedMessage as error:
        raise MalformedPacket(error.message, packet=packet) from None


def refuse_repeated_keys(raw: bytes) -> None:
    """Raise MalformedMessage where an object of the message has a key twice: readers could differ on which one counts.

    For what is passed on as it came; what the server reads itself it reads in one way.
    """

    def once(pairs: list[tuple[str, Any]]) -> None:
        if len({key for key, _ in pairs}) != len(pairs):
            raise MalformedMessage("a key is there twice")

    try:
        json.loads(raw, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise MalformedMessage("not JSON in UTF-8") from None


class MalformedPacket(MalformedMessage):
    """The packet can be read, the message inside cannot: the answer goes out as a packet."""

    def __init__(self, message: str, *, packet: Packet) -> None:
        super().__init__(message)
        self.packet = packet


def _object(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_MESSAGE_BYTES:
        raise MalformedMessage(f"a message has at most {MAX_MESSAGE_BYTES} bytes")
    decoded = json_of(raw)
    if not isinstance(decoded, dict):
        raise MalformedMessage("a message is a JSON object")
    return decoded


def json_of(raw: bytes, kind: Any = Any) -> Any:
    """The JSON value. Raises MalformedMessage, which tells nothing of it."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise MalformedMessage("not JSON in UTF-8") from None
    except RecursionError:
        raise MalformedMessage("nested too deeply") from None


def _frame(decoded: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of the frame, folded. Two spellings of one key are refused: readers could differ on which one counts."""
    frame: dict[str, Any] = {}
    for key, value in decoded.items():
        folded = fold(key)
        if folded in _FRAME_KEYS:
            if folded in frame:
                raise MalformedMessage(f"the key {folded!r} is there twice")
            frame[folded] = value
    return frame


def _is_packet(frame: Mapping[str, Any]) -> bool:
    no_address = not frame.get("topic") and not frame.get("subtopic")
    return no_address and (isinstance(frame.get("message"), dict) or isinstance(frame.get("okmessage"), dict))


def _envelope(frame: Mapping[str, Any], *, raw: bytes, packet: Packet | None) -> Envelope:
    request_id = frame.get("requestid")
    if request_id is not None:
        request_id = checked_request_id(request_id)
    channel = _level(frame, "channel")
    if not channel.strip():
        raise MalformedMessage("a message has a channel")
    address = Address(channel, _level(frame, "topic"), _level(frame, "subtopic"))
    return Envelope(address=address, data=frame.get("data"), request_id=request_id, packet=packet, raw=raw)


def checked_request_id(request_id: Any) -> str | int:
    """The id if it may be one: a string or a whole number, not empty, not endless. Raises MalformedMessage."""
    if isinstance(request_id, bool) or not isinstance(request_id, str | int):
        raise MalformedMessage("requestId is a string or a number")
    if isinstance(request_id, int):
        if abs(request_id) >= 2**63:
            raise MalformedMessage("requestId as a number has at most 64 bits")
    elif not 0 < len(request_id) <= MAX_LEVEL_CHARACTERS or not request_id.isprintable():
        raise MalformedMessage(f"requestId has 1 to {MAX_LEVEL_CHARACTERS} printable characters")
    return request_id


def _level(frame: Mapping[str, Any], name: str) -> str:
    level = frame.get(name)
    if level is None:
        return ""
    if not isinstance(level, str) or len(level) > MAX_LEVEL_CHARACTERS:
        raise MalformedMessage(f"{name} is a string of at most {MAX_LEVEL_CHARACTERS} characters")
    return level


def read(data: Any, kind: type[AnyIncoming]) -> AnyIncoming:
    """The `data` of a request as its type.

    Raises MalformedMessage with `details.path` where a value has the wrong type; the text tells no value.
    """
    if data is None:
        data = {}
    if kind.bare is not None and isinstance(data, str | int) and not isinstance(data, bool):
        data = {kind.bare: data} if data != "" else {}
    if not isinstance(data, dict):
        if kind is NoData:
            return kind()
        raise MalformedMessage("data is an object", details={"path": "data"})
    try:
        return msgspec.convert(_spelt(data, kind), kind, strict=False)
    except RecursionError:
        raise MalformedMessage("nested too deeply", details={"path": "data"}) from None
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        raise MalformedMessage(reason, details={"path": "data" + path.rstrip("`")}) from None


def _spelt(value: Any, kind: Any) -> Any:
    """The value with the keys of objects spelt as the type spells them. The exact spelling wins over another one."""
    if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, Incoming):
        names = _spellings(kind)
        known: dict[str, Any] = {}
        for key, item in value.items():
            name, inner = names.get(key.strip().casefold(), (None, None))
            if name is not None and (name not in known or key == name):
                known[name] = _spelt(item, inner)
        return known
    if isinstance(value, list):
        return [_spelt(item, kind) for item in value]
    return value


@cache
def _spellings(kind: type[Incoming]) -> dict[str, tuple[str, Any]]:
    fields = msgspec.structs.fields(kind)
    return {one.encode_name.casefold(): (one.encode_name, _inner_struct(one.type)) for one in fields}


def _inner_struct(kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, Incoming):
        return kind
    return next((found for part in get_args(kind) if (found := _inner_struct(part)) is not None), None)


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message that goes out, encoded once for all who read it."""

    address: Address
    payload: bytes
    """The JSON text of the message without `meta`."""

    def with_meta(self, *, epoch: str, seq: int, at: str) -> bytes:
        """The payload with `meta` as its last key (contract §6, `stream`)."""
        body = self.payload.rstrip()[:-1].rstrip()
        meta = msgspec.json.encode({"epoch": epoch, "seq": seq, "at": at})
        return body + b',"meta":' + meta + b"}"

    def as_packet(self, packet: Packet) -> bytes:
        """The payload wrapped for the iframe that asked."""
        return msgspec.json.encode(
            {
                "channel": self.address.channel,
                "topic": "",
                "subTopic": "",
                "subscriberID": packet.subscriber_id,
                "message": msgspec.Raw(self.payload),
            }
        )


def reply(address: Address, content: Any, *, key: str = "message", request_id: str | int | None = None) -> Outgoing:
    """A reply or an event: `{channel, topic, subtopic, message}`, with `requestId` where there is one."""
    body = {"channel": address.channel, "topic": address.topic, "subtopic": address.subtopic, key: content}
    if request_id is not None:
        body["requestId"] = request_id
    return Outgoing(address=address, payload=_encode(body))


def api_error(channel: str, data: Any, *, request_id: str | int | None = None) -> Outgoing:
    """An ApiError event: `{channel, topic: "Error", subtopic: "ApiError", data}` (contract §1)."""
    return reply(API_ERROR.on(channel), data, key="data", request_id=request_id)


_encode = msgspec.json.Encoder().encode
