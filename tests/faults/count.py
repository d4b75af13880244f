"""The count: what the carrier, the phone, the journal and the clients say, put side by side."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any, Final

from manualdial.evidence import Kind as LinkKind
from tests.faults.history import faults_of_call, faults_of_stretch, goes_back
from tests.faults.outages import Outages
from tests.faults.record import Application, Press, Record, Told

_INSTANT: Final = 0.3
"""Seconds between an acknowledgement and the death of Asterisk within which the INVITE may be lost with it."""

_LONGEST_CALL: Final = 90.0
"""Seconds after the press in which a clock that is set back may show in the call's history."""


class Kind(StrEnum):
    """What must not be. The value is the line of the report."""

    CUSTOMER_TWICE = "calls that rang the customer twice"
    AGENT_TWICE = "calls that rang the agent's phone twice"
    TWO_CALLS = "presses that have two calls"
    NOT_ONE_ROW = "acknowledged presses that are not exactly one call in the journal"
    NEVER_RANG = "presses acknowledged as called that rang nobody"
    NOT_IN_JOURNAL = "INVITEs of calls that the journal does not have"
    NOT_ENDED = "calls that did not end"
    UNSETTLED = "calls left unknown"
    AGENT_LEFT = "agents left Busy or in After Call Work, or in a state that they did not choose"
    HISTORY = "calls whose history has a gap or is out of order"
    NOT_WRITTEN = "calls whose agent was told what the journal does not have"
    CHAIN = "chains of evidence that do not hold"
    NO_EVIDENCE = "calls that have not exactly one link of evidence for the attempt and one for its outcome"
    EVENTS = "calls whose events were told out of order or twice"
    STREAM = "streams with a message missing, or one too many"
    LEFT_OVER = "channels and bridges left in Asterisk"
    LOGIN_LOST = "logins lost"
    STUCK = "presses and calls that got stuck"
    REFUSED = "answers that no press should get"
    SERVICE_ENDED = "times that the service ended by itself"


DUPLICATES: Final = frozenset({Kind.CUSTOMER_TWICE, Kind.AGENT_TWICE, Kind.TWO_CALLS})
LOST: Final = frozenset({Kind.NEVER_RANG, Kind.NOT_ONE_ROW, Kind.NOT_IN_JOURNAL, Kind.NOT_WRITTEN, Kind.LOGIN_LOST})
STUCK: Final = frozenset({Kind.NOT_ENDED, Kind.UNSETTLED, Kind.AGENT_LEFT, Kind.LEFT_OVER, Kind.STUCK})

_INCIDENTS: Final = {
    "login lost": Kind.LOGIN_LOST,
    "a state that the agent did not choose": Kind.AGENT_LEFT,
    "stuck": Kind.STUCK,
    "a press without a definite answer": Kind.STUCK,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """One thing that must not be."""

    kind: Kind
    round: int | None
    """The round in which its press was made, or in which it was seen."""
    call_id: str = ""
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that is counted from."""

    record: Record
    calls: Sequence[Mapping[str, Any]]
    """As `/v1/calls` has them."""
    customer: Mapping[str, Collection[str]]
    """By call id: the SIP calls that the carrier got."""
    agent: Mapping[str, Collection[str]]
    """By call id: the SIP calls that the agents' phone got."""
    nameless: Collection[str] = ()
    """SIP calls with no call id of ours."""
    left: Collection[str] = ()
    """Channels and bridges in Asterisk at the end."""
    logs: Sequence[Path] = ()
    """What the service, the phone and the carrier wrote, each to be searched for what concerns one call."""
    asterisk_dying: Sequence[tuple[float, float]] = ()
    """From when to when it was being killed or stopped."""
    clock_set_back_at: Sequence[float] = ()
    outages: Outages = field(default_factory=Outages)
    service_ended_by_itself: Sequence[int] = ()
    links: Mapping[str, Sequence[LinkKind]] | None = None
    """By call id: the links of evidence; None: not looked at."""
    broken: str = ""
    """Where the chain of evidence does not hold."""


@dataclass(kw_only=True)
class Count:
    """What was counted."""

    totals: Counter[str] = field(default_factory=Counter)
    of_round: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """What the presses of each round came to."""
    violations: list[Violation] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)
    """Acknowledged presses without an INVITE whose Asterisk was killed in the same instant, and how they ended."""

    def of(self, kinds: Collection[Kind], rounds: Collection[int] | None = None) -> int:
        """How many violations of these kinds there are, in these rounds if given."""
        return sum(
            violation.kind in kinds and (rounds is None or violation.round in rounds) for violation in self.violations
        )


