"""dispatcher: every request has exactly one answer, whatever it is (contract §1, §6)."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from manualdial.bus.bus import Bus
from manualdial.errors import ServiceUnavailable
from manualdial.ports import StoreUnavailable
from manualdial.requests.dispatcher import Dispatcher, Route, Routes
from manualdial.requests.request import DirectReply, Request
from manualdial.wire.envelope import MAX_MESSAGE_BYTES, Address
from manualdial.wire.messages.dial import Dial
from tests.support.answers import check_answer
from tests.support.core import Core, Desk, error_type, running_core
from tests.support.json_values import objects, objects_or_others, spelt, values
from tests.support.moved_clock import MovedClock
from tests.support.people import ANN, BOB, SUE, ZOE
from tests.support.recording_connection import RecordingConnection

# ── addresses ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("address", "channel"),
    [
        ("LCM/Webservice/NoSuchThing", "LCM"), ("lcm//", "LCM"), ("UI/InboundCall/Login", "UI"),
        ("Amazon/NoSuchThing/Login", "Amazon"), ("simulator/Agent/NoSuchThing", "Simulator"),
        ("Bus/Session/NoSuchThing", "Bus"), ("LCM/InboundCall/ManualDialCall", "LCM"),
    ],
)  # fmt: skip
async def test_an_address_that_there_is_not_on_a_channel_of_the_server_is_unknown(
    desk: Desk, address: str, channel: str
) -> None:
    answer = await desk.ask(address, {}, "r-1")
    assert (error_type(answer), answer["channel"], answer["requestId"]) == ("UNKNOWN_ADDRESS", channel, "r-1")
    assert "requestId" not in await desk.ask(address, {})


@pytest.mark.parametrize(
    "address",
    [
        "UI/InboundCall/ManualDialCall", "ui/inboundcall/MANUALDIALCALL", "Amazon/InboundCall/InboundCallStateChange",
        " AMAZON / InboundCall / inboundcallstatechange ", "Amazon/Agent/SetAgentState", "Amazon/Agent/LoginSuccess",
        "Simulator/Agent/LogoutSuccess", "Amazon/Error/ApiError", "Bus/Error/ApiError", "LCM/Error/ApiError",
        "UI/Error/ApiError", "Bus/Session/Registered", "Bus/Session/Reset", "Bus/Session/Subscribed",
    ],
)  # fmt: skip
async def test_what_only_the_server_publishes_cannot_be_forged(core: Core, desk: Desk, address: str) -> None:
    pad = await core.connection()
    channel, topic, subtopic = address.split("/")
    forged = {"channel": channel, "topic": topic, "subtopic": subtopic, "message": {"forged": True}, "data": {}}
    answer = await desk.send(forged)
    assert answer is not None
    assert error_type(answer) == "NOT_PERMITTED"
    assert pad.seen == []
    assert len(desk.seen) == 1


@pytest.mark.parametrize("connector", ["Amazon", "Simulator", "AMAZON", " simulator "])
async def test_every_connector_has_the_same_requests_and_answers_in_its_published_spelling(
    desk: Desk, connector: str
) -> None:
    answer = await desk.ask(f"{connector}/app/STATESYNC")
    assert (answer["channel"], answer["topic"], answer["subtopic"]) == (
        connector.strip().title(), "App", "StateSync",
    )  # fmt: skip


# ── applications among themselves ───────────────────────────────────────────────────────────────────────────────────


async def test_a_message_between_applications_is_passed_on_as_it_came_and_has_no_answer(core: Core, desk: Desk) -> None:
    pad, others = await core.connection(), [await core.connection(who) for who in (BOB, ZOE, SUE)]
    note = {"channel": "MyCrm", "topic": "Record", "subtopic": "Opened", "data": {"ü": [1, None]}, "x": 10**30}
    assert await desk.send(note) is None
    assert desk.seen == [note]
    assert pad.seen == [note]
    assert all(other.seen == [] for other in others)


async def test_a_packet_between_applications_is_passed_on_as_the_message_inside(core: Core, desk: Desk) -> None:
    note = {"channel": "MyCrm", "topic": "Record", "subtopic": "Opened", "data": [1]}
    await desk.send({"channel": "Amazon", "topic": "", "subTopic": "", "subscriberID": "7", "message": note})
    assert desk.seen == [note]


async def test_a_supervisors_application_talks_to_the_scope_that_it_reads(core: Core, desk: Desk) -> None:
    sue, colleague = await core.connection(SUE, scope="tenant"), await core.connection(SUE, scope="tenant")
    await sue.ask_nothing({"channel": "Wallboard", "topic": "A", "subtopic": "B"})
    assert [message["channel"] for message in colleague.seen] == ["Wallboard"]
    assert desk.seen == []


async def test_a_message_over_http_reaches_the_agents_applications(core: Core, desk: Desk) -> None:
    await core.over_http().ask_nothing({"channel": "MyCrm", "topic": "A", "subtopic": "B"})
    assert [message["channel"] for message in desk.seen] == ["MyCrm"]


# ── errors ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("raw", ["", "{", "[]", "7", "null", '{"topic":"Webservice"}', '{"channel":7}', "😀"])
async def test_what_is_malformed_is_answered_on_bus_and_the_connection_stays(desk: Desk, raw: str) -> None:
    answer = await desk.send(raw)
    assert answer is not None
    assert (error_type(answer), answer["channel"]) == ("MALFORMED_MESSAGE", "Bus")
    assert desk.connection.closed_for is None


async def test_an_error_goes_to_who_asked_and_to_nobody_else(core: Core, desk: Desk) -> None:
    pad = await core.connection()
    for address in ("LCM/Webservice/NoSuchThing", "LCM/Webservice/ManualDialCall", "Amazon/InboundCall/Hold"):
        await desk.ask(address, {})
    await desk.send("{")
    assert len(desk.seen) == 4
    assert pad.seen == []


async def test_an_error_of_a_packet_is_a_packet(desk: Desk) -> None:
    inner = {"channel": "LCM", "topic": "Webservice", "subtopic": "ManualDialCall", "requestId": "8", "data": {}}
    for message in (inner, {"channel": 7}):
        answer = await desk.send(
            {"channel": "Amazon", "topic": "", "subTopic": "", "subscriberID": "7", "message": message}
        )
        assert answer is not None
        assert (answer["subscriberID"], answer["message"]["topic"]) == ("7", "Error")
        check_answer(answer)


async def test_a_reply_to_a_packet_is_a_packet_and_plain_for_everybody_else(core: Core, desk: Desk) -> None:
    pad = await core.connection()
    inner = {"channel": "Amazon", "topic": "App", "subtopic": "StateSync", "requestId": "8"}
    answer = await desk.send({"channel": "Amazon", "subscriberID": 66, "okmessage": inner, "ResponseUrl": "https://x"})
    assert answer is not None
    assert (answer["subscriberID"], answer["subTopic"]) == (66, "")
    assert desk.seen == [answer]
    assert pad.seen == [answer["message"]]


# ── when a method does not go well ──────────────────────────────────────────────────────────────────────────────────


async def answer_of(
    method: Any, *, limit: float = 5.0, request_id: str | int | None = "r"
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The answer to a request whose method is this one, and what was logged."""
    route = Route(address=Address("LCM", "Test", "Do"), data=Dial, method=method)
    dispatcher = Dispatcher(
        bus=Bus(clock=MovedClock()),
        routes=Routes(
            lines=(route,),
            by_key={route.address.key: route},
            published_only=frozenset(),
            channels={"lcm": "LCM", "bus": "Bus"},
            connectors=(),
        ),
        limit=limit,
        span=nullcontext,
    )
    connection = RecordingConnection(caller=ANN)
    with capture_logs() as logs:
        message = {"channel": "LCM", "topic": "Test", "subtopic": "Do", "requestId": request_id}
        await dispatcher.handle(connection, json.dumps(message).encode())
    (answer,) = connection.received
    assert answer.get("requestId") == request_id
    return answer, list(map(dict, logs))


