"""Presses, calls, numbers and reports for tests."""

from __future__ import annotations

import uuid
from functools import cache
from typing import Any

import msgspec

from manualdial import numbers
from manualdial.calls import Call, CallSignal, Ending, Report, advance
from manualdial.dialing.press import Press
from manualdial.law import Purpose
from manualdial.law.facts import ScreeningSettings
from manualdial.live.live_calls import CallWatchdog, LiveCalls
from manualdial.numbers import PhoneNumber
from manualdial.ports import CallQuery, Store
from manualdial.screening.screener import Question
from manualdial.screening.tenants import TenantSettings
from tests.support.moved_clock import MovedClock
from tests.support.people import A_MORNING, a_session

TO_CONNECTED = (
    CallSignal.AGENT_RINGING,
    CallSignal.AGENT_ANSWERED,
    CallSignal.DIALING,
    CallSignal.RINGING,
    CallSignal.CONNECTED,
)
"""What an engine reports of a call that is answered."""


def no_calls(clock: MovedClock | None = None) -> LiveCalls:
    """A book of live calls with nothing in it."""
    watchdog = CallWatchdog(clock=clock or MovedClock(), settles_after=15, first_pause=1, silence=60)
    return LiveCalls(watchdog=watchdog)


@cache
def a_number(typed: str = "+12025550100", *, region: str = "US") -> PhoneNumber:
    """A number as it is read."""
    return numbers.parse(typed, region=region)


def a_press(typed: str = "+12025550100", **fields: Any) -> Press:
    """A press of Ann's for a number."""
    question = Question(
        tenant_id="t-north",
        number=a_number(typed),
        purpose=Purpose.SERVICE,
        at=A_MORNING,
        settings=ScreeningSettings(),
    )
    press = Press(
        session=a_session(),
        settings=TenantSettings(),
        connector="Amazon",
        question=question,
        request_id="press-1",
        digest=typed,
        caller_id=None,
        purpose_named=False,
        zip_code=None,
        at=0.0,
    )
    return msgspec.structs.replace(press, **fields)


def a_call(**fields: Any) -> Call:
    """A call of Ann that was just asked for."""
    call = Call(
        id=str(uuid.uuid4()),
        tenant_id="t-north",
        agent_id="u-ann",
        connector="Amazon",
        engine="Simulator",
        extension="2001",
        number=a_number(),
        verdict=b'{"decision":"allow","rules":[],"overridable":false,"policy":{"name":"tests","version":"1"}}',
        requested_at=A_MORNING,
        at=A_MORNING,
    )
    return msgspec.structs.replace(call, **fields)


def a_report(call: Call, signal: CallSignal, ending: Ending | None = None) -> Report:
    """A report of an engine about a call."""
    return Report(call_id=call.id, signal=signal, at=call.at, ending=ending)


def after(call: Call, *signals: CallSignal | Report) -> Call:
    """The call as it is after these reports."""
    for signal in signals:
        report = signal if isinstance(signal, Report) else a_report(call, signal)
        for change in advance(call, report):
            call = change.call
    return call


async def stored_calls(store: Store, tenant_id: str, **wanted: Any) -> list[Call]:
    """Calls of a tenant as the store has them, newest first; `wanted` is as in CallQuery."""
    return [each.call for each in await store.calls(CallQuery(tenant_id=tenant_id, **wanted))]
