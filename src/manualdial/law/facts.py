"""Facts: everything that the rules look at. Gathered before the rules run; a rule asks nobody anything.

Where the called party counts as being is one of them, by the best source: said by the person, the postal code of the
press, the contact's record, the number (docs/places.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, reduce
from typing import TypeVar

import msgspec

from manualdial.callers import Role
from manualdial.law.attempts import Attempt
from manualdial.law.closure import Closure
from manualdial.law.records import AnyContent, Business, Line, Record, Residence
from manualdial.law.registry_look import RegistryLook
from manualdial.law.rule import LineKind, Party
from manualdial.law.verdict import Purpose
from manualdial.numbers import PhoneNumber
from manualdial.places.by_number import of_number
from manualdial.places.by_zip_code import of_zip_code
from manualdial.places.jurisdictions import at_zone, everywhere, of_jurisdiction, with_other_jurisdictions
from manualdial.places.place import Place, PlaceSource, Whereabouts

AnyRecord = TypeVar("AnyRecord", bound=AnyContent)

EVERY = "*"
"""In a list of names: all of them."""

STRICTEST = "strictest"
REFUSE = "refuse"

_POSTAL_CODES = ("US", "CA")
"""Countries whose postal codes are known."""
_NOWHERE = Whereabouts(source=PlaceSource.NONE, places=())


class ScreeningSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The decisions of a tenant, and what it says of itself."""

    registries: frozenset[str] = frozenset({EVERY})
    """The registries that must be asked where a rule says so; those not among them need not be."""
    registrations: frozenset[str] = frozenset()
    """The rules `registration.…` (what stands after the dot) whose registration the tenant has."""
    campaigns: frozenset[str] = frozenset()
    """The campaigns that are subjects of their own where a rule counts by subject; all others are one subject."""
    countries: frozenset[str] = frozenset({EVERY})
    """The ISO 3166 countries that may be called."""
    blocked: tuple[str, ...] = ()
    """Beginnings of E.164 numbers that are never called."""
    premium: bool = False
    """Whether numbers that cost the caller more may be called."""
    seller: str = ""
    """For whom is called: consent that was given to somebody else does not count."""
    overridable: Mapping[str, frozenset[Role]] = msgspec.field(default_factory=dict)
    """Rules (or their kinds) that may be overridden, and by whom."""


class WantedOverride(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that the press wants overridden, and why."""

    rule: str
    reason: str


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about one dial, at one moment."""

    at: datetime
    number: PhoneNumber
    purpose: Purpose
    campaign_id: str | None = None
    entry: str | None = None
    """How the number was entered: typed, pasted, clicked, list …"""
    located: Whereabouts
    """Where the person is, by the best source."""
    numbered: Whereabouts
    """Where the number belongs."""
    records: tuple[Record, ...] = ()
    """The records about the person; what is over or withdrawn may be among it."""
    attempts: tuple[Attempt, ...] = ()
    """Earlier dials to the number, and to the account where one is named, as far back as some rule looks."""
    looks: Mapping[str, RegistryLook] = msgspec.field(default_factory=dict)
    """The findings of our copies of registries, by the registry's name; without a copy it is not here."""
    closures: tuple[Closure, ...] = ()
    own_number: str | None = None
    """The E.164 number of the agent's own line, if it has one."""
    settings: ScreeningSettings = msgspec.field(default_factory=ScreeningSettings)
    roles: frozenset[Role] = frozenset()
    """The roles of the agent."""
    overrides: tuple[WantedOverride, ...] = ()
    placing: bool = False
    """Whether the dial is about to be placed, and not only asked about: then every dial on record came before it."""
    lead_seconds: int = 0
    """How long after this moment the customer may be dialled: the agent's phone is rung first."""
    missing: tuple[str, ...] = ()
    """Facts that could not be had, in words for an operator: each of them blocks."""

    @property
    def places(self) -> tuple[Place, ...]:
        """All places whose law may reach the call: where the person is, and where the number belongs."""
        return all_places(self.located, self.numbered)

    def records_of(self, kind: type[AnyRecord], *, at: datetime) -> Iterator[tuple[Record, AnyRecord]]:
        """The records of a kind that count at a moment, each with what it says."""
        for record in self.records:
            if isinstance(record.content, kind) and record.counts_at(at):
                yield record, record.content

    @property
    def party(self) -> Party:
        """Who is called: a business only where that is on record."""
        return Party.BUSINESS if any(self.records_of(Business, at=self.at)) else Party.CONSUMER

    @property
    def line(self) -> LineKind:
        """The kind of line: what is on record, else what the numbering plan tells."""
        stated = [content.type.value for _, content in self.records_of(Line, at=self.at)]
        if stated:
            return LineKind(stated[-1])
        return _BY_NUMBER_TYPE.get(self.number.type, LineKind.EITHER)


_BY_NUMBER_TYPE = {"fixed_line": LineKind.FIXED, "mobile": LineKind.MOBILE, "pager": LineKind.MOBILE}


def all_places(located: Whereabouts, numbered: Whereabouts) -> tuple[Place, ...]:
    """All places whose law may reach somebody who is `located` there, and whose number belongs there."""
    return located.places if located is numbered else _together(located, numbered)


@lru_cache(maxsize=4096)
def _together(located: Whereabouts, numbered: Whereabouts) -> tuple[Place, ...]:
    return with_other_jurisdictions(located, numbered).places


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