async def test_a_fault_of_the_service_is_told_by_an_incident_and_by_nothing_else() -> None:
    async def fails(_request: Request, _data: Dial) -> DirectReply:
        raise KeyError("/etc/secret")

    answer, logs = await answer_of(fails)
    assert error_type(answer) == "INTERNAL_ERROR"
    assert "secret" not in json.dumps(answer)
    assert answer["data"]["details"] == {"incident": logs[-1]["incident"]}


async def test_a_database_that_is_away_is_told_as_such() -> None:
    async def fails(_request: Request, _data: Dial) -> DirectReply:
        raise StoreUnavailable("/var/lib/x.sqlite3 is locked")

    answer, _ = await answer_of(fails)
    assert (error_type(answer), answer["data"]["retryable"]) == ("SERVICE_UNAVAILABLE", True)
    assert "sqlite" not in json.dumps(answer)


async def test_a_request_that_takes_too_long_is_ended_and_answered() -> None:
    ended = asyncio.Event()

    async def waits(_request: Request, _data: Dial) -> DirectReply:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    answer, _ = await answer_of(waits, limit=0.01)
    assert error_type(answer) == "SERVICE_UNAVAILABLE"
    assert ended.is_set()


async def test_an_answer_that_cannot_be_written_is_a_fault_and_an_answer() -> None:
    async def answers(request: Request, _data: Dial) -> DirectReply:
        return DirectReply(address=request.address, message=object())

    answer, _ = await answer_of(answers)
    assert error_type(answer) == "INTERNAL_ERROR"


