"""Rules that are no single law's: the tenant's own lists and limits, closures, and facts that are missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from manualdial.law.closure import Closure
from manualdial.law.facts import EVERY, Facts
from manualdial.law.records import Listing, ListScope, Record
from manualdial.law.verdict import Decision, Finding

CLOSURE = "closure."
"""How the names of these rules begin; the jurisdiction follows."""

OVERRIDABLE = ("country", "number-type", "blocked-number", "do-not-call.company", "do-not-call.campaign")
"""The names of those that an operator can make overridable, beside closures."""

_COMPANY_LAW = "47 CFR 64.1200(d)(3), (d)(6), and the like elsewhere"
_COSTLY = frozenset({"premium_rate", "shared_cost"})


def findings(facts: Facts, at: datetime) -> Iterator[Finding]:
    """The finding of each of these rules at that moment."""
    yield from _missing(facts)
    yield _own_line(facts)
    yield _country(facts)
    yield _number_type(facts)
    yield _blocked_number(facts)
    yield _company_list(facts, at)
    yield _campaign_list(facts, at)
    yield from _closures(facts, at)


def permitted_from(facts: Facts, at: datetime) -> datetime | None:
    """The first moment, from `at` on, at which all of them allow the call; None: waiting does not help."""
    while any(one.decision is Decision.BLOCK for one in findings(facts, at)):
        ends = [closure.ends for closure in _closed(facts, at)]
        waiting_helps = all(
            one.rule.startswith(CLOSURE) for one in findings(facts, at) if one.decision is Decision.BLOCK
        )
        if not waiting_helps or None in ends:
            return None
        at = max(end for end in ends if end is not None)
    return at


def _says(rule: str, *, blocks: bool, good: str, bad: str, evidence: dict[str, Any], law: str | None = None) -> Finding:
    decision = Decision.BLOCK if blocks else Decision.ALLOW
    return Finding(rule=rule, decision=decision, reason=bad if blocks else good, evidence=evidence, law=law)


def _missing(facts: Facts) -> Iterator[Finding]:
    """A fact that cannot be had blocks (contract §5)."""
    if facts.missing:
        missing, reason = list(facts.missing), "facts that the rules need cannot be had now"
    elif not facts.places:
        missing, reason = ["place"], "the number belongs to no place, and nobody has said where the person is"
    else:
        return
    yield Finding(rule="screening-unavailable", decision=Decision.BLOCK, reason=reason, evidence={"missing": missing})


def _own_line(facts: Facts) -> Finding:
    """An agent's own line is never dialled: the agent would ring the agent."""
    return _says(
        "own-line",
        blocks=facts.own_number == facts.number.e164,
        good="the number is not the agent's own line",
        bad="the number is the agent's own line",
        evidence={},
    )


def _country(facts: Facts) -> Finding:
    allowed = facts.settings.countries
    return _says(
        "country",
        blocks=EVERY not in allowed and facts.number.region not in allowed,
        good="the country may be called",
        bad="this tenant does not call this country",
        evidence={"region": facts.number.region},
    )


def _number_type(facts: Facts) -> Finding:
    return _says(
        "number-type",
        blocks=facts.number.type in _COSTLY and not facts.settings.premium,
        good="numbers of this type may be called",
        bad="the number costs more than an ordinary call",
        evidence={"type": facts.number.type},
    )


def _blocked_number(facts: Facts) -> Finding:
    found = [prefix for prefix in facts.settings.blocked if facts.number.e164.startswith(prefix)]
    return _says(
        "blocked-number",
        blocks=bool(found),
        good="the number is not among those that this tenant blocks",
        bad="this tenant blocks the number",
        evidence={"prefix": found[0]} if found else {},
    )


def _company_list(facts: Facts, at: datetime) -> Finding:
    found = [(record, said) for record, said in facts.records_of(Listing, at=at) if said.scope is ListScope.COMPANY]
    return _says(
        "do-not-call.company",
        blocks=bool(found),
        good="the number is not on the company's own do-not-call list",
        bad="the number is on the company's own do-not-call list",
        evidence=_listed(found),
        law=_COMPANY_LAW if found else None,
    )


def _campaign_list(facts: Facts, at: datetime) -> Finding:
    """A dial that does not say for which campaign it is may be for any."""
    found = [
        (record, listing)
        for record, listing in facts.records_of(Listing, at=at)
        if listing.scope is ListScope.CAMPAIGN and _may_be_of(listing, facts.campaign_id)
    ]
    return _says(
        "do-not-call.campaign",
        blocks=bool(found),
        good="the number is not on the do-not-call list of this campaign",
        bad="the number is on the do-not-call list of the campaign",
        evidence=_listed(found),
    )


def _may_be_of(listing: Listing, campaign_id: str | None) -> bool:
    """Whether a dial may be for the campaign of a listing: another way to write its name takes nobody off its list."""
    if campaign_id is None or listing.campaign_id is None:
        return True
    return campaign_id.strip().casefold() == listing.campaign_id.strip().casefold()


def _listed(found: list[tuple[Record, Listing]]) -> dict[str, Any]:
    """The first of the records that list the number, as evidence."""
    for record, listing in found:
        listed_at = record.recorded_at.isoformat(timespec="seconds")
        return {"record": record.id, "listedAt": listed_at, "why": listing.reason}
    return {}


def _closures(facts: Facts, at: datetime) -> Iterator[Finding]:
    for closure in _closed(facts, at):
        yield Finding(
            rule=f"{CLOSURE}{closure.jurisdiction.lower()}",
            decision=Decision.BLOCK,
            reason="the jurisdiction is closed for calls of this purpose",
            evidence={
                "closure": closure.id,
                "why": closure.reason,
                "until": None if closure.ends is None else closure.ends.isoformat(timespec="seconds"),
            },
        )


def _closed(facts: Facts, at: datetime) -> list[Closure]:
    """The closures that reach the call at that moment."""
    return [
        closure
        for closure in facts.closures
        if closure.holds_at(at)
        and facts.purpose in closure.purposes
        and any(place.is_within(closure.jurisdiction) for place in facts.places)
    ]
