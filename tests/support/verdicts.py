"""Verdicts by the shipped policies, and what tests ask of them."""

from __future__ import annotations

from manualdial.law.facts import Facts
from manualdial.law.judge import judge
from manualdial.law.verdict import Decision, Finding, Verdict
from tests.support.core import shipped_policies


def verdict(facts: Facts) -> Verdict:
    """The verdict on these facts."""
    return judge(facts, shipped_policies()).verdict


def not_allowing(found: Verdict) -> list[str]:
    """The rules that do not allow the call."""
    return [rule.rule for rule in found.rules if rule.decision is not Decision.ALLOW]


def the(rule: str, found: Verdict) -> Finding:
    """What one rule says."""
    (one,) = [result for result in found.rules if result.rule == rule]
    return one
