"""Finding: what one rule says of the facts, and the face that every rule of a policy has."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

import msgspec

from manualdial.screening.decision import Decision
from manualdial.screening.facts import Facts
from manualdial.screening.rule import Rule


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule says."""

    rule: str
    decision: Decision
    reason: str
    """One sentence: for the agent, the developer and the auditor alike."""
    evidence: dict[str, Any]
    law: str | None = None
    relied_on: tuple[str, ...] = ()
    """Ids of the records without which the rule would have blocked."""


def of_rule(
    rule: Rule, decision: Decision, reason: str, evidence: dict[str, Any], *, relied_on: tuple[str, ...] = ()
) -> Finding:
    """What a rule of a policy says."""
    return Finding(
        rule=rule.rule, decision=decision, reason=reason, evidence=evidence, law=rule.law, relied_on=relied_on
    )


class Check(Protocol):
    """A rule of a policy, ready to be run. Pure: the facts and the moment decide."""

    rule: Rule

    def finding(self, facts: Facts, at: datetime) -> Finding:
        """What it says at that moment."""
        ...

    def permitted_from(self, facts: Facts, at: datetime) -> datetime | None:
        """The first moment, from `at` on, at which it allows the call; None: waiting does not help."""
        ...
