"""The bus over the wire: registration, scopes, subscriptions, forging, whatever comes in (contract §6)."""

from __future__ import annotations

import json

import pytest

from tests.support.bus_client import BINARY, BusClient, Closed, Refused, address_of, is_error
from tests.support.running_service import CHANGE, DIAL, RunningService, nothing, number, press, state

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("how", ["message", "header", "subprotocol"])
async def test_a_connection_registers_with_its_token_in_three_ways(service: RunningService, how: str) -> None:
    async with await BusClient.open(service.port, token=await service.token(), how=how) as bus:
        told = bus.registered
        user = told["user"]
        assert (user["id"], user["name"], user["roles"]) == (service.id_of("ann"), "Ann", ["agent"])
        assert user["loginName"].startswith("ann")
        assert told["tenant"].startswith("one")
        assert told["subscriptions"] == ["*/*/*"]
        assert told["epoch"]
        assert isinstance(told["seq"], int)
        assert (bus.subprotocol == "manualdial.v1") is (how == "subprotocol")


@pytest.mark.parametrize("how", ["message", "header", "subprotocol"])
async def test_a_bad_token_is_refused_in_each_of_them(service: RunningService, how: str) -> None:
    with pytest.raises((Closed, Refused), match="401"):
        await BusClient.open(service.port, token="not-a-token", how=how)


async def test_a_token_in_the_address_is_never_read(service: RunningService) -> None:
    token = await service.token()
    async with await BusClient.connect(service.port, path=f"/v1/bus?access_token={token}&token={token}") as bus:
        bus.send("Bus/Session/Register", {})
        assert await bus.closed_with() == 4401
        assert bus.seen == []


async def test_nothing_is_answered_before_registration(service: RunningService) -> None:
    bus = await service.connect()
    for address in (DIAL, "MyCrm/A/B", "Bus/Session/Subscribe"):
        bus.send(address, {}, "r-1")
        assert (await bus.error("NOT_REGISTERED"))["requestId"] == "r-1"
    await bus.register(token=await service.token())


async def test_tenants_agents_and_scopes_are_apart(service: RunningService) -> None:
    desk, twin = await service.desk(), await service.bus()
    boss, integration = await service.bus("sue", scope="tenant"), await service.bus("ian", scope="tenant")
    others = [await service.bus("bob"), await service.bus("sue"), await service.bus("zoe")]
    call_id = (await press(desk))["callId"]
    for reader in (desk, twin, boss, integration):
        await state(reader, call_id, "connected")
    desk.send("MyCrm/Record/Opened", {"id": 7})
    await twin.expect("MyCrm/Record/Opened")
    await boss.expect("MyCrm/Record/Opened")
    for other in others:
        assert await nothing(other) == []
    agent = await service.connect()
    agent.send("Bus/Session/Register", {"token": await service.token(), "scope": "tenant"})
    await agent.error("NOT_PERMITTED")


async def test_subscriptions_choose_what_comes_and_replies_come_all_the_same(service: RunningService) -> None:
    desk, picky = await service.desk(), await service.bus(subscriptions=["ui/*/*"])
    call_id = (await press(desk))["callId"]
    await state(desk, call_id, "connected")
    assert await nothing(picky) == []
    added = await picky.ask("Bus/Session/Subscribe", {"subscriptions": ["*/InboundCall/*"]}, "Bus/Session/Subscribed")
    assert added["message"]["subscriptions"] == ["ui/*/*", "*/InboundCall/*"]
    desk.send("Amazon/InboundCall/Hold")
    await picky.expect(CHANGE)
    left = await picky.ask(
        "Bus/Session/Unsubscribe", {"subscriptions": ["*/inboundcall/*"]}, "Bus/Session/Unsubscribed"
    )
    assert left["message"]["subscriptions"] == ["ui/*/*"]
    desk.send("Amazon/InboundCall/Resume")
    await desk.expect(CHANGE)
    assert await nothing(picky) == []
    picky.send("Bus/Session/Subscribe", {"subscriptions": ["Bus/*/*"]})
    await picky.error("NOT_PERMITTED")


async def test_server_addresses_cannot_be_forged(service: RunningService) -> None:
    desk, pad = await service.desk(), await service.bus()
    for address in ("UI/InboundCall/ManualDialCall", CHANGE.upper(), f" {CHANGE} ", "Amazon/Agent/LoginSuccess",
                    "LCM/Error/ApiError", "Bus/Session/Reset"):  # fmt: skip
        desk.send(address, {"forged": True}, message={"forged": True})
        await desk.error("NOT_PERMITTED")
    assert await nothing(pad) == []


