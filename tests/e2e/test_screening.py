"""Screening over the wire: checks, lists, places, overrides, limits, and a database that goes away (contract §5)."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from manualdial.app.adapters import store_for
from manualdial.app.service import serving
from manualdial.callers import Role
from manualdial.engines.simulator import SimulatorEngine
from manualdial.evidence import Kind, Sealed
from manualdial.law import Purpose
from manualdial.law.closure import Closure
from tests.servers.postgresql import shared_server
from tests.support.bus_client import BusClient, Message, is_error
from tests.support.running_service import (
    DIAL,
    PASSWORD,
    RunningService,
    configuration,
    finish,
    nothing,
    number,
    person,
    press,
    running_service,
    state,
)
from tests.support.small_service import CHEAP, HttpAnswer, http, sign_in

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHECK, SET_DNC, SET_LOCATION = (f"LCM/Webservice/{name}" for name in ("CheckPhoneNumber", "SetDNC", "SetLocation"))
MIAMI = "+13055550100"
NOON, NIGHT = "2026-03-10T12:00:00-04:00", "2026-03-10T22:00:00-04:00"
UNBOUND = {"SCREENING_REGISTRIES": "", "SCREENING_REGISTRATIONS": "*"}
"""No registry must be held, every registration is there: hours, lists and counts are left."""


def a_message(address: str, **data: Any) -> dict[str, Any]:
    channel, topic, subtopic = address.split("/")
    return {"channel": channel, "topic": topic, "subtopic": subtopic, "data": data}


def blocking(verdict: Message) -> set[str]:
    """The names of the rules that do not allow."""
    return {rule["rule"] for rule in verdict["rules"] if rule["decision"] != "allow"}


async def verdict(client: BusClient, typed: str = MIAMI, **data: Any) -> Message:
    answer = await client.ask(CHECK, {"PhoneNumber": typed, **data})
    assert not is_error(answer), answer
    return dict(answer["message"]["dial"]["verdict"])


async def refused(client: BusClient, typed: str, **data: Any) -> Message:
    """Press; `data` of the refusal."""
    answer = await client.ask(DIAL, {"PhoneNumber": typed, **data})
    assert is_error(answer), answer
    assert answer["data"]["errorType"] == "CALL_REFUSED", answer
    return dict(answer["data"])


async def set_dnc(client: BusClient, typed: str, **data: Any) -> None:
    answer = await client.ask(SET_DNC, {"PhoneNumber": typed, **data}, f"{SET_DNC}Result")
    assert not is_error(answer), answer


async def checks(service: RunningService, body: Any, name: str = "ann") -> HttpAnswer:
    """POST /v1/checks."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {await service.token(name)}"}
    return await http(service.port, "POST", "/v1/checks", json.dumps(body).encode(), headers)


async def evidence(service: RunningService, tenant: str = "t-one") -> list[Sealed]:
    return list(await service.service.store.evidence(tenant))


# ── checks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_bus_http_and_many_at_once_say_the_same(folder: Path) -> None:
    async with running_service(folder, **UNBOUND) as service:
        bus = await service.bus("ian")
        for at, decision in ((NOON, "allow"), (NIGHT, "block")):
            asked = {"PhoneNumber": MIAMI, "Purpose": "sales", "At": at}
            over_the_bus = await verdict(bus, MIAMI, Purpose="sales", At=at)
            assert over_the_bus["decision"] == decision
            posted = await service.post(a_message(CHECK, **asked), "sue")
            assert (posted.status, posted.json()["message"]["dial"]["verdict"]) == (200, over_the_bus)
            (one,) = (await checks(service, {"checks": [asked]}, "ada")).json()["checks"]
            assert one == {**posted.json()["message"]["dial"]}
        night = await verdict(bus, MIAMI, Purpose="sales", At=NIGHT)
        assert night["nextPermittedAt"] == "2026-03-11T12:00:00+00:00"


