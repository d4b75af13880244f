"""agents: what an application can ask about its agent (contract §4)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from manualdial.callers import Caller
from manualdial.ports import EngineRefused, EngineSilent, EngineUnavailable
from tests.support.core import Core, Desk, error_type
from tests.support.people import ADA, ANN, BOB, SUE, ZOE

BUTTONS = {"NotReady", "Ready", "make_call", "mute", "unmute"}


async def test_app_state_sync_needs_no_login(core: Core) -> None:
    answer = await (await core.connection(SUE)).ask("Simulator/App/StateSync", request_id=4711)
    assert answer == {
        "channel": "Simulator",
        "topic": "App",
        "subtopic": "StateSync",
        "message": {"initState": "Loaded"},
        "requestId": 4711,
    }


async def test_login_success_tells_who_is_logged_in_and_in_which_state(core: Core) -> None:
    answer = await (await core.connection()).ask("Amazon/Agent/Login")
    assert (answer["channel"], answer["subtopic"]) == ("Amazon", "LoginSuccess")
    message = answer["message"]
    assert message["loginState"] == "LoggedIn"
    assert message["agentInfo"] == {
        "name": "Ann", "id": "u-ann", "extension": "2001", "loginName": "ann", "muted": False, "softphoneEnabled": True,
    }  # fmt: skip
    assert message["agentState"] == {
        "agentStateARN": None, "type": "not_routable", "name": "Not Ready",
        "startTimestamp": "2026-03-02T15:00:00.000Z",
    }  # fmt: skip
    assert set(message["rules"]) == {"ButtonStates", "ResponseActual"}
    assert set(message["rules"]["ButtonStates"]["items"]) == BUTTONS
    assert message["rules"]["ButtonStates"]["count"] == 5
    assert set(message["rules"]["ButtonStates"]["items"].values()) <= {"Enable", "Hide"}


@pytest.mark.parametrize(("extension", "used"), [("3001", "3001"), (3001, "3001"), (None, "2001"), ("", "2001")])
async def test_a_login_may_name_its_extension(core: Core, extension: Any, used: str) -> None:
    answer = await (await core.connection()).ask("Amazon/Agent/Login", {"Extension": extension})
    assert answer["message"]["agentInfo"]["extension"] == used


@pytest.mark.parametrize("extension", ["a b", "PJSIP/9", "1&SIP/2", "x" * 65, "1\n2", "{", "../..", "a@b", "²"])
async def test_an_extension_that_could_mean_something_else_to_an_engine_is_refused(core: Core, extension: str) -> None:
    answer = await (await core.connection()).ask("Amazon/Agent/Login", {"extension": extension})
    assert (error_type(answer), answer["data"]["details"]) == ("MALFORMED_MESSAGE", {"path": "data.extension"})
    assert len(core.sessions) == 0


@pytest.mark.parametrize(("extension", "region"), [("911", "US"), ("112", "DE"), (999, "GB")])
async def test_an_emergency_number_is_no_extension(core: Core, extension: Any, region: str) -> None:
    answer = await (await core.connection()).ask("Amazon/Agent/Login", {"extension": extension, "region": region})
    assert (error_type(answer), answer["data"]["details"]) == ("MALFORMED_MESSAGE", {"path": "data.extension"})


@pytest.mark.parametrize("region", ["XX", "Germany", "1"])
async def test_a_region_that_there_is_not_is_refused(core: Core, region: str) -> None:
    answer = await (await core.connection()).ask("Amazon/Agent/Login", {"region": region})
    assert (error_type(answer), answer["data"]["details"]) == ("MALFORMED_MESSAGE", {"path": "data.region"})


@pytest.mark.parametrize("caller", [SUE, ADA])
async def test_only_an_agent_logs_in_as_one(core: Core, caller: Caller) -> None:
    assert error_type(await (await core.connection(caller)).ask("Amazon/Agent/Login")) == "NOT_PERMITTED"


async def test_state_sync_before_login_tells_nothing_more(core: Core) -> None:
    answer = await (await core.connection()).ask("Amazon/Agent/StateSync")
    assert answer["message"] == {"loginState": "LoggedOut", "agentInfo": None, "agentState": None, "rules": None}


async def test_logout_success_tells_who_has_logged_out(desk: Desk) -> None:
    message = (await desk.ask("Amazon/Agent/Logout"))["message"]
    assert message["loginState"] == "LoggedOut"
    assert message["agentInfo"]["loginName"] == "ann"
    assert {"agentState", "rules"} <= set(message)


@pytest.mark.parametrize("subtopic", ["GetStates", "GetAgentState"])
async def test_all_states_are_listed_on_one_address(desk: Desk, subtopic: str) -> None:
    answer = await desk.ask(f"Amazon/Agent/{subtopic}")
    assert answer["subtopic"] == "GetStates"
    assert {(state["label"], state["type"]) for state in answer["message"]} == {
        ("Available", "routable"),
        ("Not Ready", "not_routable"),
        ("After Call Work", "system"),
        ("Busy", "system"),
        ("Offline", "offline"),
    }
    assert all(state["code"] for state in answer["message"])


@pytest.mark.parametrize("subtopic", ["UpdateState", "Update"])
@pytest.mark.parametrize(
    "data",
    [
        {"label": "Available", "code": "Available", "type": "routable"},
        {"label": "available"},
        {"code": "Available"},
        {"LABEL": " AVAILABLE "},
    ],
)
async def test_a_state_is_chosen_by_label_or_code(desk: Desk, subtopic: str, data: dict[str, Any]) -> None:
    for _ in range(2):  # also if nothing changes
        answer = await desk.ask(f"Amazon/Agent/{subtopic}", data, "r-1")
        assert (answer["subtopic"], answer["requestId"]) == ("SetAgentState", "r-1")
        message = answer["message"]
        assert (message["event"], message["source"], message["data"]["state"]) == ("Available", "event", "Available")
        assert set(message) == {"rules", "data", "event", "source"}


async def test_a_chosen_state_is_seen_by_the_agents_other_applications(core: Core, desk: Desk) -> None:
    pad = await core.connection()
    await desk.ask("Amazon/Agent/UpdateState", {"label": "Available"})
    assert pad.agent_states() == ["Available"]


@pytest.mark.parametrize("data", [None, {}, {"label": "Asleep"}, {"label": " "}, {"code": 7}, {"type": "routable"}])
async def test_a_state_that_there_is_not_is_not_found(desk: Desk, data: Any) -> None:
    assert error_type(await desk.ask("Amazon/Agent/UpdateState", data)) == "AGENT_STATE_NOT_FOUND"
    assert desk.agent_states() == []


@pytest.mark.parametrize("label", ["Busy", "After Call Work"])
async def test_a_state_that_follows_from_calls_cannot_be_chosen(desk: Desk, label: str) -> None:
    assert error_type(await desk.ask("Amazon/Agent/UpdateState", {"label": label})) == "UPDATE_AGENT_STATE_FAILED"


@pytest.mark.parametrize("code", ["lunch", 7, None])
async def test_not_ready_comes_with_its_reason(desk: Desk, code: Any) -> None:
    answer = await desk.ask("Amazon/Agent/SetNotReady", {"ReasonCodeId": code})
    assert (answer["subtopic"], answer["message"]["event"]) == ("SetAgentState", "Not Ready")
    assert answer["message"]["data"]["reasonCode"] == {"id": None if code is None else str(code)}


@pytest.mark.parametrize("address", ["UpdateState", "SetNotReady", "Mute", "Unmute", "Logout"])
async def test_what_needs_a_login_says_so(core: Core, address: str) -> None:
    desk = await core.connection()
    assert error_type(await desk.ask(f"Amazon/Agent/{address}", {"label": "Available"})) == "AGENT_NOT_LOGGED_IN"


# ── mute ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_mute_and_unmute_reach_the_engine_and_are_told(core: Core, desk: Desk) -> None:
    call_id = await desk.connected_call(core.engine)
    for subtopic, muted in (("Mute", True), ("Unmute", False)):
        answer = await desk.ask(f"Amazon/Agent/{subtopic}")
        assert (answer["subtopic"], answer["message"]["data"]["muted"]) == ("SetAgentState", muted)
        assert core.engine.asked[-1] == ("mute", call_id, str(muted))
        items = answer["message"]["rules"]["ButtonStates"]["items"]
        assert (items["mute"], items["unmute"]) == (("Hide", "Enable") if muted else ("Enable", "Hide"))


async def test_muting_without_a_call_fails(core: Core, desk: Desk) -> None:
    assert error_type(await desk.ask("Amazon/Agent/Mute")) == "UPDATE_AGENT_STATE_FAILED"
    await core.engine.end(await desk.connected_call(core.engine))
    assert error_type(await desk.ask("Amazon/Agent/Mute")) == "UPDATE_AGENT_STATE_FAILED"


@pytest.mark.parametrize("fault", [EngineRefused("x"), EngineUnavailable("x"), EngineSilent("x")])
async def test_a_mute_that_the_engine_did_not_do_is_no_mute(core: Core, desk: Desk, fault: Exception) -> None:
    await desk.connected_call(core.engine)
    core.engine.fails["mute"] = fault
    answer = await desk.ask("Amazon/Agent/Mute")
    assert (error_type(answer), answer["data"]["retryable"]) == ("UPDATE_AGENT_STATE_FAILED", True)
    assert (await desk.ask("Amazon/Agent/StateSync"))["message"]["agentInfo"]["muted"] is False


# ── somebody else's login ───────────────────────────────────────────────────────────────────────────────────────────


async def test_an_administrator_logs_out_an_agent_who_is_told_so(core: Core, desk: Desk) -> None:
    answer = await (await core.connection(ADA)).ask("Amazon/Agent/Logout", {"userId": "u-ann"})
    assert answer["message"]["agentInfo"]["loginName"] == "ann"
    assert [message["subtopic"] for message in desk.seen] == ["LogoutSuccess"]
    assert error_type(await desk.press()) == "AGENT_NOT_LOGGED_IN"


@pytest.mark.parametrize("caller", [SUE, BOB])
async def test_nobody_else_logs_out_another_agent(core: Core, desk: Desk, caller: Caller) -> None:
    answer = await (await core.connection(caller)).ask("Amazon/Agent/Logout", {"UserID": "u-ann"})
    assert error_type(answer) == "NOT_PERMITTED"
    assert (await desk.ask("Amazon/Agent/StateSync"))["message"]["loginState"] == "LoggedIn"


async def test_an_administrator_of_another_tenant_finds_nobody(core: Core) -> None:
    await core.desk(ZOE)
    answer = await (await core.connection(ADA)).ask("Amazon/Agent/Logout", {"userId": "u-zoe"})
    assert error_type(answer) == "AGENT_NOT_LOGGED_IN"
    assert len(core.sessions) == 1


async def test_an_administrator_does_not_end_a_call_by_logging_out_its_agent(core: Core, desk: Desk) -> None:
    await desk.connected_call(core.engine)
    answer = await (await core.connection(ADA)).ask("Amazon/Agent/Logout", {"userId": "u-ann"})
    assert error_type(answer) == "CALL_IN_PROGRESS"


async def test_who_names_oneself_logs_out(desk: Desk) -> None:
    assert (await desk.ask("Amazon/Agent/Logout", {"userId": ANN.user_id}))["subtopic"] == "LogoutSuccess"


async def test_a_user_without_extension_is_rung_by_the_login_name(core: Core) -> None:
    caller = msgspec.structs.replace(ANN, extension=None)
    answer = await core.over_http(caller).ask("Amazon/Agent/Login")
    assert answer["message"]["agentInfo"]["extension"] == "ann"


async def test_a_login_name_that_is_no_extension_stands_for_the_nearest_one(core: Core) -> None:
    desk = await core.connection()
    desk.connection.caller = msgspec.structs.replace(ANN, login_name="ann+1@example.org", extension=None)
    answer = await desk.ask("Amazon/Agent/Login")
    assert answer["message"]["agentInfo"]["extension"] == "ann+1.example.org"
