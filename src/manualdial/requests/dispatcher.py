"""Bytes → envelope → route → typed message → method → answer. The one place that catches.

Every request on a channel of the server gets exactly one answer; a message on any other channel is passed on to the
readers of the sender's scope and gets none (contract §1, §6).
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import structlog
from msgspec import UNSET

from manualdial.bus.bus import Bus, Delivery, Scope
from manualdial.callers import Caller
from manualdial.errors import (
    InternalError,
    MalformedMessage,
    ManualDialError,
    NotAuthenticated,
    NotPermitted,
    NotRegistered,
    ServiceUnavailable,
    UnknownAddress,
)
from manualdial.ports import StoreUnavailable
from manualdial.requests.request import AnsweredByEvent, Connection, DirectReply, Reply, Request
from manualdial.telemetry.tracing import Span
from manualdial.wire import envelope as wire
from manualdial.wire.addresses import Publication
from manualdial.wire.envelope import (
    Address,
    Envelope,
    MalformedPacket,
    Outgoing,
    Packet,
    checked_request_id,
    fold,
    read,
)
from manualdial.wire.messages.incoming import Incoming
from manualdial.wire.messages.outbound import ErrorData

log = structlog.get_logger(__name__)

BUS_CHANNEL = "Bus"

_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")


AnyAnswer = Reply | DirectReply | AnsweredByEvent
Method = Callable[[Any, Any], Awaitable[AnyAnswer]]
"""Gets the Request and the typed data; before registration, where nobody is known yet, the Connection and the data."""


Errors = tuple[type[ManualDialError], ...]
Key = tuple[str, str, str]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table of contents."""

    address: Address
    data: type[Incoming]
    method: Method
    answers: tuple[Publication, ...] = ()
    """Its answers: a reply, an event in its place, and what follows either on the same connection."""
    errors: Errors = ()
    """The errors that it may be refused with, beside those of any request."""
    before_register: bool = False
    """Whether it is answered on a connection that is not registered yet: nobody is known who asks."""


class Routes(msgspec.Struct, frozen=True, kw_only=True):
    """The table in which the dispatcher looks addresses up."""

    lines: tuple[Route, ...]
    """The table: what every connector has stands there once, under `{connector}`."""
    by_key: Mapping[Key, Route]
    published_only: frozenset[Key]
    """Addresses of replies and events: what comes in on them is refused."""
    channels: Mapping[str, str]
    """The channels that the server owns, folded → as published."""
    connectors: tuple[str, ...]
    """Those that are bound to a telephony engine."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one message, for a transport that must hand it back (HTTP)."""

    payload: bytes | None
    """The answer as JSON; None for a message between applications."""
    error: ManualDialError | None = None


