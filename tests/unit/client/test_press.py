"""One press, as far as its messages have come."""

from __future__ import annotations

from typing import Any

import pytest

from manualdial.client.press import FollowedPress, press_data


def answered(**dial: Any) -> FollowedPress:
    press = FollowedPress("press-1")
    assert press.take({"requestId": "press-1", "message": {"dial": dial}})
    return press


def refused(**error: Any) -> FollowedPress:
    press = FollowedPress("press-1")
    assert press.take({"requestId": "press-1", "topic": "Error", "subtopic": "ApiError", "data": error})
    return press


def test_what_is_left_out_is_not_sent() -> None:
    assert press_data("+1") == {"PhoneNumber": "+1"}
    assert press_data("+1", region="", purpose="service", dry_run=True) == {
        "PhoneNumber": "+1",
        "Purpose": "service",
        "DryRun": True,
    }


@pytest.mark.parametrize(
    ("purpose", "told"), [({"purpose": "sales"}, "+1: block, judged as sales."), ({}, "+1: block.")]
)
def test_a_dry_run_tells_as_what_it_was_judged(purpose: dict[str, str], told: str) -> None:
    press = answered(state="checked", number={"e164": "+1"}, verdict={"decision": "block"}, **purpose)
    assert (press.outcome(), press.is_good, press.is_over) == (told, False, True)


def test_what_is_wrong_with_a_request_is_told_of_faults_of_the_request_alone() -> None:
    said = {"msg": "No.", "errorMessage": "Purpose is one of sales"}
    assert (
        refused(errorType="MALFORMED_MESSAGE", **said).outcome() == "No. (MALFORMED_MESSAGE) Purpose is one of sales."
    )
    assert refused(errorType="NOT_PERMITTED", **said).outcome().endswith("Purpose is one of sales.")
    assert refused(errorType="CALL_REFUSED", **said).outcome() == "No. (CALL_REFUSED)"
