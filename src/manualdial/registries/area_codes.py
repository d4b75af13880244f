"""Area codes: those that a registry is about, those that a whole list covers, and those that a set has numbers of."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache

import msgspec
import numpy as np
import numpy.typing as npt

from manualdial.numbers import PhoneNumber
from manualdial.places.by_number import of_number
from manualdial.places.jurisdictions import known_jurisdictions
from manualdial.places.place import Place
from manualdial.registries.number_file import PAGE_NUMBERS
from manualdial.registries.numbering import NumberingPlan

Pages = npt.NDArray[np.uint64]
"""Ascending: the numbers of a set without their last four digits."""

CALLING_CODE = "1"
_COUNTRIES = ("US", "CA")
CODES = tuple(str(code) for code in range(200, 1000))


class AreaCodes(msgspec.Struct, frozen=True, kw_only=True):
    """The area codes of a registry's country. All are empty where its name tells no country of North America."""

    country: frozenset[str]
    """In service in the country; in the United States with its territories."""
    in_service: frozenset[str]
    """Of these, those of the registry: of `us-tx`, those of Texas. A whole list has numbers of them."""
    placeless: frozenset[str]
    """Codes that belong to no country, such as toll-free ones, and codes newer than the table of places."""

    def covered(self, listed: Iterable[str]) -> tuple[str, ...]:
        """Beginnings of the numbers that a list covers of which all codes were bought; `listed`: codes it has.

        A code of the registry of which the list has no number may be missing from it, so it is not covered.
        Of codes without a place only the list itself says that they are in it.
        """
        there = frozenset(listed)
        codes = (self.country - self.in_service) | (there & (self.in_service | self.placeless))
        return tuple(CALLING_CODE + code for code in sorted(codes))

    def left_out(self, covered: Collection[str]) -> tuple[str, ...]:
        """Codes of the registry that are not among the beginnings it covers, ascending."""
        return tuple(sorted(code for code in self.in_service if CALLING_CODE + code not in covered))

    @property
    def must_stay(self) -> frozenset[str]:
        """Codes of which a list has numbers for as long as it had any."""
        whole_country = self.in_service == self.country
        return self.in_service | self.placeless if whole_country else self.in_service


@cache
def codes_of(registry: str) -> AreaCodes:
    """The area codes of a registry by its name: `us-national`, `us-tx`, `ca-national`."""
    country, _, part = registry.upper().partition("-")
    if country not in _COUNTRIES:
        return AreaCodes(country=frozenset(), in_service=frozenset(), placeless=frozenset())
    jurisdiction = f"{country}-{part}" if f"{country}-{part}" in known_jurisdictions() else country
    places = {code: _places(code) for code in CODES}

    def within(law: str) -> frozenset[str]:
        return frozenset(code for code in CODES if any(place.is_within(law) for place in places[code]))

    placeless = frozenset(code for code in CODES if not places[code])
    return AreaCodes(country=within(country), in_service=within(jurisdiction), placeless=placeless)


def _places(code: str) -> tuple[Place, ...]:
    number = PhoneNumber(typed="", e164=f"+{CALLING_CODE}{code}5550100", region="", type="")
    return of_number(number).places


def has_numbers(pages: Pages, prefix: str, *, longest: int) -> bool:
    """Whether a page begins like this, of numbers with up to `longest` digits."""
    for length in range(len(prefix), longest + 1):
        scale = 10 ** (length - len(prefix))
        first, end = int(prefix) * scale // PAGE_NUMBERS, ((int(prefix) + 1) * scale - 1) // PAGE_NUMBERS
        if np.searchsorted(pages, np.uint64(first)) < np.searchsorted(pages, np.uint64(end), "right"):
            return True
    return False


def codes_with_numbers(pages: Pages, plan: NumberingPlan) -> frozenset[str]:
    """The area codes in North America, elsewhere the first two digits of the national number, that there are."""
    codes = range(200, 1000) if plan.calling_code == CALLING_CODE else range(10, 100)
    longest = len(plan.calling_code) + plan.longest
    return frozenset(str(code) for code in codes if has_numbers(pages, f"{plan.calling_code}{code}", longest=longest))
