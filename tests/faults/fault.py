"""One kind of fault."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults.world import World


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One kind."""

    name: str
    play: Callable[[World], Awaitable[bool]]
    """Returns whether it happened."""
