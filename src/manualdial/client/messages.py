"""Messages of the bus as a client writes and reads them (contract §1)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec

from manualdial.client.errors import Unanswered
from manualdial.law.verdict import Decision
from manualdial.plain_text import part, printable
from manualdial.wire.messages.dial import DialChecked, VerdictMessage

Message = dict[str, Any]

STATE_CHANGE = "InboundCallStateChange"

_FAULTS_OF_THE_REQUEST = ("MALFORMED_MESSAGE", "NOT_PERMITTED")


def request(address: str, data: Any = None, *, request_id: str | None = None) -> str:
    """A request as JSON text; `address` is channel/topic/subtopic."""
    channel, topic, subtopic = address.split("/")
    message: Message = {"channel": channel, "topic": topic, "subtopic": subtopic}
    if data is not None:
        message["data"] = data
    if request_id is not None:
        message["requestId"] = request_id
    return json.dumps(message)


def address_of(message: Message) -> str:
    """channel/topic/subtopic."""
    return "/".join(str(message.get(level) or "") for level in ("channel", "topic", "subtopic"))


def error_of(message: Message) -> Message | None:
    """`data` of an ApiError; None for every other message."""
    if message.get("topic") == "Error" and message.get("subtopic") == "ApiError":
        data = message.get("data")
        return data if isinstance(data, dict) else {}
    return None


def refusal_line(error: Message) -> str:
    """An ApiError for people; where the request itself is at fault, also what is wrong with it."""
    line = f"{printable(error.get('msg', ''))} ({printable(error.get('errorType', ''))})"
    details = error.get("errorMessage")
    return f"{line} {printable(details)}." if details and error.get("errorType") in _FAULTS_OF_THE_REQUEST else line


def call_of(message: Message) -> Message | None:
    """`dial` of a state event of a call; None for every other message."""
    dial = part(message, "message", "call", "dial") if message.get("subtopic") == STATE_CHANGE else None
    return dial if isinstance(dial, dict) else None


def checked(answer: Message) -> DialChecked:
    """`dial` of the answer to CheckPhoneNumber. Raises Unanswered where there is no verdict."""
    try:
        read = msgspec.convert(part(answer, "message", "dial"), DialChecked)
    except msgspec.ValidationError:
        raise _no_verdict() from None
    return msgspec.structs.replace(read, verdict=_sound(read.verdict))


def verdict_of(value: Any) -> VerdictMessage:
    """A verdict, read: of a refusal, for example. Raises Unanswered where it is none."""
    try:
        return _sound(msgspec.convert(value, VerdictMessage))
    except msgspec.ValidationError:
        raise _no_verdict() from None


def _sound(verdict: VerdictMessage) -> VerdictMessage:
    """The verdict, if it is one also where the schema cannot say so. Raises Unanswered."""
    try:
        for decision in (verdict.decision, *(rule.decision for rule in verdict.rules)):
            Decision(decision)
        if isinstance(verdict.next_permitted_at, str):
            datetime.fromisoformat(verdict.next_permitted_at).astimezone(UTC)
    except ValueError:
        raise _no_verdict() from None
    return verdict


def _no_verdict() -> Unanswered:
    return Unanswered("The answer of the service is no verdict.")
