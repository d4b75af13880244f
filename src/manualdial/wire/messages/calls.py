"""A call as it goes on, and what an agent can do with it (contract §3)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from msgspec import UNSET, Struct, UnsetType, field

from manualdial.calls import CallState, Cause, EndedBy, Leg
from manualdial.wire.messages.dial import AllowedAction, DialChecked, DialReply, Number
from manualdial.wire.messages.incoming import Identifier, Incoming
from manualdial.wire.messages.outbound import Outbound


class CallReference(Incoming, frozen=True, kw_only=True):
    """`data` of the control requests: a call by its id, or none for the agent's only call.

    On the wire it is the id itself, as a string or a number.
    """

    bare: ClassVar[str | None] = "callId"

    call_id: Identifier | None = field(name="callId", default=None)


class Digits(Incoming, frozen=True, kw_only=True):
    """`data` of SendDTMF. On the wire it is the digits themselves, as a string or a number."""

    bare: ClassVar[str | None] = "digits"

    digits: Identifier | None = None
    call_id: Identifier | None = field(name="callId", default=None)


class CallEnding(Outbound, frozen=True, kw_only=True):
    """How a call ended."""

    by: EndedBy
    cause: Cause
    q850: int | UnsetType = UNSET
    sip: int | UnsetType = UNSET


class DialState(Outbound, frozen=True, kw_only=True):
    """`dial` of a state event (contract §3)."""

    call_id: str
    agent_id: str
    """Whose call it is, for readers who see a whole tenant."""
    request_id: str | UnsetType = UNSET
    number: Number
    state: CallState
    leg: Leg
    allowed_actions: list[AllowedAction]
    ending: CallEnding | UnsetType = UNSET
    at: str


class ControlReply(Outbound, frozen=True, kw_only=True):
    """`message` of a reply to a control request."""

    success: bool
    dial: DialState | DialReply | DialChecked


class ButtonStates(Outbound, frozen=True, kw_only=True):
    """Which buttons a desktop shows: each is "Enable" or "Hide"."""

    items: dict[str, Literal["Enable", "Hide"]]
    count: int


class CallActual(Outbound, frozen=True, kw_only=True):
    """`ResponseActual` of a call event."""

    connection_id: str
    contact_id: str
    phone_number: str
    status: str
    status_timestamp: str
    type: str
    previous_status: str | None


class MediaProperties(Outbound, frozen=True, kw_only=True):
    """`MediaProperties` of a call event."""

    call_type: str
    queue_name: str | None = None
    queue_timestamp: str | None = None


class ResponseFields(Struct, frozen=True, kw_only=True):
    """`ResponseFields` of a call event."""

    participants: list[Any] = field(name="Participants", default_factory=list)
    media_properties: MediaProperties = field(name="MediaProperties")
    from_address: str = field(name="fromAddress")
    call_state: str = field(name="CallState")
    type: str = field(name="Type")
    current_state_time: str = field(name="CurrentStateTime")
    campaign: str | None = field(name="Campaign")
    called_number: str = field(name="DN")
    outbound_type: str = field(name="OutboundType", default="manualdial")


class CallVariables(Struct, frozen=True, kw_only=True):
    """`CallVariables` of a call event: the number shown and the number called."""

    calling_number: str = field(name="ANI")
    called_number: str = field(name="DNIS")


class CallEvent(Struct, frozen=True, kw_only=True):
    """`call` of InboundCallStateChange: one change of one leg."""

    id: str
    event: str
    call_type: str = field(name="CallType")
    button_states: ButtonStates = field(name="ButtonStates")
    actions_allowed: None = field(name="ActionsAllowed", default=None)
    response_type: int = field(name="ResponseType", default=0)
    response_text: str = field(name="ResponseText", default="Success")
    response_actual: CallActual = field(name="ResponseActual")
    call_variables: CallVariables = field(name="CallVariables")
    extended_call_variables: None = field(name="ExtendedCallVariables", default=None)
    response_fields: ResponseFields = field(name="ResponseFields")
    dial: DialState


class InboundCallStateChange(Outbound, frozen=True, kw_only=True):
    """`message` of InboundCallStateChange; the reference uses this name for outgoing calls too."""

    source: str = "event"
    call: CallEvent


class SynchronisedCall(Outbound, frozen=True, kw_only=True):
    """One call of InboundCall/StateSync."""

    connection_id: str
    contact_id: str
    phone_number: str
    status: str
    status_timestamp: str
    type: str
    button_states: dict[str, bool]
    dial: DialState


class CallStateSync(Outbound, frozen=True, kw_only=True):
    """`message` of InboundCall/StateSync."""

    attributes: list[Any]
    queue_name: str | None
    queue_timestamp: str | None
    calls: list[SynchronisedCall]
