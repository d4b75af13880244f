"""`manualdial policy close`, `closures` and `reopen`: effective in a running service."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

import pytest

from tests.commands.a_database import a_database
from tests.commands.service import LIMIT, RunningService, command

WYOMING = "+13075550100"
"""In a state that no other test calls."""


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(a_database(tmp_path))


def close(config: str, *arguments: str) -> str:
    result = command("policy", "close", *arguments, "--config", config)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def listed(config: str) -> list[dict[str, object]]:
    result = command("policy", "closures", "--json", "--config", config)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_closure_is_listed_until_it_is_reopened(config: str) -> None:
    closure = close(
        config, "us-la", "--reason", "storm", "--purpose", "sales", "--purpose", "collection", "--by", "sue"
    )
    (told,) = listed(config)
    assert told["id"] == closure
    assert told["jurisdiction"] == "US-LA"
    assert told["purposes"] == ["collection", "sales"]
    assert told["reason"] == "storm"
    assert told["ends"] is None
    assert told["closedBy"] == "sue"
    assert told["tenant"] is None
    shown = command("policy", "closures", "--config", config)
    assert "storm" in shown.stdout
    assert command("policy", "reopen", closure, "--config", config).exit_code == 0
    assert listed(config) == []
    assert "No jurisdiction is closed" in command("policy", "closures", "--config", config).stderr


def test_a_day_is_closed_from_where_it_begins_first_to_where_it_ends_last(config: str) -> None:
    close(config, "US-FL", "--reason", "proclaimed holiday", "--on", "2099-07-06")
    (told,) = listed(config)
    assert told["begins"] == "2099-07-06T04:00:00+00:00"
    assert told["ends"] == "2099-07-07T05:00:00+00:00"


def test_a_closure_has_its_own_beginning_and_end(config: str) -> None:
    times = ("--from", "2099-01-01T08:00-05:00", "--until", "2099-01-02T08:00-05:00")
    close(config, "FR", "--reason", "strike", *times)
    (told,) = listed(config)
    assert (told["begins"], told["ends"]) == ("2099-01-01T13:00:00+00:00", "2099-01-02T13:00:00+00:00")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("XX",), 2, "XX is no jurisdiction"),
        (("AU-NSW",), 2, "parts of AU are not told apart"),
        (("US-LA", "--on", "2099-01-01", "--from", "2099-01-01T00:00Z"), 2, "--on goes without"),
        (("US-LA", "--until", "2020-01-01T00:00Z"), 2, "is over already"),
        (("US-LA", "--from", "2099-02-01T00:00Z", "--until", "2099-01-01T00:00Z"), 2, "over before it begins"),
        (("US-LA", "--on", "today"), 2, "--on is a date"),
        (("US-LA", "--from", "soon"), 2, "--from is a moment"),
        (("US-LA", "--tenant", "nobody"), 1, "There is no tenant nobody"),
    ],
)
def test_what_cannot_be_closed_is_told(config: str, arguments: tuple[str, ...], code: int, said: str) -> None:
    result = command("policy", "close", *arguments, "--reason", "storm", "--config", config)
    assert result.exit_code == code
    assert said in result.stderr
    assert listed(config) == []


def test_a_closure_without_a_reason_is_wrong_usage(config: str) -> None:
    assert command("policy", "close", "US-LA", "--config", config).exit_code == 2
    assert command("policy", "close", "US-LA", "--reason", " ", "--config", config).exit_code == 2


def test_what_is_not_closed_cannot_be_reopened(config: str) -> None:
    result = command("policy", "reopen", str(uuid.uuid4()), "--config", config)
    assert result.exit_code == 1
    assert "There is no closure" in result.stderr


def test_a_running_service_heeds_a_closure_and_its_end(service: RunningService) -> None:
    config = str(service.config)
    closure = close(config, "US-WY", "--reason", "blizzard", "--purpose", "service", "--tenant", "ONE")
    refused = until_decision(service, "block")
    assert "closure.us-wy: the jurisdiction is closed for calls of this purpose" in refused
    assert "why: blizzard" in refused
    assert "tenant" in json.dumps(listed(config))
    assert command("policy", "reopen", closure, "--config", config).exit_code == 0
    until_decision(service, "allow")


def until_decision(service: RunningService, decision: str) -> str:
    """Ask until the service has heard of it: what it said then."""
    give_up = time.monotonic() + LIMIT
    told = ""
    while time.monotonic() < give_up:
        told = command("check", WYOMING, environment=service.environment("kit")).stdout
        if f" {decision}  {WYOMING}" in told.splitlines()[0]:
            return told
    raise AssertionError(f"never {decision}; the last answer was: {told}")
