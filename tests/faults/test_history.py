"""Which state may follow which, and what is found wrong in a history."""

from __future__ import annotations

import pytest

from manualdial import calls
from manualdial.calls import CallState
from tests.faults.evidence import LINES, call
from tests.faults.history import faults_of_call, faults_of_stretch, goes_back

AGENTS_LEG = {state.value for state in CallState} - {"dialing", "progress", "ringing", "connected", "held"}


def lines(*states: str) -> list[tuple[str, str]]:
    """Changes, each of the leg that its state is of."""
    return [(state, "agent" if state in AGENTS_LEG else "customer") for state in states]


@pytest.mark.parametrize(
    "states",
    [
        ("requested", "ended"),
        ("requested", "unknown", "ended"),
        ("requested", "unknown", "agent_ringing", "agent_answered", "wrap_up", "ended"),
        ("requested", "agent_ringing", "agent_answered", "dialing", "progress", "ringing", "connected"),
        ("connected", "held", "connected", "held", "wrap_up"),
    ],
)
def test_what_the_contract_allows_is_right(states: tuple[str, ...]) -> None:
    assert faults_of_stretch(lines(*states)) == []


@pytest.mark.parametrize(
    "states",
    [
        ("requested", "agent_answered"),
        ("ringing", "progress"),
        ("ended", "ended"),
        ("wrap_up", "connected"),
        ("connected", "ended"),
        ("connected", "connected"),
        ("agent_ringing", "unknown"),
    ],
)
def test_all_else_is_not(states: tuple[str, ...]) -> None:
    assert len(faults_of_stretch(lines(*states))) == 1


def test_wrap_up_is_told_of_the_customers_leg_and_then_of_the_agents() -> None:
    assert faults_of_stretch([("wrap_up", "customer"), ("wrap_up", "agent")]) == []
    assert len(faults_of_stretch([("wrap_up", "agent"), ("wrap_up", "customer")])) == 1
    assert len(faults_of_stretch([("wrap_up", "agent"), ("wrap_up", "agent")])) == 1


def test_a_history_begins_with_the_press() -> None:
    assert faults_of_stretch(lines("agent_ringing"), from_press=True) == ["it does not begin with requested"]
    assert faults_of_stretch([], from_press=True) == ["it does not begin with requested"]


def test_every_state_of_a_call_is_known() -> None:
    assert all(not goes_back(state.value, state.value) for state in CallState)
    assert {state for state, _ in LINES} <= {state.value for state in CallState}
    assert calls.CallState.REQUESTED.value == LINES[0][0]


def test_a_good_history_is_good() -> None:
    assert faults_of_call(call("1", "r"), clock_stepped=False) == []


def test_a_step_that_is_missing_or_there_twice_is_found() -> None:
    missing, twice = call("1", "r"), call("2", "r")
    for line in missing["states"][5:]:
        line["step"] += 1
    twice["states"][2]["step"] = 1

    assert any("steps" in fault for fault in faults_of_call(missing, clock_stepped=False))
    assert any("two changes" in fault for fault in faults_of_call(twice, clock_stepped=False))


def test_a_call_that_is_not_where_its_history_ends_is_found() -> None:
    other = call("1", "r") | {"state": "wrap_up"}
    assert faults_of_call(other, clock_stepped=False) == ["the call is wrap_up, its history ends with ended"]


def test_an_end_without_an_ending_is_found() -> None:
    other = call("1", "r")
    del other["ending"]
    assert faults_of_call(other, clock_stepped=False) == ["it has no ending"]
