"""The requests about numbers: CheckPhoneNumber, SetDNC, SetLocation, and many checks at once (contract §5)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from manualdial.callers import Caller
from manualdial.calls import Call
from manualdial.errors import MalformedMessage, ManualDialError, NoSuchCall, ServiceUnavailable
from manualdial.law.facts import is_a_place
from manualdial.law.records import AnyContent, Listing, ListScope, Record, Refusal, Residence, covers, is_replaced
from manualdial.live.live_calls import LiveCalls
from manualdial.live.sessions import Sessions
from manualdial.moments import moment
from manualdial.numbers import PhoneNumber
from manualdial.ports import Clock, Person, RecordStore, StoreUnavailable
from manualdial.requests.dial import as_text, number_of, question_of, zip_code_of
from manualdial.requests.request import Reply, Request
from manualdial.screening.screener import Question, Screened, Screener
from manualdial.screening.tenants import Tenants
from manualdial.tasks import Pace
from manualdial.wire import views
from manualdial.wire.addresses import SET_DNC_RESULT
from manualdial.wire.envelope import read
from manualdial.wire.messages.dial import DialChecked
from manualdial.wire.messages.screening import (
    MAX_CHECKS,
    Check,
    CheckReply,
    SetDnc,
    SetDncResponse,
    SetDncResult,
    SetLocation,
)

_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
STATED_FOR = timedelta(hours=12)
"""How long it counts where somebody said to be: on a journey that is somewhere else tomorrow."""
_JUST_BEFORE = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class ScreeningRequests:
    """The methods behind the requests about numbers. They dial nobody, and need no agent's login."""

    screener: Screener
    store: RecordStore
    sessions: Sessions
    live_calls: LiveCalls
    tenants: Tenants
    clock: Clock
    default_region: str
    limit: float
    """How long many checks at once may take, in seconds."""

    async def check_phone_number(self, request: Request, data: Check) -> Reply:
        """The verdict on a number, now or at another moment; nothing rings, nothing is counted."""
        question = self._question(request.caller, data)
        screened = await self.screener.screen(question)
        return Reply(address=request.address, message=CheckReply(dial=_checked(screened)))

    async def check_all(self, caller: Caller, checks: Sequence[Any]) -> Sequence[DialChecked | ManualDialError]:
        """The verdict on each of some numbers (1,000 at most), in their order; or why there is none."""
        try:
            async with asyncio.timeout(self.limit):
                return await self._check_all(caller, checks)
        except TimeoutError:
            raise ServiceUnavailable("the checks took too long; ask for fewer at once") from None

    async def _check_all(self, caller: Caller, checks: Sequence[Any]) -> Sequence[DialChecked | ManualDialError]:
        if len(checks) > MAX_CHECKS:
            raise MalformedMessage(f"at most {MAX_CHECKS} numbers at once", details={"path": "checks"})
        found: list[Question | ManualDialError] = []
        pace = Pace()
        for check in checks:
            try:
                found.append(self._question(caller, read(check, Check)))
            except ManualDialError as error:
                found.append(error)
            await pace.keep()
        questions = [one for one in found if isinstance(one, Question)]
        screened = iter(await self.screener.screen_all(questions) if questions else ())
        return [_checked(next(screened)) if isinstance(one, Question) else one for one in found]

    async def set_dnc(self, request: Request, data: SetDnc) -> Reply:
        """Put a number on a do-not-call list, or write down that the person said no."""
        number = self._number(request.caller, data.phone_number, data.region)
        account_number = as_text(data.account_number) or self._account(request.caller, number)
        await self._record(request.caller, number, _content(data, self.clock.now()), account_number=account_number)
        result = SetDncResult(response=SetDncResponse(success=True))
        return Reply(address=SET_DNC_RESULT.address, message=result)

    async def set_location(self, request: Request, data: SetLocation) -> Reply:
        """Write down where the person says to be, and judge the call anew; an agent in a call may have to end it."""
        caller, call = request.caller, self.live_calls.of_agent(request.caller.user_id)
        number = self._called(caller, data, call)
        about = call if call is not None and call.number.e164 == number.e164 else None
        # Said by the person only where somebody talks to the person; else it is what the caller believes to know.
        residence = _residence(data, number, stated=about is not None and about.answered_at is not None)
        check = Check(
            phone_number=number.e164,
            purpose=data.purpose or (None if about is None else about.purpose),
            campaign_id=None if about is None else about.campaign_id,
            account_number=None if about is None else about.account_number,
        )
        question = self._question(caller, check)  # read first: what is refused is not written down
        if about is not None:
            # As at the press, and just before it: a call is placed once, and does not count against itself.
            question = msgspec.structs.replace(question, at=about.requested_at - _JUST_BEFORE)
        await self._record(caller, number, residence, account_number=question.account_number, lasts=STATED_FOR)
        screened = await self.screener.screen(question)
        return Reply(address=request.address, message=CheckReply(dial=_checked(screened)))

    def _question(self, caller: Caller, data: Check) -> Question:
        return question_of(
            data,
            number=self._number(caller, data.phone_number, data.region),
            caller=caller,
            session=self.sessions.get(caller.user_id),
            settings=self.tenants.of(caller.tenant),
            at=_moment(data.at) or self.clock.now(),
        )

    def _number(self, caller: Caller, typed: object, region: str | None) -> PhoneNumber:
        session = self.sessions.get(caller.user_id)
        home = session.region if session is not None else caller.region or self.default_region
        return number_of(typed, region or home)

    def _called(self, caller: Caller, data: SetLocation, call: Call | None) -> PhoneNumber:
        if data.phone_number is not None:
            return self._number(caller, data.phone_number, data.region)
        if call is None:
            raise NoSuchCall("without PhoneNumber the location is of the called party of the agent's live call")
        return call.number

    def _account(self, caller: Caller, number: PhoneNumber) -> str | None:
        """The account that the agent's live call names, where it is to this number."""
        call = self.live_calls.of_agent(caller.user_id)
        return None if call is None or call.number.e164 != number.e164 else call.account_number

    async def _record(
        self,
        caller: Caller,
        number: PhoneNumber,
        content: AnyContent,
        *,
        account_number: str | None,
        lasts: timedelta | None = None,
    ) -> None:
        now = self.clock.now()
        record = Record(
            id=str(uuid.uuid4()),
            tenant_id=caller.tenant_id,
            number=number.e164,
            account_number=account_number,
            content=content,
            recorded_at=now,
            recorded_by=caller.login_name,
            until=None if lasts is None else now + lasts,
        )
        person = Person(number=number.e164, account_number=account_number)
        try:
            (found,) = await self.store.contact_history(caller.tenant_id, [person], attempts_since=now)
            there = [each for each in found.records if each.number == record.number and each.counts_at(now)]
            if any(covers(each, record) for each in there):
                return
            await self.store.add_records([record])
        except StoreUnavailable:
            raise ServiceUnavailable("it could not be written down; nothing has changed") from None
        replaced = {each.id for each in there if is_replaced(each, record)}
        if replaced:
            with suppress(StoreUnavailable):  # they are over soon anyway, and the new one is written
                await self.store.withdraw_records(
                    caller.tenant_id, replaced, by=caller.login_name, at=now, reason=f"replaced by {record.id}"
                )


