"""The service over HTTP: sign in, send a message, check numbers, look up calls, see how it is (contract §6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any

from litestar import Litestar, MediaType, Response, Router, get, post
from litestar.config.cors import CORSConfig
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, QueryParameter
from litestar.types import Message, Scope
from msgspec import Struct

from manualdial import __version__
from manualdial.bus.bus import Delivery, Subscriber
from manualdial.callers import Caller
from manualdial.errors import MalformedMessage, ManualDialError, NotAuthenticated, NotPermitted, UnknownAddress
from manualdial.identity.tokens import Identity
from manualdial.ports import Health
from manualdial.requests.dispatcher import Dispatcher, Routes, error_of
from manualdial.tasks import Tasks
from manualdial.transports import openapi
from manualdial.transports.body import AnyRequest, read_body
from manualdial.transports.calls import Records, calls
from manualdial.transports.checks import Checked, Checks, Screening, checks
from manualdial.transports.handshake import bearer_token
from manualdial.transports.sign_in import Credentials, sign_in
from manualdial.transports.statuses import error_body, error_headers, status_of
from manualdial.wire.envelope import MAX_MESSAGE_BYTES

_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
"""On every answer: all of it is private to the caller or changes from one second to the next, and none is a page."""


class ServiceStatus(Struct, frozen=True, kw_only=True):
    """How the service is: each thing that it depends on, with ok or why not."""

    ok: bool
    version: str
    dependencies: dict[str, Health]


class HttpConnection:
    """One HTTP request, as the dispatcher sees where it came from: it reads nothing."""

    __slots__ = ("caller", "subscriber", "token")

    def __init__(self, caller: Caller) -> None:
        self.caller: Caller | None = caller
        self.subscriber: Subscriber | None = None
        self.token: str | None = None

    def deliver(self, delivery: Delivery) -> None:
        """The answer is the response."""

    def admit(self, caller: Caller, subscriber: Subscriber) -> None:
        """A request cannot read the bus: who it is from is known already, and the registration refuses a second."""

    def refuse(self, error: NotAuthenticated) -> None:
        """The answer is the response."""


def http_app(
    *,
    dispatcher: Dispatcher,
    identity: Identity,
    records: Records,
    screening: Screening,
    under_way: Tasks,
    status: Callable[[], Awaitable[Mapping[str, Health]]],
    metrics: Callable[[], bytes],
    metrics_open: bool,
    body_timeout: float,
    allowed_origins: Sequence[str] = (),
) -> Litestar:
    """The application.

    `status` tells of each dependency and `metrics` gives Prometheus text, which needs a token of somebody who sees the
    tenant unless `metrics_open`; a client has `body_timeout` seconds for its body; pages of `allowed_origins` may call
    (CORS), none by default.
    """

    async def provide_caller(request: AnyRequest) -> Caller:
        return await _caller_of(request, identity)

    return Litestar(
        route_handlers=[
            sign_in(identity, body_timeout),
            _messages(dispatcher, under_way, body_timeout),
            checks(screening, body_timeout),
            *calls(records),
            _status(status),
            _metrics(metrics, identity, metrics_open=metrics_open),
        ],
        dependencies={"caller": Provide(provide_caller)},
        exception_handlers={
            HTTPException: _framework_error,
            Exception: _told,
        },
        openapi_config=openapi.configuration(__version__, schema_router(), _bodies(dispatcher.routes)),
        cors_config=_cors(allowed_origins),
        before_request=_refuse_unknown_keys,
        before_send=[_secure],
        request_max_body_size=MAX_MESSAGE_BYTES,
        debug=False,
        logging_config=None,
    )


def _bodies(routes: Routes) -> list[Any]:
    """The types that the bodies are made of."""
    answers = [each.message for line in routes.lines for each in line.answers]
    return [*(line.data for line in routes.lines), *answers, Checks, Checked, Credentials]


def schema_router() -> Router:
    """Where the OpenAPI document is: as JSON and YAML, without pages, whose scripts would come from somewhere else."""

    async def no_page(response: Response[Any]) -> Response[Any]:
        return (
            response
            if (response.status_code or 200) < 400
            else _response(UnknownAddress("nothing is served on this path"))
        )

    return Router("/schema", route_handlers=[], include_in_schema=False, after_request=no_page)


# ── the handlers ────────────────────────────────────────────────────────────────────────────────────────────────────


def _messages(dispatcher: Dispatcher, under_way: Tasks, body_timeout: float) -> HTTPRouteHandler:
    request_body, answer_body = openapi.message_bodies(dispatcher.routes)

    @post(
        "/v1/messages",
        operation_id="message",
        operation_class=openapi.operation(request=request_body, answer=answer_body),
        request_max_body_size=None,  # counted by `read_body`
        summary="Send one message and get its answer",
        status_code=200,
        responses=openapi.errors(400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504) | openapi.PASSED_ON,
        security=openapi.BEARER,
    )
    async def messages(
        request: AnyRequest,
        caller: NamedDependency[Caller],
        idempotency_key: Annotated[
            str | None,
            HeaderParameter(
                name="Idempotency-Key", max_length=130, description="Stands for the message's `requestId`."
            ),
        ] = None,
    ) -> Response[bytes]:
        """The message is handled as on the bus; its reply and events reach the agent's readers there too."""
        raw = await read_body(request, body_timeout, limit=MAX_MESSAGE_BYTES)
        key = _unquoted(idempotency_key)
        # A client that hangs up does not take a dial back.
        handled = under_way.start(dispatcher.handle(HttpConnection(caller), raw, request_id=key))
        answer = await asyncio.shield(handled)
        if answer.payload is None:
            return Response(b"", status_code=204, media_type=MediaType.JSON)
        if answer.error is None:
            return Response(answer.payload, media_type=MediaType.JSON)
        headers = error_headers(answer.error)
        return Response(answer.payload, status_code=status_of(answer.error), headers=headers, media_type=MediaType.JSON)

    return messages


