"""The port to time, and the word of a dependency on whether it works."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec


class Clock(Protocol):
    """The time, handed in so that a test can set it."""

    def now(self) -> datetime:
        """The wall clock, UTC, with a time zone."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        ...


class Health(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a dependency works, and if not, why, in words for an operator. No secret and no address in it."""

    ok: bool
    detail: str = ""