async def test_a_thousand_numbers_with_bad_ones_among_them(service: RunningService) -> None:
    listed = "+13055550123"
    await set_dnc(await service.bus(), listed)
    entries = [
        {"PhoneNumber": MIAMI},
        {"PhoneNumber": "911"},
        {"PhoneNumber": listed},
        [],
        {"At": "x", "PhoneNumber": MIAMI},
    ]
    answer = await checks(service, {"brief": True, "checks": entries * 200})
    assert answer.status == 200
    told = answer.json()["checks"]
    assert len(told) == 1000
    assert told[:5] * 200 == told
    assert [one["error"]["errorType"] if "error" in one else one["verdict"]["decision"] for one in told[:5]] == [
        "allow", "PHONE_NUMBER_INVALID", "block", "MALFORMED_MESSAGE", "MALFORMED_MESSAGE",
    ]  # fmt: skip
    assert [rule["rule"] for rule in told[2]["verdict"]["rules"]] == ["do-not-call.company"]
    assert told[0]["verdict"]["rules"] == []
    too_many = await checks(service, {"checks": entries * 201})
    assert (too_many.status, too_many.error_type) == (400, "MALFORMED_MESSAGE")


async def test_a_registry_that_must_be_held_and_is_not_blocks_sales_alone(service: RunningService) -> None:
    bus = await service.bus()
    assert "do-not-call.us-national" in blocking(await verdict(bus, Purpose="sales", At=NOON))
    assert (await verdict(bus, Purpose="service"))["decision"] == "allow"


async def test_a_dry_run_leaves_nothing_behind(folder: Path) -> None:
    async with running_service(folder, **UNBOUND) as service:
        desk = await service.desk()
        await set_dnc(desk, MIAMI)
        desk.seen.clear()
        for typed, decision in ((number(0), "allow"), (MIAMI, "block")):
            answer = await desk.ask(DIAL, {"PhoneNumber": typed, "DryRun": "true"})
            dial = answer["message"]["dial"]
            assert (dial["state"], dial["verdict"]["decision"], set(dial)) == (
                "checked", decision, {"state", "number", "purpose", "verdict"},
            )  # fmt: skip
        assert await nothing(desk) == []
        assert (await service.get("/v1/calls")).json() == {"calls": []}
        assert await evidence(service) == []
        sync = await desk.ask("Amazon/InboundCall/StateSync")
        assert sync["message"]["calls"] == []
        assert (await press(desk))["replay"] is False


async def test_a_dry_run_under_a_request_id_does_not_use_it_up(service: RunningService) -> None:
    desk = await service.desk()
    desk.send(DIAL, {"PhoneNumber": number(0), "DryRun": True}, "press-1")
    assert (await desk.expect(DIAL))["message"]["dial"]["state"] == "checked"
    assert (await press(desk, request_id="press-1"))["replay"] is False


# ── lists and places ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_listed_number_is_refused_with_its_evidence_and_rings_nobody(folder: Path) -> None:
    async with running_service(folder) as service:
        desk, stranger = await service.desk(), await service.desk("zoe")
        posted = await service.post(a_message(SET_DNC, PhoneNumber="(305) 555-0100", Reason="asked"), "ian")
        assert posted.json()["message"] == {"response": {"success": True}}
        refusal = await refused(desk, MIAMI)
        assert (blocking(refusal["details"]["verdict"]), refusal["retryable"]) == ({"do-not-call.company"}, False)
        answer = await service.post(a_message(DIAL, PhoneNumber=MIAMI))
        assert (answer.status, answer.error_type) == (422, "CALL_REFUSED")
        assert [(link.kind, link.number) for link in await evidence(service)] == [(Kind.REFUSAL, MIAMI)] * 2
        assert (await service.get("/v1/calls")).json() == {"calls": []}
        assert (await press(stranger, MIAMI))["state"] in ("requested", "agent_ringing")


async def test_a_list_outlives_the_service(folder: Path) -> None:
    async with running_service(folder) as service:
        await set_dnc(await service.bus(), MIAMI)
    async with running_service(folder) as service:
        assert blocking(await verdict(await service.bus("bob"))) == {"do-not-call.company"}


