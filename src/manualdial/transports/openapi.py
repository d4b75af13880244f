"""The OpenAPI document, as far as the types of the handlers do not say it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from litestar import Router
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import (
    Components,
    License,
    OAuthFlow,
    OAuthFlows,
    OpenAPIMediaType,
    Operation,
    RequestBody,
    Schema,
    SecurityScheme,
)

from manualdial.requests.dispatcher import Routes
from manualdial.wire.addresses import CONNECTOR
from manualdial.wire.envelope import Address
from manualdial.wire.messages.outbound import ErrorData
from manualdial.wire.messages.schema import definitions, envelope_of, schema_of

_SCHEMAS = "#/components/schemas"
BEARER: list[dict[str, list[str]]] = [{"password": []}, {"bearer": []}]
"""A token, signed in for or come by otherwise."""


class ApiError(msgspec.Struct, frozen=True, kw_only=True):
    """An error as the bus tells it (contract §1)."""

    channel: str
    topic: str
    subtopic: str
    data: ErrorData


PASSED_ON = {204: ResponseSpec(None, description="A message between applications was passed on; it has no answer.")}

_DESCRIPTIONS = {
    400: "The request cannot be read.",
    401: "No token, or one that is not good.",
    403: "The caller may not do this.",
    404: "There is no such thing, or none that the caller may see.",
    409: "The state of the agent, the call or the requestId does not allow it.",
    422: "The number is not good, or may not be called.",
    429: "Too often; Retry-After says when to come back.",
    500: "A fault of the service.",
    502: "The telephone system said no, or is not there.",
    503: "The service cannot do it now.",
    504: "The telephone system did not say; the call may be ringing.",
}


def errors(*statuses: int) -> dict[int, ResponseSpec]:
    """The answers of a handler that are ApiErrors."""
    return {
        status: ResponseSpec(ApiError, generate_examples=False, description=_DESCRIPTIONS[status])
        for status in statuses
    }


@dataclass
class _Verbatim(Schema):
    """A schema as it is."""

    verbatim: dict[str, Any] = field(default_factory=dict)

    def to_schema(self) -> dict[str, Any]:
        return self.verbatim


def operation(
    *, request: dict[str, Any], answer: dict[str, Any] | None = None, media_type: str = "application/json"
) -> type[Operation]:
    """An operation whose body goes to its handler as it came: its schemas are told here."""

    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            body = OpenAPIMediaType(schema=_Verbatim(verbatim=request))
            self.request_body = RequestBody(required=True, content={media_type: body})
            told: Any = (self.responses or {}).get("200")
            if answer is not None and told is not None:
                told.content = {"application/json": OpenAPIMediaType(schema=_Verbatim(verbatim=answer))}

    return Described


def reference(kind: Any) -> dict[str, Any]:
    """The schema of a type, by reference to `components`."""
    return schema_of(kind, at=_SCHEMAS)


def message_bodies(routes: Routes) -> tuple[dict[str, Any], dict[str, Any]]:
    """A request and its answer: one of a known form for each address that HTTP reaches, or an application's own."""
    own = {
        "type": "object",
        "description": "A message between applications, which is passed on.",
        "properties": {"channel": {"type": "string", "not": {"enum": list(routes.channels.values())}}},
        "required": ["channel"],
    }
    lines = [line for line in routes.lines if line.address.channel != "Bus"]
    requests = [_told(routes, line.address, "data", line.data) for line in lines]
    answers = {each.address: each for line in lines for each in line.answers}
    replies = [_told(routes, address, "message", each.message) for address, each in answers.items()]
    about = "One message. Keys and addresses are read without regard to case; unknown keys are ignored."
    return {"description": about, "anyOf": [*requests, own], "examples": [_EXAMPLE]}, {"anyOf": replies}


def _told(routes: Routes, address: Address, key: str, kind: Any) -> dict[str, Any]:
    channel = {"enum": list(routes.connectors)} if address.channel == CONNECTOR else {"const": address.channel}
    required = key == "message" or any(field.required for field in msgspec.structs.fields(kind))
    return envelope_of(address, channel, key, reference(kind), required=required)


_EXAMPLE = {
    "channel": "LCM",
    "topic": "Webservice",
    "subtopic": "ManualDialCall",
    "requestId": "8f0d5c9e-0d0b-4f7e-9a55-5a0c4f0c6d11",
    "data": {"PhoneNumber": "+12025550100"},
}


@dataclass
class _Components(Components):
    """With what the bodies refer to beside the types of the handlers, which alone Litestar keeps."""

    referred: Callable[[], dict[str, Any]] = dict

    def to_schema(self) -> dict[str, Any]:
        made = super().to_schema()
        made["schemas"] |= self.referred()
        return made

    @property
    def _exclude_fields(self) -> set[str]:
        return {"referred"}


def configuration(version: str, router: Router, bodies: Iterable[Any]) -> OpenAPIConfig:
    """The document, served by `router` as JSON and YAML; `bodies` are the types that are referred to."""
    sign_in = OAuthFlow(token_url="/v1/token", scopes={})  # noqa: S106 – an address
    return OpenAPIConfig(
        title="manualdial",
        version=version,
        description="One press, one call: has a number dialled for the agent who is logged in.",
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        components=_Components(
            referred=lambda: definitions(bodies, at=_SCHEMAS),
            security_schemes={
                "bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT"),
                "password": SecurityScheme(type="oauth2", flows=OAuthFlows(password=sign_in)),
            },
        ),
        render_plugins=[
            JsonRenderPlugin(path=["/", "/openapi.json"], media_type="application/json"),  # type: ignore[arg-type]
            YamlRenderPlugin(),
        ],
        openapi_router=router,
        use_handler_docstrings=True,
    )
