"""Reading that the first press would otherwise wait for, done once before it."""

from __future__ import annotations

from manualdial.numbers import PhoneNumber
from manualdial.places.by_number import of_number
from manualdial.places.by_zip_code import of_zip_code
from manualdial.places.jurisdictions import everywhere
from manualdial.places.time_zone import time_zone


def preload_places() -> None:
    """Read the tables of this package and the rules of every zone in them. To be called in a thread, at the start."""
    for place in everywhere(None).places:
        for zone in place.zones:
            time_zone(zone)
    of_zip_code("20500")
    of_number(PhoneNumber(typed="", e164="+78120000000", region="RU", type="fixed_line"))
