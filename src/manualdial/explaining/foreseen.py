"""Which rules a dial would be judged by, foreseen from number, moment and settings alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from manualdial.law import built_in
from manualdial.law.facts import EVERY, Facts, ScreeningSettings
from manualdial.law.judge import applies, next_permitted_at
from manualdial.law.policies import Policies
from manualdial.law.rule import Rule
from manualdial.law.verdict import Decision, Finding

_BY_CONFIGURATION = ("country", "number-type", "blocked-number")
"""Rules of the tenant's own that need nothing but the number and the settings."""


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """All that can be said without lists, records, closures and earlier attempts."""

    configured: Sequence[Finding]
    """By the tenant's settings."""
    rules: Sequence[tuple[Rule, Finding | None]]
    """The rules of law that would be run; None: what the rule says depends on what was not looked at."""
    permitted_at: datetime | None
    """From when on all calling hours, with the settings, permit it; None: waiting alone does not help."""
    off: int
    """How many rules of these places are switched off."""

    @property
    def has_hours(self) -> bool:
        """Whether a rule about calling hours is among them."""
        return any(rule.hours is not None for rule, _ in self.rules)


def foresee(facts: Facts, policies: Policies) -> Foreseen:
    """The findings and rules that a dial with these facts would be judged by."""
    run = [check for check in policies.reaching(facts.places) if applies(check, facts, facts.at)]
    return Foreseen(
        configured=[
            finding
            for finding in built_in.findings(facts, facts.at)
            if finding.rule in _BY_CONFIGURATION or finding.decision is not Decision.ALLOW
        ],
        rules=[
            (each.rule, each.finding(facts, facts.at) if _is_known(each.rule, facts.settings) else None) for each in run
        ],
        permitted_at=next_permitted_at(facts, _of_hours(policies)),
        off=sum(not rule.on and any(p.is_within(rule.jurisdiction) for p in facts.places) for rule in policies.rules()),
    )


def _of_hours(policies: Policies) -> Policies:
    only = [
        msgspec.structs.replace(policy, rules=[rule for rule in policy.rules if rule.hours is not None])
        for policy in policies.policies
    ]
    return Policies(only, policies.holiday_sets, version=policies.version.version)


def _is_known(rule: Rule, settings: ScreeningSettings) -> bool:
    """Whether number, moment and settings are enough to say what the rule says."""
    if rule.registry is not None:
        return EVERY not in settings.registries and rule.subject not in settings.registries
    return rule.attempts is None and rule.consent is None
