"""Rules in plain words."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from manualdial.explaining import rule_in_words
from manualdial.law.policies import load
from manualdial.law.rule import Rule

ALL = list(load().rules())


def rule(name: str, **tables: Any) -> Rule:
    """A rule with this table, as a file has it."""
    rest = {"law": "Act 1", "source": "https://example.com", "read_in": ["it"], "as_of": "2026", "trust": "P"}
    return msgspec.convert({"rule": name, "purposes": ["sales"], **rest, **tables}, Rule)


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ({"every_day": ["08:00-21:00"]}, "every day 08:00-21:00"),
        (
            {"weekdays": ["08:00-21:00"], "saturday": ["09:00-12:00"]},
            "Mon-Fri 08:00-21:00; Sat 09:00-12:00; Sun closed",
        ),
        ({"weekdays": ["10:00-13:00", "14:00-20:00"]}, "Mon-Fri 10:00-13:00, 14:00-20:00; Sat, Sun closed"),
        ({"every_day": ["12:00-25:00"], "friday": []}, "Mon-Thu 12:00-25:00; Fri closed; Sat, Sun 12:00-25:00"),
    ],
)
def test_windows_are_told_by_days_that_are_alike(days: dict[str, Any], told: str) -> None:
    hours = rule("calling-hours.x", hours={"days": days}).hours
    assert hours is not None
    assert rule_in_words.windows(hours) == told


def test_holidays_are_told_with_the_days_that_are_like_them() -> None:
    days = {"weekdays": ["08:00-21:00"], "weekend": [], "holiday": []}
    hours = rule("calling-hours.x", hours={"days": days, "holidays": "us-al"}).hours
    assert hours is not None
    assert rule_in_words.windows(hours) == "Mon-Fri 08:00-21:00; Sat, Sun, holidays (us-al) closed"


@pytest.mark.parametrize(
    ("name", "tables", "told"),
    [
        (
            "calling-hours.x",
            {"hours": {"zone": "fixed", "fixed_zone": "Europe/Paris", "days": {"every_day": ["08:00-21:00"]}}},
            "calls only every day 08:00-21:00, by the time of Europe/Paris",
        ),
        (
            "calling-hours.x",
            {"hours": {"zone": "number", "instant": "received", "guard_seconds": 60, "days": {"every_day": []}}},
            "calls only every day closed, by the time where the number belongs, when it is received, "
            "none is placed in the last 60 seconds of a window",
        ),
        (
            "attempts.x",
            {"attempts": {"max": 1, "within": "1d", "counts": "answered"}},
            "at most 1 to one person in 1 day, counting answered calls",
        ),
        (
            "attempts.x",
            {"attempts": {"silence_after": "refusal", "silence": "60d", "key": "person+subject"}},
            "no call about one subject (campaign) for 60 days after a refusal, its day the first",
        ),
        ("do-not-call.x", {"registry": {"max_age_days": 31}}, "whose copy is at most 31 days old"),
        (
            "do-not-call.x",
            {"registry": {"max_age_days": 30, "answers_only": True}},
            "the registry `x` was asked for the number, at most 30 days ago, and does not list it",
        ),
        ("consent-required.x", {"consent": {"form": "written"}}, "written consent, or a stronger one, is on record"),
        ("line-type.x", {"line": {"barred": ["mobile"]}}, "no mobile line is called, nor one that may be mobile"),
        ("registration.x", {"registration": {"with": "the state"}}, "registered or licensed with the state"),
    ],
)
def test_each_kind_of_rule_says_what_it_asks(name: str, tables: dict[str, Any], told: str) -> None:
    assert rule_in_words.asks(rule(name, **tables)).endswith(told)


def test_what_lifts_a_rule_is_told_one_by_one() -> None:
    exemptions = [
        {"consent": "express", "newer_than_answer": True},
        {"slot": "oral"},
        {"purchase_months": 18},
        {"inquiry_months": 1},
        {"contract_days": 0},
        {"contract_days": 30},
    ]
    assert rule_in_words.lifted_by(rule("consent-required.x", consent={}, lifted_by=exemptions)) == [
        "express consent given after the registry's answer",
        "oral consent to an agreed time, in that time",
        "a purchase in the last 18 months",
        "an inquiry in the last month",
        "a contract that runs",
        "a contract that runs, or ended at most 30 days ago",
    ]


def test_dates_parties_and_lines_are_told() -> None:
    one = rule("consent-required.x", consent={}, in_force_from=date(2026, 8, 11), parties=["consumer", "business"])
    assert rule_in_words.in_force(one) == "from 2026-08-11"
    assert rule_in_words.in_force(rule("consent-required.x", consent={})) == "undated"
    assert rule_in_words.whom(one) == "consumers and businesses"
    assert rule_in_words.whom(rule("consent-required.x", consent={}, lines=["mobile"])) == "consumers, mobile lines"


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.rule)
def test_every_shipped_rule_can_be_told(one: Rule) -> None:
    for told in (rule_in_words.asks(one), rule_in_words.whom(one), rule_in_words.in_force(one)):
        assert told
        assert "None" not in told
