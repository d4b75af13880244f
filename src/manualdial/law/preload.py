"""Everything that the first verdict would else have to wait for: tables, time zones, holidays."""

from __future__ import annotations

from datetime import UTC, datetime

from manualdial.law.facts import Facts
from manualdial.law.judge import judge
from manualdial.law.policies import Policies
from manualdial.law.verdict import Purpose
from manualdial.numbers import PhoneNumber
from manualdial.places.by_number import of_number
from manualdial.places.by_zip_code import of_zip_code
from manualdial.places.jurisdictions import everywhere
from manualdial.places.time_zone import time_zone


def preload(policies: Policies) -> None:
    """Judge a sale to somebody who may be anywhere, so that all is read. To be called in a thread, at the start."""
    preload_places()
    anywhere = everywhere(None)
    number = PhoneNumber(typed="", e164="+80000000000", region="001", type="toll_free")
    judge(
        Facts(at=datetime.now(UTC), number=number, purpose=Purpose.SALES, located=anywhere, numbered=anywhere), policies
    )


def preload_places() -> None:
    """Read the tables of places and the rules of every zone in them."""
    for place in everywhere(None).places:
        for zone in place.zones:
            time_zone(zone)
    of_zip_code("20500")
    of_number(PhoneNumber(typed="", e164="+78120000000", region="RU", type="fixed_line"))
