"""When two time zones show the same time, and what the tz database says of each country."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources

from manualdial.places.time_zone import time_zone

_FIRST = datetime(2026, 11, 23, 12, tzinfo=UTC)
_INSTANTS = tuple(_FIRST + timedelta(days=2 * number) for number in range(550))
"""Three years, so that a rule which changes once is seen on both sides."""

Clock = tuple[timedelta | None, ...]


@cache
def clock(zone: str) -> Clock:
    """Two zones with the same value show the same time for three years."""
    rules = time_zone(zone)
    return tuple(instant.astimezone(rules).utcoffset() for instant in _INSTANTS)


def clocks(zones: Iterable[str]) -> set[Clock]:
    return {clock(zone) for zone in zones}


@cache
def zones_by_country() -> dict[str, tuple[str, ...]]:
    """The table `zone.tab` of the installed tz database."""
    found: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for line in resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            country, _, zone, *_ = line.split("\t")
            found[country] += (zone,)
    return dict(found)
