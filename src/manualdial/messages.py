"""Every message on the wire, one frozen struct each (contract §1 to §6). The source of the schemas in `schemas/`.

What comes in is read by `read`: keys without regard to case, unknown keys ignored, flags as `true` or `"true"`, ids as
string or number. What goes out is built by `views`.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, TypeVar, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from manualdial.errors import MalformedMessage

AnyIncoming = TypeVar("AnyIncoming", bound="Incoming")

Identifier = Annotated[str, Meta(max_length=1024)] | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""An id: a string or a number on the wire, as a number of at most 64 bits."""


# ── what comes in: `data` of the requests ───────────────────────────────────────────────────────────────────────────


class Incoming(Struct, frozen=True, kw_only=True):
    """The `data` of a request."""


class NoData(Incoming, frozen=True, kw_only=True):
    """A request that says nothing more than its address."""


class Override(Incoming, frozen=True, kw_only=True):
    """One rule that the agent overrides, with the reason (contract §5)."""

    rule: Annotated[str, Meta(max_length=128)]
    reason: Annotated[str, Meta(max_length=1024)]


class Dial(Incoming, frozen=True, kw_only=True):
    """`data` of ManualDialCall and SetMakeCall (contract §2)."""

    phone_number: Any = field(name="PhoneNumber", default=None)
    """As typed. Any JSON value is taken in, so that what is wrong with it can be told by its own error."""
    region: Annotated[str, Meta(max_length=16)] | None = field(name="Region", default=None)
    """ISO 3166 region in which a national number is read."""
    caller_id: Annotated[str, Meta(max_length=64)] | None = field(name="CallerID", default=None)
    """The number to show to the customer."""
    campaign_id: Identifier | None = field(name="CampaignID", default=None)
    account_number: Identifier | None = field(name="AccountNumber", default=None)
    purpose: Annotated[str, Meta(max_length=64)] | None = field(name="Purpose", default=None)
    """sales, service, collection, survey or charity."""
    entry: Annotated[str, Meta(max_length=64)] | None = field(name="Entry", default=None)
    """How the number was entered."""
    zip_code: Identifier | None = field(name="ZipCode", default=None)
    overrides: Annotated[list[Override], Meta(max_length=16)] | None = field(name="Overrides", default=None)
    dry_run: bool | None = field(name="DryRun", default=None)
    """Screening only: nothing rings, nothing is counted."""


class Check(Dial, frozen=True, kw_only=True):
    """`data` of CheckPhoneNumber (contract §5): that of a dial, and the moment that is asked about."""

    at: Annotated[str, Meta(max_length=64)] | None = field(name="At", default=None)
    """ISO 8601 with an offset; now where it is left out."""


MAX_CHECKS = 1000
"""How many numbers are judged at once."""


class SetDnc(Incoming, frozen=True, kw_only=True):
    """`data` of SetDNC (contract §5): the person does not want to be called."""

    phone_number: Any = field(name="PhoneNumber", default=None)
    region: Annotated[str, Meta(max_length=16)] | None = field(name="Region", default=None)
    reason: Annotated[str, Meta(max_length=1024)] | None = field(name="Reason", default=None)
    scope: Annotated[str, Meta(max_length=64)] | None = field(name="Scope", default=None)
    """`company` (default), `campaign` (with CampaignID), or `refusal`: said no in the talk, and is on no list."""
    campaign_id: Identifier | None = field(name="CampaignID", default=None)
    account_number: Identifier | None = field(name="AccountNumber", default=None)
    """The account of the person: what they said then counts for its other numbers too. Left out: that of the agent's
    live call, where it is to this number."""


class SetLocation(Incoming, frozen=True, kw_only=True):
    """`data` of SetLocation: the person has said where they are."""

    phone_number: Any = field(name="PhoneNumber", default=None)
    """Left out: the number of the agent's live call."""
    region: Annotated[str, Meta(max_length=16)] | None = field(name="Region", default=None)
    zip_code: Identifier | None = field(name="ZipCode", default=None)
    jurisdiction: Annotated[str, Meta(max_length=16)] | None = field(name="Jurisdiction", default=None)
    """ISO 3166, as `US-FL` or `FR`."""
    time_zone: Annotated[str, Meta(max_length=64)] | None = field(name="TimeZone", default=None)
    """An IANA time zone."""
    purpose: Annotated[str, Meta(max_length=64)] | None = field(name="Purpose", default=None)


