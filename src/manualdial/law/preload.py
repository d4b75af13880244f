"""Everything that the first verdict would else have to wait for: tables, time zones, holidays."""

from __future__ import annotations

from datetime import UTC, datetime

from manualdial.law.facts import Facts
from manualdial.law.judge import judge
from manualdial.law.policies import Policies
from manualdial.law.verdict import Purpose
from manualdial.numbers import PhoneNumber
from manualdial.places.jurisdictions import everywhere
from manualdial.places.preload import preload_places


def preload(policies: Policies) -> None:
    """Judge a sale to somebody who may be anywhere, so that all is read. To be called in a thread, at the start."""
    preload_places()
    anywhere = everywhere(None)
    number = PhoneNumber(typed="", e164="+80000000000", region="001", type="toll_free")
    judge(
        Facts(at=datetime.now(UTC), number=number, purpose=Purpose.SALES, located=anywhere, numbered=anywhere), policies
    )
