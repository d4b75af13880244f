"""Rules as pure functions over facts: may this number be called, now, by this agent (contract §5)?

The verdict lists every rule that was run. The strictest decision wins.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from manualdial.messages import PolicyName, RuleResult, Verdict
from manualdial.numbers import PhoneNumber

POLICY = PolicyName(name="built-in", version="1")


class Decision(StrEnum):
    """What a rule, or the verdict as a whole, says."""

    ALLOW = "allow"
    WARN = "warn"
    BLOCK = "block"


class Purpose(StrEnum):
    """Why a number is called."""

    SALES = "sales"
    SERVICE = "service"
    COLLECTION = "collection"
    SURVEY = "survey"
    CHARITY = "charity"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules look at."""

    number: PhoneNumber
    own_number: str | None
    """The E.164 number of the agent's own line, if it has one."""


def own_line(facts: Facts) -> RuleResult:
    """An agent's own line is never dialled: the agent would ring the agent."""
    same = facts.own_number == facts.number.e164
    return RuleResult(
        rule="own-line",
        decision=Decision.BLOCK if same else Decision.ALLOW,
        reason="the number is the agent's own line" if same else "the number is not the agent's own line",
        evidence={"region": facts.number.region, "type": facts.number.type},
    )


RULES = (own_line,)
"""The rules, in the order in which they are run and listed."""

_STRICTNESS = (Decision.ALLOW, Decision.WARN, Decision.BLOCK)


def judge(facts: Facts) -> Verdict:
    """Run every rule; the strictest decision is the verdict's."""
    results = [rule(facts) for rule in RULES]
    decision = max((Decision(result.decision) for result in results), key=_STRICTNESS.index)
    return Verdict(decision=decision, rules=results, overridable=decision is Decision.WARN, policy=POLICY)
