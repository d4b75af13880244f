"""Errors as HTTP tells them: one table of errorTypes by status (contract §6)."""

from __future__ import annotations

import http

from manualdial.errors import ManualDialError
from manualdial.requests.dispatcher import BUS_CHANNEL, error_data
from manualdial.wire import envelope as wire

_ERROR_TYPES = {
    400: ("MALFORMED_MESSAGE",),
    401: ("NOT_REGISTERED", "NOT_AUTHENTICATED", "TOKEN_EXPIRED"),
    403: ("NOT_PERMITTED",),
    404: ("UNKNOWN_ADDRESS", "AGENT_STATE_NOT_FOUND", "NO_SUCH_CALL"),
    409: (
        *("AGENT_NOT_LOGGED_IN", "UPDATE_AGENT_STATE_FAILED"),
        *("CALL_IN_PROGRESS", "REQUEST_ID_CONFLICT", "ACTION_NOT_ALLOWED"),
    ),
    # CALL_REFUSED: the message is well-formed and the caller may dial; it is this number, now, that may not be called.
    # 403 would say that another caller, or more rights, would help.
    422: ("PHONE_NUMBER_MISSING", "PHONE_NUMBER_INVALID", "CALL_REFUSED"),
    429: ("TOO_MANY_ATTEMPTS", "TOO_MANY_REQUESTS", "DIAL_RATE_EXCEEDED"),
    500: ("INTERNAL_ERROR",),
    502: (
        *("MAKE_CALL_FAILED", "HOLD_CALL_FAILED", "RESUME_CALL_FAILED"),
        *("SEND_DTMF_FAILED", "DISCONNECT_CALL_FAILED", "CLEAR_CONTACT_FAILED"),
    ),
    503: ("SERVICE_UNAVAILABLE",),
    504: ("CALL_OUTCOME_UNKNOWN",),
}
STATUSES = {error_type: status for status, error_types in _ERROR_TYPES.items() for error_type in error_types}


def status_of(error: ManualDialError) -> int:
    """The HTTP status that goes with an error."""
    return STATUSES.get(error.error_type, 500)


def error_headers(error: ManualDialError) -> dict[str, str]:
    """The headers that go with an error: when to come back, and how to sign in (RFC 9110 §10.2.3, §11.6.1)."""
    headers: dict[str, str] = {}
    if (retry_after := error.details.get("retryAfter")) is not None:
        headers["retry-after"] = str(retry_after)
    if status_of(error) == http.HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer realm="manualdial"'
    return headers


def error_body(error: ManualDialError) -> bytes:
    """The ApiError as a body, for requests that are no messages."""
    return wire.api_error(BUS_CHANNEL, error_data(error)).payload


def status_line(status: int) -> str:
    """The first line of an HTTP response."""
    return f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}"
