"""registration: a connection registers, subscribes, unsubscribes (contract §6)."""

from __future__ import annotations

from typing import Any

import pytest

from manualdial import __version__
from tests.support.core import Core, Desk, error_type
from tests.support.people import SUE, ZOE

REGISTER, SUBSCRIBE, UNSUBSCRIBE = (f"Bus/Session/{name}" for name in ("Register", "Subscribe", "Unsubscribe"))


async def test_registered_tells_who_is_there_and_where_the_stream_is(core: Core) -> None:
    answer = await core.client().ask(REGISTER, {"token": "ann"}, "r-1")
    assert (answer["channel"], answer["topic"], answer["subtopic"], answer["requestId"]) == (
        "Bus", "Session", "Registered", "r-1",
    )  # fmt: skip
    message = answer["message"]
    assert message.pop("subscriberID")
    assert message == {
        "user": {"id": "u-ann", "loginName": "ann", "name": "Ann", "roles": ["agent"]},
        "tenant": "north",
        "epoch": core.bus.epoch,
        "seq": 0,
        "subscriptions": ["*/*/*"],
        "server": {"name": "manualdial", "version": __version__},
    }


async def test_a_token_of_the_handshake_counts_too(core: Core) -> None:
    answer = await core.client(token="ann").ask(REGISTER)
    assert answer["message"]["user"]["loginName"] == "ann"


async def test_the_token_of_the_handshake_wins_over_that_of_the_message(core: Core) -> None:
    answer = await core.client(token="ann").ask(REGISTER, {"token": "bob"})
    assert answer["message"]["user"]["loginName"] == "ann"


async def test_a_bad_token_of_the_handshake_is_not_made_good_by_the_message(core: Core) -> None:
    client = core.client(token="nobody")
    await client.ask(REGISTER, {"token": "bob"})
    assert client.connection.closed_for is not None


@pytest.mark.parametrize("data", [None, {}, {"token": "nobody"}, {"token": ""}, {"token": None}])
async def test_without_a_good_token_the_connection_is_closed_and_told_nothing_else(core: Core, data: Any) -> None:
    client = core.client()
    await client.ask(REGISTER, data)
    assert client.connection.closed_for is not None
    assert client.seen == []
    assert client.connection.caller is None


@pytest.mark.parametrize(
    "data", [{"token": 7}, {"token": "ann", "stream": "yes"}, {"token": "ann", "subscriptions": "x"}]
)
async def test_a_register_that_cannot_be_read_is_malformed_and_may_come_again(core: Core, data: dict[str, Any]) -> None:
    client = core.client()
    assert error_type(await client.ask(REGISTER, data)) == "MALFORMED_MESSAGE"
    assert client.connection.closed_for is None
    assert (await client.ask(REGISTER, {"token": "ann"}))["subtopic"] == "Registered"


@pytest.mark.parametrize(
    "address", ["LCM/Webservice/ManualDialCall", "Bus/Session/Subscribe", "MyCrm/A/B", "No/Such/Thing"]
)
async def test_nothing_else_is_answered_before(core: Core, address: str) -> None:
    reader = await core.connection()
    client = core.client()
    assert error_type(await client.ask(address, {}, "r-1")) == "NOT_REGISTERED"
    assert client.seen[0]["requestId"] == "r-1"
    assert reader.seen == []


async def test_a_second_register_is_refused(desk: Desk) -> None:
    assert error_type(await desk.ask(REGISTER, {"token": "bob"})) == "NOT_PERMITTED"
    assert (await desk.ask("Amazon/Agent/StateSync"))["message"]["agentInfo"]["loginName"] == "ann"


async def test_over_http_nobody_registers_or_subscribes(core: Core) -> None:
    for address in (REGISTER, SUBSCRIBE, UNSUBSCRIBE):
        answer = await core.over_http().ask(address, {"token": "ann", "subscriptions": ["*/*/*"]})
        assert error_type(answer) == "NOT_PERMITTED"


async def test_what_happens_before_registration_is_counted_and_not_delivered(core: Core, desk: Desk) -> None:
    await desk.ask("Amazon/App/StateSync")
    late = core.client()
    answer = await late.ask(REGISTER, {"token": "ann", "stream": "true"})
    seq = answer["message"]["seq"]
    assert seq >= 1
    await desk.ask("Amazon/App/StateSync")
    assert [message["meta"]["seq"] for message in late.seen if "meta" in message] == [seq + 1]


