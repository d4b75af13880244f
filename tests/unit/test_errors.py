"""errors: what a caller of the service can be told."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from manualdial import errors
from manualdial.errors import ActionNotAllowed, ControlFailed, HoldCallFailed, ManualDialError


def kinds(root: type[ManualDialError] = ManualDialError) -> Iterator[type[ManualDialError]]:
    for kind in root.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
            yield from kinds(kind)


KINDS = [kind for kind in kinds() if kind is not ControlFailed]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_has_a_type_of_its_own_and_a_sentence_for_the_agent(kind: type[ManualDialError]) -> None:
    error = kind("for developers")
    assert re.fullmatch(r"[A-Z]+(_[A-Z]+)+", error.error_type)
    assert [other for other in KINDS if other.error_type == kind.error_type] == [kind]
    assert re.fullmatch(r"[A-Z][^\n]+[.]", error.user_message)
    assert (error.message, dict(error.details)) == ("for developers", {})
    assert isinstance(error.retryable, bool)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_page_at_the_top_lists_every_error(kind: type[ManualDialError]) -> None:
    assert f"{kind.__name__} " in (errors.__doc__ or "")
    assert f" {kind.error_type}" in (errors.__doc__ or "")


def test_the_contracts_errors_of_dialling_are_all_there() -> None:
    types = {kind.error_type for kind in KINDS}
    assert types >= {
        "AGENT_NOT_LOGGED_IN", "PHONE_NUMBER_MISSING", "PHONE_NUMBER_INVALID", "CALL_REFUSED", "CALL_IN_PROGRESS",
        "REQUEST_ID_CONFLICT", "MAKE_CALL_FAILED", "CALL_OUTCOME_UNKNOWN", "NO_SUCH_CALL", "ACTION_NOT_ALLOWED",
        "UPDATE_AGENT_STATE_FAILED", "AGENT_STATE_NOT_FOUND", "MALFORMED_MESSAGE", "UNKNOWN_ADDRESS", "NOT_REGISTERED",
        "NOT_PERMITTED",
    }  # fmt: skip


def test_an_error_may_say_in_its_place_what_its_kind_does_not_know() -> None:
    error = ActionNotAllowed("m", details={"state": "held"}, sentence="Not now.", retryable=True)
    assert (error.user_message, error.retryable, error.details["state"]) == ("Not now.", True, "held")
    assert ActionNotAllowed("m").retryable is False


def test_a_control_request_that_failed_may_be_sent_again() -> None:
    error = HoldCallFailed("the engine refused")
    assert (error.error_type, error.retryable) == ("HOLD_CALL_FAILED", True)
    assert isinstance(error, ControlFailed)
