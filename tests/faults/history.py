"""Which state of a call may follow which: the contract's row, written down apart from the code under test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

_AFTER: Final[Mapping[str, frozenset[str]]] = {
    state: frozenset(following.split())
    for state, following in {
        "requested": "agent_ringing unknown ended",
        "unknown": "agent_ringing ended",
        "agent_ringing": "agent_answered ended",
        "agent_answered": "dialing wrap_up",
        "dialing": "progress ringing connected wrap_up",
        "progress": "ringing connected wrap_up",
        "ringing": "connected wrap_up",
        "connected": "held wrap_up",
        "held": "connected wrap_up",
        "wrap_up": "ended",
        "ended": "",
    }.items()
}
_ORDER: Final = (
    "requested", "unknown", "agent_ringing", "agent_answered", "dialing", "progress", "ringing", "connected", "held",
    "wrap_up", "ended",
)  # fmt: skip
_ONCE: Final = frozenset(_ORDER) - {"connected", "held"}

Line = tuple[str, str]
"""A state, and the leg that it was told of."""


def faults_of_stretch(lines: Sequence[Line], *, from_press: bool = False) -> list[str]:
    """What is wrong with the changes of one call that were told, or written, without a break."""
    faults = []
    if from_press and (not lines or lines[0][0] != "requested"):
        faults.append("it does not begin with requested")
    for (state, leg), (following, next_leg) in pairwise(lines):
        if state == following == "wrap_up":
            if (leg, next_leg) != ("customer", "agent"):
                faults.append(f"wrap_up of the {leg}'s leg, then of the {next_leg}'s")
        elif following not in _AFTER[state]:
            faults.append(f"{state}, then {following}")
    return faults


def goes_back(before: str, after: str) -> bool:
    """Whether a call that was in `before` is told to be in an earlier state: where a reader missed what is between."""
    if {before, after} == {"connected", "held"}:
        return False
    return _ORDER.index(after) < _ORDER.index(before)


def faults_of_call(call: Mapping[str, Any], *, clock_stepped: bool) -> list[str]:
    """What is wrong with a call of `/v1/calls`: gaps, order, transitions, times, and how it ended.

    Times may go back only where the clock was set back during the call.
    """
    states = call["states"]
    faults = faults_of_stretch([(line["state"], line["leg"]) for line in states], from_press=True)
    steps = [line["step"] for line in states]
    if sorted(set(steps)) != list(range(len(set(steps)))) or steps != sorted(steps):
        faults.append(f"the steps are {steps}")
    for line, following in pairwise(states):
        if line["step"] == following["step"] and not line["state"] == following["state"] == "wrap_up":
            faults.append(f"two changes have the step {line['step']}")
    if states and states[-1]["state"] != call["state"]:
        faults.append(f"the call is {call['state']}, its history ends with {states[-1]['state']}")
    if call["state"] in ("wrap_up", "ended") and "ending" not in call:
        faults.append("it has no ending")
    times = [datetime.fromisoformat(line["at"]) for line in states]
    if not clock_stepped and times != sorted(times):
        faults.append("its times go back")
    return faults
