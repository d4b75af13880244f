"""`manualdial consent`: who agreed to be called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.a_database import a_database, told
from tests.commands.service import command

NUMBER = "+12025550100"
GIVEN = ("--form", "written", "--given-at", "2026-02-01T10:00:00-05:00")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return a_database(tmp_path)


def consents(config: Path) -> list[dict[str, Any]]:
    return told("consent", "list", NUMBER, config=config)


def test_a_consent_is_on_record_with_all_that_was_said_of_it(config: Path) -> None:
    slot = ("--slot-from", "2036-02-03T18:00:00-05:00", "--slot-until", "2036-02-03T19:00:00-05:00")
    people = ("--given-by", "Ann Field", "--given-to", "Acme", "--campaign", "spring", "--proof", "form 4711")
    options = (*GIVEN, *people, *slot, "--until", "2101-01-01T00:00:00Z", "--by", "sue", "--config", str(config))
    assert command("consent", "add", NUMBER, *options).exit_code == 0
    (record,) = consents(config)
    assert record["content"] == {
        "kind": "consent",
        "form": "written",
        "given_at": "2026-02-01T15:00:00Z",
        "given_by": "Ann Field",
        "given_to": "Acme",
        "campaign_id": "spring",
        "proof": "form 4711",
        "slot_from": "2036-02-03T23:00:00Z",
        "slot_until": "2036-02-04T00:00:00Z",
    }
    assert (record["recordedBy"], record["until"]) == ("sue", "2101-01-01T00:00:00+00:00")
    table = command("consent", "list", NUMBER, "--config", str(config)).stdout
    assert "Ann Field" in table
    assert "counts" in table


def test_all_consents_of_a_number_are_withdrawn_and_stay_readable(config: Path) -> None:
    options = ("--config", str(config))
    for campaign in ("spring", "autumn"):
        assert command("consent", "add", NUMBER, *GIVEN, "--campaign", campaign, *options).exit_code == 0
    assert command("consent", "withdraw", NUMBER, "--campaign", "spring", *options).exit_code == 0
    assert [bool(record["withdrawnAt"]) for record in consents(config)] == [True, False]
    assert command("consent", "withdraw", NUMBER, "--reason", "on the phone", "--by", "sue", *options).exit_code == 0
    assert [bool(record["withdrawnAt"]) for record in consents(config)] == [True, True]
    assert consents(config)[1]["withdrawnBy"] == "sue"
    assert [record["withdrawnReason"] for record in consents(config)] == [None, "on the phone"]
    assert "WHY" in command("consent", "list", NUMBER, *options).stdout
    assert command("consent", "withdraw", NUMBER, *options).exit_code == 1


def test_one_consent_is_withdrawn_by_its_id_and_nothing_else_is(config: Path) -> None:
    options = ("--config", str(config))
    for _ in range(2):
        assert command("consent", "add", NUMBER, *GIVEN, *options).exit_code == 0
    command("do-not-call", "add", NUMBER, *options)
    first, second = (record["id"] for record in consents(config))
    (listing,) = told("do-not-call", "list", config=config)
    assert command("consent", "withdraw", "--id", second, *options).exit_code == 0
    assert [bool(record["withdrawnAt"]) for record in consents(config)] == [False, True]
    for wrong in (listing["id"], "nonsense", second):
        assert command("consent", "withdraw", "--id", wrong, *options).exit_code == 1
    assert len(told("do-not-call", "list", config=config)) == 1
    assert consents(config)[0]["id"] == first


def test_a_consent_of_an_account_is_that_of_its_number_alone(config: Path) -> None:
    options = ("--config", str(config))
    other = "+12025550101"
    assert command("consent", "add", NUMBER, *GIVEN, "--account", "4711", *options).exit_code == 0
    assert consents(config)[0]["accountNumber"] == "4711"
    assert told("consent", "list", other, "--account", "4711", config=config) == []
    assert command("consent", "withdraw", other, "--account", "4711", *options).exit_code == 1
    assert not consents(config)[0]["withdrawnAt"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", NUMBER, "--form", "written", "--given-at", "2026-02-01T10:00:00"), "offset"),
        (("add", NUMBER, "--form", "written", "--given-at", "yesterday"), "--given-at"),
        (("add", NUMBER, "--form", "written", "--given-at", "2199-02-01T10:00:00Z"), "still to come"),
        (("add", NUMBER, "--form", "spoken", "--given-at", "2026-02-01T10:00:00Z"), "spoken"),
        (("add", NUMBER, *GIVEN, "--slot-from", "2026-02-03T18:00:00Z"), "--slot-until"),
        (
            ("add", NUMBER, *GIVEN, "--slot-from", "2026-02-03T18:00:00Z", "--slot-until", "2026-02-03T18:00:00Z"),
            "after --slot-from",
        ),
        (("add", NUMBER, *GIVEN, "--campaign", " "), "empty"),
        (("add", NUMBER, *GIVEN, "--proof", "x" * 2000), "1024"),
        (("add", NUMBER, *GIVEN, "--by", " "), "--by"),
        (("withdraw",), "--id"),
        (("withdraw", NUMBER, "--id", "x"), "--id"),
        (("withdraw", "--id", "x", "--campaign", "y"), "--campaign"),
        (("withdraw", "--id", "x", "--account", "y"), "--account"),
        (("add", NUMBER, *GIVEN, "--account", ""), "--account"),
    ],
)
def test_what_cannot_be_is_refused_as_wrong_usage(arguments: tuple[str, ...], said: str, config: Path) -> None:
    result = command("consent", *arguments, "--config", str(config))
    assert result.exit_code == 2
    assert said in result.stderr
    assert consents(config) == []


def test_what_others_have_written_steers_no_terminal(config: Path) -> None:
    command("consent", "add", NUMBER, *GIVEN, "--proof", "\x1b[2J\u202egnp.mrof", "--config", str(config))
    shown = command("consent", "list", NUMBER, "--config", str(config)).stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert json.loads(json.dumps(consents(config)[0]["content"]["proof"])) == "\x1b[2J\u202egnp.mrof"