async def test_a_message_that_the_transport_does_not_hand_over_is_answered_too(core: Core) -> None:
    connection = RecordingConnection()
    raw = b'{"channel":"LCM","topic":"Webservice","subtopic":"ManualDialCall","requestId":7}'
    core.dispatcher.refuse(connection, raw, ServiceUnavailable("the server is shutting down"))
    core.dispatcher.refuse(connection, b"{", ServiceUnavailable("the server is shutting down"))
    assert [error_type(answer) for answer in connection.received] == ["SERVICE_UNAVAILABLE", "MALFORMED_MESSAGE"]
    assert connection.received[0]["requestId"] == 7


@pytest.mark.parametrize(("request_id", "key"), [(4711, "4711"), ("4711", "4711"), (0, "0"), (None, None)])
async def test_a_number_and_its_text_name_the_same_press(request_id: str | int | None, key: str | None) -> None:
    async def tells_the_key(request: Request, _data: Dial) -> DirectReply:
        return DirectReply(address=request.address, message={"key": request.key, "who": request.caller.login_name})

    answer, _ = await answer_of(tells_the_key, request_id=request_id)
    assert answer["message"] == {"key": key, "who": ANN.login_name}


# ── a requestId from outside the message ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("inside", "key"), [(None, "k-1"), ("k-1", "k-1"), (7, "7")])
async def test_a_key_stands_for_the_request_id(core: Core, inside: Any, key: str) -> None:
    raw = json.dumps({"channel": "Amazon", "topic": "App", "subtopic": "StateSync", "requestId": inside}).encode()
    answer = await core.dispatcher.handle(RecordingConnection(caller=ANN), raw, request_id=key)
    assert answer.payload is not None
    assert str(json.loads(answer.payload)["requestId"]) == key


@pytest.mark.parametrize(("inside", "key"), [("k-2", "k-1"), (None, ""), (None, "x" * 200), (None, "a\nb")])
async def test_a_key_that_contradicts_the_message_or_names_nothing_is_malformed(
    core: Core, inside: Any, key: str
) -> None:
    raw = json.dumps({"channel": "Amazon", "topic": "App", "subtopic": "StateSync", "requestId": inside}).encode()
    answer = await core.dispatcher.handle(RecordingConnection(caller=ANN), raw, request_id=key)
    assert answer.error is not None
    assert answer.error.error_type == "MALFORMED_MESSAGE"


# ── whatever comes in ───────────────────────────────────────────────────────────────────────────────────────────────

ADDRESSES = [
    ("LCM", "Webservice", "ManualDialCall"),
    *(("Amazon", "InboundCall", name) for name in (
        "ManualDialCall", "SetMakeCall", "Hold", "Resume", "SendDTMF", "Disconnect", "ClearContact", "StateSync",
    )),
    *(("Amazon", "Agent", name) for name in (
        "Login", "Logout", "StateSync", "GetStates", "UpdateState", "SetNotReady", "Mute", "Unmute",
    )),
    ("Amazon", "App", "StateSync"),
    *(("Bus", "Session", name) for name in ("Register", "Subscribe", "Unsubscribe")),
]  # fmt: skip

KEYS = (
    "PhoneNumber", "Region", "CallerID", "CampaignID", "AccountNumber", "Purpose", "Entry", "ZipCode", "Overrides",
    "DryRun", "extension", "region", "userId", "label", "code", "type", "ReasonCodeId", "token", "subscriptions",
    "stream", "resume", "scope", "callId", "digits",
)  # fmt: skip


async def feed(*messages: bytes) -> None:
    """Send all of it on one connection of an agent who is logged in; each has one answer of the contract."""
    async with running_core() as core:
        desk = await core.desk()
        for raw in messages:
            desk.forget()
            with capture_logs() as logs:
                answer = await desk.send(raw)
            assert not [line for line in logs if line["log_level"] in ("error", "critical")], logs
            if answer is not None:
                check_answer(answer)
                assert desk.seen.count(answer) == 1 or "requestId" not in answer
        await desk.ask("Amazon/App/StateSync")


@settings(max_examples=25)
@given(st.lists(st.binary(max_size=80) | st.text(max_size=40).map(str.encode), min_size=1, max_size=8))
def test_any_bytes_are_answered(messages: list[bytes]) -> None:
    asyncio.run(feed(*messages))