async def test_somebody_turns_out_to_be_somewhere_else_in_a_call(folder: Path) -> None:
    async with running_service(folder, **UNBOUND) as service:
        desk = await service.desk()
        call_id = (await press(desk, MIAMI, CampaignID="spring"))["callId"]
        await state(desk, call_id, "connected")
        there = await desk.ask(SET_LOCATION, {"Jurisdiction": "US-HI", "Purpose": "sales"})
        told = there["message"]["dial"]
        assert (told["state"], told["number"]["e164"]) == ("checked", MIAMI)
        zones = [rule["evidence"].get("localTimes", {}) for rule in told["verdict"]["rules"]]
        assert {"Pacific/Honolulu"} in [set(times) for times in zones]
        assert blocking(await verdict(desk, Purpose="sales", At="2026-03-10T08:00:00-04:00"))
        sync = await desk.ask("Amazon/InboundCall/StateSync")
        assert [call["dial"]["state"] for call in sync["message"]["calls"]] == ["connected"]
        await finish(desk, call_id)
        gone = await desk.ask(SET_LOCATION, {"Jurisdiction": "US-HI"})
        assert gone["data"]["errorType"] == "NO_SUCH_CALL"


# ── overrides, limits ───────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def a_playing_coach(service: RunningService) -> AsyncIterator[BusClient]:
    """A connection of somebody who is agent and supervisor, logged in."""
    coach = msgspec.structs.replace(
        person("sue", password_hash=CHEAP.hash(PASSWORD)), id="u-cody", login_name="cody",
        roles=frozenset({Role.AGENT, Role.SUPERVISOR}),
    )  # fmt: skip
    await service.service.store.add_user(coach)
    token = (await sign_in(service.port, "cody", PASSWORD)).json()["access_token"]
    async with await BusClient.open(service.port, token=token) as client:
        await client.ask("Amazon/Agent/Login", answer="Amazon/Agent/LoginSuccess")
        yield client


async def test_who_has_the_right_overrides_a_warning_with_a_reason_that_is_kept(folder: Path) -> None:
    async with running_service(folder, SCREENING_OVERRIDABLE="do-not-call.company=supervisor+admin") as service:
        desk = await service.desk()
        await set_dnc(desk, MIAMI)
        wish: dict[str, Any] = {"Overrides": [{"rule": "do-not-call.company", "reason": "called back, case 4711"}]}
        async with a_playing_coach(service) as coach:
            warned = (await refused(coach, MIAMI))["details"]["verdict"]
            assert (warned["decision"], warned["overridable"]) == ("warn", True)
            assert (await verdict(coach, **wish))["decision"] == "allow"
            without_a_reason = {"Overrides": [{"rule": "do-not-call.company", "reason": " "}]}
            assert (await refused(coach, MIAMI, **without_a_reason))["details"]["verdict"]["decision"] == "warn"
            dial = await press(coach, MIAMI, **wish)
            (rule,) = [one for one in dial["verdict"]["rules"] if one["rule"] == "do-not-call.company"]
            assert (rule["decision"], rule["evidence"]["override"]) == ("allow", "called back, case 4711")
            await finish(coach, dial["callId"])
        kept = [link for link in await evidence(service) if link.kind is Kind.ATTEMPT]
        assert "called back, case 4711" in kept[0].body.decode()


async def test_who_has_not_the_right_stays_refused(folder: Path) -> None:
    async with running_service(folder, SCREENING_OVERRIDABLE="do-not-call.company=supervisor") as service:
        desk = await service.desk()
        await set_dnc(desk, MIAMI)
        wish: dict[str, Any] = {"Overrides": [{"rule": "do-not-call.company", "reason": "I want to"}]}
        found = (await refused(desk, MIAMI, **wish))["details"]["verdict"]
        assert (found["decision"], found["overridable"]) == ("warn", True)
        (rule,) = [one for one in found["rules"] if one["rule"] == "do-not-call.company"]
        assert rule["evidence"]["overridableBy"] == ["supervisor"]
        assert (await service.get("/v1/calls")).json() == {"calls": []}


async def test_what_the_tenant_lets_nobody_override_stays_a_block(service: RunningService) -> None:
    desk = await service.desk()
    await set_dnc(desk, MIAMI)
    wish = {"Overrides": [{"rule": "do-not-call", "reason": "I want to"}]}
    found = (await refused(desk, MIAMI, **wish))["details"]["verdict"]
    assert (found["decision"], found["overridable"]) == ("block", False)


