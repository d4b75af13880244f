"""calls: states, transitions, actions and endings (contract §3)."""

from __future__ import annotations

import itertools
import uuid
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manualdial.calls import (
    Action,
    Call,
    CallSignal,
    CallState,
    Cause,
    Change,
    EndedBy,
    Ending,
    Leg,
    Report,
    advance,
    allowed_actions,
    end_wrap_up,
    mark_unknown,
    requested,
)
from tests.support.calls import TO_CONNECTED, a_call, a_report, after

ROW = (
    CallState.REQUESTED, CallState.AGENT_RINGING, CallState.AGENT_ANSWERED, CallState.DIALING, CallState.PROGRESS,
    CallState.RINGING, CallState.CONNECTED, CallState.HELD, CallState.WRAP_UP, CallState.ENDED,
)  # fmt: skip
HUNG_UP = Ending(by=EndedBy.CUSTOMER, cause=Cause.NORMAL, q850=16)

reports = st.lists(
    st.builds(
        lambda signal, ending: (signal, ending if signal is CallSignal.ENDED else None),
        st.sampled_from(CallSignal),
        st.none() | st.builds(Ending, by=st.sampled_from(EndedBy), cause=st.sampled_from(Cause)),
    ),
    max_size=25,
)


def told(call: Call, signals: list[tuple[CallSignal, Ending | None]], *, unknown_first: bool = False) -> list[Change]:
    """Every change of a call, from the press to the end of the wrap-up."""
    changes = [requested(call)]

    def add(more: tuple[Change, ...]) -> None:
        changes.extend(more)

    if unknown_first:
        add(mark_unknown(changes[-1].call, call.at))
    for signal, ending in signals:
        add(advance(changes[-1].call, a_report(call, signal, ending)))
    add(advance(changes[-1].call, a_report(call, CallSignal.ENDED, HUNG_UP)))
    add(end_wrap_up(changes[-1].call, call.at))
    return changes


# ── whatever an engine reports ──────────────────────────────────────────────────────────────────────────────────────


@given(reports, st.booleans())
def test_states_come_in_order_and_each_leg_tells_of_each_once(
    signals: list[tuple[CallSignal, Ending | None]], unknown_first: bool
) -> None:
    changes = told(a_call(), signals, unknown_first=unknown_first)
    states = [change.call.state for change in changes]
    seen = [(change.leg, change.call.state) for change in changes]
    between = {CallState.CONNECTED, CallState.HELD}  # a hold goes there and back
    once = [pair for pair in seen if pair[1] not in between]
    assert len(once) == len(set(once))
    row = [state for state in states if state not in (CallState.HELD, CallState.UNKNOWN)]
    row = [state for state, _ in itertools.groupby(row)]
    assert row == sorted(row, key=ROW.index)
    assert states[0] is CallState.REQUESTED


@given(reports, st.booleans())
def test_the_last_two_states_are_wrap_up_and_ended_both_with_the_ending(
    signals: list[tuple[CallSignal, Ending | None]], unknown_first: bool
) -> None:
    changes = told(a_call(), signals, unknown_first=unknown_first)
    last = changes[-1].call
    assert (last.state, changes[-1].leg) == (CallState.ENDED, Leg.AGENT)
    assert last.ending is not None
    states = [state for state, _ in itertools.groupby(change.call.state for change in changes)]
    if CallState.AGENT_ANSWERED in states:
        assert states[-2:] == [CallState.WRAP_UP, CallState.ENDED]
        endings = {change.call.ending for change in changes if change.call.state in states[-2:]}
        assert endings == {last.ending}
    else:
        assert CallState.WRAP_UP not in states
    assert all(change.call.ending is None for change in changes if change.call.state not in states[-2:])


@given(reports)
def test_each_step_of_a_call_is_counted_and_remembers_the_one_before(
    signals: list[tuple[CallSignal, Ending | None]],
) -> None:
    changes = told(a_call(), signals)
    steps = [call for call, _ in itertools.groupby(change.call for change in changes)]
    assert [call.step for call in steps] == list(range(len(steps)))
    assert [call.previous for call in steps[1:]] == [call.state for call in steps[:-1]]


@given(reports)
def test_a_customer_is_never_rung_before_the_agent_is_there(signals: list[tuple[CallSignal, Ending | None]]) -> None:
    states = [change.call.state for change in told(a_call(), signals)]
    customer = [CallState.DIALING, CallState.PROGRESS, CallState.RINGING, CallState.CONNECTED, CallState.HELD]
    first = next((states.index(state) for state in states if state in customer), None)
    assert first is None or CallState.AGENT_ANSWERED in states[:first]


