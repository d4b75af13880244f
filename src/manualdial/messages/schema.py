"""The messages as JSON Schema, from their structs and the sentences in them: for OpenAPI, AsyncAPI and `schemas/`."""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
from collections.abc import Iterable
from enum import Enum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from manualdial.envelope import Address
from manualdial.messages.incoming import Incoming

Schema = dict[str, Any]


def definitions(kinds: Iterable[Any], *, at: str) -> dict[str, Schema]:
    """The schema of every class that these types are made of, by its name; `at` is where they are referred to."""
    found: dict[str, Schema] = {}
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop()
        if _is_a_definition(kind):
            if kind.__name__ not in found:
                found[kind.__name__] = _definition(kind, at)
                waiting += [field.type for field in _fields(kind)]
        else:
            waiting += [part.extra["is"] for part in get_args(kind) if isinstance(part, msgspec.Meta) and part.extra]
            waiting += get_args(kind)
    return dict(sorted(found.items()))


def schema_of(kind: Any, *, at: str) -> Schema:
    """The schema of a type. Unlike msgspec's own it takes a union of classes without a tag."""
    if _is_a_definition(kind):
        return {"$ref": f"{at}/{kind.__name__}"}
    inner = [part for part in get_args(kind) if part is not msgspec.UnsetType]
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return schema_of(inner[0], at=at) if len(inner) == 1 else {"anyOf": [schema_of(part, at=at) for part in inner]}
    if origin is Annotated and inner[1].extra:  # a value that is kept as bytes, and what it is
        return schema_of(inner[1].extra["is"], at=at)
    if origin is Annotated and get_origin(inner[0]) is list:
        return schema_of(inner[0], at=at) | {"maxItems": inner[1].max_length}
    if origin is list:
        return {"type": "array", "items": schema_of(inner[0], at=at)}
    return msgspec.json.schema(kind)


def envelope_of(address: Address, channel: Schema, key: str, content: Schema, *, required: bool = True) -> Schema:
    """The schema of a whole message: `key` is `data` of a request or an error, or `message` of a reply or an event."""
    return {
        "type": "object",
        "properties": {
            "channel": channel,
            "topic": {"const": address.topic},
            "subtopic": {"const": address.subtopic},
            key: content,
            "requestId": {"type": ["string", "integer"], "description": "The client's name for the request."},
        },
        "required": ["channel", "topic", "subtopic", *([key] if required else [])],
    }


def _is_a_definition(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct | Enum) and get_origin(kind) is None


def _definition(kind: Any, at: str) -> Schema:
    schema: Schema = {"title": kind.__name__, "description": inspect.cleandoc(kind.__doc__ or "")}
    if issubclass(kind, Enum):
        return schema | {"type": "string", "enum": [member.value for member in kind]}
    bare = issubclass(kind, Incoming) and kind.bare
    # The one key may stand for the whole: then its bare value is `data`.
    schema |= {"type": ["object", "string", "integer", "null"] if bare else "object", "properties": {}, "required": []}
    for field in _fields(kind):
        one = schema_of(field.type, at=at)
        if sentence := _sentences(kind.__module__).get((kind.__name__, field.name)):
            one["description"] = sentence
        if isinstance(field.default, str | int):
            one["default"] = field.default
        schema["properties"][field.encode_name] = one
        if field.required:
            schema["required"].append(field.encode_name)
    return schema


def _fields(kind: Any) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(kind) if issubclass(kind, msgspec.Struct) else ()


@cache
def _sentences(module: str) -> dict[tuple[str, str], str]:
    """The text under each field of each class of a module, by class and field."""
    found: dict[tuple[str, str], str] = {}
    for owner in ast.parse(inspect.getsource(sys.modules[module])).body:
        if not isinstance(owner, ast.ClassDef):
            continue
        for pair in itertools.pairwise(owner.body):
            match pair:
                case ast.AnnAssign(target=ast.Name(id=field)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[owner.name, field] = " ".join(text.split())
    return found
