"""Press: a request to dial that has been read, and everything that names it."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import msgspec

from manualdial import numbers, screening
from manualdial.agents import AgentSession
from manualdial.errors import MalformedMessage, ManualDialError, NotPermitted
from manualdial.messages import Dial
from manualdial.numbers import PhoneNumber
from manualdial.requests import Request


class PressSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator decides about presses."""

    purpose: screening.Purpose
    """The purpose of a press that names none."""
    caller_ids: frozenset[str]
    """The numbers that a press may ask to show to the customer, as they are to be written."""


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """Who presses, which number, and what names the press."""

    session: AgentSession
    connector: str
    request_id: str | None
    data: Dial
    number: PhoneNumber
    digest: str
    """SHA-256 of the data: one `requestId` names one digest."""
    purpose: screening.Purpose
    caller_id: str | None
    at: float
    """The monotonic time at which it came in."""

    @property
    def agent_id(self) -> str:
        """The agent for whom is dialled."""
        return self.session.agent_id

    @property
    def facts(self) -> screening.Facts:
        """What the screening looks at."""
        return screening.Facts(number=self.number, own_number=_own_number(self.session.extension, self.session.region))


def read(request: Request, data: Dial, *, session: AgentSession, settings: PressSettings, at: float) -> Press:
    """Raises PhoneNumberMissing, PhoneNumberInvalid, MalformedMessage (purpose) or NotPermitted (caller ID)."""
    region = (data.region or session.region).strip().upper()
    channel = request.address.channel
    return Press(
        session=session,
        connector=session.connector if channel == "LCM" else channel,
        request_id=request.key,
        data=data,
        number=numbers.parse(data.phone_number, region=region),
        digest=hashlib.sha256(msgspec.json.encode(data, order="deterministic")).hexdigest(),
        purpose=_purpose(data, settings),
        caller_id=_caller_id(data, settings),
        at=at,
    )


def _purpose(data: Dial, settings: PressSettings) -> screening.Purpose:
    if data.purpose is None:
        return settings.purpose
    try:
        return screening.Purpose(data.purpose.strip().lower())
    except ValueError:
        known = ", ".join(screening.Purpose)
        raise MalformedMessage(f"Purpose is one of {known}", details={"path": "data.Purpose"}) from None


def _caller_id(data: Dial, settings: PressSettings) -> str | None:
    if data.caller_id is None:
        return None
    if data.caller_id not in settings.caller_ids:
        raise NotPermitted("CallerID is not among the numbers that may be shown")
    return data.caller_id


@lru_cache(maxsize=10_000)
def _own_number(extension: str, region: str) -> str | None:
    """The E.164 number of the agent's line, where the extension is one."""
    try:
        return numbers.parse(extension, region=region).e164
    except ManualDialError:
        return None
