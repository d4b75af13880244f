"""The bus: who reads what, in which order (contract §6).

A scope is one agent of a tenant, or the whole tenant. What is published for an agent reaches the readers of that
agent's scope and the readers of the tenant's. Each scope numbers its messages; a reader that asked for the stream gets
the numbers in `meta`. Publishing never waits: a message is encoded once and handed to each reader, and a reader that
cannot keep up is closed by its transport.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

import msgspec

from manualdial.callers import Caller
from manualdial.errors import MalformedMessage, NotPermitted
from manualdial.ports import Clock
from manualdial.wire.envelope import MAX_LEVEL_CHARACTERS, Outgoing, Packet, fold

MAX_SUBSCRIPTIONS = 64
"""How many patterns one connection may have in force."""

_PRIVATE_CHANNEL = "bus"


class Scope(msgspec.Struct, frozen=True):
    """One agent of a tenant, or, where `agent_id` is None, the tenant."""

    tenant_id: str
    agent_id: str | None = None

    @property
    def of_tenant(self) -> Scope:
        """The scope of the whole tenant."""
        return Scope(self.tenant_id)


class Delivery:
    """Bytes for readers, the same object for all who get the same bytes.

    `frame` is room for the transport to keep its own form of them, so that it too is made once.
    """

    __slots__ = ("data", "frame")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.frame: bytes | None = None


class Reader(Protocol):
    """Where deliveries go: a connection. `deliver` never waits and never raises."""

    def deliver(self, delivery: Delivery) -> None: ...


class Pattern(msgspec.Struct, frozen=True):
    """Which addresses a reader wants: three levels, `*` stands for one whole level (contract §6)."""

    text: str
    levels: tuple[str, str, str]

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Raises MalformedMessage where the text is not three levels."""
        levels = tuple(fold(level) for level in text.split("/"))
        if len(levels) != 3 or not all(levels) or len(text) > 3 * MAX_LEVEL_CHARACTERS:
            raise MalformedMessage("a subscription is channel/topic/subtopic, `*` for any level")
        channel, topic, subtopic = levels
        return cls(text.strip(), (channel, topic, subtopic))

    def matches(self, key: tuple[str, str, str]) -> bool:
        """Whether an address with this `key` is wanted."""
        channel, topic, subtopic = self.levels  # spelt out: it runs for every reader of every message
        return channel in ("*", key[0]) and topic in ("*", key[1]) and subtopic in ("*", key[2])


class Subscriber:
    """One registered connection: its scope, its patterns, whether it wants the stream."""

    __slots__ = ("caller", "id", "patterns", "reader", "scope", "stream")

    def __init__(
        self, *, caller: Caller, scope: Scope, patterns: tuple[Pattern, ...], stream: bool, reader: Reader
    ) -> None:
        self.id = str(uuid.uuid4())
        self.caller = caller
        self.scope = scope
        self.patterns = patterns
        self.stream = stream
        self.reader = reader

    def wants(self, key: tuple[str, str, str]) -> bool:
        """Whether one of its patterns wants an address with this key."""
        for pattern in self.patterns:  # noqa: SIM110 - as a generator it costs as much as all the rest of a delivery
            if pattern.matches(key):
                return True
        return False

    def subscribe(self, patterns: Iterable[Pattern]) -> None:
        """Add patterns. Raises MalformedMessage past the limit of MAX_SUBSCRIPTIONS."""
        known = {pattern.levels for pattern in self.patterns}
        added = {pattern.levels: pattern for pattern in patterns if pattern.levels not in known}
        if len(self.patterns) + len(added) > MAX_SUBSCRIPTIONS:
            raise MalformedMessage(f"a connection has at most {MAX_SUBSCRIPTIONS} subscriptions")
        self.patterns += tuple(added.values())

    def unsubscribe(self, patterns: Iterable[Pattern]) -> None:
        """Take patterns away; those that are not there are no error."""
        gone = {pattern.levels for pattern in patterns}
        self.patterns = tuple(pattern for pattern in self.patterns if pattern.levels not in gone)