def count(evidence: Evidence) -> Count:
    """Count everything."""
    result = Count()
    result.violations += _rang_twice(evidence)
    result.violations += _presses(evidence, result.excused)
    result.violations += _journal(evidence)
    result.violations += _evidence(evidence)
    result.violations += _clients(evidence)
    rounds, written = _rounds(evidence), {call["callId"]: call for call in evidence.calls}
    for application in evidence.record.applications:
        for violation in _told(application, written, evidence.outages):
            result.violations.append(replace(violation, round=rounds.get(violation.call_id)))
    result.violations += [Violation(kind=Kind.LEFT_OVER, round=None, detail=left) for left in evidence.left]
    result.violations += [
        Violation(kind=Kind.SERVICE_ENDED, round=None, detail=f"status {status}")
        for status in evidence.service_ended_by_itself
    ]
    _sum_up(evidence, result)
    return result


def _sum_up(evidence: Evidence, result: Count) -> None:
    rounds = _rounds(evidence)
    for press in evidence.record.presses.values():
        result.of_round[press.round]["presses"] += 1
        result.totals["answers to presses"] += len(press.answers)
    for call in evidence.calls:
        result.of_round[rounds.get(call["callId"], 0)]["calls"] += 1
    for party, invites in (("agents", evidence.agent), ("customers", evidence.customer)):
        for call_id, sip_calls in invites.items():
            result.of_round[rounds.get(call_id, 0)][f"INVITEs to {party}"] += len(sip_calls)
    for counted in result.of_round.values():
        result.totals.update(counted)
    result.totals["events told"] = sum(len(application.told) for application in evidence.record.applications)


def _rounds(evidence: Evidence) -> dict[str, int]:
    """In which round the press of a call was made."""
    presses = evidence.record.presses
    found = {answer: press.round for press in presses.values() for answer in press.call_ids}
    for call in evidence.calls:
        press = presses.get(call.get("requestId", ""))
        if press is not None:
            found[call["callId"]] = press.round
    return found


def _rang_twice(evidence: Evidence) -> Iterator[Violation]:
    rounds = _rounds(evidence)
    written = {call["callId"] for call in evidence.calls}
    for kind, invites in ((Kind.CUSTOMER_TWICE, evidence.customer), (Kind.AGENT_TWICE, evidence.agent)):
        for call_id, sip_calls in invites.items():
            if len(sip_calls) > 1:
                yield Violation(
                    kind=kind, round=rounds.get(call_id), call_id=call_id, detail=f"{len(sip_calls)} INVITEs"
                )
    for call_id in (evidence.customer.keys() | evidence.agent.keys()) - written:
        yield Violation(kind=Kind.NOT_IN_JOURNAL, round=rounds.get(call_id), call_id=call_id)
    for sip_call in evidence.nameless:
        yield Violation(kind=Kind.NOT_IN_JOURNAL, round=None, detail=f"SIP call {sip_call} names no call")


def _presses(evidence: Evidence, excused: list[str]) -> Iterator[Violation]:
    of_request: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for call in evidence.calls:
        of_request[call.get("requestId", "")].append(call)
    for press in evidence.record.presses.values():
        written = of_request[press.request_id]
        named = press.call_ids | {call["callId"] for call in written}
        if len(named) > 1:
            yield Violation(kind=Kind.TWO_CALLS, round=press.round, call_id=min(named), detail=str(sorted(named)))
        if press.answers and len(written) != 1:
            yield Violation(
                kind=Kind.NOT_ONE_ROW, round=press.round, call_id=press.answers[0].call_id,
                detail=f"{len(written)} calls have the requestId {press.request_id}",
            )  # fmt: skip
        yield from _never_rang(press, evidence, excused, written)


def _never_rang(
    press: Press, evidence: Evidence, excused: list[str], written: Sequence[Mapping[str, Any]]
) -> Iterator[Violation]:
    for answer in press.answers:
        if answer.says_called and answer.call_id not in evidence.agent:
            ending = written[0].get("ending") if written else None
            told = f"{answer.call_id} was acknowledged as {answer.state}, replay {answer.replay}; it ended {ending}"
            if any(start - _INSTANT <= answer.at <= end + _INSTANT for start, end in evidence.asterisk_dying):
                excused.append(told)
            else:
                yield Violation(kind=Kind.NEVER_RANG, round=press.round, call_id=answer.call_id, detail=told)
            return


