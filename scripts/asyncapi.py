"""The bus as an AsyncAPI 3 document, from the table of contents and the structs of the messages.

The service is the application that is described: it receives requests and sends replies and events.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from manualdial import __version__
from manualdial.errors import ManualDialError, NotAuthenticated, TokenExpired
from manualdial.requests.dispatcher import Route, Routes
from manualdial.requests.routes import ALWAYS
from manualdial.transports.close_codes import CloseCode
from manualdial.transports.handshake import BUS_PATH, SUBPROTOCOL
from manualdial.wire.addresses import AMAZON, CONNECTOR, PUBLISHED_ONLY, Publication
from manualdial.wire.envelope import API_ERROR, Address
from manualdial.wire.messages.outbound import ErrorData
from manualdial.wire.messages.schema import Schema, definitions, envelope_of, schema_of

SCHEMAS = "#/components/schemas"
CLOSES: dict[type[ManualDialError], CloseCode] = {
    NotAuthenticated: CloseCode.NOT_AUTHENTICATED,
    TokenExpired: CloseCode.TOKEN_EXPIRED,
}
"""Errors that are told by closing the connection."""

ABOUT = """
The wire of the service over its one WebSocket; docs/protocol.md is the whole contract.

An address is `channel/topic/subtopic`, and stands in each message.
Addresses, and the keys of what is sent, are read without regard to case; unknown keys are ignored; flags may be `true` or `"true"`, ids strings or numbers.

A request has exactly one answer: its reply, an event in the reply's place, or an ApiError on the channel of the request.
`x-other-answers` of an operation are what may come in the reply's place or right after it, `x-errors` the types of its ApiErrors; the root's `x-errors` says what each means.

