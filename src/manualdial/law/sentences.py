"""The one sentence that a refusal says to the agent (contract §1: `msg`)."""

from __future__ import annotations

from manualdial.law.registry_look import RegistryStanding
from manualdial.law.verdict import Decision, Finding, Verdict

_OWN_LISTS = ("do-not-call.company", "do-not-call.campaign")


def sentence_of(verdict: Verdict) -> str:
    """The sentence for a verdict that does not allow the call. It names no time: the agent's clock is another one.

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
