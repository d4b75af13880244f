"""The judge: runs every rule over the facts; the strictest decision is the verdict's (contract §5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from manualdial.callers import Role
from manualdial.law import built_in
from manualdial.law.duties import RegistryCheck
from manualdial.law.facts import Facts, WantedOverride
from manualdial.law.policies import Policies, RuleCheck
from manualdial.law.verdict import Decision, Finding, Verdict, strictest
from manualdial.law.zones import local_time, moment_of, zones_that_count
from manualdial.places.jurisdictions import known_jurisdictions

NEVER_OVERRIDDEN = frozenset({"screening-unavailable", "own-line"})
BY_FULL_NAME = ("do-not-call.company", "do-not-call.campaign", built_in.CLOSURE)
"""How the names of rules begin that a kind alone does not mean: whoever wants them overridable names them in full."""
LOOK_AHEAD = timedelta(days=400)
"""How far the next permitted time may be away."""
_MOST_STEPS = 50
"""Openings that are looked at: a few are enough where there is a common one."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict, and what it stands on that is not told."""

    verdict: Verdict
    relied_on: tuple[str, ...]
    """Ids of the records without which some rule would have blocked."""
    counted: bool
    """Whether a rule that counts attempts was run: the count must still be the same when the call is written down."""


def judge(facts: Facts, policies: Policies) -> Judgement:
    """Run every rule that applies at the facts' moment."""
    run = list(_applying(facts, policies, facts.at))
    found = _findings(facts, run, facts.at)
    if facts.lead_seconds:
        found = _with_the_later(found, facts, policies)
    findings = tuple([_overridden(finding, facts) for finding in found])
    decision = strictest(finding.decision for finding in findings)
    verdict = Verdict(
        decision=decision,
        rules=findings,
        policy=policies.version,
        next_permitted_at=None if decision is Decision.ALLOW else next_permitted_at(facts, policies),
    )
    return Judgement(
        verdict=verdict,
        relied_on=tuple(dict.fromkeys(record for finding in findings for record in finding.relied_on)),
        counted=any(check.rule.attempts is not None for check in run),
    )


def _findings(facts: Facts, run: Sequence[RuleCheck], at: datetime) -> list[Finding]:
    return [*built_in.findings(facts, at), *(check.finding(facts, at) for check in run)]


def _with_the_later(now: Sequence[Finding], facts: Facts, policies: Policies) -> list[Finding]:
    """The findings now, and of the rules that allow now those that block when the person is dialled."""
    dialled_at = facts.at + timedelta(seconds=facts.lead_seconds)
    blocked = {finding.rule for finding in now if finding.decision is Decision.BLOCK}
    late = {
        finding.rule: msgspec.structs.replace(
            finding,
            reason=f"{finding.reason}, by the time that the person may be dialled",
            evidence=finding.evidence | {"leadSeconds": facts.lead_seconds},
        )
        for finding in _findings(facts, list(_applying(facts, policies, dialled_at)), dialled_at)
        if finding.decision is Decision.BLOCK and finding.rule not in blocked
    }
    return [*(late.pop(finding.rule, finding) for finding in now), *late.values()]


def next_permitted_at(facts: Facts, policies: Policies) -> datetime | None:
    """The first moment, from the facts' own on, at which every rule allows the call; None: waiting does not help.

    The earliest moments of single rules are taken in turn, until one suits all: so it also sees rules that come into
    force meanwhile. It supposes that nothing else changes: no further attempt, no new record.
    """
    moment, limit = facts.at, facts.at + LOOK_AHEAD
    for _ in range(_MOST_STEPS):
        latest = moment
        for allowed_from in _earliest(facts, policies, moment):
            if allowed_from is None or allowed_from > limit:
                return None
            latest = max(latest, allowed_from)
        if latest == moment:
            return moment
        moment = latest
    return None


def _earliest(facts: Facts, policies: Policies, moment: datetime) -> Iterator[datetime | None]:
    """The earliest moments of single rules; each must also allow the call when the person is dialled."""
    for lead in {timedelta(), timedelta(seconds=facts.lead_seconds)}:
        for allowed_from in _earliest_of_each(facts, policies, moment + lead):
            yield None if allowed_from is None else allowed_from - lead