def _status(status: Callable[[], Awaitable[Mapping[str, Health]]]) -> HTTPRouteHandler:
    @get(
        "/status",
        operation_id="status",
        summary="How the service is",
        responses=openapi.errors(400)
        | {503: ResponseSpec(ServiceStatus, generate_examples=False, description="Something is not ok.")},
    )
    async def service_status() -> Response[ServiceStatus]:
        """Each dependency with ok or why not."""
        dependencies = dict(await status())
        ok = all(health.ok for health in dependencies.values())
        told = ServiceStatus(ok=ok, version=__version__, dependencies=dependencies)
        return Response(told, status_code=200 if ok else 503)

    return service_status


def _metrics(metrics: Callable[[], bytes], identity: Identity, *, metrics_open: bool) -> HTTPRouteHandler:
    @get(
        "/metrics",
        operation_id="metrics",
        summary="Figures for Prometheus",
        media_type="text/plain; version=0.0.4",
        responses=openapi.errors(400) if metrics_open else openapi.errors(400, 401, 403),
        security=None if metrics_open else openapi.BEARER,
    )
    async def figures(request: AnyRequest) -> bytes:
        """Counters and times in the text format of Prometheus."""
        if not metrics_open and not (await _caller_of(request, identity)).sees_the_tenant:
            raise NotPermitted("the figures are for supervisors, integrations and administrators")
        return metrics()

    return figures


# ── reading requests ────────────────────────────────────────────────────────────────────────────────────────────────


async def _caller_of(request: AnyRequest, identity: Identity) -> Caller:
    token = bearer_token(request.headers.get("authorization"))
    if token is None:
        raise NotAuthenticated("the request needs a token: Authorization: Bearer …")
    return await identity.caller(token)


def _refuse_unknown_keys(request: AnyRequest) -> None:
    """Raise MalformedMessage for a key in the query of a GET that the handler does not read, or that is there twice.

    A filter that is spelled wrongly would else answer with everything.
    """
    if request.method != "GET":
        return
    parameters = request.route_handler.parsed_fn_signature.parameters
    named = ((name, field.kwarg_definition) for name, field in parameters.items())
    read = {read.name or name for name, read in named if isinstance(read, QueryParameter)}
    for key, values in request.query_params.dict().items():
        if key not in read:
            raise MalformedMessage("the query has a key that is not known here", details={"path": key})
        if len(values) > 1:
            raise MalformedMessage("the query has a key twice", details={"path": key})


def _unquoted(key: str | None) -> str | None:
    """The key without the quotes of a structured header, which some clients send and some do not."""
    if key is not None and len(key) > 1 and key[0] == key[-1] == '"':
        return key[1:-1]
    return key


# ── answering ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _response(error: ManualDialError, *, status: int | None = None, **headers: str) -> Response[bytes]:
    return Response(
        error_body(error),
        status_code=status or status_of(error),
        headers=error_headers(error) | headers,
        media_type=MediaType.JSON,
    )


def _told(_request: AnyRequest, fault: Exception) -> Response[bytes]:
    return _response(error_of(fault))


def _framework_error(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """The answer to what Litestar refuses: no route, wrong method, a parameter that is not what it should be."""
    if error.status_code >= 500:
        return _told(request, error)
    if error.status_code in (404, 405):
        return _response(
            UnknownAddress("nothing is served on this path by this method"),
            status=error.status_code,
            **(error.headers or {}),
        )
    return _response(MalformedMessage("a parameter of the request is not good", details=_wrong_parameter(error)))


def _wrong_parameter(error: HTTPException) -> dict[str, Any] | None:
    """The first that is wrong; what it was is not told again."""
    wrong = error.extra if isinstance(error.extra, list) else []
    return next(({"path": str(one["key"])} for one in wrong if isinstance(one, dict) and "key" in one), None)


async def _secure(message: Message, _scope: Scope) -> None:
    if message["type"] == "http.response.start":
        there = {name.lower() for name, _ in message["headers"]}
        message["headers"] = [*message["headers"], *((name, value) for name, value in _HEADERS if name not in there)]


def _cors(allowed_origins: Sequence[str]) -> CORSConfig | None:
    if not allowed_origins:
        return None
    return CORSConfig(
        allow_origins=list(allowed_origins),
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "idempotency-key"],
        expose_headers=["retry-after"],
    )
