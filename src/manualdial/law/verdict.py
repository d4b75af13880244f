"""Verdict: may this number be called, for that purpose; what each rule said, and what all of them together say.

Contract §5. The wire has a form of its own, which `views` makes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from manualdial.law.registry_look import RegistryStanding

_OWN_LISTS = ("do-not-call.company", "do-not-call.campaign")


class Decision(StrEnum):
    """The word of a rule, or of the verdict as a whole."""

    ALLOW = "allow"
    WARN = "warn"
    BLOCK = "block"


_STRICTNESS = (Decision.ALLOW, Decision.WARN, Decision.BLOCK)


def strictest(decisions: Iterable[Decision]) -> Decision:
    """The strictest of some decisions; none at all allow."""
    return max(decisions, key=_STRICTNESS.index, default=Decision.ALLOW)


class Purpose(StrEnum):
    """Why a number is called."""

    SALES = "sales"
    SERVICE = "service"
    COLLECTION = "collection"
    SURVEY = "survey"
    CHARITY = "charity"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The word of one rule about a dial, with its reason."""

    rule: str
    decision: Decision
    reason: str
    """One sentence: for the agent, the developer and the auditor alike."""
    evidence: dict[str, Any]
    law: str | None = None
    relied_on: tuple[str, ...] = ()
    """Ids of the records without which the rule would have blocked."""


class PolicyName(msgspec.Struct, frozen=True, kw_only=True):
    """Which policy judged."""

    name: str
    version: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """All rules together: the strictest of their decisions."""

    decision: Decision
    rules: tuple[Finding, ...]
    policy: PolicyName
    next_permitted_at: datetime | None = None
    """The first moment at which all of them allow the call; None: it is allowed, or waiting does not help."""

    @property
    def overridable(self) -> bool:
        """Whether somebody who has the right to may override all that does not allow it."""
        return self.decision is Decision.WARN

    def encode(self) -> bytes:
        """The JSON that is stored and sealed: each name in it, and each byte, is for good."""
        return msgspec.json.encode(self.to_builtins())

    def to_builtins(self) -> dict[str, Any]:
        """The same, as a refusal tells it."""
        stored: dict[str, Any] = {
            "decision": self.decision,
            "rules": [_to_builtins(finding) for finding in self.rules],
            "overridable": self.overridable,
            "policy": {"name": self.policy.name, "version": self.policy.version},
        }
        if self.next_permitted_at is not None:
            stored["nextPermittedAt"] = self.next_permitted_at.isoformat()
        return stored


def _to_builtins(finding: Finding) -> dict[str, Any]:
    stored: dict[str, Any] = {
        "rule": finding.rule,
        "decision": finding.decision,
        "reason": finding.reason,
        "evidence": finding.evidence,
    }
    if finding.law is not None:
        stored["law"] = finding.law
    return stored


def sentence_of(verdict: Verdict) -> str:
    """The sentence (contract §1: `msg`) of a verdict that does not allow the call.

    It names no time: the agent's clock is another one.
    What the person wants comes before what could not be checked, and that before what waiting helps.
    """
    if verdict.decision is Decision.WARN:
        return "This call needs an override by somebody who has the right to."
    blocking = [rule for rule in verdict.rules if rule.decision is Decision.BLOCK]
    if any(map(_is_unwanted, blocking)):
        return "This person does not want to be called."
    if any(map(_may_be_had_later, blocking)):
        return "It cannot be checked right now whether this number may be called."
    if verdict.next_permitted_at is not None:
        return "This number may not be called now. It may be called later."
    return "This number may not be called."


def _is_unwanted(rule: Finding) -> bool:
    """Whether the person is on a list; a registry that could not be asked says nothing about the person."""
    if rule.rule in _OWN_LISTS:
        return True
    answered = rule.evidence.get("standing") == RegistryStanding.LISTED or "answeredAt" in rule.evidence
    return rule.rule.startswith("do-not-call.") and answered


def _may_be_had_later(rule: Finding) -> bool:
    """Whether a fact could not be had; a place that nobody knows is not known later either."""
    return rule.rule == "screening-unavailable" and rule.evidence.get("missing") != ["place"]
