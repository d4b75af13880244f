"""bus: who reads what, in which order (contract §6)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from manualdial.bus.bus import MAX_SUBSCRIPTIONS, Bus, Pattern, Scope, Subscriber, permitted_patterns, scope_for
from manualdial.callers import Caller
from manualdial.errors import MalformedMessage, NotPermitted
from manualdial.wire.envelope import Address, Outgoing, Packet, reply
from tests.support.moved_clock import MovedClock
from tests.support.people import ADA, ANN, SUE
from tests.support.recording_connection import RecordingConnection

OF_ANN, OF_BOB, OF_ZOE = Scope("t-north", "u-ann"), Scope("t-north", "u-bob"), Scope("t-south", "u-zoe")


class Reader:
    """A subscriber with what it got."""

    def __init__(self, bus: Bus, scope: Scope = OF_ANN, *patterns: str, stream: bool = False) -> None:
        self.connection = RecordingConnection()
        parsed = tuple(Pattern.parse(text) for text in patterns or ("*/*/*",))
        self.subscriber = Subscriber(caller=ANN, scope=scope, patterns=parsed, stream=stream, reader=self.connection)
        self.joined_at = bus.join(self.subscriber)

    @property
    def got(self) -> list[dict[str, Any]]:
        return self.connection.received

    @property
    def seqs(self) -> list[int]:
        return [message["meta"]["seq"] for message in self.got]


@pytest.fixture
def bus() -> Bus:
    return Bus(clock=MovedClock())


def an_event(subtopic: str = "Happened") -> Outgoing:
    return reply(Address("LCM", "Test", subtopic), {"a": 1})


def test_a_message_reaches_its_agents_readers_and_the_tenants_and_nobody_else(bus: Bus) -> None:
    ann, twin, tenant = Reader(bus), Reader(bus), Reader(bus, OF_ANN.of_tenant)
    others = [Reader(bus, OF_BOB), Reader(bus, OF_ZOE), Reader(bus, OF_ZOE.of_tenant)]
    bus.publish(OF_ANN, an_event())
    assert [len(reader.got) for reader in (ann, twin, tenant)] == [1, 1, 1]
    assert all(not reader.got for reader in others)


def test_what_is_published_for_the_tenant_reaches_no_single_agent(bus: Bus) -> None:
    ann, tenant = Reader(bus), Reader(bus, OF_ANN.of_tenant)
    bus.publish(OF_ANN.of_tenant, an_event())
    assert (len(ann.got), len(tenant.got)) == (0, 1)


def test_only_what_is_subscribed_to_is_delivered(bus: Bus) -> None:
    picky = Reader(bus, OF_ANN, "ui/*/*", "LCM/test/OTHER")
    bus.publish(OF_ANN, an_event())
    bus.publish(OF_ANN, an_event("Other"))
    assert [message["subtopic"] for message in picky.got] == ["Other"]


def test_a_requester_gets_its_reply_once_whatever_it_subscribes_to(bus: Bus) -> None:
    everything, nothing = Reader(bus), Reader(bus, OF_ANN, "UI/*/*")
    for requester in (everything, nothing):
        bus.publish(OF_ANN, an_event(), requester=requester.subscriber)
    assert (len(everything.got), len(nothing.got)) == (2, 1)


def test_a_requester_in_the_tenants_scope_gets_its_reply_once(bus: Bus) -> None:
    supervisor = Reader(bus, OF_ANN.of_tenant)
    bus.publish(OF_ANN, an_event(), requester=supervisor.subscriber)
    assert len(supervisor.got) == 1


def test_only_who_asked_by_a_packet_is_answered_by_one(bus: Bus) -> None:
    asked, other = Reader(bus), Reader(bus)
    bus.publish(OF_ANN, an_event(), requester=asked.subscriber, packet=Packet())
    assert other.got[0]["subtopic"] == "Happened"
    assert (asked.got[0]["topic"], asked.got[0]["subscriberID"]) == ("", None)
    assert asked.got[0]["message"] == other.got[0]


def test_an_event_that_is_an_answer_comes_once(bus: Bus) -> None:
    everything, nothing = Reader(bus), Reader(bus, OF_ANN, "UI/*/*")
    published = bus.publish(OF_ANN, an_event())
    for requester in (everything, nothing):
        bus.tell(requester.subscriber, published)
    assert (len(everything.got), len(nothing.got)) == (1, 1)


def test_who_has_left_gets_nothing_more(bus: Bus) -> None:
    reader = Reader(bus)
    assert bus.readers == 1
    bus.leave(reader.subscriber)
    bus.leave(reader.subscriber)
    assert bus.readers == 0
    bus.publish(OF_ANN, an_event())
    assert reader.got == []


# ── the stream ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_meta_comes_only_where_it_was_asked_for(bus: Bus) -> None:
    plain, streamed = Reader(bus), Reader(bus, stream=True)
    bus.publish(OF_ANN, an_event())
    assert "meta" not in plain.got[0]
    assert streamed.got[0].pop("meta") == {"epoch": bus.epoch, "seq": 1, "at": "2026-03-02T15:00:00.000Z"}
    assert streamed.got == plain.got


def test_numbers_of_a_scope_grow_by_one_and_each_scope_has_its_own(bus: Bus) -> None:
    ann, bob, tenant = (Reader(bus, scope, stream=True) for scope in (OF_ANN, OF_BOB, OF_ANN.of_tenant))
    for scope in (OF_ANN, OF_BOB, OF_ANN):
        bus.publish(scope, an_event())
    assert (ann.seqs, bob.seqs, tenant.seqs) == ([1, 2], [1], [1, 2, 3])


def test_a_narrow_reader_sees_the_numbers_of_what_it_subscribed_to(bus: Bus) -> None:
    narrow = Reader(bus, OF_ANN, "LCM/Test/Other", stream=True)
    for subtopic in ("Happened", "Other", "Happened", "Other"):
        bus.publish(OF_ANN, an_event(subtopic))
    assert narrow.seqs == [2, 4]


def test_who_joins_is_told_the_number_of_the_newest_message(bus: Bus) -> None:
    bus.publish(OF_ANN, an_event())
    late = Reader(bus, stream=True)
    assert late.joined_at == 1
    bus.publish(OF_ANN, an_event())
    assert late.seqs == [2]


def test_messages_are_counted_though_nobody_reads(bus: Bus) -> None:
    for _ in range(3):
        bus.publish(OF_ANN, an_event())
    assert Reader(bus).joined_at == 3


def test_readers_of_the_same_bytes_share_them() -> None:
    delivered: list[int] = []
    bus = Bus(clock=MovedClock(), observe_delivered=delivered.append)

    class Keeping(RecordingConnection):
        deliveries: list[object]

        def deliver(self, delivery: Any) -> None:
            self.deliveries = [*getattr(self, "deliveries", []), delivery]

    readers = [Keeping() for _ in range(3)]
    for reader in readers:
        everything = (Pattern.parse("*/*/*"),)
        bus.join(Subscriber(caller=ANN, scope=OF_ANN, patterns=everything, stream=True, reader=reader))
    bus.publish(OF_ANN, an_event())
    assert len({id(reader.deliveries[0]) for reader in readers}) == 1
    assert delivered == [3]


def test_a_message_of_an_application_is_passed_on_byte_for_byte(bus: Bus) -> None:
    raw = b'{ "channel" : "MyCrm", "n": 123456789012345678901234567890, "x": 1.0e2 }'
    reader = Reader(bus, stream=True)
    published = bus.publish(OF_ANN, Outgoing(address=Address("MyCrm"), payload=raw))
    assert published.outgoing.payload == raw
    assert reader.got[0]["n"] == json.loads(raw)["n"]


# ── subscriptions ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_pattern_counts_once_however_it_is_written(bus: Bus) -> None:
    subscriber = Reader(bus, OF_ANN, "UI/*/*").subscriber
    subscriber.subscribe(permitted_patterns(["ui/*/*", "LCM/*/*"]))
    subscriber.subscribe(permitted_patterns([" lcm / * / * "]))
    assert [pattern.text for pattern in subscriber.patterns] == ["UI/*/*", "LCM/*/*"]
    subscriber.unsubscribe(permitted_patterns(["lcm/*/*", "no/such/pattern"]))
    assert [pattern.text for pattern in subscriber.patterns] == ["UI/*/*"]


def test_there_are_at_most_so_many_subscriptions(bus: Bus) -> None:
    texts = [f"channel-{number}/*/*" for number in range(MAX_SUBSCRIPTIONS)]
    subscriber = Reader(bus, OF_ANN, "UI/*/*").subscriber
    with pytest.raises(MalformedMessage):
        subscriber.subscribe(permitted_patterns(texts))
    with pytest.raises(MalformedMessage):
        permitted_patterns([*texts, "one/too/many"])
    assert len(subscriber.patterns) == 1


@pytest.mark.parametrize("text", ["Bus/*/*", "BUS/Session/Registered", " bus /*/*"])
def test_nobody_reads_what_is_private(text: str) -> None:
    with pytest.raises(NotPermitted):
        permitted_patterns(["UI/*/*", text])


@pytest.mark.parametrize(("caller", "allowed"), [(ANN, False), (SUE, True), (ADA, True)])
def test_who_may_read_the_whole_tenant(caller: Caller, allowed: bool) -> None:
    assert scope_for(caller, "agent") == Scope("t-north", caller.user_id)
    if allowed:
        assert scope_for(caller, "tenant") == Scope("t-north")
    else:
        with pytest.raises(NotPermitted):
            scope_for(caller, "tenant")


@pytest.mark.parametrize("wanted", ["", "Tenant", "world", "t-south"])
def test_there_are_two_scopes(wanted: str) -> None:
    with pytest.raises(MalformedMessage):
        scope_for(SUE, wanted)


def test_an_answer_that_was_handed_out_is_not_told_twice_whatever_is_subscribed_to_since(bus: Bus) -> None:
    ann = Reader(bus)
    published = bus.publish(OF_ANN, an_event())
    ann.subscriber.unsubscribe(ann.subscriber.patterns)
    bus.tell(ann.subscriber, published)
    assert len(ann.got) == 1


def test_an_answer_that_was_missed_is_told_whatever_is_subscribed_to_since(bus: Bus) -> None:
    ann = Reader(bus, OF_ANN, "UI/*/*")
    published = bus.publish(OF_ANN, an_event())
    ann.subscriber.subscribe([Pattern.parse("*/*/*")])
    bus.tell(ann.subscriber, published)
    assert len(ann.got) == 1


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("*/*/*", True), ("LCM/*/*", True), ("lcm/webservice/manualdialcall", True), (" LCM / * /ManualDialCall", True),
        ("*/Webservice/*", True), ("LCM/Webservice/Other", False), ("LC*/*/*", False), ("UI/*/*", False),
    ],
)  # fmt: skip
def test_a_star_stands_for_one_whole_level(pattern: str, wanted: bool) -> None:
    key = Address("LCM", "Webservice", "ManualDialCall").key
    assert Pattern.parse(pattern).matches(key) is wanted


def test_a_star_wants_an_empty_level_too() -> None:
    assert Pattern.parse("MyCrm/*/*").matches(Address("MyCrm").key)


@pytest.mark.parametrize("text", ["", "*", "LCM/*", "LCM/*/*/*", "//", "LCM//x", "x" * 400 + "/*/*"])
def test_what_is_not_three_levels_is_no_pattern(text: str) -> None:
    with pytest.raises(MalformedMessage):
        Pattern.parse(text)
