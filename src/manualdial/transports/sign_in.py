"""POST /v1/token: the password grant of OAuth 2 (RFC 6749 §4.3), with its own errors (§5.2)."""

from __future__ import annotations

import urllib.parse
from typing import Annotated, Literal

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Meta, Struct

from manualdial.errors import MalformedMessage, NotAuthenticated, ServiceUnavailable, TooManyAttempts
from manualdial.identity.tokens import Identity
from manualdial.transports import openapi
from manualdial.transports.body import AnyRequest, read_body
from manualdial.transports.statuses import error_headers, status_of

_MAX_FORM_BYTES = 8192
_MAX_FORM_FIELDS = 16
_GRANT_TYPE = "password"


class Credentials(Struct, frozen=True, kw_only=True):
    """The form: who signs in (RFC 6749 §4.3.2)."""

    grant_type: Literal["password"]
    username: str
    """The login name."""
    password: Annotated[str, Meta(max_length=1024)]


class Token(Struct, frozen=True, kw_only=True):
    """An access token (RFC 6749 §5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    """Seconds."""


class TokenRefused(Struct, frozen=True, kw_only=True):
    """Why there is no token (RFC 6749 §5.2)."""

    error: str
    error_description: str


def sign_in(identity: Identity, body_timeout: float) -> HTTPRouteHandler:
    """The handler; a client has `body_timeout` seconds for its form."""

    @post(
        "/v1/token",
        operation_id="token",
        operation_class=openapi.operation(
            request=openapi.reference(Credentials), media_type="application/x-www-form-urlencoded"
        ),
        request_max_body_size=None,  # counted by `read_body`
        summary="Sign in",
        status_code=200,
        responses={code: ResponseSpec(TokenRefused, generate_examples=False) for code in (400, 429, 503)},
    )
    async def token(request: AnyRequest) -> Response[Token | TokenRefused]:
        """OAuth 2 password grant (RFC 6749 §4.3)."""
        try:
            name, password = await _credentials(request, body_timeout)
            address = request.client.host if request.client else ""
            grant = await identity.sign_in(name, password, address=address)
        except _RefusedGrant as refused:
            return _no_token(400, refused.error, refused.description)
        except NotAuthenticated as error:
            return _no_token(400, "invalid_grant", error.message)
        except (TooManyAttempts, ServiceUnavailable) as error:
            return _no_token(status_of(error), "temporarily_unavailable", error.message, error_headers(error))
        signed_in = Token(access_token=grant.access_token, token_type="Bearer", expires_in=grant.expires_in)  # noqa: S106 – a kind
        return Response(signed_in, headers={"pragma": "no-cache"})

    return token


class _RefusedGrant(Exception):
    """The request for a token is not one that there is an answer to."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


async def _credentials(request: AnyRequest, body_timeout: float) -> tuple[str, str]:
    if request.content_type[0] != "application/x-www-form-urlencoded":
        raise _RefusedGrant("invalid_request", "the body is application/x-www-form-urlencoded")
    try:
        body = await read_body(request, body_timeout, limit=_MAX_FORM_BYTES)
        pairs = urllib.parse.parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FORM_FIELDS
        )
    except MalformedMessage as error:
        raise _RefusedGrant("invalid_request", error.message) from None
    except ValueError:
        raise _RefusedGrant("invalid_request", "the body cannot be read as a form in UTF-8") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _RefusedGrant("invalid_request", "a parameter is there twice")
    if "grant_type" not in form:
        raise _RefusedGrant("invalid_request", "grant_type is missing")
    if form["grant_type"] != _GRANT_TYPE:
        raise _RefusedGrant("unsupported_grant_type", "grant_type is password")
    if not form.get("username") or not form.get("password"):
        raise _RefusedGrant("invalid_request", "username or password is missing")
    return form["username"], form["password"]


def _no_token(
    status: int, error: str, description: str, headers: dict[str, str] | None = None
) -> Response[Token | TokenRefused]:
    refused = TokenRefused(error=error, error_description=description)
    return Response(refused, status_code=status, headers=headers or {})
