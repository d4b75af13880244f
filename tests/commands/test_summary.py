"""A message in one line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manualdial.commands.summary import address_line, summary

TEXTS = st.text(max_size=8)
FLAT = st.none() | st.booleans() | st.integers() | TEXTS
ANYTHING = FLAT | st.lists(FLAT, max_size=3) | st.dictionaries(TEXTS, FLAT | st.lists(FLAT, max_size=2), max_size=3)
KEYS = st.sampled_from(["channel", "topic", "subtopic", "message", "data", "requestId", "meta"])
NAMES = st.sampled_from(
    ["Error", "ApiError", "InboundCallStateChange", "SetAgentState", "ManualDialCall", "LoginSuccess", "SetLocation"]
)
BLOCKED = {
    "decision": "block",
    "rules": [{"rule": "own-line", "decision": "allow"}, {"rule": "calling-hours.us-fl", "decision": "block"}],
    "nextPermittedAt": "2026-11-25T13:00:00+00:00",
}
CHECKED = {"state": "checked", "number": {"e164": "+1"}, "purpose": "sales", "verdict": BLOCKED}


@given(st.dictionaries(KEYS, ANYTHING | NAMES))
def test_whatever_applications_send_is_one_line_that_steers_no_terminal(message: dict[str, Any]) -> None:
    line = address_line(message).plain + summary(message).plain
    assert line.isprintable()


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ({"subtopic": "ManualDialCall", "data": {"PhoneNumber": "+1"}}, "request  +1"),
        ({"subtopic": "SetMakeCall", "data": "+1"}, "request  +1"),
        ({"subtopic": "ManualDialCall", "message": {"data": {"PhoneNumber": "+1"}}}, "reply    +1"),
        ({"subtopic": "SetAgentState", "message": {"event": "Busy"}}, "agent    Busy"),
        ({"topic": "Error", "subtopic": "ApiError", "data": {"errorType": "A", "errorMessage": "b"}}, "A: b"),
        ({"subtopic": "CheckPhoneNumber", "data": {"PhoneNumber": "+1"}}, "request  +1"),
        (
            {"subtopic": "CheckPhoneNumber", "message": {"dial": CHECKED}},
            "reply    +1 block (sales) (calling-hours.us-fl) (permitted from 2026-11-25T13:00:00+00:00 on)",
        ),
        ({"subtopic": "Note", "data": {"text": "one\ntwo"}}, "text: one·two"),
    ],
)
def test_what_matters_is_told(message: dict[str, Any], line: str) -> None:
    assert summary(message).plain == line
