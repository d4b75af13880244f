"""Press: a request to dial that has been read, and everything that names it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import lru_cache

import msgspec

from manualdial import numbers
from manualdial.agents import AgentSession, Caller, Role
from manualdial.errors import MalformedMessage, ManualDialError, NotPermitted
from manualdial.messages.dial import Dial
from manualdial.numbers import PhoneNumber
from manualdial.requests import Request
from manualdial.screener import Question
from manualdial.screening import Purpose
from manualdial.screening.facts import WantedOverride
from manualdial.tenants import TenantSettings


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """Who presses, which number, and what names the press."""

    session: AgentSession
    roles: frozenset[Role]
    settings: TenantSettings
    connector: str
    request_id: str | None
    data: Dial
    number: PhoneNumber
    digest: str
    """SHA-256 of the data: one `requestId` names one digest."""
    purpose: Purpose
    caller_id: str | None
    at: float
    """The monotonic time at which it came in."""

    @property
    def agent_id(self) -> str:
        """The agent for whom is dialled."""
        return self.session.agent_id

    @property
    def campaign_id(self) -> str | None:
        """The campaign, as text."""
        return text(self.data.campaign_id)

    @property
    def account_number(self) -> str | None:
        """The account, as text."""
        return text(self.data.account_number)

    def question(self, now: datetime, *, lead_seconds: int = 0) -> Question:
        """What the screening is asked; the customer is dialled at most so many seconds later."""
        asked = question(
            self.data,
            number=self.number,
            tenant_id=self.session.tenant_id,
            settings=self.settings,
            roles=self.roles,
            own_number=own_number(self.session),
            at=now,
        )
        return msgspec.structs.replace(asked, placing=True, lead_seconds=lead_seconds)


def read(request: Request, data: Dial, *, session: AgentSession, settings: TenantSettings, at: float) -> Press:
    """Raises PhoneNumberMissing, PhoneNumberInvalid, MalformedMessage (purpose) or NotPermitted (caller ID)."""
    region = (data.region or session.region).strip().upper()
    channel = request.address.channel
    return Press(
        session=session,
        roles=request.caller.roles,
        settings=settings,
        connector=session.connector if channel == "LCM" else channel,
        request_id=request.key,
        data=data,
        number=numbers.parse(data.phone_number, region=region),
        digest=hashlib.sha256(msgspec.json.encode(data, order="deterministic")).hexdigest(),
        purpose=purpose_of(data, settings),
        caller_id=_caller_id(data, settings, request.caller),
        at=at,
    )


def question(
    data: Dial,
    *,
    number: PhoneNumber,
    tenant_id: str,
    settings: TenantSettings,
    roles: frozenset[Role],
    own_number: str | None,
    at: datetime,
) -> Question:
    """What the screening is asked about the `data` of a dial or a check. Raises MalformedMessage (purpose)."""
    return Question(
        tenant_id=tenant_id,
        number=number,
        purpose=purpose_of(data, settings),
        at=at,
        settings=settings.screening,
        campaign_id=text(data.campaign_id),
        account_number=text(data.account_number),
        entry=data.entry,
        zip_code=zip_code_of(data.zip_code),
        own_number=own_number,
        roles=roles,
        overrides=tuple(WantedOverride(rule=wish.rule, reason=wish.reason) for wish in data.overrides or ()),
    )


def purpose_of(data: Dial, settings: TenantSettings) -> Purpose:
    """The purpose that is named, or the tenant's. Raises MalformedMessage, and NotPermitted for one not allowed."""
    if data.purpose is None:
        return settings.purpose
    try:
        purpose = Purpose(data.purpose.strip().lower())
    except ValueError:
        known = ", ".join(Purpose)
        raise MalformedMessage(f"Purpose is one of {known}", details={"path": "data.Purpose"}) from None
    if purpose not in settings.purposes:
        raise NotPermitted("Purpose is not among those that a press may name")
    return purpose


def text(identifier: str | int | None) -> str | None:
    """An id as text: 4711, "4711" and " 4711 " are the same, and a blank one is none."""
    return None if identifier is None else str(identifier).strip() or None


def zip_code_of(identifier: str | int | None) -> str | None:
    """A postal code as text; a number is a US ZIP code, and gets the zeros in front back that numbers lose."""
    if isinstance(identifier, int):
        return f"{identifier:05}" if abs(identifier) < 100_000 else f"{identifier:09}"
    return identifier


def _caller_id(data: Dial, settings: TenantSettings, caller: Caller) -> str | None:
    if data.caller_id is None:
        return None
    own = caller.caller_ids
    if data.caller_id not in settings.caller_ids or (own is not None and data.caller_id not in own):
        raise NotPermitted("CallerID is not among the numbers that may be shown")
    return data.caller_id


def own_number(session: AgentSession) -> str | None:
    """The E.164 number of the agent's own line, where the extension is one."""
    return _read_extension(session.extension, session.region)


@lru_cache(maxsize=10_000)
def _read_extension(extension: str, region: str) -> str | None:
    try:
        return numbers.parse(extension, region=region).e164
    except ManualDialError:
        return None
