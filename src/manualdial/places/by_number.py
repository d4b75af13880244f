"""A number → where its subscriber may be, by the numbering plan: the weakest evidence of all.

Rows of our own (`data/prefixes.toml`) come first: all of +1, and what the library `phonenumbers` gets wrong.
For the rest of the world the country is the library's; the zones are the country's, and the library narrows them only
for a fixed line. A number kept after a move still shows its former place.
"""

from __future__ import annotations

import tomllib
from functools import cache, lru_cache
from importlib import resources

import msgspec
import phonenumbers
from phonenumbers import timezone

from manualdial.numbers import PhoneNumber
from manualdial.places.jurisdictions import (
    canonical_jurisdiction,
    everywhere,
    of_jurisdiction,
    places_in,
    zone_of_today,
    zones_of,
)
from manualdial.places.place import PlaceSource, Whereabouts

_NORTH_AMERICAN_DIGITS = 11
_MAX_LIBRARY_PREFIX = 10
"""No prefix in the library's table of zones has more digits."""
_FIXED_LINES = ("fixed_line", "fixed_line_or_mobile")
_GEOGRAPHIC_IN_NORTH_AMERICA = (*_FIXED_LINES, "mobile")
_NOWHERE = Whereabouts(source=PlaceSource.NONE, places=())


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    prefixes: tuple[str, ...]
    jurisdictions: tuple[str, ...]
    source: tuple[str, ...]
    zones: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sources: dict[str, str]
    row: tuple[_Row, ...]


@cache
def _rows() -> dict[str, Whereabouts]:
    """Prefix → whereabouts, shared by all numbers of the row."""
    text = resources.files("manualdial.places").joinpath("data/prefixes.toml").read_text(encoding="utf-8")
    rows: dict[str, Whereabouts] = {}
    for row in msgspec.convert(tomllib.loads(text), _File).row:
        places = places_in(row.jurisdictions, zones=row.zones)
        rows |= dict.fromkeys(row.prefixes, Whereabouts(source=PlaceSource.NUMBER, places=places))
    return rows


@cache
def _longest_prefix() -> int:
    return max(map(len, _rows()))


def of_number(number: PhoneNumber) -> Whereabouts:
    """All places that the number's plan allows; source NONE and no places for a number without geography.

    Without geography are +1 toll-free, personal, premium and Canada's own non-geographic numbers, and the country
    codes that belong to no country (+800, +870, +881 …). A freephone number of one country is somewhere in it.
    """
    digits = number.e164[1:]
    if digits.startswith("1"):
        return _of_north_american(digits, number)
    return _of_row(digits) or _of_the_rest(
        digits[:_MAX_LIBRARY_PREFIX], len(digits), number.region, number.type in _FIXED_LINES
    )


def _of_north_american(digits: str, number: PhoneNumber) -> Whereabouts:
    if len(digits) != _NORTH_AMERICAN_DIGITS:
        return _NOWHERE  # Canada's seven-digit 310 numbers, not area code 310
    found = _rows().get(digits[:4])
    if found is not None:
        return found
    if number.type in _GEOGRAPHIC_IN_NORTH_AMERICA:  # an area code newer than the table
        return Whereabouts(source=PlaceSource.NUMBER, places=everywhere(number.region).places)
    return _NOWHERE


def _of_row(digits: str) -> Whereabouts | None:
    rows = _rows()
    for length in range(_longest_prefix(), 1, -1):
        found = rows.get(digits[:length])
        if found is not None:
            return found
    return None


@lru_cache(maxsize=8192)
def _of_the_rest(prefix: str, digits: int, region: str, fixed: bool) -> Whereabouts:
    """The zones of the country, or for a fixed line those that the library names among them."""
    country = canonical_jurisdiction(region)
    whole = of_jurisdiction(region, source=PlaceSource.NUMBER)
    if country is None or whole is None:
        return _NOWHERE
    if not fixed or len(zones_of(country)) == 1:
        return whole
    number = phonenumbers.parse("+" + prefix.ljust(digits, "0"), None)
    zones = {zone_of_today(zone) for zone in timezone.time_zones_for_geographical_number(number)}
    # Some of the library's zones are those of another country that kept the same time once: they say nothing here.
    if not zones <= set(zones_of(country)):
        return whole
    return Whereabouts(source=PlaceSource.NUMBER, places=places_in([country], zones=tuple(sorted(zones))))