@settings(max_examples=25)
@given(st.lists(values.map(lambda value: json.dumps(value).encode()), min_size=1, max_size=8))
def test_any_json_is_answered(messages: list[bytes]) -> None:
    asyncio.run(feed(*messages))


@settings(max_examples=25)
@given(
    st.lists(
        objects("channel", "topic", "subtopic", "data", "requestId", "message", "okmessage", "subscriberID", "source"),
        min_size=1,
        max_size=8,
    )
)
def test_any_frame_is_answered(frames: list[dict[str, Any]]) -> None:
    asyncio.run(feed(*(json.dumps(frame).encode() for frame in frames)))


@pytest.mark.parametrize("address", ADDRESSES, ids="/".join)
@settings(max_examples=5)
@given(data=st.data())
def test_any_data_on_any_address_is_answered(address: tuple[str, str, str], data: st.DataObject) -> None:
    messages = []
    for _ in range(4):
        frame = {
            data.draw(spelt("channel")): address[0],
            data.draw(spelt("topic")): address[1],
            data.draw(spelt("subtopic")): address[2],
            "data": data.draw(objects_or_others(*KEYS)),
            "requestId": data.draw(st.none() | st.integers() | st.text(max_size=5)),
        }
        packet = {"channel": "Amazon", "subscriberID": data.draw(values), "message": frame}
        messages.append(json.dumps(data.draw(st.sampled_from((frame, packet)))).encode())
    asyncio.run(feed(*messages))


@pytest.mark.parametrize("depth", [450, 500, 700, 900, 950, 980, 1000, 20_000])
async def test_deep_nesting_is_answered_wherever_it_stands(desk: Desk, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    for form in (
        '{"channel":"LCM","topic":"Webservice","subtopic":"ManualDialCall","data":%s}',
        '{"channel":"LCM","topic":"Webservice","subtopic":"ManualDialCall","data":{"PhoneNumber":%s}}',
        '{"channel":"LCM","topic":"Webservice","subtopic":"ManualDialCall","data":{"Overrides":%s}}',
        '{"channel":"Amazon","subscriberID":%s,"message":{"channel":"LCM"}}',
        '{"channel":"Amazon","subscriberID":1,"message":{"channel":"LCM","data":%s}}',
        '{"channel":%s}',
        '{"channel":"LCM","requestId":%s}',
    ):
        answer = await desk.send(form % deep)
        assert answer is not None
        check_answer(answer)


@pytest.mark.parametrize("number", [2**63, 10**30, -(10**300), 10**4000])
async def test_huge_numbers_are_answered_wherever_they_stand(desk: Desk, number: int) -> None:
    for data in (
        {"CampaignID": number},
        {"PhoneNumber": number},
        {"DryRun": number},
        {"AccountNumber": number},
        number,
    ):
        answer = await desk.ask("LCM/Webservice/ManualDialCall", data)
        check_answer(answer)
        assert "message" not in answer
    for address in ("Amazon/InboundCall/Hold", "Amazon/InboundCall/SendDTMF", "Amazon/Agent/Login"):
        check_answer(await desk.ask(address, {"callId": number, "digits": number, "extension": number}))
    packet = {"channel": "Amazon", "subscriberID": number, "message": {"channel": "LCM", "data": number}}
    wrapped = await desk.send(packet)
    assert wrapped is not None
    check_answer(wrapped)


@pytest.mark.parametrize(
    "text", ["\x00", "+1202555\x000100", "\u202e", "\ufeff", "x" * 60_000, "'; DROP TABLE calls; --"]
)
async def test_hard_texts_are_answered_wherever_they_stand(desk: Desk, text: str) -> None:
    for key in KEYS:
        check_answer(
            await desk.ask("LCM/Webservice/ManualDialCall", {"PhoneNumber": "+12025550100", "DryRun": True, key: text})
        )
    check_answer(await desk.ask("Amazon/Agent/SetNotReady", {"ReasonCodeId": text}))
    for address in ("Login", "UpdateState", "Logout"):
        check_answer(await desk.ask(f"Amazon/Agent/{address}", {"extension": text, "label": text, "userId": text}))


async def test_a_message_of_the_largest_size_is_answered(desk: Desk) -> None:
    empty = '{"channel":"LCM","topic":"Webservice","subtopic":"ManualDialCall","data":""}'
    for size in (MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES + 1):
        answer = await desk.send(empty.replace('""', f'"{"1" * (size - len(empty))}"'))
        assert answer is not None
        check_answer(answer)
