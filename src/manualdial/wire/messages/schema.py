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

from manualdial.wire.envelope import Address
from manualdial.wire.messages.incoming import Incoming

Schema = dict[str, Any]


def definitions(kinds: Iterable[Any], *, at: str) -> dict[str, Schema]:
    """The schema of every class that these types are made of, by its name; `at` is where they are referred to."""
    found: dict[str, Schema] = {}
    for kind in kinds:
        schema_of(kind, at=at, found=found)
    return dict(sorted(found.items()))


def schema_of(kind: Any, *, at: str, found: dict[str, Schema] | None = None) -> Schema:
    """The schema of a type; the classes that it is made of are added to `found`.

    Unlike msgspec's own it takes a union of classes without a tag.
    """
    inner, origin = [part for part in get_args(kind) if part is not msgspec.UnsetType], get_origin(kind)
    if origin is None and isinstance(kind, type) and issubclass(kind, msgspec.Struct | Enum):
        name = _name(kind)
        if found is not None and name not in found:
            found[name] = {}  # it may be a part of itself
            found[name] = _definition(kind, at, found)
        return {"$ref": f"{at}/{name}"}
    if origin in (Union, UnionType):
        parts = [schema_of(part, at=at, found=found) for part in inner]
        return parts[0] if len(parts) == 1 else {"anyOf": parts}
    if origin is Annotated and inner[1].extra:  # a value that is read or written otherwise than it is told
        return schema_of(inner[1].extra["is"], at=at, found=found)
    if origin is Annotated and get_origin(inner[0]) is list:
        return schema_of(inner[0], at=at, found=found) | {"maxItems": inner[1].max_length}
    if origin is list:
        return {"type": "array", "items": schema_of(inner[0], at=at, found=found)}
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


def _name(kind: type) -> str:
    """The name in a document, in which nothing but messages stands: VerdictMessage is the law's Verdict there."""
    return kind.__name__.removesuffix("Message")


def _definition(kind: type[msgspec.Struct] | type[Enum], at: str, found: dict[str, Schema]) -> Schema:
    schema: Schema = {"title": _name(kind), "description": inspect.cleandoc(kind.__doc__ or "")}
    if issubclass(kind, Enum):
        return schema | {"type": "string", "enum": [member.value for member in kind]}
    bare = issubclass(kind, Incoming) and kind.bare
    # The one key may stand for the whole: then its bare value is `data`.
    schema |= {"type": ["object", "string", "integer", "null"] if bare else "object", "properties": {}, "required": []}
    for field in msgspec.structs.fields(kind):
        one = schema["properties"][field.encode_name] = schema_of(field.type, at=at, found=found)
        if sentence := _sentences(kind.__module__).get((kind.__name__, field.name)):
            one["description"] = sentence
        if isinstance(field.default, str | int):
            one["default"] = field.default
        if field.required:
            schema["required"].append(field.encode_name)
    return schema


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
