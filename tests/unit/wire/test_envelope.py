"""envelope: bytes ⇄ envelope (contract §1)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manualdial.errors import MalformedMessage
from manualdial.wire.envelope import (
    MAX_MESSAGE_BYTES,
    Address,
    MalformedPacket,
    Outgoing,
    Packet,
    api_error,
    decode,
    fold,
    refuse_repeated_keys,
    reply,
)
from tests.support.json_values import objects, values


def message(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_message_is_read_with_all_that_it_has() -> None:
    raw = message(channel="LCM", topic="Webservice", subtopic="ManualDialCall", source="x", data={"a": 1}, requestId=7)
    envelope = decode(raw)
    assert envelope.address == Address("LCM", "Webservice", "ManualDialCall")
    assert (envelope.data, envelope.request_id, envelope.packet, envelope.raw) == ({"a": 1}, 7, None, raw)


def test_keys_of_the_frame_are_read_whatever_their_case_and_blanks() -> None:
    envelope = decode(message(**{"CHANNEL": "LCM", "Topic": "T", "subTopic": "S", "DATA": "d", " RequestID ": "r"}))
    assert envelope.address == Address("LCM", "T", "S")
    assert (envelope.data, envelope.request_id) == ("d", "r")


def test_addresses_that_differ_by_case_and_outer_blanks_are_the_same() -> None:
    assert Address(" lcm", "WebService ", "MANUALDIALCALL").key == Address("LCM", "Webservice", "ManualDialCall").key


def test_topic_and_subtopic_may_be_absent_or_null() -> None:
    assert decode(message(channel="LCM", topic=None)).address == Address("LCM", "", "")


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b"7", b"null", b'"text"', b"\xff", b"\xf0\x9f\x98\x80", b'{"topic":"x"}', b'{"channel":7}',
        b'{"channel":""}', b'{"channel":"  "}', b'{"channel":null}', b'{"channel":["LCM"]}', b'{"channel":"LCM"}{}',
        b'{"channel":"LCM","topic":7}', b'{"channel":"LCM","subtopic":{}}', b'{"channel":"LCM","data":NaN}',
        b'{"channel":"LCM","data":1e999}', b'{"channel":"LCM","data":"\\ud800"}', b'{"channel":"LCM","data":"\xc0"}',
        b'{"channel":"LCM",}', b"{'channel':'LCM'}", b'\xef\xbb\xbf{"channel":"LCM"}', b'{"channel":"LCM\x00"}',
    ],
)  # fmt: skip
def test_what_is_no_message_is_malformed_and_is_not_told_again(raw: bytes) -> None:
    with pytest.raises(MalformedMessage) as refused:
        decode(raw)
    assert "LCM" not in refused.value.message


@pytest.mark.parametrize(
    "raw",
    [
        b'{"channel":"LCM","Channel":"MyCrm"}',
        b'{"channel":"LCM","topic":"a","TOPIC":"a"}',
        b'{"channel":"LCM","subtopic":"a","subTopic":"b"}',
        b'{"channel":"LCM","data":1,"Data":2}',
        b'{"channel":"LCM","requestId":"1","requestID":"2"}',
    ],
)
def test_a_key_in_two_spellings_is_refused_since_readers_could_differ(raw: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode(raw)


def test_the_largest_message_is_read_and_one_byte_more_is_not() -> None:
    empty = message(channel="X", data="")
    largest = message(channel="X", data="a" * (MAX_MESSAGE_BYTES - len(empty)))
    assert len(largest) == 65_536
    assert decode(largest).address.channel == "X"
    with pytest.raises(MalformedMessage):
        decode(largest + b" ")


@pytest.mark.parametrize("depth", [100, 450, 500, 600, 900, 960, 970, 980, 990, 1000, 5_000, 30_000])
@pytest.mark.parametrize("frame", ['{"channel":"X","data":%s}', '{"channel":"X","message":{"channel":"Y","data":%s}}'])
def test_however_deep_the_nesting_it_is_read_or_malformed(depth: int, frame: str) -> None:
    raw = (frame % ("[" * depth + "]" * depth)).encode()
    try:
        assert decode(raw).address.channel in ("X", "Y")
    except MalformedMessage:
        assert depth > 500


@pytest.mark.parametrize("request_id", ["a", "x" * 128, 0, -1, 2**63 - 1, "ü 😀"])
def test_a_request_id_is_a_text_or_a_whole_number(request_id: Any) -> None:
    assert decode(message(channel="X", requestId=request_id)).request_id == request_id


@pytest.mark.parametrize("request_id", ["", "x" * 129, True, 1.5, [], {}, 2**63, 10**40, "a\nb", "\x00"])
def test_what_cannot_name_a_press_is_malformed(request_id: Any) -> None:
    with pytest.raises(MalformedMessage):
        decode(message(channel="X", requestId=request_id))


def test_a_request_id_that_is_null_is_none() -> None:
    assert decode(message(channel="X", requestId=None)).request_id is None


@given(objects("channel", "topic", "subtopic", "data", "requestId", "message", "okmessage", "subscriberID"))
def test_any_object_is_read_or_malformed(fields: dict[str, Any]) -> None:
    try:
        envelope = decode(json.dumps(fields).encode())
    except MalformedMessage:
        return
    assert envelope.address.channel.strip()
    assert json.loads(envelope.raw) is not None
    if envelope.packet is not None:
        json.loads(reply(envelope.address, None).as_packet(envelope.packet))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_malformed(raw: bytes) -> None:
    try:
        decode(raw)
    except MalformedMessage:
        return


# ── packets ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("key", ["message", "okmessage", "OkMessage", "Message"])
def test_a_packet_is_read_as_the_message_inside(key: str) -> None:
    inner = {"channel": "LCM", "topic": "T", "subtopic": "S", "requestId": "r", "data": {"a": [1]}}
    raw = json.dumps({"channel": "Amazon", "topic": "", "subTopic": "", "subscriberID": "66", key: inner}).encode()
    envelope = decode(raw)
    assert envelope.address == Address("LCM", "T", "S")
    assert (envelope.data, envelope.request_id) == ({"a": [1]}, "r")
    assert json.loads(envelope.raw) == inner
    assert envelope.packet is not None


def test_the_message_inside_a_packet_stays_byte_for_byte() -> None:
    inner = b'{ "channel" : "MyCrm", "data" : 99999999999999999999999999999.0e1 , "n": 123456789012345678901234567890}'
    envelope = decode(b'{"channel":"Amazon","message":' + inner + b',"subscriberID":7}')
    assert envelope.raw == inner


def test_of_message_and_okmessage_the_one_that_is_an_object_counts() -> None:
    raw = message(channel="Amazon", message=1, okmessage={"channel": "MyCrm"})
    assert decode(raw).address.channel == "MyCrm"


@pytest.mark.parametrize("subscriber", ["66517761", 7, None, 10**30, [[[]]], {"a": 1}])
def test_the_answer_to_a_packet_is_a_packet_for_the_same_subscriber(subscriber: Any) -> None:
    envelope = decode(message(channel="Amazon", subscriberID=subscriber, message={"channel": "LCM"}))
    assert envelope.packet is not None
    answer = json.loads(reply(Address("UI", "T", "S"), {"a": 1}, request_id="r").as_packet(envelope.packet))
    assert answer == {
        "channel": "UI",
        "topic": "",
        "subTopic": "",
        "subscriberID": subscriber,
        "message": {"channel": "UI", "topic": "T", "subtopic": "S", "message": {"a": 1}, "requestId": "r"},
    }


@pytest.mark.parametrize(
    "inner", [{}, {"channel": ""}, {"channel": "A", "Channel": "B"}, {"channel": "A", "requestId": []}]
)
def test_a_packet_whose_message_is_malformed_is_told_as_a_packet(inner: dict[str, Any]) -> None:
    with pytest.raises(MalformedPacket) as refused:
        decode(message(channel="Amazon", subscriberID="7", message=inner))
    assert isinstance(refused.value.packet, Packet)


def test_a_message_with_an_address_is_no_packet_whatever_else_it_has() -> None:
    envelope = decode(message(channel="MyCrm", topic="T", subtopic="S", message={"channel": "LCM"}))
    assert (envelope.address.channel, envelope.packet) == ("MyCrm", None)


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reply_has_four_keys_and_the_request_id_as_it_was_sent() -> None:
    assert json.loads(reply(Address("A", "B", "C"), {"x": 1}).payload) == {
        "channel": "A", "topic": "B", "subtopic": "C", "message": {"x": 1},
    }  # fmt: skip
    assert json.loads(reply(Address("A", "B", "C"), None, request_id=7).payload)["requestId"] == 7


def test_an_error_has_data_in_place_of_message() -> None:
    assert json.loads(api_error("LCM", {"errorType": "X"}, request_id="r").payload) == {
        "channel": "LCM", "topic": "Error", "subtopic": "ApiError", "data": {"errorType": "X"}, "requestId": "r",
    }  # fmt: skip


@given(values, st.sampled_from([b"", b" ", b"\n\t"]))
def test_meta_is_the_last_key_of_any_message(data: Any, blank: bytes) -> None:
    raw = message(channel="MyCrm", data=data)
    outgoing = Outgoing(address=Address("MyCrm"), payload=blank + raw[:-1] + blank + b"}" + blank)
    got = json.loads(outgoing.with_meta(epoch="e", seq=3, at="now"))
    assert got.pop("meta") == {"epoch": "e", "seq": 3, "at": "now"}
    assert got == json.loads(raw)


# ── patterns ────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.text(max_size=20))
def test_outer_blanks_make_no_difference(text: str) -> None:
    assert fold(f" {text} ") == fold(text)


@pytest.mark.parametrize("raw", [b'{"channel":"LCM","channel":"App"}', b'{"channel":"App","data":{"a":1,"a":2}}'])
def test_what_is_passed_on_has_no_key_twice(raw: bytes) -> None:
    with pytest.raises(MalformedMessage):
        refuse_repeated_keys(raw)


def test_the_same_key_in_two_objects_is_no_repetition() -> None:
    refuse_repeated_keys(b'{"channel":"App","data":[{"a":1},{"a":2}]}')
