"""Bus/Session: a connection registers, subscribes, unsubscribes (contract §6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from manualdial import __version__
from manualdial.bus.bus import Bus, Subscriber, permitted_patterns, scope_for
from manualdial.callers import Caller
from manualdial.errors import NotAuthenticated, NotPermitted
from manualdial.live.sessions import Sessions
from manualdial.ports import Authenticator
from manualdial.requests.request import Connection, DirectReply, Request
from manualdial.wire import addresses
from manualdial.wire.envelope import Outgoing, reply
from manualdial.wire.messages.bus import (
    Register,
    Registered,
    RegisteredUser,
    Reset,
    ServerVersion,
    Subscriptions,
    SubscriptionsInForce,
)

EVERYTHING = ["*/*/*"]

Snapshots = Callable[[Caller], tuple[Outgoing, Outgoing]]
"""The agent's Agent/StateSync and InboundCall/StateSync as they are now."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Registration:
    """Lets connections onto the bus, and off it."""

    bus: Bus
    sessions: Sessions
    authenticator: Authenticator
    snapshots: Snapshots

    async def register(self, connection: Connection, data: Register) -> DirectReply:
        """The first message of a connection. Raises NotAuthenticated, on which the connection is closed."""
        _refuse_a_second(connection)
        token = connection.token or data.token
        if token is None:
            raise NotAuthenticated("a registration needs a token")
        caller = await self.authenticator.caller(token)
        scope = scope_for(caller, data.scope or "agent")
        patterns = permitted_patterns(EVERYTHING if data.subscriptions is None else data.subscriptions)
        _refuse_a_second(connection)  # another Register may have come while this one waited
        subscriber = Subscriber(
            caller=caller, scope=scope, patterns=patterns, stream=bool(data.stream), reader=connection
        )
        # No await from here on: what is published after the number that Registered tells reaches the subscriber.
        seq = self.bus.join(subscriber)
        connection.admit(caller, subscriber)
        self.sessions.connected(caller.user_id)
        registered = Registered(
            subscriber_id=subscriber.id,
            user=RegisteredUser(
                id=caller.user_id, login_name=caller.login_name, name=caller.name, roles=sorted(caller.roles)
            ),
            tenant=caller.tenant,
            epoch=self.bus.epoch,
            seq=seq,
            subscriptions=_in_force(subscriber).subscriptions,
            server=ServerVersion(name="manualdial", version=__version__),
        )
        then: tuple[Outgoing, ...] = ()
        if data.resume is not None and (data.resume.epoch, data.resume.seq) != (self.bus.epoch, seq):
            # Nothing of the past is kept: what was missed is told by snapshots, never by silence.
            then = (reply(addresses.RESET.address, Reset(epoch=self.bus.epoch, seq=seq)), *self.snapshots(caller))
        return DirectReply(address=addresses.REGISTERED.address, message=registered, then=then)

    async def subscribe(self, request: Request, data: Subscriptions) -> DirectReply:
        """Adds patterns; answers with all that are in force."""
        subscriber = _subscriber(request.connection)
        subscriber.subscribe(permitted_patterns(data.subscriptions))
        return DirectReply(address=addresses.SUBSCRIBED.address, message=_in_force(subscriber))

    async def unsubscribe(self, request: Request, data: Subscriptions) -> DirectReply:
        """Takes patterns away; answers with those that stay in force."""
        subscriber = _subscriber(request.connection)
        subscriber.unsubscribe(permitted_patterns(data.subscriptions))
        return DirectReply(address=addresses.UNSUBSCRIBED.address, message=_in_force(subscriber))

    def gone(self, connection: Connection) -> None:
        """The connection is closed. Safe to repeat."""
        subscriber, connection.subscriber = connection.subscriber, None
        if subscriber is not None:
            self.bus.leave(subscriber)
            self.sessions.disconnected(subscriber.caller.user_id)


def _refuse_a_second(connection: Connection) -> None:
    if connection.caller is not None:
        raise NotPermitted("the connection is registered already, or cannot read the bus")


def _subscriber(connection: Connection) -> Subscriber:
    if connection.subscriber is None:
        raise NotPermitted("subscriptions belong to a connection of the bus")
    return connection.subscriber


def _in_force(subscriber: Subscriber) -> SubscriptionsInForce:
    return SubscriptionsInForce(subscriptions=[pattern.text for pattern in subscriber.patterns])