class Login(Incoming, frozen=True, kw_only=True):
    """`data` of Agent/Login."""

    extension: Identifier | None = None
    region: Annotated[str, Meta(max_length=16)] | None = None


class Logout(Incoming, frozen=True, kw_only=True):
    """`data` of Agent/Logout. An administrator may name another user."""

    user_id: Identifier | None = field(name="userId", default=None)


class UpdateState(Incoming, frozen=True, kw_only=True):
    """`data` of Agent/UpdateState: the state by its label or code."""

    label: Annotated[str, Meta(max_length=128)] | None = None
    code: Identifier | None = None
    type: Annotated[str, Meta(max_length=128)] | None = None


class SetNotReady(Incoming, frozen=True, kw_only=True):
    """`data` of Agent/SetNotReady."""

    reason_code_id: Identifier | None = field(name="ReasonCodeId", default=None)


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


class CallReference(Incoming, frozen=True, kw_only=True):
    """`data` of the control requests: a call by its id, or none for the agent's only call.

    On the wire it is the id itself, as a string or a number.
    """

    call_id: Identifier | None = field(name="callId", default=None)


class Digits(Incoming, frozen=True, kw_only=True):
    """`data` of SendDTMF. On the wire it is the digits themselves, as a string or a number."""

    digits: Identifier | None = None
    call_id: Identifier | None = field(name="callId", default=None)


BARE_VALUE: dict[type[Incoming], str] = {Dial: "PhoneNumber", CallReference: "callId", Digits: "digits"}
"""The key that a bare value stands for, for requests whose `data` may be no object."""


def read(data: Any, kind: type[AnyIncoming]) -> AnyIncoming:
    """The `data` of a request as its type.

    Raises MalformedMessage with `details.path` where a value has the wrong type; the text tells no value.
    """
    if data is None:
        data = {}
    if not isinstance(data, dict) and kind in BARE_VALUE and isinstance(data, str | int) and not isinstance(data, bool):
        data = {BARE_VALUE[kind]: data} if data != "" else {}
    if not isinstance(data, dict):
        if kind is NoData:
            return kind()
        raise MalformedMessage("data is an object", details={"path": "data"})
    try:
        return msgspec.convert(_spelt(data, kind), kind, strict=False)
    except RecursionError:
        raise MalformedMessage("nested too deeply", details={"path": "data"}) from None
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        raise MalformedMessage(reason, details={"path": "data" + path.rstrip("`")}) from None


def _spelt(value: Any, kind: Any) -> Any:
    """The value with the keys of objects spelt as the type spells them. The exact spelling wins over another one."""
    if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, Incoming):
        names = _spellings(kind)
        known: dict[str, Any] = {}
        for key, item in value.items():
            name, inner = names.get(key.strip().casefold(), (None, None))
            if name is not None and (name not in known or key == name):
                known[name] = _spelt(item, inner)
        return known
    if isinstance(value, list):
        return [_spelt(item, kind) for item in value]
    return value


@cache
def _spellings(kind: type[Incoming]) -> dict[str, tuple[str, Any]]:
    fields = msgspec.structs.fields(kind)
    return {one.encode_name.casefold(): (one.encode_name, _inner_struct(one.type)) for one in fields}


def _inner_struct(kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, Incoming):
        return kind
    return next((found for part in get_args(kind) if (found := _inner_struct(part)) is not None), None)


# ── what goes out: `message` of replies and events ──────────────────────────────────────────────────────────────────


class Outbound(Struct, frozen=True, kw_only=True, rename="camel"):
    """The `message` of a reply or an event, or a part of it."""


class Number(Outbound, frozen=True, kw_only=True):
    """A number as typed and as read."""

    typed: str
    e164: str
    region: str
    type: str
    extension: str | UnsetType = UNSET


class RuleResult(Outbound, frozen=True, kw_only=True):
    """What one rule of the screening said."""

    rule: str
    decision: str
    reason: str
    evidence: dict[str, Any]
    law: str | UnsetType = UNSET


class PolicyName(Outbound, frozen=True, kw_only=True):
    """Which policy judged."""

    name: str
    version: str


class Verdict(Outbound, frozen=True, kw_only=True):
    """May this number be called, now, by this agent (contract §5)."""

    decision: str
    rules: list[RuleResult]
    overridable: bool
    policy: PolicyName
    next_permitted_at: str | UnsetType = UNSET


