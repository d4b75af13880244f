"""What a method of a service gets and gives: the request with its connection, and the three kinds of answer."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from manualdial.agents import Caller
from manualdial.bus import Published, Reader, Scope, Subscriber
from manualdial.envelope import Address, Outgoing
from manualdial.errors import NotAuthenticated, NotRegistered


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
    """What a method gets beside the typed data."""

    address: Address
    """The address in its published spelling."""
    request_id: str | int | None
    connection: Connection

    @property
    def caller(self) -> Caller:
        """Who asks. Raises NotRegistered on a connection that is not registered."""
        if self.connection.caller is None:
            raise NotRegistered("the first message of a connection is Bus/Session/Register")
        return self.connection.caller

    @property
    def scope(self) -> Scope:
        """The scope of the caller's own agent: replies and events go there."""
        return Scope(self.caller.tenant_id, self.caller.user_id)

    @property
    def key(self) -> str | None:
        """The `requestId` as a string: 4711 and "4711" name the same press."""
        return None if self.request_id is None else str(self.request_id)


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is published: a reply, or an event in the reply's place. It carries the `requestId`."""

    address: Address
    message: Any


class Private(msgspec.Struct, frozen=True, kw_only=True):
    """An answer for the connection that asked, and for nobody else."""

    address: Address
    message: Any
    then: tuple[Outgoing, ...] = ()
    """What the same connection gets right after it."""


class Caused(msgspec.Struct, frozen=True, kw_only=True):
    """The request is answered by an event that was published already."""

    published: Published
