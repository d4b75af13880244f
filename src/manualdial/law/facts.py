"""Facts: everything that the rules look at. Gathered before the rules run; a rule asks nobody anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

import msgspec

from manualdial.callers import Role
from manualdial.law.attempts import Attempt
from manualdial.law.closure import Closure
from manualdial.law.records import AnyContent, Business, Line, Record
from manualdial.law.registry_look import RegistryLook
from manualdial.law.rule import LineKind, Party
from manualdial.law.verdict import Purpose
from manualdial.numbers import PhoneNumber
from manualdial.places.jurisdictions import with_other_jurisdictions
from manualdial.places.place import Place, Whereabouts

AnyRecord = TypeVar("AnyRecord", bound=AnyContent)

EVERY = "*"
"""In a list of names: all of them."""


class ScreeningSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant has decided, and what it says of itself."""

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
    """What is known about one dial, at one moment."""

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
    """What is on record about the person; what is over or withdrawn may be among it."""
    attempts: tuple[Attempt, ...] = ()
    """Earlier dials to the number, and to the account where one is named, as far back as some rule looks."""
    looks: Mapping[str, RegistryLook] = msgspec.field(default_factory=dict)
    """What our copies of registries say, by the registry's name; a registry that is not here: there is no copy."""
    closures: tuple[Closure, ...] = ()
    own_number: str | None = None
    """The E.164 number of the agent's own line, if it has one."""
    settings: ScreeningSettings = msgspec.field(default_factory=ScreeningSettings)
    roles: frozenset[Role] = frozenset()
    """What the agent may do."""
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
