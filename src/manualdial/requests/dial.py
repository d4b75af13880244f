"""The requests that dial: ManualDialCall in its two forms, and SetMakeCall (contract §2, §3).

What the data of a dial and of a check mean is read here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from manualdial import calls, numbers
from manualdial.agents import AgentSession
from manualdial.callers import Caller
from manualdial.dialing.dialing import Dialing, PressOutcome
from manualdial.dialing.press import Press
from manualdial.errors import MalformedMessage, ManualDialError, NotPermitted
from manualdial.law import Purpose
from manualdial.law.facts import WantedOverride
from manualdial.live.live_calls import Engines
from manualdial.live.sessions import Sessions
from manualdial.numbers import PhoneNumber
from manualdial.ports import Clock, Store
from manualdial.requests.request import AnsweredByEvent, DirectReply, Reply, Request
from manualdial.screening.screener import Question
from manualdial.screening.tenants import Tenants, TenantSettings
from manualdial.telemetry.metrics import Metrics
from manualdial.wire import views
from manualdial.wire.addresses import STATE_CHANGE
from manualdial.wire.envelope import Address
from manualdial.wire.messages.calls import ControlReply
from manualdial.wire.messages.dial import Dial, DialChecked, DialReply, ManualDialReply


@dataclass(frozen=True, kw_only=True, eq=False)
class DialRequests:
    """The methods behind the requests that dial."""

    dialing: Dialing
    store: Store
    engines: Engines
    sessions: Sessions
    tenants: Tenants
    clock: Clock
    metrics: Metrics

    def manual_dial_call(self, *, reply_to: Address) -> Callable[[Request, Dial], Awaitable[Reply]]:
        """The method behind ManualDialCall in one of its two forms; the reply goes out on `reply_to`."""

        async def method(request: Request, data: Dial) -> Reply:
            """ManualDialCall: rings the agent's phone, then the customer."""
            outcome = await self._press(request, data)
            asked_for = request.request_id is not None or isinstance(outcome, DialChecked)
            echo = ManualDialReply(
                subtopic=request.address.subtopic,
                topic=request.address.topic,
                channel=request.address.channel,
                data={"PhoneNumber": data.phone_number},
                dial=self._dial(outcome) if asked_for else msgspec.UNSET,
            )
            return Reply(address=reply_to, message=echo)

        return method

    async def set_make_call(self, request: Request, data: Dial) -> Reply | DirectReply | AnsweredByEvent:
        """SetMakeCall: with a `requestId` a press like any other, without one answered by the call's event."""
        outcome = await self._press(request, data)
        if request.request_id is not None or isinstance(outcome, DialChecked):
            return Reply(address=request.address, message=ControlReply(success=True, dial=self._dial(outcome)))
        if outcome.published is not None:
            return AnsweredByEvent(published=outcome.published)
        found = await self.store.call(outcome.call.tenant_id, outcome.call.id)
        call = outcome.call if found is None else found[0]
        told = views.state_change(calls.newest(call), self.engines.actions_of(call))
        return DirectReply(address=STATE_CHANGE.address.on(call.connector), message=told)

    async def _press(self, request: Request, data: Dial) -> PressOutcome | DialChecked:
        """The outcome of the press; of a dry run, on which nothing rings and nothing is counted, its verdict."""
        try:
            press = press_of(
                request,
                data,
                session=self.sessions.require(request.caller.user_id),
                settings=self.tenants.of(request.caller.tenant),
                clock=self.clock,
            )
        except ManualDialError as error:
            self.metrics.press(error.error_type)
            raise
        if data.dry_run:
            screened = await self.dialing.screen(press)
            return views.dial_checked(screened.facts, screened.verdict)
        return await self.dialing.press(press)

    def _dial(self, outcome: PressOutcome | DialChecked) -> DialReply | DialChecked:
        if isinstance(outcome, DialChecked):
            return outcome
        return views.dial_reply(outcome.call, self.engines.actions_of(outcome.call), replay=outcome.replay)


def press_of(request: Request, data: Dial, *, session: AgentSession, settings: TenantSettings, clock: Clock) -> Press:
    """Raises PhoneNumberMissing, PhoneNumberInvalid, MalformedMessage (purpose) or NotPermitted (caller ID)."""
    at, channel = clock.monotonic(), request.address.channel
    return Press(
        session=session,
        settings=settings,
        connector=session.connector if channel == "LCM" else channel,
        question=question_of(
            data,
            number=number_of(data.phone_number, data.region or session.region),
            caller=request.caller,
            session=session,
            settings=settings,
            at=clock.now(),
        ),
        request_id=request.key,
        digest=hashlib.sha256(msgspec.json.encode(data, order="deterministic")).hexdigest(),
        caller_id=_caller_id(data, settings, request.caller),
        purpose_named=data.purpose is not None,
        zip_code=as_text(data.zip_code),
        at=at,
    )


def question_of(
    data: Dial,
    *,
    number: PhoneNumber,
    caller: Caller,
    session: AgentSession | None,
    settings: TenantSettings,
    at: datetime,
) -> Question:
    """The question to the screening about the data of a dial or a check. Raises MalformedMessage, NotPermitted."""
    return Question(
        tenant_id=caller.tenant_id,
        number=number,
        purpose=_purpose(data, settings),
        at=at,
        settings=settings.screening,
        campaign_id=as_text(data.campaign_id),
        account_number=as_text(data.account_number),
        entry=data.entry,
        zip_code=zip_code_of(data.zip_code),
        own_number=None if session is None else numbers.own_line(session.extension, session.region),
        roles=caller.roles,
        overrides=tuple(WantedOverride(rule=wish.rule, reason=wish.reason) for wish in data.overrides or ()),
    )


def number_of(typed: object, region: str) -> PhoneNumber:
    """The number that somebody typed. Raises PhoneNumberMissing, PhoneNumberInvalid."""
    return numbers.parse(typed, region=region.strip().upper())


def as_text(identifier: str | int | None) -> str | None:
    """An id as text: 4711, "4711" and " 4711 " are the same, and a blank one is none."""
    return None if identifier is None else str(identifier).strip() or None


def zip_code_of(identifier: str | int | None) -> str | None:
    """A postal code as text; a number is a US ZIP code, and gets the zeros in front back that numbers lose."""
    if isinstance(identifier, int):
        return f"{identifier:05}" if abs(identifier) < 100_000 else f"{identifier:09}"
    return identifier


def _purpose(data: Dial, settings: TenantSettings) -> Purpose:
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


def _caller_id(data: Dial, settings: TenantSettings, caller: Caller) -> str | None:
    if data.caller_id is None:
        return None
    own = caller.caller_ids
    if data.caller_id not in settings.caller_ids or (own is not None and data.caller_id not in own):
        raise NotPermitted("CallerID is not among the numbers that may be shown")
    return data.caller_id
