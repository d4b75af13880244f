"""A verdict for people: what each rule saw, and what is shown of a verdict that no service should give."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from manualdial.client.errors import Unanswered
from manualdial.client.messages import checked, verdict_of
from manualdial.commands.verdict import explained, in_brief, permitted
from manualdial.explaining.verdict import evidence, zones

AT = datetime(2026, 6, 11, 0, 0, tzinfo=UTC)
NUMBER = "+13055550100"


def verdict(decision: str = "allow", *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    policy = {"name": "manualdial", "version": "1"}
    return {"decision": decision, "rules": list(rules), "overridable": False, "policy": policy} | more


def rule(name: str, decision: str = "block", **found: Any) -> dict[str, Any]:
    return {"rule": name, "decision": decision, "reason": "so it is", "evidence": found}


def told(**found: Any) -> dict[str, str]:
    return dict(evidence(found, AT))


def test_a_copy_of_a_registry_is_told_with_its_age() -> None:
    found = told(registry="us-national", edition="June", asOf="2026-05-31T00:00:00+00:00", maxAgeDays=31, standing="x")
    assert found["copy"] == "June of 2026-05-31, 11 days old; good for 31"
    assert found["registry"] == "us-national"


def test_attempts_are_told_with_the_limit_and_silence_with_its_reason() -> None:
    found = told(attempts=3, limit=3, within="24h", silence="60d", after="refusal", silentUntil=AT.isoformat())
    assert found["attempts counted"] == "3 of 3 in 24h"
    assert found["silence"] == "60d after a refusal"
    assert "2026" in found["silent until"]


def test_of_many_zones_the_earliest_and_the_latest_clock_are_told() -> None:
    names = ("Pacific/Honolulu", "America/New_York", "America/Denver", "America/Chicago")
    found = told(source="none", localTimes={name: "" for name in names})
    assert found["local time"] == (
        "Wed 2026-06-10 14:00 in Pacific/Honolulu to Wed 2026-06-10 20:00 in America/New_York, 4 time zones"
    )


def test_zones_that_are_open_are_told_apart_from_those_that_are_closed() -> None:
    zones_there = {"America/New_York": "", "America/Chicago": ""}
    lines = list(evidence({"localTimes": zones_there, "windows": {"America/New_York": "08:00-20:00"}}, AT))
    assert ("local time", "Wed 2026-06-10 20:00 in America/New_York; permitted that day: 08:00-20:00") in lines
    assert ("local time", "Wed 2026-06-10 19:00 in America/Chicago: permitted") in lines


def test_what_is_not_known_by_name_is_told_as_it_is() -> None:
    assert told(newFact=["a", "b"], nothing="", none=None) == {"new fact": "a, b"}


def test_a_zone_that_this_machine_does_not_know_is_left_out() -> None:
    found = verdict("block", rule("calling-hours.x", localTimes={"Mars/Olympus": ""}))
    assert zones(verdict_of(found), NUMBER) == ("America/New_York",)
    assert zones(verdict_of(found), "nonsense") == ()


def test_a_warning_says_that_it_may_be_overridden() -> None:
    number = {"typed": NUMBER, "e164": NUMBER, "region": "US", "type": "mobile"}
    found = verdict("warn", rule("attempts.x", "warn", overridableBy=["supervisor"]), overridable=True)
    text = explained(
        checked({"message": {"dial": {"state": "checked", "number": number, "verdict": found}}}), at=AT
    ).plain
    assert text.startswith(f"! warn  {NUMBER}, US, mobile")
    assert "! attempts.x: so it is" in text
    assert "overridable by: supervisor" in text
    assert "it may be overridden" in text


def test_in_brief_the_rules_that_allow_are_only_counted() -> None:
    found = verdict_of(verdict("block", rule("own-line"), rule("country", "allow")))
    text = in_brief(found, NUMBER, at=AT).plain
    assert "own-line: so it is" in text
    assert "country" not in text
    assert "rules run: 2, allowing it: 1" in text
    assert permitted(found, NUMBER).plain == "no later moment is known: waiting alone does not help"


def test_text_of_somebody_else_steers_no_terminal() -> None:
    found = verdict_of(verdict("block", rule("closure.us-la", why="\x1b[2Jstorm")))
    assert "\x1b" not in in_brief(found, NUMBER, at=AT).plain


@pytest.mark.parametrize(
    "found",
    [None, {}, verdict("perhaps"), verdict("block", rule("x", "no")), verdict("block", nextPermittedAt="soon")],
)
def test_what_is_no_verdict_is_told(found: Any) -> None:
    with pytest.raises(Unanswered, match="no verdict"):
        verdict_of(found)
    with pytest.raises(Unanswered, match="no verdict"):
        checked({"message": {"dial": {"state": "checked", "verdict": found}}})
