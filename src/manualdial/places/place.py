"""Place and Whereabouts: the jurisdictions and time zones in which a called party may be, and how that is known."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class PlaceSource(StrEnum):
    """How it is known where somebody is, the strongest first."""

    STATED = "stated"
    """Said by the person."""
    ZIP_CODE = "zip-code"
    """The postal code given with the press."""
    CONTACT = "contact"
    """The record of the contact."""
    NUMBER = "number"
    """The number's area code and prefix."""
    NONE = "none"
    """The number belongs to no place; the places are those that the configured rule names."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One jurisdiction, and the time zones in which somebody there may be."""

    jurisdiction: str
    """ISO 3166: `US-FL`, `CA-BC`, `FR`; the country alone where no more is known or no law is below it."""
    zones: tuple[str, ...]
    """IANA time zones, sorted, at least one: a call must be lawful in all of them."""

    @property
    def country(self) -> str:
        """The ISO 3166 country."""
        return self.jurisdiction.partition("-")[0]

    def is_within(self, jurisdiction: str) -> bool:
        """Whether the law of that jurisdiction reaches here: `US` reaches `US-FL`."""
        return self.jurisdiction == jurisdiction or self.jurisdiction.startswith(jurisdiction + "-")


class Whereabouts(msgspec.Struct, frozen=True, kw_only=True):
    """All places where somebody may be, and how that is known. Empty places: nothing is known."""

    source: PlaceSource
    places: tuple[Place, ...]
    """Sorted by jurisdiction, each once."""