async def test_applications_talk_to_each_other_and_the_message_comes_as_it_was_sent(service: RunningService) -> None:
    crm, pad = await service.bus(), await service.bus()
    note = (
        '{ "channel":"MyCrm", "topic":"Record","subtopic":"Opened", "data":{"ü":[1, 1.0e2]} ,"n":12345678901234567890 }'
    )
    crm.send_text(note)
    for bus in (pad, crm):
        assert await bus.expect("MyCrm/Record/Opened") == json.loads(note)
    assert await nothing(crm) == []


async def test_the_stream_counts_by_one_and_only_where_it_was_asked_for(service: RunningService) -> None:
    desk = await service.desk()
    streamed, twin = await service.bus(stream=True), await service.bus(stream="true")
    start = streamed.registered["seq"]
    call_id = (await press(streamed))["callId"]
    for bus in (desk, streamed, twin):
        await state(bus, call_id, "connected")
    seqs = [message["meta"]["seq"] for message in streamed.seen]
    assert seqs == list(range(start + 1, start + 1 + len(seqs)))
    assert {message["meta"]["epoch"] for message in streamed.seen} == {streamed.registered["epoch"]}
    length = min(len(streamed.seen), len(twin.seen))
    assert streamed.seen[:length] == twin.seen[:length]
    assert not any("meta" in message for message in desk.seen)


async def test_what_cannot_be_resumed_is_reset_with_snapshots(service: RunningService) -> None:
    desk = await service.desk()
    call_id = (await press(desk))["callId"]
    back = await service.bus(stream=True, resume={"epoch": "another", "seq": 1})
    messages = [await back.receive() for _ in range(3)]
    assert [address_of(message) for message in messages] == [
        "Bus/Session/Reset", "Amazon/Agent/StateSync", "Amazon/InboundCall/StateSync",
    ]  # fmt: skip
    assert messages[1]["message"]["loginState"] == "LoggedIn"
    assert [call["dial"]["callId"] for call in messages[2]["message"]["calls"]] == [call_id]


async def test_whatever_comes_in_is_answered_and_nobody_else_notices(service: RunningService) -> None:
    bad, good = await service.desk(), await service.desk("bob")
    deep = "[" * 700 + "]" * 700
    for text in (
        "", "{", "[]", "null", '{"channel":7}', '{"channel":"LCM","Channel":"UI"}', f'{{"channel":{deep}}}',
        f'{{"channel":"LCM","topic":"Webservice","subtopic":"ManualDialCall","data":{{"Overrides":{deep}}}}}',
        f'{{"channel":"LCM","topic":"Webservice","subtopic":"ManualDialCall","data":{{"CampaignID":{"9" * 300}}}}}',
        '{"channel":"Amazon","message":1,"okmessage":{"channel":"LCM","requestId":[]}}',
        '{"channel":"LCM","topic":"Webservice","subtopic":"ManualDialCall","data":"\\ud800"}',
        '{"channel":"LCM","requestId":"\\u0000"}',
    ):  # fmt: skip
        bad.send_text(text)
        answer = await bad.receive()
        assert "MALFORMED_MESSAGE" in json.dumps(answer), (text[:60], answer)
    bad.send_frame(b"\x00\x01", opcode=BINARY)
    assert await bad.closed_with() == 4400
    assert (await press(good, number(0)))["replay"] is False


async def test_a_message_of_64_kib_is_read_and_one_byte_more_closes_the_connection(service: RunningService) -> None:
    bus, pad = await service.bus(), await service.bus()
    empty = json.dumps({"channel": "X", "topic": "Y", "subtopic": "Z", "data": ""})
    bus.send_text(empty.replace('""', f'"{"a" * (65_536 - len(empty))}"'))
    await pad.expect("X/Y/Z")
    bus.send_text(empty.replace('""', f'"{"a" * (65_537 - len(empty))}"'))
    assert await bus.closed_with() == 1009
    assert await nothing(pad) == []


async def test_errors_go_to_who_asked_alone(service: RunningService) -> None:
    bus, pad = await service.desk(), await service.bus()
    for address in ("LCM/Webservice/NoSuchThing", DIAL, "Amazon/InboundCall/Hold"):
        bus.send(address, {}, "r-1")
        assert is_error(await bus.receive())
    assert await nothing(pad) == []
