"""Decision and Purpose: what a rule says, and why a number is called (contract §5)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Decision(StrEnum):
    """What a rule, or the verdict as a whole, says."""

    ALLOW = "allow"
    WARN = "warn"
    BLOCK = "block"


_STRICTNESS = (Decision.ALLOW, Decision.WARN, Decision.BLOCK)


def strictest(decisions: Iterable[Decision]) -> Decision:
    """The strictest of some decisions; none at all allow."""
    return max(decisions, key=_STRICTNESS.index, default=Decision.ALLOW)


class Purpose(StrEnum):
    """Why a number is called."""

    SALES = "sales"
    SERVICE = "service"
    COLLECTION = "collection"
    SURVEY = "survey"
    CHARITY = "charity"
