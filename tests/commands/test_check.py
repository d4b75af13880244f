"""`manualdial check`: the verdict of the service, explained."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import Result

from tests.commands.service import LIMIT, RunningService, command, process

FLORIDA = "+13055550100"
BEFORE_EIGHT, AT_EIGHT = "2026-06-10T19:59:59-04:00", "2026-06-10T20:00:00-04:00"


def check(service: RunningService, number: str, *options: str, user: str = "kit", **more: Any) -> Result:
    return command("check", number, *options, environment=service.environment(user), **more)


def test_a_number_that_may_be_called_has_exit_code_0_and_every_rule_is_told(service: RunningService) -> None:
    result = check(service, FLORIDA)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"✓ allow  {FLORIDA}, US, fixed line or mobile\n")
    assert "do-not-call.company: the number is not on the company's own do-not-call list" in result.stdout
    assert "permitted, as far as these rules see" in result.stdout


def test_a_refusal_tells_rule_law_local_time_windows_and_the_next_permitted_time_twice(service: RunningService) -> None:
    result = check(service, FLORIDA, "--purpose", "sales", "--at", AT_EIGHT)
    assert result.exit_code == 1
    first = next(line for line in result.stdout.splitlines() if line.startswith("✗ calling-hours"))
    assert first == "✗ calling-hours.us-fl: outside the calling hours where the called party may be"
    for told in (
        "✗ block  +13055550100",
        "law: Fla. Stat. 501.616(6)(a)",
        "local time: Wed 2026-06-10 20:00 in America/New_York; permitted that day: 08:00-20:00",
        "place known by: the number",
        "✓ calling-hours.us-fcc",
        "policies: manualdial 20",
    ):
        assert told in result.stdout


def test_what_blocks_is_told_before_what_allows(service: RunningService) -> None:
    lines = check(service, FLORIDA, "--purpose", "sales", "--at", AT_EIGHT).stdout.splitlines()
    marks = [line[0] for line in lines[1:] if line[:2] in ("✗ ", "✓ ")]
    assert marks == sorted(marks, key="✗✓".index)
    assert set(marks) == {"✗", "✓"}


def test_a_list_of_which_no_copy_is_held_is_among_the_reasons(service: RunningService) -> None:
    result = check(service, FLORIDA, "--purpose", "sales", "--at", BEFORE_EIGHT)
    assert result.exit_code == 1
    assert "✗ do-not-call.us-national: no copy of the registry is held" in result.stdout
    assert "no later moment is known: waiting alone does not help" in result.stdout


def test_the_next_permitted_time_is_told_in_the_called_party_s_time_and_in_that_of_the_machine(
    service: RunningService,
) -> None:
    options = ("--purpose", "collection", "--at", "2026-06-10T22:00:00-04:00")
    with process(
        "check", FLORIDA, *options, environment=service.environment("kit") | {"TZ": "Europe/Berlin"}
    ) as asking:
        output, errors = asking.communicate(timeout=LIMIT)
    assert asking.returncode == 1, errors
    assert "asked about: Thu 2026-06-11 04:00 CEST – Wed 2026-06-10 22:00 in America/New_York" in output
    assert "next permitted: Thu 2026-06-11 08:00 in America/New_York – Thu 2026-06-11 14:00 CEST here" in output


def test_the_postal_code_says_where_the_person_is(service: RunningService) -> None:
    options = ("--purpose", "sales", "--at", "2026-06-10T20:30:00-04:00", "--zip")
    there = check(service, "+18505550100", *options, "32401").stdout
    assert "in America/Chicago" in there
    assert "place known by: the postal code" in there


def test_as_json_the_verdict_is_printed_as_it_came(service: RunningService) -> None:
    result = check(service, FLORIDA, "--json", "--purpose", "sales", "--at", AT_EIGHT)
    assert result.exit_code == 1
    verdict = json.loads(result.stdout)
    assert verdict["decision"] == "block"
    assert verdict["policy"]["name"] == "manualdial"
    assert {"calling-hours.us-fl", "calling-hours.us-fcc"} <= {rule["rule"] for rule in verdict["rules"]}


def test_a_supervisor_may_ask_too_though_only_agents_dial(service: RunningService) -> None:
    assert check(service, FLORIDA, user="sue").exit_code == 0


@pytest.mark.parametrize(("number", "said"), [("+1305", "PHONE_NUMBER_INVALID"), ("911", "PHONE_NUMBER_INVALID")])
def test_what_is_no_number_is_told_in_one_sentence(number: str, said: str, service: RunningService) -> None:
    result = check(service, number)
    assert result.exit_code == 1
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("at", ["yesterday", "2026-13-01", "2026-06-10T25:00Z", "2026-06-10T12:00"])
def test_what_is_no_moment_is_wrong_usage(at: str) -> None:
    result = command("check", FLORIDA, "--at", at, "--user", "ann", environment={"MANUALDIAL_PASSWORD": "x"})
    assert result.exit_code == 2
    assert "is a moment such as" in result.stderr


def test_a_moment_outside_this_century_is_refused_by_the_service(service: RunningService) -> None:
    result = check(service, FLORIDA, "--at", "2150-01-01T00:00:00Z")
    assert result.exit_code == 1
    assert "MALFORMED_MESSAGE" in result.stderr


def test_it_is_told_as_what_the_number_was_judged(service: RunningService) -> None:
    assert "judged as: service" in check(service, FLORIDA).stdout
    assert "judged as: sales" in check(service, FLORIDA, "--purpose", "sales").stdout


@pytest.mark.parametrize(
    ("number", "zip_code", "told"),
    [
        (FLORIDA, "99999999", "99999999 is no postal code that is known; it counts as left out."),
        ("+442079460000", "32401", "A postal code is read for numbers of +1 alone; it counts as left out."),
        (FLORIDA, "32401", ""),
        (FLORIDA, "K1A 0B1", ""),
    ],
)
def test_a_postal_code_that_counts_as_left_out_is_pointed_out(
    number: str, zip_code: str, told: str, service: RunningService
) -> None:
    assert check(service, number, "--zip", zip_code).stderr.strip() == told


def test_what_is_wrong_with_a_request_is_told(service: RunningService) -> None:
    assert "At is in this century" in check(service, FLORIDA, "--at", "2150-01-01T00:00:00Z").stderr