Replies and events reach every reader of the agent's scope that subscribes to their address.
What is on the channel `Bus`, and every ApiError, goes to who asked and to nobody else.
A message that comes in a packet, as from an iframe, is answered in a packet (`Packet`).
""".strip()  # noqa: E501 - one sentence a line

SECURITY: Schema = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "subprotocol": {
        "type": "httpApiKey",
        "in": "header",
        "name": "Sec-WebSocket-Protocol",
        "description": f"`{SUBPROTOCOL}, bearer.TOKEN`, for browsers; or no token here, and one in `data` of Register.",
    },
}
PACKET: Schema = {
    "title": "Packet",
    "description": "A message wrapped for an iframe.",
    "type": "object",
    "properties": {
        "channel": {"type": "string"},
        "topic": {"const": ""},
        "subTopic": {"const": ""},
        "subscriberID": {"description": "Any value: the answer has the same."},
        "message": {"type": "object", "description": "The message itself."},
    },
    "required": ["channel", "topic", "subTopic", "message"],
}
META: Schema = {
    "title": "Meta",
    "description": "Where a published message stands in the stream, for readers that asked for it (`stream`).",
    "type": "object",
    "properties": {"epoch": {"type": "string"}, "seq": {"type": "integer"}, "at": {"type": "string"}},
    "required": ["epoch", "seq", "at"],
}


def document(table: Routes) -> dict[str, Any]:
    """The whole document."""
    publications = {each.address: each for line in table.lines for each in line.answers}
    publications |= {each.address: each for each in PUBLISHED_ONLY}
    contents = [line.data for line in table.lines] + [each.message for each in publications.values()]
    schemas = definitions([*contents, ErrorData], at=SCHEMAS) | {"Packet": PACKET, "Meta": META}
    schemas["ErrorData"]["properties"]["errorType"] = {"$ref": f"{SCHEMAS}/ErrorType"}
    catalogue = {kind.error_type: kind for kind in kinds()}
    schemas["ErrorType"] = {"title": "ErrorType", "type": "string", "enum": list(catalogue)}
    messages: dict[str, Schema] = {}
    channels: dict[str, Any] = {}
    for name, address, payload in payloads(table.lines, publications.values()):
        messages[name] = {"name": name, "title": name, "payload": {"title": name, **payload}}
        channel = channels.setdefault(identifier(address), new_channel(address))
        channel["messages"][name] = {"$ref": f"#/components/messages/{name}"}
    operations = {identifier(line.address): receives(line) for line in table.lines}
    operations |= {f"Send{identifier(each.address)}": sends(each.address) for each in publications.values()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "manualdial",
            "version": __version__,
            "description": ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"bus": server()},
        "channels": channels,
        "operations": operations | {"SendApiError": sends(API_ERROR)},
        "components": {"messages": messages, "schemas": dict(sorted(schemas.items())), "securitySchemes": SECURITY},
        "x-errors": {error_type: told(kind) for error_type, kind in catalogue.items()},
    }


def server() -> dict[str, Any]:
    codes = [{"code": int(code), "meaning": code.meaning, "client": code.advice} for code in CloseCode]
    return {
        "host": "{host}",
        "pathname": BUS_PATH,
        "protocol": "ws",
        "variables": {"host": {"default": "127.0.0.1:8080"}},
        "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in SECURITY],
        "x-close-codes": codes,
    }


def payloads(lines: Iterable[Route], publications: Iterable[Publication]) -> Iterator[tuple[str, Address, Schema]]:
    """The name, the address and the schema of every message."""
    for line in lines:
        needed = any(field.required for field in msgspec.structs.fields(line.data))
        content = schema_of(line.data, at=SCHEMAS)
        payload = envelope_of(line.address, level(line.address), "data", content, required=needed)
        payload["properties"]["source"] = {"type": "string", "description": "Ignored: the connection says who sends."}
        yield f"{identifier(line.address)}Request", line.address, payload
    for each in publications:
        content = schema_of(each.message, at=SCHEMAS)
        payload = envelope_of(each.address, level(each.address), "message", content)
        if each.address.channel != "Bus":
            payload["properties"]["meta"] = {"$ref": f"{SCHEMAS}/Meta"}
        yield f"{identifier(each.address)}Message", each.address, payload
    data = schema_of(ErrorData, at=SCHEMAS)
    yield f"{identifier(API_ERROR)}Message", API_ERROR, envelope_of(API_ERROR, level(API_ERROR), "data", data)


def new_channel(address: Address) -> dict[str, Any]:
    channel: dict[str, Any] = {"address": str(address), "messages": {}}
    if address.channel == CONNECTOR:
        about = "A channel that is bound to the telephony engine: `Amazon`, always, and the name of the engine."
        channel["parameters"] = {"connector": {"description": about, "default": AMAZON}}
    elif address is API_ERROR:
        about = "The channel of the request, or `Bus` where that is none of the server's."
        channel["parameters"] = {"channel": {"description": about, "default": "Bus"}}
    return channel


def level(address: Address) -> Schema:
    """The schema of the first level of an address."""
    return {"type": "string"} if address.channel.startswith("{") else {"const": address.channel}


def receives(line: Route) -> dict[str, Any]:
    """The operation of a request."""
    reply, *others = line.answers
    closes = [CLOSES[kind] for kind in line.errors if kind in CLOSES]
    operation: dict[str, Any] = {
        "action": "receive",
        "summary": inspect.cleandoc(line.method.__doc__ or "").partition("\n")[0],
        "channel": {"$ref": f"#/channels/{identifier(line.address)}"},
        "messages": [message_of(line.address, "Request")],
        "reply": {
            "channel": {"$ref": f"#/channels/{identifier(reply.address)}"},
            "messages": [message_of(reply.address, "Message")],
        },
        "x-errors": [kind.error_type for kind in (*line.errors, *ALWAYS) if kind not in CLOSES],
    }
    if others:
        operation["x-other-answers"] = [message_of(each.address, "Message") for each in others]
    if closes:
        operation["x-close-codes"] = [int(code) for code in closes]
    return operation


def sends(address: Address) -> dict[str, Any]:
    """The operation of what is published, asked for or not."""
    channel = {"$ref": f"#/channels/{identifier(address)}"}
    return {"action": "send", "channel": channel, "messages": [message_of(address, "Message")]}


def identifier(address: Address) -> str:
    """The address as a name: what every connector has is named without it."""
    levels = (address.channel, address.topic, address.subtopic)
    return "".join(level for level in levels if not level.startswith("{"))


def message_of(address: Address, kind: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{identifier(address)}/messages/{identifier(address)}{kind}"}


def kinds(root: type[ManualDialError] = ManualDialError) -> Iterator[type[ManualDialError]]:
    """Every kind of error that has a type of its own."""
    for kind in root.__subclasses__():
        if "error_type" in vars(kind):
            yield kind
        yield from kinds(kind)


def told(kind: type[ManualDialError]) -> dict[str, Any]:
    """What an error means, and what it tells the agent unless it says something more exact."""
    about = inspect.cleandoc(kind.__doc__ or "")
    return {"description": about, "msg": kind.sentence, "retryable": kind.retryable}