def _checked(screened: Screened) -> DialChecked:
    return views.dial_checked(screened.facts, screened.verdict)


def _content(data: SetDnc, now: datetime) -> AnyContent:
    campaign_id = as_text(data.campaign_id)
    match (data.scope or ListScope.COMPANY).strip().lower():
        case ListScope.COMPANY:
            return Listing(reason=data.reason or "")
        case ListScope.CAMPAIGN if campaign_id:
            return Listing(scope=ListScope.CAMPAIGN, campaign_id=campaign_id, reason=data.reason or "")
        case ListScope.CAMPAIGN:
            raise MalformedMessage("the scope campaign needs CampaignID", details={"path": "data.CampaignID"})
        case "refusal":
            return Refusal(refused_at=now, campaign_id=campaign_id)
        case _:
            raise MalformedMessage("Scope is company, campaign or refusal", details={"path": "data.Scope"})


def _residence(data: SetLocation, number: PhoneNumber, *, stated: bool) -> Residence:
    """The place that was said. Raises MalformedMessage for a place that nobody knows: it would screen nothing."""
    jurisdiction = data.jurisdiction.strip().upper() if data.jurisdiction else None
    residence = Residence(
        jurisdiction=jurisdiction, zip_code=zip_code_of(data.zip_code), zone=data.time_zone, stated=stated
    )
    if not is_a_place(residence, number):
        raise MalformedMessage(
            "one of ZipCode, Jurisdiction and TimeZone is needed, and is to be a known place",
            details={"path": _path_of_place(data)},
            sentence="This place is not known.",
        )
    return residence


def _path_of_place(data: SetLocation) -> str:
    """The key that says the place, where one alone does."""
    given = {"ZipCode": data.zip_code, "Jurisdiction": data.jurisdiction, "TimeZone": data.time_zone}
    names = [name for name, value in given.items() if value is not None]
    return f"data.{names[0]}" if len(names) == 1 else "data"


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = moment(text, "At")
    except ValueError as fault:
        raise MalformedMessage(str(fault), details={"path": "data.At"}) from None
    if not _EARLIEST <= found < _LATEST:
        raise MalformedMessage("At is in this century", details={"path": "data.At"})
    return found
