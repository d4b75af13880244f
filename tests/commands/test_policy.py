"""`manualdial policy`: the rules that are shipped and one's own, without a service."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from manualdial.app.adapters import store_for
from manualdial.commands.policy import reaching
from manualdial.config import Config, StorageSection
from manualdial.law.policies import load
from tests.commands.service import command

RULE = """
jurisdiction = "US-FL"
title = "Florida, our own"

[[rules]]
rule = "calling-hours.us-fl"
law = "A promise to a customer"
source = "https://example.com/promise"
read_in = ["the promise itself"]
as_of = "2026-11"
trust = "P"
purposes = ["sales"]

[rules.hours.days]
every_day = ["09:00-18:00"]
"""
CASE = """
[[cases]]
rule = "calling-hours.us-fl"
says = "{says}"
at = {at}
number = "+13055550100"
source = "the promise"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "us-fl.toml").write_text(RULE)
    (tmp_path / "us-fl.cases.toml").write_text(CASE.format(says="block", at="2026-06-10T18:00:00-04:00"))
    return tmp_path


def listed(*options: str) -> list[dict[str, object]]:
    result = command("policy", "list", "--json", *options)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_rules_that_are_applied_are_listed_with_law_and_trust() -> None:
    result = command("policy", "list")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].split() == ["RULE", "ON", "TRUST", "PURPOSES", "IN", "FORCE", "LAW"]
    assert "calling-hours.us-fl" in result.stdout
    assert "Fla. Stat. 501.616(6)(a)" in result.stdout
    assert "more are switched off (--all)" in result.stderr


def test_rules_that_are_switched_off_are_listed_where_all_are_wanted() -> None:
    assert all(rule.get("on", True) for rule in listed())
    assert len(listed("--all")) > len(listed())


def test_of_a_jurisdiction_the_rules_above_it_and_below_it_are_listed() -> None:
    names = {rule["rule"] for rule in listed("--jurisdiction", "us-fl")}
    assert {"calling-hours.us-fl", "calling-hours.us-fcc"} <= names
    assert "calling-hours.us-al" not in names
    assert "calling-hours.us-al" in {rule.rule for rule in reaching(load(), "US")}


def test_a_jurisdiction_that_is_not_known_is_wrong_usage() -> None:
    result = command("policy", "list", "--jurisdiction", "XX-YY")
    assert result.exit_code == 2
    assert "XX-YY is no jurisdiction" in result.stderr


def test_a_rule_is_shown_with_everything_that_is_known_of_it() -> None:
    result = command("policy", "show", "Calling-Hours.us-al")
    assert result.exit_code == 0
    for told in (
        "Mon-Sat 08:00-20:00; Sun, holidays (us-al) closed",
        "https://",
        "S*: a dated source that quotes the words was read",
        "Holidays of Alabama: ",
        "lifted by",
        "note",
    ):
        assert told in result.stdout


def test_a_jurisdiction_is_shown_with_its_title_and_all_its_rules() -> None:
    result = command("policy", "show", "us-fl")
    assert result.stdout.startswith("US-FL, Florida\n")
    assert "attempts.us-fl" in result.stdout
    assert "calling-hours.us-fcc" not in result.stdout


def test_a_name_that_is_not_there_is_answered_with_one_that_is() -> None:
    result = command("policy", "show", "calling-hours.us-flo")
    assert result.exit_code == 1
    assert "Is calling-hours.us-fl meant?" in result.stderr


def test_the_policies_of_an_old_version_are_read_from_the_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/manualdial.sqlite3"
    old = load()

    async def keep() -> None:
        async with store_for(Config(storage=StorageSection(url=url))) as store:
            await store.keep_policies("2020-01.old", old.data(), at=datetime.now(UTC))

    asyncio.run(keep())
    environment = {"MANUALDIAL_STORAGE_URL": url}
    result = command("policy", "show", "calling-hours.us-fl", "--version", "2020-01.old", environment=environment)
    assert result.exit_code == 0, result.output
    assert "every day 08:00-20:00" in result.stdout
    unknown = command("policy", "list", "--version", "2020-01.never", environment=environment)
    assert unknown.exit_code == 1
    assert "No service has used policies of the version 2020-01.never" in unknown.stderr


def test_a_rule_of_one_s_own_takes_the_place_of_the_shipped_one(own: Path) -> None:
    environment = {"MANUALDIAL_SCREENING_POLICIES": str(own)}
    result = command("policy", "show", "calling-hours.us-fl", environment=environment)
    assert "every day 09:00-18:00" in result.stdout
    assert "08:00-20:00" not in result.stdout


def test_files_of_one_s_own_are_good_where_their_cases_hold(own: Path) -> None:
    result = command("policy", "check", str(own))
    assert result.exit_code == 0, result.output
    assert result.stdout == "Rules of your own: 1; cases, which all hold: 1.\n"
    assert result.stderr == ""


def test_a_case_that_does_not_hold_is_told_with_what_the_rule_says(own: Path) -> None:
    (own / "us-fl.cases.toml").write_text(CASE.format(says="allow", at="2026-06-10T18:00:00-04:00"))
    result = command("policy", "check", str(own))
    assert result.exit_code == 1
    assert "us-fl.cases.toml: calling-hours.us-fl says allow at 2026-06-10T18:00:00-04:00" in result.stdout
    assert "the rule says block" in result.stdout
    assert "Of 1 cases 1 do not hold" in result.stderr


def test_weak_sources_unknown_places_and_rules_without_a_case_are_remarked_on(own: Path) -> None:
    (own / "us-fl.cases.toml").unlink()
    (own / "us-fl.toml").write_text(RULE.replace('"US-FL"', '"US-ZZ"').replace('trust = "P"', 'trust = "U"'))
    result = command("policy", "check", str(own))
    assert result.exit_code == 0
    for told in ("is ever placed in US-ZZ", "its source is weak (U: not verified)", "no case tries it"):
        assert told in result.stderr


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("us-fl.toml", RULE.replace("18:00", "08:00"), "no window: 09:00-08:00"),
        ("us-fl.toml", RULE.replace("law = ", "low = "), "low"),
        ("us-fl.toml", "jurisdiction = ", "is not TOML"),
        ("us-fl.cases.toml", "[[cases]]\nrule = 3", "us-fl.cases.toml"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_fault(own: Path, file: str, text: str, said: str) -> None:
    (own / file).write_text(text)
    result = command("policy", "check", str(own))
    assert result.exit_code == 1
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_a_folder_that_is_not_there_is_told() -> None:
    result = command("policy", "check", "/nowhere")
    assert result.exit_code == 1
    assert "no such directory" in result.stderr
