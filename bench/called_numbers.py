"""Numbers to be judged: of several states of the United States, whose laws differ, and of no place at all."""

from __future__ import annotations

import random

from manualdial import numbers
from manualdial.errors import PhoneNumberInvalid

_AREA_CODES = (
    *("305", "407", "813"),  # Florida: three tries in 24 hours
    *("405", "918"),  # Oklahoma: the same
    *("206", "509"),  # Washington: hours of its own
    "503",  # Oregon
    "212",  # New York
    "214",  # Texas
    "415",  # California
    "219",  # Indiana: two time zones
)
TOLL_FREE = "+18005550199"


def numbers_called(count: int, *, seed: int = 5) -> list[str]:
    """So many different numbers (E.164), the same each time."""
    chance = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        rest = f"{chance.randrange(2, 10)}{chance.randrange(100):02}{chance.randrange(10_000):04}"
        number = f"+1{chance.choice(_AREA_CODES)}{rest}"
        try:
            found[numbers.parse(number, region="US").e164] = None
        except PhoneNumberInvalid:
            continue
    return list(found)
