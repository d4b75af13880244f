"""The verdicts of the demonstration: what is not as it should be is told."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

import aiohttp
import pytest
from rich.text import Text

from manualdial.client.bus_client import BusClient
from manualdial.client.errors import Unanswered
from manualdial.commands.demo_bus import DemoVerdicts
from manualdial.commands.failure import CommandFailed

CHECK, SET_DNC, DIAL = "CheckPhoneNumber", "SetDNC", "ManualDialCall"


class Service:
    """A service that answers each subtopic with the next of the messages that it was given."""

    close_code = 1000

    def __init__(self, **answers: list[dict[str, Any]]) -> None:
        self._answers = {subtopic: deque(messages) for subtopic, messages in answers.items()}
        self._sent: deque[str] = deque()

    async def send_str(self, text: str) -> None:
        asked = json.loads(text)
        answer = self._answers[asked["subtopic"]].popleft()
        self._sent.append(json.dumps({"message": {"call": {}}, "subtopic": "InboundCallStateChange"}))
        self._sent.append(json.dumps(answer | {"requestId": asked["requestId"]}))

    async def receive(self) -> aiohttp.WSMessage:
        return aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, self._sent.popleft(), None)


def verdict(*blocking: str, until: str | None = "2026-11-25T08:00:00-05:00") -> dict[str, Any]:
    rules = [{"rule": rule, "decision": "block", "reason": "no", "evidence": {}} for rule in blocking]
    rules.append({"rule": "country", "decision": "allow", "reason": "yes", "evidence": {}})
    policy = {"name": "manualdial", "version": "1"}
    told = {"decision": "block" if blocking else "allow", "rules": rules, "overridable": False, "policy": policy}
    return told | ({"nextPermittedAt": until} if blocking and until else {})


def checked(told: dict[str, Any]) -> dict[str, Any]:
    number = {"typed": "+13055550100", "e164": "+13055550100", "region": "US", "type": "fixed_line_or_mobile"}
    return {"subtopic": CHECK, "message": {"dial": {"state": "checked", "number": number, "verdict": told}}}


def refused(told: Any, *, error: str = "CALL_REFUSED") -> dict[str, Any]:
    data = {"errorType": error, "errorMessage": "", "details": {"verdict": told}}
    return {"topic": "Error", "subtopic": "ApiError", "data": data}


NIGHT, LISTED = verdict("calling-hours.us-fl"), verdict("do-not-call.company", until=None)
DONE = {"subtopic": "SetDNCResult", "message": {"response": {"success": True}}}


async def shown(*checks: dict[str, Any], done: dict[str, Any] | None = None, press: dict[str, Any]) -> tuple[str, str]:
    """The lines that were shown, and the sentence about what was not as it should be."""
    answers = {CHECK: [checked(one) for one in checks], SET_DNC: [done or DONE], DIAL: [press]}
    lines: list[str] = []
    socket: Any = Service(**answers)

    def say(text: Text) -> None:
        lines.append(text.plain)

    trouble = ""
    try:
        await DemoVerdicts(BusClient(socket), say).run()
    except CommandFailed as failure:
        trouble = str(failure)
    return "\n".join(lines), trouble


async def test_a_refusal_a_permission_and_a_listed_number_are_shown() -> None:
    told, trouble = await shown(NIGHT, verdict(), press=refused(LISTED))
    assert trouble == ""
    assert "calling-hours.us-fl: no" in told
    assert "next permitted: Wed 2026-11-25 08:00 in America/New_York" in told
    assert "✓ allow" in told
    assert "CALL_REFUSED: ✗ block\n    do-not-call.company: no" in told


@pytest.mark.parametrize(
    ("checks", "done", "press", "trouble"),
    [
        ((verdict(), verdict()), None, refused(LISTED), "calling-hours.us-fl should have decided"),
        ((verdict("country"), verdict()), None, refused(LISTED), "calling-hours.us-fl should have decided"),
        ((verdict("calling-hours.us-fl", until=None), verdict()), None, refused(LISTED), "names no later moment"),
        ((NIGHT, NIGHT), None, refused(LISTED), "every rule should have decided"),
        ((NIGHT, verdict()), {"subtopic": "SetDNCResult", "message": {}}, refused(LISTED), "not put on the list"),
        ((NIGHT, verdict()), None, refused(LISTED, error="OTHER"), "was not refused"),
        ((NIGHT, verdict()), None, refused(NIGHT), "do-not-call.company should have decided"),
    ],
)
async def test_what_is_not_as_it_should_be_is_told(
    checks: tuple[dict[str, Any], ...], done: dict[str, Any] | None, press: dict[str, Any], trouble: str
) -> None:
    assert trouble in (await shown(*checks, done=done, press=press))[1]


async def test_an_answer_without_a_verdict_ends_it() -> None:
    with pytest.raises(Unanswered, match="no verdict"):
        await shown(NIGHT, verdict(), press={"subtopic": DIAL, "message": {}})
