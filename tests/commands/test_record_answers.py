"""`manualdial record import-answers`: what registries answered that hand out no list."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from manualdial.law.policies import load
from tests.commands.a_database import a_database, told
from tests.commands.service import command

ASKED = ("--registry", "au-register", "--answered-at", "2026-02-01T09:00:00+11:00", "--region", "AU")
PAGE = Path(__file__).parents[2] / "docs" / "records.md"
FIRST, SECOND = "+61255501001", "+61255501002"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return a_database(tmp_path)


def answers(config: Path, number: str) -> list[dict[str, Any]]:
    return [record["content"] for record in told("record", "list", number, config=config)]


def imported(config: Path, content: str, *options: str, code: int = 0) -> str:
    file = config.with_name("washed.csv")
    file.write_text(content)
    result = command("record", "import-answers", str(file), *options, "--config", str(config))
    assert result.exit_code == code, result.output
    return result.stderr


@pytest.mark.parametrize(("option", "listed"), [("--listed", True), ("--not-listed", False)])
def test_a_plain_list_has_one_answer_for_all(option: str, listed: bool, config: Path) -> None:
    assert "2 added" in imported(config, "02 5550 1001\n02 5550 1002\n", *ASKED, option)
    (answer,) = answers(config, SECOND)
    assert answer == {
        "kind": "registry-answer",
        "registry": "au-register",
        "listed": listed,
        "answered_at": "2026-01-31T22:00:00Z",
        "valid_until": "2026-03-02T22:00:00Z",
    }
    assert "0 added, 2 there already" in imported(config, "02 5550 1001\n02 5550 1002\n", *ASKED, option)


@pytest.mark.parametrize(
    ("heading", "yes", "no"),
    [("registered", "Y", "N"), ("Listed", "true", "false"), ("Result", "Registered", "Not  registered"),
     ("status", "on the register", "unregistered")],
)  # fmt: skip
def test_a_column_tells_it_for_each_number(heading: str, yes: str, no: str, config: Path) -> None:
    imported(config, f"number,{heading}\n02 5550 1001,{yes}\n02 5550 1002,{no}\n", *ASKED)
    assert [answers(config, number)[0]["listed"] for number in (FIRST, SECOND)] == [True, False]


def test_what_is_not_clear_is_rejected_and_counts_as_not_asked(config: Path) -> None:
    content = "number,result\n02 5550 1001,Y\n02 5550 1002,\nrubbish,registered\n"
    assert "0 added, 0 there already, 3 rejected" in imported(config, content, *ASKED, code=1)
    numbers = "number\n02 5550 1001\n02 5550 1002\n"
    assert "0 added, 0 there already, 2 rejected" in imported(config, numbers, *ASKED, code=1)
    assert answers(config, FIRST) == []


def test_words_of_the_registry_can_be_named(config: Path) -> None:
    content = "number,result\n02 5550 1001,R\n02 5550 1002,ok  to call\n02 5550 1003,registered\n"
    said = imported(config, content, *ASKED, "--listed-when", "R,X", "--not-listed-when", "OK to call", code=1)
    assert "2 added, 0 there already, 1 rejected" in said
    assert [answers(config, number)[0]["listed"] for number in (FIRST, SECOND)] == [True, False]


def test_answers_that_count_no_more_when_they_come_are_taken_with_a_remark(config: Path) -> None:
    said = imported(config, "02 5550 1001\n", *ASKED, "--listed")
    assert "good until 2026-03-02T22:00:00+00:00: they do not count any more" in said
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    fresh = imported(config, "02 5550 1001\n", *ASKED, "--listed", "--answered-at", yesterday)
    assert "1 added" in fresh
    assert "any more" not in fresh


def test_an_answer_may_be_good_for_less_than_the_policy_says(config: Path) -> None:
    imported(config, "02 5550 1001\n", *ASKED, "--listed", "--valid-days", "7")
    assert answers(config, FIRST)[0]["valid_until"] == "2026-02-07T22:00:00Z"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("--registry", "au-dncr"), "au-register"),
        (("--registry", "us-national"), "registry import"),
        (("--answered-at", "2026-02-01T09:00:00"), "offset"),
        (("--answered-at", "2199-02-01T09:00:00Z"), "still to come"),
        (("--valid-days", "31"), "at most 30 days"),
        (("--valid-days", "0"), "valid-days"),
        (("--not-listed",), "--listed"),
        (("--listed-when", "Y"), "--not-listed-when"),
        (("--listed-when", "Y", "--not-listed-when", "n,y"), "share"),
    ],
)
def test_what_cannot_be_is_refused_as_wrong_usage(changed: tuple[str, ...], said: str, config: Path) -> None:
    file = config.with_name("washed.csv")
    file.write_text("02 5550 1001\n")
    options = (*ASKED, "--listed", *changed, "--config", str(config))
    result = command("record", "import-answers", str(file), *options)
    assert result.exit_code == 2
    assert said in result.stderr


def test_the_documentation_lists_the_registries_that_answer() -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \| .* \| (\d+) days? \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    duties = {rule.rule.partition(".")[2]: rule.registry for rule in load().rules() if rule.registry is not None}
    answering = {name: duty.max_age_days for name, duty in duties.items() if duty.answers_only}
    assert {name: int(days) for name, days in listed} == answering
