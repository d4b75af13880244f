"""The sentence that an agent is told with a refusal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from manualdial.law.verdict import Decision, Finding, PolicyName, Verdict, sentence_of

LATER = datetime(2026, 11, 25, 13, tzinfo=UTC)
NOT_WANTED = "This person does not want to be called."
NOT_CHECKED = "It cannot be checked right now whether this number may be called."
NOT_NOW = "This number may not be called now. It may be called later."
NEVER = "This number may not be called."


def rule(name: str, decision: Decision = Decision.BLOCK, /, **evidence: Any) -> Finding:
    return Finding(rule=name, decision=decision, reason="so it is", evidence=evidence)


def verdict(*rules: Finding, decision: Decision = Decision.BLOCK, later: bool = False) -> Verdict:
    return Verdict(
        decision=decision,
        rules=(rule("own-line", Decision.ALLOW), *rules),
        policy=PolicyName(name="manualdial", version="1"),
        next_permitted_at=LATER if later else None,
    )


def test_what_may_be_overridden_needs_somebody_who_may() -> None:
    told = sentence_of(verdict(rule("calling-hours.us-fl", Decision.WARN), decision=Decision.WARN, later=True))
    assert told == "This call needs an override by somebody who has the right to."


def test_where_waiting_helps_that_is_told_without_a_time() -> None:
    assert sentence_of(verdict(rule("calling-hours.us-fl"), later=True)) == NOT_NOW


@pytest.mark.parametrize(
    "listed",
    [
        rule("do-not-call.company"),
        rule("do-not-call.campaign"),
        rule("do-not-call.us-national", standing="listed"),
        rule("do-not-call.au-register", answeredAt=LATER.isoformat()),
    ],
    ids=lambda listed: listed.rule,
)
def test_of_somebody_on_a_list_it_is_told_whatever_else_blocks(listed: Finding) -> None:
    assert sentence_of(verdict(rule("calling-hours.us-fl"), listed)) == NOT_WANTED
    assert sentence_of(verdict(rule("screening-unavailable", missing=["the registry us-tx"]), listed)) == NOT_WANTED


@pytest.mark.parametrize("standing", [{}, {"standing": "not-covered"}, {"standing": "not-listed"}])
def test_a_registry_that_could_not_be_asked_says_nothing_about_the_person(standing: dict[str, str]) -> None:
    assert sentence_of(verdict(rule("do-not-call.us-national", **standing))) == NEVER


def test_a_list_that_something_lifts_or_somebody_overrides_is_not_told() -> None:
    lifted = rule("do-not-call.us-national", Decision.ALLOW, standing="listed")
    assert sentence_of(verdict(lifted, rule("calling-hours.us-fl"), later=True)) == NOT_NOW


def test_a_fact_that_is_missing_for_now_is_not_the_numbers_fault() -> None:
    assert sentence_of(verdict(rule("screening-unavailable", missing=["the registry us-tx"]))) == NOT_CHECKED
    assert sentence_of(verdict(rule("screening-unavailable", missing=["place"]))) == NEVER


def test_else_the_number_may_not_be_called() -> None:
    assert sentence_of(verdict(rule("registration.us-vt"))) == NEVER
