"""dial: what the data of a press mean, and what names it (contract §2)."""

from __future__ import annotations

from typing import Any

import pytest

from manualdial.callers import Caller
from manualdial.dialing.press import Press
from manualdial.errors import MalformedMessage, NotPermitted
from manualdial.law import Purpose
from manualdial.requests.dial import press_of
from manualdial.requests.request import Request
from manualdial.screening.tenants import TenantSettings
from manualdial.wire.envelope import Address, read
from manualdial.wire.messages.dial import Dial
from tests.support.moved_clock import MovedClock
from tests.support.people import ANN, a_caller, a_session
from tests.support.recording_connection import RecordingConnection

SETTINGS = TenantSettings(purpose=Purpose.SERVICE, caller_ids=frozenset({"+12025550199"}))


def a_press(
    data: dict[str, Any],
    *,
    channel: str = "LCM",
    request_id: str | int | None = "r",
    caller: Caller = ANN,
    settings: TenantSettings = SETTINGS,
    **session: Any,
) -> Press:
    address = Address(channel, "InboundCall", "ManualDialCall")
    key = None if request_id is None else str(request_id)
    connection = RecordingConnection(caller=caller)
    request = Request(address=address, request_id=request_id, key=key, connection=connection, caller=caller)
    return press_of(
        request,
        read({"PhoneNumber": "+12025550100"} | data, Dial),
        session=a_session(**session),
        settings=settings,
        clock=MovedClock(),
    )


def test_the_same_data_have_the_same_digest_however_their_keys_are_spelt_and_sorted() -> None:
    one = a_press({"CampaignID": "7", "Region": "US", "DryRun": "true"})
    two = a_press({"dryrun": True, "region": "US", "campaignid": "7", "unknown": 1})
    assert one.digest == two.digest


@pytest.mark.parametrize(
    "other",
    [
        {"PhoneNumber": "+1 2025550100"}, {"Region": "US"}, {"CampaignID": "7"}, {"AccountNumber": "7"}, {"ZipCode": 7},
        {"Purpose": "survey"}, {"Entry": "typed"}, {"CallerID": "+12025550199"}, {"DryRun": True},
        {"Overrides": [{"rule": "a", "reason": "b"}]}, {"Overrides": []},
    ],
)  # fmt: skip
def test_whatever_differs_in_the_data_differs_in_the_digest(other: dict[str, Any]) -> None:
    assert a_press(other).digest != a_press({}).digest


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        ({}, "13d6051256beb8b031973c3caaff2985f3a40f095a6873b6c9cc6181138371e1"),
        (
            {"Region": "US", "CampaignID": 7, "AccountNumber": "A-1", "Purpose": "sales", "Entry": "typed"},
            "8a8b18c0241f3f89d48d88c2f5d527c5f8aa699d899aeff64cf08e57c1e48fa2",
        ),
        (
            {"CallerID": "+12025550199", "ZipCode": "00501", "Overrides": [{"rule": "a", "reason": "b"}]},
            "13843dd954731e3d7eef03f87c94814acd52b2ba67de0b88e54d7f48adeeaf23",
        ),
    ],
)
def test_the_digest_of_the_presses_in_a_journal_is_still_that_of_their_data(data: dict[str, Any], digest: str) -> None:
    assert a_press(data).digest == digest


def test_a_key_that_is_null_is_a_key_that_is_not_there() -> None:
    assert a_press({"Region": None, "CampaignID": None}).digest == a_press({}).digest


def test_events_go_out_on_the_connector_of_the_press_or_over_lcm_on_that_of_the_login() -> None:
    assert a_press({}, connector="Simulator").connector == "Simulator"
    assert a_press({}, channel="Amazon", connector="Simulator").connector == "Amazon"


def test_a_request_id_is_a_text_from_here_on() -> None:
    assert a_press({}, request_id=4711).request_id == "4711"
    assert a_press({}, request_id=None).request_id is None


@pytest.mark.parametrize(("purpose", "read_as"), [("sales", Purpose.SALES), (" Survey ", Purpose.SURVEY)])
def test_a_purpose_is_read_whatever_its_case(purpose: str, read_as: Purpose) -> None:
    assert a_press({"Purpose": purpose}).question.purpose is read_as


def test_without_a_purpose_the_configured_one_applies() -> None:
    assert a_press({}).question.purpose is Purpose.SERVICE


@pytest.mark.parametrize("purpose", ["", "fun", "sales,service"])
def test_an_unknown_purpose_is_malformed(purpose: str) -> None:
    with pytest.raises(MalformedMessage):
        a_press({"Purpose": purpose})


def test_a_purpose_that_the_operator_left_out_cannot_be_named() -> None:
    settings = TenantSettings(purpose=Purpose.SALES, purposes=frozenset({Purpose.SALES, Purpose.SURVEY}))
    assert a_press({"Purpose": "survey"}, settings=settings).question.purpose is Purpose.SURVEY
    with pytest.raises(NotPermitted):
        a_press({"Purpose": "service"}, settings=settings)


def test_only_a_permitted_caller_id_is_shown() -> None:
    assert a_press({"CallerID": "+12025550199"}).caller_id == "+12025550199"
    for other in ("+12025550198", "", "+1 202 555 0199"):
        with pytest.raises(NotPermitted) as refused:
            a_press({"CallerID": other})
        assert "5550198" not in refused.value.message


def test_an_agent_with_caller_ids_of_their_own_shows_no_other() -> None:
    assert a_press({"CallerID": "+12025550199"}, caller=a_caller(caller_ids=("+12025550199",))).caller_id
    for own in ((), ("+12025550198",)):
        with pytest.raises(NotPermitted):
            a_press({"CallerID": "+12025550199"}, caller=a_caller(caller_ids=own))


def test_the_screening_is_asked_about_all_that_the_press_says() -> None:
    said = {"CampaignID": 7, "AccountNumber": 8, "ZipCode": "20500", "Entry": "typed", "Purpose": "sales"}
    question = a_press(said | {"Overrides": [{"rule": "calling-hours", "reason": "asked for"}]}).question
    assert (question.campaign_id, question.account_number, question.zip_code) == ("7", "8", "20500")
    assert (question.entry, question.purpose) == ("typed", Purpose.SALES)
    assert [(wish.rule, wish.reason) for wish in question.overrides] == [("calling-hours", "asked for")]


@pytest.mark.parametrize(
    ("extension", "own"),
    [
        ("2001", None),
        ("+12025550111", "+12025550111"),
        ("2025550111", "+12025550111"),
        ("ann.smith", None),
        ("911", None),
    ],
)
def test_the_own_line_is_known_where_the_extension_is_a_number(extension: str, own: str | None) -> None:
    assert a_press({}, extension=extension).question.own_number == own
