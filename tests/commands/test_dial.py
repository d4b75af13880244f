"""`manualdial dial`: one call with its progress, against a real service."""

from __future__ import annotations

import json
import signal
import socket
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from typer.testing import Result

from tests.commands.service import LIMIT, RunningService, command, line_with, process

HANGS_UP = "+12025550106"
STAYS = "+12025550100"


def dial(service: RunningService, number: str, *options: str, user: str = "ann", **more: Any) -> Result:
    return command("dial", number, *options, environment=service.environment(user), **more)


def states(output: str) -> list[str]:
    messages: list[Mapping[str, Any]] = [json.loads(line) for line in output.splitlines()]
    found = [
        message["message"]["call"]["dial"]["state"]
        for message in messages
        if message["subtopic"] == "InboundCallStateChange"
    ]
    return [state for number, state in enumerate(found) if number == 0 or found[number - 1] != state]


def test_a_call_is_shown_to_its_end_and_the_wrap_up_is_cleared(service: RunningService) -> None:
    result = dial(service, HANGS_UP)
    assert result.exit_code == 0, result.output
    for state in (
        "requested",
        "agent_ringing",
        "agent_answered",
        "dialing",
        "ringing",
        "connected",
        "wrap_up",
        "ended",
    ):
        assert state in result.stdout
    assert "ms  " in result.stdout
    assert result.stdout.splitlines()[-1] == "Connected; ended by the customer."


def test_as_json_there_is_one_message_a_line(service: RunningService) -> None:
    result = dial(service, "(202) 555-0106", "--json", "--region", "US")
    assert result.exit_code == 0
    assert states(result.stdout)[0] == "requested"
    assert states(result.stdout)[-3:] == ["connected", "wrap_up", "ended"]


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("+12025550101", "The line is busy."),
        ("+12025550102", "Nobody answered."),
        ("+12025550103", "The call was rejected."),
        ("+12025550104", "There is no such number."),
        ("+12025550105", "The network is congested."),
        ("+12025550108", "Your own phone was not answered."),
        ("+12025550111", "MAKE_CALL_FAILED"),
        ("+1202", "PHONE_NUMBER_INVALID"),
        ("911", "PHONE_NUMBER_INVALID"),
    ],
)
def test_a_call_that_reaches_nobody_says_why(number: str, sentence: str, service: RunningService) -> None:
    result = dial(service, number)
    assert result.exit_code == 1
    assert sentence in result.stderr.splitlines()[-1]


def test_a_call_whose_outcome_is_unknown_is_hung_up_by_ctrl_c(service: RunningService) -> None:
    with process("dial", "+12025550109", environment=service.environment("bob")) as dialling:
        line_with(dialling.stdout, "requested")
        dialling.send_signal(signal.SIGINT)
        output, errors = dialling.communicate(timeout=LIMIT)
    assert dialling.returncode == 1
    assert "ended" in output
    assert "Traceback" not in errors


def test_ctrl_c_hangs_up_and_waits_for_the_end(service: RunningService) -> None:
    with process("dial", STAYS, environment=service.environment("bob")) as dialling:
        line_with(dialling.stdout, "connected")
        dialling.send_signal(signal.SIGINT)
        output, errors = dialling.communicate(timeout=LIMIT)
    assert dialling.returncode == 0
    assert "ended" in output
    assert "Connected; ended by the agent." in output
    assert errors == ""


def test_a_dry_run_rings_nobody(service: RunningService) -> None:
    result = dial(service, STAYS, "--dry-run")
    assert result.exit_code == 0
    assert "+12025550100: allow, judged as service." in result.stdout
    assert "agent_ringing" not in result.stdout


def test_the_same_request_id_again_dials_nothing(service: RunningService) -> None:
    press = str(uuid.uuid4())
    assert dial(service, HANGS_UP, "--request-id", press).exit_code == 0
    again = dial(service, HANGS_UP, "--request-id", press, "--json")
    assert again.exit_code == 1
    assert "made before" in again.stderr
    (reply,) = (json.loads(line) for line in again.stdout.splitlines())
    assert reply["message"]["dial"]["replay"] is True


