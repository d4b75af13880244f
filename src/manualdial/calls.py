"""Call: its states, the transitions that reports of an engine cause, the allowed actions, the endings (contract §3).

    requested → agent_ringing → agent_answered → dialing → progress → ringing → connected ⇄ held → wrap_up → ended
    requested → unknown → back into the row, or ended

Everything here is pure: a call and a report give the changes, or none where the report is late or repeated.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from manualdial.numbers import PhoneNumber


class CallState(StrEnum):
    """The state of a call as a whole."""

    REQUESTED = "requested"
    AGENT_RINGING = "agent_ringing"
    AGENT_ANSWERED = "agent_answered"
    DIALING = "dialing"
    PROGRESS = "progress"
    RINGING = "ringing"
    CONNECTED = "connected"
    HELD = "held"
    WRAP_UP = "wrap_up"
    ENDED = "ended"
    UNKNOWN = "unknown"


class Leg(StrEnum):
    """The two legs of a call. The agent's is rung first."""

    AGENT = "agent"
    CUSTOMER = "customer"


class EndedBy(StrEnum):
    """Who ended a call."""

    AGENT = "agent"
    CUSTOMER = "customer"
    SYSTEM = "system"
    NETWORK = "network"


class Cause(StrEnum):
    """Why a call ended."""

    NORMAL = "normal"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    INVALID_NUMBER = "invalid_number"
    CONGESTION = "congestion"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    FAILED = "failed"
    UNKNOWN = "unknown"


CONVERSATION = "conversation"
OUTCOMES = (CONVERSATION, *(cause.value for cause in Cause))
"""The outcomes that a call can have had."""


class Action(StrEnum):
    """An action of an agent with a call."""

    DISCONNECT = "disconnect"
    HOLD = "hold"
    RESUME = "resume"
    SEND_DTMF = "send_dtmf"
    MUTE = "mute"
    """Asked for through the agent's requests, so that no state of a call lists it."""
    CLEAR_CONTACT = "clear_contact"
    """Ends the wrap-up: needs no engine."""


