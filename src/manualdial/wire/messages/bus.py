"""A connection of the bus: registration, subscriptions (contract §6)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from manualdial.wire.messages.incoming import Incoming
from manualdial.wire.messages.outbound import Outbound


class Resume(Incoming, frozen=True, kw_only=True):
    """Where a reader was in the stream."""

    epoch: Annotated[str, Meta(max_length=128)]
    seq: int


class Register(Incoming, frozen=True, kw_only=True):
    """`data` of Bus/Session/Register (contract §6)."""

    token: Annotated[str, Meta(max_length=8192)] | None = None
    subscriptions: list[Annotated[str, Meta(max_length=512)]] | None = None
    stream: bool | None = None
    resume: Resume | None = None
    scope: Annotated[str, Meta(max_length=16)] | None = None


class Subscriptions(Incoming, frozen=True, kw_only=True):
    """`data` of Bus/Session/Subscribe and Unsubscribe."""

    subscriptions: list[Annotated[str, Meta(max_length=512)]]


class RegisteredUser(Outbound, frozen=True, kw_only=True):
    """Who is registered."""

    id: str
    login_name: str
    name: str
    roles: list[str]


class ServerVersion(Outbound, frozen=True, kw_only=True):
    """What serves."""

    name: str
    version: str


class Registered(Struct, frozen=True, kw_only=True):
    """`message` of Bus/Session/Registered."""

    subscriber_id: str = field(name="subscriberID")
    user: RegisteredUser
    tenant: str
    epoch: str
    seq: int
    subscriptions: list[str]
    server: ServerVersion


class Reset(Outbound, frozen=True, kw_only=True):
    """`message` of Bus/Session/Reset: what was missed cannot be brought; snapshots follow."""

    epoch: str
    seq: int


class SubscriptionsInForce(Outbound, frozen=True, kw_only=True):
    """`message` of Bus/Session/Subscribed and Unsubscribed."""

    subscriptions: list[str]
