"""What the OpenAPI document says beyond what the types of the handlers say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
    SecurityScheme,
)
from msgspec import Struct

from manualdial.messages.outbound import ErrorData
from manualdial.messages.screening import MAX_CHECKS

BEARER: list[dict[str, list[str]]] = [{"password": []}, {"bearer": []}]
"""A token, signed in for or come by otherwise."""


class ApiError(Struct, frozen=True, kw_only=True):
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


def _text(description: str) -> Schema:
    return Schema(type=OpenAPIType.STRING, description=description)


_MESSAGE = Schema(
    type=OpenAPIType.OBJECT,
    description="One message. Keys are read without regard to case; unknown keys are ignored.",
    required=["channel"],
    properties={
        "channel": _text("A channel of the server, a connector, or an application's own."),
        "topic": _text("The second level of the address."),
        "subtopic": _text("The third level of the address."),
        "source": _text("Ignored: the token says who sends."),
        "data": Schema(description="What the request of this address takes."),
        "requestId": Schema(
            one_of=[Schema(type=OpenAPIType.STRING, min_length=1), Schema(type=OpenAPIType.INTEGER)],
            description="The client's name for this press.",
        ),
    },
    examples=[{
        "channel": "LCM",
        "topic": "Webservice",
        "subtopic": "ManualDialCall",
        "requestId": "8f0d5c9e-0d0b-4f7e-9a55-5a0c4f0c6d11",
        "data": {"PhoneNumber": "+12025550100"},
    }],
)  # fmt: skip

_CREDENTIALS = Schema(
    type=OpenAPIType.OBJECT,
    required=["grant_type", "username", "password"],
    properties={
        "grant_type": Schema(type=OpenAPIType.STRING, enum=["password"]),
        "username": _text("The login name."),
        "password": Schema(type=OpenAPIType.STRING, max_length=1024),
    },
)

_ANSWER = Schema(
    type=OpenAPIType.OBJECT,
    description="The reply, or the event in its place.",
    required=["channel", "topic", "subtopic", "message"],
    properties={
        "channel": Schema(type=OpenAPIType.STRING),
        "topic": Schema(type=OpenAPIType.STRING),
        "subtopic": Schema(type=OpenAPIType.STRING),
        "message": Schema(description="What the reply of this address has."),
        "requestId": Schema(one_of=[Schema(type=OpenAPIType.STRING), Schema(type=OpenAPIType.INTEGER)]),
    },
)


def _optional(description: str, *, at_most: int) -> Schema:
    return Schema(type=[OpenAPIType.STRING, OpenAPIType.NULL], max_length=at_most, description=description)


_CHECKS = Schema(
    type=OpenAPIType.OBJECT,
    description="Numbers, and what counts for all entries that leave it out. Keys are read without regard to case.",
    required=["checks"],
    properties={
        "checks": Schema(
            type=OpenAPIType.ARRAY,
            max_items=MAX_CHECKS,
            items=Schema(
                description="`data` as CheckPhoneNumber takes it: PhoneNumber, Purpose, ZipCode, At … "
                "One that is not good gets an error of its own."
            ),
        ),
        "Purpose": _optional("sales, service, collection, survey or charity.", at_most=64),
        "Region": _optional("ISO 3166 region of national numbers.", at_most=16),
        "CampaignID": Schema(description="What the calls are about: a string or a number."),
        "At": _optional("ISO 8601 with an offset; now where it is left out.", at_most=64),
        "brief": Schema(description="A flag: leaves the rules that allow out of the answer."),
    },
    examples=[{
        "Purpose": "sales",
        "brief": True,
        "checks": [
            {"PhoneNumber": "+12025550100"},
            {"PhoneNumber": "(786) 555-0100", "Region": "US", "At": "2026-03-02T15:00:00Z"},
        ],
    }],
)  # fmt: skip

_CHECKED = Schema(
    type=OpenAPIType.OBJECT,
    description="One element for each entry, in their order.",
    required=["checks"],
    properties={
        "checks": Schema(
            type=OpenAPIType.ARRAY,
            items=Schema(
                type=OpenAPIType.OBJECT,
                description="`state` (checked), `number` and `verdict`; or `error`, as the `data` of an ApiError.",
                properties={
                    "state": Schema(type=OpenAPIType.STRING, enum=["checked"]),
                    "number": Schema(
                        type=OpenAPIType.OBJECT, description="What was understood.", required=["typed", "e164"]
                    ),
                    "verdict": Schema(
                        type=OpenAPIType.OBJECT,
                        description="May the number be called, by which rules, and from when on.",
                        required=["decision", "rules", "overridable", "policy"],
                    ),
                    "error": Schema(
                        type=OpenAPIType.OBJECT,
                        description="Why there is no verdict.",
                        required=["errorType", "errorMessage", "msg", "retryable"],
                    ),
                },
            ),
        )
    },
)


@dataclass
class MessageOperation(Operation):
    """POST /v1/messages, whose body goes to the dispatcher as it came."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(required=True, content={"application/json": OpenAPIMediaType(schema=_MESSAGE)})
        _answer_is(self, _ANSWER)


@dataclass
class ChecksOperation(Operation):
    """POST /v1/checks, whose entries are read one by one."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(required=True, content={"application/json": OpenAPIMediaType(schema=_CHECKS)})
        _answer_is(self, _CHECKED)


@dataclass
class TokenOperation(Operation):
    """POST /v1/token, whose body is a form."""

    def __post_init__(self) -> None:
        content = {"application/x-www-form-urlencoded": OpenAPIMediaType(schema=_CREDENTIALS)}
        self.request_body = RequestBody(required=True, content=content)


def _answer_is(operation: Operation, schema: Schema) -> None:
    answer: Any = (operation.responses or {}).get("200")
    if answer is not None:
        answer.content = {"application/json": OpenAPIMediaType(schema=schema)}


def configuration(version: str, router: Router) -> OpenAPIConfig:
    """The document, served by `router` as JSON and YAML."""
    sign_in = OAuthFlow(token_url="/v1/token", scopes={})  # noqa: S106 – an address
    return OpenAPIConfig(
        title="manualdial",
        version=version,
        description="One press, one call: has a number dialled for the agent who is logged in.",
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT"),
                "password": SecurityScheme(type="oauth2", flows=OAuthFlows(password=sign_in)),
            }
        ),
        render_plugins=[
            JsonRenderPlugin(path=["/", "/openapi.json"], media_type="application/json"),  # type: ignore[arg-type]
            YamlRenderPlugin(),
        ],
        openapi_router=router,
        use_handler_docstrings=True,
    )
