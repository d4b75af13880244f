"""Jurisdictions by their ISO 3166 code, and the time zones of each."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib import resources

import msgspec

from manualdial.places.place import Place, PlaceSource, Whereabouts
from manualdial.places.time_zone import UnknownTimeZone, time_zone

_MAX_PART = 3
"""Letters and digits after the dash of a code in ISO 3166-2."""


class _Table(msgspec.Struct, frozen=True):
    """`data/jurisdictions.toml`, whose comments say what each part means and where it was read."""

    zones: dict[str, tuple[str, ...]]
    overseas: dict[str, str]
    same_clock: dict[str, str]
    renamed: dict[str, str]
    forces: dict[str, tuple[str, ...]]


@cache
def _table() -> _Table:
    text = resources.files("manualdial.places").joinpath("data/jurisdictions.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _Table)


def known_jurisdictions() -> tuple[str, ...]:
    """Every jurisdiction there is a row for, sorted: `AD`, …, `CA-AB`, …, `US-WY`, …, `ZW`."""
    return tuple(sorted(_table().zones))


def canonical_jurisdiction(code: str) -> str | None:
    """The code as it is written here: `us-fl` → `US-FL`, `PR` → `US-PR`, `AU-NSW` → `AU`; None: there is no such place.

    `US` and `CA` stand for all their parts. A part that has no row, of a country that has one, is that country: no law
    of the shipped policies is below it.
    """
    table = _table()
    upper = code.strip().upper()
    upper = table.overseas.get(upper, upper)
    if upper in table.zones or _parts(upper):
        return upper
    country, dash, part = upper.partition("-")
    if not dash or country not in table.zones or not (part.isalnum() and len(part) <= _MAX_PART):
        return None
    overseas = table.overseas.get(part, "")  # `FR-RE` is an older name of `FR-974`
    return overseas if overseas.startswith(country) else country


def zones_of(jurisdiction: str) -> tuple[str, ...]:
    """All zones of the jurisdiction and, for a country, of its parts but those overseas; empty where it is unknown."""
    return tuple(sorted({zone for place in _places_of(jurisdiction) for zone in place.zones}))


def of_jurisdiction(code: str, *, source: PlaceSource = PlaceSource.CONTACT) -> Whereabouts | None:
    """Somewhere in that jurisdiction; None where it is unknown.

    A country is all its parts (`US` the states, `BR` the state of São Paulo and the rest), but those that have a
    country code of their own: an address in Puerto Rico says `PR`, one in Réunion `RE`.
    """
    places = _places_of(code)
    return Whereabouts(source=source, places=places) if places else None


@lru_cache(maxsize=512)
def everywhere(country: str | None) -> Whereabouts:
    """Where somebody may be of whom nothing is known but the country: all its parts and territories.

    With None, or a country that is unknown, every jurisdiction of the world.
    """
    code = country.strip().upper() if country else ""
    codes = _parts(_table().overseas.get(code, code))
    places = places_in(codes or known_jurisdictions())
    return Whereabouts(source=PlaceSource.NONE, places=places)


def at_zone(whereabouts: Whereabouts, zone: str, *, source: PlaceSource = PlaceSource.STATED) -> Whereabouts | None:
    """The same whereabouts, once it is known which time zone the person is in; None for a zone that nobody keeps.

    Jurisdictions that have the zone stay, with that zone alone. Where none has it, or no place was known, the person
    may be in any jurisdiction that has it.
    """
    try:
        time_zone(zone)
    except UnknownTimeZone:
        return None
    name = zone_of_today(zone)
    having = [place for place in whereabouts.places if name in place.zones]
    having = having or [place for place in everywhere(None).places if name in place.zones]
    if not having:
        return None
    places = tuple(Place(jurisdiction=place.jurisdiction, zones=(name,)) for place in having)
    return Whereabouts(source=source, places=places)


def with_other_jurisdictions(stronger: Whereabouts, weaker: Whereabouts) -> Whereabouts:
    """The places of the stronger evidence, and those of the weaker that lie in other jurisdictions.

    A ZIP code in Texas and a number of Florida: a call must be lawful in both. A ZIP code in the Central part of
    Florida and a number of Florida: the ZIP code alone says which zone.
    """
    named = {place.jurisdiction for place in stronger.places}
    others = (place for place in weaker.places if place.jurisdiction not in named)
    places = tuple(sorted((*stronger.places, *others), key=lambda place: place.jurisdiction))
    return Whereabouts(source=stronger.source, places=places)


def places_in(jurisdictions: Iterable[str], *, zones: tuple[str, ...] = ()) -> tuple[Place, ...]:
    """One place for each of these rows of the table, sorted, with the given zones, or else with all its own."""
    table = _table().zones
    return tuple(Place(jurisdiction=code, zones=zones or table[code]) for code in sorted(set(jurisdictions)))


def zone_of_today(name: str) -> str:
    """The zone under the name used here: `Asia/Calcutta` → `Asia/Kolkata`, `America/Boise` → `America/Denver`."""
    table = _table()
    return table.renamed.get(name) or table.same_clock.get(name, name)


def zones_of_forces(region: str) -> tuple[str, ...]:
    """The zones where a post office of the United States forces may be: `AA`, `AE` or `AP`. Raises KeyError."""
    return _table().forces[region]


@lru_cache(maxsize=512)
def _places_of(code: str) -> tuple[Place, ...]:
    jurisdiction = canonical_jurisdiction(code)
    if jurisdiction is None:
        return ()
    if "-" in code:
        return places_in([jurisdiction])
    overseas = set(_table().overseas.values()) - {jurisdiction}
    return places_in(part for part in _parts(jurisdiction) if part not in overseas)


def _parts(jurisdiction: str) -> tuple[str, ...]:
    """The rows of the table that are the jurisdiction or lie in it."""
    table = _table().zones
    within = tuple(code for code in table if code.startswith(jurisdiction + "-")) if len(jurisdiction) == 2 else ()
    return (jurisdiction, *within) if jurisdiction in table else within