async def test_too_fast_a_dial_is_told_how_long_to_wait(folder: Path) -> None:
    async with running_service(folder, DIALING_AGENT_RATE="0.001", DIALING_AGENT_BURST="1") as service:
        desk, colleague = await service.desk(), await service.desk("bob")
        await finish(desk, (await press(desk))["callId"])
        answer = await service.post(a_message(DIAL, PhoneNumber=number(0)) | {"requestId": "again"})
        assert (answer.status, answer.error_type) == (429, "DIAL_RATE_EXCEEDED")
        told = answer.json()["data"]
        assert told["retryable"] is True
        assert 0 < told["details"]["retryAfter"] <= 1000
        assert answer.headers["retry-after"] == str(told["details"]["retryAfter"])
        assert (await press(colleague))["replay"] is False


# ── a database that goes away ───────────────────────────────────────────────────────────────────────────────────────


async def test_where_the_lists_cannot_be_read_nothing_is_dialled(folder: Path) -> None:
    async with running_service(folder) as service:
        desk = await service.desk()
        with closing(sqlite3.connect(folder / "manualdial.sqlite3")) as other:
            other.execute("ALTER TABLE number_records RENAME TO away")
        found = await verdict(desk)
        assert (found["decision"], blocking(found)) == ("block", {"screening-unavailable"})
        assert "nextPermittedAt" not in found
        refusal = await refused(desk, MIAMI)
        assert (blocking(refusal["details"]["verdict"]), refusal["retryable"]) == ({"screening-unavailable"}, True)
        (one,) = (await checks(service, {"checks": [{"PhoneNumber": MIAMI}]})).json()["checks"]
        assert blocking(one["verdict"]) == {"screening-unavailable"}
        listed = await desk.ask(SET_DNC, {"PhoneNumber": MIAMI})
        assert (listed["data"]["errorType"], listed["data"]["retryable"]) == ("SERVICE_UNAVAILABLE", True)
        assert "number_records" not in str(desk.seen)
        with closing(sqlite3.connect(folder / "manualdial.sqlite3")) as other:
            other.execute("ALTER TABLE away RENAME TO number_records")
        assert (await press(desk, MIAMI))["replay"] is False


async def test_a_database_that_is_killed_blocks_until_it_is_back(folder: Path) -> None:
    server = shared_server()
    settings = {"STORAGE_URL": server.new_database(), "STORAGE_TIMEOUT": "1"}
    async with running_service(folder, **settings) as service:
        desk = await service.desk()
        assert (await verdict(desk))["decision"] == "allow"
        server.stop()
        try:
            found = await verdict(desk)
            assert (found["decision"], blocking(found)) == ("block", {"screening-unavailable"})
            answer = await desk.ask(DIAL, {"PhoneNumber": MIAMI})
            assert (answer["data"]["errorType"], answer["data"]["retryable"]) == ("MAKE_CALL_FAILED", True)
        finally:
            server.start()
        assert (await press(desk, MIAMI))["replay"] is False


async def test_what_begins_while_the_agents_phone_may_ring_refuses_a_press_and_no_check(folder: Path) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=200)
    closure = Closure(
        id=str(uuid.uuid4()),
        tenant_id=None,
        jurisdiction="US",
        begins=soon,
        ends=None,
        purposes=frozenset({Purpose.SERVICE}),
    )
    async with store_for(configuration(folder)) as store:
        await store.add_closure(closure)
    for seconds, blocks in (("100", set()), ("400", {"closure.us"})):
        asterisk = {
            "ENGINE_KIND": "asterisk",
            "ENGINE_ASTERISK_PASSWORD": "none",
            "ENGINE_ASTERISK_AGENT_TIMEOUT": seconds,
        }
        config = configuration(folder, **UNBOUND, **asterisk)
        async with serving(config, engine=SimulatorEngine(speed=20)) as served, AsyncExitStack() as clients:
            ann = await RunningService(served, clients).desk()
            assert blocking(await verdict(ann)) == set()
            answer = await ann.ask(DIAL, {"PhoneNumber": MIAMI, "DryRun": True})
            assert blocking(answer["message"]["dial"]["verdict"]) == blocks
