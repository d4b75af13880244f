"""A press: what is asked, and what is told of it (contract §2)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta, UnsetType, field

from manualdial.calls import Action, CallState
from manualdial.wire.messages.incoming import Identifier, Incoming
from manualdial.wire.messages.outbound import Outbound

AllowedAction = Annotated[
    Action, Meta(extra={"is": Literal["disconnect", "hold", "resume", "send_dtmf", "clear_contact"]})
]
"""An action that some state of a call allows: all of them but mute, which is asked for through the agent's requests."""


class Override(Incoming, frozen=True, kw_only=True):
    """One rule that the agent overrides, with the reason (contract §5)."""

    rule: Annotated[str, Meta(max_length=128)]
    reason: Annotated[str, Meta(max_length=1024)]


class Dial(Incoming, frozen=True, kw_only=True):
    """`data` of ManualDialCall and SetMakeCall (contract §2)."""

    bare: ClassVar[str | None] = "PhoneNumber"

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


class PolicyNameMessage(Outbound, frozen=True, kw_only=True):
    """Which policy judged."""

    name: str
    version: str


class VerdictMessage(Outbound, frozen=True, kw_only=True):
    """May this number be called, now, by this agent (contract §5)."""

    decision: str
    rules: list[RuleResult]
    overridable: bool
    policy: PolicyNameMessage
    next_permitted_at: str | UnsetType = UNSET


class DialReply(Outbound, frozen=True, kw_only=True):
    """`dial` of a reply to a press (contract §2)."""

    call_id: str
    state: CallState
    replay: bool
    number: Number
    verdict: Annotated[Any, Meta(extra={"is": VerdictMessage})]
    """As it was written down at the press, byte for byte."""
    allowed_actions: list[AllowedAction]


class DialChecked(Outbound, frozen=True, kw_only=True):
    """`dial` of a dry run: nothing rang."""

    state: Literal["checked"]
    number: Number
    purpose: str | UnsetType = UNSET
    """As what it was judged: the purpose that was named, or the tenant's."""
    verdict: VerdictMessage


class ManualDialReply(Outbound, frozen=True, kw_only=True):
    """`message` of a reply to ManualDialCall: the documented echo, and `dial` where it was asked for."""

    subtopic: str
    topic: str
    channel: str
    data: dict[str, Any]
    dial: DialReply | DialChecked | UnsetType = UNSET