class Ending(Outbound, frozen=True, kw_only=True):
    """How a call ended."""

    by: str
    cause: str
    q850: int | UnsetType = UNSET
    sip: int | UnsetType = UNSET


class DialReply(Outbound, frozen=True, kw_only=True):
    """`dial` of a reply to a press (contract §2)."""

    call_id: str
    state: str
    replay: bool
    number: Number
    verdict: Any
    allowed_actions: list[str]


class DialChecked(Outbound, frozen=True, kw_only=True):
    """`dial` of a dry run: nothing rang."""

    state: str
    number: Number
    purpose: str | UnsetType = UNSET
    """As what it was judged: the purpose that was named, or the tenant's."""
    verdict: Verdict


class CheckReply(Outbound, frozen=True, kw_only=True):
    """`message` of the replies to CheckPhoneNumber and SetLocation."""

    dial: DialChecked


class SetDncResponse(Outbound, frozen=True, kw_only=True):
    """What became of it."""

    success: bool


class SetDncResult(Outbound, frozen=True, kw_only=True):
    """`message` of SetDNCResult."""

    response: SetDncResponse


class ManualDialReply(Outbound, frozen=True, kw_only=True):
    """`message` of a reply to ManualDialCall: the documented echo, and `dial` where it was asked for."""

    subtopic: str
    topic: str
    channel: str
    data: dict[str, Any]
    dial: DialReply | DialChecked | UnsetType = UNSET


class DialState(Outbound, frozen=True, kw_only=True):
    """`dial` of a state event (contract §3)."""

    call_id: str
    agent_id: str
    """Whose call it is, for readers who see a whole tenant."""
    request_id: str | UnsetType = UNSET
    number: Number
    state: str
    leg: str
    allowed_actions: list[str]
    ending: Ending | UnsetType = UNSET
    at: str


class ControlReply(Outbound, frozen=True, kw_only=True):
    """`message` of a reply to a control request."""

    success: bool
    dial: DialState | DialReply | DialChecked


class ButtonStates(Outbound, frozen=True, kw_only=True):
    """Which buttons a desktop shows: each is "Enable" or "Hide"."""

    items: dict[str, str]
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


class ApplicationState(Outbound, frozen=True, kw_only=True):
    """`message` of App/StateSync."""

    init_state: str = "Loaded"


class AgentInfo(Outbound, frozen=True, kw_only=True):
    """Who the agent is."""

    name: str
    id: str
    extension: str
    login_name: str
    muted: bool
    softphone_enabled: bool


class AgentStateView(Struct, frozen=True, kw_only=True):
    """The state that the agent is in."""

    agent_state_arn: None = field(name="agentStateARN", default=None)
    type: str
    name: str
    start_timestamp: str = field(name="startTimestamp")


class AgentRules(Struct, frozen=True, kw_only=True):
    """Which buttons of the agent a desktop shows."""

    button_states: ButtonStates = field(name="ButtonStates")
    response_actual: AgentStateView = field(name="ResponseActual")


class AgentSync(Outbound, frozen=True, kw_only=True):
    """`message` of LoginSuccess, LogoutSuccess and Agent/StateSync."""

    login_state: str
    agent_info: AgentInfo | None = None
    agent_state: AgentStateView | None = None
    rules: AgentRules | None = None


class ListedState(Outbound, frozen=True, kw_only=True):
    """One of the states of Agent/GetStates."""

    label: str
    code: str
    type: str


class ReasonCode(Outbound, frozen=True, kw_only=True):
    """Why an agent is not ready."""

    id: str | None


class AgentData(Outbound, frozen=True, kw_only=True):
    """`data` of SetAgentState."""

    name: str
    id: str
    extension: str
    login_name: str
    muted: bool
    softphone_enabled: bool
    state: str
    next_state: str | UnsetType = UNSET
    """While a call or its wrap-up is there: the state that follows it."""
    reason_code: ReasonCode
    state_change_time: str
    type: str


class SetAgentState(Outbound, frozen=True, kw_only=True):
    """`message` of SetAgentState."""

    rules: AgentRules
    data: AgentData
    event: str
    source: str = "event"


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


class ErrorData(Outbound, frozen=True, kw_only=True):
    """`data` of an ApiError (contract §1)."""

    error_type: str
    error_message: str
    msg: str
    retryable: bool
    details: dict[str, Any] | UnsetType = UNSET