@given(reports)
def test_every_report_twice_changes_nothing_more(signals: list[tuple[CallSignal, Ending | None]]) -> None:
    holds = {CallSignal.HELD, CallSignal.RESUMED}
    forward = [pair for pair in signals if pair[0] not in holds]
    call = a_call()
    doubled = [pair for pair in forward for _ in range(2)]
    assert told(call, doubled) == told(call, forward)


@given(st.permutations([*TO_CONNECTED, *TO_CONNECTED, CallSignal.PROGRESS]))
def test_in_whatever_order_the_reports_come_the_call_is_connected(signals: list[CallSignal]) -> None:
    call = a_call()
    changes = told(call, [(signal, None) for signal in signals])
    states = [change.call.state for change in changes]
    assert {CallState.AGENT_RINGING, CallState.AGENT_ANSWERED, CallState.DIALING, CallState.CONNECTED} <= set(states)


# ── one by one ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_call_that_is_answered_goes_through_the_row() -> None:
    changes = told(a_call(), [(signal, None) for signal in TO_CONNECTED])
    assert [(change.leg.value, change.call.state.value, change.event) for change in changes] == [
        ("agent", "requested", "connecting"),
        ("agent", "agent_ringing", "connecting"),
        ("agent", "agent_answered", "connected"),
        ("customer", "dialing", "connecting"),
        ("customer", "ringing", "connecting"),
        ("customer", "connected", "connected"),
        ("customer", "wrap_up", "Dropped"),
        ("agent", "wrap_up", "ACW"),
        ("agent", "ended", "Dropped"),
    ]


def test_early_media_stands_between_dialing_and_ringing() -> None:
    call = after(a_call(), CallSignal.AGENT_RINGING, CallSignal.AGENT_ANSWERED, CallSignal.DIALING, CallSignal.PROGRESS)
    assert call.state is CallState.PROGRESS
    assert advance(after(call, CallSignal.RINGING), a_report(call, CallSignal.PROGRESS)) == ()


def test_states_that_must_have_been_are_told_where_their_report_is_missing() -> None:
    changes = advance(a_call(), a_report(a_call(), CallSignal.CONNECTED))
    assert [change.call.state.value for change in changes] == [
        "agent_ringing",
        "agent_answered",
        "dialing",
        "connected",
    ]


def test_a_hold_is_between_two_times_connected() -> None:
    call = after(a_call(), *TO_CONNECTED)
    held = after(call, CallSignal.HELD)
    assert (held.state, after(held, CallSignal.HELD).step) == (CallState.HELD, held.step)
    resumed = after(held, CallSignal.RESUMED)
    assert (resumed.state, after(resumed, CallSignal.RESUMED).step) == (CallState.CONNECTED, resumed.step)


@pytest.mark.parametrize("signal", [CallSignal.HELD, CallSignal.RESUMED])
def test_a_hold_of_a_call_that_is_not_connected_changes_nothing(signal: CallSignal) -> None:
    for reached in range(len(TO_CONNECTED)):
        call = after(a_call(), *TO_CONNECTED[:reached])
        assert advance(call, a_report(call, signal)) == ()


def test_a_call_can_end_while_it_is_held() -> None:
    held = after(a_call(), *TO_CONNECTED, CallSignal.HELD)
    changes = advance(held, a_report(held, CallSignal.ENDED, HUNG_UP))
    assert [(change.leg, change.event) for change in changes] == [(Leg.CUSTOMER, "Dropped"), (Leg.AGENT, "ACW")]
    assert {change.call.ending for change in changes} == {HUNG_UP}


def test_a_call_that_ends_before_the_customer_is_rung_has_no_customers_leg() -> None:
    call = after(a_call(), CallSignal.AGENT_RINGING, CallSignal.AGENT_ANSWERED)
    (change,) = advance(call, a_report(call, CallSignal.ENDED, HUNG_UP))
    assert (change.leg, change.call.state) == (Leg.AGENT, CallState.WRAP_UP)


@pytest.mark.parametrize(
    ("by", "cause", "event"),
    [
        (EndedBy.AGENT, Cause.NO_ANSWER, "missed"),
        (EndedBy.AGENT, Cause.REJECTED, "Rejected"),
        (EndedBy.AGENT, Cause.BUSY, "Rejected"),
        (EndedBy.AGENT, Cause.CANCELLED, "Dropped"),
        (EndedBy.SYSTEM, Cause.FAILED, "Dropped"),
        (EndedBy.NETWORK, Cause.CONGESTION, "Dropped"),
    ],
)
@pytest.mark.parametrize("signals", [[], [CallSignal.AGENT_RINGING]])
def test_a_call_that_the_agent_did_not_answer_goes_straight_to_ended(
    by: EndedBy, cause: Cause, event: str, signals: list[CallSignal]
) -> None:
    call = after(a_call(), *signals)
    (change,) = advance(call, a_report(call, CallSignal.ENDED, Ending(by=by, cause=cause)))
    assert (change.call.state, change.leg, change.event) == (CallState.ENDED, Leg.AGENT, event)


