"""Attempt: an earlier dial to the same number or person, as the rules count them."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One earlier dial, or one that is being made now."""

    call_id: str
    at: datetime
    purpose: str
    campaign_id: str | None
    """Its subject: the matter, the debt, the offer."""
    is_over: bool
    rang: bool
    """Whether the far end was reached: it rang, was busy, was answered or declined."""
    answered_at: datetime | None

    @property
    def counts(self) -> bool:
        """Whether it counts as placed. One that is reserved or running does; one that never rang gives it back."""
        return self.rang or not self.is_over
