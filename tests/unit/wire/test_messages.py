"""messages: the data of requests, read as the contract allows it to be written (contract §1)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manualdial.calls import Action, CallState, allowed_actions
from manualdial.errors import MalformedMessage
from manualdial.wire import messages
from manualdial.wire.envelope import read
from manualdial.wire.messages.agents import Login, UpdateState
from manualdial.wire.messages.bus import Register, Subscriptions
from manualdial.wire.messages.calls import CallReference, Digits
from manualdial.wire.messages.dial import AllowedAction, Dial, Override
from manualdial.wire.messages.incoming import Incoming, NoData
from tests.support.json_values import objects_or_others


def below(kind: type[Incoming]) -> Iterator[type[Incoming]]:
    """Every `data`, and every part of one."""
    for one in kind.__subclasses__():
        yield one
        yield from below(one)


REQUESTS = [kind for kind in below(Incoming) if kind.__module__.startswith(messages.__name__)]


def outcome(data: Any, kind: type[Incoming]) -> Incoming | MalformedMessage:
    """What was read, or why not."""
    try:
        return read(data, kind)
    except MalformedMessage as refused:
        return refused


def test_keys_are_read_whatever_their_case_and_unknown_ones_are_ignored() -> None:
    data = read({"phonenumber": "1", "REGION": "US", "zipCODE": 7, "Other": {"a": 1}}, Dial)
    assert (data.phone_number, data.region, data.zip_code) == ("1", "US", 7)


def test_keys_inside_lists_are_read_whatever_their_case_too() -> None:
    data = read({"overrides": [{"RULE": "calling-hours", "Reason": "asked", "x": 1}]}, Dial)
    assert data.overrides == [Override(rule="calling-hours", reason="asked")]


@pytest.mark.parametrize("keys", [("PhoneNumber", "phonenumber"), ("phonenumber", "PhoneNumber")])
def test_of_two_spellings_the_exact_one_counts(keys: tuple[str, str]) -> None:
    assert read({key: key for key in keys}, Dial).phone_number == "PhoneNumber"


@pytest.mark.parametrize(("flag", "read_as"), [(True, True), ("true", True), (False, False), ("false", False)])
def test_a_flag_may_be_the_word(flag: Any, read_as: bool) -> None:
    assert read({"DryRun": flag}, Dial).dry_run is read_as
    assert read({"stream": flag}, Register).stream is read_as


@pytest.mark.parametrize("flag", ["yes", 7, 1.5, [], {}, ""])
def test_what_is_no_flag_is_malformed(flag: Any) -> None:
    with pytest.raises(MalformedMessage) as refused:
        read({"DryRun": flag}, Dial)
    assert refused.value.details == {"path": "data.DryRun"}


@pytest.mark.parametrize("identifier", ["7", 7, "null", "true", 2**63 - 1, ""])
def test_an_id_is_a_text_or_a_number_and_stays_what_it_is(identifier: Any) -> None:
    data = read({"CampaignID": identifier, "AccountNumber": identifier}, Dial)
    assert (data.campaign_id, data.account_number) == (identifier, identifier)


@pytest.mark.parametrize("identifier", [True, 1.5, [], {}, 2**63, 10**300, "x" * 2000])
def test_what_cannot_be_an_id_is_malformed_and_its_place_is_told(identifier: Any) -> None:
    with pytest.raises(MalformedMessage) as refused:
        read({"CampaignID": identifier}, Dial)
    assert refused.value.details == {"path": "data.CampaignID"}


def test_the_place_of_a_fault_inside_a_list_is_told() -> None:
    with pytest.raises(MalformedMessage) as refused:
        read({"subscriptions": ["*/*/*", 7]}, Subscriptions)
    assert str(refused.value.details["path"]).startswith("data.subscriptions[")


def test_no_data_is_an_empty_object() -> None:
    assert read(None, Login) == Login()
    with pytest.raises(MalformedMessage):
        read(None, Subscriptions)


@pytest.mark.parametrize(
    ("bare", "kind", "read_as"),
    [
        ("+12025550100", Dial, Dial(phone_number="+12025550100")),
        (2025550100, Dial, Dial(phone_number=2025550100)),
        ("", Dial, Dial()),
        ("c-1", CallReference, CallReference(call_id="c-1")),
        (7, CallReference, CallReference(call_id=7)),
        ("", CallReference, CallReference()),
        ("12#", Digits, Digits(digits="12#")),
        (12, Digits, Digits(digits=12)),
    ],
)
def test_where_a_bare_value_makes_sense_it_is_read(bare: Any, kind: type[Incoming], read_as: Incoming) -> None:
    assert read(bare, kind) == read_as


@pytest.mark.parametrize("kind", [Login, Register, UpdateState, Subscriptions])
@pytest.mark.parametrize("data", ["text", 7, True, [], [1], 1.5])
def test_where_an_object_is_needed_nothing_else_is_taken(data: Any, kind: type[Incoming]) -> None:
    with pytest.raises(MalformedMessage):
        read(data, kind)


@pytest.mark.parametrize("data", ["text", 7, True, [], {"a": 1}])
def test_a_request_without_data_ignores_whatever_it_is_given(data: Any) -> None:
    assert read(data, NoData) == NoData()


@pytest.mark.parametrize("depth", [300, 450, 500, 700, 900])
@pytest.mark.parametrize("key", ["PhoneNumber", "Overrides", "Region", "Other"])
def test_deep_nesting_is_read_or_malformed(depth: int, key: str) -> None:
    deep: Any = "x"
    for _ in range(depth):
        deep = [deep]
    got = outcome({key: deep}, Dial)
    assert isinstance(got, Dial | MalformedMessage)
    assert key != "Other" or got == Dial() or str(got) == "nested too deeply"


@pytest.mark.parametrize("kind", REQUESTS, ids=lambda kind: kind.__name__)
@settings(max_examples=25)
@given(data=st.data())
def test_any_json_is_read_or_malformed(kind: type[Incoming], data: st.DataObject) -> None:
    names = [field.encode_name for field in msgspec.structs.fields(kind)]
    given_data = data.draw(objects_or_others(*names))
    got = outcome(given_data, kind)
    if isinstance(got, MalformedMessage):
        assert set(got.details) <= {"path"}
        return
    assert type(got) is kind
    if isinstance(got, Dial):  # a number may be anything until it is read as a number
        got = msgspec.structs.replace(got, phone_number=None)
    json.loads(msgspec.json.encode(got))


def test_the_text_of_a_fault_tells_no_value() -> None:
    for kind in REQUESTS:
        for field in msgspec.structs.fields(kind):
            for value in ("+12025550100" * 100, ["+12025550100"], {"+12025550100": 1}):
                got = outcome({field.encode_name: value}, kind)
                if isinstance(got, MalformedMessage):
                    assert "2025550100" not in f"{got.message} {got.details}"


def test_the_schema_lists_just_the_actions_that_some_state_of_a_call_allows() -> None:
    told = get_args(get_args(AllowedAction)[1].extra["is"])

    assert set(told) == {action.value for state in CallState for action in allowed_actions(state, frozenset(Action))}
