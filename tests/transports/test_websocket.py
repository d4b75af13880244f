"""The bus over real sockets: frames, registration, readers, closing."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.support.bus_client import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    BusClient,
    Closed,
    Refused,
    client_frame,
)
from tests.support.small_service import SmallService, small_service
from tests.support.waiting import until

HAPPENED = "LCM/Test/Happened"


def message_of_size(size: int) -> str:
    """A message between applications, this many bytes long."""
    empty = json.dumps({"channel": "X", "topic": "Y", "subtopic": "Z", "data": ""})
    return empty[:-2] + "a" * (size - len(empty)) + empty[-2:]


async def test_a_message_gets_its_answer(service: SmallService) -> None:
    async with await BusClient.open(service.port, token=await service.token()) as client:
        answer = await client.ask("LCM/Test/Echo", {"text": "hello"})
    assert answer["message"] == {"text": "hello"}


@pytest.mark.parametrize("how", ["message", "header", "subprotocol"])
async def test_a_token_is_taken_from_each_of_the_three_places(service: SmallService, how: str) -> None:
    async with await BusClient.open(service.port, token=await service.token(), how=how) as client:
        assert client.registered["user"]["loginName"] == "ann"
        assert client.subprotocol == ("manualdial.v1" if how == "subprotocol" else None)


@pytest.mark.parametrize("how", ["message", "header", "subprotocol"])
async def test_a_bad_token_closes_with_4401_and_nothing_else(service: SmallService, how: str) -> None:
    with pytest.raises(Closed) as closed:
        await BusClient.open(service.port, token="not-a-token", how=how)
    assert closed.value.code == 4401


async def test_a_token_that_ran_out_closes_with_4501(service: SmallService) -> None:
    token = await service.token()
    service.clock.move(3600)
    with pytest.raises(Closed) as closed:
        await BusClient.open(service.port, token=token)
    assert closed.value.code == 4501


async def test_a_token_in_the_address_is_not_read(service: SmallService) -> None:
    token = await service.token()
    async with await BusClient.connect(service.port, path=f"/v1/bus?token={token}&access_token={token}") as client:
        client.send("Bus/Session/Register", {})
        assert await client.closed_with() == 4401


async def test_the_subprotocol_is_chosen_only_where_it_is_offered(service: SmallService) -> None:
    offer = {"Sec-WebSocket-Protocol": "chat, manualdial.v1"}
    async with await BusClient.connect(service.port, headers=offer) as client:
        assert client.subprotocol == "manualdial.v1"
    async with await BusClient.connect(service.port, headers={"Sec-WebSocket-Protocol": "chat"}) as client:
        assert client.subprotocol is None


async def test_another_path_is_404(service: SmallService) -> None:
    with pytest.raises(Refused) as refused:
        await BusClient.connect(service.port, path="/v1/other")
    assert refused.value.status == 404
    assert json.loads(refused.value.body)["data"]["errorType"] == "UNKNOWN_ADDRESS"


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Sec-WebSocket-Version": "8"}, 426), ({"Sec-WebSocket-Key": "c2hvcnQ="}, 400)],
)
async def test_an_upgrade_that_is_not_good_is_refused(
    service: SmallService, headers: dict[str, str], status: int
) -> None:
    # The header is there twice then, and a list of versions or keys is none.
    with pytest.raises(Refused) as refused:
        await BusClient.connect(service.port, headers=headers)
    assert refused.value.status == status


async def test_an_origin_counts_only_where_some_are_listed() -> None:
    async with small_service(allowed_origins=("https://desk.example",)) as service:
        for headers in ({}, {"Origin": "https://desk.example"}):
            async with await BusClient.connect(service.port, headers=headers):
                pass
        with pytest.raises(Refused) as refused:
            await BusClient.connect(service.port, headers={"Origin": "https://elsewhere.example"})
        assert refused.value.status == 403
    async with (
        small_service() as service,
        await BusClient.connect(service.port, headers={"Origin": "https://elsewhere.example"}),
    ):
        pass


async def test_one_connection_more_than_the_server_holds_is_503() -> None:
    async with small_service(max_connections=1) as service:
        async with await BusClient.connect(service.port):
            with pytest.raises(Refused) as refused:
                await BusClient.connect(service.port)
        assert refused.value.status == 503


async def test_who_does_not_register_in_time_is_closed_with_4401(service: SmallService) -> None:
    async with await BusClient.connect(service.port) as client:
        client.send("LCM/Test/Echo", {"text": "too early"})
        await client.error("NOT_REGISTERED")
        service.clock.move(10)
        assert await client.closed_with() == 4401


async def test_a_connection_ends_with_its_token(service: SmallService) -> None:
    async with await BusClient.open(service.port, token=await service.token()) as client:
        service.clock.move(3601)
        assert await client.closed_with() == 4501


async def test_the_server_pings_and_ends_a_peer_that_does_not_answer(service: SmallService) -> None:
    async with await BusClient.open(service.port, token=await service.token()) as client:
        service.clock.move(20)
        assert await client.receive_frame() == (PING, True, b"")
        service.clock.move(20)
        opcode, _, payload = await client.receive_frame()
        assert (opcode, int.from_bytes(payload, "big")) == (CLOSE, 1011)


async def test_a_peer_that_answers_pings_stays(service: SmallService) -> None:
    async with await BusClient.open(service.port, token=await service.token()) as client:
        for _ in range(3):
            service.clock.move(20)
            assert (await client.receive_frame())[0] == PING
            client.send_frame(b"", opcode=PONG)
            # The pong is read before this, and is what counts: the answer comes from a connection that is open.
            await client.ask("LCM/Test/Echo", {"text": "there"})


async def test_a_ping_is_answered_with_its_payload(service: SmallService) -> None:
    async with await BusClient.connect(service.port) as client:
        client.send_frame(b"are you there", opcode=PING)
        assert await client.receive_frame() == (PONG, True, b"are you there")


async def test_a_close_is_answered_with_its_code(service: SmallService) -> None:
    async with await BusClient.connect(service.port) as client:
        client.send_frame((4000).to_bytes(2, "big") + b"bye", opcode=CLOSE)
        assert await client.closed_with() == 4000
        client.send_frame(b"", opcode=CLOSE)
    async with await BusClient.connect(service.port) as client:
        client.send_frame(b"", opcode=CLOSE)
        assert await client.closed_with() == 1000


async def test_half_frames_are_put_together(service: SmallService) -> None:
    async with await BusClient.open(service.port, token=await service.token()) as client:
        raw = client_frame(message_of_size(300).encode())
        for at in range(0, len(raw), 7):
            client.send_bytes(raw[at : at + 7])
            await client.flush()
            await asyncio.sleep(0)
        assert (await client.expect("X/Y/Z"))["data"] == json.loads(message_of_size(300))["data"]


async def test_a_fragmented_message_is_put_together_with_a_ping_in_between(service: SmallService) -> None:
    async with await BusClient.open(service.port, token=await service.token()) as client:
        text = message_of_size(65_536).encode()
        client.send_frame(text[:10], final=False)
        client.send_frame(b"", opcode=PING)
        client.send_frame(text[10:40_000], opcode=CONTINUATION, final=False)
        client.send_frame(text[40_000:], opcode=CONTINUATION)
        assert (await client.receive_frame())[0] == PONG
        assert (await client.expect("X/Y/Z"))["channel"] == "X"


async def test_65536_bytes_are_a_message_and_one_more_is_1009(service: SmallService) -> None:
    async with await BusClient.open(service.port, token=await service.token()) as client:
        client.send_text(message_of_size(65_536))
        await client.expect("X/Y/Z")
        client.send_text(message_of_size(65_537))
        assert await client.closed_with() == 1009


async def test_fragments_of_more_than_65536_bytes_are_1009(service: SmallService) -> None:
    async with await BusClient.open(service.port, token=await service.token()) as client:
        client.send_frame(b"a" * 60_000, final=False)
        client.send_frame(b"a" * 5_537, opcode=CONTINUATION, final=False)
        assert await client.closed_with() == 1009


async def test_the_code_arrives_though_the_client_goes_on_sending(service: SmallService) -> None:
    async with await BusClient.open(service.port, token=await service.token()) as client:
        client.send_bytes(client_frame(b"a" * 4_000_000))
        await client.flush()
        assert await client.closed_with() == 1009


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([client_frame(b"{}", opcode=BINARY)], 4400),
        ([client_frame(b"{}", masked=False)], 1002),
        ([client_frame(b"{}", opcode=0x3)], 1002),
        ([client_frame(b"{}", opcode=CONTINUATION)], 1002),
        ([client_frame(b"{", final=False), client_frame(b"{}")], 1002),
        ([client_frame(b"a" * 126, opcode=PING)], 1002),
        ([client_frame(b"", opcode=PING, final=False)], 1002),
        ([client_frame((1).to_bytes(2, "big"), opcode=CLOSE)], 1002),
        ([bytes((0xC0 | TEXT, 0x80)) + bytes(4)], 1002),
    ],
    ids=["binary", "unmasked", "opcode", "continuation", "nested", "long-ping", "split-ping", "close-code", "rsv1"],
)
async def test_what_is_no_protocol_closes_that_one_connection(
    service: SmallService, frames: list[bytes], code: int
) -> None:
    token = await service.token()
    async with await BusClient.open(service.port, token=token) as other:
        async with await BusClient.open(service.port, token=token) as client:
            client.send_bytes(b"".join(frames))
            assert await client.closed_with() == code
        assert (await other.ask("LCM/Test/Echo", {"text": "still here"}))["message"]["text"] == "still here"


async def test_what_is_no_json_is_an_error_and_the_connection_stays(service: SmallService) -> None:
    async with await BusClient.open(service.port, token=await service.token()) as client:
        for raw in (b"", b"\xff\xfe", b"[" * 30_000, b"[]", b"{}"):
            client.send_frame(raw)
            await client.error("MALFORMED_MESSAGE")
        await client.ask("LCM/Test/Echo", {"text": "still here"})


async def test_requests_of_a_connection_start_in_order(service: SmallService) -> None:
    async with await BusClient.open(service.port, token=await service.token()) as client:
        client.send_bytes(
            b"".join(
                client_frame(json.dumps({
                    "channel": "LCM", "topic": "Test", "subtopic": "Wait", "data": {"text": str(number)}
                }).encode())
                for number in range(8)
            )
        )  # fmt: skip
        await client.ask("Bus/Session/Subscribe", {"subscriptions": ["X/Y/Z"]}, "Bus/Session/Subscribed")
        assert service.started == [str(number) for number in range(8)]
        service.go_on.set()
        for number in range(8):
            assert (await client.expect("LCM/Test/Wait"))["message"]["text"] == str(number)


async def test_too_many_requests_at_once_are_refused_each_with_an_error(service: SmallService) -> None:
    async with await BusClient.open(service.port, token=await service.token()) as client:
        for number in range(9):
            client.send("LCM/Test/Wait", {"text": str(number)}, request_id=number)
        refused = await client.error("TOO_MANY_REQUESTS")
        assert refused["requestId"] == 8
        assert refused["data"]["retryable"]
        service.go_on.set()
        await client.expect("LCM/Test/Wait", lambda message: message["requestId"] == 7)
        await client.ask("LCM/Test/Echo", {"text": "room again"})


async def test_a_request_ends_though_its_connection_is_gone(service: SmallService) -> None:
    token = await service.token()
    async with await BusClient.open(service.port, token=token) as client:
        client.send("LCM/Test/Wait", {"text": "a dial"})
        await client.ask("LCM/Test/Echo", {"text": "the wait has begun"})
    async with await BusClient.open(service.port, token=token) as other:
        await until(lambda: len(service.endpoint) == 1)
        service.go_on.set()
        await other.ask("LCM/Test/Echo", {"text": "a turn later"})
    assert service.finished == ["a dial"]


async def test_events_of_one_turn_come_in_order_to_every_reader(service: SmallService) -> None:
    token = await service.token()
    async with (
        await BusClient.open(service.port, token=token, stream=True) as streamed,
        await BusClient.open(service.port, token=token) as plain,
        await BusClient.open(service.port, token=await service.token("bob")) as stranger,
    ):
        service.publish(*map(str, range(100)))
        for number in range(100):
            assert (await plain.expect(HAPPENED))["message"]["text"] == str(number)
            assert (await streamed.expect(HAPPENED))["meta"]["seq"] == number + 1
        await stranger.ask("LCM/Test/Echo", {"text": "nothing for me"})
        assert not [message for message in stranger.seen if message.get("subtopic") == "Happened"]


async def test_a_client_that_stops_reading_is_closed_with_4508_and_others_go_on() -> None:
    async with small_service(max_reader_lag=100_000) as service:
        token = await service.token()
        async with (
            await BusClient.open(service.port, token=token) as good,
            await BusClient.open(service.port, token=token) as stuck,
        ):
            stuck.stop_reading()
            for number in range(2_000):
                service.publish(f"{number}:" + "a" * 20_000)
                assert (await good.expect(HAPPENED))["message"]["text"].startswith(f"{number}:")
                if service.closed_with:
                    break
            assert service.closed_with == [4508]
            stuck.resume_reading()
            assert await stuck.closed_with() == 4508
            texts = [int(message["message"]["text"].partition(":")[0]) for message in stuck.seen[1:]]
            assert texts == list(range(len(texts)))  # up to its end it had every message
            await good.ask("LCM/Test/Echo", {"text": "still here"})


async def test_what_waits_for_a_client_that_never_reads_again_is_dropped_after_the_grace() -> None:
    async with (
        small_service(max_reader_lag=100_000, close_grace=5) as service,
        await BusClient.open(service.port, token=await service.token()) as stuck,
    ):
        stuck.stop_reading()
        for _ in range(2_000):
            service.publish("a" * 20_000)
            await asyncio.sleep(0)
            if service.closed_with:
                break
        assert service.closed_with == [4508]
        assert len(service.endpoint) == 1
        service.clock.move(5)
        await until(lambda: len(service.endpoint) == 0)


async def test_a_burst_of_one_turn_is_no_lag() -> None:
    async with (
        small_service(max_reader_lag=1_000) as service,
        await BusClient.open(service.port, token=await service.token()) as client,
    ):
        await client.ask("LCM/Test/Burst", {"text": "a" * 1_000, "count": 500})
        assert len([message for message in client.seen if message.get("subtopic") == "Happened"]) == 500


async def test_pings_without_reading_the_answers_are_lag_too() -> None:
    async with small_service(max_reader_lag=10_000) as service, await BusClient.connect(service.port) as client:
        client.stop_reading()
        ping = client_frame(b"a" * 125, opcode=PING)
        for _ in range(4_000):
            client.send_bytes(ping * 100)
            await asyncio.sleep(0)
            if service.closed_with:
                break
        assert service.closed_with == [4508]


async def test_a_stop_closes_with_4503_after_the_answers_that_are_under_way(service: SmallService) -> None:
    token = await service.token()
    async with (
        await BusClient.open(service.port, token=token) as busy,
        await BusClient.open(service.port, token=token) as idle,
    ):
        busy.send("LCM/Test/Wait", {"text": "a dial"})
        await busy.ask("LCM/Test/Echo", {"text": "the wait has begun"})
        stopping = asyncio.create_task(service.server.__aexit__(None, None, None))
        assert await idle.closed_with() == 4503
        await idle.close()
        busy.send("LCM/Test/Echo", {"text": "too late"})
        await busy.error("SERVICE_UNAVAILABLE")
        service.go_on.set()
        await busy.expect("LCM/Test/Wait")
        assert await busy.closed_with() == 4503
        await busy.close()
        await stopping
    with pytest.raises(ConnectionError):
        await BusClient.connect(service.port)


async def test_a_stop_does_not_wait_for_ever() -> None:
    async with (
        small_service(stop_limit=1) as service,
        await BusClient.open(service.port, token=await service.token()) as client,
    ):
        client.send("LCM/Test/Wait", {"text": "never ends"})
        await client.ask("LCM/Test/Echo", {"text": "the wait has begun"})
        async with asyncio.timeout(10):
            await service.server.__aexit__(None, None, None)
        assert service.finished == []
        assert await client.closed_with() in (4503, 1006)


async def test_a_reader_that_is_gone_is_left_out_by_the_bus(service: SmallService) -> None:
    async with await BusClient.open(service.port, token=await service.token()) as client:
        await client.ask("LCM/Test/Echo", {"text": "here"})
    await until(lambda: len(service.endpoint) == 0)
    service.publish("nobody reads this")


async def test_a_connection_that_sends_too_much_is_told_and_then_closed_and_others_go_on() -> None:
    async with small_service(max_incoming_rate=2048) as service:
        token = await service.token()
        async with (
            await BusClient.open(service.port, token=token) as flood,
            await BusClient.open(service.port, token=token) as other,
        ):
            for number in range(20):
                flood.send("LCM/Test/Echo", {"text": "x"}, request_id=number)
            refused = await flood.error("TOO_MANY_REQUESTS")
            assert refused["data"]["retryable"]
            assert await flood.closed_with() == 4400
            await other.ask("LCM/Test/Echo", {"text": "still here"})
