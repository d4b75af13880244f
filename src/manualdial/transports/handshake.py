"""The upgrade request of a WebSocket connection: what is read of it, and when it is refused (RFC 6455 §4; contract §6).

A token in the URL is never read: addresses end up in logs and histories.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import msgspec

from manualdial.errors import MalformedMessage, ManualDialError, NotPermitted, UnknownAddress
from manualdial.transports.statuses import error_body, status_line

BUS_PATH = "/v1/bus"
SUBPROTOCOL = "manualdial.v1"
_TOKEN_SUBPROTOCOL = "bearer."  # noqa: S105 – the prefix of a subprotocol, not a secret
_BEARER = "bearer "
_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")


class Handshake(msgspec.Struct, frozen=True, kw_only=True):
    """A good upgrade request."""

    key: str
    token: str | None
    """The token of the header `Authorization`, or else of the subprotocol `bearer.…`; not verified yet."""
    subprotocol: str | None
    """The subprotocol that the server chooses, where the client offers it."""

    def request(self) -> bytes:
        """The same request with nothing but what the parser of frames needs.

        Cookies and tokens would stay in its buffers as long as the connection lives, and it takes no list in
        `Connection`, which some browsers send.
        """
        return (
            f"GET {BUS_PATH} HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            f"sec-websocket-version: 13\r\nsec-websocket-key: {self.key}\r\n\r\n"
        ).encode("ascii")


class HandshakeRefused(Exception):
    """The connection does not become a WebSocket; `response` is the HTTP answer."""

    def __init__(self, status: int, error: ManualDialError, **headers: str) -> None:
        super().__init__(status)
        body = error_body(error)
        lines = [
            status_line(status),
            "content-type: application/json",
            f"content-length: {len(body)}",
            "connection: close",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        self.response = "\r\n".join([*lines, "", ""]).encode("ascii") + body


def read_handshake(request: bytes, *, allowed_origins: Collection[str]) -> Handshake:
    """Read a well-formed HTTP upgrade request. Raises HandshakeRefused.

    An `Origin` is compared only where `allowed_origins` names some: who connects is shown by a token, never by a
    cookie, so a page of another origin gains nothing by connecting. Programs send no `Origin`.
    """
    head, _, _ = request.partition(b"\r\n\r\n")
    request_line, *lines = head.decode("latin-1").split("\r\n")
    headers = _headers(lines)
    method, _, rest = request_line.partition(" ")
    path = rest.split(" ")[0].partition("?")[0]
    if path != BUS_PATH:
        raise HandshakeRefused(404, UnknownAddress("no WebSocket is served on this path"))
    if method != "GET":
        raise HandshakeRefused(405, MalformedMessage("a WebSocket is opened by GET"), allow="GET")
    if headers.get("sec-websocket-version") != "13":
        error = MalformedMessage("the version of the WebSocket protocol is 13")
        raise HandshakeRefused(426, error, sec_websocket_version="13", upgrade="websocket")
    key = headers.get("sec-websocket-key", "")
    if not _KEY.fullmatch(key):
        raise HandshakeRefused(400, MalformedMessage("Sec-WebSocket-Key is 16 bytes in base64"))
    origin = headers.get("origin")
    if allowed_origins and origin is not None and origin not in allowed_origins:
        raise HandshakeRefused(403, NotPermitted("pages of this origin may not connect"))
    offered = [name.strip() for name in headers.get("sec-websocket-protocol", "").split(",")]
    return Handshake(
        key=key,
        token=bearer_token(headers.get("authorization")) or _token_of(offered),
        subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None,
    )


def bearer_token(authorization: str | None) -> str | None:
    """The token of a header `Authorization: Bearer …` (RFC 6750); None where there is none."""
    if authorization is None or authorization[: len(_BEARER)].lower() != _BEARER:
        return None
    return authorization[len(_BEARER) :].strip() or None


def _token_of(offered: list[str]) -> str | None:
    for name in offered:
        if name.startswith(_TOKEN_SUBPROTOCOL):
            return name.removeprefix(_TOKEN_SUBPROTOCOL) or None
    return None


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
