"""The port to identity."""

from __future__ import annotations

from typing import Protocol

from manualdial.callers import Caller


class Authenticator(Protocol):
    """Token → Caller."""

    async def caller(self, token: str) -> Caller:
        """The caller that a token stands for. Raises NotAuthenticated, TokenExpired or ServiceUnavailable."""
        ...
