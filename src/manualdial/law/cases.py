"""Cases of a policy: what a rule must say of certain facts, tried. They lie beside the policy they belong to.

[[cases]]
rule = "calling-hours.us-fl"
says = "block"                            # allow, block, or absent: the rule is not run at all
at = 2026-03-09T20:00:00-04:00
number = "+13055550100"                   # or jurisdiction = "US-FL", or zip_code, or both
source = "Fla. Stat. 501.616(6)(a): after 8 p.m."
next_permitted_at = 2026-03-10T08:00:00-04:00    # of this rule alone
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from manualdial import numbers
from manualdial.errors import ManualDialError
from manualdial.law.attempts import Attempt
from manualdial.law.facts import EVERY, Facts, ScreeningSettings
from manualdial.law.holiday_sets import HolidaySets
from manualdial.law.judge import applies
from manualdial.law.policies import PolicyInvalid, RuleCheck, check_of
from manualdial.law.records import AnyContent, Record
from manualdial.law.registry_look import RegistryLook, RegistryStanding
from manualdial.law.rule import JURISDICTION, LawPart, Rule
from manualdial.law.verdict import Decision, Purpose
from manualdial.places.by_number import of_number
from manualdial.places.by_zip_code import of_zip_code
from manualdial.places.jurisdictions import at_zone, of_jurisdiction
from manualdial.places.place import PlaceSource, Whereabouts

_WITHOUT_A_PLACE = "+18002530000"
"""A number that belongs to no place, for cases that name none."""


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


class CaseInvalid(Exception):
    """A case names a number or a place that there is not. The text says which."""


def cases_of(path: Path) -> list[Case]:
    """The cases of a file. Raises PolicyInvalid."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Cases).cases
    except OSError as error:
        raise PolicyInvalid(f"{path.name}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyInvalid(f"{path.name} is not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise PolicyInvalid(f"{path.name}: {error}") from None


def facts_of(case: Case) -> Facts:
    """The facts that a case describes; everything that it does not name is absent. Raises CaseInvalid."""
    try:
        number = numbers.parse(case.number or _WITHOUT_A_PLACE, region="US")
    except ManualDialError as error:
        raise CaseInvalid(f"number {case.number}: {error}") from None
    numbered = of_number(number)
    located = _located(case, numbered)
    if case.number is None:
        numbered = Whereabouts(source=PlaceSource.NONE, places=())
    name = case.rule.partition(".")[2]
    looks = {}
    if case.look is not None:
        look = RegistryLook(registry=name, standing=case.look.standing, edition="case", as_of=case.look.as_of)
        looks[name] = look
    return Facts(
        at=case.at,
        number=number,
        purpose=case.purpose,
        campaign_id=case.campaign_id,
        located=located,
        numbered=numbered,
        records=tuple(_record(case, index, content, number.e164) for index, content in enumerate(case.records)),
        attempts=tuple(
            Attempt(call_id=f"call-{index}", **msgspec.structs.asdict(one)) for index, one in enumerate(case.attempts)
        ),
        looks=looks,
        settings=ScreeningSettings(
            registrations=frozenset({name} if case.registered else set()), campaigns=frozenset({EVERY})
        ),
    )


def difference(case: Case, rules: Sequence[Rule], sets: HolidaySets) -> str:
    """How the rules of the case's name differ from what it says; empty where they do not. Raises CaseInvalid.

    Whether a rule is switched on does not matter: its cases hold for when it is.
    """
    facts = facts_of(case)
    ready = [check_of(rule, sets) for rule in rules if rule.rule == case.rule]
    run = [check for check in ready if _reaches(check, facts) and applies(check, facts, facts.at)]
    if not ready:
        return "there is no rule of this name"
    said = _says(run, facts)
    if said is not case.says:
        return f"the rule says {said}"
    moments = [check.permitted_from(facts, facts.at) for check in run]
    permitted = None if None in moments else max((moment for moment in moments if moment is not None), default=None)
    if case.never and permitted is not None:
        return f"the rule allows it from {permitted.isoformat()} on"
    if case.next_permitted_at is not None and permitted != case.next_permitted_at:
        return f"the rule alone allows it {'never' if permitted is None else f'from {permitted.isoformat()} on'}"
    return ""


def _says(run: Sequence[RuleCheck], facts: Facts) -> Says:
    if not run:
        return Says.ABSENT
    blocks = any(check.finding(facts, facts.at).decision is Decision.BLOCK for check in run)
    return Says.BLOCK if blocks else Says.ALLOW


def _reaches(check: RuleCheck, facts: Facts) -> bool:
    return any(place.is_within(check.rule.jurisdiction) for place in facts.places)


def _located(case: Case, numbered: Whereabouts) -> Whereabouts:
    """Where the person is. Raises CaseInvalid."""
    located: Whereabouts | None = numbered
    if case.zip_code is not None:
        located = of_zip_code(case.zip_code)
    elif case.jurisdiction is not None:
        located = of_jurisdiction(case.jurisdiction)
    if located is None:
        raise CaseInvalid(f"no such place: {case.zip_code or case.jurisdiction}")
    if case.zone is not None:
        located = at_zone(located, case.zone, source=PlaceSource.STATED)
    if located is None:
        raise CaseInvalid(f"no such time zone: {case.zone}")
    return located


def _record(case: Case, index: int, content: AnyContent, number: str) -> Record:
    return Record(
        id=f"record-{index}",
        tenant_id="tenant",
        number=number,
        content=content,
        recorded_at=case.at,
        recorded_by="case",
    )
