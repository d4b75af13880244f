"""Where the called party counts as being, by the best source; and where, when the number belongs to no place.

Said by the person, the postal code of the press, the contact's record, the number (docs/places.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from manualdial.law.records import Residence
from manualdial.numbers import PhoneNumber
from manualdial.places.by_number import of_number
from manualdial.places.by_zip_code import of_zip_code
from manualdial.places.jurisdictions import at_zone, everywhere, of_jurisdiction, with_other_jurisdictions
from manualdial.places.place import Place, PlaceSource, Whereabouts

STRICTEST = "strictest"
REFUSE = "refuse"

_POSTAL_CODES = ("US", "CA")
"""Countries whose postal codes are known."""
_NOWHERE = Whereabouts(source=PlaceSource.NONE, places=())


def located(
    number: PhoneNumber, *, zip_code: str | None, residences: Sequence[Residence], no_place: str
) -> Whereabouts:
    """Where the person is. `residences` are those in force, oldest first.

    What was stated last counts alone. Of a postal code and the contact's addresses the first is the source, and all of
    them count.

    `no_place` says where a number counts as being that belongs to no place: "strictest" everywhere that it may ring,
    "refuse" nowhere, which blocks; else a jurisdiction.
    """
    stated = [one for one in residences if one.stated]
    if stated and (place := _of_residence(stated[-1], number, PlaceSource.STATED)):
        return place
    # Addresses that disagree: none of them takes away where another one says that the person is.
    addresses = [of_postal_code(zip_code)] if zip_code is not None and _in_north_america(number) else []
    kept = (one for one in reversed(residences) if not one.stated)
    addresses += [_of_residence(one, number, PlaceSource.CONTACT) for one in kept]
    known = [address for address in addresses if address is not None]
    if known:
        return reduce(_with_another_address, known)
    by_number = of_number(number)
    return by_number if by_number.places else _without_a_place(number, no_place)


def _in_north_america(number: PhoneNumber) -> bool:
    """Whether a postal code given with the number is one of the United States or Canada: others look the same."""
    return number.e164.startswith("+1")


def is_a_place(residence: Residence, number: PhoneNumber | None = None) -> bool:
    """Whether a stated place is one that is known, and counts for that number where one is given."""
    named = residence.zip_code is not None or residence.jurisdiction is not None
    return (named or residence.zone is not None) and bool(_of_residence(residence, number, PlaceSource.STATED))


def of_postal_code(text: str, source: PlaceSource = PlaceSource.ZIP_CODE) -> Whereabouts | None:
    """The place of a ZIP code of the United States or a postal code of Canada, which begins with a letter."""
    return of_zip_code(text, country="CA" if text.strip()[:1].isalpha() else "US", source=source)


def _without_a_place(number: PhoneNumber, no_place: str) -> Whereabouts:
    if no_place == REFUSE:
        return _NOWHERE
    if no_place != STRICTEST:
        return of_jurisdiction(no_place, source=PlaceSource.NONE) or _NOWHERE
    if number.region == "001":
        return everywhere(None)
    if number.e164.startswith("+1"):  # such a number rings in both countries
        return with_other_jurisdictions(everywhere("US"), everywhere("CA"))
    return everywhere(number.region)


def _of_residence(residence: Residence, number: PhoneNumber | None, source: PlaceSource) -> Whereabouts | None:
    """The place that a record tells of; without a number: whether it is one."""
    place: Whereabouts | None = None
    country = (residence.jurisdiction or "US").partition("-")[0]
    if residence.zip_code is not None and country in _POSTAL_CODES and (number is None or _in_north_america(number)):
        place = of_postal_code(residence.zip_code, source)
    if place is None and residence.jurisdiction is not None:
        place = of_jurisdiction(residence.jurisdiction, source=source)
    if residence.zone is None:
        return place
    around = place or (of_number(number) if number is not None else _NOWHERE)
    zoned = at_zone(around, residence.zone, source=source)
    # A place that was named stays, also where it has not the zone that was named with it.
    return zoned if zoned is None or place is None else _with_another_address(zoned, place)


def _with_another_address(stronger: Whereabouts, weaker: Whereabouts) -> Whereabouts:
    """Both addresses. In one jurisdiction the stronger says which of its zones, unless they have none in common."""
    zones = {place.jurisdiction: place.zones for place in weaker.places}
    places = tuple(_with_zones(place, zones.get(place.jurisdiction, ())) for place in stronger.places)
    return with_other_jurisdictions(Whereabouts(source=stronger.source, places=places), weaker)


def _with_zones(place: Place, zones: tuple[str, ...]) -> Place:
    agree = not zones or not set(zones).isdisjoint(place.zones)
    return place if agree else Place(jurisdiction=place.jurisdiction, zones=tuple(sorted({*place.zones, *zones})))
