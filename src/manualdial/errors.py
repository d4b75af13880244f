"""Every error that a caller of the service can be told, on one page.

    ManualDialError
    ├── MalformedMessage            MALFORMED_MESSAGE          no JSON object, no channel, a value of the wrong type
    ├── UnknownAddress              UNKNOWN_ADDRESS
    ├── NotRegistered               NOT_REGISTERED             a message before Bus/Session/Register
    ├── NotAuthenticated            NOT_AUTHENTICATED          no token, or one that is not good
    │   └── TokenExpired            TOKEN_EXPIRED
    ├── NotPermitted                NOT_PERMITTED
    ├── TooManyAttempts             TOO_MANY_ATTEMPTS          signing in, too often wrong
    ├── TooManyRequests             TOO_MANY_REQUESTS          one connection, too many requests at once
    ├── AgentNotLoggedIn            AGENT_NOT_LOGGED_IN
    ├── AgentStateNotFound          AGENT_STATE_NOT_FOUND
    ├── UpdateAgentStateFailed      UPDATE_AGENT_STATE_FAILED
    ├── PhoneNumberMissing          PHONE_NUMBER_MISSING
    ├── PhoneNumberInvalid          PHONE_NUMBER_INVALID
    ├── CallRefused                 CALL_REFUSED               screening; details.verdict
    ├── CallInProgress              CALL_IN_PROGRESS           details.callId
    ├── DialRateExceeded            DIAL_RATE_EXCEEDED         details.retryAfter, in seconds
    ├── RequestIdConflict           REQUEST_ID_CONFLICT
    ├── MakeCallFailed              MAKE_CALL_FAILED
    ├── CallOutcomeUnknown          CALL_OUTCOME_UNKNOWN       details.callId
    ├── NoSuchCall                  NO_SUCH_CALL
    ├── ActionNotAllowed            ACTION_NOT_ALLOWED         details.state, details.allowedActions
    ├── ControlFailed                                          the engine said no to a control request
    │   ├── HoldCallFailed          HOLD_CALL_FAILED
    │   ├── ResumeCallFailed        RESUME_CALL_FAILED
    │   ├── SendDtmfFailed          SEND_DTMF_FAILED
    │   ├── DisconnectCallFailed    DISCONNECT_CALL_FAILED
    │   └── ClearContactFailed      CLEAR_CONTACT_FAILED
    ├── ServiceUnavailable          SERVICE_UNAVAILABLE        the database, or the service as it stops
    └── InternalError               INTERNAL_ERROR             details.incident names the log line

`error_type` is stable and is what programs compare; `message` is for developers; `sentence` is for the agent;
`retryable` says whether the same request may work later (contract §1).
Nothing here knows HTTP or WebSocket: the transports map types to statuses and close codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class ManualDialError(Exception):
    """The root. `message` and `details` reach the wire, so neither carries a vendor's text, a path or a host."""

    error_type: ClassVar[str] = "INTERNAL_ERROR"
    """The `errorType` on the wire."""
    sentence: ClassVar[str] = "Something went wrong. Please tell your administrator."
    retryable: bool = False

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        sentence: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, Any] = details or {}
        self.user_message = sentence or self.sentence
        if retryable is not None:
            self.retryable = retryable


class MalformedMessage(ManualDialError):
    """The bytes are no JSON object with a channel, or a value has the wrong type (contract §6)."""

    error_type = "MALFORMED_MESSAGE"
    sentence = "The application sent a message that cannot be read."


class UnknownAddress(ManualDialError):
    """A channel of the server, but no request of that topic and subtopic."""

    error_type = "UNKNOWN_ADDRESS"
    sentence = "The application asked for something that this service does not know."


class NotRegistered(ManualDialError):
    """A message came before Bus/Session/Register."""

    error_type = "NOT_REGISTERED"
    sentence = "The application is not connected yet."
    retryable = True


class NotAuthenticated(ManualDialError):
    """No token, or one that is not good: not ours, changed, or of a user who is no longer there."""

    error_type = "NOT_AUTHENTICATED"
    sentence = "Please sign in."


class TokenExpired(NotAuthenticated):
    """The token was good once: come back with a new one."""

    error_type = "TOKEN_EXPIRED"
    sentence = "Your sign-in has expired. Please sign in again."


class NotPermitted(ManualDialError):
    """The caller may not do or see this, or the address is one that only the server publishes on."""

    error_type = "NOT_PERMITTED"
    sentence = "You are not allowed to do this."