class _ScopeStream:
    """The messages of one scope: their numbers and their readers."""

    __slots__ = ("readers", "seq")

    def __init__(self) -> None:
        self.seq = 0
        self.readers: dict[str, Subscriber] = {}


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it was published: with the numbers that it got."""

    outgoing: Outgoing
    epoch: str
    at: datetime
    seqs: dict[Scope, int]
    readers: set[str]
    """The ids of the subscribers that it was handed to."""

    def bytes_for(self, subscriber: Subscriber) -> bytes:
        """The message as this subscriber gets it: with `meta` where it asked for the stream."""
        if not subscriber.stream:
            return self.outgoing.payload
        at = self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return self.outgoing.with_meta(epoch=self.epoch, seq=self.seqs[subscriber.scope], at=at)


class Bus:
    """Scopes, subscriptions, sequence. All methods are synchronous: their order is the order of the messages."""

    def __init__(self, *, clock: Clock, observe_delivered: Callable[[int], None] = lambda _: None) -> None:
        self.epoch = uuid.uuid4().hex
        """Names this life of the bus: numbers of another epoch mean nothing here."""
        self._clock = clock
        self._streams: dict[Scope, _ScopeStream] = {}
        self._observe_delivered = observe_delivered

    @property
    def readers(self) -> int:
        """How many connections read."""
        return sum(len(stream.readers) for stream in self._streams.values())

    def join(self, subscriber: Subscriber) -> int:
        """Let a subscriber read from now on; returns the number of the newest message of its scope."""
        stream = self._stream(subscriber.scope)
        stream.readers[subscriber.id] = subscriber
        return stream.seq

    def leave(self, subscriber: Subscriber) -> None:
        """The subscriber reads no more. Safe to repeat."""
        self._stream(subscriber.scope).readers.pop(subscriber.id, None)

    def publish(
        self,
        scope: Scope,
        outgoing: Outgoing,
        *,
        requester: Subscriber | None = None,
        packet: Packet | None = None,
    ) -> Published:
        """Hand a message to all who may and want to read it.

        `requester` gets it whatever it subscribes to, and wrapped where its request came as a packet.
        """
        key = outgoing.address.key
        published = self._number(scope, outgoing)
        handed_to = published.readers
        for own_scope in published.seqs:
            readers = self._streams[own_scope].readers
            if not readers:  # mostly nobody reads the tenant's scope
                continue
            plain, streamed = Delivery(outgoing.payload), None
            for subscriber in readers.values():
                if subscriber is requester or not subscriber.wants(key):
                    continue
                handed_to.add(subscriber.id)
                if not subscriber.stream:
                    subscriber.reader.deliver(plain)
                    continue
                streamed = streamed or Delivery(published.bytes_for(subscriber))
                subscriber.reader.deliver(streamed)
        if requester is not None:
            handed_to.add(requester.id)
            self._answer(requester, published, packet)
        self._observe_delivered(len(handed_to))
        return published

    def tell(self, requester: Subscriber, published: Published) -> None:
        """Give a requester a published message that is its answer, unless its subscriptions brought it already."""
        if requester.id not in published.readers:
            requester.reader.deliver(Delivery(published.bytes_for(requester)))

    def _answer(self, requester: Subscriber, published: Published, packet: Packet | None) -> None:
        data = published.bytes_for(requester)
        if packet is not None:
            data = Outgoing(address=published.outgoing.address, payload=data).as_packet(packet)
        requester.reader.deliver(Delivery(data))

    def _number(self, scope: Scope, outgoing: Outgoing) -> Published:
        seqs: dict[Scope, int] = {}
        for own_scope in (scope,) if scope.agent_id is None else (scope, scope.of_tenant):
            stream = self._stream(own_scope)
            stream.seq += 1
            seqs[own_scope] = stream.seq
        return Published(outgoing=outgoing, epoch=self.epoch, at=self._clock.now(), seqs=seqs, readers=set())

    def _stream(self, scope: Scope) -> _ScopeStream:
        stream = self._streams.get(scope)
        if stream is None:
            stream = self._streams[scope] = _ScopeStream()
        return stream


def permitted_patterns(texts: Iterable[str]) -> tuple[Pattern, ...]:
    """Read the patterns of a request.

    Raises NotPermitted for a pattern of the channel Bus, on which nothing is published: what is private goes to the
    connection that asked. Raises MalformedMessage for what is no pattern, and for too many.
    """
    patterns = {pattern.levels: pattern for pattern in map(Pattern.parse, texts)}
    if len(patterns) > MAX_SUBSCRIPTIONS:
        raise MalformedMessage(f"a connection has at most {MAX_SUBSCRIPTIONS} subscriptions")
    if any(levels[0] == _PRIVATE_CHANNEL for levels in patterns):
        raise NotPermitted("nothing on the channel Bus can be subscribed to")
    return tuple(patterns.values())


def scope_for(caller: Caller, wanted: str) -> Scope:
    """The scope that a caller asked for: "agent" or "tenant". Raises NotPermitted, MalformedMessage."""
    if wanted == "agent":
        return Scope(caller.tenant_id, caller.user_id)
    if wanted != "tenant":
        raise MalformedMessage('scope is "agent" or "tenant"')
    if not caller.sees_the_tenant:
        raise NotPermitted("the tenant's scope is for supervisors, integrations and administrators")
    return Scope(caller.tenant_id)
