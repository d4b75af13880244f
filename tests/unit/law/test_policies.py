"""policies: files of rules, and an operator's own on top of those of the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from manualdial.law.policies import Policies, PolicyInvalid, load
from tests.support.core import shipped_policies
from tests.support.screening import facts_about

RULE = """
[[rules]]
rule = "{name}"
law = "House rule 1"
source = "https://example.com/rules"
read_in = ["our own rules"]
as_of = "2026"
trust = "P"
on = {on}
purposes = ["sales"]
"""
HOURS = """
[rules.hours.days]
every_day = ["{windows}"]
"""


def file_of(*rules: str, jurisdiction: str = "US-FL") -> str:
    return f'jurisdiction = "{jurisdiction}"\ntitle = "Ours"\n' + "".join(rules)


def hours(name: str = "calling-hours.us-fl", *, on: bool = True, windows: str = "10:00-11:00", more: str = "") -> str:
    table = f"[rules.hours]\n{more}\n" if more else ""
    return RULE.format(name=name, on=str(on).lower()) + table + HOURS.format(windows=windows)


def loaded(folder: Path, text: str, name: str = "ours.toml") -> Policies:
    (folder / name).write_text(text, encoding="utf-8")
    return load(folder)


def names(policies: Policies, number: str = "+13055550100") -> list[str]:
    return [check.rule.rule for check in policies.reaching(facts_about(number).places)]


def test_the_package_has_policies_for_every_country_that_it_speaks_of() -> None:
    countries = {policy.jurisdiction.partition("-")[0] for policy in shipped_policies().policies}
    assert countries >= {
        *(
            "US",
            "CA",
            "GB",
            "IE",
            "FR",
            "DE",
            "AT",
            "CH",
            "ES",
            "IT",
            "NL",
            "BE",
            "PT",
            "PL",
            "AU",
            "NZ",
            "SG",
            "IN",
            "JP",
        ),
        *("AE", "SA", "ZA", "BR", "MX"),
    }


def test_no_two_rules_of_a_jurisdiction_and_name_are_in_force_on_the_same_day_by_accident() -> None:
    dated = [(rule.jurisdiction, rule.rule, rule.in_force_from) for rule in shipped_policies().rules()]
    assert len(dated) == len(set(dated))


def test_a_rule_of_the_operators_replaces_those_of_its_name(tmp_path: Path) -> None:
    policies = loaded(tmp_path, file_of(hours()))
    (rule,) = [rule for rule in policies.rules() if rule.rule == "calling-hours.us-fl"]
    assert rule.law == "House rule 1"
    assert names(policies).count("calling-hours.us-fl") == 1
    assert "attempts.us-fl" in names(policies)


def test_a_rule_is_switched_off_by_a_file_that_has_it_off(tmp_path: Path) -> None:
    assert "calling-hours.us-fl" not in names(loaded(tmp_path, file_of(hours(on=False))))


def test_a_jurisdiction_that_the_package_does_not_know_is_added(tmp_path: Path) -> None:
    policies = loaded(tmp_path, file_of(hours("calling-hours.se"), jurisdiction="SE"))
    assert names(policies, "+46812345678") == ["calling-hours.se"]


def test_the_version_tells_whether_anything_is_different(tmp_path: Path) -> None:
    assert load().version == shipped_policies().version
    one = loaded(tmp_path, file_of(hours())).version
    two = loaded(tmp_path, file_of(hours(windows="10:00-12:00"))).version
    assert len({one.version, two.version, shipped_policies().version.version}) == 3


def test_tables_of_cases_are_no_policies(tmp_path: Path) -> None:
    assert loaded(tmp_path, "no toml at all", "ours.cases.toml").version == shipped_policies().version


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no toml", "not TOML"),
        ('jurisdiction = "US"\ntitle = "T"\nrules = []', "length"),
        (file_of(hours("lunch.us")), "regex"),
        (file_of(hours("attempts.us-fl")), "the one of its kind"),
        (file_of(hours(windows="25:00-26:00")), "regex"),
        (file_of(hours(windows="10:00-09:00")), "no window"),
        (file_of(hours(windows="10:00-10:99")), "regex"),
        (file_of(hours() + '[rules.hours]\nzone = "fixed"'), ""),
        (file_of(hours()).replace("on = true", "on = true\nunknown = 1"), "unknown"),
        (file_of(hours()).replace("https://", "ftp://"), "regex"),
        (file_of(hours()).replace('purposes = ["sales"]', 'purposes = ["fun"]'), "fun"),
        (file_of(hours() + 'holiday = ["10:00-11:00"]\n'), "days.holiday goes with holidays"),
        (file_of(hours(more='holidays = "moon"')), "holiday set"),
        (file_of(hours(more='zone = "fixed"')), "fixed_zone"),
        (file_of(hours(more='zone = "fixed"\nfixed_zone = "Mars/One"')), "time zone"),
        (file_of(RULE.format(name="attempts.us-fl", on="true") + "[rules.attempts]\nmax = 3\n"), "within"),
        (file_of(RULE.format(name="attempts.us-fl", on="true") + "[rules.attempts]\n"), "max or silence"),
        (file_of(hours() + "[[rules.lifted_by]]\n"), "says one thing"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_right_is_refused_with_its_reason(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        loaded(tmp_path, text)
    assert reason in str(refused.value)


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid):
        load(tmp_path / "none")