# ── subscriptions ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_subscribing_and_unsubscribing_answer_with_what_is_in_force(core: Core) -> None:
    desk = await core.connection(subscriptions=["UI/*/*"])
    added = await desk.ask(SUBSCRIBE, {"subscriptions": ["*/InboundCall/*", "ui/*/*"]})
    assert (added["subtopic"], added["message"]) == ("Subscribed", {"subscriptions": ["UI/*/*", "*/InboundCall/*"]})
    left = await desk.ask(UNSUBSCRIBE, {"Subscriptions": ["UI/*/*"]})
    assert (left["subtopic"], left["message"]) == ("Unsubscribed", {"subscriptions": ["*/InboundCall/*"]})


async def test_who_subscribes_to_nothing_gets_its_own_replies_alone(core: Core, desk: Desk) -> None:
    quiet = await core.connection(subscriptions=[])
    await desk.ask("Amazon/App/StateSync")
    answer = await quiet.ask("Amazon/App/StateSync")
    assert quiet.seen == [answer]


@pytest.mark.parametrize("patterns", [["Bus/*/*"], ["bus/session/*"], ["UI/*/*", "Bus/Session/Reset"]])
async def test_a_pattern_that_nobody_may_see_is_refused_as_a_whole(core: Core, desk: Desk, patterns: list[str]) -> None:
    before = (await desk.ask(SUBSCRIBE, {"subscriptions": []}))["message"]
    assert error_type(await desk.ask(SUBSCRIBE, {"subscriptions": patterns})) == "NOT_PERMITTED"
    assert (await desk.ask(SUBSCRIBE, {"subscriptions": []}))["message"] == before
    client = core.client()
    answer = await client.ask(REGISTER, {"token": "ann", "subscriptions": patterns})
    assert error_type(answer) == "NOT_PERMITTED"


@pytest.mark.parametrize(
    "data", [None, {}, {"subscriptions": None}, {"subscriptions": [7]}, {"subscriptions": ["x"]}, []]
)
async def test_what_is_no_list_of_patterns_is_malformed(desk: Desk, data: Any) -> None:
    assert error_type(await desk.ask(SUBSCRIBE, data)) == "MALFORMED_MESSAGE"


# ── scopes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_agent_may_not_read_the_tenant(core: Core) -> None:
    client = core.client()
    assert error_type(await client.ask(REGISTER, {"token": "ann", "scope": "tenant"})) == "NOT_PERMITTED"
    assert client.connection.caller is None


async def test_a_supervisor_reads_the_tenant_where_that_is_asked_for(core: Core, desk: Desk) -> None:
    everything, own = await core.connection(SUE, scope="tenant"), await core.connection(SUE)
    stranger = await core.connection(ZOE)
    await desk.press()
    assert everything.states() == [("agent", "requested")]
    assert (own.seen, stranger.seen) == ([], [])


async def test_the_replies_to_a_supervisor_stay_with_the_supervisor(core: Core, desk: Desk) -> None:
    sue = await core.connection(SUE, scope="tenant")
    answer = await sue.ask("Amazon/App/StateSync")
    assert sue.seen == [answer]
    assert desk.seen == []


# ── coming back ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("resume", [{"epoch": "another", "seq": 0}, {"epoch": "", "seq": 1}])
async def test_what_cannot_be_resumed_is_reset_with_snapshots(core: Core, desk: Desk, resume: dict[str, Any]) -> None:
    call_id = await desk.connected_call(core.engine)
    client = core.client()
    await client.ask(REGISTER, {"token": "ann", "stream": True, "resume": resume})
    assert [message["subtopic"] for message in client.seen] == ["Registered", "Reset", "StateSync", "StateSync"]
    assert client.seen[3]["message"]["calls"][0]["contactId"] == call_id


async def test_a_number_above_the_newest_is_reset(core: Core) -> None:
    client = core.client()
    await client.ask(REGISTER, {"token": "ann", "resume": {"epoch": core.bus.epoch, "seq": 10**9}})
    assert [message["subtopic"] for message in client.seen][1] == "Reset"


async def test_who_has_missed_nothing_gets_nothing_more(core: Core) -> None:
    client = core.client()
    await client.ask(REGISTER, {"token": "ann", "resume": {"epoch": core.bus.epoch, "seq": 0}})
    assert [message["subtopic"] for message in client.seen] == ["Registered"]


async def test_a_connection_that_is_gone_reads_no_more(core: Core, desk: Desk) -> None:
    core.leave(desk)
    other = await core.connection()
    await other.ask("Amazon/App/StateSync")
    assert desk.seen == []
