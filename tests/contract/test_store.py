"""What every store promises (ports.Store), over each database that the service runs on."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from manualdial.callers import Role
from manualdial.calls import CallSignal, CallState, Cause, Change, EndedBy, Ending, Leg, Report
from manualdial.numbers import PhoneNumber
from manualdial.ports import LoginNameTaken, RequestIdTaken, Store
from tests.contract.stores import (
    NOON,
    Lab,
    a_call,
    a_user,
    history,
    record,
    record_whole_call,
    stored,
    winners,
)
from tests.support.calls import TO_CONNECTED, stored_calls

ALSO_IN_MEMORY = True
RUBBISH = "a\x00b\x1a0000c\ud800d\udfff\U0010ffff\u202e'\"; DROP TABLE calls; --"


# ── users ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_user_comes_back_as_added(store: Store) -> None:
    user = a_user(roles=frozenset({Role.AGENT, Role.ADMIN}), extension="101", region="GB", disabled=True)
    await store.add_user(user)
    assert await store.user(user.id) == user
    assert await store.user("nobody") is None


@pytest.mark.parametrize("typed", ["Zoë.Straße", "ZOË.STRASSE", "zoë.straße"])
async def test_a_user_is_found_by_login_name_whatever_its_case(store: Store, typed: str) -> None:
    user = a_user(login_name="Zoë.Straße")
    await store.add_user(user)
    assert await store.user_by_login(typed) == user
    assert await store.user_by_login("zoë") is None


async def test_a_login_name_is_given_once_whatever_its_case(store: Store) -> None:
    first = a_user(login_name="ada")
    await store.add_user(first)
    with pytest.raises(LoginNameTaken):
        await store.add_user(a_user(login_name="ADA", tenant_id="south", tenant="South"))
    assert await store.users() == [first]


async def test_of_users_added_at_once_with_one_login_name_one_is_added(store: Store) -> None:
    outcomes = await asyncio.gather(*(store.add_user(a_user()) for _ in range(10)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(LoginNameTaken) == 9
    assert len(await store.users()) == 1


async def test_a_password_is_replaced(store: Store) -> None:
    user, other = a_user(), a_user(login_name="bob")
    await store.add_user(user)
    await store.add_user(other)
    await store.set_password(user.id, "new")
    await store.set_password("nobody", "new")
    assert await store.user(user.id) == msgspec.structs.replace(user, password_hash="new")
    assert await store.user(other.id) == other


async def test_users_are_listed_by_tenant_and_login_name(store: Store) -> None:
    south = [a_user(login_name=name, tenant_id="south", tenant="South") for name in ("Eve", "dan")]
    north = [a_user(login_name=name) for name in ("carol", "Bob", "ada")]
    for user in (*south, *north):
        await store.add_user(user)
    assert [user.login_name for user in await store.users()] == ["ada", "Bob", "carol", "dan", "Eve"]


# ── presses ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_call_comes_back_as_recorded(store: Store) -> None:
    number = PhoneNumber(typed="+1 202 555 0123 x9", e164="+12025550123", region="US", type="mobile", extension="9")
    call = a_call(
        number=number,
        request_id="press-1",
        digest="d1",
        caller_id="+12025550100",
        campaign_id="spring",
        account_number="A-1",
        purpose="survey",
        verdict=b'{"decision": "allow"}\xff',
    )
    await store.record_press(call)
    assert await stored(store, call) == call
    assert await store.press("ada", "press-1") == call
    assert await history(store, call) == [(0, "requested", "agent", "connecting")]


async def test_times_are_kept_to_the_microsecond_whatever_their_zone(store: Store) -> None:
    nepal = timezone(timedelta(hours=5, minutes=45))
    call = a_call(requested_at=datetime(2031, 1, 1, 0, 0, 0, 1, tzinfo=nepal), at=NOON.replace(microsecond=0))
    await store.record_press(call)
    found = await stored(store, call)
    assert (found.requested_at, found.at) == (call.requested_at, call.at)
    assert found.requested_at.utcoffset() == timedelta(0)


async def test_a_recorded_press_is_committed(lab: Lab, store: Store) -> None:
    call = a_call(request_id="press-1")
    await store.record_press(call)
    async with lab.store() as other:
        assert await other.press("ada", "press-1") == call


async def test_a_request_id_names_one_press_of_an_agent(store: Store) -> None:
    first = a_call(request_id="press-1")
    await store.record_press(first)
    with pytest.raises(RequestIdTaken) as taken:
        await store.record_press(a_call(request_id="press-1", digest="other"))
    assert taken.value.call == first
    await store.record_press(a_call(request_id="press-1", agent_id="bob"))
    await store.record_press(a_call(request_id="PRESS-1"))
    assert await store.press("ada", "press-2") is None


async def test_a_press_that_is_told_of_another_is_told_its_state_as_stored(store: Store) -> None:
    first = a_call(request_id="press-1")
    await store.record_press(first)
    now = record(store, first, *TO_CONNECTED)
    await store.flush()
    with pytest.raises(RequestIdTaken) as taken:
        await store.record_press(a_call(request_id="press-1"))
    assert taken.value.call == now


async def test_of_fifty_presses_at_once_one_wins(store: Store) -> None:
    written, told = await winners(*((store, a_call(request_id="press-1")) for _ in range(50)))
    assert told == written * 49
    assert await stored_calls(store, "north") == written


async def test_of_the_same_call_fifty_times_at_once_one_wins(store: Store) -> None:
    call = a_call()
    written, told = await winners(*[(store, call)] * 50)
    assert (written, told) == ([call], [call] * 49)


async def test_a_press_that_loses_does_not_fail_those_beside_it(store: Store) -> None:
    await store.record_press(a_call(request_id="press-5"))
    calls = [a_call(request_id=f"press-{key}", minute=key) for key in range(10)]
    written, _ = await winners(*((store, call) for call in calls))
    assert written == calls[:5] + calls[6:]


async def test_presses_without_a_request_id_are_all_written(store: Store) -> None:
    calls = [a_call(minute=minute) for minute in range(200)]
    await asyncio.gather(*map(store.record_press, calls))
    assert await stored_calls(store, "north", limit=300) == calls[::-1]


async def test_a_cancelled_press_leaves_the_others_alone(store: Store) -> None:
    given_up = [asyncio.create_task(store.record_press(a_call())) for _ in range(5)]
    kept = a_call()
    waiting = asyncio.create_task(store.record_press(kept))
    await asyncio.sleep(0)
    for task in given_up:
        task.cancel()
    await waiting
    assert await stored(store, kept) == kept


# ── changes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_call_is_seen_with_all_changes_recorded_before(store: Store) -> None:
    call = a_call()
    await store.record_press(call)
    now = record(store, call, *TO_CONNECTED, CallSignal.HELD, CallSignal.RESUMED)
    assert await stored(store, call) == now
    assert now.previous is CallState.HELD
    assert await history(store, call) == [
        (0, "requested", "agent", "connecting"),
        (1, "agent_ringing", "agent", "connecting"),
        (2, "agent_answered", "agent", "connected"),
        (3, "dialing", "customer", "connecting"),
        (4, "ringing", "customer", "connecting"),
        (5, "connected", "customer", "connected"),
        (6, "held", "customer", "hold"),
        (7, "connected", "customer", "connected"),
    ]


async def test_of_two_legs_that_change_in_one_step_the_customers_comes_first(store: Store) -> None:
    call = a_call()
    await store.record_press(call)
    ending = Ending(by=EndedBy.CUSTOMER, cause=Cause.NORMAL, q850=16, sip=200)
    end = Report(call_id=call.id, signal=CallSignal.ENDED, at=NOON + timedelta(hours=1), ending=ending)
    call = record(store, call, *TO_CONNECTED, end)
    assert await stored(store, call) == call
    assert call.ending == ending
    assert (await history(store, call))[-2:] == [(6, "wrap_up", "customer", "Dropped"), (6, "wrap_up", "agent", "ACW")]


async def test_times_of_changes_are_kept(store: Store) -> None:
    call = a_call()
    await store.record_press(call)
    record(store, call, *TO_CONNECTED)
    found = await store.call("north", call.id)
    assert found is not None
    assert [line.at for line in found[1]] == [NOON + timedelta(seconds=second) for second in range(6)]


async def test_a_late_change_does_not_take_the_state_back(store: Store) -> None:
    call = a_call()
    await store.record_press(call)
    early = Change(call=msgspec.structs.replace(call, step=1), leg=Leg.AGENT, event="connecting")
    late = Change(call=msgspec.structs.replace(call, step=2, state=CallState.HELD), leg=Leg.CUSTOMER, event="hold")
    store.record_change(late)
    await store.flush()
    store.record_change(early)
    store.record_change(late)
    assert (await stored(store, call)).state is CallState.HELD
    assert [line[0] for line in await history(store, call)] == [0, 1, 2]


async def test_leaving_writes_what_is_pending(lab: Lab) -> None:
    call = a_call()
    async with lab.store() as store:
        await store.record_press(call)
        now = record(store, call, *TO_CONNECTED)
    async with lab.store() as store:
        assert await stored(store, call) == now


async def test_a_change_of_a_call_that_is_not_there_holds_up_nothing(store: Store) -> None:
    call = a_call()
    await store.record_press(call)
    record(store, a_call(), *TO_CONNECTED)
    now = record(store, call, *TO_CONNECTED)
    await store.flush()
    assert await stored(store, call) == now


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_open_calls_are_those_not_ended_oldest_first(store: Store) -> None:
    calls = [a_call(minute=minute) for minute in (3, 1, 2, 0)]
    for call in calls:
        await store.record_press(call)
    connected = record(store, calls[0], *TO_CONNECTED)
    wrap_up = record(store, calls[1], *TO_CONNECTED, CallSignal.ENDED)
    record_whole_call(store, calls[2])
    assert await store.open_calls() == [calls[3], wrap_up, connected]


# ── text ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", [RUBBISH, "x" * 1_000_000, "", "\x00"], ids=["rubbish", "long", "empty", "nul"])
async def test_any_text_comes_back_as_it_was(store: Store, text: str) -> None:
    number = PhoneNumber(typed=text, e164=text[:15], region=text, type=text, extension=text)
    texts = ("connector", "engine", "extension", "request_id", "digest", "caller_id", "campaign_id", "account_number")
    call = a_call(tenant_id="t" + text[:9], number=number, purpose=text, **dict.fromkeys(texts, text))
    user = a_user(login_name=text, name=text, password_hash=text, extension=text, region=text, tenant=text)
    await store.record_press(call)
    await store.add_user(user)
    assert await stored(store, call) == await store.press("ada", text) == call
    store.record_change(Change(call=msgspec.structs.replace(call, step=1), leg=Leg.AGENT, event=text))
    assert (await history(store, call))[1][3] == text
    assert await store.user_by_login(text) == user


async def test_request_ids_that_differ_in_a_character_that_cannot_be_stored_are_different(store: Store) -> None:
    calls = [a_call(request_id=text) for text in ("a\x00", "a", "a\x1a0000", "a\ud800", "a\ufffd", "a ")]
    written, _ = await winners(*((store, call) for call in calls))
    assert written == calls
    for call in calls:
        assert call.request_id is not None
        assert await store.press("ada", call.request_id) == call