class Dispatcher:
    """Finds the route, reads the data, calls the method, answers."""

    def __init__(
        self,
        *,
        bus: Bus,
        routes: Routes,
        limit: float,
        span: Span,
        observe: Callable[[str, str], None] = lambda _address, _outcome: None,
    ) -> None:
        """`limit` is how long a request may take, in seconds."""
        self._bus = bus
        self.routes = routes
        self._by_key = routes.by_key
        self._channels = routes.channels
        self._limit = limit
        self._span = span
        self._observe = observe

    async def handle(self, connection: Connection, raw: bytes, *, request_id: str | None = None) -> Answer:
        """Take one message; whatever it holds, there is an answer and no exception.

        The answer has been delivered to the connection by the time this returns. `request_id` stands for one that the
        message does not have.
        """
        try:
            incoming = wire.decode(raw)
        except MalformedMessage as error:
            return self._refuse(connection, error, _unreadable(error))
        try:
            incoming = _with_request_id(incoming, request_id)
            return await self._take(connection, incoming)
        except Exception as fault:  # noqa: BLE001 - the one place that catches: whatever goes wrong, there is an answer
            told = error_of(fault, address=str(incoming.address))
            if isinstance(told, NotAuthenticated):
                connection.refuse(told)
                return self._answer_error(told, incoming)
            return self._refuse(connection, told, incoming)

    def refuse(self, connection: Connection, raw: bytes, error: ManualDialError) -> Answer:
        """Answer a message that the transport does not hand over for handling, and say why."""
        try:
            incoming = wire.decode(raw)
        except MalformedMessage as malformed:
            return self._refuse(connection, malformed, _unreadable(malformed))
        return self._refuse(connection, error, incoming)

    async def _take(self, connection: Connection, incoming: Envelope) -> Answer:
        route, caller = self._by_key.get(incoming.address.key), connection.caller
        if route is not None and route.before_register:
            return self._answer(connection, incoming, await self._call(route, connection, incoming))
        if caller is None:
            raise NotRegistered("the first message of a connection is Bus/Session/Register")
        if fold(incoming.address.channel) not in self._channels:
            return self._pass_on(connection, incoming, caller)
        if route is None:
            if incoming.address.key in self.routes.published_only:
                raise NotPermitted("only the server publishes on this address")
            raise UnknownAddress("the channel has no request of this topic and subtopic")
        request_id = incoming.request_id
        request = Request(
            address=route.address,
            request_id=request_id,
            key=None if request_id is None else str(request_id),
            connection=connection,
            caller=caller,
        )
        return self._answer(connection, incoming, await self._call(route, request, incoming))

    async def _call(self, route: Route, asks: Request | Connection, incoming: Envelope) -> AnyAnswer:
        data = read(incoming.data, route.data)
        name = str(route.address)
        # It need not be taken back: a request is a task of its own, and what is bound in one ends with it.
        structlog.contextvars.bind_contextvars(request_id=_logged(incoming.request_id))
        with self._span(name):
            try:
                async with asyncio.timeout(self._limit):
                    answer = await route.method(asks, data)
            except TimeoutError:
                raise ServiceUnavailable("the request took too long") from None
        self._observe(name, "ok")
        return answer

    def _answer(self, connection: Connection, incoming: Envelope, answer: AnyAnswer) -> Answer:
        if isinstance(answer, AnsweredByEvent):
            if connection.subscriber is not None:
                self._bus.tell(connection.subscriber, answer.published)
            return Answer(payload=answer.published.outgoing.payload)
        outgoing = wire.reply(answer.address, answer.message, request_id=incoming.request_id)
        if isinstance(answer, DirectReply):
            connection.deliver(Delivery(_wrapped(outgoing, incoming.packet)))
            for following in answer.then:
                connection.deliver(Delivery(following.payload))
        elif connection.caller is not None:  # as it always is by now
            scope = Scope(connection.caller.tenant_id, connection.caller.user_id)
            self._bus.publish(scope, outgoing, requester=connection.subscriber, packet=incoming.packet)
        return Answer(payload=_wrapped(outgoing, incoming.packet))

    def _pass_on(self, connection: Connection, incoming: Envelope, caller: Caller) -> Answer:
        wire.refuse_repeated_keys(incoming.raw)
        scope = connection.subscriber.scope if connection.subscriber else Scope(caller.tenant_id, caller.user_id)
        self._bus.publish(scope, Outgoing(address=incoming.address, payload=incoming.raw))
        return Answer(payload=None)

    def _refuse(self, connection: Connection, error: ManualDialError, incoming: Envelope) -> Answer:
        answer = self._answer_error(error, incoming)
        if answer.payload is not None:
            connection.deliver(Delivery(answer.payload))
        return answer

    def _answer_error(self, error: ManualDialError, incoming: Envelope) -> Answer:
        self._observe(self._name(incoming.address), error.error_type)
        channel = self._channels.get(fold(incoming.address.channel), BUS_CHANNEL)
        outgoing = wire.api_error(channel, error_data(error), request_id=incoming.request_id)
        return Answer(payload=_wrapped(outgoing, incoming.packet), error=error)

    def _name(self, address: Address) -> str:
        """The address as a label of a metric: what a client made up is not one."""
        route = self._by_key.get(address.key)
        return str(route.address) if route else "unknown"


def _unreadable(error: MalformedMessage) -> Envelope:
    packet = error.packet if isinstance(error, MalformedPacket) else None
    return Envelope(address=Address(BUS_CHANNEL), packet=packet, raw=b"")


def error_of(fault: Exception, **where: str) -> ManualDialError:
    """An exception as a caller is told of it. What is no error of ours is logged with `where`, and told by its id."""
    if isinstance(fault, ManualDialError):
        return fault
    if isinstance(fault, StoreUnavailable):
        return ServiceUnavailable("the database is not available")
    incident = uuid.uuid4().hex
    log.error("request failed", exc_info=fault, incident=incident, **where)
    return InternalError("an unexpected fault", details={"incident": incident})


def error_data(error: ManualDialError) -> ErrorData:
    """An error as the wire tells it (contract §1)."""
    return ErrorData(
        error_type=error.error_type,
        error_message=error.message,
        msg=error.user_message,
        retryable=error.retryable,
        details=dict(error.details) or UNSET,
    )


def _wrapped(outgoing: Outgoing, packet: Packet | None) -> bytes:
    return outgoing.as_packet(packet) if packet is not None else outgoing.payload


def _logged(request_id: str | int | None) -> str | None:
    """A `requestId` as it stands in the log: itself where it is a UUID, else its digest, for it may hold anything."""
    if request_id is None:
        return None
    text = str(request_id)
    return text if _UUID.fullmatch(text) else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _with_request_id(incoming: Envelope, request_id: str | None) -> Envelope:
    if request_id is None or str(incoming.request_id) == request_id:
        return incoming
    if incoming.request_id is not None:
        raise MalformedMessage("the message has another requestId than Idempotency-Key")
    return msgspec.structs.replace(incoming, request_id=checked_request_id(request_id))
