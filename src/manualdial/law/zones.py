"""Which time zones count for a rule, and the local times that go into its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from manualdial.law.facts import Facts
from manualdial.law.rule import Rule, ZoneBasis
from manualdial.places.place import Place, PlaceSource, Whereabouts
from manualdial.places.time_zone import time_zone

MOST_ZONES_TOLD = 12
"""No country has more; a number without a place counts as being in dozens."""


def places_that_count(rule: Rule, facts: Facts) -> Whereabouts:
    """Where the person counts as being under a rule.

    What the person has said in a talk is certain: that place, whose clock also counts for a law that reaches the call
    by the number alone. All else is not: a call must be lawful where the address lies and where the number belongs.
    """
    if rule.hours is not None and rule.hours.zone is ZoneBasis.NUMBER:
        within = _within(rule, facts.numbered.places)
        if within:
            return Whereabouts(source=facts.numbered.source, places=within)
    if facts.located.source is PlaceSource.STATED:
        return Whereabouts(
            source=PlaceSource.STATED, places=_within(rule, facts.located.places) or facts.located.places
        )
    within = _within(rule, facts.places) or facts.places
    by_address = facts.located is facts.numbered or any(place in facts.located.places for place in within)
    return Whereabouts(source=facts.located.source if by_address else facts.numbered.source, places=within)


def _within(rule: Rule, places: Iterable[Place]) -> tuple[Place, ...]:
    # As Place.is_within, without a call for each: a number of no place has seventy, and each rule looks at all.
    code, parts = rule.jurisdiction, rule.jurisdiction + "-"
    return tuple([place for place in places if (name := place.jurisdiction) == code or name.startswith(parts)])


def zones_that_count(rule: Rule, facts: Facts) -> tuple[PlaceSource, tuple[str, ...]]:
    """The zones in all of which a rule must be kept, and how they are known."""
    if rule.hours is not None and rule.hours.zone is ZoneBasis.FIXED and rule.hours.fixed_zone is not None:
        return PlaceSource.NONE, (rule.hours.fixed_zone,)
    counting = places_that_count(rule, facts)
    return counting.source, zones_of(counting.places)


def zones_of(places: Iterable[Place]) -> tuple[str, ...]:
    """The zones of some places, each once, sorted."""
    return tuple(sorted({name for place in places for name in place.zones}))


@lru_cache(maxsize=16_384)  # many rules look at the same zones, and many numbers are checked at the same moment
def local_time(name: str, at: datetime) -> datetime:
    """The wall clock in that zone."""
    return at.astimezone(time_zone(name))


def local_times(names: Sequence[str], at: datetime) -> dict[str, str]:
    """The local time in each zone, as evidence; of very many zones those where it is earliest and latest."""
    if len(names) > MOST_ZONES_TOLD:
        names = (min(names, key=lambda name: _wall_clock(name, at)), max(names, key=lambda name: _wall_clock(name, at)))
    return {name: _written(name, at) for name in names}


def _wall_clock(name: str, at: datetime) -> datetime:
    return local_time(name, at).replace(tzinfo=None)


@lru_cache(maxsize=16_384)
def _written(name: str, at: datetime) -> str:
    return local_time(name, at).isoformat(timespec="seconds")


def moment_of(day: date, minute: int, name: str) -> datetime:
    """The moment of a local time, in minutes from the day's beginning (above 1440: the next day).

    A time that daylight saving leaves out is taken as if the clock had not been moved yet.
    """
    days, minute = divmod(minute, 1440)
    local = datetime.combine(day + timedelta(days=days), time(minute // 60, minute % 60), tzinfo=time_zone(name))
    return local.astimezone(UTC)
