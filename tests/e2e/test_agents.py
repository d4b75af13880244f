"""Agents over the wire: login, states, mute, the grace time (contract §4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.bus_client import BusClient
from tests.support.running_service import RunningService, nothing, press, running_service, state

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOGIN, LOGOUT, SYNC = "Amazon/Agent/Login", "Amazon/Agent/Logout", "Amazon/Agent/StateSync"
LOGGED_OUT = {"loginState": "LoggedOut", "agentInfo": None, "agentState": None, "rules": None}


async def synced(client: BusClient) -> dict[str, Any]:
    return dict((await client.ask(SYNC))["message"])


async def test_login_join_and_logout(service: RunningService) -> None:
    bus, second = await service.bus(), await service.bus()
    assert await synced(bus) == LOGGED_OUT
    login = (await bus.ask(LOGIN, {"extension": 3001}, "Amazon/Agent/LoginSuccess"))["message"]
    assert (login["loginState"], login["agentInfo"]["extension"]) == ("LoggedIn", "3001")
    joined = (await second.ask(LOGIN, {"extension": "9"}, "Amazon/Agent/LoginSuccess"))["message"]
    assert joined["agentInfo"] == login["agentInfo"]
    out = (await bus.ask(LOGOUT, answer="Amazon/Agent/LogoutSuccess"))["message"]
    assert out["loginState"] == "LoggedOut"
    assert await synced(second) == LOGGED_OUT


async def test_a_login_outlives_a_reconnect_and_ends_after_the_grace_time(folder: Path) -> None:
    async with running_service(folder, AGENTS_GRACE="0.2") as service:
        desk = await service.desk()
        await desk.close()
        back = await service.bus()
        assert (await synced(back))["loginState"] == "LoggedIn"
        watching = await service.bus("sue", scope="tenant")
        await back.close()
        await watching.expect("Amazon/Agent/LogoutSuccess")
        assert await synced(await service.bus()) == LOGGED_OUT


async def test_states_are_chosen_and_told_to_all_of_the_agents_applications(service: RunningService) -> None:
    desk, pad = await service.desk(), await service.bus()
    for _ in range(2):
        await desk.ask("Amazon/Agent/UpdateState", {"label": "Available"}, "Amazon/Agent/SetAgentState")
        assert (await pad.expect("Amazon/Agent/SetAgentState"))["message"]["event"] == "Available"
    await desk.ask("Amazon/Agent/SetNotReady", {"ReasonCodeId": 7}, "Amazon/Agent/SetAgentState")
    event = (await pad.expect("Amazon/Agent/SetAgentState"))["message"]
    assert (event["event"], event["data"]["reasonCode"]) == ("Not Ready", {"id": "7"})
    for label, error in (("Asleep", "AGENT_STATE_NOT_FOUND"), ("Busy", "UPDATE_AGENT_STATE_FAILED")):
        desk.send("Amazon/Agent/UpdateState", {"label": label})
        await desk.error(error)
    assert (await synced(desk))["agentState"]["name"] == "Not Ready"


async def test_mute_lasts_for_the_call(service: RunningService) -> None:
    desk = await service.desk()
    call_id = (await press(desk))["callId"]
    await state(desk, call_id, "connected")
    for subtopic, muted in (("Mute", True), ("Unmute", False), ("Mute", True)):
        await desk.ask(f"Amazon/Agent/{subtopic}", answer="Amazon/Agent/SetAgentState")
        assert (await synced(desk))["agentInfo"]["muted"] is muted
    await desk.ask("Amazon/InboundCall/Disconnect")
    assert (await synced(desk))["agentInfo"]["muted"] is False


async def test_roles_keep_to_what_they_may(service: RunningService) -> None:
    desk, sue, ada = await service.desk(), await service.bus("sue"), await service.bus("ada")
    sue.send(LOGIN)
    await sue.error("NOT_PERMITTED")
    sue.send(LOGOUT, {"userId": service.id_of("ann")})
    await sue.error("NOT_PERMITTED")
    await ada.ask(LOGOUT, {"userId": service.id_of("ann")}, "Amazon/Agent/LogoutSuccess")
    await desk.expect("Amazon/Agent/LogoutSuccess")
    assert await synced(desk) == LOGGED_OUT


async def test_app_state_sync_needs_no_login(service: RunningService) -> None:
    bus = await service.bus("ian")
    assert (await bus.ask("Amazon/App/StateSync"))["message"] == {"initState": "Loaded"}
    assert await nothing(bus) == []
