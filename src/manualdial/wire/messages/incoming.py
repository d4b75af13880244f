"""The `data` of a request, and how it is read: keys without regard to case, unknown keys ignored (contract §1)."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar, get_args

import msgspec
from msgspec import Meta, Struct

from manualdial.errors import MalformedMessage

AnyIncoming = TypeVar("AnyIncoming", bound="Incoming")

Identifier = Annotated[str, Meta(max_length=1024)] | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""An id: a string or a number on the wire, as a number of at most 64 bits."""


class Incoming(Struct, frozen=True, kw_only=True):
    """The `data` of a request."""

    bare: ClassVar[str | None] = None
    """The key that a bare value stands for, where `data` may be no object."""


class NoData(Incoming, frozen=True, kw_only=True):
    """A request that says nothing more than its address."""


def read(data: Any, kind: type[AnyIncoming]) -> AnyIncoming:
    """The `data` of a request as its type.

    Raises MalformedMessage with `details.path` where a value has the wrong type; the text tells no value.
    """
    if data is None:
        data = {}
    if kind.bare is not None and isinstance(data, str | int) and not isinstance(data, bool):
        data = {kind.bare: data} if data != "" else {}
    if not isinstance(data, dict):
        if kind is NoData:
            return kind()
        raise MalformedMessage("data is an object", details={"path": "data"})
    try:
        return msgspec.convert(_spelt(data, kind), kind, strict=False)
    except RecursionError:
        raise MalformedMessage("nested too deeply", details={"path": "data"}) from None
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        raise MalformedMessage(reason, details={"path": "data" + path.rstrip("`")}) from None


def _spelt(value: Any, kind: Any) -> Any:
    """The value with the keys of objects spelt as the type spells them. The exact spelling wins over another one."""
    if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, Incoming):
        names = _spellings(kind)
        known: dict[str, Any] = {}
        for key, item in value.items():
            name, inner = names.get(key.strip().casefold(), (None, None))
            if name is not None and (name not in known or key == name):
                known[name] = _spelt(item, inner)
        return known
    if isinstance(value, list):
        return [_spelt(item, kind) for item in value]
    return value


@cache
def _spellings(kind: type[Incoming]) -> dict[str, tuple[str, Any]]:
    fields = msgspec.structs.fields(kind)
    return {one.encode_name.casefold(): (one.encode_name, _inner_struct(one.type)) for one in fields}


def _inner_struct(kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, Incoming):
        return kind
    return next((found for part in get_args(kind) if (found := _inner_struct(part)) is not None), None)
