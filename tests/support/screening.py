"""Facts for tests of the screening: a number, a moment, and whatever a test says besides."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from manualdial import numbers
from manualdial.law import Purpose
from manualdial.law.attempts import Attempt
from manualdial.law.facts import Facts, ScreeningSettings
from manualdial.law.records import AnyContent, Record
from manualdial.places.by_number import of_number
from manualdial.places.jurisdictions import everywhere

TUESDAY_NOON_IN_NEW_YORK = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)
FLORIDA = "+13055550100"
WASHINGTON_DC = "+12025550100"

UNBOUND = ScreeningSettings(registries=frozenset(), registrations=frozenset({"*"}))
"""A tenant that needs no registry and has every registration: what is left are hours, counts, lists, consent."""


def facts_about(number: str = FLORIDA, *, at: datetime = TUESDAY_NOON_IN_NEW_YORK, **more: Any) -> Facts:
    """A sales call to a number, in business hours, by a tenant that is bound by hours and counts alone."""
    read = numbers.parse(number, region="US")
    numbered = of_number(read)
    located = numbered if numbered.places else everywhere("US")
    given: dict[str, Any] = {
        "purpose": Purpose.SALES,
        "located": located,
        "numbered": numbered,
        "settings": UNBOUND,
    } | more
    return Facts(at=at, number=read, **given)


def a_record(content: AnyContent, *, id: str = "record-1", number: str = FLORIDA, **more: Any) -> Record:
    """A record, in force."""
    given: dict[str, Any] = {"recorded_at": datetime(2026, 3, 1, tzinfo=UTC), "recorded_by": "ann"} | more
    return Record(id=id, tenant_id="t-north", number=number, content=content, **given)


def an_attempt(at: datetime, **more: Any) -> Attempt:
    """A sales call that rang and was not answered."""
    given: dict[str, Any] = {
        "call_id": f"call-{at.isoformat()}",
        "purpose": "sales",
        "campaign_id": None,
        "is_over": True,
        "rang": True,
        "answered_at": None,
    } | more
    return Attempt(at=at, **given)
