"""Every case in the tables beside the policies: the rule says what the case says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from manualdial.law.cases import Case, Says, cases_of, difference
from manualdial.law.policies import SHIPPED, load, shipped_on
from manualdial.law.rule import Rule

POLICIES = load()
RULES: dict[str, list[Rule]] = {}
for _rule in POLICIES.rules():
    RULES.setdefault(_rule.rule, []).append(_rule)


def cases() -> Iterator[tuple[str, Case]]:
    """Every case of every table, with the name of its file."""
    for path in sorted(SHIPPED.glob("*.cases.toml")):
        for case in cases_of(path):
            yield path.name, case


CASES = list(cases())
FILES = sorted({name for name, _ in CASES})


@pytest.mark.parametrize("file", FILES)
def test_the_rules_of_a_policy_say_what_their_cases_say(file: str) -> None:
    # A rule that is shipped off has cases too: they hold for when an operator switches it on.
    of_file = [case for name, case in CASES if name == file]
    different = [difference(case, RULES[case.rule], POLICIES.holiday_sets) for case in of_file]
    assert [f"{case.rule} at {case.at}: {what}" for case, what in zip(of_file, different, strict=True) if what] == []


def test_every_rule_has_a_case_of_its_own() -> None:
    proven = {case.rule for _, case in CASES if case.says is not Says.ABSENT}
    assert [name for name in RULES if name not in proven] == []


def test_a_rule_is_shipped_on_exactly_if_its_source_is_good() -> None:
    assert [rule.rule for rule in POLICIES.rules() if rule.on != shipped_on(rule)] == []


def test_every_case_is_about_a_rule_that_is_there() -> None:
    assert [case.rule for _, case in CASES if case.rule not in RULES] == []


def test_the_tables_are_found() -> None:
    assert len(CASES) > 1000
    assert len(FILES) > 60
