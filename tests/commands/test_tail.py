"""`manualdial tail`: the bus, one line a message, against a real service."""

from __future__ import annotations

import json
import signal

import pytest

from tests.commands.relay import relay
from tests.commands.service import (
    LIMIT,
    PASSWORD,
    RunningService,
    command,
    line_with,
    process,
)

NOBODY_ANSWERS = "+12025550101"


def test_a_supervisor_sees_the_calls_of_the_tenant(service: RunningService) -> None:
    with process("tail", "--scope", "tenant", environment=service.environment("sue")) as following:
        line_with(following.stderr, "Connected")
        command("dial", NOBODY_ANSWERS, environment=service.environment())
        assert "Amazon/InboundCall/InboundCallStateChange" in line_with(following.stdout, "requested")
        line_with(following.stdout, "ended")
        following.send_signal(signal.SIGINT)
        _, errors = following.communicate(timeout=LIMIT)
    assert following.returncode == 0
    assert errors == ""


def test_as_json_each_line_is_the_message_and_the_patterns_filter(service: RunningService) -> None:
    patterns = ("--subscribe", "*/Agent/*", "--subscribe", "LCM/*/*")
    with process("tail", "--json", "--stream", *patterns, environment=service.environment()) as following:
        line_with(following.stderr, "Connected")
        command("dial", NOBODY_ANSWERS, environment=service.environment())
        reply = json.loads(line_with(following.stdout, '"ManualDialCall"'))
        event = json.loads(line_with(following.stdout, '"SetAgentState"'))
        following.send_signal(signal.SIGTERM)
        rest, _ = following.communicate(timeout=LIMIT)
    assert reply["message"]["data"] == {"PhoneNumber": NOBODY_ANSWERS}
    assert event["meta"]["seq"] > reply["meta"]["seq"]
    assert "InboundCallStateChange" not in rest


def test_it_connects_again_and_tells_of_the_gap(service: RunningService) -> None:
    with relay(service.url) as way, process("tail", environment=way.environment_of(service)) as following:
        line_with(following.stderr, "Connected")
        way.cut()
        assert "the connection broke" in line_with(following.stderr, "Trying again")
        assert "messages in between are missing" in line_with(following.stderr, "again;")
        command("dial", NOBODY_ANSWERS, environment=service.environment())
        line_with(following.stdout, "ended")


def test_it_does_not_wait_for_a_service_that_was_never_there() -> None:
    environment = {"MANUALDIAL_PASSWORD": PASSWORD}
    result = command("tail", "--url", "http://127.0.0.1:1", "--user", "ann", environment=environment)
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr


def test_what_an_agent_may_not_see_is_refused(service: RunningService) -> None:
    result = command("tail", "--scope", "tenant", environment=service.environment())
    assert result.exit_code == 1
    assert "NOT_PERMITTED" in result.stderr


@pytest.mark.parametrize("pattern", ["LCM", "a/b/c/d", ""])
def test_a_pattern_that_is_none_is_refused(pattern: str, service: RunningService) -> None:
    result = command("tail", "--subscribe", pattern, environment=service.environment())
    assert result.exit_code == 1
    assert "MALFORMED_MESSAGE" in result.stderr


def test_a_wrong_password_ends_it(service: RunningService) -> None:
    result = command("tail", environment=service.environment("wrong-again", "guess"))
    assert result.exit_code == 1
    assert "password is wrong" in result.stderr


def test_an_unknown_scope_is_wrong_usage(service: RunningService) -> None:
    result = command("tail", "--scope", "world", environment=service.environment())
    assert result.exit_code == 2
    assert "world" in result.stderr