def _journal(evidence: Evidence) -> Iterator[Violation]:
    rounds = _rounds(evidence)
    for call in evidence.calls:
        call_id = call["callId"]
        if call["state"] != "ended":
            kind = Kind.UNSETTLED if call["state"] == "unknown" else Kind.NOT_ENDED
            yield Violation(kind=kind, round=rounds.get(call_id), call_id=call_id, detail=f"it is {call['state']}")
        press = evidence.record.presses.get(call.get("requestId", ""))
        set_back = press is not None and any(0 <= at - press.at <= _LONGEST_CALL for at in evidence.clock_set_back_at)
        for fault in faults_of_call(call, clock_stepped=set_back):
            yield Violation(kind=Kind.HISTORY, round=rounds.get(call_id), call_id=call_id, detail=fault)


def _evidence(evidence: Evidence) -> Iterator[Violation]:
    if evidence.broken:
        yield Violation(kind=Kind.CHAIN, round=None, detail=evidence.broken)
    if evidence.links is None:
        return
    rounds, written = _rounds(evidence), {call["callId"] for call in evidence.calls}
    for call_id in written | evidence.links.keys():
        found = sorted(evidence.links.get(call_id, ()))
        # A press that was taken back is not in the journal any more; its link stays, and another says so.
        right = [LinkKind.ATTEMPT, LinkKind.OUTCOME if call_id in written else LinkKind.RETRACTION]
        if found != right:
            kinds = ", ".join(found) or "none"
            yield Violation(kind=Kind.NO_EVIDENCE, round=rounds.get(call_id), call_id=call_id, detail=kinds)


def _clients(evidence: Evidence) -> Iterator[Violation]:
    for incident in evidence.record.incidents:
        yield Violation(
            kind=_INCIDENTS.get(incident.kind, Kind.REFUSED),
            round=incident.round,
            call_id=incident.call_id,
            detail=f"agent {incident.agent_id}: {incident.kind} {incident.detail}",
        )
    for standing in evidence.record.standings:
        if standing.state not in standing.chosen or standing.calls:
            detail = f"agent {standing.agent_id} is {standing.state or 'logged out'}, calls {standing.calls}"
            yield Violation(kind=Kind.AGENT_LEFT, round=None, detail=f"{detail}; may be in {sorted(standing.chosen)}")


def _told(application: Application, written: Mapping[str, Mapping[str, Any]], outages: Outages) -> Iterator[Violation]:
    for fault in application.breaks:
        yield Violation(kind=Kind.STREAM, round=None, detail=f"{application.name}: {fault}")
    of_call: dict[str, list[Told]] = defaultdict(list)
    for event in application.told:
        of_call[event.call_id].append(event)
    for call_id, events in of_call.items():
        for fault in _out_of_order(events):
            yield Violation(kind=Kind.EVENTS, round=None, call_id=call_id, detail=f"{application.name}: {fault}")
        if fault := _not_written(events, written.get(call_id, {}), outages):
            yield Violation(kind=Kind.NOT_WRITTEN, round=None, call_id=call_id, detail=f"{application.name}: {fault}")


def _out_of_order(events: Sequence[Told]) -> Iterator[str]:
    last: dict[str, str] = {}
    for (epoch, _), stretch in groupby(events, key=lambda event: (event.epoch, event.stretch)):
        lines = [(event.state, event.leg) for event in stretch]
        yield from faults_of_stretch(lines)
        if epoch in last and goes_back(last[epoch], lines[0][0]):
            yield f"{last[epoch]}, and after a gap {lines[0][0]}"
        last[epoch] = lines[-1][0]


def _not_written(events: Sequence[Told], call: Mapping[str, Any], outages: Outages) -> str:
    """The first change that was told and is not in the journal, unless the service died before it must be there."""
    if events[0].state != "requested":
        return ""  # the reader missed the beginning, so there is nothing to count the lines from
    lines = [(line["state"], line["leg"]) for line in call.get("states", ())]
    unbroken = takewhile(lambda event: event.stretch == events[0].stretch, events)
    for number, event in enumerate(unbroken):
        if lines[number : number + 1] != [(event.state, event.leg)]:
            may_be_lost = bool(lines) and outages.may_be_lost(event.at)
            return (
                ""
                if may_be_lost
                else f"{event.state} ({event.leg}) was told at {event.at:.3f}, the journal has {lines}"
            )
    return ""
