"""HTTP over the wire: tokens, messages, calls, status, metrics (contract §6)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.bus_client import is_error
from tests.support.running_service import (
    DIAL,
    PASSWORD,
    RunningService,
    finish,
    number,
    press,
    running_service,
    state,
)
from tests.support.small_service import get, http, post, sign_in

pytestmark = pytest.mark.asyncio(loop_scope="session")


def a_dial(typed: str = number(0), **more: Any) -> dict[str, Any]:
    channel, topic, subtopic = DIAL.split("/")
    return {"channel": channel, "topic": topic, "subtopic": subtopic, "data": {"PhoneNumber": typed}} | more


async def test_the_password_grant_gives_a_token_that_is_good(service: RunningService) -> None:
    answer = await sign_in(service.port, "ANN", PASSWORD)
    told = answer.json()
    assert (answer.status, set(told), told["token_type"]) == (
        200,
        {"access_token", "token_type", "expires_in"},
        "Bearer",
    )
    assert answer.headers["cache-control"] == "no-store"
    assert (await get(service.port, "/v1/calls", told["access_token"])).status == 200


@pytest.mark.parametrize(
    ("name", "password"), [("ann", "wrong"), ("nobody", PASSWORD), ("", ""), ("ann\x00", PASSWORD)]
)
async def test_a_wrong_name_or_password_gives_none(service: RunningService, name: str, password: str) -> None:
    answer = await sign_in(service.port, name, password)
    assert answer.status == 400
    assert answer.json()["error"] in ("invalid_grant", "invalid_request")


async def test_signing_in_too_often_is_throttled(folder: Path) -> None:
    async with running_service(folder, AUTHENTICATION_ATTEMPTS="2") as service:
        statuses = [(await sign_in(service.port, "ann", "wrong")).status for _ in range(3)]
        assert statuses == [400, 400, 429]
        answer = await sign_in(service.port, "ann", PASSWORD)
        assert (answer.status, int(answer.headers["retry-after"]) > 0) == (429, True)
        assert (await sign_in(service.port, "bob", PASSWORD)).status == 200


async def test_a_dial_over_http_is_answered_there_and_published(service: RunningService) -> None:
    desk = await service.desk()
    answer = await service.post(a_dial())
    assert answer.status == 200
    assert "dial" not in answer.json()["message"]
    await desk.expect(DIAL)


async def test_the_idempotency_key_is_the_request_id(service: RunningService) -> None:
    desk = await service.desk()
    first = await service.post(a_dial(), **{"Idempotency-Key": "press-1"})
    assert (first.status, first.json()["requestId"]) == (200, "press-1")
    reply = await desk.expect(DIAL, lambda message: message.get("requestId") == "press-1")
    assert reply == first.json()
    again = await service.post(a_dial(requestId="press-1"))
    assert (again.json()["message"]["dial"]["replay"], again.status) == (True, 200)
    assert (await service.post(a_dial(number(7)), **{"Idempotency-Key": "press-1"})).status == 409


async def test_every_error_has_its_status_and_is_an_api_error(service: RunningService) -> None:
    not_logged_in = await service.post(a_dial(), "bob")
    assert (not_logged_in.status, not_logged_in.error_type) == (409, "AGENT_NOT_LOGGED_IN")
    await service.desk()
    for message, status in (
        (a_dial("hello"), 422), (a_dial(""), 422), (a_dial(number(11)), 502), ({"channel": "LCM"}, 404),
        ({"topic": "x"}, 400), (b"{", 400), (b"\xff", 400), (b"[" * 3000, 400),
        ({"channel": "Amazon", "topic": "Agent", "subtopic": "SetAgentState"}, 403),
        ({"channel": "Amazon", "topic": "InboundCall", "subtopic": "Hold"}, 404),
        ({"channel": "Bus", "topic": "Session", "subtopic": "Register"}, 403),
    ):  # fmt: skip
        answer = await service.post(message)
        assert (answer.status, is_error(answer.json())) == (status, True), (message, answer.body)
    assert (await post(service.port, None, a_dial())).status == 401
    assert (await post(service.port, "not-a-token", a_dial())).status == 401
    big = await service.post(b'{"channel":"X","data":"' + b"a" * 70_000 + b'"}')
    assert big.status in (400, 413)


async def test_a_message_for_applications_has_no_content_as_its_answer(service: RunningService) -> None:
    pad = await service.bus()
    answer = await service.post({"channel": "MyCrm", "topic": "A", "subtopic": "B"})
    assert (answer.status, answer.body) == (204, b"")
    await pad.expect("MyCrm/A/B")


# ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_call_is_told_with_its_states_verdict_and_ending(service: RunningService) -> None:
    desk = await service.desk()
    call_id = (await press(desk, number(1), "press-1"))["callId"]
    await state(desk, call_id, "wrap_up")
    record = (await service.get(f"/v1/calls/{call_id}")).json()
    assert [step["state"] for step in record["states"]] == [
        "requested", "agent_ringing", "agent_answered", "dialing", "wrap_up", "wrap_up",
    ]  # fmt: skip
    assert (record["callId"], record["requestId"], record["state"]) == (call_id, "press-1", "wrap_up")
    assert (record["verdict"]["decision"], record["ending"]["cause"]) == ("allow", "busy")
    assert record["number"]["e164"] == number(1)


async def test_calls_are_paged_and_everybody_sees_own_ones_alone(service: RunningService) -> None:
    ann, bob = await service.desk(), await service.desk("bob")
    made = []
    for desk in (ann, bob, ann, ann):
        dial = await press(desk)
        await finish(desk, dial["callId"])
        made.append(dial["callId"])
    first = (await service.get("/v1/calls?limit=2")).json()
    for place in (f"cursor={first['cursor']}", f"before={first['next']}"):
        second = (await service.get(f"/v1/calls?limit=2&{place}")).json()
        assert [call["callId"] for call in first["calls"] + second["calls"]] == [made[3], made[2], made[0]]
        assert not {"cursor", "next"} & set(second)
    assert [call["callId"] for call in (await service.get("/v1/calls", "bob")).json()["calls"]] == [made[1]]
    everything = (await service.get("/v1/calls", "sue")).json()["calls"]
    assert [call["callId"] for call in everything] == made[::-1]
    of_bob = (await service.get(f"/v1/calls?agent={service.id_of('bob')}", "sue")).json()["calls"]
    assert [call["callId"] for call in of_bob] == [made[1]]
    assert (await service.get(f"/v1/calls?agent={service.id_of('bob')}")).status == 403
    assert (await service.get("/v1/calls", "zoe")).json()["calls"] == []
    assert (await service.get(f"/v1/calls/{made[0]}", "sue")).status == 200
    for name in ("bob", "zoe"):
        assert (await service.get(f"/v1/calls/{made[0]}", name)).status == 404
    for query in ("limit=0", "limit=201", "limit=x", "before=" + "x" * 100):
        assert (await service.get(f"/v1/calls?{query}")).status == 400


async def test_calls_are_asked_for_by_what_they_are(service: RunningService) -> None:
    desk = await service.desk()
    busy = (await press(desk, number(1)))["callId"]
    await state(desk, busy, "wrap_up")
    await finish(desk, busy)
    talked = (await press(desk))["callId"]
    await state(desk, talked, "connected")
    both = (await service.get("/v1/calls")).json()["calls"]
    assert [call["outcome"] for call in both] == ["conversation", "busy"]
    for query, found in {
        "outcome=busy": [busy],
        "outcome=conversation&state=connected": [talked],
        f"number={number(1)}": [busy],
        f"number={number(1)[2:]}&state=ended": [busy],
        f"since={both[1]['requestedAt']}": [talked, busy],
        f"until={both[1]['requestedAt']}": [],
    }.items():
        answer = await service.get(f"/v1/calls?{query}")
        assert [call["callId"] for call in answer.json()["calls"]] == found, query
    for query in ("outcome=sold", "state=busy", "number=x", "since=now", "until=2026-01-01", "cursor=x", "agnet=bob"):
        answer = await service.get(f"/v1/calls?{query}")
        assert (answer.status, answer.error_type) == (400, "MALFORMED_MESSAGE"), query
        assert answer.json()["data"]["details"] == {"path": query.partition("=")[0]}
    await finish(desk, talked)


@pytest.mark.parametrize("path", ["/v1/calls", "/v1/calls/x"])
async def test_calls_need_a_token(service: RunningService, path: str) -> None:
    answer = await service.get(path, None)
    assert (answer.status, "bearer" in answer.headers["www-authenticate"].lower()) == (401, True)


# ── being watched ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_status_tells_of_every_dependency(service: RunningService) -> None:
    answer = await service.get("/status", None)
    told = answer.json()
    assert (answer.status, told["ok"]) == (200, True)
    healthy = {name: health["ok"] for name, health in told["dependencies"].items()}
    assert healthy == {"database": True, "engine": True, "registries": True}


async def test_metrics_tell_of_a_call_and_its_milestones(folder: Path) -> None:
    async with running_service(folder) as service:
        desk = await service.desk()
        call_id = (await press(desk))["callId"]
        await state(desk, call_id, "connected")
        await finish(desk, call_id)
        text = (await service.get("/metrics", None)).body.decode()
    for milestone, outcome in {
        "verdict": "allow",
        "accepted": "called",
        "ringing": "called",
        "answered": "called",
    }.items():
        counted = rf'^manualdial_press_seconds_count{{milestone="{milestone}",outcome="{outcome}"}} ([\d.]+)$'
        found = re.search(counted, text, re.MULTILINE)
        assert found, milestone
        assert float(found[1]) == 1
    for line in (
        'manualdial_presses_total{outcome="called"} 1.0', 'manualdial_calls_ended_total{by="agent",cause="normal"} 1.0',
        "manualdial_agents_logged_in 1.0", "manualdial_live_calls 0.0",
    ):  # fmt: skip
        assert line in text
    assert "2025550" not in text


async def test_metrics_may_be_closed_to_the_public(folder: Path) -> None:
    async with running_service(folder, SERVER_OPEN_METRICS="false") as service:
        assert [(await service.get("/metrics", who)).status for who in (None, "ann", "sue")] == [401, 403, 200]


async def test_the_openapi_document_describes_every_path(service: RunningService) -> None:
    answer = await service.get("/schema/openapi.json", None)
    document = json.loads(answer.body)
    paths, schemas = document["paths"], document["components"]["schemas"]
    assert {"/v1/token", "/v1/messages", "/v1/calls", "/v1/calls/{call_id}", "/status", "/metrics"} <= set(paths)
    referred = set(re.findall(rb'"#/components/schemas/(\w+)"', answer.body))
    assert referred == {name.encode() for name in schemas} & referred
    assert {b"Dial", b"SetLocation", b"Checks", b"CallPage", b"InboundCallStateChange"} <= referred


async def test_a_request_over_http_is_typed_by_its_address(service: RunningService) -> None:
    document = json.loads((await service.get("/schema/openapi.json", None)).body)
    forms = document["paths"]["/v1/messages"]["post"]["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    (login,) = [form for form in forms if form["properties"].get("subtopic") == {"const": "Login"}]
    assert login["properties"]["channel"] == {"enum": ["Amazon", "Simulator"]}
    assert login["properties"]["data"] == {"$ref": "#/components/schemas/Login"}


async def test_what_is_not_there_is_not_found_and_tells_nothing_of_the_server(service: RunningService) -> None:
    for method, path in (("GET", "/"), ("GET", "/etc/passwd"), ("GET", "/v1/bus"), ("DELETE", "/v1/calls")):
        answer = await http(service.port, method, path)
        assert answer.status in (400, 404, 405, 426), (method, path, answer.status)
        assert not {"server", "x-powered-by"} & set(answer.headers)
        assert b"Traceback" not in answer.body