def test_an_end_without_a_reason_has_an_ending_all_the_same() -> None:
    ended = after(a_call(), *TO_CONNECTED, CallSignal.ENDED)
    assert ended.ending == Ending(by=EndedBy.SYSTEM, cause=Cause.UNKNOWN)


@pytest.mark.parametrize("signal", list(CallSignal))
def test_nothing_moves_a_call_that_is_over(signal: CallSignal) -> None:
    wrap_up = after(a_call(), *TO_CONNECTED, CallSignal.ENDED)
    (over,) = end_wrap_up(wrap_up, wrap_up.at)
    for call in (wrap_up, over.call):
        assert advance(call, a_report(call, signal)) == ()
    assert end_wrap_up(over.call, wrap_up.at) == ()


def test_only_a_call_of_which_nothing_was_told_becomes_unknown() -> None:
    (change,) = mark_unknown(a_call(), a_call().at)
    assert (change.call.state, change.leg) == (CallState.UNKNOWN, Leg.AGENT)
    for reached in range(1, len(TO_CONNECTED)):
        call = after(a_call(), *TO_CONNECTED[:reached])
        assert mark_unknown(call, call.at) == ()


def test_from_unknown_a_call_goes_back_into_the_row_or_ends() -> None:
    (change,) = mark_unknown(a_call(), a_call().at)
    unknown = change.call
    assert after(unknown, CallSignal.AGENT_RINGING).state is CallState.AGENT_RINGING
    assert after(unknown, CallSignal.CONNECTED).state is CallState.CONNECTED
    assert after(unknown, CallSignal.ENDED).state is CallState.ENDED


# ── what follows from a state ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", list(CallState))
def test_the_actions_of_every_state_are_those_of_the_contract(state: CallState) -> None:
    wanted = {
        CallState.CONNECTED: {Action.DISCONNECT, Action.HOLD, Action.SEND_DTMF},
        CallState.HELD: {Action.DISCONNECT, Action.RESUME},
        CallState.WRAP_UP: {Action.CLEAR_CONTACT},
        CallState.ENDED: set(),
    }
    actions = wanted.get(state, {Action.DISCONNECT})
    assert set(allowed_actions(state, frozenset(Action))) == actions
    assert set(allowed_actions(state, frozenset({Action.DISCONNECT}))) == actions - {
        Action.HOLD, Action.RESUME, Action.SEND_DTMF
    }, "the engine can do nothing else"  # fmt: skip


@pytest.mark.parametrize("state", list(CallState))
def test_a_call_lives_until_its_wrap_up_and_is_over_when_it_is_ended(state: CallState) -> None:
    call = a_call(state=state)
    assert call.is_live is (state not in (CallState.WRAP_UP, CallState.ENDED))
    assert call.is_over is (state is CallState.ENDED)


def test_the_outcome_is_a_conversation_where_the_customer_answered_and_else_why_the_call_ended() -> None:
    call = a_call()
    assert [after(call, *TO_CONNECTED[:answered]).outcome for answered in (0, 4, 5)] == [None, None, "conversation"]
    for cause in Cause:
        end = a_report(call, CallSignal.ENDED, Ending(by=EndedBy.NETWORK, cause=cause))
        assert after(call, CallSignal.RINGING, end).outcome == cause
        assert after(call, *TO_CONNECTED, end).outcome == "conversation"


def test_the_legs_of_a_call_have_ids_of_their_own_that_follow_from_the_calls() -> None:
    call = a_call()
    assert str(uuid.UUID(call.id)) == call.id
    ids = {call.leg_id(leg) for leg in Leg}
    assert len(ids) == 2
    assert all(name.startswith(call.id) for name in ids)


def test_a_report_is_of_the_moment_that_it_tells_of() -> None:
    call = a_call()
    later = call.at.replace(hour=16)
    (change,) = advance(call, Report(call_id=call.id, signal=CallSignal.AGENT_RINGING, at=later))
    assert (change.call.at, change.call.requested_at) == (later, call.requested_at)


def test_the_times_of_a_call_never_go_back() -> None:
    call = a_call()
    earlier = Report(call_id=call.id, signal=CallSignal.AGENT_RINGING, at=call.at - timedelta(seconds=5))
    (change,) = advance(call, earlier)
    assert change.call.at == call.at
