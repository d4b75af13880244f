"""Many checks at once, and requests about numbers that hold what nobody expects (contract §5)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manualdial.errors import ManualDialError
from manualdial.law.facts import ScreeningSettings
from manualdial.wire.messages.dial import DialChecked
from manualdial.wire.messages.screening import MAX_CHECKS
from tests.support.answers import check_answer
from tests.support.core import Core, Desk, running_core
from tests.support.json_values import objects_or_others
from tests.support.people import ANN

CHECK = "LCM/Webservice/CheckPhoneNumber"
SET_DNC = "LCM/Webservice/SetDNC"
SET_LOCATION = "LCM/Webservice/SetLocation"
MIAMI = "+13055550100"
NOON = "2026-03-10T12:00:00-04:00"
EARLY = "2026-03-10T07:59:59-04:00"


def decisions(judged: Any) -> list[str]:
    """What became of each entry: the decision, or the type of the error."""
    return [one.error_type if isinstance(one, ManualDialError) else one.verdict.decision for one in judged]


async def test_a_thousand_numbers_are_judged_in_order_with_the_bad_ones_among_them(core: Core, desk: Desk) -> None:
    await desk.ask(SET_DNC, {"PhoneNumber": "+13055550107"})
    kinds: tuple[Any, ...] = (
        {"PhoneNumber": MIAMI},
        {"PhoneNumber": "911"},
        "no object",
        {"PhoneNumber": "+13055550107"},
        {},
    )
    asked = [kinds[index % len(kinds)] for index in range(MAX_CHECKS)]
    judged = await core.screening.check_all(ANN, asked)
    one_round = ["allow", "PHONE_NUMBER_INVALID", "MALFORMED_MESSAGE", "block", "PHONE_NUMBER_MISSING"]
    assert decisions(judged) == one_round * (MAX_CHECKS // len(kinds))


async def test_others_have_their_turn_while_a_thousand_numbers_are_judged(core: Core) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    await core.screening.check_all(ANN, [{"PhoneNumber": MIAMI}] * MAX_CHECKS)
    counting.cancel()
    assert turns >= 5


async def test_more_than_a_thousand_numbers_are_refused(core: Core) -> None:
    with pytest.raises(ManualDialError) as refused:
        await core.screening.check_all(ANN, [{"PhoneNumber": MIAMI}] * (MAX_CHECKS + 1))
    assert (refused.value.error_type, refused.value.details) == ("MALFORMED_MESSAGE", {"path": "checks"})


async def test_no_numbers_ask_nobody(core: Core) -> None:
    core.store.unavailable = True
    assert await core.screening.check_all(ANN, []) == []
    assert decisions(await core.screening.check_all(ANN, [{}])) == ["PHONE_NUMBER_MISSING"]


async def test_each_entry_has_its_own_moment(core: Core) -> None:
    entries = [{"PhoneNumber": MIAMI, "Purpose": "sales", "At": at} for at in (NOON, EARLY, "never")]
    judged = await core.screening.check_all(ANN, entries)
    assert decisions(judged) == ["allow", "block", "MALFORMED_MESSAGE"]


async def test_without_the_database_every_number_is_blocked(core: Core) -> None:
    core.store.unavailable = True
    (judged,) = await core.screening.check_all(ANN, [{"PhoneNumber": MIAMI}])
    assert isinstance(judged, DialChecked)
    assert [rule.rule for rule in judged.verdict.rules if rule.decision == "block"] == ["screening-unavailable"]


async def test_what_a_tenant_has_decided_counts_in_checks(core: Core) -> None:
    async with running_core(screening=ScreeningSettings(registries=frozenset(), countries=frozenset({"GB"}))) as other:
        judged = await other.screening.check_all(ANN, [{"PhoneNumber": MIAMI}, {"PhoneNumber": "+442079460000"}])
        assert decisions(judged) == ["block", "allow"]


# ── what nobody expects ─────────────────────────────────────────────────────────────────────────────────────────────

KEYS = (
    "PhoneNumber", "Region", "CampaignID", "AccountNumber", "Purpose", "Entry", "ZipCode", "Overrides", "At", "DryRun",
    "Reason", "Scope", "Jurisdiction", "TimeZone", "CallerID",
)  # fmt: skip


@pytest.mark.parametrize("address", [CHECK, SET_DNC, SET_LOCATION])
@given(data=st.data())
async def test_whatever_the_data_are_there_is_an_answer_and_no_fault(address: str, data: st.DataObject) -> None:
    async with running_core() as core:
        desk = await core.desk()
        sent = data.draw(objects_or_others(*KEYS))
        if isinstance(sent, dict) and data.draw(st.booleans()):
            sent = {"PhoneNumber": MIAMI} | sent
        answer = await desk.ask(address, sent)
        check_answer(answer)


@given(entries=st.lists(objects_or_others(*KEYS), max_size=5))
async def test_whatever_an_entry_is_it_has_its_verdict_or_error(entries: list[Any]) -> None:
    async with running_core() as core:
        judged = await core.screening.check_all(ANN, entries)
        assert len(judged) == len(entries)
        assert "INTERNAL_ERROR" not in decisions(judged)


@pytest.mark.parametrize(
    "text",
    [
        '{"PhoneNumber": NaN}', '{"PhoneNumber": ' + "[" * 5000 + "]" * 5000 + "}", '{"ZipCode": 1e400}',
        '{"At": "\\ud800"}', '{"PhoneNumber": "\\ud800"}', '{"Overrides": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"PhoneNumber": "+13055550100", "Overrides": [{"rule": {}, "reason": []}]}',
        '{"PhoneNumber": "+13055550100", "CampaignID": -9223372036854775809}',
        '{"PhoneNumber": "+13055550100", "CampaignID": 0.5}', '{"PhoneNumber": "' + "9" * 64_000 + '"}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("address", [CHECK, SET_DNC, SET_LOCATION])
async def test_json_that_is_made_to_hurt_is_an_api_error(desk: Desk, address: str, text: str) -> None:
    channel, topic, subtopic = address.split("/")
    frame = json.dumps({"channel": channel, "topic": topic, "subtopic": subtopic})
    answer = await desk.send(frame[:-1] + f', "data": {text}}}')
    assert answer is not None
    check_answer(answer)
    assert answer["subtopic"] == "ApiError" or address == SET_DNC