def _earliest_of_each(facts: Facts, policies: Policies, moment: datetime) -> Iterator[datetime | None]:
    yield built_in.permitted_from(facts, moment)
    for check in _applying(facts, policies, moment):
        allowed_from, over = check.permitted_from(facts, moment), _out_of_force(check, facts)
        later = over is not None and (allowed_from is None or over < allowed_from)
        yield over if later else allowed_from


def _out_of_force(check: RuleCheck, facts: Facts) -> datetime | None:
    """The first moment at which a rule is in force nowhere any more, if that is known."""
    until = check.rule.in_force_until
    if until is None:
        return None
    _, names = zones_that_count(check.rule, facts)
    return max((moment_of(until, 0, name) for name in names), default=None)


def _applying(facts: Facts, policies: Policies, at: datetime) -> Iterator[RuleCheck]:
    """The rules of the law that are about such a call at that moment."""
    for check in policies.reaching(facts.places):
        if applies(check, facts, at):
            yield check


def registries_asked(facts: Facts, policies: Policies) -> Iterator[str]:
    """The registries of which a copy is looked into for such a call."""
    for check in _applying(facts, policies, facts.at):
        if isinstance(check, RegistryCheck) and not check.answers_only:
            yield check.rule.subject


def applies(check: RuleCheck, facts: Facts, at: datetime) -> bool:
    """Whether a rule is about such a call at that moment."""
    rule = check.rule
    if facts.purpose not in rule.purposes or facts.party not in rule.parties:
        return False
    if rule.lines is not None and facts.line not in rule.lines and facts.line != "either":
        return False
    if rule.in_force_from is None and rule.in_force_until is None:
        return True
    _, names = zones_that_count(rule, facts)
    return any(rule.is_in_force_on(local_time(name, at).date()) for name in names)


def _overridden(finding: Finding, facts: Facts) -> Finding:
    """A block that may be overridden is a warning; with the wish and the right to override it, it is allowed."""
    if finding.decision is not Decision.BLOCK or finding.rule in NEVER_OVERRIDDEN:
        return finding
    who = _who_may(finding.rule, facts)
    if not who:
        return finding
    evidence = finding.evidence | {"overridableBy": sorted(who)}
    meant = [wish for wish in facts.overrides if _is_meant(wish, finding.rule)]
    wanted = next((wish for wish in meant if wish.reason.strip()), None)
    if wanted is None:
        evidence |= {"override": "no reason was given"} if meant else {}
        return msgspec.structs.replace(finding, decision=Decision.WARN, evidence=evidence)
    if not who & facts.roles:
        return msgspec.structs.replace(
            finding, decision=Decision.WARN, evidence=evidence | {"override": "the agent has not the right to"}
        )
    return msgspec.structs.replace(
        finding,
        decision=Decision.ALLOW,
        reason=f"{finding.reason}; overridden",
        evidence=evidence | {"override": wanted.reason},
    )


def _who_may(rule: str, facts: Facts) -> frozenset[Role]:
    overridable = facts.settings.overridable
    return next((overridable[name] for name in _names_of(rule) if name in overridable), frozenset())


def overridable_names(policies: Policies) -> frozenset[str]:
    """The names by which rules can be made overridable: kinds, and rules in full."""
    by_law = {name for rule in policies.rules() for name in (rule.rule, rule.kind)}
    closures = {f"{built_in.CLOSURE}{jurisdiction.lower()}" for jurisdiction in known_jurisdictions()}
    return frozenset(by_law | closures | {*built_in.OVERRIDABLE})


def _is_meant(wish: WantedOverride, rule: str) -> bool:
    return wish.rule.strip().lower() in _names_of(rule)


def _names_of(rule: str) -> tuple[str, ...]:
    """The names of a rule: its own, and its kind."""
    return (rule,) if rule.startswith(BY_FULL_NAME) else (rule, rule.partition(".")[0])
