"""Closure: an operator closes a jurisdiction for a time: an emergency, a day proclaimed a holiday."""

from __future__ import annotations

from datetime import datetime

import msgspec

from manualdial.law.verdict import Purpose


class Closure(msgspec.Struct, frozen=True, kw_only=True):
    """While it lasts nobody in the jurisdiction is called for these purposes, whatever consent there is."""

    id: str
    """A UUID."""
    tenant_id: str | None
    """None: for all tenants."""
    jurisdiction: str
    """ISO 3166; what is below it is closed too."""
    begins: datetime
    ends: datetime | None
    """The first moment after it; None: until it is lifted."""
    purposes: frozenset[Purpose] = frozenset({Purpose.SALES})
    reason: str = ""
    closed_by: str = ""
    """A login name, or that of the machine's user."""

    def holds_at(self, moment: datetime) -> bool:
        """Whether the jurisdiction is closed at that moment."""
        return self.begins <= moment and (self.ends is None or moment < self.ends)
