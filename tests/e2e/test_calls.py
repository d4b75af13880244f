"""A call over the wire, from the press to the end of the wrap-up (contract §3)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.support.bus_client import BusClient, address_of, is_error
from tests.support.running_service import (
    CHANGE,
    DIAL,
    RunningService,
    changes,
    finish,
    nothing,
    number,
    press,
    running_service,
    state,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROW = (
    "requested", "agent_ringing", "agent_answered", "dialing", "progress", "ringing", "connected", "wrap_up", "ended",
)  # fmt: skip


def states(client: BusClient, call_id: str) -> list[str]:
    """The states of a call as a whole, in the order in which they were told."""
    return [name for name, _ in itertools.groupby(call["dial"]["state"] for call in changes(client, call_id))]


@pytest.mark.parametrize("which", [0, 7, 10])
async def test_states_come_in_order_each_once_for_a_leg(service: RunningService, which: int) -> None:
    desk = await service.desk()
    call_id = (await press(desk, number(which)))["callId"]
    await state(desk, call_id, "connected")
    await finish(desk, call_id)
    await nothing(desk)
    told = [(call["CallType"], call["dial"]["state"]) for call in changes(desk, call_id)]
    assert len(told) == len(set(told))
    got = states(desk, call_id)
    assert got == sorted(got, key=ROW.index)
    assert (got[0], got[-2:]) == ("requested", ["wrap_up", "ended"])
    assert {"agent_ringing", "agent_answered", "dialing", "connected"} <= set(got)
    assert which != 7 or "progress" in got
    assert {call["dial"]["leg"]: call["CallType"] for call in changes(desk, call_id)} == {
        "agent": "agent",
        "customer": "outbound",
    }
    assert len({call["id"] for call in changes(desk, call_id)}) == 2


@pytest.mark.parametrize(
    ("which", "by", "cause"),
    [
        (1, "customer", "busy"), (2, "customer", "no_answer"), (3, "customer", "rejected"),
        (4, "network", "invalid_number"), (5, "network", "congestion"), (6, "customer", "normal"),
    ],
)  # fmt: skip
async def test_every_way_to_end_is_told_with_wrap_up_and_ended(
    service: RunningService, which: int, by: str, cause: str
) -> None:
    desk = await service.desk()
    call_id = (await press(desk, number(which)))["callId"]
    ending = (await state(desk, call_id, "wrap_up"))["ending"]
    assert (ending["by"], ending["cause"]) == (by, cause)
    await desk.ask("Amazon/InboundCall/ClearContact", call_id)
    ended = await state(desk, call_id, "ended")
    assert (ended["ending"], ended["allowedActions"]) == (ending, [])


async def test_a_customer_is_not_rung_where_the_agent_does_not_answer(service: RunningService) -> None:
    desk = await service.desk()
    call_id = (await press(desk, number(8)))["callId"]
    ended = await state(desk, call_id, "ended")
    assert (ended["ending"]["by"], ended["ending"]["cause"]) == ("agent", "no_answer")
    assert states(desk, call_id) == ["requested", "agent_ringing", "ended"]
    assert changes(desk, call_id)[-1]["event"] == "missed"


async def test_an_agent_controls_the_call(service: RunningService) -> None:
    desk = await service.desk()
    call_id = (await press(desk))["callId"]
    await state(desk, call_id, "connected")

    async def asked(name: str, data: Any = None) -> dict[str, Any]:
        reply = await desk.ask(f"Amazon/InboundCall/{name}", data)
        assert not is_error(reply), reply
        assert reply["message"]["success"] is True
        return dict(reply["message"]["dial"])

    assert (await asked("Hold", call_id))["allowedActions"] == ["disconnect", "resume"]
    desk.send("Amazon/InboundCall/Hold")
    assert (await desk.error("ACTION_NOT_ALLOWED"))["data"]["details"]["state"] == "held"
    assert (await asked("Resume"))["state"] == "connected"
    assert (await asked("SendDTMF", "12#"))["state"] == "connected"
    desk.send("Amazon/InboundCall/SendDTMF", "12q")
    await desk.error("SEND_DTMF_FAILED")
    assert (await asked("Disconnect"))["allowedActions"] == ["clear_contact"]
    assert (await asked("ClearContact"))["state"] == "ended"
    desk.send("Amazon/InboundCall/Disconnect")
    await desk.error("NO_SUCH_CALL")


async def test_a_control_request_without_request_id_is_answered_by_its_event(service: RunningService) -> None:
    desk = await service.desk()
    call_id = (await press(desk))["callId"]
    await state(desk, call_id, "connected")
    desk.seen.clear()
    desk.send("Amazon/InboundCall/Hold")
    event = await desk.receive()
    assert (address_of(event), event["message"]["call"]["dial"]["state"]) == (CHANGE, "held")
    assert await nothing(desk) == []


@pytest.mark.parametrize("data", [number(0), {"PhoneNumber": number(0)}])
async def test_set_make_call_makes_a_call_in_both_of_its_forms(service: RunningService, data: Any) -> None:
    desk = await service.desk()
    desk.send("Amazon/InboundCall/SetMakeCall", data)
    event = await desk.receive()
    call_id = event["message"]["call"]["dial"]["callId"]
    assert (address_of(event), event["message"]["call"]["event"]) == (CHANGE, "connecting")
    await state(desk, call_id, "connected")


async def test_a_call_of_another_agent_is_out_of_reach(service: RunningService) -> None:
    ann, bob, zoe = await service.desk(), await service.desk("bob"), await service.desk("zoe")
    call_id = (await press(ann))["callId"]
    await state(ann, call_id, "connected")
    for other in (bob, zoe):
        for subtopic in ("Disconnect", "Hold", "ClearContact"):
            other.send(f"Amazon/InboundCall/{subtopic}", call_id)
            await other.error("NO_SUCH_CALL")
    sync = await ann.ask("Amazon/InboundCall/StateSync")
    assert [call["dial"]["state"] for call in sync["message"]["calls"]] == ["connected"]


async def test_the_next_dial_ends_the_wrap_up_and_the_agent_is_as_before_the_first(service: RunningService) -> None:
    desk = await service.desk()
    await desk.ask("Amazon/Agent/UpdateState", {"label": "Available"}, "Amazon/Agent/SetAgentState")
    desk.seen.clear()
    first = (await press(desk, number(1)))["callId"]
    await state(desk, first, "wrap_up")
    second = (await press(desk, number(4)))["callId"]
    await state(desk, first, "ended")
    await state(desk, second, "wrap_up")
    await desk.ask("Amazon/InboundCall/ClearContact", second)
    await nothing(desk)
    told = [m["message"]["event"] for m in desk.seen if address_of(m) == "Amazon/Agent/SetAgentState"]
    assert told == ["Busy", "After Call Work", "Busy", "After Call Work", "Available"]


async def test_a_configured_wrap_up_time_ends_the_wrap_up(folder: Any) -> None:
    async with running_service(folder, DIALING_WRAP_UP="0.05") as service:
        desk = await service.desk()
        call_id = (await press(desk, number(1)))["callId"]
        await state(desk, call_id, "ended")
        assert states(desk, call_id)[-2:] == ["wrap_up", "ended"]


async def test_extension_and_caller_id_are_part_of_the_call(folder: Any) -> None:
    async with running_service(folder, DIALING_CALLER_IDS="+12025550199") as service:
        desk = await service.desk()
        desk.send(DIAL, {"PhoneNumber": number(0), "CallerID": "+12025550198"})
        await desk.error("NOT_PERMITTED")
        dial = await press(desk, f"{number(0)} x77", CallerID="+12025550199", CampaignID=7)
        assert dial["number"]["extension"] == "77"
        record = (await service.get(f"/v1/calls/{dial['callId']}")).json()
        assert (record["callerID"], record["campaignID"], record["number"]["extension"]) == ("+12025550199", "7", "77")
