"""Requests as the methods of the services get them, and the three kinds of answer that they give."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from manualdial.bus.bus import Published, Reader, Subscriber
from manualdial.callers import Caller
from manualdial.errors import NotAuthenticated
from manualdial.wire.envelope import Address, Outgoing


class Connection(Reader, Protocol):
    """Where requests come from: a WebSocket connection, or one HTTP request."""

    caller: Caller | None
    """None until the connection is registered. Set by the transport or by the registration, never by a message."""
    subscriber: Subscriber | None
    """Present where the connection reads the bus."""
    token: str | None
    """The bearer token of the handshake, if there was one."""

    def admit(self, caller: Caller, subscriber: Subscriber) -> None:
        """The connection is registered from now on."""
        ...

    def refuse(self, error: NotAuthenticated) -> None:
        """Close the connection: who is there has not shown who they are."""
        ...


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request as a method gets it, beside the typed data; filled in by the dispatcher."""

    address: Address
    """The address in its published spelling."""
    request_id: str | int | None
    key: str | None
    """The `requestId` as a string: 4711 and "4711" name the same press."""
    connection: Connection
    caller: Caller
    """Who asks. Replies and events go to the scope of this agent."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is published: a reply, or an event in the reply's place. It carries the `requestId`."""

    address: Address
    message: Any


class DirectReply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer for the connection that asked, and for nobody else."""

    address: Address
    message: Any
    then: tuple[Outgoing, ...] = ()
    """Messages that the same connection gets right after it."""


class AnsweredByEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The request is answered by an event that was published already."""

    published: Published
