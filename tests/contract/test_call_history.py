"""What every store promises of calls as they were (ports.CallQuery), over each database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from manualdial.calls import OUTCOMES, Call, CallSignal, CallState, Cause, Change, EndedBy, Ending, Leg, Report
from manualdial.ports import CallQuery, Store
from tests.contract.stores import NOON, a_call, record, record_whole_call
from tests.support.calls import TO_CONNECTED, a_number, stored_calls

ALSO_IN_MEMORY = True

RUBBISH = 'a\x00b\x1a0000c\ud800d "quoted\\ \u2028é'
RINGING = (CallSignal.AGENT_RINGING, CallSignal.AGENT_ANSWERED, CallSignal.RINGING)


def ended(call: Call, cause: Cause) -> Report:
    """The end of a call, in the second after its last change."""
    ending = Ending(by=EndedBy.NETWORK, cause=cause, q850=17, sip=486)
    return Report(call_id=call.id, signal=CallSignal.ENDED, at=call.at + timedelta(seconds=9), ending=ending)


@pytest.fixture
async def made(store: Store) -> Sequence[Call]:
    """Calls of two agents to two numbers, two in each minute, in every state, newest first; one of another tenant."""
    numbers = (a_number("+12025550100"), a_number("+12025550101"))
    became = []
    for place in range(24):
        agent = "ada" if place % 3 else "bob"
        call = a_call(minute=place // 2, agent_id=agent, number=numbers[place % 5 == 0])
        await store.record_press(call)
        match place % 6:
            case 1:
                call = record(store, call, *RINGING, ended(call, list(Cause)[place % len(Cause)]))
            case 2:
                call = record(store, call, *RINGING)
            case 3:
                call = record_whole_call(store, call)
            case 4:
                call = record(store, call, *TO_CONNECTED, ended(call, Cause.BUSY))
            case 5:
                call = record(store, call, CallSignal.AGENT_RINGING, ended(call, Cause.NO_ANSWER))
        became.append(call)
    await store.record_press(a_call(tenant_id="south", minute=3))
    return sorted(became, key=lambda call: (call.requested_at, call.id), reverse=True)


def fits(call: Call, wanted: dict[str, Any]) -> bool:
    """Whether a filter lets a call through: its meaning, once more."""
    has = {"agent_id": call.agent_id, "number": call.number.e164, "state": call.state, "outcome": call.outcome}
    within = wanted.get("since", NOON) <= call.requested_at < wanted.get("until", NOON + timedelta(days=1))
    return within and all(has[name] == value for name, value in wanted.items() if name in has)


FILTERS: list[dict[str, Any]] = [
    *({"state": state} for state in CallState),
    *({"outcome": outcome} for outcome in OUTCOMES),
    {"agent_id": "ada"},
    {"agent_id": "nobody"},
    {"number": "+12025550101"},
    {"number": "+12025550199"},
    {"since": NOON + timedelta(minutes=4)},
    {"until": NOON + timedelta(minutes=4)},
    {"since": NOON + timedelta(minutes=4), "until": NOON + timedelta(minutes=4, microseconds=1)},
    {"since": NOON + timedelta(minutes=5), "until": NOON + timedelta(minutes=4)},
    {"agent_id": "ada", "state": CallState.RINGING, "since": NOON + timedelta(minutes=2)},
    {"agent_id": "ada", "number": "+12025550100", "outcome": "conversation"},
    {"number": "+12025550101", "state": CallState.WRAP_UP, "outcome": "conversation"},
    {"state": CallState.ENDED, "outcome": "no_answer", "until": NOON + timedelta(minutes=9)},
]


@pytest.mark.parametrize("wanted", FILTERS, ids=lambda wanted: " ".join(map(str, wanted.values())))
async def test_a_filter_lets_through_what_it_says_newest_first(
    store: Store, made: Sequence[Call], wanted: dict[str, Any]
) -> None:
    assert await stored_calls(store, "north", **wanted) == [call for call in made if fits(call, wanted)]


@pytest.mark.parametrize("wanted", [{}, {"agent_id": "ada"}, {"outcome": "conversation"}])
async def test_pages_repeat_and_leave_out_nothing_while_new_calls_come(
    store: Store, made: Sequence[Call], wanted: dict[str, Any]
) -> None:
    for by_place in (True, False):
        pages: list[Call] = []
        place: dict[str, Any] = {}
        while page := await stored_calls(store, "north", **wanted, **place, limit=5):
            pages += page
            oldest = page[-1]
            place = {"older_than": (oldest.requested_at, oldest.id)} if by_place else {"before": oldest.id}
            await store.record_press(a_call(minute=60))
        assert [call for call in pages if call in made] == [call for call in made if fits(call, wanted)]


async def test_a_place_is_one_also_where_its_call_is_removed(store: Store, made: Sequence[Call]) -> None:
    over = [call for call in reversed(made) if call.is_over]
    place = {"older_than": (over[0].requested_at, over[0].id)}
    older = await stored_calls(store, "north", **place)
    assert await store.remove_calls(before=over[1].requested_at, limit=1) == 1
    assert await stored_calls(store, "north", **place) == older != []
    assert await stored_calls(store, "north", before=over[0].id) == []


async def test_a_tenant_sees_its_own_calls_alone(store: Store, made: Sequence[Call]) -> None:
    (theirs,) = await stored_calls(store, "south")
    assert await store.call("north", theirs.id) is None
    assert await stored_calls(store, "north") == made
    assert await stored_calls(store, "north", before=theirs.id) == []
    assert await stored_calls(store, "east") == []


async def test_each_call_comes_with_its_own_history(store: Store, made: Sequence[Call]) -> None:
    record(store, made[0], CallSignal.AGENT_RINGING)
    store.record_change(Change(call=msgspec.structs.replace(made[1], step=9), leg=Leg.AGENT, event=RUBBISH))
    for each in await store.calls(CallQuery(tenant_id="north")):
        assert await store.call("north", each.call.id) == each
        assert [line.step for line in each.changes] == sorted(line.step for line in each.changes)
        assert (each.changes[0].state, each.changes[0].at) == ("requested", each.call.requested_at)
        assert each.changes[-1].at == each.call.at
        if each.call.id == made[1].id:
            assert each.changes[-1].event == RUBBISH
