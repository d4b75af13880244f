"""Errors as HTTP tells them: one table, errorType → status (contract §6)."""

from __future__ import annotations

import http

from manualdial.errors import ManualDialError
from manualdial.requests.dispatcher import BUS_CHANNEL, error_data
from manualdial.wire import envelope as wire

STATUSES: dict[str, int] = {
    "MALFORMED_MESSAGE": 400,
    "UNKNOWN_ADDRESS": 404,
    "NOT_REGISTERED": 401,
    "NOT_AUTHENTICATED": 401,
    "TOKEN_EXPIRED": 401,
    "NOT_PERMITTED": 403,
    "TOO_MANY_ATTEMPTS": 429,
    "TOO_MANY_REQUESTS": 429,
    "AGENT_NOT_LOGGED_IN": 409,
    "AGENT_STATE_NOT_FOUND": 404,
    "UPDATE_AGENT_STATE_FAILED": 409,
    "PHONE_NUMBER_MISSING": 422,
    "PHONE_NUMBER_INVALID": 422,
    # The message is well-formed and the caller may dial; it is this number, now, that may not be called.
    # 403 would say that another caller, or more rights, would help.
    "CALL_REFUSED": 422,
    "CALL_IN_PROGRESS": 409,
    "REQUEST_ID_CONFLICT": 409,
    "DIAL_RATE_EXCEEDED": 429,
    "MAKE_CALL_FAILED": 502,
    "CALL_OUTCOME_UNKNOWN": 504,
    "NO_SUCH_CALL": 404,
    "ACTION_NOT_ALLOWED": 409,
    "HOLD_CALL_FAILED": 502,
    "RESUME_CALL_FAILED": 502,
    "SEND_DTMF_FAILED": 502,
    "DISCONNECT_CALL_FAILED": 502,
    "CLEAR_CONTACT_FAILED": 502,
    "SERVICE_UNAVAILABLE": 503,
    "INTERNAL_ERROR": 500,
}


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
