"""Evidence of attempts as the service writes it, about people whose names would break a careless page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

import msgspec

from manualdial.callers import Role
from manualdial.calls import CallSignal
from manualdial.dialing.attempt_evidence import evidence_of
from manualdial.evidence import Draft, Kind, LegState, outcome
from manualdial.law import Purpose
from manualdial.law.facts import WantedOverride
from manualdial.law.judge import judge
from manualdial.law.policies import Policies, load
from manualdial.law.records import Record
from manualdial.screening.screener import Screened
from manualdial.screening.tenants import Seller, TenantSettings
from tests.support.calls import TO_CONNECTED, a_call, a_press, a_report, after
from tests.support.people import a_session
from tests.support.screening import FLORIDA, TUESDAY_NOON_IN_NEW_YORK, UNBOUND, facts_about

NUMBER = FLORIDA
AT = TUESDAY_NOON_IN_NEW_YORK
SCRIPT = "<script>alert('name')</script>"
IMAGE = '"><img src=https://elsewhere.example/x.png>'
BACKWARDS = "\u202egnitekram"


@cache
def policies() -> Policies:
    """The shipped ones, read once."""
    return load()


def an_attempt(
    tenant_id: str,
    *,
    call_id: str = "call-1",
    at: datetime = AT,
    number: str = NUMBER,
    account: str | None = None,
    kind: Kind = Kind.ATTEMPT,
    records: Sequence[Record] = (),
    overridable: bool = False,
) -> Draft:
    """The link about a press, with the verdict of the shipped policies. The calling hours may be `overridable`."""
    wish = WantedOverride(rule="calling-hours", reason=f"asked for it {IMAGE}")
    roles = frozenset({Role.SUPERVISOR} if overridable else set[Role]())
    facts = facts_about(
        number,
        at=at,
        records=tuple(records),
        entry="pasted",
        overrides=(wish,),
        roles=roles,
        settings=msgspec.structs.replace(UNBOUND, overridable={"calling-hours": roles}),
    )
    judgement = judge(facts, policies())
    seller = Seller(telemarketer="Call <b>Us</b>", seller=SCRIPT, goods="tea & coffee", script=BACKWARDS)
    press = a_press(
        number,
        session=a_session(tenant_id=tenant_id, name=SCRIPT),
        settings=TenantSettings(seller=seller),
        caller_id="+12025550180",
    )
    question = msgspec.structs.replace(
        press.question,
        purpose=Purpose.SALES,
        entry="pasted",
        campaign_id="spring & autumn",
        account_number=account,
    )
    press = msgspec.structs.replace(press, question=question)
    screened = Screened(
        verdict=judgement.verdict, facts=facts, relied_on=tuple(each.id for each in records), attempts_seen=None
    )
    call = a_call(id=call_id, verdict=judgement.verdict.encode()) if kind is Kind.ATTEMPT else None
    return evidence_of(press, screened, call=call, engine="Simulator", at=at)


def an_outcome(tenant_id: str, *, call_id: str = "call-1", at: datetime = AT) -> Draft:
    """The link about a call that was answered and went on for 20 seconds."""
    call = a_call(id=call_id, tenant_id=tenant_id, number=facts_about(NUMBER).number, requested_at=at, at=at)
    connected = after(call, *TO_CONNECTED)
    ended = after(
        connected, msgspec.structs.replace(a_report(connected, CallSignal.ENDED), at=at + timedelta(seconds=20))
    )
    legs = [
        LegState(leg="customer", state="ringing", at=at + timedelta(seconds=5)),
        LegState(leg="customer", state="connected", at=at + timedelta(seconds=9)),
        LegState(leg="agent", state="ended", at=at + timedelta(seconds=20)),
    ]
    return outcome(ended, legs)


def a_chain(tenant_id: str) -> list[Draft]:
    """Two attempts to one number, an hour apart, and between them one to another."""
    later = AT + timedelta(hours=1)
    return [
        an_attempt(tenant_id),
        an_attempt(tenant_id, call_id="call-2", number="+12025550199"),
        an_outcome(tenant_id),
        an_attempt(tenant_id, call_id="call-3", at=later, kind=Kind.REFUSAL),
    ]
