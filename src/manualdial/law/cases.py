"""Cases of a policy: what a rule must say of certain facts. They lie beside the policy they belong to.

[[cases]]
rule = "calling-hours.us-fl"
says = "block"                            # allow, block, or absent: the rule is not run at all
at = 2026-03-09T20:00:00-04:00
number = "+13055550100"                   # or jurisdiction = "US-FL", or zip_code, or both
source = "Fla. Stat. 501.616(6)(a): after 8 p.m."
next_permitted_at = 2026-03-10T08:00:00-04:00    # of this rule alone
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from manualdial.law.records import AnyContent
from manualdial.law.registry_look import RegistryStanding
from manualdial.law.rule import JURISDICTION, LawPart
from manualdial.law.verdict import Purpose


class Says(StrEnum):
    """The word of a rule in a case."""

    ALLOW = "allow"
    BLOCK = "block"
    ABSENT = "absent"


class CaseAttempt(LawPart, frozen=True, kw_only=True):
    """An earlier dial."""

    at: datetime
    rang: bool = True
    is_over: bool = True
    answered_at: datetime | None = None
    campaign_id: str | None = None
    purpose: Purpose = Purpose.SALES


class CaseLook(LawPart, frozen=True, kw_only=True):
    """The finding of our copy of the rule's registry."""

    standing: RegistryStanding
    as_of: datetime


class Case(LawPart, frozen=True, kw_only=True):
    """One line of the table."""

    rule: str
    says: Says
    at: datetime
    source: Annotated[str, Meta(min_length=3)]
    """The words of the law, or the reading of it, that the case stands on."""
    number: Annotated[str, Meta(pattern=r"^\+\d{5,15}$")] | None = None
    """None: a number of the jurisdiction's country that belongs to no other place."""
    jurisdiction: Annotated[str, Meta(pattern=JURISDICTION)] | None = None
    """Where the person is by the contact's record."""
    zip_code: str | None = None
    zone: str | None = None
    """Where the person said to be."""
    purpose: Purpose = Purpose.SALES
    campaign_id: str | None = None
    records: list[AnyContent] = msgspec.field(default_factory=list)
    attempts: list[CaseAttempt] = msgspec.field(default_factory=list)
    look: CaseLook | None = None
    registered: bool = False
    """Whether the tenant has the registration that the rule asks for."""
    next_permitted_at: datetime | None = None
    """When this rule alone would allow the call; left out: not looked at."""
    never: bool = False
    """No waiting makes this rule allow the call."""


class Cases(LawPart, frozen=True, kw_only=True):
    """A file of cases."""

    cases: list[Case]
