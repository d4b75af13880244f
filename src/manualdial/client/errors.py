"""Errors of a client; the text of each is one sentence for whoever uses it."""

from __future__ import annotations

_REASONS = {
    1001: "the service went away",
    1006: "the connection broke",
    1009: "a message was too big",
    4400: "the service could not make sense of what it was sent",
    4401: "the service did not accept the sign-in",
    4403: "the service does not let this user in",
    4501: "the sign-in has expired",
    4503: "the service is shutting down",
    4508: "this reader was too slow",
}


class ClientError(Exception):
    """Any of them."""


class Unreachable(ClientError):
    """There is no service at the address, or something else answers there."""


class SignInRefused(ClientError):
    """Name or password are wrong, or too often were."""


class Refused(ClientError):
    """A request was answered by an ApiError, whose sentence this is."""


class Unanswered(ClientError):
    """No answer came, or none that could be read."""


class ConnectionEnded(ClientError):
    """The connection is closed; `code` is the WebSocket's."""

    def __init__(self, code: int) -> None:
        super().__init__(f"The connection ended: {_REASONS.get(code, f'close code {code}')}.")
        self.code = code
