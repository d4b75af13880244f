"""Questions about numbers, and what people said (contract §5)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from msgspec import Meta, field

from manualdial.wire.messages.dial import Dial, DialChecked
from manualdial.wire.messages.incoming import Identifier, Incoming
from manualdial.wire.messages.outbound import Outbound

MAX_CHECKS = 1000
"""How many numbers are judged at once."""


class Check(Dial, frozen=True, kw_only=True):
    """`data` of CheckPhoneNumber (contract §5): that of a dial, and the moment that is asked about."""

    bare: ClassVar[str | None] = None

    at: Annotated[str, Meta(max_length=64)] | None = field(name="At", default=None)
    """ISO 8601 with an offset; now where it is left out."""


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


class CheckReply(Outbound, frozen=True, kw_only=True):
    """`message` of the replies to CheckPhoneNumber and SetLocation."""

    dial: DialChecked


class SetDncResponse(Outbound, frozen=True, kw_only=True):
    """What became of it."""

    success: bool


class SetDncResult(Outbound, frozen=True, kw_only=True):
    """`message` of SetDNCResult."""

    response: SetDncResponse
