"""screening: may this number be called (contract §5)?"""

from __future__ import annotations

import re

from manualdial.screening import Facts, judge
from tests.support.calls import a_number


def test_a_number_that_no_rule_minds_is_allowed_and_every_rule_is_listed() -> None:
    verdict = judge(Facts(number=a_number(), own_number=None))
    assert (verdict.decision, verdict.overridable) == ("allow", False)
    assert verdict.rules
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*(\.[a-z-]+)?", rule.rule) for rule in verdict.rules)
    assert verdict.policy.name
    assert verdict.policy.version


def test_the_agents_own_line_is_blocked_and_cannot_be_overridden() -> None:
    verdict = judge(Facts(number=a_number("(202) 555-0100"), own_number="+12025550100"))
    assert (verdict.decision, verdict.overridable) == ("block", False)
    assert [rule.rule for rule in verdict.rules if rule.decision == "block"] == ["own-line"]


def test_a_number_of_somebody_else_is_not_the_own_line() -> None:
    assert judge(Facts(number=a_number("+12025550123"), own_number="+12025550100")).decision == "allow"
