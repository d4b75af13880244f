"""The `data` of a request."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

Identifier = Annotated[str, Meta(max_length=1024)] | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""An id: a string or a number on the wire, as a number of at most 64 bits."""


class Incoming(Struct, frozen=True, kw_only=True):
    """The `data` of a request."""

    bare: ClassVar[str | None] = None
    """The key that a bare value stands for, where `data` may be no object."""


class NoData(Incoming, frozen=True, kw_only=True):
    """A request that says nothing more than its address."""