def test_the_same_request_id_for_another_number_is_a_conflict(service: RunningService) -> None:
    press = str(uuid.uuid4())
    assert dial(service, HANGS_UP, "--request-id", press).exit_code == 0
    conflict = dial(service, STAYS, "--request-id", press)
    assert conflict.exit_code == 1
    assert "REQUEST_ID_CONFLICT" in conflict.stderr


def test_the_extension_of_an_agent_who_is_not_logged_in_is_the_one_that_is_named(service: RunningService) -> None:
    assert dial(service, HANGS_UP, "--extension", "2002", user="zoe").exit_code == 0
    other = dial(service, HANGS_UP, "--extension", "3003", user="zoe")
    assert other.exit_code == 0
    assert "extension 2002 rings" in other.stderr


def test_only_agents_dial(service: RunningService) -> None:
    result = dial(service, STAYS, user="sue")
    assert result.exit_code == 1
    assert "NOT_PERMITTED" in result.stderr


def test_a_wrong_password_is_told_in_one_sentence(service: RunningService) -> None:
    result = command("dial", STAYS, environment=service.environment("wrong-guesses", "guess"))
    assert result.exit_code == 1
    assert result.stderr == "manualdial: The login name or the password is wrong.\n"


def test_the_password_may_come_from_standard_input(service: RunningService) -> None:
    environment = service.environment() | {"MANUALDIAL_PASSWORD": ""}
    result = command("dial", STAYS, "--dry-run", "--password-stdin", stdin="guess\n", environment=environment)
    assert result.exit_code == 1
    assert "password is wrong" in result.stderr


def test_where_nobody_listens_is_told_in_one_sentence() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        result = command("dial", STAYS, "--url", url, "--user", "ann", environment={"MANUALDIAL_PASSWORD": "x"})
    assert result.exit_code == 1
    assert result.stderr.startswith(f"manualdial: The service at {url} cannot be reached")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("dial", STAYS), "--user"),
        (("dial", STAYS, "--user", "ann"), "--password-stdin"),
        (("dial", STAYS, "--user", "ann", "--url", "ftp://x"), "http"),
        (("dial",), "NUMBER"),
        (("dial", STAYS, "--password", "x"), "--password"),
    ],
)
def test_what_is_missing_on_the_command_line_is_told(arguments: tuple[str, ...], said: str) -> None:
    result = command(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_what_is_said_of_the_call_reaches_the_screening(service: RunningService) -> None:
    options = ("--purpose", "sales", "--zip", "32401", "--campaign", "spring", "--account", "4711", "--dry-run")
    result = dial(service, "+18505550100", *options, "--json")
    assert result.exit_code == 1
    (reply,) = (json.loads(line) for line in result.stdout.splitlines())
    rules = reply["message"]["dial"]["verdict"]["rules"]
    assert {"do-not-call.campaign", "do-not-call.us-national"} <= {rule["rule"] for rule in rules}
    assert {rule["evidence"]["source"] for rule in rules if "source" in rule["evidence"]} == {"zip-code"}


def test_a_refusal_tells_every_rule_that_is_against_it_and_that_waiting_does_not_help(service: RunningService) -> None:
    result = dial(service, STAYS, "--purpose", "sales")
    assert result.exit_code == 1
    assert "(CALL_REFUSED)" in result.stderr.splitlines()[0]
    assert "do-not-call.us-national: no copy of the registry is held" in result.stderr
    assert "no later moment is known" in result.stderr


def test_a_postal_code_that_is_none_is_pointed_out(service: RunningService) -> None:
    result = dial(service, STAYS, "--zip", "nowhere", "--dry-run")
    assert result.exit_code == 0
    assert "nowhere is no postal code that is known" in result.stderr


def test_of_a_malformed_request_it_is_told_what_is_wrong(service: RunningService) -> None:
    result = dial(service, STAYS, "--campaign", "x" * 1025)
    assert result.exit_code == 1
    assert "MALFORMED_MESSAGE" in result.stderr
    assert "1024" in result.stderr
