"""What an answer of the service may look like, whatever was asked (contract §1)."""

from __future__ import annotations

from typing import Any

CHANNELS = {"LCM", "UI", "Bus", "Amazon", "Simulator"}

ERROR_TYPES = {
    "MALFORMED_MESSAGE", "UNKNOWN_ADDRESS", "NOT_REGISTERED", "NOT_AUTHENTICATED", "TOKEN_EXPIRED", "NOT_PERMITTED",
    "TOO_MANY_ATTEMPTS", "TOO_MANY_REQUESTS", "AGENT_NOT_LOGGED_IN", "AGENT_STATE_NOT_FOUND",
    "UPDATE_AGENT_STATE_FAILED", "PHONE_NUMBER_MISSING", "PHONE_NUMBER_INVALID", "CALL_REFUSED", "CALL_IN_PROGRESS",
    "REQUEST_ID_CONFLICT", "DIAL_RATE_EXCEEDED", "MAKE_CALL_FAILED", "CALL_OUTCOME_UNKNOWN", "NO_SUCH_CALL",
    "ACTION_NOT_ALLOWED", "HOLD_CALL_FAILED", "RESUME_CALL_FAILED", "SEND_DTMF_FAILED", "DISCONNECT_CALL_FAILED",
    "CLEAR_CONTACT_FAILED", "SERVICE_UNAVAILABLE",
}  # fmt: skip
"""All but INTERNAL_ERROR, which is the answer to a fault of the service and to nothing that a client can send."""

_INTERNALS = ("Traceback", ".py", "/work", "0x7", "sqlite", "msgspec", "line ", "Error:")


def check_answer(answer: dict[str, Any]) -> None:
    """Fail where this is no reply, event or ApiError of the contract, as a packet or plain."""
    if answer.get("topic") == "" and "subscriberID" in answer:
        assert set(answer) == {"channel", "topic", "subTopic", "subscriberID", "message"}, answer
        assert answer["channel"] in CHANNELS
        answer = answer["message"]
    assert answer["channel"] in CHANNELS, answer
    assert set(answer) <= {"channel", "topic", "subtopic", "message", "data", "requestId", "meta"}, answer
    assert ("message" in answer) is not ("data" in answer), answer
    if "data" in answer:
        _check_error(answer)


def _check_error(answer: dict[str, Any]) -> None:
    assert (answer["topic"], answer["subtopic"]) == ("Error", "ApiError"), answer
    data = answer["data"]
    assert {"errorType", "errorMessage", "msg", "retryable"} <= set(data), answer
    assert set(data) <= {"errorType", "errorMessage", "msg", "retryable", "details"}, answer
    assert data["errorType"] in ERROR_TYPES, answer
    assert isinstance(data["retryable"], bool), answer
    assert data["errorMessage"], answer
    assert data["msg"].endswith("."), answer
    for text in (data["errorMessage"], data["msg"]):
        assert not any(internal in text for internal in _INTERNALS), answer
