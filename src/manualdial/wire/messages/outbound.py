"""The `message` of replies and events, and the `data` of errors (contract §1)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType


class Outbound(Struct, frozen=True, kw_only=True, rename="camel"):
    """The `message` of a reply or an event, or a part of it."""


class ErrorData(Outbound, frozen=True, kw_only=True):
    """`data` of an ApiError (contract §1)."""

    error_type: str
    error_message: str
    msg: str
    retryable: bool
    details: dict[str, Any] | UnsetType = UNSET