class Ending(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a call ended."""

    by: EndedBy
    cause: Cause
    q850: int | None = None
    """The cause value of ITU-T Q.850, where the engine gives one."""
    sip: int | None = None
    """The SIP status that the far end sent; absent where the engine made one up for a time-out of its own."""


class CallSignal(StrEnum):
    """An event in the life of a call that an engine can report."""

    AGENT_RINGING = "agent_ringing"
    AGENT_ANSWERED = "agent_answered"
    DIALING = "dialing"
    PROGRESS = "progress"
    """Early media: the customer's network lets hear something before the answer."""
    RINGING = "ringing"
    CONNECTED = "connected"
    HELD = "held"
    RESUMED = "resumed"
    ENDED = "ended"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One sign of life of one call, in the engine's order."""

    call_id: str
    signal: CallSignal
    at: datetime
    ending: Ending | None = None
    """Present with ENDED, and only there."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One press and what became of it."""

    id: str
    """A UUID; the id under which the engine knows the call."""
    tenant_id: str
    agent_id: str
    connector: str
    """The channel on which the call's events go out."""
    engine: str
    extension: str
    """The extension of the agent's phone, which is rung first."""
    number: PhoneNumber
    request_id: str | None = None
    """The client's name for the press; unique for the agent."""
    digest: str = ""
    """SHA-256 of the press's data: the same `requestId` with another digest is a conflict."""
    caller_id: str | None = None
    """The number shown to the customer, in E.164; None for the engine's own."""
    campaign_id: str | None = None
    account_number: str | None = None
    purpose: str = ""
    verdict: bytes = b"{}"
    """The verdict that allowed the call, as JSON."""
    state: CallState = CallState.REQUESTED
    previous: CallState | None = None
    ending: Ending | None = None
    step: int = 0
    """Counts the changes; orders the history of the call."""
    requested_at: datetime
    rang_at: datetime | None = None
    """When the customer's end was first reached: early media, ringing, busy, declined, or the answer."""
    answered_at: datetime | None = None
    """When the customer answered."""
    at: datetime
    """When the call came into its state (UTC)."""

    @property
    def is_live(self) -> bool:
        """Whether the engine may have legs up for it."""
        return self.state not in (CallState.WRAP_UP, CallState.ENDED)

    @property
    def is_over(self) -> bool:
        """Whether nothing can change any more."""
        return self.state is CallState.ENDED

    @property
    def outcome(self) -> str | None:
        """The outcome, one of OUTCOMES: a conversation where the customer answered, else why it ended."""
        if self.answered_at is not None:
            return CONVERSATION
        return None if self.ending is None else self.ending.cause.value

    def leg_id(self, leg: Leg) -> str:
        """The id of a leg, also in the engine: made from the call id, so that a second originate is refused there."""
        return f"{self.id}.{leg.value}"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one leg: what is stored, and told to everybody who may know."""

    call: Call
    """The call after the change."""
    leg: Leg
    event: str
    """The reference API's word for it: connecting, connected, hold, Dropped, ACW, missed or Rejected."""


_AGENT_ROW = (CallState.REQUESTED, CallState.AGENT_RINGING, CallState.AGENT_ANSWERED)
_ROW = (*_AGENT_ROW, CallState.DIALING, CallState.PROGRESS, CallState.RINGING, CallState.CONNECTED)
_CUSTOMER_STATES = (*_ROW[len(_AGENT_ROW) :], CallState.HELD)
_CERTAIN = (CallState.AGENT_RINGING, CallState.AGENT_ANSWERED, CallState.DIALING)
"""States that every connected call went through: told also where the engine's report of them is late or missing."""

_REACHED = (CallState.PROGRESS, CallState.RINGING, CallState.CONNECTED)
"""States in which the customer's end has been reached."""
_TRIED = (Cause.BUSY, Cause.NO_ANSWER, Cause.REJECTED, Cause.TIMEOUT)
"""Causes that say the same, where the network told of no ringing before."""

_ACTIONS: dict[CallState, tuple[Action, ...]] = {
    CallState.CONNECTED: (Action.DISCONNECT, Action.HOLD, Action.SEND_DTMF),
    CallState.HELD: (Action.DISCONNECT, Action.RESUME),
    CallState.WRAP_UP: (Action.CLEAR_CONTACT,),
    CallState.ENDED: (),
}

_EVENTS = {
    CallState.AGENT_ANSWERED: "connected",
    CallState.CONNECTED: "connected",
    CallState.HELD: "hold",
    CallState.WRAP_UP: "ACW",
    CallState.ENDED: "Dropped",
}


def allowed_actions(state: CallState, engine: frozenset[Action]) -> tuple[Action, ...]:
    """The actions that the agent may take with a call in this state, where `engine` is what its engine can do."""
    of_state = _ACTIONS.get(state, (Action.DISCONNECT,))
    return tuple(action for action in of_state if action in engine or action is Action.CLEAR_CONTACT)


def requested(call: Call) -> Change:
    """The first change of a call: it is asked for."""
    return Change(call=call, leg=Leg.AGENT, event="connecting")


def newest(call: Call) -> Change:
    """The change that brought a call into its state, as it is told once more to who asks again."""
    leg = Leg.CUSTOMER if call.state in _CUSTOMER_STATES else Leg.AGENT
    return Change(call=call, leg=leg, event=_EVENTS.get(call.state, "connecting"))


def advance(call: Call, report: Report) -> tuple[Change, ...]:
    """The changes by a report of the engine; none where it is late, repeated or not allowed in the call's state."""
    if not call.is_live:
        return ()
    match report.signal:
        case CallSignal.ENDED:
            return _end(call, report)
        case CallSignal.HELD:
            return (_to(call, CallState.HELD, report.at),) if call.state is CallState.CONNECTED else ()
        case CallSignal.RESUMED:
            return (_to(call, CallState.CONNECTED, report.at),) if call.state is CallState.HELD else ()
        case _:
            return _forward(call, CallState(report.signal.value), report.at)


def mark_unknown(call: Call, at: datetime) -> tuple[Change, ...]:
    """The engine was asked to place the call and did not say. Nothing if it has told of the call since."""
    return (_to(call, CallState.UNKNOWN, at),) if call.state is CallState.REQUESTED else ()


def end_wrap_up(call: Call, at: datetime) -> tuple[Change, ...]:
    """The agent is done with the call."""
    return (_to(call, CallState.ENDED, at),) if call.state is CallState.WRAP_UP else ()


def _forward(call: Call, target: CallState, at: datetime) -> tuple[Change, ...]:
    here = _ROW.index(call.state) if call.state in _ROW else (0 if call.state is CallState.UNKNOWN else len(_ROW))
    there = _ROW.index(target)
    changes: list[Change] = []
    for state in _ROW[here + 1 : there + 1]:
        if state is target or state in _CERTAIN:
            changes.append(_to(changes[-1].call if changes else call, state, at))
    return tuple(changes)


def _to(call: Call, state: CallState, at: datetime) -> Change:
    return newest(_moved(call, state, at))


def _end(call: Call, report: Report) -> tuple[Change, ...]:
    ending = report.ending or Ending(by=EndedBy.SYSTEM, cause=Cause.UNKNOWN)
    if call.state in (CallState.REQUESTED, CallState.AGENT_RINGING, CallState.UNKNOWN):
        after = _moved(call, CallState.ENDED, report.at, ending)
        return (Change(call=after, leg=Leg.AGENT, event=_unanswered_event(ending)),)
    after = _moved(call, CallState.WRAP_UP, report.at, ending)
    wrap_up = Change(call=after, leg=Leg.AGENT, event="ACW")
    if call.state is CallState.AGENT_ANSWERED:
        return (wrap_up,)
    return (Change(call=after, leg=Leg.CUSTOMER, event="Dropped"), wrap_up)


def _unanswered_event(ending: Ending) -> str:
    if ending.by is EndedBy.AGENT and ending.cause is Cause.NO_ANSWER:
        return "missed"
    if ending.by is EndedBy.AGENT and ending.cause in (Cause.REJECTED, Cause.BUSY):
        return "Rejected"
    return "Dropped"


def _moved(call: Call, state: CallState, at: datetime, ending: Ending | None = None) -> Call:
    # The times of a call never go back: a report may have waited, and the wall clock may be set back.
    at = max(at, call.at)
    reached = state in _REACHED or (call.state in _CUSTOMER_STATES and ending is not None and ending.cause in _TRIED)
    return msgspec.structs.replace(
        call,
        state=state,
        previous=call.state,
        rang_at=at if reached and call.rang_at is None else call.rang_at,
        answered_at=at if state is CallState.CONNECTED and call.answered_at is None else call.answered_at,
        at=at,
        step=call.step + 1,
        ending=ending or call.ending,
    )