class TooManyAttempts(ManualDialError):
    """Signing in failed too often; `details.retryAfter` is in seconds."""

    error_type = "TOO_MANY_ATTEMPTS"
    sentence = "Too many attempts to sign in. Please wait a moment."
    retryable = True


class TooManyRequests(ManualDialError):
    """One connection has more requests under way than the server holds for it."""

    error_type = "TOO_MANY_REQUESTS"
    sentence = "The application asks too much at once. Please try again."
    retryable = True


class AgentNotLoggedIn(ManualDialError):
    """The request needs an agent who is logged in (contract §2, §4)."""

    error_type = "AGENT_NOT_LOGGED_IN"
    sentence = "Please log in as an agent first."
    retryable = True


class AgentStateNotFound(ManualDialError):
    """No state of that label or code."""

    error_type = "AGENT_STATE_NOT_FOUND"
    sentence = "There is no such agent state."


class UpdateAgentStateFailed(ManualDialError):
    """The state exists, but the agent cannot take it now or by hand."""

    error_type = "UPDATE_AGENT_STATE_FAILED"
    sentence = "Your state could not be changed."


class PhoneNumberMissing(ManualDialError):
    """`PhoneNumber` is absent, null or blank."""

    error_type = "PHONE_NUMBER_MISSING"
    sentence = "Please enter a phone number."


class PhoneNumberInvalid(ManualDialError):
    """Not a number that can be dialled: not valid in its region, or an emergency or short number."""

    error_type = "PHONE_NUMBER_INVALID"
    sentence = "This is not a phone number that can be dialled."


class CallRefused(ManualDialError):
    """Screening said block or warn; `details.verdict` says by which rule (contract §5)."""

    error_type = "CALL_REFUSED"
    sentence = "This number may not be called."


class CallInProgress(ManualDialError):
    """The agent has a live call; `details.callId` names it."""

    error_type = "CALL_IN_PROGRESS"
    sentence = "You are in a call already."
    retryable = True


class DialRateExceeded(ManualDialError):
    """The agent, or all agents together, dial faster than is allowed; `details.retryAfter` is in seconds."""

    error_type = "DIAL_RATE_EXCEEDED"
    sentence = "That was too fast. Please wait a moment and press again."
    retryable = True


class RequestIdConflict(ManualDialError):
    """The `requestId` names another press of the same agent: same id, other data."""

    error_type = "REQUEST_ID_CONFLICT"
    sentence = "This request was used for another call. Please press again."


class MakeCallFailed(ManualDialError):
    """The engine said no (not retryable: the press is remembered), or could not be asked (retryable)."""

    error_type = "MAKE_CALL_FAILED"
    sentence = "The call could not be made."


class CallOutcomeUnknown(ManualDialError):
    """The engine was asked and did not say; the call may be ringing; `details.callId` names it. Never dialled again."""

    error_type = "CALL_OUTCOME_UNKNOWN"
    sentence = "It is not known yet whether the call was made. Please wait."


class NoSuchCall(ManualDialError):
    """No call of that id, none at all, or a call of another agent: the three look alike on purpose."""

    error_type = "NO_SUCH_CALL"
    sentence = "There is no such call."


class ActionNotAllowed(ManualDialError):
    """The state of the call does not allow the action; `details` has `state` and `allowedActions`."""

    error_type = "ACTION_NOT_ALLOWED"
    sentence = "This is not possible right now."


class ControlFailed(ManualDialError):
    """The engine did not do what a control request asked for."""

    sentence = "The telephone system did not do this. Please try again."
    retryable = True


class HoldCallFailed(ControlFailed):
    """The call is not held."""

    error_type = "HOLD_CALL_FAILED"


class ResumeCallFailed(ControlFailed):
    """The call is held still."""

    error_type = "RESUME_CALL_FAILED"


class SendDtmfFailed(ControlFailed):
    """The digits were not sent, or are none."""

    error_type = "SEND_DTMF_FAILED"


class DisconnectCallFailed(ControlFailed):
    """The call goes on."""

    error_type = "DISCONNECT_CALL_FAILED"


class ClearContactFailed(ControlFailed):
    """The wrap-up goes on."""

    error_type = "CLEAR_CONTACT_FAILED"


class ServiceUnavailable(ManualDialError):
    """Something that the request needs is not there now: the database, or the service itself as it stops."""

    error_type = "SERVICE_UNAVAILABLE"
    sentence = "The service is not available right now. Please try again in a moment."
    retryable = True


class InternalError(ManualDialError):
    """A fault of ours. `details.incident` is the id of the log line that has the whole story."""

    error_type = "INTERNAL_ERROR"
